//! temp experiment
use gpoeo_core::*;
use gpoeo_sim::*;
use std::time::Duration;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let table = DvfsTable::read(&args[1]).unwrap().remove(0);
    let trace = Trace::read(&args[2]).unwrap();
    let truth = Truth::read(Truth::path_beside(&args[2])).ok();
    let minutes: f64 = args[3].parse().unwrap();
    let verbose = args.len() > 4;
    let curve = DvfsCurve::new(&table).unwrap();
    let waveform = Waveform::from_trace(&trace, truth.as_ref()).unwrap();
    let w = Workload::new("x", curve.clone(), waveform);
    let obj = Objective::default();
    let orc = oracle(&curve, obj).unwrap();
    let hull = best_mix(&curve, obj).unwrap();
    let gpu = SimGpu::new(w, SimConfig::default().with_seed(1), Duration::from_secs_f64(minutes * 60.0));
    let mut driver = Driver::new(gpu, OptimizerConfig::default()).unwrap();
    let t0 = std::time::Instant::now();
    let mut now = 0.0;
    while !driver.backend().is_over() {
        let base = driver.report().baseline.map_or(1.0, |b| b.time_s);
        let be = driver.report().baseline.map_or(1.0, |b| b.energy_j);
        let c = curve.clone();
        driver
            .step(&mut |e: &Event| {
                if verbose {
                    match e {
                        Event::Tried { clocks, measured } => {
                            let t = c.cost(*clocks).unwrap();
                            println!(
                                "{now:8.2} tried {} t {:.4}±{:.4} (true {:.4}) e {:.4}±{:.4} (true {:.4}) n {}",
                                clocks.sm(),
                                measured.time_s / base,
                                measured.time_stderr_ratio(),
                                t.time,
                                measured.energy_j / be,
                                measured.energy_stderr_ratio(),
                                t.energy,
                                measured.iterations
                            )
                        }
                        e => println!("{now:8.2} {e:?}"),
                    }
                }
            })
            .unwrap();
        now = driver.optimizer().report().elapsed_s;
    }
    let a = driver.backend().account();
    let r = driver.report();
    if verbose {
        println!("{:?}", r.hold);
        for t in &r.trials {
            let c = curve.cost(t.clocks).unwrap();
            println!(
                "  {} t {:.4}±{:.4} true {:.4} e {:.4} true {:.4} spent {:.0}",
                t.clocks.sm(),
                t.cost.time,
                t.time_stderr,
                c.time,
                t.cost.energy,
                c.energy,
                t.spent_s
            );
        }
    }
    println!(
        "{:28} {:24} save {:6.2}% slow {:5.2}% | says {:6.2}±{:.2}% {:5.2}±{:.2}% | oracle {:5.2}% hull {:5.2}% | capt {:.3} | tried {} settled {:?} {:?} cpu {:.2}s",
        args[1].rsplit('/').next().unwrap(),
        args[2].rsplit('/').next().unwrap(),
        a.saving() * 100.,
        a.slowdown() * 100.,
        r.saving.unwrap_or(0.) * 100.,
        r.saving_stderr.unwrap_or(0.) * 100.,
        r.slowdown.unwrap_or(0.) * 100.,
        r.slowdown_stderr.unwrap_or(0.) * 100.,
        orc.1.saving() * 100.,
        hull.cost.saving() * 100.,
        a.saving() / orc.1.saving(),
        r.settings_tried,
        r.settled_after.map(|d| d.as_secs()),
        r.outcome,
        t0.elapsed().as_secs_f64()
    );
}
