//! How records are written, whatever they are.

use crate::{Activity, AuditRecord, ConversationSummary, MetricsWindow, TimelineEntry, TrainingRecord};
use serde::Serialize;

macro_rules! records {
    ($($name:ident,)*) => { $(
        impl $name<'_> {
            /// Appends the record's value to `out`: JSON without insignificant whitespace.
            pub fn write_json(&self, out: &mut Vec<u8>) {
                write(self, out);
            }
        }
    )* };
}

records! { Activity, AuditRecord, ConversationSummary, MetricsWindow, TimelineEntry, TrainingRecord, }

fn write(record: &impl Serialize, out: &mut Vec<u8>) {
    // Writing into memory cannot fail, and neither can any of these types: bodies are raw or plain strings, and all
    // map keys are text.
    let written = serde_json::to_writer(out, record);
    debug_assert!(written.is_ok(), "a record could not be written");
}

/// What a test sees of a record: the text that is appended to what is there.
#[cfg(test)]
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before ".to_vec();
    write(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}
