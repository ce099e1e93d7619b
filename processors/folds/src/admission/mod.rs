//! Which events are folded (contract sections 0 and 9): the first processor of every topology.
//!
//! *Each event once.* An event that has been folded is remembered by its id and by a number for what it said. Another one of
//! the same id is a duplicate if it says the same, and ends here. If it says something else it is never silently dropped: the
//! first one seen stays, the other becomes a dead letter. The ids lie in pages (see `seen`), the first page behind the life.
//!
//! *Nothing lives for ever.* A conversation is forgotten some time after it was closed, or after its last event: all
//! processors are asked to drop its state, and what is left is the knowledge that there was one. So an event that comes
//! much too late is refused, instead of writing a half-empty conversation over a good one.
//!
//! *Nothing outlives a request to erase.* Of an erased conversation too only the knowledge is left that there was one, and
//! this for ever.

mod life;
mod seen;

use engine::{
    Context, Emitter, Erasure, Outcome, ProcessError, Processor, Rejection, Retracted, Scope, SourceRecord,
};
use model::{Event, Home, Reason};

use crate::owner::Owned;
use crate::stored::prefixed;
use crate::{Limits, timers};
use life::{Alive, Life};
use seen::{Found, Page, Seen, Without};

/// The processor's name in topics.yaml.
pub const NAME: &str = "admission";
/// Begins the keys of its state.
pub(crate) const NAMESPACE: u8 = b'g';

/// Begins the keys of further pages of events: behind it comes the scope, and the page's path.
const PAGE: u8 = b'e';
/// Begins the keys of lives, each with the first page of its events: behind it comes the scope.
const LIFE: u8 = b'l';
/// Begins the keys of timers of lives.
const TIMER: u8 = b't';
/// Within a key: a conversation, or an activity that belongs to none.
const CONVERSATION: u8 = b'c';
const ACTIVITY: u8 = b'a';
/// So many lives end in one commit.
const ENDS_MAX: usize = 1_000;

/// Lets each event pass once, and ends the lives of conversations. It writes no topic.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    limits: Limits,
}

impl Admission {
    /// The processor, as configured.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { limits: settings.limits }
    }
}

impl Processor for Admission {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn outputs(&self) -> usize {
        0
    }

    fn wants(&self, home: &Home<'_>) -> bool {
        match home {
            Home::Conversation(_) | Home::Activity(_) => true,
            // It is folded, and so admitted, where its conversation lies.
            Home::Session(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        _record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let life_key = match event.home() {
            Home::Conversation(id) => life_key(CONVERSATION, id),
            Home::Activity(id) => life_key(ACTIVITY, id),
            Home::Session(_) => return Ok(Outcome::Ignored),
        };
        let home = life_key.get(1..).unwrap_or_default();
        let now_ms = context.clock_ms();
        let seen = Seen::new(&event.id, event.content_hash());
        let next = context.read(&life_key, |record| self.live_on(record, event, &seen, now_ms))?;
        let (change, outcome) = match next.map_err(|problem| corrupt(home, problem))? {
            Next::Refused(rejection) => return Ok(Outcome::Rejected(rejection)),
            Next::Known { same } => return Ok(judged(Some(same))),
            Next::Admitted(change) => (Some(change), judged(None)),
            Next::ElsewhereOrNew(change) => {
                let same = look_further(home, &seen, context)?;
                (change.filter(|_| same.is_none()), judged(same))
            }
        };
        if let Some(Change { record, ends_ms }) = change {
            context.put_owned(&life_key, record);
            if let Some(ends_ms) = ends_ms {
                timers::set(context, TIMER, ends_ms, home);
            }
        }
        Ok(outcome)
    }

    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for home in timers::take_due(emitter, TIMER, now_ms, ENDS_MAX)? {
            let key = prefixed(LIFE, &home);
            let due = emitter.read(&key, |record| record.map(|record| self.due(record)).transpose())?;
            match due.map_err(|problem| corrupt(&home, problem))? {
                None | Some(Due::Never) => {}
                Some(Due::Forgetting { until_ms }) if until_ms <= now_ms => emitter.delete(&key),
                Some(Due::Forgetting { until_ms }) => timers::set_again(emitter, TIMER, until_ms, &home),
                Some(Due::End { ends_ms }) => self.end_or_wait(&home, ends_ms, now_ms, emitter),
            }
        }
        Ok(())
    }

    fn asked_to_erase(&self, erasure: &Erasure<'_>, context: &mut Context<'_>) -> Result<(), ProcessError> {
        match erasure {
            Erasure::Conversation(id) => {
                end_for_ever(&home_key(CONVERSATION, model::escape(id).as_bytes()), context)
            }
            Erasure::Customer(id) => {
                conversations_of(id, context)?.iter().try_for_each(|home| end_for_ever(home, context))
            }
        }
    }

    fn forget(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        emitter.delete_under(&page_key(&scope_key(scope), b""))
    }

    fn retract(&self, event: &Retracted<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let home = scope_key(&event.scope);
        let seen = Seen::new(event.event_id, 0);
        let mut key = prefixed(LIFE, &home);
        let first =
            emitter.read(&key, |record| record.map_or(Ok(Without::Never), |record| without(record, &seen)));
        let mut left = first?.map_err(|problem| corrupt(&home, problem))?;
        let mut paths = seen.paths();
        while let Without::PerhapsFurther = left {
            let Some(path) = paths.next() else { break };
            key = page_key(&home, path);
            left = emitter.read(&key, |page| Page::of(page).without(&seen))?;
        }
        if let Without::Page(page) = left {
            emitter.put(&key, &page);
        }
        Ok(())
    }
}

/// What becomes of a life with an event.
enum Next {
    /// Nothing is folded any more.
    Refused(Rejection),
    /// The first page knows the event, or another one of its id.
    Known { same: bool },
    /// The event is new, and is in the first page now.
    Admitted(Change),
    /// The first page is full, and does not know it. What is to be written down of the life should the event be new.
    ElsewhereOrNew(Option<Change>),
}

/// What is to be written down of a life.
struct Change {
    /// The life with the first page of its events.
    record: Vec<u8>,
    /// Where a timer is to be set.
    ends_ms: Option<i64>,
}

/// What the timer of a life is about.
enum Due {
    Never,
    Forgetting { until_ms: i64 },
    End { ends_ms: i64 },
}

impl Admission {
    /// An event comes: the life goes on, or begins.
    fn live_on(
        &self,
        record: Option<&[u8]>,
        event: &Event<'_>,
        seen: &Seen<'_>,
        now_ms: i64,
    ) -> Result<Next, String> {
        let (known, page) = match record.map(Life::read).transpose()? {
            Some((Life::Forgotten { .. }, _)) => return Ok(Next::Refused(expired())),
            Some((Life::Erased, _)) => return Ok(Next::Refused(erased())),
            Some((Life::Alive(alive), page)) => (Some(alive), page),
            None => (None, Page::default()),
        };
        let has_room = match page.find(seen) {
            Found::Known { same } => return Ok(Next::Known { same }),
            Found::Room => true,
            Found::PerhapsFurther => false,
        };
        let is_new = known.is_none();
        let mut alive = known.unwrap_or_else(|| Alive::begin(now_ms));
        let was_closed = alive.is_closed();
        let has_changed = alive.fold(event, now_ms) || is_new;
        // A timer that comes too early is set again then; only an earlier end needs one now.
        let is_sooner = is_new || (alive.is_closed() && !was_closed);
        let ends_ms = is_sooner.then(|| alive.ends_ms(&self.limits));
        let added = has_room.then_some(seen);
        let record = match record {
            Some(record) if !has_changed => match added {
                Some(seen) => seen.behind(record),
                None => return Ok(Next::ElsewhereOrNew(None)),
            },
            _ => Life::Alive(alive).write_before(page, added),
        };
        let change = Change { record, ends_ms };
        Ok(if has_room { Next::Admitted(change) } else { Next::ElsewhereOrNew(Some(change)) })
    }

    fn due(&self, record: &[u8]) -> Result<Due, String> {
        Ok(match Life::read(record)?.0 {
            Life::Erased => Due::Never,
            Life::Forgotten { until_ms } => Due::Forgetting { until_ms },
            Life::Alive(alive) => Due::End { ends_ms: alive.ends_ms(&self.limits) },
        })
    }

    fn end_or_wait(&self, home: &[u8], ends_ms: i64, now_ms: i64, emitter: &mut Emitter<'_>) {
        if ends_ms > now_ms {
            timers::set_again(emitter, TIMER, ends_ms, home);
            return;
        }
        let until_ms = now_ms.saturating_add(self.limits.forgotten_ms);
        emitter.put(&prefixed(LIFE, home), &Life::Forgotten { until_ms }.write());
        timers::set_again(emitter, TIMER, until_ms, home);
        if let Some(scope) = scope_of(home) {
            emitter.forget(&scope);
        }
    }
}

/// Looks for an event in the pages behind a full first one, and puts it down there if it is new. Whether it says the same as the
/// one of its id that is known.
fn look_further(
    home: &[u8],
    seen: &Seen<'_>,
    context: &mut Context<'_>,
) -> Result<Option<bool>, ProcessError> {
    let mut paths = seen.paths();
    while let Some(path) = paths.next() {
        let key = page_key(home, path);
        let is_last = paths.is_last();
        let (found, page) = context.read(&key, |page| {
            let page = Page::of(page);
            let found = page.find(seen);
            let has_room = found == Found::Room || (found == Found::PerhapsFurther && is_last);
            (found, has_room.then(|| seen.behind(page.bytes())))
        })?;
        if let Found::Known { same } = found {
            return Ok(Some(same));
        }
        if let Some(page) = page {
            context.put_owned(&key, page);
            break;
        }
    }
    Ok(None)
}

/// A life's record without an event.
fn without(record: &[u8], seen: &Seen<'_>) -> Result<Without, String> {
    let (life, page) = Life::read(record)?;
    Ok(match page.without(seen) {
        Without::Page(left) => Without::Page(life.write_before(Page::of(Some(&left)), None)),
        nothing @ (Without::PerhapsFurther | Without::Never) => nothing,
    })
}

/// What becomes of an event of a known id that says the same as the first one, or not.
pub(crate) fn judged(same: Option<bool>) -> Outcome {
    match same {
        None => Outcome::Folded,
        Some(true) => Outcome::Duplicate,
        Some(false) => Outcome::Rejected(Rejection {
            reason: Reason::ConflictingDuplicate,
            detail: "an event with the same id and other content came first, and stays; give each event an id of its own"
                .to_owned(),
        }),
    }
}

fn expired() -> Rejection {
    Rejection {
        reason: Reason::ConversationExpired,
        detail: "its conversation was forgotten some time after its close or its last event; its records stay as they are"
            .to_owned(),
    }
}

fn erased() -> Rejection {
    Rejection {
        reason: Reason::Erased,
        detail: "its conversation was erased on request; of this record only the key is kept".to_owned(),
    }
}

/// Erases a conversation, whatever is known of it. Those that follow want to know its events at the commit: the first page is
/// kept beside the others until then.
fn end_for_ever(home: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
    let key = prefixed(LIFE, home);
    let page = context.read(&key, |record| {
        let read = record.map(Life::read).transpose()?;
        Ok(read.map(|(_, page)| page.bytes().to_vec()))
    })?;
    if let Some(page) = page.map_err(|problem| corrupt(home, problem))?.filter(|page| !page.is_empty()) {
        context.put_owned(&page_key(home, b""), page);
    }
    context.put_owned(&key, Life::Erased.write());
    if let Some(scope) = scope_of(home) {
        context.erase(&scope);
    }
    Ok(())
}

/// The conversations that have state and in which this customer was named. It looks at all: requests are rare, and an index
/// would cost every conversation.
fn conversations_of(customer: &str, context: &mut Context<'_>) -> Result<Vec<Vec<u8>>, ProcessError> {
    let mut found = Vec::new();
    let mut problem = None;
    context.scan(&[LIFE, CONVERSATION], |key, value| match Life::read(value) {
        Ok((Life::Alive(alive), _)) if alive.is_of(customer) => {
            found.extend(key.get(1..).map(<[u8]>::to_vec));
        }
        Ok(_) => {}
        Err(what) => problem = Some(corrupt(key, what)),
    })?;
    problem.map_or(Ok(found), Err)
}

/// Whose a record of this processor's state is.
pub(crate) fn owned<'r>(key: &'r [u8], value: &[u8]) -> Option<Owned<'r>> {
    match key.split_first()? {
        (&PAGE, [CONVERSATION, of @ ..]) => Owned::by_key(of, false),
        (&LIFE, [CONVERSATION, of @ ..]) => Owned::by(of, matches!(Life::read(value), Ok((Life::Erased, _)))),
        (&TIMER, timer) => match timers::about(timer)? {
            [CONVERSATION, of @ ..] => Owned::by(of, true),
            _ => None,
        },
        _ => None,
    }
}

/// The key of the life of a home; the home's own is behind the first byte.
fn life_key(kind: u8, id: &str) -> Vec<u8> {
    let escaped = model::escape(id);
    let mut key = Vec::with_capacity(escaped.len() + 2);
    key.extend_from_slice(&[LIFE, kind]);
    key.extend_from_slice(escaped.as_bytes());
    key
}

fn home_key(kind: u8, escaped: &[u8]) -> Vec<u8> {
    prefixed(kind, escaped)
}

fn scope_key(scope: &Scope<'_>) -> Vec<u8> {
    match scope {
        Scope::Conversation(escaped) => home_key(CONVERSATION, escaped),
        Scope::Activity(escaped) => home_key(ACTIVITY, escaped),
    }
}

fn scope_of(home: &[u8]) -> Option<Scope<'_>> {
    match home.split_first()? {
        (&CONVERSATION, escaped) => Some(Scope::Conversation(escaped)),
        (&ACTIVITY, escaped) => Some(Scope::Activity(escaped)),
        _ => None,
    }
}

/// The key of a page of a home; without a path what the keys of all of them begin with.
fn page_key(home: &[u8], path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(home.len() + 2 + path.len());
    key.push(PAGE);
    key.extend_from_slice(home);
    key.push(b'/');
    key.extend_from_slice(path);
    key
}

/// The ids of the events that were folded in a conversation or activity; for those that follow.
///
/// # Errors
/// The state cannot be read: give the error on.
pub(crate) fn event_ids(scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<Vec<String>, ProcessError> {
    let home = scope_key(scope);
    let mut ids = Vec::new();
    let first = emitter.read_of(NAME, &prefixed(LIFE, &home), |record| {
        let read = record.map(Life::read).transpose()?;
        ids.extend(read.iter().flat_map(|(_, page)| page.ids()));
        Ok(())
    })?;
    first.map_err(|problem: String| corrupt(&home, problem))?;
    emitter.scan_of(NAME, &page_key(&home, b""), |_, page| ids.extend(Page::of(Some(page)).ids()))?;
    Ok(ids)
}

fn corrupt(home: &[u8], problem: String) -> ProcessError {
    ProcessError::Corrupt { processor: NAME, key: String::from_utf8_lossy(home).into_owned(), problem }
}
