//! Where the files of a suite come from: a folder, or the program itself.

use std::io::{Cursor, Read};
use std::path::PathBuf;

use super::built_in;
use crate::dvfs::{DvfsTable, TableError};
use crate::rows::{self, TraceError};
use crate::trace::Trace;
use crate::truth::Truth;

pub(super) enum Source {
    BuiltIn,
    Folder(PathBuf),
}

impl Source {
    /// How a file is called in messages.
    pub(super) fn shown(&self, file: &str) -> String {
        match self {
            Self::BuiltIn => format!("{}/{file}", built_in::NAME),
            Self::Folder(folder) => folder.join(file).display().to_string(),
        }
    }

    /// Opens a file of the suite.
    pub(super) fn open(&self, file: &str) -> Result<Box<dyn Read>, TraceError> {
        match self {
            Self::BuiltIn => match built_in::file(file) {
                Some(text) => Ok(Box::new(Cursor::new(text))),
                None => rows::open(&PathBuf::from(self.shown(file))).map(|file| Box::new(file) as Box<dyn Read>),
            },
            Self::Folder(folder) => rows::open(&folder.join(file)).map(|file| Box::new(file) as Box<dyn Read>),
        }
    }

    pub(super) fn tables(&self, file: &str) -> Result<Vec<DvfsTable>, TableError> {
        DvfsTable::parse(self.open(file)?, &self.shown(file))
    }

    /// A recording, and its true iteration times if there are any.
    pub(super) fn trace(&self, file: &str) -> Result<(Trace, Option<Truth>), TraceError> {
        let trace = Trace::parse(self.open(file)?, &self.shown(file))?;
        let truth = match self {
            Self::BuiltIn => {
                let beside = file.replace(".trace.csv", ".truth.csv");
                built_in::file(&beside).map(|text| Truth::parse(text, &self.shown(&beside))).transpose()?
            }
            Self::Folder(folder) => {
                let beside = Truth::path_beside(folder.join(file));
                beside.exists().then(|| Truth::read(&beside)).transpose()?
            }
        };
        Ok((trace, truth))
    }
}
