//! The objectives whose margin is one number, and what each makes of the base score.

use super::error::BaseScoreProblem;

/// What a model was trained for; says how the margin becomes a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objective {
    /// `binary:logistic`
    BinaryLogistic,
    /// `binary:logitraw`
    BinaryLogitraw,
    /// `count:poisson`
    CountPoisson,
    /// `reg:absoluteerror`
    RegAbsoluteError,
    /// `reg:gamma`
    RegGamma,
    /// `reg:logistic`
    RegLogistic,
    /// `reg:pseudohubererror`
    RegPseudoHuberError,
    /// `reg:quantileerror`, one quantile
    RegQuantileError,
    /// `reg:squarederror`
    RegSquaredError,
    /// `reg:squaredlogerror`
    RegSquaredLogError,
    /// `reg:tweedie`
    RegTweedie,
}

/// From the margin to the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// prediction = margin
    Identity,
    /// prediction = exp(margin)
    Log,
    /// prediction = 1 / (1 + exp(-margin))
    Logit,
}

impl Objective {
    const ALL: [Self; 11] = [
        Self::BinaryLogistic,
        Self::BinaryLogitraw,
        Self::CountPoisson,
        Self::RegAbsoluteError,
        Self::RegGamma,
        Self::RegLogistic,
        Self::RegPseudoHuberError,
        Self::RegQuantileError,
        Self::RegSquaredError,
        Self::RegSquaredLogError,
        Self::RegTweedie,
    ];

    /// The objective of a name; `None` if we do not have it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|objective| objective.name() == name)
    }

    /// XGBoost's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BinaryLogistic => "binary:logistic",
            Self::BinaryLogitraw => "binary:logitraw",
            Self::CountPoisson => "count:poisson",
            Self::RegAbsoluteError => "reg:absoluteerror",
            Self::RegGamma => "reg:gamma",
            Self::RegLogistic => "reg:logistic",
            Self::RegPseudoHuberError => "reg:pseudohubererror",
            Self::RegQuantileError => "reg:quantileerror",
            Self::RegSquaredError => "reg:squarederror",
            Self::RegSquaredLogError => "reg:squaredlogerror",
            Self::RegTweedie => "reg:tweedie",
        }
    }

    const fn link(self) -> Link {
        match self {
            Self::CountPoisson | Self::RegGamma | Self::RegTweedie => Link::Log,
            Self::BinaryLogistic | Self::RegLogistic => Link::Logit,
            _ => Link::Identity,
        }
    }

    /// The prediction that belongs to a margin, in f32. Unlike the margin not promised to the bit: `exp` differs between C
    /// libraries.
    #[must_use]
    pub fn prediction(self, margin: f32) -> f32 {
        match self.link() {
            Link::Identity => margin,
            Link::Log => margin.exp(),
            Link::Logit => 1.0 / (1.0 + (-margin).exp()),
        }
    }

    /// The margin before the first tree. The logarithm is the C library's; on others than glibc the last bit may differ from
    /// XGBoost's.
    ///
    /// `clamps`: whether the version that wrote the file keeps probabilities away from 0 and 1 first.
    pub(super) fn base_margin(self, base_score: f32, clamps: bool) -> Result<f32, BaseScoreProblem> {
        const LEAST_PROBABILITY: f32 = 1e-6;
        if !base_score.is_finite() {
            return Err(BaseScoreProblem::NotFinite);
        }
        match self.link() {
            Link::Identity => Ok(base_score),
            Link::Log if base_score > 0.0 => Ok(base_score.ln()),
            Link::Log => Err(BaseScoreProblem::OutsideDomain("it must be above 0 for this objective")),
            Link::Logit if base_score > 0.0 && base_score < 1.0 => {
                let highest = 1.0 - LEAST_PROBABILITY;
                let base_score = if clamps { base_score.clamp(LEAST_PROBABILITY, highest) } else { base_score };
                Ok(-(1.0 / base_score - 1.0).ln())
            }
            Link::Logit => Err(BaseScoreProblem::OutsideDomain("it must lie between 0 and 1 for this objective")),
        }
    }
}

/// The one number in the text of a base score: `5E-1` up to XGBoost 3.0, `[5E-1]` since.
pub(super) fn parse_base_score(text: &str) -> Result<f32, BaseScoreProblem> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).trim();
    if inner.is_empty() {
        return Err(BaseScoreProblem::None);
    }
    if inner.contains(',') {
        return Err(BaseScoreProblem::Several);
    }
    inner.parse().map_err(|_| BaseScoreProblem::NotANumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objective_is_found_by_its_name() {
        for objective in Objective::ALL {
            assert_eq!(Objective::from_name(objective.name()), Some(objective));
        }
        assert_eq!(Objective::from_name("rank:ndcg"), None);
    }

    #[test]
    fn a_base_score_is_one_number_bare_or_in_brackets() {
        for text in ["5E-1", "[5E-1]", " [ 0.5 ] ", "0.5"] {
            assert_eq!(parse_base_score(text), Ok(0.5), "{text}");
        }
        assert_eq!(parse_base_score("[]"), Err(BaseScoreProblem::None));
        assert_eq!(parse_base_score(""), Err(BaseScoreProblem::None));
        assert_eq!(parse_base_score("[1,2]"), Err(BaseScoreProblem::Several));
        for text in ["x", "[1", "1]", "[[1]]", "0x1p3", "1 2"] {
            assert_eq!(parse_base_score(text), Err(BaseScoreProblem::NotANumber), "{text}");
        }
    }

    #[test]
    fn refuses_base_scores_outside_the_domain() {
        for score in [f32::NAN, f32::INFINITY] {
            let result = Objective::RegSquaredError.base_margin(score, false);
            assert_eq!(result, Err(BaseScoreProblem::NotFinite));
        }
        for (objective, bad, good) in [
            (Objective::RegGamma, [0.0, -1.0], 1e-45),
            (Objective::RegLogistic, [0.0, 1.0], 0.999),
            (Objective::BinaryLogistic, [-0.5, 1.5], 0.5),
        ] {
            for score in bad {
                let result = objective.base_margin(score, true);
                assert!(matches!(result, Err(BaseScoreProblem::OutsideDomain(_))), "{objective:?} {score}");
            }
            assert!(objective.base_margin(good, true).unwrap().is_finite(), "{objective:?}");
        }
    }

    #[test]
    fn links_undo_one_another() {
        for objective in Objective::ALL {
            let margin = objective.base_margin(0.3, true).unwrap();
            assert!((objective.prediction(margin) - 0.3).abs() < 1e-6, "{objective:?}");
        }
    }
}
