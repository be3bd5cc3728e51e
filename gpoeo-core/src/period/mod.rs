//! Online detection of the training iteration in a series of power (or of any rate).
//!
//! `busy` says when there is a job; every half second several windows that end now are cut from the signal and
//! cleaned (`clean`), autocorrelated (`autocorr`) and searched for a period (`candidate`); the `tracker` turns these
//! looks into an answer that lasts. Bounded work a sample (at most one window), no allocation after `new`.

mod analyzer;
mod autocorr;
mod busy;
mod candidate;
mod change;
mod clean;
mod multiples;
mod pace;
mod rhythms;
mod short;
mod tracker;

use core::fmt;
use core::time::Duration;

use crate::config::{DetectorConfig, LookConfig};
use crate::outcome::Outcome;
use crate::signal::Signal;
use crate::time::Timestamp;

use change::ChangeWatch;
use rhythms::Pauses;

pub use analyzer::{Analyzer, Found, Seen};
pub use busy::Busy;
pub use pace::Pace;
pub use rhythms::{PeriodCandidate, Relation};
pub use tracker::{Answer, Tracker, Vote};

/// Finds the period of a job from its power (or from any rate that repeats with it), one sample at a time.
///
/// A push costs a look over at most one window: 1-2 µs in the mean at 20 ms, about 100 µs at worst. State: 32 KiB.
///
/// ```
/// use gpoeo_core::{DetectorConfig, PeriodDetector, Timestamp};
///
/// let mut detector = PeriodDetector::new(&DetectorConfig::default());
/// for k in 0..800_u32 {
///     let at = f64::from(k) * 0.02;
///     // 4 s of idle GPU, then iterations of 0.31 s: compute, and a short wait for data at the end.
///     let power_w = if at < 4.0 { 72.0 } else if at % 0.31 < 0.25 { 550.0 + 40.0 * (at % 0.31) } else { 180.0 };
///     detector.push(Timestamp::from_secs_f64(at), power_w);
/// }
/// let period = detector.outcome().period().expect("16 s show 38 iterations");
/// assert!((period.as_secs_f64() / 0.31 - 1.0).abs() < 0.005);
/// assert!((detector.busy_since().unwrap().as_secs_f64() - 4.0).abs() < 0.1);
/// assert!(detector.decided_at().unwrap().as_secs_f64() < 9.0);
/// ```
pub struct PeriodDetector {
    /// As it was given.
    given: DetectorConfig,
    /// The same for the interval of the source.
    config: DetectorConfig,
    pace: Pace,
    signal: Signal,
    busy: Busy,
    /// Data before this is not looked at; `None` while no job runs.
    from: Option<Timestamp>,
    busy_since: Option<Timestamp>,
    /// When the last pause or end of a job began.
    paused_at: Option<Timestamp>,
    next_look: Timestamp,
    looks: u32,
    /// Windows of the present look that are still to be analysed, one bit each.
    pending: u8,
    now: Timestamp,
    values: Vec<f32>,
    analyzer: Analyzer,
    pauses: Pauses,
    tracker: Tracker,
    change: ChangeWatch,
    outcome: Outcome,
    /// When the present answer was first given.
    answered: Option<Timestamp>,
    /// When an answer last had support.
    supported: Timestamp,
    decided_at: Option<Timestamp>,
}

impl fmt::Debug for PeriodDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodDetector")
            .field("now", &self.now)
            .field("outcome", &self.outcome)
            .field("busy_since", &self.busy_since)
            .field("decided_at", &self.decided_at)
            .finish_non_exhaustive()
    }
}

impl PeriodDetector {
    /// A detector that has seen nothing. All memory is allocated here.
    #[must_use]
    pub fn new(config: &DetectorConfig) -> Self {
        let analyzer = Analyzer::new(config.look.most_points);
        let signal = Signal::new(&config.signal);
        Self {
            config: config.at_step(signal.step().as_secs_f64()),
            pace: Pace::default(),
            signal,
            busy: Busy::new(&config.busy),
            from: None,
            busy_since: None,
            paused_at: None,
            next_look: Timestamp::ZERO,
            looks: 0,
            pending: 0,
            now: Timestamp::ZERO,
            values: vec![0.0; analyzer.most_points()],
            analyzer,
            pauses: Pauses::default(),
            tracker: Tracker::default(),
            change: ChangeWatch::default(),
            outcome: Outcome::Undecided,
            answered: None,
            supported: Timestamp::ZERO,
            decided_at: None,
            given: config.clone(),
        }
    }

    /// Takes a sample: power in W, or a rate in any unit (see [`DetectorConfig::for_rate`]). One that is not later than
    /// the last, not a number, or more than 10^15 is ignored. If the source measures at another interval than the
    /// detector was set up for, the detector follows after 16 samples, and forgets those.
    pub fn push(&mut self, time: Timestamp, value: f64) {
        // Squares of it must add up in an `f32`.
        const MOST: f64 = 1e15;
        if value.is_nan() || value.abs() > MOST || (self.signal.latest().is_some() && time <= self.now) {
            return;
        }
        self.now = time;
        if let Some(step) = self.pace.push(time, self.signal.step()) {
            self.follow_step(step, time);
        }
        self.signal.push(time, value);
        self.follow_job(time, value);
        if self.from.is_none() {
            return;
        }
        if self.pending == 0 && time >= self.next_look && !self.busy.is_pausing() {
            self.plan_look(time);
        }
        if self.pending != 0 {
            let window = self.pending.trailing_zeros() as usize;
            self.pending &= self.pending - 1;
            self.look(window, time);
            if self.pending == 0 {
                self.conclude(time);
            }
        }
    }

    /// What the detector says now. While the job pauses, and after it has ended, the last answer.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Since when a job runs, or when the last one began; `None` before the first. A job that had an answer goes on after
    /// a pause of up to a minute.
    #[must_use]
    pub const fn busy_since(&self) -> Option<Timestamp> {
        self.busy_since
    }

    /// When the first lasting answer about the job was given.
    #[must_use]
    pub const fn decided_at(&self) -> Option<Timestamp> {
        self.decided_at
    }

    /// All rhythms that the job shows, the best seen first: the reported one, its micro-batches, its multiples and epochs,
    /// and what does not fit. Empty without an answer. Allocates the list.
    ///
    /// ```
    /// use gpoeo_core::period::Relation;
    /// use gpoeo_core::{DetectorConfig, PeriodDetector, Timestamp};
    ///
    /// let mut detector = PeriodDetector::new(&DetectorConfig::default());
    /// for k in 0..1500_u32 {
    ///     let at = f64::from(k) * 0.02;
    ///     // Iterations of 0.84 s: four micro-batches of 0.2 s, and an update of 0.04 s that draws less.
    ///     let of = at % 0.84;
    ///     let power_w = if of >= 0.8 { 240.0 } else if of % 0.2 < 0.15 { 600.0 } else { 450.0 };
    ///     detector.push(Timestamp::from_secs_f64(at), power_w);
    /// }
    /// let seconds = detector.outcome().period().unwrap().as_secs_f64();
    /// assert!((seconds / 0.84 - 1.0).abs() < 0.02);
    /// let candidates = detector.candidates();
    /// assert!(candidates.iter().any(|candidate| candidate.relation == Relation::Reported));
    /// let batch = candidates.iter().find(|candidate| candidate.relation == Relation::Part(4)).unwrap();
    /// assert!((batch.period.as_secs_f64() / 0.2 - 1.0).abs() < 0.06);
    /// ```
    #[must_use]
    pub fn candidates(&self) -> Vec<PeriodCandidate> {
        let Some(reported) = self.outcome.period() else { return Vec::new() };
        let reported_s = reported.as_secs_f64();
        let tolerance = 2.0 * self.config.vote.same;
        let mut candidates = self.tracker.candidates(self.now, reported_s, &self.config.vote);
        if let Some((epoch_s, score)) = self.pauses.epoch() {
            let count = (epoch_s / reported_s).round() as u32;
            let is_known = |known: &PeriodCandidate| (known.period.as_secs_f64() / epoch_s - 1.0).abs() <= tolerance;
            if count > 1 && !candidates.iter().any(is_known) {
                let period = Duration::from_secs_f64(epoch_s);
                candidates.push(PeriodCandidate { period, score, relation: Relation::Multiple(count) });
            }
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        candidates
    }

    /// The signal, for whoever wants to measure in it.
    #[must_use]
    pub const fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Bytes of state, everything on the heap included; constant after `new`.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        size_of::<Self>() - size_of::<Signal>()
            + self.signal.state_bytes()
            + self.values.capacity() * size_of::<f32>()
            + self.analyzer.heap_bytes()
            + self.tracker.heap_bytes()
    }

    /// Starts afresh: only data after `at` counts from now on, and there is no answer.
    pub fn reset(&mut self, at: Timestamp) {
        let is_running = self.from.is_some();
        self.begin(at);
        self.from = self.from.filter(|_| is_running);
        self.busy_since = self.busy_since.filter(|_| is_running).map(|since| since.max(at));
        self.outcome = Outcome::Undecided;
        self.decided_at = None;
    }

    /// Takes another interval of the source.
    fn follow_step(&mut self, step: Duration, time: Timestamp) {
        self.signal.restart_at(step);
        self.config = self.given.at_step(step.as_secs_f64());
        if self.from.is_some() {
            self.begin(time);
        }
    }

    /// Notes begin and end of the job.
    fn follow_job(&mut self, time: Timestamp, value: f64) {
        let config = &self.config.busy;
        let is_busy = self.busy.push(time, value, config);
        self.pauses.note(time, self.busy.is_pausing());
        match (self.from, self.busy.quiet_since()) {
            (None, None) if is_busy => {
                let paused = self.paused_at.map(|at| time.saturating_since(at));
                let is_same_job = self.outcome.period().is_some() && paused.is_some_and(|p| p < config.longest_pause);
                self.begin(time);
                if !is_same_job {
                    self.pauses.clear();
                    self.busy_since = Some(time);
                    self.decided_at = None;
                }
            }
            (Some(_), Some(since)) if time.saturating_since(since) >= config.quiet => {
                self.from = None;
                self.paused_at = Some(since);
                self.pending = 0;
            }
            _ => {}
        }
    }

    /// Forgets all votes, and looks only at what comes after `at`.
    fn begin(&mut self, at: Timestamp) {
        self.from = Some(at);
        self.supported = at;
        self.answered = None;
        self.pending = 0;
        self.looks = 0;
        self.next_look = at + Duration::from_secs_f64(self.config.look.least_s);
        self.tracker.clear();
        self.change.clear();
    }

    /// Decides which windows are due.
    fn plan_look(&mut self, time: Timestamp) {
        self.next_look = time + Duration::from_secs_f64(self.config.look.every_s);
        let Some(from) = self.from else { return };
        let available_s = time.seconds_since(from);
        let unaveraged_s = (self.values.len() as f64 + 0.5) * self.signal.step().as_secs_f64();
        let answer_s = self.outcome.period().map_or(f64::INFINITY, |period| period.as_secs_f64());
        let mut covered_s = 0.0;
        for (index, window_s) in self.windows_s().enumerate() {
            let is_full = available_s >= window_s;
            if available_s.min(window_s) > unaveraged_s && answer_s < window_s / self.config.look.averaged_spans {
                break;
            }
            // A window that reaches hardly farther than a shorter one has nothing to add.
            if available_s > 1.3 * covered_s && (!is_full || self.looks % LookConfig::stride(index) == 0) {
                self.pending |= 1 << index;
            }
            covered_s = window_s;
        }
        self.looks = self.looks.wrapping_add(1);
    }

    /// Lengths of the windows, s.
    fn windows_s(&self) -> impl Iterator<Item = f64> + use<> {
        self.config.look.windows_s(self.signal.capacity() as f64 * self.signal.step().as_secs_f64())
    }

    /// Analyses one window that ends now.
    fn look(&mut self, window: usize, time: Timestamp) {
        let Some(from) = self.from else { return };
        let Some(window_s) = self.windows_s().nth(window) else { return };
        let start = time.saturating_sub(Duration::from_secs_f64(window_s)).max(from);
        let step = self.signal.step();
        let slots = (time.saturating_since(start).as_nanos() / step.as_nanos()) as usize;
        let factor = slots.div_ceil(self.values.len()).max(1);
        let loaded = load(&self.signal, start, time, factor, self.analyzer.spare(), &mut self.values);
        let step_s = step.as_secs_f64() * factor as f64;
        let seen = self.analyzer.analyze(&mut self.values[..loaded], step_s, &self.config);
        // What was averaged to fit shows short periods as something else; shorter windows are for those.
        let look = &self.config.look;
        let is_seen = |found: &Found| {
            found.period_s >= window_s / look.averaged_spans && found.correlation >= look.averaged_correlation
        };
        if factor > 1 && !seen.found.as_ref().is_some_and(is_seen) {
            return;
        }
        let vote = Vote::new(time, &seen, time.seconds_since(start), &self.config.vote);
        self.tracker.add(vote, &self.config.vote);
        let split = seen.split.map(|point| start + Duration::from_secs_f64(point as f64 * step_s));

        let config = &self.config.change;
        let split = split.filter(|split| {
            split.seconds_since(start) >= config.split_parts_s && time.seconds_since(*split) >= config.split_parts_s
        });
        if split.is_some_and(|split| self.change.split_at(split, config)) {
            self.begin(split.unwrap_or(start));
        } else if let Some(answer) = self.outcome.period() {
            if self.change.saw(window, &vote, answer.as_secs_f64(), config) {
                self.begin(start);
            }
        }
    }

    /// Draws the conclusion from all looks so far.
    fn conclude(&mut self, time: Timestamp) {
        let config = &self.config.vote;
        let held_s = self.outcome.period().map(|period| period.as_secs_f64());
        match self.tracker.answer(time, held_s, config) {
            Some(answer) => {
                self.supported = time;
                let is_same = held_s.is_some_and(|held_s| (held_s / answer.period_s - 1.0).abs() < 2.0 * config.same);
                let answered = *self.answered.get_or_insert(time);
                if !is_same {
                    self.answered = Some(time);
                } else if time.seconds_since(answered) >= config.lasting_s {
                    self.decided_at.get_or_insert(answered);
                }
                let period = Duration::from_secs_f64(answer.period_s);
                self.outcome = Outcome::Periodic { period, confidence: config.confidence_of(answer.share) };
            }
            None if time.seconds_since(self.supported) >= config.aperiodic_s => self.outcome = Outcome::Aperiodic,
            None if time.seconds_since(self.supported) >= config.give_up_s => {
                self.answered = None;
                self.outcome = Outcome::Undecided;
            }
            None => {}
        }
    }
}

/// Copies a part of the signal into `out`, averaging `factor` slots into one point; NaN where all are missing.
/// Returns the number of points; the newest if there are too many.
fn load(signal: &Signal, start: Timestamp, end: Timestamp, factor: usize, spare: &mut [f32], out: &mut [f32]) -> usize {
    if factor == 1 {
        return signal.window(start, end, out).values.len();
    }
    let chunk = (spare.len() / factor).min(out.len());
    let step = signal.step();
    let mut from = start;
    let mut loaded = 0;
    while loaded < out.len() && from <= end {
        let points = chunk.min(out.len() - loaded);
        let last = from + step.saturating_mul((points * factor - 1) as u32);
        let window = signal.window(from, last.min(end), &mut spare[..points * factor]);
        let groups = window.values.chunks_exact(factor);
        let count = groups.len();
        if count == 0 {
            break;
        }
        from = window.start + step.saturating_mul((count * factor) as u32);
        for group in groups {
            let (sum, known) =
                group.iter().filter(|value| !value.is_nan()).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
            out[loaded] = if known > 0.0 { sum / known } else { f32::NAN };
            loaded += 1;
        }
    }
    loaded
}
