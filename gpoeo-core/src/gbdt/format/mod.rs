//! Model files as a stream of tokens: two front ends, JSON and UBJSON, that yield the same tokens one at a time.
//!
//! Nothing is kept but the way to the current token ([`nesting`]): no document tree, no recursion. Memory beside the
//! input: the keys of the objects that are open, to find one that stands twice.

mod json;
mod nesting;
mod reader;
mod ubjson;

use std::borrow::Cow;

pub(super) use json::Json;
pub(super) use reader::Reader;
pub(super) use ubjson::Ubjson;

use super::error::{ModelError, SyntaxProblem};
use super::place::ValueKind;

/// Yields the tokens of one file in order.
pub(super) trait Source<'a> {
    /// The next token. After the end of the root value it is an error to ask again.
    fn token(&mut self) -> Result<Token<'a>, ModelError>;

    /// Where the last token begins, bytes from the start of the file.
    fn offset(&self) -> usize;

    /// Bytes that are still to be read: no array can have more elements than this.
    fn remaining(&self) -> usize;

    /// Refuses anything that stands after the root value.
    fn end(&mut self) -> Result<(), ModelError>;
}

/// One step through a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    BeginArray,
    BeginObject,
    Bool(bool),
    EndArray,
    EndObject,
    Key(Cow<'a, str>),
    Null,
    Number(Number<'a>),
    Text(Cow<'a, str>),
}

impl Token<'_> {
    /// What kind of value begins with this token; an end or a key stands where no value can, and counts as none.
    pub(super) fn kind(&self) -> ValueKind {
        match self {
            Self::BeginArray => ValueKind::Array,
            Self::BeginObject => ValueKind::Object,
            Self::Bool(_) => ValueKind::Bool,
            Self::EndArray | Self::EndObject | Self::Null => ValueKind::Null,
            Self::Key(_) | Self::Text(_) => ValueKind::Text,
            Self::Number(number) => number.kind(),
        }
    }
}

/// A number as it stands in the file; what it is depends on the field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number<'a> {
    F32(f32),
    F64(f64),
    Integer(i64),
    /// JSON: digits, sign, point, exponent by JSON's grammar.
    Text {
        text: &'a str,
        is_integer: bool,
    },
}

/// A number of a field that takes integers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    Beyond64Bits,
    Value(i64),
}

impl Number<'_> {
    fn kind(self) -> ValueKind {
        match self {
            Self::Integer(_) | Self::Text { is_integer: true, .. } => ValueKind::Integer,
            Self::F32(_) | Self::F64(_) | Self::Text { .. } => ValueKind::Float,
        }
    }

    /// Correctly rounded; too large is infinite.
    #[expect(clippy::cast_possible_truncation, reason = "the field holds an f32: rounded to nearest, as XGBoost does")]
    pub(super) fn to_f32(self) -> f32 {
        match self {
            Self::F32(value) => value,
            Self::F64(value) => value as f32,
            Self::Integer(value) => value as f32,
            // Rust takes every number of JSON's grammar.
            Self::Text { text, .. } => text.parse().unwrap_or(f32::NAN),
        }
    }

    /// `None` for anything but an integer token.
    pub(super) fn to_integer(self) -> Option<Integer> {
        match self {
            Self::Integer(value) => Some(Integer::Value(value)),
            Self::Text { text, is_integer: true } => Some(text.parse().map_or(Integer::Beyond64Bits, Integer::Value)),
            Self::F32(_) | Self::F64(_) | Self::Text { .. } => None,
        }
    }
}

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Ubjson,
}

impl Format {
    /// Tells the formats apart by content: after `{` comes a marker in UBJSON, white space, `"` or `}` in JSON.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, ModelError> {
        let not_a_model = |problem| Err(ModelError::Syntax { offset: 0, problem });
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let mut start = bytes.iter().skip_while(|byte| is_space(byte));
        match (bytes, start.next(), start.next()) {
            (_, None, _) | (_, Some(b'{'), None) => Err(ModelError::Truncated { offset: bytes.len() }),
            ([b'{', b'L' | b'i' | b'U' | b'I' | b'l' | b'#' | b'$', ..] | [b'S', b'L', ..], _, _) => Ok(Self::Ubjson),
            // Values of another kind are JSON too; the reader says that an object must stand there.
            (_, Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9'), _) => Ok(Self::Json),
            (_, Some(b't'), Some(b'r')) | (_, Some(b'f'), Some(b'a')) | (_, Some(b'n'), Some(b'u')) => Ok(Self::Json),
            _ if is_old_binary(bytes) => not_a_model(SyntaxProblem::OldBinary),
            _ => not_a_model(SyntaxProblem::NotAModel),
        }
    }
}

/// Whether a file looks like what XGBoost wrote before JSON: `binf`, or base score (f32) and number of features (u32),
/// little endian, and more parameters up to 136 bytes.
fn is_old_binary(bytes: &[u8]) -> bool {
    const PARAMETER_BYTES: usize = 136;
    const MOST_FEATURES: u32 = 1_000_000;
    match bytes {
        [b'b', b'i', b'n', b'f', ..] => true,
        [a, b, c, d, e, f, g, h, ..] if bytes.len() >= PARAMETER_BYTES => {
            let base_score = f32::from_le_bytes([*a, *b, *c, *d]);
            let num_features = u32::from_le_bytes([*e, *f, *g, *h]);
            base_score.is_finite() && (1..=MOST_FEATURES).contains(&num_features)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_formats_apart_by_content() {
        for json in ["{}", "{\"a\":1}", " \r\n{ \"a\": 1}", "{\n", "[]", "null", "1"] {
            assert_eq!(Format::of(json.as_bytes()), Ok(Format::Json), "{json}");
        }
        assert_eq!(Format::of(b"{L\0\0\0\0\0\0\0\x07learner"), Ok(Format::Ubjson));
    }

    #[test]
    fn refuses_what_is_neither() {
        for nothing in ["", " ", "\n\n", "{"] {
            assert!(matches!(Format::of(nothing.as_bytes()), Err(ModelError::Truncated { .. })), "{nothing:?}");
        }
        for other in ["<html>", "PK\x03\x04", "version https://git-lfs", "None"] {
            let error = Format::of(other.as_bytes()).unwrap_err();
            assert_eq!(error, ModelError::Syntax { offset: 0, problem: SyntaxProblem::NotAModel }, "{other:?}");
        }
        let mut old = vec![0_u8, 0, 0, 0x3f, 6, 0, 0, 0];
        old.resize(200, 0);
        for old in [old.as_slice(), b"binf\0\0\0\x3f"] {
            assert!(Format::of(old).unwrap_err().to_string().contains("old binary format"));
        }
    }

    #[test]
    fn numbers_round_once_and_integers_are_never_cast() {
        let text = |text| Number::Text { text, is_integer: !text.contains(['.', 'e', 'E']) };
        assert_eq!(text("1E40").to_f32(), f32::INFINITY);
        assert_eq!(text("1E-45").to_f32().to_bits(), 1);
        assert_eq!(text("16777217").to_f32(), 16_777_216.0);
        assert_eq!(text("-0").to_integer(), Some(Integer::Value(0)));
        assert_eq!(text("9223372036854775808").to_integer(), Some(Integer::Beyond64Bits));
        assert_eq!(text("1.0").to_integer(), None);
        assert_eq!(Number::F32(1.0).to_integer(), None);
    }
}
