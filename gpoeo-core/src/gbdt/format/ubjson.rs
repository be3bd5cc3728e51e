//! UBJSON as XGBoost writes it, big endian: keys without the marker `S`, lengths with the marker `L`.
//!
//! Arrays are open (`[` … `]`), counted (`[#L` n) or typed (`[$` type `#L` n, raw values); the last two have no end mark.
//! Every element takes a byte or more, so a count beyond the rest of the file is refused before anything is reserved.

use std::borrow::Cow;

use super::super::error::{ModelError, SyntaxProblem};
use super::nesting::Nesting;
use super::{Number, Source, Token};

/// The innermost that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// An array of so many more values.
    Counted(usize),
    Object,
    /// An array up to `]`.
    Open,
    /// An array of so many more raw values of one type.
    Typed(u8, usize),
}

/// Reads UBJSON token by token.
#[derive(Debug)]
pub(in super::super) struct Ubjson<'a> {
    bytes: &'a [u8],
    at: usize,
    token: usize,
    /// The last token was a key, so that a value must follow.
    after_key: bool,
    nesting: Nesting<'a, Frame>,
}

impl<'a> Ubjson<'a> {
    pub(in super::super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, token: 0, after_key: true, nesting: Nesting::new() }
    }

    fn peek(&self) -> Result<u8, ModelError> {
        self.bytes.get(self.at).copied().ok_or(ModelError::Truncated { offset: self.bytes.len() })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let chunk = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let chunk = *chunk.ok_or(ModelError::Truncated { offset: self.bytes.len() })?;
        self.at += N;
        Ok(chunk)
    }

    /// A length: `L` and 64 bits, not negative, not beyond the end of the file.
    fn length(&mut self) -> Result<usize, ModelError> {
        let offset = self.at;
        let [marker] = self.take()?;
        if marker != b'L' {
            return Err(ModelError::Syntax { offset, problem: SyntaxProblem::LengthMarker { found: marker } });
        }
        let length = i64::from_be_bytes(self.take()?);
        if length < 0 {
            return Err(ModelError::NegativeLength { offset, length });
        }
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.bytes.len() - self.at)
            .ok_or(ModelError::Truncated { offset })
    }

    /// A length and so many bytes of UTF-8.
    fn text(&mut self) -> Result<Cow<'a, str>, ModelError> {
        let length = self.length()?;
        let start = self.at;
        self.at += length;
        let bytes = self.bytes.get(start..self.at).unwrap_or_default();
        let text = core::str::from_utf8(bytes).map_err(|error| ModelError::Syntax {
            offset: start + error.valid_up_to(),
            problem: SyntaxProblem::NotUtf8,
        })?;
        Ok(Cow::Borrowed(text))
    }

    /// The raw value of a type of number.
    fn number(&mut self, marker: u8) -> Result<Number<'a>, ModelError> {
        Ok(match marker {
            b'd' => Number::F32(f32::from_be_bytes(self.take()?)),
            b'D' => Number::F64(f64::from_be_bytes(self.take()?)),
            b'i' => Number::Integer(i8::from_be_bytes(self.take()?).into()),
            b'U' => Number::Integer(u8::from_be_bytes(self.take()?).into()),
            b'I' => Number::Integer(i16::from_be_bytes(self.take()?).into()),
            b'l' => Number::Integer(i32::from_be_bytes(self.take()?).into()),
            b'L' => Number::Integer(i64::from_be_bytes(self.take()?)),
            _ => return Err(ModelError::UnknownMarker { offset: self.token, marker }),
        })
    }

    fn open(&mut self, frame: Frame) -> Result<(), ModelError> {
        self.nesting.open(frame, self.token)
    }

    fn begin_object(&mut self) -> Result<Token<'a>, ModelError> {
        match self.peek()? {
            marker @ (b'#' | b'$') => Err(ModelError::UnknownMarker { offset: self.at, marker }),
            _ => {
                self.open(Frame::Object)?;
                Ok(Token::BeginObject)
            }
        }
    }

    fn begin_array(&mut self) -> Result<Token<'a>, ModelError> {
        let frame = match self.peek()? {
            b'#' => {
                self.at += 1;
                Frame::Counted(self.length()?)
            }
            b'$' => {
                self.at += 1;
                let offset = self.at;
                let [marker] = self.take()?;
                let Some(size) = size_of_number(marker) else {
                    return Err(ModelError::UnknownMarker { offset, marker });
                };
                let hash = self.peek()?;
                if hash != b'#' {
                    let problem = SyntaxProblem::Expected { expected: "'#' and the length of the array", found: hash };
                    return Err(ModelError::Syntax { offset: self.at, problem });
                }
                self.at += 1;
                let offset = self.at;
                let length = self.length()?;
                if length.checked_mul(size).is_none_or(|bytes| bytes > self.bytes.len() - self.at) {
                    return Err(ModelError::Truncated { offset });
                }
                Frame::Typed(marker, length)
            }
            _ => Frame::Open,
        };
        self.open(frame)?;
        Ok(Token::BeginArray)
    }

    fn value(&mut self) -> Result<Token<'a>, ModelError> {
        let [marker] = self.take()?;
        match marker {
            b'{' => self.begin_object(),
            b'[' => self.begin_array(),
            b'S' => Ok(Token::Text(self.text()?)),
            b'T' => Ok(Token::Bool(true)),
            b'F' => Ok(Token::Bool(false)),
            b'Z' => Ok(Token::Null),
            _ => Ok(Token::Number(self.number(marker)?)),
        }
    }

    fn key(&mut self) -> Result<Token<'a>, ModelError> {
        let key = self.text()?;
        self.nesting.key(key.clone(), self.token)?;
        self.after_key = true;
        Ok(Token::Key(key))
    }

    fn close(&mut self, end: Token<'a>) -> Result<Token<'a>, ModelError> {
        self.nesting.close()?;
        Ok(end)
    }
}

/// Bytes of a raw value; `None` for what is no number.
const fn size_of_number(marker: u8) -> Option<usize> {
    match marker {
        b'i' | b'U' => Some(1),
        b'I' => Some(2),
        b'd' | b'l' => Some(4),
        b'D' | b'L' => Some(8),
        _ => None,
    }
}

impl<'a> Source<'a> for Ubjson<'a> {
    fn token(&mut self) -> Result<Token<'a>, ModelError> {
        self.token = self.at;
        if core::mem::take(&mut self.after_key) {
            return self.value();
        }
        match self.nesting.top() {
            None => Err(ModelError::Truncated { offset: self.at }),
            Some(Frame::Typed(_, 0) | Frame::Counted(0)) => self.close(Token::EndArray),
            Some(Frame::Typed(marker, left)) => {
                *left -= 1;
                let marker = *marker;
                Ok(Token::Number(self.number(marker)?))
            }
            Some(Frame::Counted(left)) => {
                *left -= 1;
                self.value()
            }
            Some(Frame::Open) => {
                if self.peek()? == b']' {
                    self.at += 1;
                    return self.close(Token::EndArray);
                }
                self.value()
            }
            Some(Frame::Object) => {
                if self.peek()? == b'}' {
                    self.at += 1;
                    return self.close(Token::EndObject);
                }
                self.key()
            }
        }
    }

    fn offset(&self) -> usize {
        self.token
    }

    fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn end(&mut self) -> Result<(), ModelError> {
        if self.at < self.bytes.len() { Err(ModelError::TrailingBytes { offset: self.at }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(bytes: &[u8]) -> Result<Vec<Token<'_>>, ModelError> {
        let mut ubjson = Ubjson::new(bytes);
        let mut tokens = Vec::new();
        let mut depth = 0_usize;
        loop {
            let token = ubjson.token()?;
            match token {
                Token::BeginArray | Token::BeginObject => depth += 1,
                Token::EndArray | Token::EndObject => depth -= 1,
                _ => {}
            }
            tokens.push(token);
            if depth == 0 {
                break;
            }
        }
        ubjson.end()?;
        Ok(tokens)
    }

    /// `L` and a length.
    fn length(length: i64) -> Vec<u8> {
        let mut bytes = vec![b'L'];
        bytes.extend(length.to_be_bytes());
        bytes
    }

    /// Parts put together; a `@` stands for a length of 2.
    fn bytes(text: &str) -> Vec<u8> {
        text.bytes().flat_map(|byte| if byte == b'@' { length(2) } else { vec![byte] }).collect()
    }

    #[test]
    fn reads_every_kind_of_array_and_scalar() {
        let numbers = |a, b| vec![Token::BeginArray, Token::Number(a), Token::Number(b), Token::EndArray];
        let integers = numbers(Number::Integer(1), Number::Integer(-2));
        assert_eq!(tokens(b"[i\x01i\xfe]").unwrap(), integers);
        assert_eq!(tokens(&bytes("[#@i\x01I")).unwrap_err(), ModelError::Truncated { offset: 14 });
        let counted: Vec<u8> = [b"[#".as_slice(), &length(2), b"U\x01l\xff\xff\xff\xfe"].concat();
        assert_eq!(tokens(&counted).unwrap(), integers);
        let typed: Vec<u8> = [b"[$I#".as_slice(), &length(2), b"\x00\x01\xff\xfe"].concat();
        assert_eq!(tokens(&typed).unwrap(), integers);
        let floats: Vec<u8> = [b"[d".as_slice(), &1.5_f32.to_be_bytes(), b"D", &0.1_f64.to_be_bytes(), b"]"].concat();
        assert_eq!(tokens(&floats).unwrap(), numbers(Number::F32(1.5), Number::F64(0.1)));
        assert_eq!(
            tokens(&bytes("{@abS@\u{e9}@cd[TFZ]}")).unwrap(),
            [
                Token::BeginObject,
                Token::Key("ab".into()),
                Token::Text("é".into()),
                Token::Key("cd".into()),
                Token::BeginArray,
                Token::Bool(true),
                Token::Bool(false),
                Token::Null,
                Token::EndArray,
                Token::EndObject
            ]
        );
    }

    #[test]
    fn refuses_markers_that_xgboost_does_not_write() {
        for (text, offset) in
            [("[C]", 1), ("[H]", 1), ("[N]", 1), ("{#@", 1), ("{$i", 1), ("[$S#@", 2), ("[$[#@", 2), ("[x]", 1)]
        {
            match tokens(&bytes(text)) {
                Err(ModelError::UnknownMarker { offset: found, .. }) => assert_eq!(found, offset, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn takes_no_length_but_one_with_marker_l() {
        for text in ["[#i\x01i\x01", "[$i#l\0\0\0\x01\x01", "{i\x01aT}", "[Si\x01a]", "[$i@"] {
            assert!(matches!(tokens(&bytes(text)), Err(ModelError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn refuses_lengths_below_zero_or_beyond_the_end() {
        for start in ["[#", "[$d#", "[S", "{"] {
            let with = |count| [start.as_bytes(), &length(count), &[0; 7]].concat();
            let offset = start.len();
            assert_eq!(tokens(&with(-1)), Err(ModelError::NegativeLength { offset, length: -1 }), "{start}");
            for count in [8, i64::from(u32::MAX), i64::MAX] {
                assert_eq!(tokens(&with(count)), Err(ModelError::Truncated { offset }), "{start} {count}");
            }
        }
        let doubles = [b"[$D#".as_slice(), &length(1 << 61), &[0; 8]].concat();
        assert_eq!(tokens(&doubles), Err(ModelError::Truncated { offset: 4 }));
    }

    #[test]
    fn every_prefix_is_truncated_and_every_byte_more_is_trailing() {
        let mut whole = bytes("{@ab[$U#@\x01\x02@cdS@xy@ef[#@T[]}");
        for end in 0..whole.len() {
            assert!(matches!(tokens(&whole[..end]), Err(ModelError::Truncated { .. })), "{end}");
        }
        let offset = whole.len();
        assert!(tokens(&whole).is_ok());
        whole.push(b'\n');
        assert_eq!(tokens(&whole), Err(ModelError::TrailingBytes { offset }));
    }

    #[test]
    fn refuses_what_is_not_utf8_in_keys_and_texts() {
        for (start, offset) in [(b"{".as_slice(), 10), (b"[S", 11)] {
            let bytes = [start, &length(2), b"\xc3\x28"].concat();
            let problem = SyntaxProblem::NotUtf8;
            assert_eq!(tokens(&bytes), Err(ModelError::Syntax { offset, problem }));
        }
    }

    #[test]
    fn refuses_deep_nesting_without_recursion() {
        let deep: Vec<u8> = [[b"[#".as_slice(), &length(1)].concat().repeat(1_000_000), b"Z".to_vec()].concat();
        assert_eq!(tokens(&deep), Err(ModelError::TooDeep { offset: 64 * 11 }));
    }
}
