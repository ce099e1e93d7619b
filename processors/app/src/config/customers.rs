// SPDX-License-Identifier: Apache-2.0

//! The section `customers`: their retention in the state.

use serde_json::Value;

use super::read::unit;
use super::tree::{Errors, Node};
use super::units;

/// Repeat contacts are counted within three days.
const RETENTION_MS_MIN: i64 = 72 * 3_600_000;
const RETENTION_MS_MAX: i64 = 36_500 * 86_400_000;

/// Time after the last event at which a customer leaves the state. `idle_ms` is the time that a conversation can live without
/// an event.
pub(super) fn retention_ms(value: Option<&Value>, idle_ms: i64, errors: &mut Errors) -> i64 {
    let standard = folds::Settings::default().customer_retention_ms;
    let mut retention_ms = standard.max(idle_ms);
    let Some(value) = value else { return retention_ms };
    let mut node = Node::new("customers", value, errors);
    if let Some(ms) = unit(&mut node, "retention", units::duration_ms, errors) {
        let least = idle_ms.max(RETENTION_MS_MIN);
        if !(least..=RETENTION_MS_MAX).contains(&ms) {
            errors.add(
                &node.place("retention"),
                format_args!(
                    "is not between {least}ms and 36500d: repeats are looked for within 72h, and a conversation can change for as \
                     long as expiry.idle"
                ),
            );
        }
        retention_ms = ms;
    }
    node.finish(errors);
    retention_ms
}
