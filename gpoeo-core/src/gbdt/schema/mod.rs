//! What XGBoost's models consist of: which fields there are, which are read, which rules they keep.
//!
//! [`Document`] reads a file once, front to back, in whatever order its keys stand. As a file may break several rules, what
//! is no fault of the format itself is noted and judged at the end in a fixed order ([`Document::check`]).

mod check;
mod document;
mod structure;
mod tree;

pub(super) use check::Parts;
pub(super) use document::Document;
pub(super) use tree::RawTree;

use super::error::{ModelError, shortened};
use super::format::Integer;
use super::place::FieldPath;

/// What `split_indices` holds for a deleted node and `parents` for the root.
const NONE: i32 = i32::MAX;

/// Stands for an integer of the file that 32 bits cannot hold: no field may be that low.
const BEYOND: i32 = i32::MIN;

/// Integers are kept in 32 bits: what does not fit is wrong in every field, and kept as that.
fn to_i32(integer: Integer) -> i32 {
    match integer {
        Integer::Value(value) => i32::try_from(value).unwrap_or(BEYOND),
        Integer::Beyond64Bits => BEYOND,
    }
}

/// A parameter, which XGBoost writes as text: a decimal integer in 0 … 2³¹-1.
fn parameter(text: Option<&str>, path: impl Fn() -> FieldPath) -> Result<usize, ModelError> {
    let Some(text) = text else { return Err(ModelError::MissingField { path: path() }) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<i32>()
        .ok()
        .filter(|_| digits)
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| ModelError::BadNumber { path: path(), text: shortened(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_decimal_integer_of_31_bits() {
        let read = |text| parameter(Some(text), FieldPath::default);
        assert_eq!(read("0"), Ok(0));
        assert_eq!(read("2147483647"), Ok(2_147_483_647));
        for text in ["", "-1", "+1", " 1", "1 ", "1.0", "1e3", "2147483648", "x", "٣"] {
            assert!(matches!(read(text), Err(ModelError::BadNumber { .. })), "{text}");
        }
    }
}
