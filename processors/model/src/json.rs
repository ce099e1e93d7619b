// SPDX-License-Identifier: Apache-2.0

//! JSON text that is passed through without interpretation.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

use crate::reader::Verbatim;
use crate::writer::VERBATIM;

/// Compact JSON text: no insignificant whitespace, everything else unchanged (order, spelling of numbers, escapes, whitespace
/// in strings). Borrowed from the record if it is compact there.
///
/// With `serde_json` it is serialized as JSON, not as a string. Two are equal if their texts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<'a>(Cow<'a, str>);

impl<'a> Json<'a> {
    /// Wraps text that is known to be compact JSON, for example because it was stored by this type. It is not validated.
    #[must_use]
    pub fn from_compact(text: Cow<'a, str>) -> Self {
        Json(text)
    }

    /// Wraps JSON text delimited by a parser, and removes its insignificant whitespace.
    pub(crate) fn compacted(text: &'a str) -> Self {
        Json(compact(text))
    }

    /// Wraps a value of the reader.
    pub(crate) fn of_verbatim(value: Verbatim<'a>) -> Self {
        if value.is_compact { Json(Cow::Borrowed(value.text)) } else { Json::compacted(value.text) }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text, without a copy if it is owned.
    #[must_use]
    pub fn into_owned(self) -> String {
        self.0.into_owned()
    }

    /// The same text, borrowed from this one.
    #[must_use]
    pub fn borrowed(&self) -> Json<'_> {
        Json(Cow::Borrowed(&self.0))
    }

    /// The same text, not borrowing from the record.
    #[must_use]
    pub fn into_static(self) -> Json<'static> {
        Json(Cow::Owned(self.0.into_owned()))
    }

    /// A copy that does not borrow from the record.
    #[must_use]
    pub fn to_static(&self) -> Json<'static> {
        self.clone().into_static()
    }
}

impl<'de> Deserialize<'de> for Json<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Json(Cow::Owned(compact(text.get()).into_owned())))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(VERBATIM, &Inner(&self.0))
    }
}

/// The text. This crate's writer recognizes the name above, requests the non-human-readable form, and receives the text itself.
struct Inner<'a>(&'a str);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_str(self.0);
        }
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(raw) => raw.serialize(serializer),
            // Only damaged state reaches this. As a string, the record stays valid JSON.
            Err(_) => serializer.serialize_str(self.0),
        }
    }
}

/// Removes whitespace outside of strings. Borrows if there is none.
fn compact(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(blanks()) {
        return Cow::Borrowed(text);
    }
    let mut shorter = String::with_capacity(text.len());
    let mut blank = blanks();
    let mut rest = text;
    while let Some(at) = rest.bytes().position(&mut blank) {
        let (before, from) = rest.split_at(at);
        shorter.push_str(before);
        // Whitespace is one byte long.
        rest = from.get(1..).unwrap_or_default();
    }
    shorter.push_str(rest);
    Cow::Owned(shorter)
}

/// Tells for each byte of a JSON text, in order, whether it is insignificant whitespace.
fn blanks() -> impl FnMut(u8) -> bool {
    let mut in_string = false;
    let mut escaped = false;
    move |byte| {
        if escaped {
            escaped = false;
        } else if in_string {
            escaped = byte == b'\\';
            in_string = byte != b'"';
        } else {
            in_string = byte == b'"';
            return matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compact_text_is_borrowed() {
        let text = r#"{"a":[1.50,"x y"],"b":null}"#;
        assert!(matches!(compact(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn whitespace_goes_outside_of_strings_and_stays_within() {
        let text = "{ \"a b\" :\r\n\t[ 1.50 , \" x \\\" y \\\\\" , { } ] }";
        assert_eq!(compact(text), "{\"a b\":[1.50,\" x \\\" y \\\\\",{}]}");
    }

    #[test]
    fn spelling_of_numbers_escapes_and_repeated_keys_stay() {
        let text = "{ \"a\":1e2,\"a\":1.0,\"\\u0061\":\"\\/é\" }";
        assert_eq!(compact(text), "{\"a\":1e2,\"a\":1.0,\"\\u0061\":\"\\/é\"}");
    }

    #[test]
    fn it_is_written_raw() {
        let json = Json::from_compact(Cow::Borrowed(r#"{"a":1.50}"#));
        assert_eq!(serde_json::to_string(&vec![Some(json), None]).unwrap(), r#"[{"a":1.50},null]"#);
    }

    #[test]
    fn damaged_text_is_written_as_a_string() {
        let json = Json::from_compact(Cow::Borrowed("{\"a\""));
        assert_eq!(serde_json::to_string(&json).unwrap(), r#""{\"a\"""#);
    }

    #[test]
    fn a_static_copy_is_equal() {
        let json = Json::compacted("{ }");
        assert_eq!(json.to_static(), json);
        assert_eq!(json.as_str(), "{}");
        assert_eq!(json.into_owned(), "{}");
    }

    proptest! {
        #[test]
        fn compact_and_pretty_text_come_out_alike(keys in proptest::collection::vec("\\PC{0,6}", 0..4), value in "[ \\n\"\\\\a-z]{0,8}") {
            let object: serde_json::Map<_, _> = keys.into_iter().map(|k| (k, value.clone().into())).collect();
            let tight = serde_json::to_string(&object).unwrap();
            let loose = serde_json::to_string_pretty(&object).unwrap();
            prop_assert_eq!(compact(&loose), tight.as_str());
            prop_assert!(matches!(compact(&tight), Cow::Borrowed(_)));
        }
    }
}
