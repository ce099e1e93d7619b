//! The schemas of `schemas/`, embedded in the program.

use model::Record;

use crate::compatibility::{Conflict, conflicts};
use crate::shape::SchemaError;

/// A schema with its name and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its name: of the file, and in header `cx.schema` before the version.
    pub name: &'static str,
    /// The full name of its record.
    pub record: &'static str,
    /// The content of `schemas/<name>.avsc`.
    pub text: &'static str,
    /// Released versions, oldest first: `schemas/released/<name>/<number>.avsc`.
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

            /// All schemas.
            pub const ALL: &[Schema] = &[$(Schema::$constant,)*];
        }
    };
}

schemas! {
    /// Records of `cx.activities`.
    ACTIVITY = "activity", "Activity" [1 2 3],
    /// Records of `cx.timelines`.
    TIMELINE_ENTRY = "timeline-entry", "TimelineEntry" [1],
    /// Records of `cx.conversations`.
    CONVERSATION = "conversation", "Conversation" [1 2 3],
    /// Records of `cx.customers`.
    CUSTOMER = "customer", "Customer" [1],
    /// Records of `cx.metrics`.
    METRICS_WINDOW = "metrics-window", "MetricsWindow" [1 2],
    /// Records of `cx.audit`.
    AUDIT = "audit", "AuditRecord" [1],
    /// Records of `cx.bot-training`.
    BOT_TRAINING = "bot-training", "BotTraining" [1],
    /// Records of `cx.alerts`.
    ALERT = "alert", "Alert" [1],
    /// Records of `cx.agents`.
    AGENT = "agent", "Agent" [1],
    /// Input events.
    CIM_EVENT = "cim-event", "CimEvent" [1 2 3],
}

impl Schema {
    /// The schema with this name, for example `activity`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Schema> {
        Schema::ALL.iter().find(|schema| schema.name == name).copied()
    }

    /// Incompatibilities with released versions; empty if it may be released and registered.
    ///
    /// # Errors
    /// One of them is no valid schema.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, SchemaError> {
        let each = self.released.iter().map(|released| conflicts(self.text, released));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The schema of a record.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Schema {
        match record {
            Record::Activity(_) => Schema::ACTIVITY,
            Record::TimelineEntry(_) => Schema::TIMELINE_ENTRY,
            Record::Conversation(_) => Schema::CONVERSATION,
            Record::Customer(_) => Schema::CUSTOMER,
            Record::MetricsWindow(_) => Schema::METRICS_WINDOW,
            Record::Audit(_) => Schema::AUDIT,
            Record::BotTraining(_) => Schema::BOT_TRAINING,
            Record::Alert(_) => Schema::ALERT,
            Record::Agent(_) => Schema::AGENT,
        }
    }
}
