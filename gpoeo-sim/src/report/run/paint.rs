//! Bold and colour, where they are wanted.

/// Whether text may be set off by terminal codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Bold and green where it helps.
    Colour,
    /// Text only.
    Plain,
}

impl Paint {
    pub(super) fn bold(self, text: &str) -> String {
        self.code(text, "1")
    }

    /// For what has gone well.
    pub(super) fn good(self, text: &str) -> String {
        self.code(text, "1;32")
    }

    fn code(self, text: &str, code: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}
