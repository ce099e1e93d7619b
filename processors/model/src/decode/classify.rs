//! What an event does, by its name and contents (contract, section 2).

use super::actor::Found;
use super::facts;
use super::lenient::{ABSENT, Object, Text};
use super::raw::{BodyFields, DataFields, Form, HeaderFields, SuggestionFields};
use crate::{Action, Actor, Change, Invalid, Json, Kind, Leg, LegPhase, Primary, ReactionKind, Reason};
use crate::{NUMBER_BYTES, Relation, SUGGESTED_ITEMS, SuggestionItem};
use std::borrow::Cow;

/// One event, as far as its action depends on it.
pub(super) struct Subject<'s, 'a> {
    pub(super) form: Form,
    pub(super) id: &'s Cow<'a, str>,
    pub(super) name: &'s str,
    pub(super) data: &'s DataFields<'a>,
    /// The whole data as text; only for `CONVERSATION_DATA_CHANGED`.
    pub(super) data_json: Option<Json<'a>>,
    pub(super) found: &'s Found<'a>,
}

/// What the event does.
pub(super) fn classify<'a>(subject: Subject<'_, 'a>) -> Result<Action<'a>, Invalid> {
    match PrimaryName::of(subject.name) {
        Some(name) => subject.primary_or_edit(name),
        None => match subject.name {
            "MODIFY_ACTIVITY" => subject.modification(),
            "REACTION" => subject.reaction(),
            "BOT_SUGGESTION" => subject.suggestion(),
            "MESSAGE_DELIVERY_NOTIFICATION" => subject.delivery(),
            name => Ok(Action::Fact(facts::fact(name, subject.id, subject.data))),
        },
    }
}

/// The intent of an edit.
pub(super) const INTENT_UPDATE: &str = "UPDATE";
/// The intent of a reply.
pub(super) const INTENT_REPLY: &str = "REPLY_TO";

/// The rows of section 2's first table.
#[derive(Clone, Copy)]
pub(super) enum PrimaryName {
    /// A name of the first row, for which the body rule holds, with the kind that it has by itself.
    Message(Kind),
    /// A name that alone says the kind.
    Plain(Kind),
    WrapUp,
    Leg(LegPhase),
    DataChange,
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

    /// Text of the body.
    fn of_body(&self, text: impl FnOnce(&'s BodyFields<'a>) -> &'s Text<'a>) -> Option<&'s Text<'a>> {
        self.body().map(text)
    }

    /// An error about a place within the event.
    fn invalid(&self, reason: Reason, path: &str, what: &str) -> Invalid {
        Invalid::new(reason, format!("{}{path} {what}, which {} needs", self.form.prefix(), self.name))
    }

    /// An identifier that has to be there, at this path.
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
                activity_id = Some(self.need("data.body.legId", self.of_body(|body| &body.leg_id))?);
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
        };
        Ok(Action::Primary(Primary {
            activity_id: activity_id.unwrap_or_else(|| self.id.clone()),
            kind,
            body,
            in_reply_to: if self.has_intent(INTENT_REPLY) { self.original() } else { None },
            provider_message_id: self.header().and_then(|h| h.provider_message_id.get()),
            leg,
        }))
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
            _ if self.is_scheduled() => Ok(Kind::CampaignMessage),
            _ => Ok(own),
        }
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
            Some("DELETE") => {
                let sender = self.header().and_then(|h| h.sender.get());
                Change::Delete { by_supervisor: sender.is_some_and(|s| s.role.is("SUPERVISOR")) }
            }
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
        let value = self.present(Reason::BadRelation, "data.body.value", self.of_body(|body| &body.value))?;
        Ok(relation(target, Change::Reaction { kind, value, remove }))
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
        let target = self.need("data.body.messageId", self.of_body(|body| &body.message_id))?;
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

fn item<'a>(suggestion: &SuggestionFields<'a>) -> SuggestionItem<'a> {
    let confidence = suggestion.confidence_level.json().map(short_number);
    SuggestionItem { body: suggestion.message_body.json(), confidence }
}

/// A number that is spelled at greater length than any double needs is spelled anew, as the double that it is.
fn short_number(number: Json<'_>) -> Json<'_> {
    let text = number.as_str();
    match text.parse::<f64>() {
        Ok(double) if text.len() > NUMBER_BYTES => Json::from_compact(format!("{double:e}").into()),
        _ => number,
    }
}
