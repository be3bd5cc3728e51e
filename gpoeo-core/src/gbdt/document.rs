//! Small JSON documents beside the models: the tokens of [`super::format`] as a deserializer of serde.
//!
//! Not for speed: the card of a set is a few kilobytes. Nesting is bounded by the tokens' own limit, a key that stands
//! twice and anything after the end are refused.

use core::fmt;

use serde::de::value::{CowStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::error::ModelError;
use super::format::{Integer, Json, Number, Source, Token};

/// Why a document cannot be read: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DocumentError(String);

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for DocumentError {}

impl de::Error for DocumentError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string().replace(['\n', '\r'], " "))
    }
}

impl From<ModelError> for DocumentError {
    fn from(error: ModelError) -> Self {
        // What stands behind the semicolon is how a model is mended.
        let message = error.to_string();
        Self(message.split(';').next().unwrap_or_default().to_owned())
    }
}

/// Reads a whole JSON document.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    let mut source = Json::new(bytes)?;
    let token = source.token()?;
    let value = T::deserialize(Value { source: &mut source, token }).map_err(|error| {
        let offset = source.offset();
        DocumentError(format!("{error}, at byte {offset}"))
    })?;
    source.end()?;
    Ok(value)
}

/// One value that begins with a token.
struct Value<'s, 'a, S> {
    source: &'s mut S,
    token: Token<'a>,
}

impl<'a, S: Source<'a>> de::Deserializer<'a> for Value<'_, 'a, S> {
    type Error = DocumentError;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        match self.token {
            Token::BeginArray => {
                let mut elements = Elements { source: self.source, is_over: false };
                let value = visitor.visit_seq(&mut elements)?;
                // Whoever takes fewer elements than there are has not understood them.
                if elements.next()?.is_some() { Err(de::Error::custom("too many elements")) } else { Ok(value) }
            }
            Token::BeginObject => visitor.visit_map(Entries(self.source)),
            Token::Bool(flag) => visitor.visit_bool(flag),
            Token::Null => visitor.visit_unit(),
            Token::Number(number) => match number.to_integer() {
                Some(Integer::Value(value)) => visitor.visit_i64(value),
                Some(Integer::Beyond64Bits) | None => visitor.visit_f64(to_f64(number)),
            },
            Token::Text(text) => visitor.visit_str(&text),
            Token::EndArray | Token::EndObject | Token::Key(_) => Err(de::Error::custom("a value is missing")),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DocumentError> {
        if self.token == Token::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DocumentError> {
        match &self.token {
            Token::Text(text) => {
                let name: StrDeserializer<'_, DocumentError> = (**text).into_deserializer();
                visitor.visit_enum(name)
            }
            _ => Err(de::Error::custom("expected a text")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DocumentError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The elements of an array.
struct Elements<'s, S> {
    source: &'s mut S,
    is_over: bool,
}

impl<'a, S: Source<'a>> Elements<'_, S> {
    fn next(&mut self) -> Result<Option<Token<'a>>, DocumentError> {
        if self.is_over {
            return Ok(None);
        }
        let token = self.source.token()?;
        self.is_over = token == Token::EndArray;
        Ok((!self.is_over).then_some(token))
    }
}

impl<'a, S: Source<'a>> SeqAccess<'a> for &mut Elements<'_, S> {
    type Error = DocumentError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, DocumentError> {
        let Some(token) = self.next()? else { return Ok(None) };
        seed.deserialize(Value { source: self.source, token }).map(Some)
    }
}

/// The entries of an object.
struct Entries<'s, S>(&'s mut S);

impl<'a, S: Source<'a>> MapAccess<'a> for Entries<'_, S> {
    type Error = DocumentError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, DocumentError> {
        match self.0.token()? {
            Token::Key(key) => seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            _ => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, DocumentError> {
        let token = self.0.token()?;
        seed.deserialize(Value { source: self.0, token })
    }
}

fn to_f64(number: Number<'_>) -> f64 {
    match number {
        Number::F32(value) => f64::from(value),
        Number::F64(value) => value,
        Number::Integer(value) => value as f64,
        Number::Text { text, .. } => text.parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
        size: u8,
        #[serde(default)]
        ratio: Option<f64>,
        list: Vec<(f64, f64)>,
        numbers: BTreeMap<String, f64>,
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#"{"name":"a \"b\" é", "size":7, "list":[[1,2.5],[-1e3,0]], "numbers":{"x":1,"y":1e-3}}"#;
        let ours: Thing = from_json(text.as_bytes()).unwrap();
        #[derive(serde::Deserialize)]
        struct Same(Thing);
        let Same(theirs) = serde_json::from_str(text).unwrap();
        assert_eq!(ours, theirs);
        assert_eq!(ours.ratio, None);
    }

    #[test]
    fn refuses_in_one_line_that_says_what_and_where() {
        let cases = [
            ("", "truncated"),
            ("{", "truncated"),
            (r#"{"name":"a","size":300,"list":[],"numbers":{}}"#, "300"),
            (r#"{"name":"a","size":1,"list":[],"numbers":{},"other":1}"#, "other"),
            (r#"{"name":"a","size":1,"list":[[1,2,3]],"numbers":{}}"#, "too many"),
            (r#"{"name":"a","size":1,"list":[],"numbers":{}} x"#, "trailing"),
            (r#"{"name":"a","name":"b"}"#, "duplicate"),
            (r#"{"name":1}"#, "string"),
            (r#"{"name":"a"}"#, "missing field"),
            ("7", "struct Thing"),
        ];
        for (text, part) in cases {
            let error = from_json::<Thing>(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part) && error.lines().count() == 1, "{text}: {error}");
        }
    }
}
