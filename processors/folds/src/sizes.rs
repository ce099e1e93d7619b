// SPDX-License-Identifier: Apache-2.0

//! Upper bounds of the sizes of records, derived from the limits alone: no input produces a larger record. Topics must accept
//! these sizes.
//!
//! Each bound is the sum of the maximum sizes of the record's fields (`widths`). A processor declares that of its own records.
//! `docs/limits.md` lists them in a table, which a test compares. Avro records are never larger than JSON records.

use model::{NUMBER_BYTES, SUGGESTED_ITEMS};

use crate::activities::{KEPT, TEXTS_BYTES};
use crate::agents;
use crate::metrics::{MESSAGE_CELLS_MAX, MESSAGE_MAX, WINDOW_CELLS};
use crate::scan::LISTED;
use crate::timelines::PART_BYTES;
use crate::widths::{AROUND, IDENTIFIER_BYTES, INTEGER, KEY, NAME_BYTES, OWN_FIELDS};

pub use crate::widths::Sizes;

/// Maximum size of a record of a processor's output, with key, value and overhead; `None` for a processor without an output.
#[must_use]
pub fn output_bytes(processor: &str, sizes: Sizes) -> Option<u64> {
    let entry = crate::PROCESSORS.iter().find(|entry| entry.name == processor)?;
    Some(entry.record_bytes?(sizes) + OWN_FIELDS + KEY + AROUND)
}

/// Maximum size of a changelog record.
#[must_use]
pub fn changelog_bytes(sizes: Sizes) -> u64 {
    // The state is not JSON: a text takes its bytes and at most five for its length.
    let id = IDENTIFIER_BYTES as u64 + 5;
    let event = 3 * id + NAME_BYTES as u64 + 64;
    let of_activity = KEPT as u64 * 8 * (event + 9 * id)
        + KEPT as u64 * SUGGESTED_ITEMS as u64 * (NUMBER_BYTES as u64 + 8)
        + TEXTS_BYTES;
    // A waiting or left-out event, with all its fields.
    let of_event = carried_bytes(sizes);
    let of_alerts = 4 * LISTED as u64 * (8 * id);
    // All changes of an agent on one day; and how an agent stands, which has no more text than a value.
    let of_agents = agents::CHANGES_MAX * (2 * id + 16);
    let largest = of_activity.max(of_event).max(of_alerts).max(of_agents).max(PART_BYTES as u64);
    largest + KEY + AROUND
}

/// Maximum size of a record of the repartition topic: a repartitioned record, or changes of windows.
#[must_use]
pub fn repartition_bytes(sizes: Sizes) -> u64 {
    let cells = MESSAGE_CELLS_MAX as u64 + WINDOW_CELLS;
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
