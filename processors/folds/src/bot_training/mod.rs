// SPDX-License-Identifier: Apache-2.0

//! Training data for bots (contract section 10): for each customer message with a bot's suggestions, the text, the suggestions,
//! the flags that people set, and the reply that closed its turn.
//!
//! At each commit that changes one of them, the message and the reply are read from the activities' state, so the record
//! follows edits and deletions. The processor's own state holds only which reply belongs to which message, and which messages
//! have a record.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Emitter, Forget, News, ProcessError, Processor, Product, Scope, Slice};
use model::{Activity, Actor, Format, Json, Kind, ReactionKind, TrainingRecord, TrainingReply};
use serde::{Deserialize, Serialize};

use crate::activities;
use crate::activities::{Digests, KEPT};
use crate::owner::Owned;
use crate::stored::{behind, prefixed};
use crate::timelines::{self, Said};
use crate::widths::{ACTOR, CHANNEL, ID, REACTION, SUGGESTION, Sizes};

/// The processor's name in topics.yaml.
pub const NAME: &str = "bot-training";
/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b'b';
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.bot-training",
    schema: model::Schema::BOT_TRAINING.header,
    one_for_each: "customer's message with suggestions of a bot",
    key: "as in `cx.activities`",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value: the message and its reply each have their own body.
pub(crate) fn record_bytes(sizes: Sizes) -> u64 {
    4 * ID + CHANNEL + ACTOR + KEPT as u64 * (SUGGESTION + REACTION) + sizes.activity + 2 * sizes.value
}

/// Format version of a stored [`Reply`]; its first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 1;

/// Key prefix: the reply to a message, by the message's key.
const REPLY: u8 = b'r';
/// Key prefix: the message that a reply answers, by the reply's key.
const MESSAGE: u8 = b'm';
/// Key prefix: messages that have a record.
const EMITTED: u8 = b'e';

/// Writes one topic, `cx.bot-training`.
#[derive(Debug, Clone, Copy)]
pub struct BotTraining {
    /// Limit for the bodies of one activity, in bytes.
    activity_bytes: u64,
}

impl BotTraining {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { activity_bytes: settings.activity_bytes }
    }
}

impl Processor for BotTraining {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn follows(&self) -> &'static [&'static str] {
        &[activities::NAME, timelines::NAME]
    }

    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let mut affected: BTreeSet<Vec<u8>> = BTreeSet::new();
        // The last notification of a turn counts.
        let mut turns: BTreeMap<&[u8], Option<timelines::Reply<'_>>> = BTreeMap::new();
        for note in news.heard() {
            match Said::of(&note) {
                Some(Said::Turn(reply)) => {
                    turns.insert(note.key, reply);
                }
                Some(Said::Summary | Said::Amounts(_) | Said::Watched(_) | Said::Contact(_)) => {}
                None => {
                    let Some((was_there, suggests)) = Digests::flags_of(&note) else { continue };
                    // Only an activity of an earlier commit can be known to reply to a message.
                    if was_there {
                        affected.extend(message_of(note.key, emitter)?);
                    }
                    // Without suggestions it had no record and has none.
                    if suggests {
                        affected.insert(note.key.to_vec());
                    }
                }
            }
        }
        // Delete old pairs first: a reply may have moved from one message to another.
        turns.keys().try_for_each(|message| forget(message, emitter))?;
        for (message, reply) in turns {
            remember(message, reply, emitter);
            affected.insert(message.to_vec());
        }
        affected.iter().try_for_each(|message| emit(message, self.activity_bytes, emitter))
    }
}

impl Forget for BotTraining {
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let Scope::Conversation(_) = scope else { return Ok(Slice::Last) };
        for first in [REPLY, MESSAGE, EMITTED] {
            if !emitter.delete_under(&prefixed(first, &scope.prefix()))? {
                return Ok(Slice::of(false));
            }
        }
        Ok(Slice::Last)
    }

    fn erase(
        &self,
        scope: &Scope<'_>,
        from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let Scope::Conversation(_) = scope else { return Ok(Slice::Last) };
        let is_all = emitter.drain(&prefixed(EMITTED, &scope.prefix()), |key, emitter| {
            publish(key.get(1..).unwrap_or_default(), None, emitter)?;
            emitter.delete(key);
            Ok(())
        })?;
        if is_all { self.forget(scope, from, emitter) } else { Ok(Slice::of(false)) }
    }
}

/// Owner of a record of this processor's state.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    let (_, of) = key.split_first().filter(|(kind, _)| [REPLY, MESSAGE, EMITTED].contains(kind))?;
    Owned::by_key(of, false)
}

/// The reply that closed a message's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reply {
    /// The reply's activity and its key.
    activity_id: String,
    key: String,
    response_ms: i64,
}

impl Reply {
    /// Reads the stored reply to a message; `None` if there is none.
    fn read(message: &[u8], bytes: Option<&[u8]>) -> Result<Option<Self>, ProcessError> {
        let corrupt = |problem| ProcessError::Corrupt {
            processor: NAME,
            key: String::from_utf8_lossy(message).into_owned(),
            problem,
        };
        match bytes {
            None => Ok(None),
            Some([VERSION, rest @ ..]) => {
                postcard::from_bytes(rest).map(Some).map_err(|problem| corrupt(problem.to_string()))
            }
            Some(other) => Err(corrupt(format!("version {:?} of the form, not {VERSION}", other.first()))),
        }
    }
}

fn forget(message: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    if let Some(old) = reply_to(message, emitter)? {
        emitter.delete(&prefixed(MESSAGE, old.key.as_bytes()));
        emitter.delete(&prefixed(REPLY, message));
    }
    Ok(())
}

fn remember(message: &[u8], reply: Option<timelines::Reply<'_>>, emitter: &mut Emitter<'_>) {
    let conversation = std::str::from_utf8(message).ok().and_then(model::parse_activity_key);
    let (Some(reply), Some((conversation, _))) = (reply, conversation) else { return };
    let reply = Reply {
        activity_id: reply.activity_id.to_owned(),
        key: model::activity_key(conversation.as_deref(), reply.activity_id),
        response_ms: reply.response_ms,
    };
    // Serializing plain data into memory cannot fail.
    let bytes = behind(VERSION, &reply).unwrap_or_default();
    emitter.put(&prefixed(REPLY, message), &bytes);
    emitter.put(&prefixed(MESSAGE, reply.key.as_bytes()), message);
}

fn reply_to(message: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Reply>, ProcessError> {
    emitter.read(&prefixed(REPLY, message), |bytes| Reply::read(message, bytes))?
}

/// The message that an activity replies to.
fn message_of(reply: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Vec<u8>>, ProcessError> {
    emitter.read(&prefixed(MESSAGE, reply), |message| message.map(<[u8]>::to_vec))
}

/// Emits a message's current record, or a tombstone if it has none any more.
fn emit(message: &[u8], limit: u64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let place = prefixed(EMITTED, message);
    let known = emitter.read(&place, |emitted| emitted.is_some())?;
    let value = record(message, limit, emitter)?;
    match (&value, known) {
        (None, false) => return Ok(()),
        (None, true) => emitter.delete(&place),
        (Some(_), false) => emitter.put(&place, b""),
        (Some(_), true) => {}
    }
    publish(message, value.as_deref(), emitter)
}

fn publish(message: &[u8], value: Option<&[u8]>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let conversation = std::str::from_utf8(message).ok().and_then(model::parse_activity_key);
    let conversation = conversation.and_then(|(conversation, _)| conversation).unwrap_or_default();
    emitter.emit(OUTPUT, conversation.as_bytes(), message, value)
}

fn record(message: &[u8], limit: u64, emitter: &mut Emitter<'_>) -> Result<Option<Vec<u8>>, ProcessError> {
    let has_suggestions =
        emitter.read_of(activities::NAME, message, |state| activities::has_suggestions(message, state))??;
    if !has_suggestions {
        return Ok(None);
    }
    let answer = match reply_to(message, emitter)? {
        Some(reply) => Answer::of(reply, limit, emitter)?,
        None => None,
    };
    let format = emitter.format(OUTPUT);
    let texts = activities::texts_of(message, limit, emitter)?;
    emitter.read_of(activities::NAME, message, |state| {
        let write = |activity: Option<&Activity<'_>>| written(activity?, answer.as_ref(), format);
        activities::with_activity(message, state, &around(&texts, limit), write)
    })?
}

/// Records of this processor have no read times.
fn around(texts: &activities::Texts, limit: u64) -> activities::Around<'_> {
    activities::Around { texts, limit, read: None }
}

/// The record of a customer's message with suggestions; `None` if it is deleted.
fn written(message: &Activity<'_>, answer: Option<&Answer>, format: &dyn Format) -> Option<Vec<u8>> {
    if message.deletion.is_some() {
        return None;
    }
    let flags = message.reactions.iter().filter(|reaction| reaction.kind == ReactionKind::Flag);
    let record = TrainingRecord {
        conversation_id: message.conversation_id.as_deref()?,
        activity_id: &message.activity_id,
        occurred_at: message.occurred_at,
        channel: message.channel.as_ref(),
        body: message.body.as_ref(),
        suggestions: message.suggestions.clone(),
        flags: flags.cloned().collect(),
        reply: answer.map(Answer::reply),
    };
    let mut value = Vec::with_capacity(1024);
    format.write(&record, &mut value);
    Some(value)
}

/// A reply with its current text.
struct Answer {
    reply: Reply,
    kind: Kind,
    actor: Option<Actor<'static>>,
    at: i64,
    body: Option<Json<'static>>,
}

impl Answer {
    fn of(reply: Reply, limit: u64, emitter: &mut Emitter<'_>) -> Result<Option<Self>, ProcessError> {
        let key = reply.key.clone();
        let texts = activities::texts_of(key.as_bytes(), limit, emitter)?;
        emitter.read_of(activities::NAME, key.as_bytes(), |state| {
            activities::with_activity(key.as_bytes(), state, &around(&texts, limit), |activity| {
                let activity = activity?;
                Some(Self {
                    reply,
                    kind: activity.kind,
                    actor: activity.actor.clone().map(Actor::into_static),
                    at: activity.occurred_at,
                    body: activity.body.as_ref().map(Json::to_static),
                })
            })
        })?
    }

    fn reply(&self) -> TrainingReply<'_> {
        TrainingReply {
            activity_id: &self.reply.activity_id,
            kind: self.kind,
            actor: self.actor.as_ref(),
            at: self.at,
            body: self.body.as_ref(),
            response_ms: self.reply.response_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_another_version_or_cut_short_is_called_corrupt() {
        let reply = Reply { activity_id: "m2".to_owned(), key: "c/m2".to_owned(), response_ms: 1500 };
        let bytes = postcard::to_extend(&reply, vec![VERSION]).unwrap();
        assert_eq!(Reply::read(b"c/m1", Some(&bytes)).unwrap(), Some(reply));
        assert_eq!(Reply::read(b"c/m1", None).unwrap(), None);
        for damaged in [&bytes[..3], &[9, 0], &[]] {
            let read = Reply::read(b"c/m1", Some(damaged));
            assert!(matches!(read, Err(ProcessError::Corrupt { .. })), "{damaged:?}");
        }
    }
}
