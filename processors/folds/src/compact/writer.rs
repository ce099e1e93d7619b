// SPDX-License-Identifier: Apache-2.0

//! Writes values.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Problem;

/// Numbers from here on are written as their length and as many bytes.
pub(super) const LONG: u8 = 0x80;

/// Appends texts and numbers.
pub(super) struct Writer<'o> {
    pub(super) texts: &'o mut Vec<u8>,
    pub(super) numbers: &'o mut Vec<u8>,
}

impl Writer<'_> {
    #[inline(always)]
    fn byte(&mut self, byte: u8) {
        self.numbers.push(byte);
    }

    #[inline(always)]
    fn number(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(byte) if byte < LONG => self.byte(byte),
            _ => self.long_number(number),
        }
    }

    fn long_number(&mut self, number: u64) {
        let length = (u64::BITS - number.leading_zeros()).div_ceil(8);
        self.byte(LONG | u8::try_from(length).unwrap_or_default());
        let bytes = number.to_le_bytes();
        self.numbers.extend_from_slice(bytes.get(..length as usize).unwrap_or_default());
    }

    /// Small numbers of either sign become small ones.
    #[inline(always)]
    fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    fn length(&mut self, length: Option<usize>) -> Result<(), Problem> {
        self.number(length.ok_or(Problem("a list of unknown length"))? as u64);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident($type:ty) by $by:ident,)*) => { $(
        #[inline(always)]
        fn $method(self, value: $type) -> Result<(), Problem> {
            self.$by(value.into());
            Ok(())
        }
    )* };
}

impl Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = Problem;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        serialize_bool(bool) by byte,
        serialize_u8(u8) by byte,
        serialize_u16(u16) by number,
        serialize_u32(u32) by number,
        serialize_u64(u64) by number,
        serialize_i8(i8) by signed,
        serialize_i16(i16) by signed,
        serialize_i32(i32) by signed,
        serialize_i64(i64) by signed,
        serialize_char(char) by number,
    }

    fn serialize_f32(self, value: f32) -> Result<(), Problem> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Problem> {
        self.numbers.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Result<(), Problem> {
        self.number(value.len() as u64);
        self.texts.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Problem> {
        self.number(value.len() as u64);
        self.numbers.extend_from_slice(value);
        Ok(())
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<(), Problem> {
        self.byte(0);
        Ok(())
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Problem> {
        self.byte(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Problem> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Problem> {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Problem> {
        self.number(index.into());
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Problem> {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Problem> {
        self.number(index.into());
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Problem> {
        self.length(length)?;
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple(self, _: usize) -> Result<Self, Problem> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Problem> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Problem> {
        self.number(index.into());
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self, Problem> {
        self.length(length)?;
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Problem> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Problem> {
        self.number(index.into());
        Ok(self)
    }
}

/// Parts of a whole, which have nothing between them.
macro_rules! parts {
    ($($trait:ident::$method:ident($($name:ident: $type:ty)?),)*) => { $(
        impl $trait for &mut Writer<'_> {
            type Ok = ();
            type Error = Problem;

            #[inline(always)]
            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), Problem> {
                value.serialize(&mut **self)
            }

            #[inline(always)]
            fn end(self) -> Result<(), Problem> {
                Ok(())
            }
        }
    )* };
}

parts! {
    SerializeSeq::serialize_element(),
    SerializeTuple::serialize_element(),
    SerializeTupleStruct::serialize_field(),
    SerializeTupleVariant::serialize_field(),
    SerializeStruct::serialize_field(_name: &'static str),
    SerializeStructVariant::serialize_field(_name: &'static str),
}

impl SerializeMap for &mut Writer<'_> {
    type Ok = ();
    type Error = Problem;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Problem> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Problem> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Problem> {
        Ok(())
    }
}
