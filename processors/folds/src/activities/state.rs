//! What is remembered of an activity: its distinct events, in the total order.

use engine::ProcessError;
use model::{Change, Event, LegPhase, Primary, Relation};
use serde::{Deserialize, Serialize};

use crate::stored::{StoredActor, behind};

/// Version of the state's form; the first byte of every state. Another version is refused, and so rebuilt.
const VERSION: u8 = 1;

/// One event that concerns the activity, with the fields that its role has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored<'a> {
    pub(super) id: &'a str,
    pub(super) at: i64,
    #[serde(borrow)]
    pub(super) actor: Option<StoredActor<'a>>,
    pub(super) what: What<'a>,
}

/// What an event is to its activity. New variants go to the end: the state holds their numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum What<'a> {
    #[serde(borrow)]
    Primary(StoredPrimary<'a>),
    Edit {
        body: Option<&'a str>,
    },
    Delete {
        by_supervisor: bool,
    },
    Reaction {
        kind: u8,
        value: &'a str,
        remove: bool,
    },
    /// A customer's reply to this activity; its value is the reply's own activity.
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
}

impl What<'_> {
    /// The contract's word for it (rule A1).
    pub(super) fn word(&self) -> &'static str {
        match self {
            What::Primary(_) => "PRIMARY",
            What::Edit { .. } => "EDIT",
            What::Delete { .. } => "DELETE",
            What::Reaction { .. } => "REACTION",
            What::Response { .. } => "RESPONSE",
            What::Suggestion { .. } => "SUGGESTION",
            What::Delivery { .. } => "DELIVERY",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredPrimary<'a> {
    pub(super) kind: u8,
    #[serde(borrow)]
    pub(super) session: Option<&'a str>,
    pub(super) customer: Option<&'a str>,
    /// Type and service identifier.
    pub(super) channel: Option<(Option<&'a str>, Option<&'a str>)>,
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
        Self { id: &event.id, at: event.at, actor: event.actor.as_ref().map(StoredActor::of), what }
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
            reason: leg.reason.as_deref(),
        });
        let stored = StoredPrimary {
            kind: primary.kind.code(),
            session: event.channel_session_id.as_deref(),
            customer: event.customer_id.as_deref(),
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
            Change::Delete { by_supervisor } => What::Delete { by_supervisor: *by_supervisor },
            Change::Reaction { kind, value, remove } => {
                What::Reaction { kind: kind.code(), value, remove: *remove }
            }
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

    /// The reaction that a reply is on the message that it answers.
    pub(super) fn response(reply: &Self, activity_id: &'a str) -> Self {
        Self { id: reply.id, at: reply.at, actor: reply.actor, what: What::Response { value: activity_id } }
    }

    pub(super) fn is_primary(&self) -> bool {
        matches!(self.what, What::Primary(_))
    }

    pub(super) fn is_leg(&self) -> bool {
        matches!(&self.what, What::Primary(primary) if primary.leg.is_some())
    }

    /// A reply may answer itself: then the one event is there as a primary and as a response.
    fn is_response(&self) -> bool {
        matches!(self.what, What::Response { .. })
    }

    fn order(&self) -> (i64, &str, bool) {
        (self.at, self.id, self.is_response())
    }
}

/// The distinct events of one activity, in the total order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Events<'a>(pub(super) Vec<Stored<'a>>);

impl<'a> Events<'a> {
    /// Reads the state; no bytes are no events.
    pub(super) fn read(key: &[u8], bytes: Option<&'a [u8]>) -> Result<Self, ProcessError> {
        match bytes {
            None => Ok(Self::default()),
            Some([VERSION, rest @ ..]) => {
                postcard::from_bytes(rest).map(Self).map_err(|problem| corrupt(key, &problem.to_string()))
            }
            Some(other) => {
                Err(corrupt(key, &format!("version {:?} of the form, not {VERSION}", other.first())))
            }
        }
    }

    /// Writes the state; no events are no bytes.
    pub(super) fn write(&self, key: &[u8]) -> Result<Vec<u8>, ProcessError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        behind(VERSION, &self.0).map_err(|problem| corrupt(key, &problem.to_string()))
    }

    /// Adds an event in its place; `false` if it is there already.
    pub(super) fn insert(&mut self, event: Stored<'a>) -> bool {
        let known = |other: &Stored<'_>| other.id == event.id && other.is_response() == event.is_response();
        if self.0.iter().any(known) {
            return false;
        }
        let place = self.0.partition_point(|other| other.order() < event.order());
        self.0.insert(place, event);
        true
    }

    /// Takes back the response that an event was; `false` if there is none.
    pub(super) fn withdraw(&mut self, event_id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|event| !(event.is_response() && event.id == event_id));
        self.0.len() < before
    }

    /// Forgets a relation; `false` if there is none of this event.
    pub(super) fn remove_relation(&mut self, event_id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|event| event.id != event_id || event.is_primary() || event.is_response());
        self.0.len() < before
    }

    /// Rule A1: the first of the primaries.
    pub(super) fn primary(&self) -> Option<&Stored<'a>> {
        self.0.iter().find(|event| event.is_primary())
    }
}

fn corrupt(key: &[u8], problem: &str) -> ProcessError {
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
        Stored { id, at, actor: None, what: What::Delete { by_supervisor: false } }
    }

    #[test]
    fn events_lie_in_the_total_order_whatever_the_order_of_arrival() {
        let mut events = Events::default();
        for (id, at) in [("b", 2), ("z", 1), ("a", 2), ("é", 2)] {
            assert!(events.insert(delete(id, at)));
        }
        let ids: Vec<&str> = events.0.iter().map(|event| event.id).collect();
        assert_eq!(ids, ["z", "a", "b", "é"]);
    }

    #[test]
    fn an_event_that_is_known_changes_nothing() {
        let mut events = Events::default();
        assert!(events.insert(delete("a", 1)));
        assert!(!events.insert(delete("a", 1)));
        assert_eq!(events.0.len(), 1);
    }

    #[test]
    fn the_state_reads_back_as_it_was_written() {
        let mut events = Events::default();
        events.insert(delete("a", 1));
        events.insert(Stored { id: "b", at: 2, actor: None, what: What::Edit { body: Some("{}") } });
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
