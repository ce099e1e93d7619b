// SPDX-License-Identifier: Apache-2.0

//! Writes `Serialize` types as compact JSON: the same bytes as `serde_json`.
//!
//! Why not `serde_json`: it checks every byte of every string one by one, field names included, and it parses JSON text before
//! writing it. That was a fifth of the pipeline's total cost with all processors.

pub(crate) mod avro;
mod buffer;
mod common;
mod compound;

use std::fmt;

use serde::ser::{Error, Serialize, Serializer};

use crate::reader::Reader;
use buffer::Buffer;
use common::widen;
use compound::Compound;

/// The name of [`crate::Json`] in serde, whose text is written unchanged.
pub(crate) const VERBATIM: &str = "model::Json";

/// A type that cannot be written as JSON because its own `Serialize` fails. No type of this crate does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unwritable(String);

impl Error for Unwritable {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

/// Appends the value.
///
/// # Errors
/// See [`Unwritable`].
pub(crate) fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    let mut writer = Writer { out: Buffer::behind(out), is_verbatim: false };
    let written = value.serialize(&mut writer);
    writer.out.finish();
    written
}

/// The output.
pub(crate) struct Writer<'o> {
    out: Buffer<'o>,
    /// Whether the next text is JSON.
    is_verbatim: bool,
}

impl Writer<'_> {
    fn digits(&mut self, number: impl itoa::Integer) {
        self.out.push(itoa::Buffer::new().format(number).as_bytes());
    }

    fn float(&mut self, number: impl Serialize) -> Result<(), Unwritable> {
        self.out.push(&serde_json::to_vec(&number).map_err(Unwritable::custom)?);
        Ok(())
    }

    fn string(&mut self, text: &str) {
        self.out.string(text);
    }

    /// JSON text. Only damaged state can contain anything else: as a string, the record stays valid JSON.
    fn verbatim(&mut self, text: &str) {
        let mut json = Reader::new(text);
        match json.skip().and_then(|()| json.end()) {
            Ok(()) => self.out.push(text.as_bytes()),
            Err(_) => self.string(text),
        }
    }

    /// `{"name":`, for what follows.
    fn variant(&mut self, name: &str) {
        self.out.byte(b'{');
        self.string(name);
        self.out.byte(b':');
    }
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Compound<'w, 'o>;
    type SerializeTuple = Compound<'w, 'o>;
    type SerializeTupleStruct = Compound<'w, 'o>;
    type SerializeTupleVariant = Compound<'w, 'o>;
    type SerializeMap = Compound<'w, 'o>;
    type SerializeStruct = Compound<'w, 'o>;
    type SerializeStructVariant = Compound<'w, 'o>;

    fn is_human_readable(&self) -> bool {
        !self.is_verbatim
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        match value {
            true => self.out.push(b"true"),
            false => self.out.push(b"false"),
        }
        Ok(())
    }

    widen! {
        serialize_i8(i8) by serialize_i64,
        serialize_i16(i16) by serialize_i64,
        serialize_i32(i32) by serialize_i64,
        serialize_u8(u8) by serialize_u64,
        serialize_u16(u16) by serialize_u64,
        serialize_u32(u32) by serialize_u64,
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unwritable> {
        self.digits(value);
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        self.digits(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        self.float(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        self.float(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        match std::mem::take(&mut self.is_verbatim) {
            true => self.verbatim(value),
            false => self.string(value),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.out.push(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.string(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.is_verbatim = name == VERBATIM;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.byte(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'w, 'o>, Unwritable> {
        Ok(Compound::begin(self, b'[', "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'w, 'o>, Unwritable> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'w, 'o>, Unwritable> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Unwritable> {
        self.variant(variant);
        Ok(Compound::begin(self, b'[', "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'w, 'o>, Unwritable> {
        Ok(Compound::begin(self, b'{', "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'w, 'o>, Unwritable> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Unwritable> {
        self.variant(variant);
        Ok(Compound::begin(self, b'{', "}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Json;
    use crate::arbitrary::json;
    use proptest::prelude::*;
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn values_are_written_as_serde_json_writes_them(value in json()) {
            prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        }
    }

    #[derive(serde::Serialize)]
    enum Variants {
        Unit,
        Newtype(i32),
        Tuple(u8, char),
        Struct { name: &'static str, none: Option<f32> },
    }

    #[derive(serde::Serialize)]
    struct Nothing;

    #[derive(serde::Serialize)]
    struct Whole<'a> {
        variants: [Variants; 4],
        nothing: Nothing,
        unit: (),
        pair: (i8, u16),
        numbers: BTreeMap<i32, f64>,
        empty: [u8; 0],
        json: Option<Json<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<bool>,
        text: Cow<'a, str>,
    }

    #[test]
    fn every_kind_of_type_is_written_as_serde_json_writes_it() {
        let whole = Whole {
            variants: [
                Variants::Unit,
                Variants::Newtype(-7),
                Variants::Tuple(255, '"'),
                Variants::Struct { name: "n", none: None },
            ],
            nothing: Nothing,
            unit: (),
            pair: (-128, 65_535),
            numbers: BTreeMap::from([(-1, 0.5), (2, f64::NAN)]),
            empty: [],
            json: Some(Json::from_compact(Cow::Borrowed(r#"{"a":[1.50,"\u0041"]}"#))),
            skipped: None,
            text: Cow::Borrowed("after JSON comes text again: \"\u{1}\""),
        };
        let text = written(&whole);
        assert_eq!(text, serde_json::to_string(&whole).unwrap());
        assert!(text.contains(r#""json":{"a":[1.50,"\u0041"]}"#), "{text}");
    }

    #[test]
    fn damaged_json_is_written_as_a_string() {
        let json = Json::from_compact(Cow::Borrowed("{\"a\""));
        assert_eq!(written(&[Some(json), None]), r#"["{\"a\"",null]"#);
    }
}
