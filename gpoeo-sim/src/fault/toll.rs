//! The time that faults cost a job, which is nobody's slowdown.

use gpoeo_core::RelativeCost;

use crate::gpu::{Account, SimGpu};

use super::injector::{FaultInjector, Overruled};

/// Adds up the time that faults take from a job: while a fault that no command helps against holds the clocks, the time
/// beyond what the same work takes at the clocks that the last command was for. A fault that makes the job faster pays
/// nothing back. What a command could mend (a set that was ignored or clamped) is not among it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toll {
    span: Option<(Overruled, Account)>,
    lost_s: f64,
}

impl Toll {
    /// To be called after every turn of a loop.
    pub(crate) fn turn(&mut self, gpu: &FaultInjector<SimGpu>) {
        let overruled = gpu.overruled();
        if self.span.map(|(overruled, _)| overruled) != overruled {
            self.lost_s = self.lost_s(gpu.inner());
            self.span = overruled.map(|overruled| (overruled, gpu.inner().account()));
        }
    }

    /// The time that faults have taken so far, s.
    pub(crate) fn lost_s(&self, gpu: &SimGpu) -> f64 {
        let Some((Overruled { wanted }, since)) = self.span else { return self.lost_s };
        let cost = wanted.and_then(|clocks| gpu.workload().curve().cost(clocks)).unwrap_or(RelativeCost::DEFAULT);
        let now = gpu.account();
        let beyond_s = now.elapsed_s - since.elapsed_s - (now.work_s - since.work_s) * cost.time;
        self.lost_s + beyond_s.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gpoeo_core::GpuBackend;

    use super::*;
    use crate::gpu::{Drift, SimConfig};
    use crate::suite::Suite;

    fn run(plan: &str, clocks: Option<usize>) -> (f64, Account) {
        let job = Suite::paper71().workload("gnn_collab_gcn").unwrap().clone();
        let config = SimConfig::default().with_instant_clocks().with_drift(Drift::Absent).with_lead_in(Duration::ZERO);
        let mut gpu = FaultInjector::new(SimGpu::new(job, config, Duration::from_secs(400)), plan.parse().unwrap(), 1);
        let capabilities = gpu.capabilities().unwrap();
        let top = capabilities.default_pair().mem_gear();
        if let Some(clocks) = clocks.and_then(|index| capabilities.pairs_at(top).nth(index)) {
            gpu.set_clocks(clocks).unwrap();
        }
        let mut toll = Toll::default();
        while !gpu.inner().is_over() {
            let next = gpu.now() + Duration::from_millis(500);
            gpu.sleep_until(next);
            toll.turn(&gpu);
        }
        (toll.lost_s(gpu.inner()), gpu.inner().account())
    }

    #[test]
    fn a_cap_takes_what_the_default_clocks_would_have_saved() {
        let (lost_s, account) = run("cap-thermal=900@t=100@for=200", None);
        assert!(lost_s > 20.0, "{lost_s}");
        assert!((account.elapsed_s - lost_s - account.work_s).abs() < 0.5, "{lost_s} of {account:?}");
    }

    #[test]
    fn a_cap_above_the_clock_takes_nothing() {
        let (lost_s, account) = run("cap-thermal=1500@t=100@for=200", Some(40));
        assert!(lost_s.abs() < 1e-9, "{lost_s}");
        assert!(account.slowdown() > 0.1);
    }

    #[test]
    fn a_clock_that_a_command_would_mend_is_the_commands_matter() {
        let (lost_s, account) = run("clamp-set=900", Some(100));
        assert!(lost_s.abs() < 1e-9 && account.slowdown() > 0.1);
    }
}
