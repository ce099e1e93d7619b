// SPDX-License-Identifier: Apache-2.0

//! The record of a customer, built from the stored conversations. Pure.

use std::borrow::Cow;

use engine::ProcessError;
use model::{CustomerConversation, CustomerRecord, Outcome};

use super::store::{self, Entry};
use crate::scan::{Contact, LISTED};

const HOUR_MS: i64 = 60 * 60 * 1000;
/// Times within which a report counts another contact as a repeat contact.
const SOON_MS: i64 = 24 * HOUR_MS;
const LATER_MS: i64 = 72 * HOUR_MS;

/// A conversation as stored in a customer's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) started_at: i64,
    pub(super) conversation: String,
    /// Its key in the state.
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Stored {
    /// Parses a record of the state.
    ///
    /// # Errors
    /// The record is corrupt.
    pub(super) fn read(key: &[u8], value: &[u8]) -> Result<Self, ProcessError> {
        let conversation = key.get(1..).and_then(store::parts_of_entry);
        let conversation = conversation.and_then(|(_, conversation)| store::unescaped(conversation));
        Ok(Self {
            started_at: store::start(key, value)?,
            conversation: conversation.ok_or_else(|| store::corrupt(key, &"no conversation"))?,
            key: key.to_vec(),
            value: value.to_vec(),
        })
    }
}

/// Sorts a list by start, then by id.
pub(super) fn sort(list: &mut [Stored]) {
    list.sort_unstable_by(|a, b| {
        (a.started_at, a.conversation.as_str()).cmp(&(b.started_at, b.conversation.as_str()))
    });
}

/// Passes the record of a customer to `look`, given the sorted list; `None` if the list is empty.
///
/// # Errors
/// The state cannot be read.
pub(super) fn with_list<R>(
    customer: &str,
    list: &[Stored],
    look: impl FnOnce(Option<&CustomerRecord<'_>>) -> R,
) -> Result<R, ProcessError> {
    if list.is_empty() {
        return Ok(look(None));
    }
    let mut last: Vec<CustomerConversation<'_>> = Vec::with_capacity(list.len().min(LISTED));
    for stored in list.get(list.len().saturating_sub(LISTED)..).unwrap_or_default() {
        let Contact { started_at, closed_at, last_event_at, outcome, channel, queue, agent, .. } =
            Entry::read(&stored.key, &stored.value)?.contact;
        last.push(CustomerConversation {
            conversation_id: Cow::Borrowed(&stored.conversation),
            started_at,
            closed_at,
            last_event_at,
            outcome: outcome.and_then(Outcome::from_code),
            channel: channel.map(Cow::Borrowed),
            queue: queue.map(Cow::Borrowed),
            agent_id: agent.map(Cow::Borrowed),
            since_previous_ms: None,
        });
    }
    Ok(look(Some(&record_of(customer, last))))
}

/// The record of a customer with these conversations, which must be sorted; computes their `sincePreviousMs`.
#[must_use]
pub fn record_of<'a>(
    customer: &'a str,
    mut conversations: Vec<CustomerConversation<'a>>,
) -> CustomerRecord<'a> {
    let mut latest: Option<i64> = None;
    for conversation in &mut conversations {
        let since = latest.map(|latest| conversation.started_at.saturating_sub(latest).max(0));
        conversation.since_previous_ms = since;
        latest = latest.max(Some(conversation.last_event_at));
    }
    let within = |most: i64| {
        let since = conversations.iter().filter_map(|conversation| conversation.since_previous_ms);
        since.filter(|since| *since <= most).count() as u64
    };
    CustomerRecord {
        customer_id: Cow::Borrowed(customer),
        count: conversations.len() as u64,
        repeats_within_24h: within(SOON_MS),
        repeats_within_72h: within(LATER_MS),
        conversations,
    }
}

/// Passes the record of a customer to `look`, given the records in its [key range](super::place); `None` if there are none.
///
/// # Errors
/// The state cannot be read.
pub(crate) fn with_record<'f, R>(
    customer: &str,
    found: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    look: impl FnOnce(Option<&CustomerRecord<'_>>) -> R,
) -> Result<R, ProcessError> {
    let own = found.filter_map(|(key, value)| Some((key.strip_prefix(&[store::NAMESPACE])?, value)));
    let mut list = own.map(|(key, value)| Stored::read(key, value)).collect::<Result<Vec<_>, _>>()?;
    sort(&mut list);
    with_list(customer, &list, look)
}
