// SPDX-License-Identifier: Apache-2.0

//! Writes `Serialize` types as Avro data by a schema's [`Layout`].
//!
//! Avro writes neither names nor types, only the fields in the schema's order. A schema appends new fields, where JSON has them
//! beside those that they belong to; so fields are found by their names, and put into the schema's order where it is another.
//!
//! Why not apache-avro's: it is several times as slow (`cargo bench -p avro --bench encode`).

mod compound;
mod layout;

use serde::ser::{Error, Serialize, Serializer};

pub use layout::{Encoded, Layout, LayoutId};

use super::Unwritable;
use super::common::widen;
use compound::{Entries, Fields};

/// The first branch of a union `["null", …]`.
const ABSENT: u8 = 0;
/// The second branch.
const PRESENT: u8 = 2;
/// The end of an array or map.
const END: u8 = 0;

/// Appends the value.
///
/// # Errors
/// The layout does not fit the type. `out` may then have a part of the value.
pub(crate) fn write(value: &impl Serialize, layout: &Layout, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    value.serialize(&mut Writer { out, layout, at: layout.root(), spare: Vec::new() })
}

/// Appends a `long`: zigzag, seven bits per byte, the lowest first.
pub fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// A length. Nothing in memory is longer than an `i64`.
fn length(length: usize, out: &mut Vec<u8>) {
    long(i64::try_from(length).unwrap_or(i64::MAX), out);
}

/// The output.
pub(crate) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    layout: &'o Layout,
    /// The type of the next value.
    at: LayoutId,
    /// For putting fields into order.
    spare: Vec<u8>,
}

impl<'o> Writer<'o> {
    /// The type of a value that is not null; writes the branch if it is a union's.
    fn present(&mut self) -> &'o Encoded {
        let layout: &'o Layout = self.layout;
        match layout.get(self.at) {
            Encoded::Nullable(inner) => {
                self.out.push(PRESENT);
                layout.get(*inner)
            }
            other => other,
        }
    }

    fn mismatch(what: &str, encoded: &Encoded) -> Unwritable {
        Unwritable::custom(format_args!("{what} where the schema has {encoded:?}"))
    }

    fn null(&mut self) -> Result<(), Unwritable> {
        match self.layout.get(self.at) {
            Encoded::Null => {}
            Encoded::Nullable(_) => self.out.push(ABSENT),
            // What was always a string stays one for its consumers.
            Encoded::Text => self.out.push(0),
            other => return Err(Self::mismatch("null", other)),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Unwritable> {
        let layout: &'o Layout = self.layout;
        let (at, is_nullable) = match layout.get(self.at) {
            Encoded::Nullable(inner) => (layout.get(*inner), true),
            other => (other, false),
        };
        match at {
            Encoded::Text => {
                if is_nullable {
                    self.out.push(PRESENT);
                }
                length(text.len(), self.out);
                self.out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            // A number as the event spells it. Only damaged state can contain anything else.
            Encoded::Double => match text.parse::<f64>() {
                Ok(number) => self.double(number),
                Err(_) => self.null(),
            },
            other => Err(Self::mismatch("text", other)),
        }
    }

    fn double(&mut self, number: f64) -> Result<(), Unwritable> {
        match self.present() {
            Encoded::Double => self.out.extend_from_slice(&number.to_le_bytes()),
            other => return Err(Self::mismatch("a number with a fraction", other)),
        }
        Ok(())
    }
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Entries<'w, 'o>;
    type SerializeTuple = Entries<'w, 'o>;
    type SerializeTupleStruct = Entries<'w, 'o>;
    type SerializeTupleVariant = Entries<'w, 'o>;
    type SerializeMap = Entries<'w, 'o>;
    type SerializeStruct = Fields<'w, 'o>;
    type SerializeStructVariant = Fields<'w, 'o>;

    /// Free-form JSON gives its text.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        match self.present() {
            Encoded::Boolean => self.out.push(value.into()),
            other => return Err(Writer::mismatch("a boolean", other)),
        }
        Ok(())
    }

    widen! {
        serialize_i8(i8) by serialize_i64,
        serialize_i16(i16) by serialize_i64,
        serialize_i32(i32) by serialize_i64,
        serialize_u8(u8) by serialize_i64,
        serialize_u16(u16) by serialize_i64,
        serialize_u32(u32) by serialize_i64,
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unwritable> {
        match self.present() {
            Encoded::Long => long(value, self.out),
            other => return Err(Writer::mismatch("an integer", other)),
        }
        Ok(())
    }

    /// Avro has no unsigned numbers; ours are counts.
    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        self.serialize_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        self.double(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        self.double(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.text(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unwritable> {
        Err(Unwritable::custom("no record has bytes"))
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.null()
    }

    /// The value itself writes that it is present.
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.null()
    }

    /// Constants are strings: a new one must not break older readers.
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        Err(Unwritable::custom(format_args!("no schema has the variant {variant} with a value")))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Entries<'w, 'o>, Unwritable> {
        match self.present() {
            Encoded::Array(of) => Ok(Entries::begin(self, *of)),
            other => Err(Writer::mismatch("a list", other)),
        }
    }

    fn serialize_tuple(self, _: usize) -> Result<Entries<'w, 'o>, Unwritable> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Entries<'w, 'o>, Unwritable> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries<'w, 'o>, Unwritable> {
        Err(Unwritable::custom(format_args!("no schema has the variant {variant} with values")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'w, 'o>, Unwritable> {
        match self.present() {
            Encoded::Map(of) => Ok(Entries::begin(self, *of)),
            other => Err(Writer::mismatch("a map", other)),
        }
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'w, 'o>, Unwritable> {
        match self.present() {
            Encoded::Record(fields) => Ok(Fields::begin(self, fields)),
            other => Err(Writer::mismatch(name, other)),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'w, 'o>, Unwritable> {
        Err(Unwritable::custom(format_args!("no schema has the variant {variant} with fields")))
    }
}
