// SPDX-License-Identifier: Apache-2.0

//! The action of an event, from its name and content (contract, section 2).

use super::actor::Identities;
use super::lenient::{ABSENT, Object, Text};
use super::raw::{BodyFields, Data, DataFields, Form, HeaderFields, SenderFields, SuggestionFields};
use super::{actor, facts};
use crate::{Action, Actor, Change, Fact, FactDetail, FactKind, Invalid, Json, Kind, Leg, LegPhase, Mark};
use crate::{NUMBER_BYTES, Primary, ReactionKind, Reason, Relation, SUGGESTED_ITEMS, SuggestionItem};
use std::borrow::Cow;

/// The parts of an event that determine its action.
pub(super) struct Subject<'s, 'a> {
    pub(super) form: Form,
    pub(super) id: &'s Cow<'a, str>,
    pub(super) name: &'s str,
    pub(super) data: &'s DataFields<'a>,
    /// The unchanged data.
    pub(super) whole: &'s Data<'a>,
    /// The whole data as text, if [`needs_whole_data`].
    pub(super) data_json: Option<Json<'a>>,
    pub(super) found: &'s Identities<'a>,
}

/// The action of an event.
pub(super) fn classify<'a>(subject: Subject<'_, 'a>) -> Result<Action<'a>, Invalid> {
    let name = PrimaryName::of(subject.name);
    if let Some(PrimaryName::Message(_)) = name
        && subject.of_body(|body| &body.body_type).is_some_and(|of| of.is("NOTIFICATION"))
    {
        return Ok(subject.notification());
    }
    if let Some(asked) = Asked::by(subject.name, subject.body()) {
        return subject.asked(asked);
    }
    match name {
        Some(name) => subject.primary_or_edit(name),
        None => match subject.name {
            "TYPING_INDICATOR" => Ok(Action::Signal),
            "MODIFY_ACTIVITY" => subject.modification(),
            "REACTION" => subject.reaction(),
            "BOT_SUGGESTION" => subject.suggestion(),
            "MESSAGE_DELIVERY_NOTIFICATION" => subject.delivery(),
            "CALL_HOLD" => subject.hold(true),
            "CALL_RESUME" => subject.hold(false),
            name => Ok(Action::Fact(facts::fact(name, subject.id, subject.data, subject.whole))),
        },
    }
}

/// Whether the whole data is the activity's body, as for two kinds of events.
pub(super) fn needs_whole_data(name: &str, data: &DataFields<'_>) -> bool {
    match name {
        "CONVERSATION_DATA_CHANGED" => true,
        "VOICE_ACTIVITY" => data.body.fields().is_none(),
        _ => false,
    }
}

/// An action that the body determines, for any event name.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// Deletes the message that the body names.
    Deletion,
    /// A receipt for it.
    Receipt,
    /// A like of a comment, added or removed.
    Like { remove: bool },
    /// Deletes a comment.
    CommentsDeletion,
    /// Marks a comment.
    Mark(Mark),
}

impl Asked {
    pub(super) fn by(name: &str, body: Option<&BodyFields<'_>>) -> Option<Self> {
        let body = body?;
        let may_ask = name == "MESSAGE_DELIVERY_NOTIFICATION"
            || matches!(PrimaryName::of(name), Some(PrimaryName::Message(_)));
        if !may_ask {
            return None;
        }
        Some(match &*body.body_type.get()? {
            "DELETEDNOTIFICATION" => Asked::Deletion,
            "DELIVERYNOTIFICATION" => Asked::Receipt,
            COMMENT => match &*body.item_type.get()? {
                "LIKE" => Asked::Like { remove: false },
                "UNLIKE" => Asked::Like { remove: true },
                "DELETE" => Asked::CommentsDeletion,
                other => Asked::Mark(Mark::from_name(other)?),
            },
            _ => return None,
        })
    }
}

/// The type of a comment's body.
const COMMENT: &str = "COMMENT";
/// The reaction value of a like.
const LIKE: &str = "LIKE";
/// The prefix of notification types about typing.
const TYPING: &str = "TYPING_";

/// The intent of an edit.
pub(super) const INTENT_UPDATE: &str = "UPDATE";
/// The intent of a reply.
pub(super) const INTENT_REPLY: &str = "REPLY_TO";

/// The rows of section 2's first table.
#[derive(Clone, Copy)]
pub(super) enum PrimaryName {
    /// A name of the first row, to which the body rule applies, with its own kind.
    Message(Kind),
    /// A name that determines the kind.
    Plain(Kind),
    WrapUp,
    Leg(LegPhase),
    DataChange,
    /// The platform's record of a whole call.
    Account,
}

impl PrimaryName {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "CUSTOMER_MESSAGE" => PrimaryName::Message(Kind::CustomerMessage),
            "AGENT_MESSAGE" => PrimaryName::Message(Kind::AgentMessage),
            "BOT_MESSAGE" => PrimaryName::Message(Kind::BotMessage),
            "WHISPER_MESSAGE" => PrimaryName::Message(Kind::WhisperMessage),
            "EWT_MESSAGE" => PrimaryName::Message(Kind::EwtMessage),
            "THIRD_PARTY_ACTIVITY" => PrimaryName::Message(Kind::ThirdPartyActivity),
            "CAMPAIGN_MESSAGE" => PrimaryName::Plain(Kind::CampaignMessage),
            "ACTION_MESSAGE" => PrimaryName::Plain(Kind::ActionMessage),
            "WRAPUP_APPLIED" => PrimaryName::WrapUp,
            "CALL_LEG_STARTED" => PrimaryName::Leg(LegPhase::Started),
            "CALL_LEG_ENDED" => PrimaryName::Leg(LegPhase::Ended),
            "IVR_AGGREGATED_ACTIVITY" => PrimaryName::Plain(Kind::IvrActivity),
            "VOICE_ACTIVITY" => PrimaryName::Account,
            "CONVERSATION_DATA_CHANGED" => PrimaryName::DataChange,
            _ => return None,
        })
    }
}

impl<'s, 'a> Subject<'s, 'a> {
    fn header(&self) -> Option<&'s HeaderFields<'a>> {
        self.data.header.get()
    }

    fn body(&self) -> Option<&'s BodyFields<'a>> {
        self.data.body.fields()
    }

    fn has_intent(&self, intent: &str) -> bool {
        self.header().is_some_and(|h| h.intent.is(intent))
    }

    fn original(&self) -> Option<Cow<'a, str>> {
        self.header()?.original_message_id.get()
    }

    /// A text in the body.
    fn of_body(&self, text: impl FnOnce(&'s BodyFields<'a>) -> &'s Text<'a>) -> Option<&'s Text<'a>> {
        self.body().map(text)
    }

    /// An error about a field of the event.
    fn invalid(&self, reason: Reason, path: &str, what: &str) -> Invalid {
        Invalid::new(reason, format!("{}{path} {what}, which {} needs", self.form.prefix(), self.name))
    }

    /// A required identifier at this path.
    fn need(&self, path: &str, text: Option<&Text<'a>>) -> Result<Cow<'a, str>, Invalid> {
        self.present(Reason::MissingIdentifier, path, text)
    }

    fn present(&self, reason: Reason, path: &str, text: Option<&Text<'a>>) -> Result<Cow<'a, str>, Invalid> {
        let found = text.and_then(Text::get);
        found.ok_or_else(|| {
            let lack = text.map_or_else(|| ABSENT.to_owned(), Text::lack);
            self.invalid(reason, path, &lack)
        })
    }

    fn bad(&self, path: &str, what: &str) -> Invalid {
        self.invalid(Reason::BadRelation, path, what)
    }

    fn need_session(&self) -> Result<(), Invalid> {
        match self.found.channel_session_id {
            Some(_) => Ok(()),
            None => {
                let places = "channelSession.id (or data.header.channelSessionId, or data.body.callId)";
                Err(self.invalid(Reason::MissingIdentifier, places, ABSENT))
            }
        }
    }

    fn need_session_or_conversation(&self) -> Result<(), Invalid> {
        match self.found.conversation_id {
            Some(_) => Ok(()),
            None => self.need_session(),
        }
    }

    fn primary_or_edit(mut self, name: PrimaryName) -> Result<Action<'a>, Invalid> {
        if self.has_intent(INTENT_UPDATE)
            && let Some(target) = self.original()
        {
            let body = self.data.body.json().ok_or_else(|| self.bad("data.body", "is no object"))?;
            return Ok(relation(target, Change::Edit { body }));
        }
        let mut activity_id = self.data.id.get();
        let mut body = self.data.body.json();
        let mut leg = None;
        let kind = match name {
            PrimaryName::Message(kind) => self.message_kind(kind)?,
            PrimaryName::Plain(kind) => kind,
            PrimaryName::WrapUp => {
                self.need_session_or_conversation()?;
                Kind::WrapUp
            }
            PrimaryName::Leg(phase) => {
                activity_id = Some(self.leg_id()?);
                self.need_session()?;
                leg = self.body().map(|body| Leg {
                    phase,
                    call_id: body.call_id.get(),
                    start_time: body.start_time.at(),
                    end_time: body.end_time.at(),
                    reason: body.reason_code.get(),
                });
                Kind::AgentCallLeg
            }
            PrimaryName::DataChange => {
                activity_id = None;
                body = self.data_json.take();
                Kind::ConversationData
            }
            PrimaryName::Account => {
                body = body.or_else(|| self.data_json.take());
                Kind::Call
            }
        };
        if kind == Kind::ActionMessage && body.is_none() {
            body = self.action_body();
        }
        Ok(Action::Primary(Primary {
            activity_id: activity_id.unwrap_or_else(|| self.id.clone()),
            kind,
            body,
            in_reply_to: self.replied(kind),
            provider_message_id: self.header().and_then(|h| h.provider_message_id.get()),
            leg,
        }))
    }

    /// The activity that a primary replies to.
    fn replied(&self, kind: Kind) -> Option<Cow<'a, str>> {
        let replies = self.has_intent(INTENT_REPLY)
            || kind == Kind::CampaignResponse
            || self.body().is_some_and(is_private_reply);
        let original = if replies { self.original() } else { None };
        original.or_else(|| self.header()?.reply_to_message_id.get())
    }

    /// The body of an action message without one: the action's name and data.
    fn action_body(&self) -> Option<Json<'a>> {
        let name = self.data.name.get()?;
        let data = self.data.data.json().map_or_else(|| "null".to_owned(), Json::into_owned);
        let name = serde_json::Value::String(name.into_owned());
        Some(Json::from_compact(format!(r#"{{"name":{name},"data":{data}}}"#).into()))
    }

    fn leg_id(&self) -> Result<Cow<'a, str>, Invalid> {
        match self.of_body(|body| &body.leg_id) {
            Some(leg_id) if leg_id.is_present() => self.need("data.body.legId", Some(leg_id)),
            _ => self.need("data.body.legId (or data.body.leg)", self.of_body(|body| &body.leg)),
        }
    }

    /// A message with a notification as its body: typing, or else a fact without a rule.
    fn notification(&self) -> Action<'a> {
        let is_typing = self
            .of_body(|body| &body.notification_type)
            .and_then(Text::get)
            .is_some_and(|of| of.starts_with(TYPING));
        if is_typing {
            return Action::Signal;
        }
        Action::Fact(Fact { kind: FactKind::Other, detail: FactDetail::None })
    }

    /// The action that the body determines.
    fn asked(self, asked: Asked) -> Result<Action<'a>, Invalid> {
        Ok(match asked {
            Asked::Deletion => relation(self.named_message()?, self.deletion(true)),
            Asked::Receipt => return self.delivery(),
            Asked::Like { remove } => {
                let value = Some(Cow::Borrowed(LIKE));
                relation(self.target()?, Change::Reaction { kind: ReactionKind::Emoji, value, remove })
            }
            Asked::CommentsDeletion => relation(self.target()?, self.deletion(true)),
            Asked::Mark(mark) => relation(self.target()?, Change::Mark(mark)),
        })
    }

    /// A deletion; `is_told`: of a comment, or reported by the platform.
    fn deletion(&self, is_told: bool) -> Change<'a> {
        let sender = self.header().and_then(|header| header.sender.get());
        let is_done = |sender: &SenderFields<'a>| {
            actor::is_type(sender, "AGENT") || actor::is_type(sender, "CONNECTOR")
        };
        Change::Delete {
            by_supervisor: sender.is_some_and(|sender| sender.role.is("SUPERVISOR")),
            is_done: is_told && sender.is_some_and(is_done),
        }
    }

    fn hold(&self, begins: bool) -> Result<Action<'a>, Invalid> {
        Ok(relation(self.leg_id()?, Change::Hold { begins }))
    }

    /// The message that the body names.
    fn named_message(&self) -> Result<Cow<'a, str>, Invalid> {
        self.need("data.body.messageId", self.of_body(|body| &body.message_id))
    }

    /// The body rule.
    fn message_kind(&self, own: Kind) -> Result<Kind, Invalid> {
        match self.body().and_then(|b| b.body_type.get()).as_deref() {
            Some("WRAPUP") => self.need_session_or_conversation().map(|()| Kind::WrapUp),
            Some("NOTE") => Ok(Kind::Note),
            Some("RECORDING_LINK") => self.need_session().map(|()| Kind::CallRecording),
            Some("SURVEY") => Ok(Kind::SurveyQuestion),
            Some("TRANSCRIPT") => self.need_session().map(|()| Kind::Transcript),
            _ if self.has_intent("IVR_AGGREGATED_ACTIVITY") => Ok(Kind::IvrActivity),
            _ if self.has_intent("VOICE_CALL_RECORDING") || self.has_intent("MEDIA_RECORDING") => {
                self.need_session().map(|()| Kind::CallRecording)
            }
            Some("VOICE") => Ok(Kind::Call),
            _ if own == Kind::ThirdPartyActivity && self.is_by_customer() && self.original().is_some() => {
                Ok(Kind::CampaignResponse)
            }
            _ if self.is_scheduled() => Ok(Kind::CampaignMessage),
            _ => Ok(own),
        }
    }

    fn is_by_customer(&self) -> bool {
        self.found.actor.as_ref().is_some_and(|actor| actor.actor_type.as_deref() == Some("CUSTOMER"))
    }

    fn is_scheduled(&self) -> bool {
        let by_a_program =
            |actor: &Actor<'_>| matches!(actor.actor_type.as_deref(), Some("APP" | "SYSTEM" | "CONNECTOR"));
        self.header().is_some_and(|h| h.scheduling_meta_data.0)
            && self.found.actor.as_ref().is_some_and(by_a_program)
    }

    fn modification(self) -> Result<Action<'a>, Invalid> {
        let target = self.target()?;
        let change = match self.body().and_then(|b| b.action.get()).as_deref() {
            Some("EDIT") => {
                let body = self.body().and_then(|b| b.body.json());
                Change::Edit { body: body.ok_or_else(|| self.bad("data.body.body", "is no object"))? }
            }
            Some("DELETE") => self.deletion(false),
            _ => return Err(self.bad("data.body.action", "is neither EDIT nor DELETE")),
        };
        Ok(relation(target, change))
    }

    fn reaction(self) -> Result<Action<'a>, Invalid> {
        let target = self.target()?;
        let kind = self.body().and_then(|b| ReactionKind::from_name(&b.kind.get()?));
        let remove = match self.body().and_then(|b| b.action.get()).as_deref() {
            None | Some("ADD") => false,
            Some("REMOVE") => true,
            Some(_) => return Err(self.bad("data.body.action", "is neither ADD nor REMOVE")),
        };
        let kind = kind.ok_or_else(|| self.bad("data.body.kind", "is none of the kinds of reactions"))?;
        let value = self.of_body(|body| &body.value);
        // An emoji without a value removes all of them.
        if kind == ReactionKind::Emoji && !value.is_some_and(Text::is_present) {
            return Ok(relation(target, Change::Reaction { kind, value: None, remove: true }));
        }
        let value = self.present(Reason::BadRelation, "data.body.value", value)?;
        Ok(relation(target, Change::Reaction { kind, value: Some(value), remove }))
    }

    fn suggestion(self) -> Result<Action<'a>, Invalid> {
        let target = self.data.requested_message.get().map(|message| &message.id);
        let target = self.need("data.requestedMessage.id", target)?;
        let items = self.data.suggestions.0.as_ref();
        let items = items.ok_or_else(|| self.bad("data.suggestions", "is no array"))?;
        let items = items.iter().filter_map(Object::get).take(SUGGESTED_ITEMS).map(item).collect();
        Ok(relation(target, Change::Suggestion { items }))
    }

    fn delivery(self) -> Result<Action<'a>, Invalid> {
        let target = self.named_message()?;
        let status =
            self.present(Reason::BadRelation, "data.body.status", self.of_body(|body| &body.status))?;
        let reason_code = self.body().and_then(|b| b.reason_code.get());
        Ok(relation(target, Change::Delivery { status, reason_code }))
    }

    fn target(&self) -> Result<Cow<'a, str>, Invalid> {
        self.need("data.header.originalMessageId", self.header().map(|header| &header.original_message_id))
    }
}

fn relation<'a>(target: Cow<'a, str>, change: Change<'a>) -> Action<'a> {
    Action::Relation(Relation { target, change })
}

fn is_private_reply(body: &BodyFields<'_>) -> bool {
    body.body_type.is(COMMENT) && body.item_type.is("PRIVATE_REPLY")
}

fn item<'a>(suggestion: &SuggestionFields<'a>) -> SuggestionItem<'a> {
    let confidence = suggestion.confidence_level.json().map(short_number);
    SuggestionItem { body: suggestion.message_body.json(), confidence }
}

/// A number spelled longer than any double needs is replaced by its double.
fn short_number(number: Json<'_>) -> Json<'_> {
    let text = number.as_str();
    match text.parse::<f64>() {
        Ok(double) if text.len() > NUMBER_BYTES => Json::from_compact(format!("{double:e}").into()),
        _ => number,
    }
}
