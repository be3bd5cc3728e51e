//! Jobs to train models with: drawn widely around the classes of the suite `paper71`, never close to one of its 71, each
//! with what one profile of it shows and what it costs at every setting.
//!
//! What a profile shows comes from the simulated GPU through the same code as at run time, so that a model is asked in
//! use what it was trained on.

mod draw;
mod profile;
mod table;

pub use table::PoolSettings;

use gpoeo_core::features::Features;

use crate::profile::Gpu;
use crate::workload::Workload;

/// Which part of the pool: each has a seed of its own, none of them that of a job of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PoolPart {
    /// To fit trees to.
    Train,
    /// To choose how many trees, and their parameters.
    Validate,
    /// To say how good they are.
    Test,
}

/// One job of the pool, with one profile of it.
///
/// ```
/// use gpoeo_core::features::Feature;
/// use gpoeo_sim::{Gpu, PoolJob, PoolPart};
///
/// let job = PoolJob::draw(Gpu::Rtx3080Ti, PoolPart::Test, 7);
/// assert!(job.features().value(Feature::PowerPerLimit).is_some());
/// assert_eq!(job.features(), PoolJob::draw(Gpu::Rtx3080Ti, PoolPart::Test, 7).features());
/// ```
#[derive(Clone, Debug)]
pub struct PoolJob {
    workload: Workload,
    family: String,
    features: Features,
}

impl PoolPart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validate, Self::Test];

    /// Seed of all its draws: the suite's are below 2³².
    #[must_use]
    pub const fn seed(self) -> u64 {
        const FIRST: u64 = 10_000_000_000;
        match self {
            Self::Train => FIRST + 1,
            Self::Validate => FIRST + 2,
            Self::Test => FIRST + 3,
        }
    }
}

impl PoolJob {
    /// The job of this number in a part of the pool.
    #[must_use]
    pub fn draw(gpu: Gpu, part: PoolPart, number: u32) -> Self {
        let drawn = draw::draw(gpu, part.seed(), number);
        let workload = drawn.spec.workload(drawn.home.profile(), gpu.profile());
        let features = profile::profile(&workload, drawn.seed);
        Self { workload, family: drawn.family, features }
    }

    /// A given modelled job, for comparison with those of the pool; `None` if it is a measured one.
    #[must_use]
    pub fn of(workload: &Workload, seed: u64) -> Option<Self> {
        let family = workload.class().and_then(draw::family_of).unwrap_or_default();
        workload.is_modelled().then(|| Self {
            features: profile::profile(workload, seed),
            workload: workload.clone(),
            family,
        })
    }

    /// The job.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The family of models that its class belongs to; empty if it has no class.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What a profile at default clocks shows.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpoeo_core::features::Feature;

    #[test]
    fn a_profile_shows_the_published_inputs_where_the_card_has_them() {
        let job = PoolJob::draw(Gpu::Rtx3080Ti, PoolPart::Train, 3);
        let features = job.features();
        assert!(Feature::ALL[1..18].iter().all(|feature| features.value(*feature).is_some()));
        assert_eq!(features.value(Feature::DramUtil), None);
        let hopper = PoolJob::draw(Gpu::H100, PoolPart::Train, 3);
        assert!(hopper.features().value(Feature::DramUtil).is_some());
        assert_eq!(hopper.features().value(Feature::FmaPct), None);
    }

    #[test]
    fn numbers_and_parts_are_different_jobs() {
        let features = |part, number| *PoolJob::draw(Gpu::Rtx3080Ti, part, number).features();
        assert_ne!(features(PoolPart::Train, 0), features(PoolPart::Train, 1));
        assert_ne!(features(PoolPart::Train, 0), features(PoolPart::Test, 0));
    }
}
