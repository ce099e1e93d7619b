// SPDX-License-Identifier: Apache-2.0

//! How to read events of one writer's schema: resolved once, when the schema is first seen.

use std::collections::HashSet;
use std::ops::Range;

use model::{Envelope, EnvelopeTime};

use super::cursor::{Cursor, Mismatch};
use super::json::{Room, millis, transcribe};
use crate::shape::{Field, SchemaError, Shape, Type, TypeId, Unit};

/// A schema without readable events. Its records become dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The registry does not know it.
    #[error("the schema registry knows no schema of id {0}; was it written with another registry?")]
    NotRegistered(u32),
    /// Its id is not Avro.
    #[error("{0}")]
    NotAvro(String),
    /// It is no schema, or an incomplete one.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// It is no record schema.
    #[error("the schema is not that of a record, events are records; see schemas/cim-event.avsc")]
    NoRecord,
    /// A field's type is incompatible with `cim-event`.
    #[error("field {field} is of a type that cannot be read as {wanted}; see schemas/cim-event.avsc")]
    Field {
        /// The field.
        field: String,
        /// The expected type.
        wanted: &'static str,
    },
    /// A field holds a local time, which is no timestamp because it has no time zone.
    #[error(
        "field {field} holds a local-timestamp, which says no time zone and so is no instant; write it as timestamp-millis, in UTC"
    )]
    LocalTime {
        /// The field, which may contain it in a nested type.
        field: String,
    },
}

/// The purpose of an event's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Id,
    Name,
    Timestamp,
    ConversationId,
    TopicId,
    ChannelSession,
    EventEmitter,
    RoomInfo,
    Data,
}

/// The fields of `cim-event` that are read; an alias follows the name that it stands for.
const SLOTS: [(&str, Slot); 10] = [
    ("id", Slot::Id),
    ("name", Slot::Name),
    ("timestamp", Slot::Timestamp),
    ("timeStamp", Slot::Timestamp),
    ("conversationId", Slot::ConversationId),
    ("topicId", Slot::TopicId),
    ("channelSession", Slot::ChannelSession),
    ("eventEmitter", Slot::EventEmitter),
    ("roomInfo", Slot::RoomInfo),
    ("data", Slot::Data),
];

impl Slot {
    /// The expected type.
    fn wanted(self) -> &'static str {
        match self {
            Slot::Id | Slot::Name | Slot::ConversationId | Slot::TopicId => "a string",
            Slot::Timestamp => "a timestamp-millis or a string",
            Slot::ChannelSession | Slot::EventEmitter | Slot::RoomInfo => {
                "a record or a string with JSON text"
            }
            Slot::Data => "a string with JSON text",
        }
    }

    /// The error for a value of another type.
    fn refusal(self) -> &'static str {
        match self {
            Slot::Id | Slot::Name | Slot::ConversationId | Slot::TopicId => "not a string",
            Slot::Timestamp => "neither a timestamp-millis nor a string",
            Slot::ChannelSession | Slot::EventEmitter | Slot::RoomInfo => {
                "neither a record nor a string with JSON text"
            }
            Slot::Data => "not a string with JSON text",
        }
    }

    /// Whether a value of this type, or of one of its branches, can be read.
    fn reads(self, shape: &Shape, of: TypeId) -> bool {
        match shape.get(of) {
            Type::Null | Type::Text | Type::Bytes => true,
            Type::Int | Type::Long(_) => self == Slot::Timestamp,
            Type::Record { .. } | Type::Map(_) => {
                matches!(self, Slot::ChannelSession | Slot::EventEmitter | Slot::RoomInfo | Slot::Data)
            }
            Type::Union(branches) => branches.iter().any(|branch| self.reads(shape, *branch)),
            Type::Boolean
            | Type::Float
            | Type::Double
            | Type::Fixed { .. }
            | Type::Enum { .. }
            | Type::Array(_) => false,
        }
    }
}

/// A writer's schema, resolved against `cim-event`.
#[derive(Debug)]
pub(super) struct Plan {
    shape: Shape,
    /// The fields in writing order: name, purpose (`None` when it is skipped) and type.
    fields: Vec<(String, Option<Slot>, TypeId)>,
}

impl Plan {
    pub(super) fn new(schema: &str) -> Result<Self, PlanError> {
        let shape = Shape::parse(schema)?;
        let Type::Record { fields: written, .. } = shape.get(shape.root()) else {
            return Err(PlanError::NoRecord);
        };
        let mut fields = Vec::with_capacity(written.len());
        for field in written {
            let slot = slot(field, written);
            if let Some(slot) = slot.filter(|slot| !slot.reads(&shape, field.of)) {
                return Err(PlanError::Field { field: field.name.clone(), wanted: slot.wanted() });
            }
            if slot.is_some() && holds_local_time(&shape, field.of) {
                return Err(PlanError::LocalTime { field: field.name.clone() });
            }
            fields.push((field.name.clone(), slot, field.of));
        }
        Ok(Plan { shape, fields })
    }

    /// Reads an event's fields. Objects written as records go into `scratch` as JSON, with a size limit.
    pub(super) fn read<'a>(
        &self,
        cursor: &mut Cursor<'a>,
        json_bytes_max: usize,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Envelope<'a>, Mismatch> {
        scratch.clear();
        let mut found = DecodedFields::default();
        let mut room = Room::new(cursor.left(), json_bytes_max);
        for (name, slot, of) in &self.fields {
            let read = match slot {
                None => transcribe(&self.shape, *of, cursor, &mut room, None),
                Some(slot) => self.field(*slot, *of, cursor, (&mut room, scratch), &mut found),
            };
            read.map_err(|mismatch| mismatch.within(name))?;
        }
        if cursor.left() > 0 {
            return Err(cursor.mismatch("the value goes on after its last field"));
        }
        Ok(found.envelope(scratch))
    }

    fn field<'a>(
        &self,
        slot: Slot,
        of: TypeId,
        cursor: &mut Cursor<'a>,
        (room, scratch): (&mut Room, &mut Vec<u8>),
        found: &mut DecodedFields<'a>,
    ) -> Result<(), Mismatch> {
        let what = self.shape.get(of);
        if let Type::Union(branches) = what {
            let before = cursor.clone();
            let index = cursor.index(branches.len(), "no branch of the union")?;
            let branch = branches.get(index).copied().filter(|branch| slot.reads(&self.shape, *branch));
            let branch = branch.ok_or_else(|| before.mismatch(slot.refusal()))?;
            return self.field(slot, branch, cursor, (room, scratch), found);
        }
        match what {
            Type::Text | Type::Bytes => found.text(slot, cursor.text()?),
            Type::Int => found.time(i64::from(cursor.int()?)),
            Type::Long(unit) => found.time(millis(*unit, cursor.long()?)),
            Type::Record { .. } | Type::Map(_) => {
                let start = scratch.len();
                transcribe(&self.shape, of, cursor, room, Some(scratch))?;
                found.object(slot, start..scratch.len());
            }
            // Null; no other type is read into a slot.
            _ => {}
        }
        Ok(())
    }
}

/// The slot of a field. An alias has no slot if the schema also has the field's own name.
fn slot(field: &Field, all: &[Field]) -> Option<Slot> {
    let of = |name: &str| SLOTS.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot);
    let slot = of(&field.name)?;
    let (name, _) = SLOTS.iter().find(|(_, of)| *of == slot)?;
    let is_alias = *name != field.name;
    Some(slot).filter(|_| !is_alias || all.iter().all(|other| other.name != *name))
}

/// Whether a value of this type may contain a local time, at any depth.
fn holds_local_time(shape: &Shape, of: TypeId) -> bool {
    let (mut seen, mut ahead) = (HashSet::new(), vec![of]);
    while let Some(of) = ahead.pop() {
        if !seen.insert(of) {
            continue;
        }
        match shape.get(of) {
            Type::Long(Unit::Local) => return true,
            Type::Array(within) | Type::Map(within) => ahead.push(*within),
            Type::Union(branches) => ahead.extend(branches),
            Type::Record { fields, .. } => ahead.extend(fields.iter().map(|field| field.of)),
            _ => {}
        }
    }
    false
}

/// The fields read so far.
#[derive(Default)]
struct DecodedFields<'a> {
    envelope: Envelope<'a>,
    channel_session: Option<Range<usize>>,
    event_emitter: Option<Range<usize>>,
    room_info: Option<Range<usize>>,
    data: Option<Range<usize>>,
}

impl<'a> DecodedFields<'a> {
    fn text(&mut self, slot: Slot, text: &'a str) {
        let envelope = &mut self.envelope;
        match slot {
            Slot::Id => envelope.id = Some(text),
            Slot::Name => envelope.name = Some(text),
            Slot::Timestamp => envelope.timestamp = Some(EnvelopeTime::Text(text)),
            Slot::ConversationId => envelope.conversation_id = Some(text),
            Slot::TopicId => envelope.topic_id = Some(text),
            Slot::ChannelSession => envelope.channel_session = Some(text),
            Slot::EventEmitter => envelope.event_emitter = Some(text),
            Slot::RoomInfo => envelope.room_info = Some(text),
            Slot::Data => envelope.data = Some(text),
        }
    }

    fn time(&mut self, millis: i64) {
        self.envelope.timestamp = Some(EnvelopeTime::Millis(millis));
    }

    /// An object with its JSON in the scratch buffer.
    fn object(&mut self, slot: Slot, range: Range<usize>) {
        match slot {
            Slot::ChannelSession => self.channel_session = Some(range),
            Slot::EventEmitter => self.event_emitter = Some(range),
            Slot::RoomInfo => self.room_info = Some(range),
            Slot::Data => self.data = Some(range),
            // These are never objects.
            Slot::Id | Slot::Name | Slot::Timestamp | Slot::ConversationId | Slot::TopicId => {}
        }
    }

    fn envelope(self, scratch: &'a [u8]) -> Envelope<'a> {
        // The scratch buffer holds text.
        let json = |range: Option<Range<usize>>| std::str::from_utf8(scratch.get(range?)?).ok();
        let envelope = self.envelope;
        Envelope {
            channel_session: json(self.channel_session).or(envelope.channel_session),
            event_emitter: json(self.event_emitter).or(envelope.event_emitter),
            room_info: json(self.room_info).or(envelope.room_info),
            data: json(self.data).or(envelope.data),
            ..envelope
        }
    }
}
