//! JSON as XGBoost writes it: RFC 8259, and the words `NaN`, `Infinity`, `-Infinity` as numbers.
//!
//! A small automaton: what may stand next follows from the last token and from the innermost array or object.

use std::borrow::Cow;

use super::super::error::{ModelError, SyntaxProblem};
use super::nesting::Nesting;
use super::{Number, Source, Token};

/// The innermost that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Array,
    Object,
}

/// What may stand next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// After a value: a comma or the end of what is open.
    CommaOrEnd,
    /// After `{`: a key or `}`.
    FirstKey,
    /// After `[`: a value or `]`.
    FirstValue,
    /// After the root value: nothing.
    Nothing,
    /// At the start and after a key.
    Value,
}

/// Reads JSON token by token.
#[derive(Debug)]
pub(in super::super) struct Json<'a> {
    text: &'a str,
    at: usize,
    token: usize,
    next: Next,
    nesting: Nesting<'a, Frame>,
}

impl<'a> Json<'a> {
    pub(in super::super) fn new(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let text = core::str::from_utf8(bytes)
            .map_err(|error| ModelError::Syntax { offset: error.valid_up_to(), problem: SyntaxProblem::NotUtf8 })?;
        Ok(Self { text, at: 0, token: 0, next: Next::Value, nesting: Nesting::new() })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte, which must be there.
    fn byte(&self) -> Result<u8, ModelError> {
        self.peek().ok_or(ModelError::Truncated { offset: self.at })
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The error that something else stands at the current byte, or nothing at all.
    fn expected(&self, expected: &'static str) -> ModelError {
        match self.peek() {
            None => ModelError::Truncated { offset: self.at },
            Some(found) => ModelError::Syntax { offset: self.at, problem: SyntaxProblem::Expected { expected, found } },
        }
    }

    /// Consumes one given byte.
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ModelError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &'static str, token: Token<'a>) -> Result<Token<'a>, ModelError> {
        for byte in word.bytes() {
            self.expect(byte, word)?;
        }
        self.after_value();
        Ok(token)
    }

    fn open(&mut self, frame: Frame) -> Result<Token<'a>, ModelError> {
        self.nesting.open(frame, self.at)?;
        self.at += 1;
        match frame {
            Frame::Array => self.next = Next::FirstValue,
            Frame::Object => self.next = Next::FirstKey,
        }
        Ok(if frame == Frame::Array { Token::BeginArray } else { Token::BeginObject })
    }

    fn close(&mut self, end: Token<'a>) -> Result<Token<'a>, ModelError> {
        self.at += 1;
        self.nesting.close()?;
        self.after_value();
        Ok(end)
    }

    fn after_value(&mut self) {
        self.next = if self.nesting.top().is_some() { Next::CommaOrEnd } else { Next::Nothing };
    }

    fn key(&mut self) -> Result<Token<'a>, ModelError> {
        let offset = self.at;
        self.token = offset;
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let key = self.string()?;
        self.nesting.key(key.clone(), offset)?;
        self.skip_space();
        self.expect(b':', "':' after a key")?;
        self.next = Next::Value;
        Ok(Token::Key(key))
    }

    fn value(&mut self) -> Result<Token<'a>, ModelError> {
        self.token = self.at;
        match self.byte()? {
            b'{' => self.open(Frame::Object),
            b'[' => self.open(Frame::Array),
            b'"' => {
                let text = self.string()?;
                self.after_value();
                Ok(Token::Text(text))
            }
            b'-' | b'0'..=b'9' => {
                let number = self.number()?;
                self.after_value();
                Ok(Token::Number(number))
            }
            b't' => self.word("true", Token::Bool(true)),
            b'f' => self.word("false", Token::Bool(false)),
            b'n' => self.word("null", Token::Null),
            b'N' => self.word("NaN", Token::Number(Number::F32(f32::NAN))),
            b'I' => self.word("Infinity", Token::Number(Number::F32(f32::INFINITY))),
            _ => Err(self.expected("a value")),
        }
    }

    fn number(&mut self) -> Result<Number<'a>, ModelError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.peek() == Some(b'I') {
                self.word("Infinity", Token::Null)?;
                return Ok(Number::F32(f32::NEG_INFINITY));
            }
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            is_integer = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            is_integer = false;
        }
        Ok(Number::Text { text: self.text.get(start..self.at).unwrap_or_default(), is_integer })
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), ModelError> {
        if !self.byte()?.is_ascii_digit() {
            return Err(self.expected("a digit"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    /// A text; borrowed unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, ModelError> {
        self.at += 1;
        let mut unescaped: Option<String> = None;
        let mut start = self.at;
        loop {
            match self.byte()? {
                b'"' => {
                    let rest = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(rest),
                        Some(text) => Cow::Owned(text + rest),
                    });
                }
                b'\\' => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(self.text.get(start..self.at).unwrap_or_default());
                    let escaped = self.escape()?;
                    unescaped.get_or_insert_default().push(escaped);
                    start = self.at;
                }
                0..0x20 => return Err(self.expected("the end of a text, or an escape for a control character")),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, ModelError> {
        self.at += 1;
        let plain = match self.byte()? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `\u1234`, or two of them that are one character together.
    fn unicode_escape(&mut self) -> Result<char, ModelError> {
        let offset = self.at - 1;
        let surrogate = ModelError::Syntax { offset, problem: SyntaxProblem::Surrogate };
        let mut code = self.hex4()?;
        if (0xd800..0xdc00).contains(&code) {
            if self.byte()? != b'\\' {
                return Err(surrogate);
            }
            self.at += 1;
            if self.byte()? != b'u' {
                return Err(surrogate);
            }
            let low = self.hex4()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(surrogate);
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        char::from_u32(code).ok_or(surrogate)
    }

    /// The four hexadecimal digits after `u`.
    fn hex4(&mut self) -> Result<u32, ModelError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.byte()?).to_digit(16).ok_or_else(|| self.expected("a hexadecimal digit"))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

impl<'a> Source<'a> for Json<'a> {
    fn token(&mut self) -> Result<Token<'a>, ModelError> {
        self.skip_space();
        self.token = self.at;
        match (self.next, self.nesting.top().copied()) {
            (Next::CommaOrEnd, Some(Frame::Array)) => match self.byte()? {
                b',' => {
                    self.at += 1;
                    self.skip_space();
                    self.value()
                }
                b']' => self.close(Token::EndArray),
                _ => Err(self.expected("',' or ']'")),
            },
            (Next::CommaOrEnd, _) => match self.byte()? {
                b',' => {
                    self.at += 1;
                    self.skip_space();
                    self.key()
                }
                b'}' => self.close(Token::EndObject),
                _ => Err(self.expected("',' or '}'")),
            },
            (Next::FirstKey, _) if self.peek() == Some(b'}') => self.close(Token::EndObject),
            (Next::FirstKey, _) => self.key(),
            (Next::FirstValue, _) if self.peek() == Some(b']') => self.close(Token::EndArray),
            (Next::FirstValue | Next::Value, _) => self.value(),
            (Next::Nothing, _) => Err(ModelError::Truncated { offset: self.at }),
        }
    }

    fn offset(&self) -> usize {
        self.token
    }

    fn remaining(&self) -> usize {
        self.text.len() - self.at
    }

    fn end(&mut self) -> Result<(), ModelError> {
        self.skip_space();
        if self.at < self.text.len() { Err(ModelError::TrailingBytes { offset: self.at }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All tokens of a document, or the error.
    fn tokens(text: &str) -> Result<Vec<Token<'_>>, ModelError> {
        let mut json = Json::new(text.as_bytes())?;
        let mut tokens = Vec::new();
        let mut depth = 0_usize;
        loop {
            let token = json.token()?;
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
        json.end()?;
        Ok(tokens)
    }

    fn text_of(text: &str) -> String {
        match tokens(text).unwrap().as_slice() {
            [Token::Text(text)] => text.clone().into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn yields_the_tokens_of_a_document_with_white_space_anywhere() {
        let key = |key| Token::Key(Cow::Borrowed(key));
        let number = |text, is_integer| Token::Number(Number::Text { text, is_integer });
        let expected = vec![
            Token::BeginObject,
            key("a"),
            Token::BeginArray,
            number("1", true),
            number("-2.5E-1", false),
            Token::EndArray,
            key("b"),
            Token::Bool(true),
            key("c"),
            Token::BeginObject,
            Token::EndObject,
            key("d"),
            Token::Null,
            Token::EndObject,
        ];
        assert_eq!(tokens("{\"a\":[1,-2.5E-1],\"b\":true,\"c\":{},\"d\":null}").unwrap(), expected);
        assert_eq!(
            tokens(" {\r\n\t\"a\" : [ 1 , -2.5E-1 ] ,\n\"b\" : true , \"c\" : { } , \"d\" : null }\n ").unwrap(),
            expected
        );
    }

    #[test]
    fn reads_the_number_words_exactly_so() {
        let float = |text| match tokens(text).unwrap().as_slice() {
            [Token::Number(number)] => number.to_f32(),
            other => panic!("{other:?}"),
        };
        assert!(float("NaN").is_nan());
        assert_eq!(float("Infinity"), f32::INFINITY);
        assert_eq!(float("-Infinity"), f32::NEG_INFINITY);
        for other in ["nan", "inf", "+1", "-NaN", "Inf", "1.", ".5", "01", "1e", "0x1", "--1", "1e+"] {
            assert!(tokens(&format!("[{other}]")).is_err(), "{other}");
        }
    }

    #[test]
    fn undoes_escapes() {
        assert_eq!(text_of(r#""a\"\\\/\b\f\n\r\tz""#), "a\"\\/\u{8}\u{c}\n\r\tz");
        assert_eq!(text_of(r#""\u0041\u00e9\u20AC\ud83d\ude00é😀""#), "Aé€😀é😀");
        assert_eq!(text_of("\"\u{7f}\""), "\u{7f}");
        for bad in
            [r#""\x""#, r#""\u12""#, r#""\u12g4""#, r#""\ud83d""#, r#""\ud83dx""#, r#""\ud83d\n""#, r#""\udc00""#]
        {
            assert!(matches!(tokens(bad), Err(ModelError::Syntax { .. })), "{bad}");
        }
        assert!(matches!(tokens("\"a\nb\""), Err(ModelError::Syntax { offset: 2, .. })));
    }

    #[test]
    fn refuses_malformed_documents_where_they_go_wrong() {
        for (text, offset) in [
            ("{\"a\" 1}", 5),
            ("{\"a\":1,}", 7),
            ("{a:1}", 1),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("[1}", 2),
            ("{\"a\":1]", 6),
            ("[tru]", 4),
            ("[,1]", 1),
            ("{,}", 1),
        ] {
            match tokens(text) {
                Err(ModelError::Syntax { offset: found, .. }) => assert_eq!(found, offset, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn every_prefix_is_truncated() {
        let text = "{\"a\":[1.5e1,\"x\\u00e9\",true,NaN,-Infinity],\"b\":null}";
        for end in 0..text.len() {
            let part = &text[..end];
            assert_eq!(tokens(part), Err(ModelError::Truncated { offset: end }), "{part}");
        }
    }

    #[test]
    fn refuses_what_follows_the_root() {
        assert_eq!(tokens("{} x"), Err(ModelError::TrailingBytes { offset: 3 }));
        assert_eq!(tokens("{}\0"), Err(ModelError::TrailingBytes { offset: 2 }));
    }

    #[test]
    fn refuses_text_that_is_not_utf8_and_keys_that_stand_twice() {
        let error = Json::new(b"{\"\xff\":1}").unwrap_err();
        assert_eq!(error, ModelError::Syntax { offset: 2, problem: SyntaxProblem::NotUtf8 });
        assert_eq!(tokens("{\"a\":1,\"\\u0061\":2}"), Err(ModelError::DuplicateKey { offset: 7, key: "a".into() }));
    }

    #[test]
    fn refuses_deep_nesting_without_recursion() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(tokens(&deep(64)).is_ok());
        assert_eq!(tokens(&deep(65)), Err(ModelError::TooDeep { offset: 64 }));
        assert_eq!(tokens(&deep(1_000_000)), Err(ModelError::TooDeep { offset: 64 }));
    }
}
