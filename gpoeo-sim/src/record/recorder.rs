//! Gathers a [`RunRecord`] while the run goes on.

use std::collections::BTreeMap;

use gpoeo_core::{ClockPair, Event, Optimizer, Phase, Report, Sample, Timestamp};

use crate::gpu::SimGpu;
use crate::policy::{Policy, RunOptions, RunOutcome};
use crate::watch::Watch;
use crate::workload::Workload;

use super::account::{BeforeJob, Measured};
use super::signal::SignalLog;
use super::trend::Trend;
use super::{MachineRecord, PhaseSpan, RunRecord, Stay, TimedEvent};

/// Events and phases that are kept: a run of days has no more unless the job changes all the time.
const MOST_EVENTS: usize = 10_000;
/// How much of the beginning is kept more finely, s: most searches are over by then.
const BEGINNING_S: f64 = 150.0;

pub(super) struct Recorder {
    job_begin: Timestamp,
    end_s: f64,
    trend: Trend,
    beginning: Trend,
    before: BeforeJob,
    signal: SignalLog,
    events: Vec<TimedEvent>,
    events_left_out: u64,
    phases: Vec<PhaseSpan>,
    /// Seconds at each setting: all, held.
    stays: BTreeMap<ClockPair, (f64, f64)>,
    /// Since when, s, which phase and clocks.
    since: (f64, Option<Phase>, Option<ClockPair>),
    report: Option<Report>,
}

impl Recorder {
    pub(super) fn new(workload: &Workload, options: &RunOptions) -> Self {
        let gpu = SimGpu::new(workload.clone(), options.sim.clone(), options.length);
        let lead_in_s = gpu.job_begin().as_secs_f64();
        let first = (-lead_in_s, Some(Phase::Detect), Some(workload.curve().default_clocks()));
        Self {
            job_begin: gpu.job_begin(),
            end_s: options.length.as_secs_f64(),
            trend: Trend::new(lead_in_s, options.length.as_secs_f64()),
            beginning: Trend::new(lead_in_s, options.length.as_secs_f64().min(BEGINNING_S)),
            before: BeforeJob::default(),
            signal: SignalLog::default(),
            events: Vec::new(),
            events_left_out: 0,
            phases: Vec::new(),
            stays: BTreeMap::new(),
            since: first,
            report: None,
        }
    }

    /// The time until `now_s` went by in the phase and at the clocks of the last turn.
    fn account(&mut self, now_s: f64) {
        let (since_s, phase, clocks) = self.since;
        if let Some(phase) = phase {
            let is_full = self.phases.len() == MOST_EVENTS;
            match self.phases.last_mut() {
                Some(span) if span.phase == phase || is_full => span.to_s = now_s,
                _ => self.phases.push(PhaseSpan { phase, from_s: since_s, to_s: now_s }),
            }
        }
        let spent_s = now_s - since_s.max(0.0);
        if let Some(clocks) = clocks.filter(|_| spent_s > 0.0) {
            let (total_s, held_s) = self.stays.entry(clocks).or_default();
            *total_s += spent_s;
            if phase.is_none_or(|phase| phase == Phase::Hold) {
                *held_s += spent_s;
            }
        }
    }

    pub(super) fn finish(
        self,
        policy: Policy,
        workload: &Workload,
        options: &RunOptions,
        outcome: RunOutcome,
    ) -> RunRecord {
        let Self { before, events, events_left_out, .. } = self;
        let machine = self.report.map(|report| MachineRecord {
            measured: Measured::new(&report, before.spent_s, before.used_j),
            report,
            events,
            events_left_out,
        });
        let stays = self.stays.into_iter().map(|(clocks, (total_s, held_s))| Stay { clocks, total_s, held_s });
        RunRecord {
            suite: None,
            workload: workload.clone(),
            policy,
            objective: options.objective,
            length: options.length,
            seed: options.sim.seed,
            outcome,
            machine,
            phases: self.phases,
            stays: stays.collect(),
            trend: self.trend,
            beginning: self.beginning,
            signal: self.signal.finish(),
        }
    }
}

impl Watch for Recorder {
    fn sample(&mut self, sample: &Sample) {
        let at_s = sample.time.seconds_since(self.job_begin);
        self.trend.push(at_s, sample);
        self.beginning.push(at_s, sample);
        self.before.sample(at_s, sample.power_w);
        self.signal.sample(at_s, sample.power_w);
    }

    fn event(&mut self, at: Timestamp, event: &Event) {
        self.signal.event(event);
        if self.events.len() < MOST_EVENTS {
            self.events.push(TimedEvent { at_s: at.seconds_since(self.job_begin), event: *event });
        } else {
            self.events_left_out += 1;
        }
    }

    fn turn(&mut self, gpu: &SimGpu, machine: Option<&Optimizer>) {
        let now_s = gpu.time().seconds_since(self.job_begin);
        if machine.is_none() {
            self.since.1 = None;
        }
        self.account(now_s);
        self.since = (now_s, machine.map(Optimizer::phase), Some(gpu.asked_clocks()));
        if now_s >= self.end_s {
            self.report = machine.map(Optimizer::report);
        }
    }
}

/// The recorder, and whoever else looks on.
pub(super) struct Both<'a, W> {
    pub(super) recorder: &'a mut Recorder,
    pub(super) other: &'a mut W,
}

impl<W: Watch> Watch for Both<'_, W> {
    fn sample(&mut self, sample: &Sample) {
        self.recorder.sample(sample);
        self.other.sample(sample);
    }

    fn event(&mut self, at: Timestamp, event: &Event) {
        self.recorder.event(at, event);
        self.other.event(at, event);
    }

    fn turn(&mut self, gpu: &SimGpu, machine: Option<&Optimizer>) {
        self.recorder.turn(gpu, machine);
        self.other.turn(gpu, machine);
    }
}
