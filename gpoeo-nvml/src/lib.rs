//! The backend of gpoeo for NVIDIA GPUs.
//!
//! [`NvmlBackend`] is a [`GpuBackend`](gpoeo_core::GpuBackend) over the NVML calls of [`NvmlApi`]. With the feature
//! `nvml` (on by default), [`Library`] loads the driver's library at run time and [`Gpu`] makes these calls; without
//! a driver everything builds, and [`Library::load`] says what is missing.
//!
#![cfg_attr(feature = "nvml", doc = "```no_run")]
#![cfg_attr(not(feature = "nvml"), doc = "```ignore")]
//! use gpoeo_core::GpuBackend;
//! use gpoeo_nvml::{BackendOptions, Library, NvmlBackend};
//!
//! let library = Library::load(None)?;
//! let gpu = library.list()?.into_iter().flatten().next().ok_or("no GPU")?;
//! let mut backend = NvmlBackend::new(library.gpu(&gpu.uuid), gpu.to_string(), BackendOptions::default())?;
//! let mut samples = Vec::new();
//! backend.read_samples(&mut samples)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Locks outlive the process that sets them. The backend restores what it changed when it is told to, when it is
//! dropped, and so on a panic; whoever asks for [`Control::Clocks`] answers for a process that is killed.
//!
//! | module | what it owns |
//! | --- | --- |
//! | `api` | the trait of the calls |
//! | `library` | the driver's library, its GPUs |
//! | `backend` | [`NvmlBackend`] |
//! | `samples`, `clock` | readings to samples; the driver's time to ours |
//! | `caps`, `locks` | the clocks that there are; what we did to them and how it is undone |
//! | `select`, `describe` | which GPU is meant; all that it tells |
//! | `error` | NVML's codes: what they mean, what to do |
#![forbid(unsafe_code)]

mod api;
mod backend;
mod caps;
mod clock;
mod describe;
mod error;
#[cfg(feature = "nvml")]
mod library;
mod locks;
mod samples;
mod select;

pub use api::{ClockRange, Domain, NvmlApi, PowerLimits, PowerSample, Utilization};
pub use backend::{BackendOptions, Control, NvmlBackend};
pub use caps::MemoryClocks;
pub use clock::{HostClock, HostTimes, SystemClock};
pub use describe::{Description, RingDescription, SupportedClocks, describe};
pub use error::NvmlStatus;
#[cfg(feature = "nvml")]
pub use library::{Gpu, Library, Listed, LoadError};
pub use locks::{FoundLocks, reset_locks};
pub use samples::{PowerSource, ReadCost, Telemetry};
pub use select::{GpuIdentity, SelectError, select};
