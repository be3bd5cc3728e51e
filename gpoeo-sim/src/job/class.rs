//! The classes of jobs that the built-in suite was drawn from: centres to start own jobs from.

use std::sync::OnceLock;

use crate::model::PipeMix;
use crate::rows::{Rows, TraceError};
use crate::waveform::Phase;

use super::parse_phases;

/// The centre of a class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) compute: f64,
    pub(crate) balanced: f64,
    pub(crate) memory: f64,
    pub(crate) host: f64,
    pub(crate) launch_ratio: f64,
    pub(crate) sm_activity: f64,
    pub(crate) tensor_activity: f64,
    pub(crate) jitter: f64,
    pub(crate) phases: Vec<Phase>,
    pub(crate) pipes: PipeMix,
}

impl Class {
    /// All classes, in the order of the file.
    pub(crate) fn all() -> &'static [Self] {
        static ALL: OnceLock<Vec<Class>> = OnceLock::new();
        ALL.get_or_init(|| {
            let text = include_bytes!("../../data/paper71/classes.csv");
            read(text).expect("a test reads the built-in classes")
        })
    }

    /// The class of a name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|class| class.name == name)
    }
}

fn read(text: &[u8]) -> Result<Vec<Class>, TraceError> {
    const REQUIRED: &str =
        "class, family, the fractions, launch_ratio, the activities, iteration_jitter, waveform and the pipes";
    let mut rows = Rows::new(text, "paper71/classes.csv".to_owned())?;
    let mut classes = Vec::new();
    while rows.advance()? {
        let number = |column: &'static str| rows.number(rows.required(column, REQUIRED)?, column);
        let text = |column: &'static str| -> Result<String, TraceError> {
            Ok(String::from_utf8_lossy(rows.text(rows.required(column, REQUIRED)?)).into_owned())
        };
        classes.push(Class {
            name: text("class")?,
            family: text("family")?,
            compute: number("compute_fraction")?,
            balanced: number("balanced_fraction")?,
            memory: number("memory_fraction")?,
            host: number("host_fraction")?,
            launch_ratio: number("launch_ratio")?,
            sm_activity: number("sm_activity")?,
            tensor_activity: number("tensor_activity")?,
            jitter: number("iteration_jitter")?,
            phases: parse_phases(&text("waveform")?).unwrap_or_default(),
            pipes: PipeMix {
                alu: number("pipe_alu")?,
                fma: number("pipe_fma")?,
                lsu: number("pipe_lsu")?,
                tex: number("pipe_tex")?,
                xu: number("pipe_xu")?,
                cbu: number("pipe_cbu")?,
                uniform: number("pipe_uniform")?,
                adu: number("pipe_adu")?,
                fp16: number("pipe_fp16")?,
            },
        });
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_classes_are_twelve_and_whole() {
        assert_eq!(Class::all().len(), 12);
        for class in Class::all() {
            let sum = class.compute + class.balanced + class.memory + class.host;
            assert!((sum - 1.0).abs() < 0.01, "{}: {sum}", class.name);
            assert!(!class.phases.is_empty(), "{}", class.name);
        }
        assert_eq!(Class::find("cnn").map(|class| class.sm_activity), Some(0.8));
    }
}
