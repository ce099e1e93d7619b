// SPDX-License-Identifier: Apache-2.0

//! Queries of an agent's state: the spans between stored changes.

use engine::{Place, ProcessError};
use model::Figure;

use super::NAMESPACE;
use super::agent::{corrupt, day_prefix, head_key};
use super::head::{Day, Head};
use crate::stored::prefixed;

/// Key ranges of an agent's state.
pub(crate) fn places(id: &str) -> [Place; 2] {
    let escaped = model::escape(id);
    [
        Place::Key(prefixed(NAMESPACE, &head_key(&escaped))),
        Place::Under(prefixed(NAMESPACE, &day_prefix(&escaped))),
    ]
}

/// The spans of an agent in the records of these ranges: figure, start and end (exclusive).
///
/// # Errors
/// The state cannot be read: restore it.
pub(crate) fn spans<'f>(
    id: &str,
    found: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<Vec<(Figure, i64, i64)>, ProcessError> {
    let head = prefixed(NAMESPACE, &head_key(&model::escape(id)));
    let mut changes = Vec::new();
    let mut left = None;
    // Keys of days sort by day.
    for (key, value) in found {
        if key == head.as_slice() {
            left = Head::read(value).map_err(|problem| corrupt(key, problem))?.left;
        } else {
            changes.extend(Day::read(value).map_err(|problem| corrupt(key, problem))?.0);
        }
    }
    changes.splice(0..0, left);
    let pairs = changes.iter().zip(changes.iter().skip(1)).filter(|(from, to)| from.at < to.at);
    let spans = pairs.flat_map(|(from, to)| from.figures().iter().map(|figure| (*figure, from.at, to.at)));
    Ok(spans.collect())
}
