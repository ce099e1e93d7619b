// SPDX-License-Identifier: Apache-2.0

//! Reads values.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::Problem;
use super::writer::LONG;

const SHORT: Problem = Problem("it is too short");
const RANGE: Problem = Problem("a number is too large");

/// What is left to read.
pub(super) struct Reader<'a> {
    pub(super) texts: &'a str,
    pub(super) numbers: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Problem> {
        let (first, rest) = self.numbers.split_first().ok_or(SHORT)?;
        self.numbers = rest;
        Ok(*first)
    }

    #[inline(always)]
    fn number(&mut self) -> Result<u64, Problem> {
        match self.byte()? {
            short @ ..LONG => Ok(short.into()),
            long => self.long_number(long & !LONG),
        }
    }

    /// A number of as many bytes, which are read as eight if there are so many.
    fn long_number(&mut self, length: u8) -> Result<u64, Problem> {
        let (bytes, rest) = self.numbers.split_at_checked(usize::from(length)).ok_or(SHORT)?;
        let unwanted = u64::BITS.checked_sub(u32::from(length) * 8).ok_or(RANGE)?;
        let number = match self.numbers.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight) & u64::MAX.checked_shr(unwanted).unwrap_or_default(),
            None => bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        };
        self.numbers = rest;
        Ok(number)
    }

    #[inline(always)]
    fn signed(&mut self) -> Result<i64, Problem> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    #[inline(always)]
    fn length(&mut self) -> Result<usize, Problem> {
        usize::try_from(self.number()?).map_err(|_| RANGE)
    }

    #[inline(always)]
    fn text(&mut self) -> Result<&'a str, Problem> {
        let length = self.length()?;
        let (text, rest) = self.texts.split_at_checked(length).ok_or(SHORT)?;
        self.texts = rest;
        Ok(text)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Problem> {
        let length = self.length()?;
        let (bytes, rest) = self.numbers.split_at_checked(length).ok_or(SHORT)?;
        self.numbers = rest;
        Ok(bytes)
    }
}

macro_rules! numbers {
    ($($method:ident, $visit:ident, $by:ident;)*) => { $(
        #[inline(always)]
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.$visit(self.$by()?.try_into().map_err(|_| RANGE)?)
        }
    )* };
}

impl<'a> Deserializer<'a> for &mut Reader<'a> {
    type Error = Problem;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'a>>(self, _: V) -> Result<V::Value, Problem> {
        Err(Problem("the form does not say what a value is"))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_any(visitor)
    }

    #[inline(always)]
    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(RANGE),
        }
    }

    #[inline(always)]
    fn deserialize_u8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline(always)]
    fn deserialize_u64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_u64(self.number()?)
    }

    #[inline(always)]
    fn deserialize_i64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_i64(self.signed()?)
    }

    numbers! {
        deserialize_u16, visit_u16, number;
        deserialize_u32, visit_u32, number;
        deserialize_i8, visit_i8, signed;
        deserialize_i16, visit_i16, signed;
        deserialize_i32, visit_i32, signed;
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        let (bytes, rest) = self.numbers.split_first_chunk().ok_or(SHORT)?;
        self.numbers = rest;
        visitor.visit_f64(f64::from_le_bytes(*bytes))
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        let code = u32::try_from(self.number()?).ok().and_then(char::from_u32);
        visitor.visit_char(code.ok_or(RANGE)?)
    }

    #[inline(always)]
    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline(always)]
    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    #[inline(always)]
    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(RANGE),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        let left = self.length()?;
        visitor.visit_seq(Parts { reader: self, left })
    }

    #[inline(always)]
    fn deserialize_tuple<V: Visitor<'a>>(self, left: usize, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_seq(Parts { reader: self, left })
    }

    #[inline(always)]
    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_seq(Parts { reader: self, left })
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        let left = self.length()?;
        visitor.visit_map(Parts { reader: self, left })
    }

    #[inline(always)]
    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_seq(Parts { reader: self, left: fields.len() })
    }

    #[inline(always)]
    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_enum(self)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_any(visitor)
    }
}

/// As many parts of a list, a map or a value with fields.
struct Parts<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: usize,
}

impl<'a> SeqAccess<'a> for Parts<'_, 'a> {
    type Error = Problem;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    /// No more than bytes are left: a damaged length allocates no more than that.
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.numbers.len()))
    }
}

impl<'a> MapAccess<'a> for Parts<'_, 'a> {
    type Error = Problem;

    fn next_key_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Problem> {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'a> EnumAccess<'a> for &mut Reader<'a> {
    type Error = Problem;
    type Variant = Self;

    #[inline(always)]
    fn variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<(T::Value, Self), Problem> {
        let index: U32Deserializer<Problem> =
            u32::try_from(self.number()?).map_err(|_| RANGE)?.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'a> VariantAccess<'a> for &mut Reader<'a> {
    type Error = Problem;

    #[inline(always)]
    fn unit_variant(self) -> Result<(), Problem> {
        Ok(())
    }

    #[inline(always)]
    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Problem> {
        seed.deserialize(self)
    }

    #[inline(always)]
    fn tuple_variant<V: Visitor<'a>>(self, left: usize, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_seq(Parts { reader: self, left })
    }

    #[inline(always)]
    fn struct_variant<V: Visitor<'a>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_seq(Parts { reader: self, left: fields.len() })
    }
}
