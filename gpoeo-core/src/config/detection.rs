//! Defaults of the period detection.
//!
//! Where nothing else is said, a number was chosen on 38 recordings of jobs on data-centre GPUs together with synthetic
//! ones (plain, jittering, accumulating, pausing, changing, aperiodic), and checked on synthetic ones of other seeds and
//! on the recordings with lost samples, jittered stamps, gaps and scaled power.

use core::time::Duration;

use super::SignalConfig;

/// How a [`PeriodDetector`](crate::PeriodDetector) works. Lengths of time are seconds unless they are a `Duration`.
///
/// All of them, but for those in [`BusyConfig`], are for a source that measures every 20 ms. The detector follows the
/// source's own interval: a slower source stretches them in proportion, a faster one adds shorter windows.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DetectorConfig {
    /// The grid of the signal.
    pub signal: SignalConfig,
    /// When a job is taken to run.
    pub busy: BusyConfig,
    /// When and over how long the detector looks.
    pub look: LookConfig,
    /// How a window is cleaned before it is analysed.
    pub clean: CleanConfig,
    /// How the period of one window is found.
    pub candidate: CandidateConfig,
    /// How the looks make up an answer.
    pub vote: VoteConfig,
    /// When a job is taken to have changed.
    pub change: ChangeConfig,
}

/// The interval that the lengths of time are for, s.
const USUAL_STEP_S: f64 = 0.02;

impl DetectorConfig {
    /// For any rate that is 0 while no job runs, in any unit: instructions per second of a counter window, bytes per
    /// second. `step` is the interval at which the source measures, as far as it is known.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gpoeo_core::{DetectorConfig, PeriodDetector, Timestamp};
    ///
    /// let mut detector = PeriodDetector::new(&DetectorConfig::for_rate(Duration::from_millis(5)));
    /// for k in 0..2000_u32 {
    ///     let at = f64::from(k) * 0.005;
    ///     // Iterations of 43 ms, which 20 ms of power cannot show.
    ///     let rate = if at % 0.043 < 0.028 { 4.1e11 } else { 1.7e11 };
    ///     detector.push(Timestamp::from_secs_f64(at), rate);
    /// }
    /// let period = detector.outcome().period().expect("10 s show 230 iterations").as_secs_f64();
    /// assert!((period / 0.043 - (period / 0.043).round()).abs() < 0.01);
    /// ```
    #[must_use]
    pub fn for_rate(step: Duration) -> Self {
        let signal = SignalConfig { step, ..SignalConfig::default() };
        Self { signal, busy: BusyConfig::for_rate(), ..Self::default() }
    }

    /// The same for a source that measures every `step_s`.
    pub(crate) fn at_step(&self, step_s: f64) -> Self {
        let stretch = (step_s / USUAL_STEP_S).max(1.0);
        let mut config = self.clone();
        config.look.shortest_s *= step_s / USUAL_STEP_S;
        for length_s in [
            &mut config.look.longest_s,
            &mut config.look.every_s,
            &mut config.look.least_s,
            &mut config.clean.block_s,
            &mut config.clean.shortest_pause_s,
            &mut config.clean.least_between_s,
            &mut config.clean.detrend_s,
            &mut config.vote.half_life_s,
            &mut config.vote.memory_s,
            &mut config.vote.give_up_s,
            &mut config.vote.aperiodic_s,
            &mut config.vote.lasting_s,
            &mut config.change.split_s,
            &mut config.change.split_parts_s,
        ] {
            *length_s *= stretch;
        }
        config
    }
}

/// When a job is taken to run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BusyConfig {
    /// Busy if the last second's highest value is above this multiple of its lowest: an idle GPU is still (1 %), a
    /// training job is not (the stillest recording spans 1.18).
    pub range_ratio: f64,
    /// … and by at least this much, W: the ripple of an idle card with a display.
    pub range_w: f64,
    /// Busy, too, if the mean of the last second lies this multiple of the idle level above it …
    pub above_idle_ratio: f64,
    /// … and at least this much, W. A context without kernels draws 30-60 W above idle on data-centre cards.
    pub above_idle_w: f64,
    /// The idle level is the lowest seen, but never taken to be above this, W: whoever attaches to a running job has
    /// not seen it idle.
    pub highest_idle_w: f64,
    /// Not busy for so long: the job pauses or has ended, and what comes next is looked at afresh.
    pub quiet: Duration,
    /// A job that had an answer and was quiet for less than this is the same job: checkpoints take up to a minute.
    pub longest_pause: Duration,
}

impl Default for BusyConfig {
    fn default() -> Self {
        Self {
            range_ratio: 1.1,
            range_w: 5.0,
            above_idle_ratio: 1.0,
            above_idle_w: 80.0,
            highest_idle_w: 100.0,
            quiet: Duration::from_millis(1500),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl BusyConfig {
    /// For a rate that is 0 while no job runs, in any unit.
    fn for_rate() -> Self {
        Self { range_w: 0.0, above_idle_w: 0.0, highest_idle_w: 0.0, ..Self::default() }
    }

    /// The same for the sum of the power of several GPUs.
    pub(crate) fn for_gpus(mut self, gpus: f64) -> Self {
        self.range_w *= gpus;
        self.above_idle_w *= gpus;
        self.highest_idle_w *= gpus;
        self
    }
}

/// When and over how long the detector looks. A job's iterations smear long windows (jitter, pauses), and short ones
/// cannot tell an iteration from its micro-batches: so several, each of which has a say.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LookConfig {
    /// Time between looks, s.
    pub every_s: f64,
    /// The shortest window, s; each further one is twice as long. All end now, and reach back at most to where the job
    /// began. Each is looked at less often once it is full: the longer it is, the less is new in it.
    pub shortest_s: f64,
    /// No window is longer, s. It must hold an iteration twice, and four times to be sure of it.
    pub longest_s: f64,
    /// A window that must be averaged to fit has no say about periods shorter than this part of it, and is not looked at
    /// while such a one is the answer.
    pub averaged_spans: f64,
    /// … and must show a period with this correlation: there is nothing to compare it with.
    pub averaged_correlation: f32,
    /// Least data for a first look, s.
    pub least_s: f64,
    /// Most points of a window; a longer one is averaged by whole numbers of samples. Sets the size of all scratch.
    pub most_points: usize,
}

impl Default for LookConfig {
    fn default() -> Self {
        Self {
            every_s: 0.5,
            shortest_s: 3.0,
            longest_s: 48.0,
            averaged_spans: 8.0,
            averaged_correlation: 0.5,
            least_s: 1.2,
            most_points: 1200,
        }
    }
}

impl LookConfig {
    /// Most windows that there can be.
    pub(crate) const MOST_WINDOWS: usize = 8;

    /// The lengths of the windows, s, shortest first, as far as `kept_s` of the signal allows.
    pub(crate) fn windows_s(&self, kept_s: f64) -> impl Iterator<Item = f64> + use<> {
        let longest_s = self.longest_s.min(kept_s).max(self.shortest_s) * 1.001;
        let lengths = core::iter::successors(Some(self.shortest_s), |length_s| Some(2.0 * length_s));
        lengths.take_while(move |&length_s| length_s <= longest_s).take(Self::MOST_WINDOWS)
    }

    /// A full window is looked at every so many looks.
    pub(crate) fn stride(window: usize) -> u32 {
        1 << window.saturating_sub(1)
    }
}

/// How a window is cleaned before it is analysed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CleanConfig {
    /// Length of the blocks whose levels and spreads are compared to find a change of the job, s.
    pub block_s: f64,
    /// A single change that explains so much of the blocks' variance splits the window; the older part is dropped.
    pub change_share: f64,
    /// Values below this share of the way from the lowest to the high ones (80 % quantile) may be a pause …
    pub pause_level: f32,
    /// … if they last at least this long, s: a dip that each iteration has is the best mark of it.
    pub shortest_pause_s: f64,
    /// So few pauses are pauses if they make up less than `most_pause_share` of the window.
    pub most_long_pauses: usize,
    /// See `most_long_pauses`.
    pub most_pause_share: f64,
    /// More of them must leave this much between them, s …
    pub least_between_s: f64,
    /// … and come at distances that spread by this share of their mean (a dip that each iteration has is regular) …
    pub irregular: f64,
    /// Low runs whose distances differ by less than this, relative to their mean, are what each iteration has, however few
    /// points they are.
    pub beat: f64,
    /// … or make up less than this share.
    pub most_often_share: f64,
    /// More of a window than this is never a pause.
    pub most_paused_share: f64,
    /// So many points on both sides of a pause belong to it: the sensor averages over one sample.
    pub pause_margin: usize,
    /// Length of the moving mean that is taken off, s: clocks and temperatures drift slower than that.
    pub detrend_s: f64,
    /// Values beyond so many robust spreads are clipped.
    pub clip_spreads: f32,
    /// Less spread than this share of the level is no evidence of anything.
    pub least_spread: f32,
}

impl Default for CleanConfig {
    fn default() -> Self {
        Self {
            block_s: 0.24,
            change_share: 0.75,
            pause_level: 0.2,
            shortest_pause_s: 0.16,
            most_long_pauses: 2,
            most_pause_share: 0.3,
            least_between_s: 1.0,
            irregular: 0.3,
            beat: 0.02,
            most_often_share: 0.1,
            most_paused_share: 0.6,
            pause_margin: 2,
            detrend_s: 2.0,
            clip_spreads: 2.5,
            least_spread: 0.01,
        }
    }
}

/// How the period of one window is found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CandidateConfig {
    /// Shortest lag, in points: below it a series cannot show a period.
    pub shortest_lag: f32,
    /// Periods below so many points have one harmonic left or none: what lies between the points is a guess, and an
    /// alias looks the same. Only multiples of them that fall on a point are claimed.
    pub shortest_plain: f32,
    /// A period with no repeating part below so many points is not in doubt, however fast the signal is.
    pub resolved: f32,
    /// What is slower than five points must keep this correlation at the period of a signal that is mostly faster.
    pub least_slow: f32,
    /// … and make up this share of its power.
    pub least_slow_power: f32,
    /// A period above `multiple_to` is in doubt if a ripple of two or three points has this share of its height …
    pub ripple_share: f32,
    /// … and what is slower than five points makes up less than this share of the power.
    pub ripple_slow: f32,
    /// Multiples that stand for such a short period: from so many points …
    pub multiple_from: f32,
    /// … to so many (0.5 s at 20 ms).
    pub multiple_to: f32,
    /// Most parts that a period is tried to be divided into.
    pub most_parts: usize,
    /// Share of the multiples of a part that must be peaks.
    pub part_peaks: f32,
    /// … and their mean height, as a share of that of the whole's multiples; tried in turn, because a low share has two
    /// reasons: that the part is no period, or that it is one of several unlike ones in an iteration.
    pub part_shares: [f32; 3],
    /// A multiple of a part that stands out from its neighbours by so many standard errors is the period …
    pub whole_t: f32,
    /// … if it does so twice or more; by so many if the window has room for it only once.
    pub whole_t_single: f32,
    /// … and by this share of its height …
    pub whole_margin: f32,
    /// … and this for a part of one point, an n-th of it for one of n: what sampling does to a peak that falls between
    /// the points is not all levelled out.
    pub whole_margin_point: f32,
    /// A multiple of more than four parts, beyond `multiple_to`, must stand out by this share of its height: a micro-batch
    /// is not taken for an iteration for less than that, nor a second job for an update.
    pub far_margin: f32,
    /// … and must not lie this close to a whole number of the sampler's rhythm, points.
    pub sampler_off: f32,
    /// … and must not stand out for the sake of a second job, whose other multiples stand out by this share of it.
    pub foreign_share: f32,
    /// A multiple of a short period must fall this close to a whole point to be a fact …
    pub whole_off: f32,
    /// … and have this share of the highest correlation at any point.
    pub fact_share: f32,
    /// A whole point that stands for a period itself must have more: it may be off by a tenth of a short period.
    pub whole_share: f32,
    /// A peak at a further multiple sharpens the period while it keeps this share of the first peak's height.
    pub follow_share: f32,
}

impl Default for CandidateConfig {
    fn default() -> Self {
        Self {
            shortest_lag: 3.0,
            shortest_plain: 3.9,
            resolved: 12.0,
            ripple_share: 0.5,
            ripple_slow: 0.3,
            least_slow: 0.3,
            least_slow_power: 0.1,
            multiple_from: 12.0,
            multiple_to: 24.0,
            most_parts: 64,
            part_peaks: 0.8,
            part_shares: [0.8, 0.6, 0.35],
            whole_t: 4.0,
            whole_t_single: 6.0,
            whole_margin: 0.02,
            whole_margin_point: 0.25,
            far_margin: 0.06,
            sampler_off: 0.1,
            foreign_share: 0.8,
            whole_off: 0.2,
            fact_share: 0.8,
            whole_share: 0.9,
            follow_share: 0.5,
        }
    }
}

/// How the looks make up an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VoteConfig {
    /// A look counts if its autocorrelation at the period is so many standard errors from 0 …
    pub least_significance: f32,
    /// … and at least this …
    pub least_correlation: f32,
    /// … and the mean at all multiples of the period is this share of the highest.
    pub least_regularity: f32,
    /// Half-life of a vote, s.
    pub half_life_s: f64,
    /// A vote is forgotten after this, s.
    pub memory_s: f64,
    /// Votes this close belong together (share of the period): precision and jitter of 3 s windows.
    pub same: f64,
    /// What a vote at two to four times a period lends to it.
    pub lend: f64,
    /// A look over so many periods could have told them from parts of them.
    pub able_spans: f64,
    /// A look over so many periods could have seen them at all, and counts against them if it did not.
    pub judge_spans: f64,
    /// A multiple of the best period is the answer if it has this share of the looks that could have told it …
    pub keep_multiple: f64,
    /// … over more than one window: those down to this share of the longest …
    pub several_share: f64,
    /// … and this share if only the longest could have told it, for its looks overlap and err together.
    pub keep_longest: f64,
    /// A longer period that is no multiple needs at least this share.
    pub keep_other: f64,
    /// Weight that counts against any answer, whatever the looks say: two weak looks are not enough.
    pub doubt: f64,
    /// Share of the weight that a look for the answer does not have that counts against it: seen, but weakly. Looks that see
    /// something else, or nothing, count in full.
    pub weak: f64,
    /// Votes for the answer itself, at least.
    pub least_votes: usize,
    /// The answer's family must hold this share of all weight.
    pub claim_share: f64,
    /// … or this share, if it is the answer already.
    pub keep_share: f64,
    /// An answer that lost that is given up after this, s.
    pub give_up_s: f64,
    /// A job that was watched for so long without an answer is aperiodic, s.
    pub aperiodic_s: f64,
    /// An answer lasts if it stayed the same for this long, s.
    pub lasting_s: f64,
    /// What confidence a share of the weight is: (share, confidence), both rising, lines between; from the shares of right
    /// answers on synthetic recordings.
    pub confidence: [(f64, f64); 5],
}

impl VoteConfig {
    /// The confidence of an answer with this share of all weight.
    pub(crate) fn confidence_of(&self, share: f64) -> f64 {
        let mut before = (0.0, 0.0);
        for point in self.confidence {
            if share < point.0 {
                let part = (share - before.0) / (point.0 - before.0);
                return before.1 + part * (point.1 - before.1);
            }
            before = point;
        }
        before.1
    }
}

impl Default for VoteConfig {
    fn default() -> Self {
        Self {
            least_significance: 5.0,
            least_correlation: 0.12,
            least_regularity: 0.25,
            half_life_s: 6.0,
            memory_s: 12.0,
            same: 0.015,
            lend: 0.25,
            able_spans: 8.0,
            several_share: 0.5,
            keep_longest: 0.7,
            keep_other: 0.5,
            judge_spans: 4.0,
            keep_multiple: 0.35,
            doubt: 1.0,
            weak: 0.6,
            least_votes: 2,
            claim_share: 0.5,
            keep_share: 0.35,
            give_up_s: 5.0,
            aperiodic_s: 20.0,
            lasting_s: 2.0,
            confidence: [(0.35, 0.4), (0.45, 0.6), (0.6, 0.85), (0.8, 0.96), (1.0, 0.985)],
        }
    }
}

/// When a job is taken to have changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChangeConfig {
    /// So many looks in a row that see the same other period in a short window: the job has changed.
    pub looks: u32,
    /// … if the window holds so many periods of the answer: it must be able to see that one, too.
    pub able_spans: f64,
    /// Periods this close are the same (share of the period).
    pub same: f64,
    /// A period this close to the answer does not speak against it (share of it): jitter, drift, clocks.
    pub close: f64,
    /// A period this close to a multiple or a part of the answer does not, either.
    pub related: f64,
    /// Splits of a window that are this close are the same, s: one block and a bit.
    pub split_s: f64,
    /// Both parts of a split window are at least this long, s: a pause is shorter.
    pub split_parts_s: f64,
}

impl Default for ChangeConfig {
    fn default() -> Self {
        Self { looks: 3, able_spans: 4.0, same: 0.02, close: 0.06, related: 0.03, split_s: 0.5, split_parts_s: 2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_rises_with_the_share_and_stays_within_0_and_1() {
        let config = VoteConfig::default();
        let values: Vec<f64> = (0..=120).map(|k| config.confidence_of(f64::from(k) / 100.0)).collect();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!((config.confidence_of(0.4) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_slower_source_stretches_times_and_a_faster_one_adds_windows() {
        let windows = |step_s: f64| {
            let config = DetectorConfig::default().at_step(step_s);
            config.look.windows_s(2560.0 * step_s).collect::<Vec<_>>()
        };
        assert_eq!(windows(0.02), [3.0, 6.0, 12.0, 24.0, 48.0]);
        assert_eq!(windows(0.005), [0.75, 1.5, 3.0, 6.0, 12.0]);
        assert_eq!(windows(0.1), [15.0, 30.0, 60.0, 120.0, 240.0]);
        assert_eq!(DetectorConfig::default().at_step(0.1).vote.memory_s, 60.0);
    }
}
