//! Events that are known only by their channel session (contract section 7).
//!
//! Such an event belongs to the conversation whose events carry that session. Where a conversation lies, each new pair of
//! session and conversation is sent to the session's partition. There the first pair counts, and the events that only name
//! the session wait, in their original bytes, in no output at all. As soon as the pair is known they are passed on to the
//! conversation's partition, and folded as if they carried its id.

use engine::{Carried, Context, Notice, Outcome, ProcessError, Processor, SourceRecord};
use model::{Event, Home};

use crate::admission::judged;

/// The processor's name in topics.yaml.
pub const NAME: &str = "correlate";

/// Pairs of which the session's partition has been told.
const TOLD: u8 = b't';
/// The conversation of a session.
const PAIR: u8 = b'p';
/// Records that wait for it, each behind the number for its content.
const WAITING: u8 = b'w';
const CONTENT_BYTES: usize = size_of::<u64>();

/// Finds the conversation of events that do not say it. It writes no topic.
#[derive(Debug, Clone, Copy, Default)]
pub struct Correlate;

impl Processor for Correlate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        b'h'
    }

    fn outputs(&self) -> usize {
        0
    }

    fn wants(&self, home: &Home<'_>) -> bool {
        match home {
            Home::Conversation(_) | Home::Session(_) => true,
            Home::Activity(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        match (event.home(), event.channel_session_id.as_deref()) {
            (Home::Conversation(conversation), Some(session)) => {
                learn(session, conversation, context)?;
                Ok(Outcome::Ignored)
            }
            (Home::Session(session), _) => pass_on_or_hold(session, event, record, context),
            (Home::Conversation(_) | Home::Activity(_), _) => Ok(Outcome::Ignored),
        }
    }

    /// A pair, from where its conversation lies: the key is the session, the payload the conversation.
    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| ProcessError::UnknownMessage(format!("processor {NAME}: an id is no UTF-8")))
        };
        let (session, conversation) = (text(key)?, text(payload)?);
        match conversation_of(session, context)? {
            None => {
                context.put(&pair_key(session), payload);
                release(session, conversation, context)
            }
            Some(known) => {
                if known != conversation {
                    context.notice(Notice::SessionConflict);
                }
                Ok(())
            }
        }
    }
}

/// Tells the session's partition, once for each pair.
fn learn(session: &str, conversation: &str, context: &mut Context<'_>) -> Result<(), ProcessError> {
    let told = key(TOLD, &model::activity_key(Some(session), conversation));
    if !context.read(&told, |told| told.is_some())? {
        context.put(&told, b"");
        context.send(session.as_bytes(), conversation.as_bytes());
    }
    Ok(())
}

fn pass_on_or_hold(
    session: &str,
    event: &Event<'_>,
    record: &SourceRecord<'_>,
    context: &mut Context<'_>,
) -> Result<Outcome, ProcessError> {
    if let Some(conversation) = conversation_of(session, context)? {
        context.fold_with(&conversation, Carried::pack(record, Some(&conversation)));
        return Ok(Outcome::PassedOn);
    }
    let waiting = key(WAITING, &model::activity_key(Some(session), &event.id));
    let content = event.content_hash().to_be_bytes();
    let known = context.read(&waiting, |held| held.map(|held| held.starts_with(&content)))?;
    if known.is_some() {
        return Ok(judged(known));
    }
    let mut held = content.to_vec();
    held.extend_from_slice(&Carried::pack(record, None));
    context.put(&waiting, &held);
    Ok(Outcome::Held)
}

/// The session's conversation has become known: what waited for it goes there.
fn release(session: &str, conversation: &str, context: &mut Context<'_>) -> Result<(), ProcessError> {
    let prefix = key(WAITING, &format!("{}/", model::escape(session)));
    let mut waiting: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    context.scan(&prefix, |key, held| waiting.push((key.to_vec(), held.to_vec())))?;
    for (key, held) in waiting {
        let carried = held.get(CONTENT_BYTES..).unwrap_or_default();
        let carried = Carried::unpack(carried).map_err(|problem| ProcessError::Corrupt {
            processor: NAME,
            key: String::from_utf8_lossy(&key).into_owned(),
            problem: problem.to_string(),
        })?;
        context.fold_with(conversation, Carried::pack(&carried.record(), Some(conversation)));
        context.delete(&key);
    }
    Ok(())
}

fn conversation_of(session: &str, context: &mut Context<'_>) -> Result<Option<String>, ProcessError> {
    let key = pair_key(session);
    context.read(&key, |pair| pair.map(|conversation| String::from_utf8_lossy(conversation).into_owned()))
}

fn pair_key(session: &str) -> Vec<u8> {
    key(PAIR, session)
}

fn key(first: u8, rest: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(rest.len() + 1);
    key.push(first);
    key.extend_from_slice(rest.as_bytes());
    key
}
