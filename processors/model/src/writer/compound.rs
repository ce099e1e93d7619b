// SPDX-License-Identifier: Apache-2.0

//! Arrays and objects.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::common::{map, records, sequences};
use super::{Unwritable, Writer};

/// An array or object being written.
pub(crate) struct Compound<'w, 'o> {
    writer: &'w mut Writer<'o>,
    /// What comes before the next item: the opening bracket, then commas.
    next: u8,
    end: &'static str,
}

const COMMA: u8 = b',';

impl<'w, 'o> Compound<'w, 'o> {
    #[inline(always)]
    pub(super) fn begin(writer: &'w mut Writer<'o>, begin: u8, end: &'static str) -> Self {
        Self { writer, next: begin, end }
    }

    fn separate(&mut self) {
        let next = std::mem::replace(&mut self.next, COMMA);
        self.writer.out.byte(next);
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.separate();
        value.serialize(&mut *self.writer)
    }

    /// Field names are constants without escapes. Inlined, so that the compiler knows their lengths.
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        self.writer.out.field(std::mem::replace(&mut self.next, COMMA), name);
        value.serialize(&mut *self.writer)
    }

    /// A key is a string; numbers are converted.
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.separate();
        let from = self.writer.out.place();
        key.serialize(&mut *self.writer)?;
        self.writer.out.quote_number(from);
        self.writer.out.byte(b':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut *self.writer)
    }

    #[inline(always)]
    fn finish(self) -> Result<(), Unwritable> {
        if self.next != COMMA {
            self.writer.out.byte(self.next);
        }
        self.writer.out.push(self.end.as_bytes());
        Ok(())
    }
}

sequences!(Compound);
records!(Compound);
map!(Compound);
