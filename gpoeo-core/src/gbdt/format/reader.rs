//! Typed reading on top of the tokens: asks for the kind of value that a field has, knows the path for errors.

use std::borrow::Cow;

use super::super::error::ModelError;
use super::super::place::{FieldPath, ValueKind};
use super::{Integer, Number, Source, Token};

/// The key that makes a model one of booster `dart` wherever it stands.
const WEIGHT_DROP: &str = "weight_drop";

/// Reads fields of known kind from a token source.
#[derive(Debug)]
pub(in super::super) struct Reader<S> {
    source: S,
    path: FieldPath,
    has_weight_drop: bool,
}

impl<'a, S: Source<'a>> Reader<S> {
    pub(in super::super) fn new(source: S) -> Self {
        Self { source, path: FieldPath::default(), has_weight_drop: false }
    }

    /// Where we are.
    pub(in super::super) fn path(&self) -> &FieldPath {
        &self.path
    }

    /// Most elements that an array can have here.
    pub(in super::super) fn remaining(&self) -> usize {
        self.source.remaining()
    }

    /// Whether a `weight_drop` with elements stood anywhere so far.
    pub(in super::super) fn has_weight_drop(&self) -> bool {
        self.has_weight_drop
    }

    /// Refuses anything after the root value.
    pub(in super::super) fn end(&mut self) -> Result<(), ModelError> {
        self.source.end()
    }

    /// Reads the value of a key.
    pub(in super::super) fn field<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        self.path.push_key(key);
        let value = read(self)?;
        self.path.pop();
        Ok(value)
    }

    /// Reads an object: `each` gets every key and must read its value, with [`Self::skip`] at least.
    pub(in super::super) fn object(
        &mut self,
        each: impl FnMut(&mut Self, &str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let token = self.source.token()?;
        self.begin_object(&token)?;
        self.entries(each)
    }

    fn begin_object(&self, token: &Token<'a>) -> Result<(), ModelError> {
        if *token == Token::BeginObject { Ok(()) } else { Err(self.wrong_type(ValueKind::Object, token)) }
    }

    /// Reads the keys and values of an object that has begun; as [`Self::object`] otherwise.
    pub(in super::super) fn entries(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        loop {
            match self.source.token()? {
                Token::EndObject => return Ok(()),
                Token::Key(key) if key == WEIGHT_DROP => self.weight_drop()?,
                Token::Key(key) => each(self, &key)?,
                other => return Err(self.wrong_type(ValueKind::Object, &other)),
            }
        }
    }

    /// Reads an array: `each` gets the index and the first token of every element and must read the rest.
    fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self, usize, Token<'a>) -> Result<(), ModelError>,
    ) -> Result<usize, ModelError> {
        match self.source.token()? {
            Token::BeginArray => {}
            other => return Err(self.wrong_type(ValueKind::Array, &other)),
        }
        for index in 0.. {
            match self.source.token()? {
                Token::EndArray => return Ok(index),
                token => each(self, index, token)?,
            }
        }
        Ok(0)
    }

    /// Reads an array of objects, and says how many there were: `each` gets the index and must read the
    /// [`Self::entries`].
    pub(in super::super) fn objects(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), ModelError>,
    ) -> Result<usize, ModelError> {
        self.elements(|reader, index, token| {
            reader.path.push_index(index);
            reader.begin_object(&token)?;
            each(reader, index)?;
            reader.path.pop();
            Ok(())
        })
    }

    /// Reads text.
    pub(in super::super) fn text(&mut self) -> Result<Cow<'a, str>, ModelError> {
        match self.source.token()? {
            Token::Text(text) => Ok(text),
            other => Err(self.wrong_type(ValueKind::Text, &other)),
        }
    }

    /// Reads an array of texts, and says how many there were.
    pub(in super::super) fn texts(&mut self, mut each: impl FnMut(&str)) -> Result<usize, ModelError> {
        self.elements(|reader, index, token| match token {
            Token::Text(text) => {
                each(&text);
                Ok(())
            }
            other => Err(reader.wrong_element(index, ValueKind::Text, &other)),
        })
    }

    /// Reads one integer.
    pub(in super::super) fn integer(&mut self) -> Result<Integer, ModelError> {
        let token = self.source.token()?;
        match integer_of(&token) {
            Some(integer) => Ok(integer),
            None => Err(self.wrong_type(ValueKind::Integer, &token)),
        }
    }

    /// Reads an array of integers, and says how many there were.
    pub(in super::super) fn integers(&mut self, mut each: impl FnMut(usize, Integer)) -> Result<usize, ModelError> {
        self.elements(|reader, index, token| match integer_of(&token) {
            Some(integer) => {
                each(index, integer);
                Ok(())
            }
            None => Err(reader.wrong_element(index, ValueKind::Integer, &token)),
        })
    }

    /// Reads an array of numbers, and says how many there were.
    pub(in super::super) fn numbers(&mut self, mut each: impl FnMut(Number<'a>)) -> Result<usize, ModelError> {
        self.elements(|reader, index, token| match token {
            Token::Number(number) => {
                each(number);
                Ok(())
            }
            other => Err(reader.wrong_element(index, ValueKind::Number, &other)),
        })
    }

    /// Reads an array of 0 and 1, or of booleans, and says how many there were.
    pub(in super::super) fn flags(&mut self, mut each: impl FnMut(bool)) -> Result<usize, ModelError> {
        self.elements(|reader, index, token| match (&token, integer_of(&token)) {
            (Token::Bool(flag), _) => {
                each(*flag);
                Ok(())
            }
            (_, Some(Integer::Value(flag @ (0 | 1)))) => {
                each(flag == 1);
                Ok(())
            }
            (_, Some(_)) => Err(reader.wrong_value(index, "0 or 1")),
            (_, None) => Err(reader.wrong_element(index, ValueKind::Integer, &token)),
        })
    }

    /// Reads a value of any kind and forgets it.
    pub(in super::super) fn skip(&mut self) -> Result<(), ModelError> {
        let token = self.source.token()?;
        self.skip_rest(&token)
    }

    /// Reads the rest of the value that begins with `token`.
    fn skip_rest(&mut self, token: &Token<'a>) -> Result<(), ModelError> {
        let mut depth = match token {
            Token::BeginArray | Token::BeginObject => 1_usize,
            _ => return Ok(()),
        };
        let mut first_weight = false;
        let mut after_weight_drop = false;
        while depth > 0 {
            let token = self.source.token()?;
            self.has_weight_drop |= first_weight && token != Token::EndArray;
            first_weight = after_weight_drop && token == Token::BeginArray;
            after_weight_drop = matches!(&token, Token::Key(key) if key == WEIGHT_DROP);
            match token {
                Token::BeginArray | Token::BeginObject => depth += 1,
                Token::EndArray | Token::EndObject => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the value of `weight_drop`.
    fn weight_drop(&mut self) -> Result<(), ModelError> {
        let token = self.source.token()?;
        if token != Token::BeginArray {
            return self.skip_rest(&token);
        }
        let first = self.source.token()?;
        if first == Token::EndArray {
            return Ok(());
        }
        self.has_weight_drop = true;
        self.skip_rest(&first)?;
        self.skip_rest(&Token::BeginArray)
    }

    /// The error that an element of the array just read has a value that it cannot have.
    pub(in super::super) fn wrong_value(&self, index: usize, expected: &'static str) -> ModelError {
        ModelError::WrongValue { path: self.path.index(index), offset: self.source.offset(), expected }
    }

    fn wrong_type(&self, expected: ValueKind, found: &Token<'_>) -> ModelError {
        let (path, offset) = (self.path.clone(), self.source.offset());
        ModelError::WrongType { path, offset, expected, found: found.kind() }
    }

    fn wrong_element(&self, index: usize, expected: ValueKind, found: &Token<'_>) -> ModelError {
        let (path, offset) = (self.path.index(index), self.source.offset());
        ModelError::WrongType { path, offset, expected, found: found.kind() }
    }
}

fn integer_of(token: &Token<'_>) -> Option<Integer> {
    match token {
        Token::Number(number) => number.to_integer(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Json;
    use super::*;

    fn reader(text: &str) -> Reader<Json<'_>> {
        Reader::new(Json::new(text.as_bytes()).unwrap())
    }

    fn has_weight_drop(text: &str) -> bool {
        let mut reader = reader(text);
        reader.object(|reader, _| reader.skip()).unwrap();
        reader.end().unwrap();
        reader.has_weight_drop()
    }

    #[test]
    fn finds_weights_at_any_depth_and_reads_on_behind_them() {
        for with in [
            r#"{"weight_drop":[1],"a":2}"#,
            r#"{"weight_drop":[[],{}],"a":2}"#,
            r#"{"weight_drop":[[1,[2]],{"b":3}],"a":2}"#,
            r#"{"a":{"b":[{"weight_drop":[1.0]}]}}"#,
        ] {
            assert!(has_weight_drop(with), "{with}");
        }
        for without in [
            r#"{"weight_drop":[],"a":[1]}"#,
            r#"{"weight_drop":1}"#,
            r#"{"weight_drop":{"a":[1]}}"#,
            r#"{"a":{"weight_drop":[]},"b":[1]}"#,
            r#"{"a":["weight_drop",[1]]}"#,
        ] {
            assert!(!has_weight_drop(without), "{without}");
        }
    }

    #[test]
    fn says_where_a_value_of_another_kind_stands() {
        let mut reader = reader(r#"{"version":[3,"x"]}"#);
        let error = reader
            .object(|reader, _| reader.field("version", |reader| reader.integers(|_, _| {})).map(drop))
            .unwrap_err();
        let path = FieldPath::of(&["version"]).index(1);
        assert_eq!(
            error,
            ModelError::WrongType { path, offset: 14, expected: ValueKind::Integer, found: ValueKind::Text }
        );
    }
}
