// SPDX-License-Identifier: Apache-2.0

//! Limits on the length of identifiers (contract, section 1). They become keys, and keys are limited.

use std::borrow::Cow;

use super::actor::Identities;
use super::classify::{Asked, INTENT_REPLY, INTENT_UPDATE, PrimaryName};
use super::lenient::Text;
use super::raw::{BodyFields, DataFields, EventFields, Form};
use crate::{Action, Change, FactDetail, Invalid, Primary, Reason};

/// The maximum length of an identifier in bytes.
pub const IDENTIFIER_BYTES_MAX: usize = 512;

/// The first identifier that is too long.
#[derive(Default)]
struct Long(Option<(IdentifierPath, usize)>);

/// An identifier.
#[derive(Clone, Copy)]
enum IdentifierPath {
    /// The one at this path within the event.
    At(&'static str),
    /// One with several possible paths: its path is looked up only if it is too long.
    Conversation,
    Session,
    Customer,
    Room,
}

impl Long {
    #[inline]
    fn look(&mut self, place: IdentifierPath, text: &str) {
        if text.len() > IDENTIFIER_BYTES_MAX && self.0.is_none() {
            self.0 = Some((place, text.len()));
        }
    }

    #[inline]
    fn look_at(&mut self, path: &'static str, text: Option<&Cow<'_, str>>) {
        if let Some(text) = text {
            self.look(IdentifierPath::At(path), text);
        }
    }

    fn read(&mut self, path: &'static str, text: Option<&Text<'_>>) {
        self.look_at(path, text.and_then(Text::get).as_ref());
    }
}

/// The parts of an event that are needed to name an identifier's path.
pub(super) struct EventParts<'s, 'a> {
    pub(super) form: Form,
    pub(super) event: &'s EventFields<'a>,
    pub(super) data: &'s DataFields<'a>,
    pub(super) outer: Text<'a>,
}

impl EventParts<'_, '_> {
    /// Checks the identifiers of all events.
    pub(super) fn check_found(&self, id: &str, name: &str, found: &Identities<'_>) -> Result<(), Invalid> {
        let Identities {
            conversation_id,
            channel_session_id,
            customer_id,
            channel,
            direction,
            actor,
            room_id,
            mode: _,
            sent_at: _,
            targets: _,
        } = found;
        let mut long = Long::default();
        long.look(IdentifierPath::At("id"), id);
        long.look(IdentifierPath::At("name"), name);
        if let Some(id) = conversation_id {
            long.look(IdentifierPath::Conversation, id);
        }
        if let Some(id) = channel_session_id {
            long.look(IdentifierPath::Session, id);
        }
        if let Some(id) = customer_id {
            long.look(IdentifierPath::Customer, id);
        }
        if let Some(id) = room_id {
            long.look(IdentifierPath::Room, id);
        }
        if let Some(channel) = channel {
            long.look_at(
                "channelSession.channel.channelType.name (or data.header.channelData.channelTypeCode)",
                channel.channel_type.as_ref(),
            );
            long.look_at(
                "channelSession.channelData.serviceIdentifier (or data.header.channelData.serviceIdentifier)",
                channel.service_identifier.as_ref(),
            );
        }
        if let Some(actor) = actor {
            long.look_at(
                "data.header.sender.type (or, without a data.header, eventEmitter.type)",
                actor.actor_type.as_ref(),
            );
            long.look_at("the actor's id (of data.header.sender, or else eventEmitter)", actor.id.as_ref());
        }
        long.look_at(
            "data.conversationDirection (or channelSession.channelSessionDirection)",
            direction.as_ref(),
        );
        self.refuse(&long)
    }

    /// Checks the identifiers of the action.
    pub(super) fn check_action(&self, action: &Action<'_>) -> Result<(), Invalid> {
        let mut long = Long::default();
        match action {
            Action::Primary(primary) => look_at_primary(primary, &mut long),
            Action::Relation(relation) => {
                let (target, change) = (&relation.target, &relation.change);
                long.look_at(self.target_of(change), Some(target));
                match change {
                    Change::Reaction { value, .. } => long.look_at(VALUE, value.as_ref()),
                    Change::Delivery { status, reason_code } => {
                        long.look_at(STATUS, Some(status));
                        long.look_at(REASON_CODE, reason_code.as_ref());
                    }
                    Change::Delete { .. } => long.read(ROLE, self.role()),
                    Change::Edit { .. }
                    | Change::Suggestion { .. }
                    | Change::Mark(_)
                    | Change::Hold { .. } => {}
                }
            }
            Action::Fact(fact) => look_at_fact(&fact.detail, &mut long),
            Action::Signal => {}
        }
        self.refuse(&long)
    }

    /// The same for an incomplete event without a known action: an identifier that is too long is reported first.
    #[cold]
    pub(super) fn check_fields(&self, name: &str) -> Result<(), Invalid> {
        let (header, body) = (self.data.header.get(), self.data.body.fields());
        let original = header.map(|header| &header.original_message_id);
        let has_intent = |intent| header.is_some_and(|header| header.intent.is(intent));
        let mut long = Long::default();
        if let Some(asked) = Asked::by(name, body) {
            match asked {
                Asked::Deletion | Asked::Receipt => long.read(MESSAGE_ID, body.map(|body| &body.message_id)),
                Asked::Like { .. } | Asked::CommentsDeletion | Asked::Mark(_) => {
                    long.read(ORIGINAL, original);
                }
            }
            match asked {
                Asked::Deletion | Asked::CommentsDeletion => long.read(ROLE, self.role()),
                Asked::Receipt => {
                    long.read(STATUS, body.map(|body| &body.status));
                    long.read(REASON_CODE, body.map(|body| &body.reason_code));
                }
                Asked::Like { .. } | Asked::Mark(_) => {}
            }
            return self.refuse(&long);
        }
        match (PrimaryName::of(name), name) {
            (Some(_), _) if has_intent(INTENT_UPDATE) && original.is_some_and(Text::is_present) => {
                long.read(ORIGINAL, original);
            }
            (Some(primary), _) => {
                if let PrimaryName::Leg(_) = primary {
                    long.read(LEG_ID, body.map(leg_id));
                    long.read(REASON_CODE, body.map(|body| &body.reason_code));
                } else {
                    long.read(DATA_ID, Some(&self.data.id));
                }
                if has_intent(INTENT_REPLY) {
                    long.read(ORIGINAL, original);
                } else {
                    long.read(REPLY_TO, header.map(|header| &header.reply_to_message_id));
                }
                long.read(PROVIDERS, header.map(|header| &header.provider_message_id));
            }
            (None, "MODIFY_ACTIVITY") => {
                long.read(ORIGINAL, original);
                long.read(ROLE, self.role().filter(|_| body.is_some_and(|body| body.action.is("DELETE"))));
            }
            (None, "REACTION") => {
                long.read(ORIGINAL, original);
                long.read(VALUE, body.map(|body| &body.value));
            }
            (None, "BOT_SUGGESTION") => {
                long.read(REQUESTED, self.data.requested_message.get().map(|message| &message.id));
            }
            (None, "MESSAGE_DELIVERY_NOTIFICATION") => {
                long.read(MESSAGE_ID, body.map(|body| &body.message_id));
                long.read(STATUS, body.map(|body| &body.status));
                long.read(REASON_CODE, body.map(|body| &body.reason_code));
            }
            (None, "CALL_HOLD" | "CALL_RESUME") => long.read(LEG_ID, body.map(leg_id)),
            // A fact needs no identifier.
            (None, _) => {}
        }
        self.refuse(&long)
    }

    /// The path of a relation's target.
    fn target_of(&self, change: &Change<'_>) -> &'static str {
        let is_named_by_body =
            self.data.body.fields().is_some_and(|body| body.body_type.is("DELETEDNOTIFICATION"));
        match change {
            Change::Delete { .. } if is_named_by_body => MESSAGE_ID,
            Change::Edit { .. } | Change::Delete { .. } | Change::Reaction { .. } | Change::Mark(_) => {
                ORIGINAL
            }
            Change::Suggestion { .. } => REQUESTED,
            Change::Delivery { .. } => MESSAGE_ID,
            Change::Hold { .. } => LEG_ID,
        }
    }

    fn role(&self) -> Option<&Text<'_>> {
        Some(&self.data.header.get()?.sender.get()?.role)
    }

    fn refuse(&self, long: &Long) -> Result<(), Invalid> {
        match long.0 {
            None => Ok(()),
            Some((place, length)) => Err(self.too_long(place, length)),
        }
    }

    #[cold]
    fn too_long(&self, place: IdentifierPath, length: usize) -> Invalid {
        let Self { form, event, data, outer } = self;
        let first = |places: &[(&'static str, Option<Text<'_>>)], topic: &'static str| {
            let found = places.iter().find(|(_, text)| text.is_some_and(|text| text.is_present()));
            found.map_or(topic, |(path, _)| *path)
        };
        let path = match place {
            IdentifierPath::At(path) => path,
            IdentifierPath::Conversation => {
                let places = super::actor::conversation_places(event, data, *outer);
                match first(&places, "the conversation in the topic's name") {
                    // Beside the event, not within it.
                    super::actor::OUTER => return said("conversationId", length),
                    path => path,
                }
            }
            IdentifierPath::Session => first(&super::actor::session_places(event, data), "channelSession.id"),
            IdentifierPath::Customer => {
                first(&super::actor::customer_places(event, data), "channelSession.customer._id")
            }
            IdentifierPath::Room => first(&super::actor::room_places(event, data), "roomInfo.id"),
        };
        said(&format!("{}{path}", form.prefix()), length)
    }
}

pub(super) fn said(path: &str, length: usize) -> Invalid {
    let detail = format!("{path} has {length} bytes, an identifier may have {IDENTIFIER_BYTES_MAX}");
    Invalid::new(Reason::IdentifierTooLong, detail)
}

const ORIGINAL: &str = "data.header.originalMessageId";
const DATA_ID: &str = "data.id";
const LEG_ID: &str = "data.body.legId (or data.body.leg)";
const REPLY_TO: &str = "data.header.replyToMessageId";
const REASON_CODE: &str = "data.body.reasonCode";
const PROVIDERS: &str = "data.header.providerMessageId";
const VALUE: &str = "data.body.value";
const STATUS: &str = "data.body.status";
const MESSAGE_ID: &str = "data.body.messageId";
const REQUESTED: &str = "data.requestedMessage.id";
const ROLE: &str = "data.header.sender.role";

fn look_at_primary(primary: &Primary<'_>, long: &mut Long) {
    let Primary { activity_id, kind: _, body: _, in_reply_to, provider_message_id, leg } = primary;
    long.look_at(if leg.is_some() { LEG_ID } else { DATA_ID }, Some(activity_id));
    long.look_at("data.header.originalMessageId (or data.header.replyToMessageId)", in_reply_to.as_ref());
    long.look_at(PROVIDERS, provider_message_id.as_ref());
    if let Some(leg) = leg {
        long.look_at("data.body.callId", leg.call_id.as_ref());
        long.look_at(REASON_CODE, leg.reason.as_ref());
    }
}

fn look_at_fact(detail: &FactDetail<'_>, long: &mut Long) {
    match detail {
        FactDetail::None => {}
        FactDetail::Agent(agent) => {
            long.look_at(
                "data.agentParticipant.participant.id (or data.agentParticipant.id)",
                agent.agent_id.as_ref(),
            );
            long.look_at("data.agentParticipant.role", agent.role.as_ref());
            long.look_at("data.reason", agent.reason.as_ref());
        }
        FactDetail::Role { agent_id, role } => {
            long.look_at(
                "data.conversationParticipant.participant.id (or data.conversationParticipant.id)",
                agent_id.as_ref(),
            );
            long.look_at("data.conversationParticipant.role", role.as_ref());
        }
        FactDetail::Task(task) => {
            long.look_at("data.task.id (or data.id)", task.task_id.as_ref());
            long.look_at("data.queue.name (or data.task.activeMedia[0].queue.name)", task.queue.as_ref());
            long.look_at("data.task.activeMedia[0].type.direction", task.direction.as_ref());
            long.look_at("data.task.activeMedia[0].type.mode", task.mode.as_ref());
            long.look_at("data.task.state (or data.task.activeMedia[0].state)", task.state.as_ref());
            long.look_at(
                "data.task.state.reasonCode (or that of data.task.activeMedia[0].state)",
                task.reason.as_ref(),
            );
            long.look_at("data.ccUser.id (or data.task.assignedTo.id)", task.agent_id.as_ref());
            long.look_at("data.task.agentRequestTtlTimerId", task.timer_id.as_ref());
            long.look_at("data.task.activeMedia[0].requestSession.id", task.session_id.as_ref());
        }
        FactDetail::State(state) => long.look_at("data.state (or data.topicState)", state.as_ref()),
        FactDetail::Request { direction } => {
            long.look_at("data.requestType.direction", direction.as_ref());
        }
    }
}

/// The leg that a body names.
fn leg_id<'s, 'a>(body: &'s BodyFields<'a>) -> &'s Text<'a> {
    if body.leg_id.is_present() { &body.leg_id } else { &body.leg }
}
