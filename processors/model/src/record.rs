//! How records are written, whatever they are.

use crate::writer;
use crate::{
    Activity, AgentRecord, AlertRecord, AuditRecord, ConversationSummary, CustomerRecord, MetricsWindow,
    TimelineEntry, TrainingRecord,
};
use serde::Serialize;

/// A record for an output topic, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Record<'r> {
    /// Of `cx.activities`.
    Activity(&'r Activity<'r>),
    /// Of `cx.timelines`.
    TimelineEntry(&'r TimelineEntry<'r>),
    /// Of `cx.conversations`.
    Conversation(&'r ConversationSummary<'r>),
    /// Of `cx.customers`.
    Customer(&'r CustomerRecord<'r>),
    /// Of `cx.metrics`.
    MetricsWindow(&'r MetricsWindow<'r>),
    /// Of `cx.audit`.
    Audit(&'r AuditRecord<'r>),
    /// Of `cx.bot-training`.
    BotTraining(&'r TrainingRecord<'r>),
    /// Of `cx.alerts`.
    Alert(&'r AlertRecord<'r>),
    /// Of `cx.agents`.
    Agent(&'r AgentRecord<'r>),
}

/// What a topic's records are written as. What a record says does not depend on it.
pub trait Format: Send + Sync {
    /// Appends the record's value to `out`.
    fn write(&self, record: &Record<'_>, out: &mut Vec<u8>);
}

/// JSON without insignificant whitespace.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonFormat;

impl Format for JsonFormat {
    fn write(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        match record {
            Record::Activity(record) => record.write_json(out),
            Record::TimelineEntry(record) => record.write_json(out),
            Record::Conversation(record) => record.write_json(out),
            Record::Customer(record) => record.write_json(out),
            Record::MetricsWindow(record) => record.write_json(out),
            Record::Audit(record) => record.write_json(out),
            Record::BotTraining(record) => record.write_json(out),
            Record::Alert(record) => record.write_json(out),
            Record::Agent(record) => record.write_json(out),
        }
    }
}

macro_rules! records {
    ($($variant:ident($name:ident),)*) => { $(
        impl $name<'_> {
            /// Appends the record's value to `out`: JSON without insignificant whitespace.
            pub fn write_json(&self, out: &mut Vec<u8>) {
                write(self, out);
            }
        }

        impl<'r> From<&'r $name<'r>> for Record<'r> {
            fn from(record: &'r $name<'r>) -> Self {
                Record::$variant(record)
            }
        }
    )* };
}

records! {
    Activity(Activity),
    TimelineEntry(TimelineEntry),
    Conversation(ConversationSummary),
    Customer(CustomerRecord),
    MetricsWindow(MetricsWindow),
    Audit(AuditRecord),
    BotTraining(TrainingRecord),
    Alert(AlertRecord),
    Agent(AgentRecord),
}

fn write(record: &impl Serialize, out: &mut Vec<u8>) {
    // Writing into memory cannot fail, and neither can any of these types: bodies are raw or plain strings, and all
    // map keys are text.
    let written = writer::write(record, out);
    debug_assert!(written.is_ok(), "a record could not be written");
}

/// What a test sees of a record: the text that is appended to what is there.
#[cfg(test)]
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before ".to_vec();
    write(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}
