//! Avro data as JSON text, or skipped: whatever it is, by the schema that it was written with.

use std::io::Write;

use serde_json::value::RawValue;

use super::cursor::{Cursor, Mismatch};
use crate::shape::{Shape, Type, TypeId, Unit};

/// As deep as JSON may be nested.
const DEPTH_MAX: usize = 100;
/// Names of fields and words stand in the schema, so a short value can be long as JSON. A sane one is not that long.
const BYTES_MAX: usize = 64 << 20;
/// What the fields of our records and of events are called that hold an object as JSON text.
const OBJECTS: [&str; 5] = ["body", "data", "channelSession", "eventEmitter", "roomInfo"];

/// Appends a value as JSON to `out`; with none, passes over it.
pub(super) fn transcribe(
    shape: &Shape,
    of: TypeId,
    cursor: &mut Cursor<'_>,
    out: Option<&mut Vec<u8>>,
) -> Result<(), Mismatch> {
    Transcriber::new(shape, cursor, out).value(of, cursor)
}

/// The same of a record of ours, or an event: objects that are there as JSON text are objects, as in the record's JSON.
pub(super) fn transcribe_record(
    shape: &Shape,
    cursor: &mut Cursor<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let mut transcriber = Transcriber::new(shape, cursor, Some(out));
    transcriber.opens_objects = true;
    transcriber.value(shape.root(), cursor)
}

struct Transcriber<'t> {
    shape: &'t Shape,
    out: Option<&'t mut Vec<u8>>,
    depth: usize,
    items_left: usize,
    /// Whether text of fields that hold an object is JSON.
    opens_objects: bool,
    /// Whether the value that comes next is that of such a field.
    is_object: bool,
}

impl<'t> Transcriber<'t> {
    fn new(shape: &'t Shape, cursor: &Cursor<'_>, out: Option<&'t mut Vec<u8>>) -> Self {
        // Items may be written as nothing at all. No sane value has more of them than bytes, and an insane one must not keep
        // anybody busy.
        let items_left = cursor.left();
        Transcriber { shape, out, depth: 0, items_left, opens_objects: false, is_object: false }
    }

    fn value(&mut self, of: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Mismatch> {
        if self.depth > DEPTH_MAX {
            return Err(cursor.mismatch("nested too deep"));
        }
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
                // Text in disguise, or nothing that JSON could hold.
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
                if self.out.as_ref().is_some_and(|out| out.len() > BYTES_MAX) {
                    return Err(cursor.mismatch("too long as JSON"));
                }
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

    /// Text, or the object that it says where that is wanted.
    fn text_or_object(&mut self, text: &str, is_object: bool) {
        if is_object && text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
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
        // JSON has no other ones.
        if is_finite { self.number(number) } else { self.raw("null") }
    }
}

/// Instants are epoch milliseconds, whatever they were counted in; what is shorter is cut off.
pub(super) fn millis(unit: Unit, number: i64) -> i64 {
    match unit {
        Unit::None | Unit::Millis => number,
        Unit::Micros => number.div_euclid(1_000),
        Unit::Nanos => number.div_euclid(1_000_000),
    }
}
