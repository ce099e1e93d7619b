//! The schemas of `schemas/`, as they are compiled into the program.

use model::Record;

use crate::compatibility::{Conflict, conflicts};
use crate::shape::SchemaError;

/// A schema: what it is called, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its name, which is its file's, and that of header `cx.schema` without the version.
    pub name: &'static str,
    /// The full name of the record that it is of.
    pub record: &'static str,
    /// What `schemas/<name>.avsc` says.
    pub text: &'static str,
    /// What was released of it, the oldest first: `schemas/released/<name>/<number>.avsc`.
    pub released: &'static [&'static str],
}

macro_rules! schemas {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $record:literal [$($released:literal)*],)*) => {
        impl Schema {
            $(
                $(#[$doc])*
                pub const $constant: Schema = Schema {
                    name: $name,
                    record: concat!("cx.timelines.", $record),
                    text: include_str!(concat!("../../../schemas/", $name, ".avsc")),
                    released: &[$(
                        include_str!(concat!("../../../schemas/released/", $name, "/", $released, ".avsc")),
                    )*],
                };
            )*

            /// All of them.
            pub const ALL: &[Schema] = &[$(Schema::$constant,)*];
        }
    };
}

schemas! {
    /// Of the records of `cx.activities`.
    ACTIVITY = "activity", "Activity" [1 2 3],
    /// Of the records of `cx.timelines`.
    TIMELINE_ENTRY = "timeline-entry", "TimelineEntry" [1],
    /// Of the records of `cx.conversations`.
    CONVERSATION = "conversation", "Conversation" [1 2 3],
    /// Of the records of `cx.metrics`.
    METRICS_WINDOW = "metrics-window", "MetricsWindow" [1],
    /// Of the records of `cx.audit`.
    AUDIT = "audit", "AuditRecord" [1],
    /// Of the records of `cx.bot-training`.
    BOT_TRAINING = "bot-training", "BotTraining" [1],
    /// Of the records of `cx.alerts`.
    ALERT = "alert", "Alert" [1],
    /// Of events: what input is read as.
    CIM_EVENT = "cim-event", "CimEvent" [1 2 3],
}

impl Schema {
    /// The schema of this name, for example `activity`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Schema> {
        Schema::ALL.iter().find(|schema| schema.name == name).copied()
    }

    /// Where this does not go together with what was released; nowhere: it may be released, and registered, itself.
    ///
    /// # Errors
    /// One of them is no schema.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, SchemaError> {
        let each = self.released.iter().map(|released| conflicts(self.text, released));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The schema that a record is written with.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Schema {
        match record {
            Record::Activity(_) => Schema::ACTIVITY,
            Record::TimelineEntry(_) => Schema::TIMELINE_ENTRY,
            Record::Conversation(_) => Schema::CONVERSATION,
            Record::MetricsWindow(_) => Schema::METRICS_WINDOW,
            Record::Audit(_) => Schema::AUDIT,
            Record::BotTraining(_) => Schema::BOT_TRAINING,
            Record::Alert(_) => Schema::ALERT,
        }
    }
}
