// SPDX-License-Identifier: Apache-2.0

//! Records, arrays and maps.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::super::common::{map, records, sequences};
use super::layout::{KEY, LayoutId};
use super::{END, Unwritable, Writer, length};

/// The most items whose count has one byte.
const SHORT: usize = 63;

/// An array or map being written: one block, whose count comes first but is known last.
pub(crate) struct Entries<'w, 'o> {
    writer: &'w mut Writer<'o>,
    of: LayoutId,
    /// Where the count belongs.
    start: usize,
    count: usize,
}

impl<'w, 'o> Entries<'w, 'o> {
    pub(super) fn begin(writer: &'w mut Writer<'o>, of: LayoutId) -> Self {
        let start = writer.out.len();
        writer.out.push(END);
        Self { writer, of, start, count: 0 }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.count += 1;
        self.value(value)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.writer.at = self.of;
        value.serialize(&mut *self.writer)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.count += 1;
        self.writer.at = KEY;
        key.serialize(&mut *self.writer)
    }

    fn finish(self) -> Result<(), Unwritable> {
        let Self { writer: Writer { out, .. }, start, count, .. } = self;
        match count {
            // The place of the count is the end already.
            0 => return Ok(()),
            1..=SHORT => {
                if let (Some(place), Ok(count)) = (out.get_mut(start), u8::try_from(count * 2)) {
                    *place = count;
                }
            }
            _ => {
                let mut bytes = Vec::new();
                length(count, &mut bytes);
                out.splice(start..=start, bytes);
            }
        }
        out.push(END);
        Ok(())
    }
}

sequences!(Entries);
map!(Entries);

/// Where a field that came out of order was written.
struct Written {
    /// Its index in the schema.
    index: usize,
    from: usize,
    to: usize,
}

/// A record being written.
pub(crate) struct Fields<'w, 'o> {
    writer: &'w mut Writer<'o>,
    fields: &'o [(String, LayoutId)],
    /// The number of fields written in the schema's order.
    in_order: usize,
    /// The others.
    others: Vec<Written>,
}

impl<'w, 'o> Fields<'w, 'o> {
    pub(super) fn begin(writer: &'w mut Writer<'o>, fields: &'o [(String, LayoutId)]) -> Self {
        Self { writer, fields, in_order: 0, others: Vec::new() }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        let next = self.in_order + self.others.len();
        let is_here = self.fields.get(next).filter(|(field, _)| field == name);
        match is_here {
            Some((_, of)) if self.others.is_empty() => {
                self.in_order += 1;
                self.writer.at = *of;
                value.serialize(&mut *self.writer)
            }
            _ => self.out_of_order(name, value),
        }
    }

    #[cold]
    fn missing(name: &str) -> Unwritable {
        Unwritable::custom(format_args!("the schema has no field {name}"))
    }

    fn out_of_order<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let mut fields = self.fields.iter();
        let index = fields.position(|(field, _)| field == name).ok_or_else(|| Self::missing(name))?;
        let from = self.writer.out.len();
        if self.others.is_empty() {
            self.others.reserve_exact(self.fields.len().saturating_sub(self.in_order));
        }
        self.writer.at = self.fields.get(index).map(|(_, of)| *of).ok_or_else(|| Self::missing(name))?;
        value.serialize(&mut *self.writer)?;
        self.others.push(Written { index, from, to: self.writer.out.len() });
        Ok(())
    }

    fn finish(mut self) -> Result<(), Unwritable> {
        if self.in_order + self.others.len() != self.fields.len() {
            let names = self.fields.iter().map(|(name, _)| name.as_str());
            let all: Vec<&str> = names.collect();
            return Err(Unwritable::custom(format_args!("not all of these fields have a value: {all:?}")));
        }
        if self.others.is_empty() {
            return Ok(());
        }
        let from = self.others.first().map_or(0, |first| first.from);
        self.others.sort_unstable_by_key(|written| written.index);
        let Writer { out, spare, .. } = self.writer;
        let begin = spare.len();
        for (nth, written) in self.others.iter().enumerate() {
            if written.index != self.in_order + nth {
                return Err(Unwritable::custom("a field is written twice"));
            }
            spare.extend_from_slice(out.get(written.from..written.to).unwrap_or_default());
        }
        out.truncate(from);
        out.extend_from_slice(spare.get(begin..).unwrap_or_default());
        spare.truncate(begin);
        Ok(())
    }
}

records!(Fields);
