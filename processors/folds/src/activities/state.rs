// SPDX-License-Identifier: Apache-2.0

//! State of an activity: its distinct events, in the total order.

use engine::ProcessError;
use model::{Change, Event, LegPhase, Mark, Primary, Relation};
use serde::{Deserialize, Serialize};

use super::bounds::{self, Omitted};
use crate::compact;
use crate::stored::{StoredActor, StoredChannel};

/// Format versions of the state; the first byte. Another version is rejected, and the state is rebuilt. Most activities leave
/// nothing out and hold all their texts: the smaller format has no fields for either.
const VERSION: u8 = 5;
const VERSION_BOUNDED: u8 = 6;
/// Limit for the texts in the state itself; longer ones get their own records.
pub(super) const TEXTS_BYTES: u64 = 256 << 10;

/// One event of the activity, with the fields of its role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored<'a> {
    pub(super) id: &'a str,
    pub(super) at: i64,
    /// Sorts events of the same millisecond.
    pub(super) rank: u8,
    #[serde(borrow)]
    pub(super) actor: Option<StoredActor<'a>>,
    pub(super) what: What<'a>,
    /// The size of its texts if they are stored outside the state, else 0.
    #[serde(skip)]
    pub(super) beside_bytes: u64,
}

/// The role of an event. Append new variants at the end: the state stores their numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum What<'a> {
    #[serde(borrow)]
    Primary(StoredPrimary<'a>),
    Edit {
        body: Option<&'a str>,
    },
    Delete {
        by_supervisor: bool,
        is_done: bool,
    },
    Reaction {
        kind: u8,
        value: Option<&'a str>,
        remove: bool,
    },
    /// A customer's reply to this activity; the value is the reply's own activity.
    Response {
        value: &'a str,
    },
    Suggestion {
        items: Vec<StoredItem<'a>>,
    },
    Delivery {
        status: &'a str,
        reason_code: Option<&'a str>,
    },
    Mark(u8),
    Hold {
        begins: bool,
        /// From the message's own header.
        sent_at: Option<i64>,
    },
}

impl What<'_> {
    /// The contract's name for the role (rule A1).
    pub(super) fn word(&self) -> &'static str {
        match self {
            What::Primary(_) => "PRIMARY",
            What::Edit { .. } => "EDIT",
            What::Delete { .. } => "DELETE",
            What::Reaction { .. } => "REACTION",
            What::Response { .. } => "RESPONSE",
            What::Suggestion { .. } => "SUGGESTION",
            What::Delivery { .. } => "DELIVERY",
            What::Mark(code) => Mark::from_code(*code).map_or("", Mark::as_str),
            What::Hold { .. } => "HOLD",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredPrimary<'a> {
    pub(super) kind: u8,
    #[serde(borrow)]
    pub(super) session: Option<&'a str>,
    pub(super) customer: Option<&'a str>,
    pub(super) room: Option<&'a str>,
    pub(super) channel: Option<StoredChannel<'a>>,
    pub(super) body: Option<&'a str>,
    pub(super) in_reply_to: Option<&'a str>,
    pub(super) provider_message_id: Option<&'a str>,
    pub(super) leg: Option<StoredLeg<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredLeg<'a> {
    pub(super) ended: bool,
    #[serde(borrow)]
    pub(super) call_id: Option<&'a str>,
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    /// From the message's own header.
    pub(super) sent_at: Option<i64>,
    pub(super) reason: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredItem<'a> {
    #[serde(borrow)]
    pub(super) body: Option<&'a str>,
    pub(super) confidence: Option<&'a str>,
}

impl<'a> Stored<'a> {
    fn of(event: &'a Event<'_>, what: What<'a>) -> Self {
        let actor = event.actor.as_ref().map(StoredActor::of);
        Self { id: &event.id, at: event.at, rank: event.rank(), actor, what, beside_bytes: 0 }
    }

    pub(super) fn primary(event: &'a Event<'_>, primary: &'a Primary<'_>) -> Self {
        let channel = event
            .channel
            .as_ref()
            .map(|channel| (channel.channel_type.as_deref(), channel.service_identifier.as_deref()));
        let leg = primary.leg.as_ref().map(|leg| StoredLeg {
            ended: leg.phase == LegPhase::Ended,
            call_id: leg.call_id.as_deref(),
            start_time: leg.start_time,
            end_time: leg.end_time,
            sent_at: event.sent_at,
            reason: leg.reason.as_deref(),
        });
        let stored = StoredPrimary {
            kind: primary.kind.code(),
            session: event.channel_session_id.as_deref(),
            customer: event.customer_id.as_deref(),
            room: event.room_id.as_deref(),
            channel,
            body: primary.body.as_ref().map(model::Json::as_str),
            in_reply_to: primary.in_reply_to.as_deref(),
            provider_message_id: primary.provider_message_id.as_deref(),
            leg,
        };
        Self::of(event, What::Primary(stored))
    }

    pub(super) fn relation(event: &'a Event<'_>, relation: &'a Relation<'_>) -> Self {
        let what = match &relation.change {
            Change::Edit { body } => What::Edit { body: Some(body.as_str()) },
            Change::Delete { by_supervisor, is_done } => {
                What::Delete { by_supervisor: *by_supervisor, is_done: *is_done }
            }
            Change::Reaction { kind, value, remove } => {
                What::Reaction { kind: kind.code(), value: value.as_deref(), remove: *remove }
            }
            Change::Mark(mark) => What::Mark(mark.code()),
            Change::Hold { begins } => What::Hold { begins: *begins, sent_at: event.sent_at },
            Change::Suggestion { items } => What::Suggestion {
                items: items
                    .iter()
                    .map(|item| StoredItem {
                        body: item.body.as_ref().map(model::Json::as_str),
                        confidence: item.confidence.as_ref().map(model::Json::as_str),
                    })
                    .collect(),
            },
            Change::Delivery { status, reason_code } => {
                What::Delivery { status, reason_code: reason_code.as_deref() }
            }
        };
        Self::of(event, what)
    }

    /// The reaction that a reply is on the message it replies to.
    pub(super) fn response(reply: &Self, activity_id: &'a str) -> Self {
        let what = What::Response { value: activity_id };
        Self { id: reply.id, at: reply.at, rank: reply.rank, actor: reply.actor, what, beside_bytes: 0 }
    }

    pub(super) fn is_primary(&self) -> bool {
        matches!(self.what, What::Primary(_))
    }

    pub(super) fn is_leg(&self) -> bool {
        matches!(&self.what, What::Primary(primary) if primary.leg.is_some())
    }

    /// Whether the event is a response. A reply may reply to itself; then the event is stored both as a primary and as a
    /// response.
    pub(super) fn is_response(&self) -> bool {
        matches!(self.what, What::Response { .. })
    }

    /// The size of its texts, wherever they are stored: bodies as compact JSON.
    pub(super) fn text_bytes(&self) -> u64 {
        self.beside_bytes + self.texts_here_bytes()
    }

    fn texts_here_bytes(&self) -> u64 {
        let bytes = |text: &Option<&str>| text.map_or(0, |text| text.len() as u64);
        match &self.what {
            What::Primary(primary) => bytes(&primary.body),
            What::Edit { body } => bytes(body),
            What::Suggestion { items } => items.iter().map(|item| bytes(&item.body)).sum(),
            _ => 0,
        }
    }

    /// Removes the texts, to store them outside the state.
    fn take_texts(&mut self) -> Vec<u8> {
        self.beside_bytes = self.texts_here_bytes();
        let mut texts: Vec<Option<&str>> = Vec::new();
        match &mut self.what {
            What::Primary(primary) => texts.push(primary.body.take()),
            What::Edit { body } => texts.push(body.take()),
            What::Suggestion { items } => texts.extend(items.iter_mut().map(|item| item.body.take())),
            _ => {}
        }
        // Serializing plain data into memory cannot fail.
        postcard::to_stdvec(&texts).unwrap_or_default()
    }

    /// Restores texts that were stored outside the state.
    ///
    /// # Errors
    /// The bytes are not texts.
    pub(super) fn put_texts(&mut self, bytes: &'a [u8]) -> postcard::Result<()> {
        let texts: Vec<Option<&'a str>> = postcard::from_bytes(bytes)?;
        let mut texts = texts.into_iter();
        match &mut self.what {
            What::Primary(primary) => primary.body = texts.next().flatten(),
            What::Edit { body } => *body = texts.next().flatten(),
            What::Suggestion { items } => {
                items.iter_mut().zip(texts).for_each(|(item, body)| item.body = body);
            }
            _ => {}
        }
        self.beside_bytes = 0;
        Ok(())
    }

    /// Drops its texts, which no output may show any more.
    pub(super) fn drop_texts(&mut self) {
        self.beside_bytes = 0;
        match &mut self.what {
            What::Primary(primary) => primary.body = None,
            What::Edit { body } => *body = None,
            What::Suggestion { items } => items.iter_mut().for_each(|item| item.body = None),
            _ => {}
        }
    }

    pub(super) fn order(&self) -> (i64, u8, &str, bool) {
        (self.at, self.rank, self.id, self.is_response())
    }
}

/// The distinct events of one activity in the total order: those that are folded (rule A10), and the number of those left out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Events<'a> {
    pub(super) list: Vec<Stored<'a>>,
    pub(super) omitted: Omitted,
    /// Whether the activity belongs to a conversation, whose customers count as one actor (rule A2).
    pub(super) of_conversation: bool,
}

/// Fields of a state besides its events.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    omitted: Omitted,
    /// Indexes and sizes of the texts stored outside the state.
    beside: Vec<(u32, u64)>,
}

impl<'a> Events<'a> {
    /// Reads the state; `None` is an activity without events.
    pub(super) fn read(key: &[u8], bytes: Option<&'a [u8]>) -> Result<Self, ProcessError> {
        let unreadable = |problem: compact::Problem| corrupt(key, &problem.to_string());
        // Ids in keys contain no slash.
        let of_conversation = key.contains(&b'/');
        match bytes {
            None => Ok(Self { of_conversation, ..Self::default() }),
            Some([VERSION, rest @ ..]) => {
                let list = compact::read(rest).map_err(unreadable)?;
                Ok(Self { list, omitted: Omitted::default(), of_conversation })
            }
            Some([VERSION_BOUNDED, rest @ ..]) => {
                let (head, mut list): (Head, Vec<Stored<'a>>) = compact::read(rest).map_err(unreadable)?;
                for (place, bytes) in head.beside {
                    if let Some(event) = usize::try_from(place).ok().and_then(|place| list.get_mut(place)) {
                        event.beside_bytes = bytes;
                    }
                }
                Ok(Self { list, omitted: head.omitted, of_conversation })
            }
            Some(other) => Err(corrupt(
                key,
                &format!("version {:?} of the form, not {VERSION} or {VERSION_BOUNDED}", other.first()),
            )),
        }
    }

    /// Writes the state; no events give no bytes.
    pub(super) fn write(&self, key: &[u8]) -> Result<Vec<u8>, ProcessError> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let beside = || (0_u32..).zip(&self.list).filter(|(_, event)| event.beside_bytes > 0);
        let written = if self.omitted.is_empty() && beside().next().is_none() {
            compact::write(VERSION, &self.list)
        } else {
            let beside = beside().map(|(place, event)| (place, event.beside_bytes)).collect();
            compact::write(VERSION_BOUNDED, &(Head { omitted: self.omitted.clone(), beside }, &self.list))
        };
        written.map_err(|problem| corrupt(key, &problem.to_string()))
    }

    /// Inserts an event in the total order; `false` if it is already there.
    pub(super) fn insert(&mut self, event: Stored<'a>) -> bool {
        let known = |other: &Stored<'_>| other.id == event.id && other.is_response() == event.is_response();
        if self.list.iter().any(known) {
            return false;
        }
        let place = self.list.partition_point(|other| other.order() < event.order());
        self.list.insert(place, event);
        true
    }

    /// Leaves out the earliest event of a relation with too many.
    pub(super) fn leave_out(&mut self) -> Option<Stored<'a>> {
        let place = bounds::excess(self)?;
        let event = self.list.remove(place);
        self.omitted.add(&event);
        Some(event)
    }

    /// Removes texts until the rest is within the limit; returns them with their events' ids.
    pub(super) fn take_long_texts(&mut self) -> Vec<(&'a str, Vec<u8>)> {
        let mut taken = Vec::new();
        let mut here: u64 = self.list.iter().map(Stored::texts_here_bytes).sum();
        while here > TEXTS_BYTES {
            let Some(longest) = self.list.iter_mut().max_by_key(|event| event.texts_here_bytes()) else {
                break;
            };
            here -= longest.texts_here_bytes();
            taken.push((longest.id, longest.take_texts()));
        }
        taken
    }

    /// Withdraws the response of an event; `false` if there is none.
    pub(super) fn withdraw(&mut self, event_id: &str) -> bool {
        let before = self.list.len();
        self.list.retain(|event| !(event.is_response() && event.id == event_id));
        self.list.len() < before
    }

    /// Removes a relation and returns it.
    pub(super) fn remove_relation(&mut self, event_id: &str) -> Option<Stored<'a>> {
        let is_it = |event: &Stored<'_>| event.id == event_id && !event.is_primary() && !event.is_response();
        let place = self.list.iter().position(is_it)?;
        Some(self.list.remove(place))
    }

    /// Whether there are none: then there is no state.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.omitted.is_empty()
    }

    /// Rule A1: the first primary.
    pub(super) fn primary(&self) -> Option<&Stored<'a>> {
        self.list.iter().find(|event| event.is_primary())
    }

    /// Rule A4: whether a deletion counts; `false` while the author is unknown.
    pub(super) fn is_deleted(&self) -> bool {
        let primary = self.primary();
        primary.is_some_and(|primary| {
            self.list.iter().any(|event| bounds::deletes(event, primary, self.of_conversation))
        })
    }
}

/// Whether texts may be stored outside this state; a cheap check without parsing all of it.
pub(super) fn may_have_texts_beside(state: &[u8]) -> bool {
    state.first() == Some(&VERSION_BOUNDED)
}

pub(super) fn corrupt(key: &[u8], problem: &str) -> ProcessError {
    ProcessError::Corrupt {
        processor: super::NAME,
        key: String::from_utf8_lossy(key).into_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(id: &str, at: i64) -> Stored<'_> {
        Stored {
            id,
            at,
            rank: model::RANK_OF_OTHERS,
            actor: None,
            what: What::Delete { by_supervisor: false, is_done: false },
            beside_bytes: 0,
        }
    }

    #[test]
    fn events_lie_in_the_total_order_whatever_the_order_of_arrival() {
        let mut events = Events::default();
        for (id, at) in [("b", 2), ("z", 1), ("a", 2), ("é", 2)] {
            assert!(events.insert(delete(id, at)));
        }
        let ids: Vec<&str> = events.list.iter().map(|event| event.id).collect();
        assert_eq!(ids, ["z", "a", "b", "é"]);
    }

    #[test]
    fn within_a_millisecond_the_rank_decides_before_the_id() {
        let mut events = Events::default();
        for (id, rank) in [("a", 5), ("b", 3), ("c", 4)] {
            assert!(events.insert(Stored { rank, ..delete(id, 1) }));
        }
        let ids: Vec<&str> = events.list.iter().map(|event| event.id).collect();
        assert_eq!(ids, ["b", "c", "a"]);
    }

    #[test]
    fn an_event_that_is_known_changes_nothing() {
        let mut events = Events::default();
        assert!(events.insert(delete("a", 1)));
        assert!(!events.insert(delete("a", 1)));
        assert_eq!(events.list.len(), 1);
    }

    #[test]
    fn the_state_reads_back_as_it_was_written() {
        let mut events = Events::default();
        events.insert(delete("a", 1));
        let what = What::Edit { body: Some("{}") };
        events.insert(Stored { what, ..delete("b", 2) });
        let bytes = events.write(b"k").unwrap();
        assert_eq!(Events::read(b"k", Some(&bytes)).unwrap(), events);
    }

    #[test]
    fn a_state_of_another_version_or_cut_short_is_called_corrupt() {
        let mut events = Events::default();
        events.insert(delete("a", 1));
        let bytes = events.write(b"k").unwrap();
        assert!(matches!(Events::read(b"k", Some(&bytes[..3])), Err(ProcessError::Corrupt { .. })));
        assert!(matches!(Events::read(b"k", Some(&[9, 0])), Err(ProcessError::Corrupt { .. })));
        assert!(matches!(Events::read(b"k", Some(&[])), Err(ProcessError::Corrupt { .. })));
    }
}
