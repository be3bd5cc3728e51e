//! `gpoeo devices`: what there is and what can be done with it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use gpoeo_nvml::{Description, PowerSource, describe};
use serde_json::json;

use super::error::CliError;
use super::procfs;
use super::{GpuChoice, Node};

/// List the GPUs: what can be read, which clocks there are, who may set them
#[derive(Debug, Args)]
#[command(after_help = "Example: gpoeo devices --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: GpuChoice,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Whether this process may set the clocks of a GPU, as far as that can be known without trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Control {
    Direct,
    None,
    Unknown,
}

pub(crate) fn run(arguments: &Arguments, library: Option<&Path>) -> Result<ExitCode, CliError> {
    let node = Node::open(library)?;
    let is_admin = procfs::has_admin_capability();
    let mut unreachable = node.unreachable.clone();
    let mut found = Vec::new();
    for identity in node.choose(&arguments.choice)? {
        let index = identity.index;
        match describe(&mut node.library.gpu(&identity.uuid), identity) {
            Ok(description) => found.push(description),
            Err(status) => unreachable.push((index, status)),
        }
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        let gpus: Vec<_> = found.iter().map(|gpu| entry(gpu, is_admin)).collect();
        let unreachable: Vec<_> = unreachable
            .iter()
            .map(|(index, status)| json!({"index": index, "error": status.to_string(), "fix": status.fix()}))
            .collect();
        let document = json!({
            "schema": "gpoeo.devices.v1",
            "driver_version": node.library.driver_version(),
            "nvml_version": node.library.nvml_version(),
            "gpus": gpus,
            "unreachable": unreachable,
        });
        writeln!(out, "{document}")?;
    } else {
        for gpu in &found {
            print(&mut out, gpu, is_admin)?;
        }
        for (index, status) in &unreachable {
            writeln!(out, "GPU {index}  does not answer: {status}; {}", status.fix())?;
        }
    }
    match (found.is_empty(), unreachable.first()) {
        (true, Some(&(index, status))) => Err(CliError::Unreachable { index, status }),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn control(gpu: &Description, is_admin: Option<bool>) -> (Control, &'static str) {
    if gpu.mig == Some(true) {
        (Control::None, "the GPU is cut into instances (MIG), its clocks belong to all of them")
    } else if gpu.supported_clocks.is_none() {
        (Control::None, "its clocks are not known")
    } else if is_admin == Some(true) {
        (Control::Direct, "this process has CAP_SYS_ADMIN")
    } else {
        (Control::Unknown, "only a try tells; without CAP_SYS_ADMIN (sudo has it) the driver refuses")
    }
}

fn entry(gpu: &Description, is_admin: Option<bool>) -> serde_json::Value {
    let (control, control_because) = control(gpu, is_admin);
    let mut entry = json!(gpu);
    entry["control"] = json!(control);
    entry["control_because"] = json!(control_because);
    entry["locks_found"] = serde_json::Value::Null;
    entry["locks_found_because"] = json!("NVML has no call that tells which lock is in force");
    entry
}

fn print(out: &mut impl Write, gpu: &Description, is_admin: Option<bool>) -> io::Result<()> {
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let name = gpu.identity.name.as_deref().unwrap_or("unknown model");
    let bus = gpu.identity.pci_bus_id.as_deref().unwrap_or("unknown bus id");
    writeln!(out, "GPU {}  {name}  {}  {bus}", gpu.identity.index, gpu.identity.uuid)?;
    let source = match (gpu.power_source, gpu.power_ring) {
        (Some(PowerSource::Ring), Some(ring)) => {
            let step = or_unknown(ring.median_step_s.map(|step_s| format!("{:.0} ms", step_s * 1e3)));
            format!("ring of {} samples, {:.2} s deep, step {step}", ring.samples, ring.span_s)
        }
        (Some(PowerSource::InstantField), _) => "instantaneous, every 100 ms".to_owned(),
        (Some(PowerSource::UsageInstant), _) => "instantaneous".to_owned(),
        (Some(PowerSource::UsageAverage), _) => "average over 1 s: iterations below 2 s cannot be seen".to_owned(),
        _ => "none: this GPU cannot be used".to_owned(),
    };
    let now = or_unknown(gpu.power_w.map(|power_w| format!("{power_w:.1} W")));
    writeln!(out, "  power        {source}; now {now}")?;
    writeln!(out, "  energy       {}", if gpu.energy_counter { "counter" } else { "no counter: added up from power" })?;
    let mhz = |clock: Option<u32>| or_unknown(clock.map(|clock| format!("{clock} MHz")));
    writeln!(out, "  clocks now   SM {}, memory {}", mhz(gpu.sm_clock_mhz), mhz(gpu.mem_clock_mhz))?;
    match &gpu.supported_clocks {
        Some(supported) => {
            for clocks in supported {
                let (low, high) = (clocks.sm_clocks_mhz.first(), clocks.sm_clocks_mhz.last());
                let range = low.zip(high).map(|(low, high)| format!("{low} to {high} MHz"));
                let (memory, count) = (clocks.mem_clock_mhz, clocks.sm_clocks_mhz.len());
                writeln!(out, "  clocks       memory {memory} MHz: {count} SM clocks, {}", or_unknown(range))?;
            }
        }
        None => {
            writeln!(out, "  clocks       unknown: {}", gpu.clocks_unknown_because.as_deref().unwrap_or("no reason"))?;
        }
    }
    if let Some(limits) = gpu.power_limits {
        let enforced = or_unknown(limits.enforced_w.map(|limit_w| format!("{limit_w:.0} W")));
        let (set, default, min, max) = (limits.set_w, limits.default_w, limits.min_w, limits.max_w);
        writeln!(
            out,
            "  power limit  {set:.0} W, in force {enforced}, default {default:.0} W, {min:.0} to {max:.0} W"
        )?;
    }
    let (control, because) = control(gpu, is_admin);
    let control = match control {
        Control::Direct => "direct",
        Control::None => "none",
        Control::Unknown => "unknown",
    };
    writeln!(out, "  control      {control}: {because}")?;
    writeln!(out, "  locks        NVML cannot tell which are in force; gpoeo reset removes any")
}
