// SPDX-License-Identifier: Apache-2.0

//! Avro data as JSON text, or skipped, by its writer's schema.

use std::io::Write;

use serde_json::value::RawValue;

use super::cursor::{Cursor, Mismatch};
use crate::shape::{Shape, Type, TypeId, Unit};

/// The maximum depth, that of JSON.
const DEPTH_MAX: usize = 100;
/// Names of fields and symbols come from the schema, so a short value can be long as JSON; and with records nested in records
/// without fields, each level may double a value of few bytes. A valid value needs at most this many bytes plus a factor per
/// byte: a null field takes one byte, and as JSON its name and `null`.
const BYTES_OF_ANY: usize = 64 << 10;
const BYTES_FOR_EACH: usize = 256;
/// The fields of our records and events that hold an object as JSON text.
const OBJECTS: [&str; 5] = ["body", "data", "channelSession", "eventEmitter", "roomInfo"];

/// The remaining limits of a record's value.
#[derive(Debug)]
pub(super) struct Room {
    /// The maximum size of the output, including what is written.
    bytes_max: usize,
    /// The maximum number of nested values left to visit, skipped and empty ones included.
    values_left: usize,
}

impl Room {
    /// For a value with this many bytes left, and a maximum of `most` bytes as JSON.
    pub(super) fn new(bytes: usize, most: usize) -> Self {
        let bytes_max = bytes.saturating_mul(BYTES_FOR_EACH).saturating_add(BYTES_OF_ANY).min(most);
        // No value is written as zero bytes of JSON.
        Room { bytes_max, values_left: bytes_max }
    }

    /// Takes room for one more value.
    pub(super) fn take(&mut self, cursor: &Cursor<'_>, written: usize) -> Result<(), Mismatch> {
        let left = self.values_left.checked_sub(1).filter(|_| written <= self.bytes_max);
        self.values_left = left.ok_or_else(|| cursor.mismatch(TOO_MUCH))?;
        Ok(())
    }
}

const TOO_MUCH: &str = "it would become far too much as JSON for its bytes: its schema has too many fields, records in records above all";

/// Appends a value as JSON to `out`; without `out`, skips it.
pub(super) fn transcribe(
    shape: &Shape,
    of: TypeId,
    cursor: &mut Cursor<'_>,
    room: &mut Room,
    out: Option<&mut Vec<u8>>,
) -> Result<(), Mismatch> {
    Transcriber::new(shape, cursor, room, out).value(of, cursor)
}

/// Like [`transcribe`], for records and events: fields with JSON text become objects, as in the record's JSON.
pub(super) fn transcribe_record(
    shape: &Shape,
    cursor: &mut Cursor<'_>,
    room: &mut Room,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let mut transcriber = Transcriber::new(shape, cursor, room, Some(out));
    transcriber.opens_objects = true;
    transcriber.value(shape.root(), cursor)
}

struct Transcriber<'t> {
    shape: &'t Shape,
    room: &'t mut Room,
    out: Option<&'t mut Vec<u8>>,
    depth: usize,
    items_left: usize,
    /// Whether fields with JSON text become objects.
    opens_objects: bool,
    /// Whether the next value belongs to such a field.
    is_object: bool,
}

impl<'t> Transcriber<'t> {
    fn new(shape: &'t Shape, cursor: &Cursor<'_>, room: &'t mut Room, out: Option<&'t mut Vec<u8>>) -> Self {
        // Items may take zero bytes. A valid value has no more of them than bytes, and an invalid one must not keep the thread
        // busy.
        let items_left = cursor.left();
        Transcriber { shape, room, out, depth: 0, items_left, opens_objects: false, is_object: false }
    }

    fn value(&mut self, of: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Mismatch> {
        if self.depth > DEPTH_MAX {
            return Err(cursor.mismatch("nested too deep"));
        }
        self.room.take(cursor, self.out.as_ref().map_or(0, |out| out.len()))?;
        self.depth += 1;
        self.any(of, cursor)?;
        self.depth -= 1;
        Ok(())
    }

    fn any(&mut self, of: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Mismatch> {
        let shape = self.shape;
        let is_object = std::mem::take(&mut self.is_object);
        match shape.get(of) {
            Type::Null => self.raw("null"),
            Type::Boolean => {
                let word = if cursor.boolean()? { "true" } else { "false" };
                self.raw(word);
            }
            Type::Int => {
                let number = cursor.int()?;
                self.number(number);
            }
            Type::Long(unit) => {
                let number = millis(*unit, cursor.long()?);
                self.number(number);
            }
            Type::Float => {
                let number = f32::from_le_bytes(cursor.array()?);
                self.float(number, number.is_finite());
            }
            Type::Double => {
                let number = f64::from_le_bytes(cursor.array()?);
                self.float(number, number.is_finite());
            }
            Type::Bytes => {
                // Bytes that are not text become a string, or cannot be represented in JSON.
                let bytes = cursor.bytes()?;
                self.text_or_null(bytes, is_object);
            }
            Type::Text => {
                let text = cursor.text()?;
                self.text_or_object(text, is_object);
            }
            Type::Fixed { size, .. } => {
                let bytes = cursor.take(*size)?;
                self.text_or_null(bytes, false);
            }
            Type::Enum { symbols, .. } => {
                let index = cursor.index(symbols.len(), "no symbol of the enum")?;
                self.text(symbols.get(index).map_or("", String::as_str));
            }
            Type::Union(branches) => {
                let index = cursor.index(branches.len(), "no branch of the union")?;
                let branch = branches.get(index).copied().unwrap_or(of);
                self.is_object = is_object;
                self.value(branch, cursor)?;
            }
            Type::Array(items) => {
                self.items(cursor, ["[", "]"], |this, cursor| this.value(*items, cursor))?;
            }
            Type::Map(values) => self.items(cursor, ["{", "}"], |this, cursor| {
                let key = cursor.text()?;
                this.text(key);
                this.raw(":");
                this.value(*values, cursor)
            })?,
            Type::Record { fields, .. } => {
                for (index, field) in fields.iter().enumerate() {
                    self.raw(if index == 0 { "{" } else { "," });
                    self.text(&field.name);
                    self.raw(":");
                    self.is_object = self.opens_objects && OBJECTS.contains(&field.name.as_str());
                    self.value(field.of, cursor).map_err(|mismatch| mismatch.within(&field.name))?;
                }
                self.raw(if fields.is_empty() { "{}" } else { "}" });
            }
        }
        Ok(())
    }

    /// The blocks of an array or a map.
    fn items(
        &mut self,
        cursor: &mut Cursor<'_>,
        [open, close]: [&str; 2],
        mut item: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<(), Mismatch>,
    ) -> Result<(), Mismatch> {
        self.raw(open);
        let mut is_first = true;
        loop {
            let before = cursor.clone();
            let count = cursor.block()?;
            if count == 0 {
                self.raw(close);
                return Ok(());
            }
            let left = usize::try_from(count).ok().and_then(|count| self.items_left.checked_sub(count));
            self.items_left = left.ok_or_else(|| before.mismatch("more items than the value has bytes"))?;
            for _ in 0..count {
                if !std::mem::take(&mut is_first) {
                    self.raw(",");
                }
                item(self, cursor)?;
            }
        }
    }

    fn raw(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            // Writing into memory cannot fail.
            let _ = serde_json::to_writer(&mut **out, text);
        }
    }

    /// Text, or the object in it where an object is wanted.
    fn text_or_object(&mut self, text: &str, is_object: bool) {
        if is_object && text.starts_with(['{', '"']) && serde_json::from_str::<&RawValue>(text).is_ok() {
            self.raw(text);
        } else {
            self.text(text);
        }
    }

    fn text_or_null(&mut self, bytes: &[u8], is_object: bool) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text_or_object(text, is_object),
            Err(_) => self.raw("null"),
        }
    }

    fn number(&mut self, number: impl std::fmt::Display) {
        if let Some(out) = &mut self.out {
            // Writing into memory cannot fail.
            let _ = write!(out, "{number}");
        }
    }

    fn float(&mut self, number: impl std::fmt::Display, is_finite: bool) {
        // JSON has no others.
        if is_finite { self.number(number) } else { self.raw("null") }
    }
}

/// Timestamps become epoch milliseconds, truncated; other numbers stay unchanged.
pub(super) fn millis(unit: Unit, number: i64) -> i64 {
    match unit {
        Unit::None | Unit::Millis | Unit::Local => number,
        Unit::Micros => number.div_euclid(1_000),
        Unit::Nanos => number.div_euclid(1_000_000),
    }
}
