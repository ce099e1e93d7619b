//! The schemas of `schemas/`, as they are compiled into the program.

use model::Record;

/// A schema: what it is called, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its name, which is its file's, and that of header `cx.schema` without the version.
    pub name: &'static str,
    /// What `schemas/<name>.avsc` says.
    pub text: &'static str,
}

macro_rules! schemas {
    ($($(#[$doc:meta])* $constant:ident = $name:literal,)*) => {
        impl Schema {
            $(
                $(#[$doc])*
                pub const $constant: Schema = Schema {
                    name: $name,
                    text: include_str!(concat!("../../../schemas/", $name, ".avsc")),
                };
            )*

            /// All of them.
            pub const ALL: &[Schema] = &[$(Schema::$constant,)*];
        }
    };
}

schemas! {
    /// Of the records of `cx.activities`.
    ACTIVITY = "activity",
    /// Of the records of `cx.timelines`.
    TIMELINE_ENTRY = "timeline-entry",
    /// Of the records of `cx.conversations`.
    CONVERSATION = "conversation",
    /// Of the records of `cx.metrics`.
    METRICS_WINDOW = "metrics-window",
    /// Of the records of `cx.audit`.
    AUDIT = "audit",
    /// Of the records of `cx.bot-training`.
    BOT_TRAINING = "bot-training",
    /// Of events: what input is read as.
    CIM_EVENT = "cim-event",
}

impl Schema {
    /// The schema of this name, for example `activity`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Schema> {
        Schema::ALL.iter().find(|schema| schema.name == name).copied()
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
        }
    }
}
