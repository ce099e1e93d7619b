//! What an agent's state says from outside: the spans between the changes that are kept.

use engine::{Place, ProcessError};
use model::Figure;

use super::NAMESPACE;
use super::agent::{corrupt, day_prefix, head_key};
use super::head::{Day, Head};
use crate::stored::prefixed;

/// Where the state of an agent lies.
pub(crate) fn places(id: &str) -> [Place; 2] {
    let escaped = model::escape(id);
    [
        Place::Key(prefixed(NAMESPACE, &head_key(&escaped))),
        Place::Under(prefixed(NAMESPACE, &day_prefix(&escaped))),
    ]
}

/// What the times of an agent count as, of what was found in his places: the figure, from, and to (not in it).
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
    // The keys of days are in their order.
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
