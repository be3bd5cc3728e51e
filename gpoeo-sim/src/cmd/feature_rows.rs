//! Rows of features from a CSV file: a header whose names do not matter, then one row a line, an empty field missing.
//!
//! Not the crate `csv`: it skips empty lines, and to a model of one feature an empty line is a row with a missing value.

use std::fmt;

/// The rows of a file, one after the other.
#[derive(Debug, Default, PartialEq)]
pub(super) struct FeatureRows {
    pub(super) values: Vec<f32>,
    pub(super) count: usize,
}

/// Why a file of rows cannot be used; `line` counts from 1, `row` and `column` from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FeatureRowsError {
    Length { line: usize, row: usize, found: usize, expected: usize },
    NoHeader,
    NotANumber { line: usize, row: usize, column: usize, text: String },
}

impl FeatureRows {
    /// Reads the rows of a file for a model of so many features.
    pub(super) fn parse(file: &[u8], num_features: usize) -> Result<Self, FeatureRowsError> {
        let (header_lines, body) = split_header(file).ok_or(FeatureRowsError::NoHeader)?;
        let mut rows = Self::default();
        for (index, text) in body.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let text = text.trim_ascii();
            if text.is_empty() && num_features != 1 {
                continue;
            }
            let (line, row) = (header_lines + index + 1, rows.count);
            let mut found = 0;
            for (column, field) in text.split(|byte| *byte == b',').enumerate() {
                let not_a_number = || FeatureRowsError::NotANumber { line, row, column, text: shown(field) };
                rows.values.push(number(field).ok_or_else(not_a_number)?);
                found += 1;
            }
            if found != num_features {
                return Err(FeatureRowsError::Length { line, row, found, expected: num_features });
            }
            rows.count += 1;
        }
        Ok(rows)
    }
}

/// The lines that the header takes, and what follows it: names in quotes may contain line breaks.
fn split_header(file: &[u8]) -> Option<(usize, &[u8])> {
    let (mut lines, mut is_quoted) = (1, false);
    for (place, byte) in file.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if is_quoted => lines += 1,
            b'\n' => return Some((lines, file.get(place + 1..)?)),
            _ => {}
        }
    }
    // A header alone, without a line break behind it, or nothing at all.
    (!file.is_empty() && !is_quoted).then_some((lines, &[]))
}

/// A number as XGBoost's readers take it, straight to f32; empty is missing.
fn number(field: &[u8]) -> Option<f32> {
    let field = field.trim_ascii();
    let field = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
    if field.is_empty() { Some(f32::NAN) } else { std::str::from_utf8(field).ok()?.parse().ok() }
}

/// A field for a message: short, whatever it is.
fn shown(field: &[u8]) -> String {
    const LONGEST: usize = 32;
    String::from_utf8_lossy(field).trim().chars().take(LONGEST).collect()
}

impl fmt::Display for FeatureRowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { line, row, found, expected } => write!(
                f,
                "{line}: row {row} has {found} fields, the model has {expected} features; give one a feature, empty \
                 where it is missing"
            ),
            Self::NoHeader => write!(f, "1: there is no header; name the features in the first line"),
            Self::NotANumber { line, row, column, text } => write!(
                f,
                "{line}: field {column} of row {row} is {text:?}, which is not a number; write a decimal number, inf, \
                 -inf, or leave it empty where it is missing"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, num_features: usize) -> Result<FeatureRows, FeatureRowsError> {
        FeatureRows::parse(text.as_bytes(), num_features)
    }

    fn bits(text: &str, num_features: usize) -> Vec<u32> {
        parse(text, num_features).unwrap().values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn reads_numbers_words_and_missing_values() {
        let values = [1.5, f32::NAN, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45, 3.5].map(f32::to_bits);
        assert_eq!(bits("a,b\n1.5,\nnan,inf\n-inf,-0.0\n1e-45, \"3.5\" \n", 2), values);
        assert_eq!(bits("a,b\r\n1.5,\r\n", 2), values[..2]);
    }

    #[test]
    fn names_do_not_matter_whatever_they_are() {
        for header in ["1,2", "\"a,b\",c", "\"a\nb\"\"\",c", "", "only one"] {
            assert_eq!(bits(&format!("{header}\n1,2\n"), 2), [1.0, 2.0].map(f32::to_bits), "{header:?}");
        }
        assert_eq!(parse("a,b", 2).unwrap().count, 0);
        assert_eq!(parse("", 2), Err(FeatureRowsError::NoHeader));
    }

    #[test]
    fn an_empty_line_is_a_missing_value_only_where_there_is_one_feature() {
        assert_eq!(bits("a\n1\n\n2\n", 1), [1.0, f32::NAN, 2.0].map(f32::to_bits));
        assert_eq!(parse("a,b\n1,2\n\n3,4\n\n", 2).unwrap().count, 2);
    }

    #[test]
    fn says_which_line_and_row_is_wrong() {
        let error = parse("\"a\nb\",c\n1,2\n3\n", 2).unwrap_err();
        assert_eq!(error, FeatureRowsError::Length { line: 4, row: 1, found: 1, expected: 2 });
        let error = parse("a,b\n1,x\n", 2).unwrap_err();
        assert!(error.to_string().starts_with("2: field 1 of row 0 is \"x\", which is not a number; "), "{error}");
        let wide = FeatureRows::parse(b"a\n\xff\xfe\n", 1).unwrap_err().to_string();
        assert_eq!(wide.lines().count(), 1);
    }
}
