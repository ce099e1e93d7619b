// SPDX-License-Identifier: Apache-2.0

//! The content hash of an event, over the fields that the contract reads: it distinguishes a duplicate from another event with
//! the same id.
//!
//! The hash is part of stored state for as long as a conversation lives. So its input bytes are defined explicitly here and
//! depend on nothing else: no compiler, no platform, no order of fields or variants in the code. They are a version, then for
//! each *present* field its tag and value. Tags are never reused; a field added later gets a new tag, which keeps the hashes of
//! all events without it. Tests fix the hashes for every kind of event.

use std::borrow::Cow;

use xxhash_rust::xxh64::xxh64;

use crate::value_hash::value_hash;
use crate::{
    Action, Actor, AgentDetail, Change, Channel, Event, Fact, FactDetail, Json, Leg, LegPhase, Primary,
};
use crate::{Relation, SuggestionItem, TaskDetail};

/// The version of the encoding. A new one would make every stored event a conflict when it comes again, so it also requires a
/// new state format (`folds::STATE_FORMAT`).
const VERSION: u8 = 1;

/// The tag before a field's value. The tag determines the value's encoding: see [`Bytes`].
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    Id = 1,
    Name = 2,
    At = 3,
    ChannelSessionId = 4,
    CustomerId = 5,
    ChannelType = 6,
    ServiceIdentifier = 7,
    /// Begins an actor, whose fields may all be unknown.
    Actor = 8,
    ActorType = 9,
    ActorId = 10,
    ActorName = 11,
    Direction = 12,
    RoomId = 13,
    Mode = 14,
    SentAt = 15,

    PrimaryKind = 20,
    ActivityId = 21,
    Body = 22,
    InReplyTo = 23,
    ProviderMessageId = 24,
    LegPhase = 25,
    LegCallId = 26,
    LegStartTime = 27,
    LegEndTime = 28,
    LegReason = 29,

    Target = 40,
    Edit = 41,
    Delete = 42,
    ReactionKind = 43,
    ReactionValue = 44,
    ReactionRemove = 45,
    Suggestion = 46,
    /// Begins an item, whose fields may all be unknown.
    Item = 47,
    ItemBody = 48,
    ItemConfidence = 49,
    DeliveryStatus = 50,
    DeliveryReason = 51,
    DeleteIsDone = 52,
    Mark = 53,
    HoldBegins = 54,

    Fact = 60,
    FactAgent = 61,
    AgentId = 62,
    AgentRole = 63,
    AgentName = 64,
    AgentReason = 65,
    FactRole = 66,
    RoleAgentId = 67,
    Role = 68,
    FactTask = 69,
    TaskId = 70,
    TaskQueue = 71,
    TaskDirection = 72,
    TaskMode = 73,
    TaskState = 74,
    FactState = 75,
    State = 76,
    TaskReason = 77,
    TaskAgent = 78,
    TaskTimer = 79,
    TaskSession = 80,
    FactRequest = 81,
    RequestDirection = 82,

    Signal = 100,
}

/// The size of a text's prefix: its tag and its length.
const HEAD: usize = 5;
/// The bytes written for it.
const HEAD_STORED: usize = size_of::<u64>();

/// The bytes to hash, collected in one buffer: many small updates cost more than one copy. Most events fit without an
/// allocation.
///
/// A flag is its tag alone. A constant is one byte. A number is eight bytes, little-endian. Text is the length of its UTF-8 as
/// four bytes, little-endian, then these bytes. JSON is the hash of its value ([`value_hash`]), independent of its spelling.
struct Bytes {
    first: [u8; 512],
    length: usize,
    /// All bytes, once they do not fit.
    all: Vec<u8>,
}

impl Bytes {
    fn new() -> Self {
        Self { first: [0; 512], length: 0, all: Vec::new() }
    }

    fn mark(&mut self, tag: Tag) {
        self.write(&[tag as u8]);
    }

    fn word(&mut self, tag: Tag, word: u8) {
        self.write(&[tag as u8, word]);
    }

    fn number(&mut self, tag: Tag, number: i64) {
        self.eight(tag, number.to_le_bytes());
    }

    #[inline]
    fn text(&mut self, tag: Tag, text: &str) {
        // No value of a record is longer.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        // Written at once, which takes half the time of writing tag and length separately. The text overwrites the excess.
        let head = (u64::from(length) << 8 | u64::from(tag as u8)).to_le_bytes();
        let room =
            self.first.get_mut(self.length..).and_then(|room| room.get_mut(..HEAD_STORED + text.len()));
        if let Some(room) = room {
            if let Some(front) = room.first_chunk_mut() {
                *front = head;
            }
            if let Some(room) = room.get_mut(HEAD..HEAD + text.len()) {
                room.copy_from_slice(text.as_bytes());
            }
            self.length += HEAD + text.len();
        } else {
            self.write(head.get(..HEAD).unwrap_or_default());
            self.write(text.as_bytes());
        }
    }

    #[inline]
    fn text_if(&mut self, tag: Tag, text: Option<&Cow<'_, str>>) {
        if let Some(text) = text {
            self.text(tag, text);
        }
    }

    fn json(&mut self, tag: Tag, json: &Json<'_>) {
        self.eight(tag, value_hash(json.as_str()).to_le_bytes());
    }

    fn eight(&mut self, tag: Tag, [a, b, c, d, e, f, g, h]: [u8; 8]) {
        self.write(&[tag as u8, a, b, c, d, e, f, g, h]);
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        match self.first.get_mut(self.length..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.write_more(bytes),
        }
    }

    #[cold]
    fn write_more(&mut self, bytes: &[u8]) {
        if self.all.is_empty() {
            self.all.extend_from_slice(self.first.get(..self.length).unwrap_or_default());
            // Nothing fits any more.
            self.length = self.first.len();
        }
        self.all.extend_from_slice(bytes);
    }

    fn hash(&self) -> u64 {
        let first = self.first.get(..self.length).unwrap_or_default();
        xxh64(if self.all.is_empty() { first } else { &self.all }, 0)
    }
}

impl Event<'_> {
    /// The content hash, over the fields that the contract reads: two events with the same id and hash are duplicates. The
    /// conversation is left out, since an event may name it or be correlated by its session. The hash is part of stored state,
    /// so its input is defined byte by byte.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        number(self)
    }
}

/// The content hash of an event. The conversation is left out, since an event may name it or be correlated by its session; so
/// are fields that the contract does not read.
fn number(event: &Event<'_>) -> u64 {
    let Event {
        id,
        name,
        at,
        conversation_id: _,
        channel_session_id,
        customer_id,
        channel,
        actor,
        direction,
        room_id,
        mode,
        sent_at,
        // Not part of the contract: a duplicate stays a duplicate when its channel's configuration changes.
        targets: _,
        action,
    } = event;
    let mut bytes = Bytes::new();
    bytes.write(&[VERSION]);
    bytes.text(Tag::Id, id);
    bytes.text(Tag::Name, name);
    bytes.number(Tag::At, *at);
    bytes.text_if(Tag::ChannelSessionId, channel_session_id.as_ref());
    bytes.text_if(Tag::CustomerId, customer_id.as_ref());
    if let Some(Channel { channel_type, service_identifier }) = channel {
        bytes.text_if(Tag::ChannelType, channel_type.as_ref());
        bytes.text_if(Tag::ServiceIdentifier, service_identifier.as_ref());
    }
    if let Some(Actor { actor_type, id, name }) = actor {
        bytes.mark(Tag::Actor);
        bytes.text_if(Tag::ActorType, actor_type.as_ref());
        bytes.text_if(Tag::ActorId, id.as_ref());
        bytes.text_if(Tag::ActorName, name.as_ref());
    }
    bytes.text_if(Tag::Direction, direction.as_ref());
    bytes.text_if(Tag::RoomId, room_id.as_ref());
    if let Some(mode) = mode {
        bytes.word(Tag::Mode, mode.code());
    }
    if let Some(sent_at) = sent_at {
        bytes.number(Tag::SentAt, *sent_at);
    }
    match action {
        Action::Primary(primary) => write_primary(primary, &mut bytes),
        Action::Relation(relation) => write_relation(relation, &mut bytes),
        Action::Fact(fact) => write_fact(fact, &mut bytes),
        // Signals are not remembered, so their hashes are never compared.
        Action::Signal => bytes.mark(Tag::Signal),
    }
    bytes.hash()
}

fn write_primary(primary: &Primary<'_>, bytes: &mut Bytes) {
    let Primary { activity_id, kind, body, in_reply_to, provider_message_id, leg } = primary;
    bytes.word(Tag::PrimaryKind, kind.code());
    bytes.text(Tag::ActivityId, activity_id);
    if let Some(body) = body {
        bytes.json(Tag::Body, body);
    }
    bytes.text_if(Tag::InReplyTo, in_reply_to.as_ref());
    bytes.text_if(Tag::ProviderMessageId, provider_message_id.as_ref());
    let Some(Leg { phase, call_id, start_time, end_time, reason }) = leg else { return };
    let phase = match phase {
        LegPhase::Started => 1,
        LegPhase::Ended => 2,
    };
    bytes.word(Tag::LegPhase, phase);
    bytes.text_if(Tag::LegCallId, call_id.as_ref());
    if let Some(at) = start_time {
        bytes.number(Tag::LegStartTime, *at);
    }
    if let Some(at) = end_time {
        bytes.number(Tag::LegEndTime, *at);
    }
    bytes.text_if(Tag::LegReason, reason.as_ref());
}

fn write_relation(relation: &Relation<'_>, bytes: &mut Bytes) {
    bytes.text(Tag::Target, &relation.target);
    match &relation.change {
        Change::Edit { body } => bytes.json(Tag::Edit, body),
        Change::Delete { by_supervisor, is_done } => {
            bytes.word(Tag::Delete, u8::from(*by_supervisor));
            if *is_done {
                bytes.mark(Tag::DeleteIsDone);
            }
        }
        Change::Reaction { kind, value, remove } => {
            bytes.word(Tag::ReactionKind, kind.code());
            bytes.text_if(Tag::ReactionValue, value.as_ref());
            bytes.word(Tag::ReactionRemove, u8::from(*remove));
        }
        Change::Suggestion { items } => {
            bytes.mark(Tag::Suggestion);
            for SuggestionItem { body, confidence } in items {
                bytes.mark(Tag::Item);
                if let Some(body) = body {
                    bytes.json(Tag::ItemBody, body);
                }
                if let Some(confidence) = confidence {
                    bytes.json(Tag::ItemConfidence, confidence);
                }
            }
        }
        Change::Delivery { status, reason_code } => {
            bytes.text(Tag::DeliveryStatus, status);
            bytes.text_if(Tag::DeliveryReason, reason_code.as_ref());
        }
        Change::Mark(mark) => bytes.word(Tag::Mark, mark.code()),
        Change::Hold { begins } => bytes.word(Tag::HoldBegins, u8::from(*begins)),
    }
}

/// The event's name identifies the fact.
fn write_fact(fact: &Fact<'_>, bytes: &mut Bytes) {
    bytes.mark(Tag::Fact);
    match &fact.detail {
        FactDetail::None => {}
        FactDetail::Agent(AgentDetail { agent_id, role, name, reason }) => {
            bytes.mark(Tag::FactAgent);
            bytes.text_if(Tag::AgentId, agent_id.as_ref());
            bytes.text_if(Tag::AgentRole, role.as_ref());
            bytes.text_if(Tag::AgentName, name.as_ref());
            bytes.text_if(Tag::AgentReason, reason.as_ref());
        }
        FactDetail::Role { agent_id, role } => {
            bytes.mark(Tag::FactRole);
            bytes.text_if(Tag::RoleAgentId, agent_id.as_ref());
            bytes.text_if(Tag::Role, role.as_ref());
        }
        FactDetail::Task(task) => {
            let TaskDetail { task_id, queue, direction, mode, state, reason, agent_id, timer_id, session_id } =
                &**task;
            bytes.mark(Tag::FactTask);
            bytes.text_if(Tag::TaskId, task_id.as_ref());
            bytes.text_if(Tag::TaskQueue, queue.as_ref());
            bytes.text_if(Tag::TaskDirection, direction.as_ref());
            bytes.text_if(Tag::TaskMode, mode.as_ref());
            bytes.text_if(Tag::TaskState, state.as_ref());
            bytes.text_if(Tag::TaskReason, reason.as_ref());
            bytes.text_if(Tag::TaskAgent, agent_id.as_ref());
            bytes.text_if(Tag::TaskTimer, timer_id.as_ref());
            bytes.text_if(Tag::TaskSession, session_id.as_ref());
        }
        FactDetail::State(state) => {
            bytes.mark(Tag::FactState);
            bytes.text_if(Tag::State, state.as_ref());
        }
        FactDetail::Request { direction } => {
            bytes.mark(Tag::FactRequest);
            bytes.text_if(Tag::RequestDirection, direction.as_ref());
        }
    }
}

#[cfg(test)]
mod tests;
