// SPDX-License-Identifier: Apache-2.0

//! Keys and values of the state.
//!
//! In the customer's partition: each conversation under its own key, an index of the conversations by their start, and one small
//! record of the customer. In the conversation's partition: the customer whose list has it.

use engine::{Place, ProcessError, State};
use serde::{Deserialize, Serialize};

use super::NAME;
use crate::scan::Contact;
use crate::spans;
use crate::stored::{behind, prefixed};

/// Key prefix of this processor's state.
pub(crate) const NAMESPACE: u8 = b'k';
/// Key prefix of a customer's conversations: the customer's id, a slash and the conversation's id follow.
pub(super) const ENTRY: u8 = b'e';
/// Key prefix of the index of conversations by their start: the start and the rest of the conversation's own key follow.
pub(super) const START: u8 = b'd';
/// Key prefix of customers.
pub(super) const CUSTOMER: u8 = b'c';
/// Key prefix of timers of customers.
pub(super) const TIMER: u8 = b'x';
/// Key prefix of the customers whose lists have the conversations.
pub(super) const LISTED: u8 = b'o';

/// Version of the formats; the first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 1;
const START_BYTES: usize = spans::TIME_BYTES;

/// A conversation in a customer's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry<'e> {
    /// The earliest Kafka timestamp of its events of this customer, for erasure requests.
    pub(super) came_ms: i64,
    #[serde(borrow)]
    pub(super) contact: Contact<'e>,
}

/// State of a customer whose record was emitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Customer {
    /// Stream time of the last event, or the event's own time if that is later; to the hour.
    pub(super) touched_ms: i64,
    /// When the customer's timer is due.
    pub(super) due_ms: i64,
    /// The start of the last deleted conversation: none that began before it is listed again.
    pub(super) beyond: Option<i64>,
}

impl<'e> Entry<'e> {
    /// Serializes the entry with the start first, so that lists can be sorted without parsing all of it.
    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.contact.started_at.to_be_bytes());
        // Serializing plain data into memory cannot fail.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    /// Parses what [`write`](Self::write) wrote.
    pub(super) fn read(key: &[u8], bytes: &'e [u8]) -> Result<Self, ProcessError> {
        start(key, bytes)?;
        let rest = bytes.get(1 + START_BYTES..).unwrap_or_default();
        postcard::from_bytes(rest).map_err(|problem| corrupt(key, &problem))
    }
}

/// The start of the conversation in the bytes of an [`Entry`].
pub(super) fn start(key: &[u8], bytes: &[u8]) -> Result<i64, ProcessError> {
    match bytes {
        [VERSION, rest @ ..] => rest
            .first_chunk::<START_BYTES>()
            .map(|start| i64::from_be_bytes(*start))
            .ok_or_else(|| corrupt(key, &"it is cut short")),
        _ => Err(corrupt(key, &format_args!("not version {VERSION} of the form"))),
    }
}

impl Customer {
    pub(super) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }

    pub(super) fn read(key: &[u8], bytes: Option<&[u8]>) -> Result<Option<Self>, ProcessError> {
        match bytes {
            None => Ok(None),
            Some([VERSION, rest @ ..]) => {
                postcard::from_bytes(rest).map(Some).map_err(|problem| corrupt(key, &problem))
            }
            Some(_) => Err(corrupt(key, &format_args!("not version {VERSION} of the form"))),
        }
    }
}

/// Adds a conversation to a customer's list, or replaces its entry.
///
/// # Errors
/// The state cannot be read.
pub(super) fn list(
    state: &mut State<'_>,
    customer: &str,
    conversation: &str,
    entry: &Entry<'_>,
) -> Result<(), ProcessError> {
    let key = entry_key(customer, conversation);
    let was = state.read(&key, |known| known.map(|known| start(&key, known)).transpose())??;
    let is = entry.contact.started_at;
    if was != Some(is) {
        if let Some(was) = was {
            state.delete(&start_key(was, &key));
        }
        state.put(&start_key(is, &key), b"");
    }
    state.put(&key, &entry.write());
    Ok(())
}

/// Removes a conversation from a customer's list; returns whether it was there.
pub(super) fn unlist(
    state: &mut State<'_>,
    customer: &str,
    conversation: &str,
) -> Result<bool, ProcessError> {
    let key = entry_key(customer, conversation);
    let started_at = state.read(&key, |entry| entry.map(|entry| start(&key, entry)).transpose())??;
    if let Some(started_at) = started_at {
        delete(state, &key, started_at);
    }
    Ok(started_at.is_some())
}

/// Deletes the conversation with this key, which began then, from the state.
pub(super) fn delete(state: &mut State<'_>, key: &[u8], started_at: i64) {
    state.delete(&start_key(started_at, key));
    state.delete(key);
}

/// Records that a conversation has left a customer's list.
pub(super) fn left(state: &mut State<'_>, conversation: &str, customer: &str) -> Result<(), ProcessError> {
    let key = listed_key(model::escape(conversation).as_bytes());
    if state.read(&key, |listed| listed == Some(customer.as_bytes()))? {
        state.delete(&key);
    }
    Ok(())
}

/// The customer whose list has a conversation, by its escaped id.
pub(super) fn listed_of(state: &mut State<'_>, escaped: &[u8]) -> Result<Option<String>, ProcessError> {
    state.read(&listed_key(escaped), |customer| {
        customer.map(|customer| String::from_utf8_lossy(customer).into_owned())
    })
}

/// Key of the customer whose list has a conversation.
pub(super) fn listed_key(escaped: &[u8]) -> Vec<u8> {
    prefixed(LISTED, escaped)
}

/// Key of a customer.
pub(super) fn customer_key(customer: &str) -> Vec<u8> {
    prefixed(CUSTOMER, model::escape(customer).as_bytes())
}

/// Key prefix of all conversations of a customer.
pub(super) fn entries_of(customer: &str) -> Vec<u8> {
    let mut key = prefixed(ENTRY, model::escape(customer).as_bytes());
    key.push(b'/');
    key
}

fn entry_key(customer: &str, conversation: &str) -> Vec<u8> {
    let mut key = entries_of(customer);
    key.extend_from_slice(model::escape(conversation).as_bytes());
    key
}

/// Key of the conversation with this key in the index by start.
fn start_key(started_at: i64, entry_key: &[u8]) -> Vec<u8> {
    // No conversation begins before the epoch.
    let mut key = prefixed(START, &started_at.to_be_bytes());
    key.extend_from_slice(entry_key.get(1..).unwrap_or_default());
    key
}

/// The start of a conversation, and the rest of its own key, by its key in the index without the first byte.
pub(super) fn parts_of_start(rest: &[u8]) -> Option<(i64, &[u8])> {
    let (start, rest) = rest.split_first_chunk::<START_BYTES>()?;
    Some((i64::from_be_bytes(*start), rest))
}

/// The escaped ids of the customer and the conversation in the key of an entry, without its first byte.
pub(super) fn parts_of_entry(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    Some((rest.get(..slash)?, rest.get(slash + 1..)?))
}

/// The id of an escaped id.
pub(super) fn unescaped(escaped: &[u8]) -> Option<String> {
    Some(model::unescape(std::str::from_utf8(escaped).ok()?)?.into_owned())
}

/// Key range of a customer's conversations.
pub(crate) fn place(customer: &str) -> Place {
    Place::Under(prefixed(NAMESPACE, &entries_of(customer)))
}

/// Key ranges of the index for the conversations that began in `from..to`, in epoch milliseconds, and a few others.
pub(crate) fn places_of_starts(from: i64, to: i64) -> Vec<Place> {
    spans::places(&[NAMESPACE, START], from, to)
}

/// The customer and the start of a conversation, by its key in the index; `None` for any other key.
pub(crate) fn started(key: &[u8]) -> Option<(String, i64)> {
    let (start, rest) = parts_of_start(key.strip_prefix(&[NAMESPACE, START])?)?;
    Some((unescaped(parts_of_entry(rest)?.0)?, start))
}

pub(super) fn corrupt(key: &[u8], problem: &dyn std::fmt::Display) -> ProcessError {
    ProcessError::Corrupt {
        processor: NAME,
        key: String::from_utf8_lossy(key).into_owned(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        let contact = Contact {
            customer: "cus",
            started_at: 1_750_000_000_000,
            closed_at: None,
            last_event_at: 1_750_000_000_001,
            outcome: None,
            channel: Some("WEB"),
            queue: Some("q"),
            agent: None,
        };
        Entry { came_ms: 7, contact }
    }

    #[test]
    fn an_entry_reads_back_and_tells_its_start_and_what_is_damaged_is_called_so() {
        let bytes = entry().write();
        assert_eq!(Entry::read(b"k", &bytes).unwrap(), entry());
        assert_eq!(start(b"k", &bytes).unwrap(), 1_750_000_000_000);
        for damaged in [&bytes[..20], &bytes[..4], &[9], &[]] {
            assert!(matches!(Entry::read(b"k", damaged), Err(ProcessError::Corrupt { .. })), "{damaged:?}");
        }
    }

    #[test]
    fn a_customer_reads_back_and_another_version_is_refused() {
        let customer = Customer { touched_ms: 1, due_ms: 2, beyond: Some(3) };
        assert_eq!(Customer::read(b"k", Some(&customer.write())).unwrap(), Some(customer));
        assert_eq!(Customer::read(b"k", None).unwrap(), None);
        assert!(Customer::read(b"k", Some(&[9])).is_err() && Customer::read(b"k", Some(&[1])).is_err());
    }

    #[test]
    fn the_key_of_an_entry_tells_both_ids_whatever_is_in_them() {
        let key = entry_key("a/b%", "c/d");
        let (customer, conversation) = parts_of_entry(&key[1..]).unwrap();
        assert_eq!(unescaped(customer).as_deref(), Some("a/b%"));
        assert_eq!(unescaped(conversation).as_deref(), Some("c/d"));
    }

    #[test]
    fn the_key_of_a_start_tells_the_customer_and_lies_in_the_places_of_its_time() {
        let start = 1_750_000_000_000;
        let key = prefixed(NAMESPACE, &start_key(start, &entry_key("a/b%", "c/d")));
        assert_eq!(started(&key), Some(("a/b%".to_owned(), start)));
        let holds = |from, to| places_of_starts(from, to).iter().any(|place| key.starts_with(place.first()));
        assert!(holds(start, start + 1) && holds(start - 86_400_000, start + 1));
        assert!(
            !holds(start - 86_400_000, start - 20_000_000) && !holds(start + 20_000_000, start + 86_400_000)
        );
        assert_eq!(started(&prefixed(NAMESPACE, &entry_key("a", "c"))), None);
    }
}
