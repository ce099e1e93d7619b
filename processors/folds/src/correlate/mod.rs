// SPDX-License-Identifier: Apache-2.0

//! Correlates events that have only a channel session with their conversation (contract section 7).
//!
//! Such an event belongs to the conversation whose events name the same session. The conversation's partition sends each new
//! pair of session and conversation to the session's partition. There the first pair counts, and events with only the session
//! wait unchanged, without any output. Once the pair is known, they are forwarded to the conversation's partition and folded as
//! if they had named the conversation. An event that waits too long becomes a dead letter.
//!
//! A waiting event of a customer to be erased is deleted at once. A record that it existed is kept until the end of its wait:
//! if its conversation becomes known by then, that is erased too, as it would have been earlier.
//!
//! When a conversation is forgotten, its pairs are kept as long as the record that it existed: a further event for one of its
//! sessions is rejected as too late. The pairs of an erased conversation are kept for ever.

mod held;

use std::ops::ControlFlow;

use engine::{
    Carried, Context, Counter, Emitter, Expire, Forget, HandleErasures, Outcome, ProcessError, Processor,
    Rejection, Scope, Slice, SourceRecord,
};
use model::{Action, Event, Home, Reason};

use crate::admission::{self, SomeEvents, judged};
use crate::owner::{Owned, Owner};
use crate::stored::prefixed;
use crate::{Limits, timers, whose};
use held::{EventCustomers, Held};

/// The processor's name in topics.yaml.
pub const NAME: &str = "correlate";
/// Sessions with two conversations.
pub static SESSION_CONFLICTS: Counter = Counter::new(
    "cx_timelines_session_conflicts_total",
    "Channel sessions that events named with a second conversation; the first one is kept.",
);
/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b'h';

/// Key prefix of the pairs that were sent to the session's partition, by conversation.
const SENT: u8 = b't';
/// Key prefix of the conversation of a session.
const PAIR: u8 = b'p';
/// Key prefix of waiting records.
const WAITING: u8 = b'w';
/// Key prefix of the timers of waiting records.
const WAITING_TIMER: u8 = b'x';
/// Key prefix of the timers of pairs of forgotten conversations.
const PAIR_TIMER: u8 = b'y';
/// Message type: a pair.
const LEARN: u8 = b'L';
/// Message type: until when to keep a pair.
const LET_GO: u8 = b'G';
/// Message type: forward more of the waiting records.
const RELEASE: u8 = b'R';

/// Number of waiting records, or of their bytes, that are forwarded at once; the rest follows in later commits.
const RELEASED_RECORDS: usize = 256;
const RELEASED_BYTES: usize = 1 << 20;

/// Finds the conversation of events that do not name it. It writes no topic.
#[derive(Debug, Clone, Copy)]
pub struct Correlate {
    limits: Limits,
}

impl Correlate {
    /// Creates the processor from the settings.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { limits: settings.limits }
    }
}

impl Processor for Correlate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn counters(&self) -> Vec<&'static Counter> {
        vec![&SESSION_CONFLICTS]
    }

    fn as_expire(&self) -> Option<&dyn Expire> {
        Some(self)
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn as_handle_erasures(&self) -> Option<&dyn HandleErasures> {
        Some(self)
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
        // A signal creates no pair and waits for none.
        if event.action == Action::Signal {
            let is_asked = admission::is_asked(event, whose::came_ms(record), context)?;
            let is_refused = is_asked && matches!(event.home(), Home::Session(_));
            return Ok(if is_refused { Outcome::Rejected(admission::erased()) } else { Outcome::Ignored });
        }
        match (event.home(), event.channel_session_id.as_deref()) {
            (Home::Conversation(conversation), Some(session)) => {
                learn(session, conversation, context)?;
                Ok(Outcome::Ignored)
            }
            (Home::Session(session), _) => self.pass_on_or_hold(session, event, record, context),
            (Home::Conversation(_) | Home::Activity(_), _) => Ok(Outcome::Ignored),
        }
    }

    /// Takes a message about a pair from the conversation's partition; the key is the session.
    fn receive(&self, key: &[u8], payload: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
        let session = text(key)?;
        match payload.split_first() {
            Some((&LEARN, conversation)) => self.learnt(session, text(conversation)?, context),
            Some((&RELEASE, conversation)) => self.release(session, text(conversation)?, context),
            Some((&LET_GO, rest)) => {
                let (until, conversation) = rest.split_first_chunk().ok_or_else(unknown)?;
                let about = model::activity_key(Some(session), text(conversation)?);
                timers::set(context, PAIR_TIMER, i64::from_be_bytes(*until), about.as_bytes());
                Ok(())
            }
            _ => Err(unknown()),
        }
    }
}

impl Expire for Correlate {
    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        timers::each_due(emitter, WAITING_TIMER, now_ms, give_up)?;
        timers::each_due(emitter, PAIR_TIMER, now_ms, |about, emitter| {
            let about = String::from_utf8_lossy(about);
            let Some((Some(session), conversation)) = model::parse_activity_key(&about) else {
                return Ok(());
            };
            let key = pair_key(&session);
            if emitter.read(&key, |pair| pair == Some(conversation.as_bytes()))? {
                emitter.delete(&key);
            }
            Ok(())
        })
    }
}

impl Forget for Correlate {
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let Scope::Conversation(escaped) = scope else { return Ok(Slice::Last) };
        let Some(conversation) =
            model::unescape(&String::from_utf8_lossy(escaped)).map(std::borrow::Cow::into_owned)
        else {
            return Ok(Slice::Last);
        };
        let until = emitter.clock_ms().saturating_add(self.limits.forgotten_ms);
        let mut prefix = vec![SENT];
        prefix.extend_from_slice(&scope.prefix());
        let is_all = emitter.drain(&prefix, |key, emitter| {
            let session = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default());
            if let Some(session) = model::unescape(&session) {
                let_go(&session, &conversation, until, emitter)?;
            }
            emitter.delete(key);
            Ok(())
        })?;
        Ok(Slice::of(is_all))
    }

    /// Keeps the pairs: a further event for one of the sessions must not be stored whole while it waits for a conversation.
    fn erase(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        match scope {
            Scope::Conversation(_) => Ok(Slice::of(emitter.delete_under(&prefixed(SENT, &scope.prefix()))?)),
            Scope::Activity(_) => Ok(Slice::Last),
        }
    }
}

impl HandleErasures for Correlate {
    /// The pair counts all the same: a further event for its session must not be stored whole while it waits for an erased
    /// conversation.
    fn refused(&self, event: &Event<'_>, context: &mut Context<'_>) -> Result<(), ProcessError> {
        if let (Home::Conversation(conversation), Some(session)) =
            (event.home(), event.channel_session_id.as_deref())
            && event.action != Action::Signal
        {
            tell_pair(session, conversation, context);
        }
        Ok(())
    }

    /// Checks all waiting records.
    fn look_for_asked(&self, from: &[u8], emitter: &mut Emitter<'_>) -> Result<Slice, ProcessError> {
        let mut from = from.to_vec();
        loop {
            if !emitter.has_budget() {
                return Ok(Slice::GoesOn(from));
            }
            let mut waiting = Vec::new();
            let next = emitter.look_on(&[WAITING], &from, |key, held| match Held::read(held) {
                Some(held) if held.of.customers.is_empty() => {}
                Some(held) => {
                    let customers = held.of.customers.iter().map(|id| ((*id).to_owned(), held.of.at_ms));
                    waiting.push(Ok((key.to_vec(), customers.collect::<Vec<_>>(), held.erased())));
                }
                None => waiting.push(Err(corrupt(key))),
            })?;
            for (place, waiting) in waiting.into_iter().enumerate() {
                let (key, customers, erased) = waiting?;
                if place > 0 && !emitter.has_budget() {
                    return Ok(Slice::GoesOn(from));
                }
                if admission::is_any_asked(&customers, emitter)? {
                    emitter.put(&key, &erased.write());
                }
                from = key;
            }
            let Some(next) = next else { return Ok(Slice::Last) };
            from = next;
        }
    }
}

/// Notifies the session's partition until when to keep a pair.
fn let_go(
    session: &str,
    conversation: &str,
    until: i64,
    emitter: &mut Emitter<'_>,
) -> Result<(), ProcessError> {
    if emitter.is_here(session.as_bytes()) {
        let about = model::activity_key(Some(session), conversation);
        timers::set(emitter, PAIR_TIMER, until, about.as_bytes());
        return Ok(());
    }
    let mut payload = vec![LET_GO];
    payload.extend_from_slice(&until.to_be_bytes());
    payload.extend_from_slice(conversation.as_bytes());
    emitter.send(session.as_bytes(), &payload)
}

impl Correlate {
    /// Takes a pair; the first one of a session counts.
    fn learnt(
        &self,
        session: &str,
        conversation: &str,
        context: &mut Context<'_>,
    ) -> Result<(), ProcessError> {
        match conversation_of(session, context)? {
            None => {
                context.put(&pair_key(session), conversation.as_bytes());
                self.release(session, conversation, context)
            }
            Some(known) => {
                if known != conversation {
                    context.notice(&SESSION_CONFLICTS);
                }
                Ok(())
            }
        }
    }

    fn pass_on_or_hold(
        &self,
        session: &str,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        if let Some(conversation) = conversation_of(session, context)? {
            context.fold_with(&conversation, context.carried(record, Some(&conversation)));
            return Ok(Outcome::PassedOn);
        }
        let name = model::activity_key(Some(session), &event.id);
        let waiting = key(WAITING, &name);
        let content = event.content_hash();
        let known = context.read(&waiting, |held| {
            held.map(|held| Held::read(held).map(|held| (held.is_erased(), held.content == content)))
        })?;
        if let Some(known) = known {
            return Ok(match known.ok_or_else(|| corrupt(&waiting))? {
                (true, _) => Outcome::Rejected(admission::erased()),
                (false, same) => judged(Some(same)),
            });
        }
        let came_ms = context.clock_ms();
        let at_ms = whose::came_ms(record);
        let of = EventCustomers { customers: whose::customers(event).collect(), at_ms };
        let carried = context.carried(record, None);
        let held = Held { content, came_ms, of, carried: &carried };
        let is_asked = admission::is_asked(event, at_ms, context)?;
        context.put(&waiting, &if is_asked { held.erased() } else { held }.write());
        timers::set(context, WAITING_TIMER, came_ms.saturating_add(self.limits.waiting_ms), name.as_bytes());
        Ok(if is_asked { Outcome::Rejected(admission::erased()) } else { Outcome::Held })
    }

    /// Forwards the waiting records to the session's conversation, which is now known.
    fn release(
        &self,
        session: &str,
        conversation: &str,
        context: &mut Context<'_>,
    ) -> Result<(), ProcessError> {
        let prefix = key(WAITING, &format!("{}/", model::escape(session)));
        let mut waiting: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let (mut bytes, mut is_more) = (0, false);
        context.scan(&prefix, |key, held| {
            is_more = waiting.len() == RELEASED_RECORDS || bytes >= RELEASED_BYTES;
            if is_more {
                return ControlFlow::Break(());
            }
            bytes += held.len();
            waiting.push((key.to_vec(), held.to_vec()));
            ControlFlow::Continue(())
        })?;
        if is_more {
            context.send_on(session.as_bytes(), &[&[RELEASE], conversation.as_bytes()].concat());
        }
        for (key, bytes) in waiting {
            let held = Held::read(&bytes).ok_or_else(|| corrupt(&key))?;
            if held.is_erased() {
                context.ask_to_erase(conversation);
            } else {
                let carried = Carried::unpack(held.carried).map_err(|_| corrupt(&key))?;
                context.fold_with(conversation, context.carried(&carried.record(), Some(conversation)));
            }
            context.delete(&key);
            let due_ms = held.came_ms.saturating_add(self.limits.waiting_ms);
            timers::clear(context, WAITING_TIMER, due_ms, key.get(1..).unwrap_or_default());
        }
        Ok(())
    }
}

/// Turns a record that has waited too long into a dead letter, unchanged.
fn give_up(name: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let mut waiting = vec![WAITING];
    waiting.extend_from_slice(name);
    let name = String::from_utf8_lossy(name);
    let session = model::parse_activity_key(&name).and_then(|(session, _)| session);
    if let Some(session) = session
        && emitter.read(&pair_key(&session), |pair| pair.is_some())?
    {
        // It is already being forwarded to its conversation.
        return Ok(());
    }
    let Some(bytes) = emitter.read(&waiting, |held| held.map(<[u8]>::to_vec))? else { return Ok(()) };
    let held = Held::read(&bytes).ok_or_else(|| corrupt(&waiting))?;
    emitter.delete(&waiting);
    if held.is_erased() {
        return Ok(());
    }
    let carried = Carried::unpack(held.carried).map_err(|_| corrupt(&waiting))?;
    let detail =
        "no event said which conversation its channel session belongs to, within the limit".to_owned();
    emitter.dead_letter(&carried, Rejection { reason: Reason::UnresolvedSession, detail });
    Ok(())
}

/// Sends a pair to the session's partition, once.
fn learn(session: &str, conversation: &str, context: &mut Context<'_>) -> Result<(), ProcessError> {
    let sent = key(SENT, &model::activity_key(Some(conversation), session));
    if !context.read(&sent, |sent| sent.is_some())? {
        context.put(&sent, b"");
        tell_pair(session, conversation, context);
    }
    Ok(())
}

fn tell_pair(session: &str, conversation: &str, context: &mut Context<'_>) {
    let mut payload = vec![LEARN];
    payload.extend_from_slice(conversation.as_bytes());
    context.send(session.as_bytes(), &payload);
}

fn conversation_of(session: &str, context: &mut Context<'_>) -> Result<Option<String>, ProcessError> {
    let key = pair_key(session);
    context.read(&key, |pair| pair.map(|conversation| String::from_utf8_lossy(conversation).into_owned()))
}

/// Owner of a record of this processor's state.
pub(crate) fn owned<'r>(key: &'r [u8], value: &'r [u8]) -> Option<Owned<'r>> {
    let (kind, of) = key.split_first()?;
    match *kind {
        SENT => Owned::by_key(of, false),
        PAIR => {
            let conversation = std::str::from_utf8(value).ok()?;
            Some(Owned { owner: Owner::Conversation(conversation.into()), stays: true })
        }
        WAITING => of_session(of, Held::read(value).is_some_and(|held| held.is_erased())),
        WAITING_TIMER => of_session(timers::about(of)?, true),
        PAIR_TIMER => {
            let about = timers::about(of)?;
            let slash = about.iter().position(|byte| *byte == b'/')?;
            Owned::by(about.get(slash + 1..)?, true)
        }
        _ => None,
    }
}

/// A waiting record belongs to its session until the conversation is known.
fn of_session(name: &[u8], stays: bool) -> Option<Owned<'_>> {
    let slash = name.iter().position(|byte| *byte == b'/')?;
    let session = model::unescape(std::str::from_utf8(name.get(..slash)?).ok()?)?;
    Some(Owned { owner: Owner::Session(session), stays })
}

/// Owner of a message of this processor.
pub(crate) fn owner_of_message(payload: &[u8]) -> Option<Owner<'_>> {
    let conversation = match payload.split_first()? {
        (&(LEARN | RELEASE), conversation) => conversation,
        (&LET_GO, rest) => rest.split_first_chunk::<{ size_of::<i64>() }>()?.1,
        _ => return None,
    };
    Some(Owner::Conversation(std::str::from_utf8(conversation).ok()?.into()))
}

/// Ids of some events that were erased while they waited, and the position at which to continue; for downstream processors.
/// `from` is the last such position, or empty at first. Returns `None` after the last events.
///
/// # Errors
/// The state cannot be read; propagate the error.
pub(crate) fn erased_events(
    from: &[u8],
    emitter: &mut Emitter<'_>,
) -> Result<Option<SomeEvents>, ProcessError> {
    /// Number of waiting records read at once.
    const AT_ONCE: usize = 256;
    let start = if from.is_empty() { &[WAITING] } else { from };
    let (mut ids, mut last, mut seen) = (Vec::new(), None, 0);
    emitter.scan_of_from(NAME, (&[WAITING], start), |key, held| {
        if key == from {
            return ControlFlow::Continue(());
        }
        if Held::read(held).is_some_and(|held| held.is_erased()) {
            let name = key.get(1..).map(String::from_utf8_lossy).unwrap_or_default();
            ids.extend(model::parse_activity_key(&name).map(|(_, id)| id.into_owned()));
        }
        seen += 1;
        last = Some(key.to_vec());
        if seen < AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(last.map(|last| (last, ids)))
}

fn text(bytes: &[u8]) -> Result<&str, ProcessError> {
    std::str::from_utf8(bytes).map_err(|_| unknown())
}

fn unknown() -> ProcessError {
    ProcessError::UnknownMessage(format!("processor {NAME}: it is about no pair"))
}

fn corrupt(key: &[u8]) -> ProcessError {
    ProcessError::Corrupt {
        processor: NAME,
        key: String::from_utf8_lossy(key).into_owned(),
        problem: "it holds no waiting record".to_owned(),
    }
}

fn pair_key(session: &str) -> Vec<u8> {
    key(PAIR, session)
}

fn key(first: u8, rest: &str) -> Vec<u8> {
    prefixed(first, rest.as_bytes())
}
