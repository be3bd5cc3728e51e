//! The limit as an account for the whole run: time spent against time owed at default clocks.
//!
//! A run may lose as much time as the limit says, trials included; what is left is spent over a horizon ahead. The doubt
//! about the baseline is doubt about all that is owed, so a part of it is held back. Source: ours; GPOEO holds one setting
//! under a fixed margin instead.

use crate::config::{HoldConfig, OptimizerConfig, SearchConfig};
use crate::stats::normal_quantile;

use super::job::Totals;

/// Where the account of the limit stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    limit: f64,
    /// Standard errors of the baseline that the limit's confidence stands for.
    stderrs: f64,
    tolerance: f64,
    /// Slowdown to aim at: the limit less what the baseline's doubt demands.
    target: f64,
    elapsed_s: f64,
    owed_s: f64,
}

impl Account {
    /// `None` where the objective has no slowdown limit.
    pub(super) fn new(config: &OptimizerConfig, totals: &Totals, baseline_stderr_ratio: f64) -> Option<Self> {
        let limit = config.objective().max_slowdown()?;
        let stderrs = normal_quantile(config.limit_confidence());
        let tolerance = config.limit_tolerance();
        let mut account =
            Self { limit, stderrs, tolerance, target: limit, elapsed_s: totals.elapsed_s, owed_s: totals.owed_s };
        account.target = (limit - account.margin(baseline_stderr_ratio)).max(0.0);
        Some(account)
    }

    /// What a relative standard error of the baseline's time takes off the limit.
    pub(super) fn margin(&self, baseline_stderr_ratio: f64) -> f64 {
        (self.stderrs * baseline_stderr_ratio * (1.0 + self.limit) - self.tolerance).max(0.0)
    }

    /// Slowdown of the run so far.
    pub(super) fn slowdown(&self) -> f64 {
        if self.owed_s > 0.0 { self.elapsed_s / self.owed_s - 1.0 } else { 0.0 }
    }

    /// Time lost beyond what the target allows (negative: time that may still be lost), s.
    fn debt_s(&self) -> f64 {
        self.elapsed_s - (1.0 + self.target) * self.owed_s
    }

    /// Largest mean relative time from now on, over a horizon.
    pub(super) fn allowed_time(&self, config: &HoldConfig) -> f64 {
        let horizon_s = if self.debt_s() > 0.0 {
            config.debt_horizon.as_secs_f64()
        } else {
            self.elapsed_s.clamp(config.min_horizon.as_secs_f64(), config.max_horizon.as_secs_f64())
        };
        let work_s = (self.elapsed_s + horizon_s) / (1.0 + self.target) - self.owed_s;
        (horizon_s / work_s.max(1e-9)).clamp(1.0, 1.0 + config.max_moment_share * self.limit)
    }

    /// Most time that a trial may lose, s.
    pub(super) fn affordable_s(&self, config: &SearchConfig) -> f64 {
        (config.debt_floor_s + config.debt_share * self.elapsed_s - self.debt_s()).max(0.0)
    }

    /// Whether more time was lost than the limit itself allows, the cost of a trial aside.
    pub(super) fn is_broken(&self, config: &SearchConfig) -> bool {
        self.elapsed_s - (1.0 + self.limit) * self.owed_s > config.debt_floor_s + config.debt_share * self.elapsed_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(elapsed_s: f64, owed_s: f64, doubt: f64) -> Account {
        let totals = Totals { elapsed_s, owed_s, ..Totals::default() };
        Account::new(&OptimizerConfig::default(), &totals, doubt).unwrap()
    }

    #[test]
    fn time_at_default_clocks_is_credit_and_lost_time_is_paid_back() {
        let hold = HoldConfig::default();
        assert!(account(100.0, 100.0, 0.0).allowed_time(&hold) > 1.06);
        assert!((account(1050.0, 1000.0, 0.0).allowed_time(&hold) - 1.05).abs() < 1e-9);
        assert!(account(1070.0, 1000.0, 0.0).allowed_time(&hold) < 1.0 + 1e-9);
        assert!(account(1e6, 1e6, 0.0).allowed_time(&hold) <= 1.08 + 1e-12, "no hoarding");
    }

    #[test]
    fn doubt_about_the_baseline_is_held_back() {
        let hold = HoldConfig::default();
        let sure = account(1000.0, 970.0, 0.001).allowed_time(&hold);
        let unsure = account(1000.0, 970.0, 0.01).allowed_time(&hold);
        assert!(unsure < sure - 0.01, "{unsure} {sure}");
    }

    #[test]
    fn a_trial_may_cost_what_is_left() {
        let search = SearchConfig::default();
        assert!(account(100.0, 100.0, 0.0).affordable_s(&search) > 8.0);
        assert!(account(1100.0, 1000.0, 0.0).affordable_s(&search) < 1e-9);
    }
}
