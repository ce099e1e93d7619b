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
    is_empty: bool,
    end: &'static str,
}

impl<'w, 'o> Compound<'w, 'o> {
    pub(super) fn begin(writer: &'w mut Writer<'o>, begin: &str, end: &'static str) -> Self {
        writer.push(begin);
        Self { writer, is_empty: true, end }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            self.writer.out.push(b',');
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.separate();
        value.serialize(&mut *self.writer)
    }

    /// Field names are constants without escapes. Inlined, so that the compiler knows their lengths.
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        match std::mem::take(&mut self.is_empty) {
            true => self.writer.push("\""),
            false => self.writer.push(",\""),
        }
        self.writer.push(name);
        self.writer.push("\":");
        value.serialize(&mut *self.writer)
    }

    /// A key is a string; numbers are converted.
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.separate();
        let from = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.out.get(from) != Some(&b'"') {
            self.writer.out.insert(from, b'"');
            self.writer.out.push(b'"');
        }
        self.writer.out.push(b':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut *self.writer)
    }

    fn finish(self) -> Result<(), Unwritable> {
        self.writer.push(self.end);
        Ok(())
    }
}

sequences!(Compound);
records!(Compound);
map!(Compound);
