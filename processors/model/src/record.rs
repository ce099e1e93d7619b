// SPDX-License-Identifier: Apache-2.0

//! How records are written, whatever they are.

use serde::Serialize;

use crate::writer;
use crate::writer::avro::Layout;

/// A record for an output topic: any type that serde can write.
pub trait Record {
    /// Appends the record's value to `out`: JSON without insignificant whitespace.
    fn write_json(&self, out: &mut Vec<u8>);

    /// Appends the record's value to `out`: Avro data of a schema with this layout, without a header. Nothing is appended where
    /// the schema is another record's, which is a programming error.
    fn write_avro(&self, layout: &Layout, out: &mut Vec<u8>);
}

impl<T: Serialize> Record for T {
    fn write_json(&self, out: &mut Vec<u8>) {
        // Writing into memory cannot fail, and neither can any of these types: bodies are raw or plain strings, and all
        // map keys are text.
        let written = writer::write(self, out);
        debug_assert!(written.is_ok(), "a record could not be written");
    }

    fn write_avro(&self, layout: &Layout, out: &mut Vec<u8>) {
        let start = out.len();
        if let Err(error) = writer::avro::write(self, layout, out) {
            debug_assert!(false, "a record does not have its schema: {error}");
            out.truncate(start);
        }
    }
}

/// What a topic's records are written as. What a record says does not depend on it.
pub trait Format: Send + Sync {
    /// Appends the record's value to `out`.
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>);
}

/// JSON without insignificant whitespace.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonFormat;

impl Format for JsonFormat {
    fn write(&self, record: &dyn Record, out: &mut Vec<u8>) {
        record.write_json(out);
    }
}

/// What a test sees of a record: the text that is appended to what is there.
#[cfg(test)]
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before ".to_vec();
    write(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}
