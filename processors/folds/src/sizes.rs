//! Upper bounds of the sizes of records, derived from the limits alone: no input produces a larger record. Topics must accept
//! these sizes.
//!
//! Each bound is the sum of the maximum sizes of the record's fields. `docs/limits.md` lists them in a table, which a test
//! compares. Avro records are never larger than JSON records.

use model::{NUMBER_BYTES, SUGGESTED_ITEMS};

use crate::activities::{KEPT, TEXTS_BYTES};
use crate::metrics::{MESSAGE_CELLS_MAX, MESSAGE_MAX};
use crate::scan::LISTED;
use crate::timelines::PART_BYTES;
use crate::{activities, agents, alerts, audit, bot_training, conversations, customers, metrics, timelines};

/// Limits that the bounds depend on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Maximum size of a value in an input topic, and of the record's key and headers together (`limits.value`).
    pub value: u64,
    /// Maximum size of the bodies in one record (`limits.activity`).
    pub activity: u64,
}

/// Maximum size of an identifier, and of a name (contract section 1).
const IDENTIFIER_BYTES: usize = model::IDENTIFIER_BYTES_MAX;
const NAME_BYTES: usize = 1_024;
/// JSON writes a control character as `\u0001`: six bytes for one.
const ESCAPED: u64 = 6;
const QUOTES: u64 = 2;
/// An identifier as JSON.
const ID: u64 = ESCAPED * IDENTIFIER_BYTES as u64 + QUOTES;
/// A name as JSON.
const NAME: u64 = ESCAPED * NAME_BYTES as u64 + QUOTES;
/// A 64-bit integer as text.
const INTEGER: u64 = 20;
/// Field names of one list element, with punctuation.
const FIELDS: u64 = 256;
/// Field names of the record itself, with punctuation.
const OWN_FIELDS: u64 = 2_048;
/// An id in a key: `%` and `/` take three bytes.
const KEY_ID: u64 = 3 * IDENTIFIER_BYTES as u64;
/// Overhead of a record that is sent alone: batch, lengths and the headers of every record.
const AROUND: u64 = 1_024;
/// The longest key, that of an alert: four ids and separators.
const KEY: u64 = 4 * KEY_ID + 64;

const ACTOR: u64 = 2 * ID + NAME + FIELDS;
const CHANNEL: u64 = 2 * ID + FIELDS;
/// A list element with event, time and actor.
const EVENT: u64 = ID + INTEGER + ACTOR + FIELDS;

const KEPT_EVENTS: u64 = KEPT as u64;
const LISTED_ENTRIES: u64 = LISTED as u64;
/// The suggestions of one event, without their bodies.
const SUGGESTION: u64 = EVENT + SUGGESTED_ITEMS as u64 * (NUMBER_BYTES as u64 + 64);
const REACTION: u64 = EVENT + ID;
const REJECTED: u64 = ID + INTEGER + FIELDS;
const SESSION: u64 = ID + CHANNEL + 2 * INTEGER + FIELDS;
const STAY: u64 = 3 * ID + NAME + 8 * INTEGER + FIELDS;
const VISIT: u64 = 6 * ID + 4 * INTEGER + FIELDS;
const CYCLE: u64 = 2 * INTEGER + FIELDS;
const TASK: u64 = 6 * ID + 8 * INTEGER + FIELDS;
const WRAP_UP: u64 = 2 * ID + INTEGER + FIELDS;
/// The states in domains, without their texts.
const MRDS: u64 = model::MRDS_MAX as u64 * (INTEGER + FIELDS);
/// A conversation as its customer's record lists it.
const CONTACT: u64 = 5 * ID + 4 * INTEGER + FIELDS;
/// How many figures a window has at most, and how many counts in histograms.
const FIGURES: u64 = 64;
const COUNTS: u64 = (model::Histogram::ALL.len() * model::BUCKETS) as u64;
const GRAIN_CELLS: u64 = FIGURES + COUNTS;

/// Maximum size of a record of a processor's output, with key, value and overhead; `None` for a processor without an output.
#[must_use]
pub fn output_bytes(processor: &str, sizes: Sizes) -> Option<u64> {
    let value = match processor {
        activities::NAME => activity(sizes),
        timelines::NAME => 8 * ID + ACTOR + CHANNEL + LISTED_ENTRIES * ID,
        conversations::NAME => {
            let lists = ID + SESSION + STAY + VISIT + WRAP_UP + CYCLE + TASK;
            6 * ID + LISTED_ENTRIES * lists + 96 * INTEGER + sizes.activity
        }
        customers::NAME => ID + LISTED_ENTRIES * CONTACT + 3 * INTEGER,
        metrics::NAME => 2 * ID + FIGURES * (64 + INTEGER) + COUNTS * (2 * INTEGER + 8),
        audit::NAME => 8 * ID + ACTOR + CHANNEL,
        bot_training::NAME => {
            // The message and its reply, each with its own body.
            4 * ID
                + CHANNEL
                + ACTOR
                + KEPT_EVENTS * (SUGGESTION + REACTION)
                + sizes.activity
                + 2 * sizes.value
        }
        alerts::NAME => 10 * ID + LISTED_ENTRIES * ID,
        // The texts of the domains' states stand in the value as JSON already.
        agents::NAME => 3 * ID + NAME + 4 * INTEGER + MRDS + sizes.value,
        _ => return None,
    };
    Some(value + OWN_FIELDS + KEY + AROUND)
}

fn activity(sizes: Sizes) -> u64 {
    let own = 10 * ID + ACTOR + CHANNEL + 2 * EVENT;
    let lists = KEPT_EVENTS * (EVENT + REACTION + SUGGESTION + REJECTED);
    let delivery_and_call = 8 * ID + 20 * INTEGER;
    // The activity's own body always stays.
    own + lists + delivery_and_call + sizes.activity + sizes.value
}

/// Maximum size of a changelog record.
#[must_use]
pub fn changelog_bytes(sizes: Sizes) -> u64 {
    // The state is not JSON: a text takes its bytes and at most five for its length.
    let id = IDENTIFIER_BYTES as u64 + 5;
    let event = 3 * id + NAME_BYTES as u64 + 64;
    let of_activity = KEPT_EVENTS * 8 * (event + 9 * id)
        + KEPT_EVENTS * SUGGESTED_ITEMS as u64 * (NUMBER_BYTES as u64 + 8)
        + TEXTS_BYTES;
    // A waiting or left-out event, with all its fields.
    let of_event = carried_bytes(sizes);
    let of_alerts = 4 * LISTED_ENTRIES * (8 * id);
    // All changes of an agent on one day; and how an agent stands, which has no more text than a value.
    let of_agents = agents::CHANGES_MAX * (2 * id + 16);
    let largest = of_activity.max(of_event).max(of_alerts).max(of_agents).max(PART_BYTES as u64);
    largest + KEY + AROUND
}

/// Maximum size of a record of the repartition topic: a repartitioned record, or changes of windows.
#[must_use]
pub fn repartition_bytes(sizes: Sizes) -> u64 {
    let cells = MESSAGE_CELLS_MAX as u64 + GRAIN_CELLS;
    let changes = MESSAGE_MAX * 3 * INTEGER + cells * 16;
    carried_bytes(sizes).max(changes) + KEY + AROUND
}

/// An input record that is stored whole, with its position.
fn carried_bytes(sizes: Sizes) -> u64 {
    // The topic's name and the conversation.
    2 * sizes.value + IDENTIFIER_BYTES as u64 + 1_024
}

/// Maximum size of a dead letter for an input record of this size; reason and position are in its headers.
#[must_use]
pub fn dead_letter_bytes(record: u64) -> u64 {
    record + 16 * 1_024
}
