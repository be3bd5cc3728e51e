//! What an embedder may choose.

use core::time::Duration;

use super::{HoldConfig, HoldPolicy, ProfileConfig, SearchConfig};
use crate::objective::Objective;

/// Configuration of an [`Optimizer`](crate::Optimizer), checked when it is built.
///
/// ```
/// use core::time::Duration;
/// use gpoeo_core::{Objective, OptimizerConfig};
///
/// let config = OptimizerConfig::builder()
///     .objective(Objective::MinEnergy { max_slowdown: 0.03 })
///     .sample_interval(Duration::from_millis(20))
///     .build()?;
/// assert_eq!(config.objective(), Objective::MinEnergy { max_slowdown: 0.03 });
/// assert!(OptimizerConfig::builder().objective(Objective::MinEnergy { max_slowdown: -1.0 }).build().is_err());
/// # Ok::<(), gpoeo_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Fields", into = "Fields"))]
pub struct OptimizerConfig {
    fields: Fields,
    search: SearchConfig,
    hold: HoldConfig,
    profile: ProfileConfig,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
struct Fields {
    objective: Objective,
    /// `None`: as suits the machine, two settings for one GPU and one for a group.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    hold: Option<HoldPolicy>,
    limit_confidence: f64,
    limit_tolerance: f64,
    #[cfg_attr(feature = "serde", serde(rename = "sample_interval_s", with = "crate::time::seconds"))]
    sample_interval: Duration,
    #[cfg_attr(feature = "serde", serde(rename = "read_interval_s", with = "crate::time::seconds"))]
    read_interval: Duration,
    #[cfg_attr(feature = "serde", serde(rename = "action_timeout_s", with = "crate::time::seconds"))]
    action_timeout: Duration,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            objective: Objective::default(),
            hold: None,
            limit_confidence: 0.99,
            limit_tolerance: 0.005,
            sample_interval: Duration::from_millis(20),
            read_interval: Duration::from_millis(250),
            action_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a configuration was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number outside its range.
    #[error("{field} is {value}, which is not in {low}..={high}; choose a value in that range")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// Smallest allowed.
        low: f64,
        /// Largest allowed.
        high: f64,
    },
    /// Two durations in the wrong order.
    #[error("{shorter} ({shorter_s} s) must not be longer than {longer} ({longer_s} s); change one of them")]
    WrongOrder {
        /// The field that must be shorter.
        shorter: &'static str,
        /// Its value, s.
        shorter_s: f64,
        /// The field that must be longer.
        longer: &'static str,
        /// Its value, s.
        longer_s: f64,
    },
}

impl OptimizerConfig {
    /// Starts from the defaults.
    pub fn builder() -> OptimizerConfigBuilder {
        OptimizerConfigBuilder { config: Self::default() }
    }

    /// A builder that starts from this.
    pub fn to_builder(&self) -> OptimizerConfigBuilder {
        OptimizerConfigBuilder { config: self.clone() }
    }

    /// What to optimise; least energy within 5 % slowdown unless said otherwise.
    #[must_use]
    pub fn objective(&self) -> Objective {
        self.fields.objective
    }

    /// The same with another objective.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] if one of its numbers is.
    pub fn with_objective(mut self, objective: Objective) -> Result<Self, ConfigError> {
        self.fields.objective = objective;
        OptimizerConfigBuilder { config: self }.build()
    }

    /// One setting or two while holding; unless said otherwise two, and one for a [`Group`](crate::Group) of several GPUs.
    #[must_use]
    pub fn hold_policy(&self) -> HoldPolicy {
        self.fields.hold.unwrap_or_default()
    }

    /// The same for several GPUs in lockstep: one setting, if nothing else was asked for. Each change of clocks delays
    /// their collectives.
    pub(crate) fn for_group(mut self) -> Self {
        self.fields.hold.get_or_insert(HoldPolicy::One);
        self
    }

    /// Probability with which the slowdown limit plus [`OptimizerConfig::limit_tolerance`] is kept over the run,
    /// 0.5..1; 0.99 unless said otherwise. More costs saving: a doubt about the baseline becomes a margin.
    #[must_use]
    pub fn limit_confidence(&self) -> f64 {
        self.fields.limit_confidence
    }

    /// What the measured doubt may add to the slowdown limit, a ratio; 0.005 unless said otherwise, 0 for a strict
    /// limit (which costs about a twentieth of the saving).
    #[must_use]
    pub fn limit_tolerance(&self) -> f64 {
        self.fields.limit_tolerance
    }

    /// Interval of the telemetry samples; 20 ms unless said otherwise, the step of the driver's sample ring. Where the
    /// device is slower ([`Capabilities::with_sample_interval`](crate::Capabilities::with_sample_interval)), its own.
    #[must_use]
    pub fn sample_interval(&self) -> Duration {
        self.fields.sample_interval
    }

    /// How often a pulling embedder should read the samples; 250 ms unless said otherwise (the driver's ring holds
    /// about 2.4 s).
    #[must_use]
    pub fn read_interval(&self) -> Duration {
        self.fields.read_interval
    }

    /// An action that was not answered after this long counts as failed; 5 s unless said otherwise.
    #[must_use]
    pub fn action_timeout(&self) -> Duration {
        self.fields.action_timeout
    }

    /// Tuning of baseline and search.
    #[must_use]
    pub fn search(&self) -> &SearchConfig {
        &self.search
    }

    /// Tuning of the counter windows.
    #[must_use]
    pub fn profile(&self) -> &ProfileConfig {
        &self.profile
    }

    /// Tuning of hold and monitor.
    #[must_use]
    pub fn hold(&self) -> &HoldConfig {
        &self.hold
    }
}

/// Builds an [`OptimizerConfig`]; each setter has the name of the getter that documents it.
#[derive(Clone, Debug)]
#[must_use]
pub struct OptimizerConfigBuilder {
    config: OptimizerConfig,
}

impl OptimizerConfigBuilder {
    /// See [`OptimizerConfig::objective`].
    pub fn objective(mut self, objective: Objective) -> Self {
        self.config.fields.objective = objective;
        self
    }

    /// See [`OptimizerConfig::hold_policy`].
    pub fn hold_policy(mut self, policy: HoldPolicy) -> Self {
        self.config.fields.hold = Some(policy);
        self
    }

    /// See [`OptimizerConfig::limit_confidence`].
    pub fn limit_confidence(mut self, probability: f64) -> Self {
        self.config.fields.limit_confidence = probability;
        self
    }

    /// See [`OptimizerConfig::limit_tolerance`].
    pub fn limit_tolerance(mut self, tolerance: f64) -> Self {
        self.config.fields.limit_tolerance = tolerance;
        self
    }

    /// See [`OptimizerConfig::sample_interval`].
    pub fn sample_interval(mut self, interval: Duration) -> Self {
        self.config.fields.sample_interval = interval;
        self
    }

    /// See [`OptimizerConfig::read_interval`].
    pub fn read_interval(mut self, interval: Duration) -> Self {
        self.config.fields.read_interval = interval;
        self
    }

    /// See [`OptimizerConfig::action_timeout`].
    pub fn action_timeout(mut self, timeout: Duration) -> Self {
        self.config.fields.action_timeout = timeout;
        self
    }

    /// See [`OptimizerConfig::search`].
    pub fn search(mut self, search: SearchConfig) -> Self {
        self.config.search = search;
        self
    }

    /// See [`OptimizerConfig::hold`].
    pub fn hold(mut self, hold: HoldConfig) -> Self {
        self.config.hold = hold;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field and the allowed range.
    pub fn build(self) -> Result<OptimizerConfig, ConfigError> {
        let fields = &self.config.fields;
        match fields.objective {
            Objective::Ed2pWithin { max_slowdown } | Objective::MinEnergy { max_slowdown } => {
                in_range("objective.max_slowdown", max_slowdown, 0.0, 1.0)?;
            }
            Objective::MinTime { min_saving } => in_range("objective.min_saving", min_saving, 0.0, 0.9)?,
            Objective::Ed2p | Objective::Edp => {}
        }
        in_range("limit_confidence", fields.limit_confidence, 0.5, 0.9999)?;
        in_range("limit_tolerance", fields.limit_tolerance, 0.0, 0.1)?;
        in_range("sample_interval", fields.sample_interval.as_secs_f64(), 0.001, 1.0)?;
        in_range("read_interval", fields.read_interval.as_secs_f64(), 0.001, 10.0)?;
        in_range("action_timeout", fields.action_timeout.as_secs_f64(), 0.1, 60.0)?;
        if fields.sample_interval > fields.read_interval {
            return Err(ConfigError::WrongOrder {
                shorter: "sample_interval",
                shorter_s: fields.sample_interval.as_secs_f64(),
                longer: "read_interval",
                longer_s: fields.read_interval.as_secs_f64(),
            });
        }
        Ok(self.config)
    }
}

/// Written so that NaN is refused.
fn in_range(field: &'static str, value: f64, low: f64, high: f64) -> Result<(), ConfigError> {
    if value >= low && value <= high { Ok(()) } else { Err(ConfigError::OutOfRange { field, value, low, high }) }
}

impl TryFrom<Fields> for OptimizerConfig {
    type Error = ConfigError;

    fn try_from(fields: Fields) -> Result<Self, ConfigError> {
        OptimizerConfigBuilder { config: Self { fields, ..Self::default() } }.build()
    }
}

impl From<OptimizerConfig> for Fields {
    fn from(config: OptimizerConfig) -> Self {
        config.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_and_its_range() {
        let error = OptimizerConfig::builder().limit_confidence(f64::NAN).build().unwrap_err();
        assert!(error.to_string().starts_with("limit_confidence is NaN, which is not in 0.5..=0.9999"));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn survives_json_and_checks_what_comes_from_there() {
        let config = OptimizerConfig::builder().sample_interval(Duration::from_millis(100)).build().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.contains("\"sample_interval_s\":0.1"), "{json}");
        assert_eq!(serde_json::from_str::<OptimizerConfig>(&json).unwrap(), config);
        let error = serde_json::from_str::<OptimizerConfig>(r#"{"limit_confidence": 2}"#).unwrap_err();
        assert!(error.to_string().contains("limit_confidence is 2"), "{error}");
        assert!(serde_json::from_str::<OptimizerConfig>(r#"{"max_slowdown": 0.1}"#).is_err(), "unknown field");
    }

    #[test]
    fn names_both_fields_that_do_not_fit() {
        let error = OptimizerConfig::builder().read_interval(Duration::from_millis(10)).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "sample_interval (0.02 s) must not be longer than read_interval (0.01 s); change one of them"
        );
    }
}
