//! Where in a model file something stands, and how an error shows what stands there.

use core::fmt;

/// Where a value stands in a model file: the keys and indices from the root, as in
/// `learner.gradient_booster.model.trees[3].parents[7]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<Step>);

/// One step of a [`FieldPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Key(&'static str),
    Index(usize),
}

impl FieldPath {
    pub(super) fn push_key(&mut self, key: &'static str) {
        self.0.push(Step::Key(key));
    }

    pub(super) fn push_index(&mut self, index: usize) {
        self.0.push(Step::Index(index));
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// The path one key deeper.
    #[must_use]
    pub(super) fn key(&self, key: &'static str) -> Self {
        let mut path = self.clone();
        path.push_key(key);
        path
    }

    /// The path one index deeper.
    #[must_use]
    pub(super) fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.push_index(index);
        path
    }

    /// The path of the field that keys lead to from the root.
    #[must_use]
    pub(super) fn of(keys: &[&'static str]) -> Self {
        Self(keys.iter().map(|key| Step::Key(key)).collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the root");
        }
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// What kind of value stands, or must stand, in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// A list of values.
    Array,
    /// `true` or `false`.
    Bool,
    /// A number with a fraction, an exponent or a floating-point marker.
    Float,
    /// A number without a fraction.
    Integer,
    /// `null`.
    Null,
    /// Any number.
    Number,
    /// Keys with values.
    Object,
    /// A string.
    Text,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "an array",
            Self::Bool => "true or false",
            Self::Float => "a number that is not an integer",
            Self::Integer => "an integer",
            Self::Null => "null",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::Text => "text",
        })
    }
}

/// An integer of the file as an error shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The integer itself.
    Value(i32),
    /// One that 32 bits cannot hold.
    Beyond32Bits,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Beyond32Bits => f.write_str("a number beyond 32 bits"),
        }
    }
}

/// A byte for a message: printable, whatever it is.
pub(super) struct Byte(pub(super) u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "'{}'", char::from(self.0))
        } else {
            write!(f, "byte {:#04x}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_the_way_from_the_root() {
        let path = FieldPath::of(&["learner", "trees"]).index(3).key("parents").index(7);
        assert_eq!(path.to_string(), "learner.trees[3].parents[7]");
        assert_eq!(FieldPath::default().to_string(), "the root");
    }
}
