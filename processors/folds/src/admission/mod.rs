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
//! this for ever. A customer's conversations are those that have an event which is his and came up to the time of the request: each
//! life knows its customers and when the first event of each came; what comes later is compared with the requests.
//!
//! *Nothing grows without end.* A conversation has so many events at most; what comes then is refused. Events are counted only
//! where they lie so deep in the pages that there may be too many.

mod life;
mod seen;

use std::ops::ControlFlow;

use engine::{
    Context, Emitter, Expire, Forget, HandleErasures, Outcome, ProcessError, Processor, Rejection, Retracted,
    Scope, Slice, SourceRecord,
};
use model::{Action, Event, Home, Reason};

use crate::owner::Owned;
use crate::stored::prefixed;
use crate::{Limits, timers, whose};
use life::{Alive, Life};
use seen::{BELOW, EVENTS_MAX, Found, Page, Seen, Without};

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
/// Begins the keys of customers for whom there was no room in the life: behind it comes the scope, and the customer.
const CUSTOMER: u8 = b'k';
/// Begins the keys of the numbers of events: behind it comes the scope.
const COUNT: u8 = b'n';
/// What is still being forgotten when the knowledge of it is to go is looked at again so much later.
const AGAIN_MS: i64 = 60 * 1000;

/// Lets each event pass once, and ends the lives of conversations. It writes no topic.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    limits: Limits,
    /// In pages that lie less deep than that there is no room for too many events.
    counted_from: usize,
}

impl Admission {
    /// The processor, as configured.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        let limits = settings.limits;
        Self { limits, counted_from: counted_from(limits.conversation_events) }
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
            Home::Conversation(_) | Home::Activity(_) => true,
            // It is folded, and so admitted, where its conversation lies.
            Home::Session(_) => false,
        }
    }

    fn process(
        &self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        context: &mut Context<'_>,
    ) -> Result<Outcome, ProcessError> {
        let life_key = match event.home() {
            Home::Conversation(id) => life_key(CONVERSATION, id),
            Home::Activity(id) => life_key(ACTIVITY, id),
            Home::Session(_) => return Ok(Outcome::Ignored),
        };
        let home = life_key.get(1..).unwrap_or_default();
        let times = Times { now_ms: context.clock_ms(), came_ms: whose::came_ms(record) };
        if is_asked(event, times.came_ms, context)? {
            return refuse_for_ever(home, context);
        }
        if event.action == Action::Signal {
            return pass_signal(&life_key, context);
        }
        let seen = Seen::new(&event.id, event.content_hash());
        let next = context.read(&life_key, |record| self.live_on(record, event, &seen, times))?;
        let change = match next.map_err(|problem| corrupt(home, problem))? {
            Next::Refused(rejection) => return Ok(Outcome::Rejected(rejection)),
            Next::Known { same } => return Ok(judged(Some(same))),
            Next::Admitted(change) if context.claim_id(&event.id, &event.home()) => change,
            Next::Admitted(_) => return Ok(Outcome::Rejected(of_another())),
            Next::ElsewhereOrNew { change, is_counted } => {
                match self.look_further(&life_key, event, &seen, is_counted, context)? {
                    Further::Known { same } => return Ok(judged(Some(same))),
                    Further::Full => return Ok(Outcome::Rejected(self.full())),
                    Further::OfAnother => return Ok(Outcome::Rejected(of_another())),
                    Further::New { counts } => change.and_counts(counts),
                }
            }
        };
        change.write(&life_key, times.came_ms, context)?;
        Ok(judged(None))
    }
}

impl Expire for Admission {
    fn expire(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        // What has ended goes first, or the list of it would become long.
        if emitter.is_anything_ending() {
            emitter.put_off();
            return Ok(());
        }
        timers::each_due(emitter, TIMER, now_ms, |home, emitter| {
            let key = prefixed(LIFE, home);
            let due =
                emitter.read(&key, |record| record.map(|record| self.due(record, now_ms)).transpose())?;
            match due.map_err(|problem| corrupt(home, problem))? {
                None | Some(Due::Never) => {}
                Some(Due::Forgetting { until_ms }) if until_ms <= now_ms => {
                    let is_ending = scope_of(home).map_or(Ok(false), |scope| emitter.is_ending(&scope))?;
                    if is_ending {
                        timers::set(emitter, TIMER, now_ms.saturating_add(AGAIN_MS), home);
                    } else {
                        emitter.delete(&key);
                    }
                }
                Some(Due::Later { ms } | Due::Forgetting { until_ms: ms }) => {
                    timers::set(emitter, TIMER, ms, home);
                }
                Some(Due::End { until_ms, forgotten }) => {
                    emitter.put(&key, &forgotten);
                    timers::set(emitter, TIMER, until_ms, home);
                    if let Some(scope) = scope_of(home) {
                        emitter.forget(&scope)?;
                    }
                }
            }
            Ok(())
        })
    }
}

impl Forget for Admission {
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        let home = scope_key(scope);
        for prefix in [page_key(&home, b""), customer_key(&home, "")] {
            if !emitter.delete_under(&prefix)? {
                return Ok(Slice::of(false));
            }
        }
        let count = prefixed(COUNT, &home);
        if emitter.read(&count, |count| count.is_some())? {
            emitter.delete(&count);
        }
        Ok(Slice::Last)
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
            count_less(&home, emitter)?;
        }
        Ok(())
    }
}

impl HandleErasures for Admission {
    fn asked_to_erase(&self, conversation: &str, context: &mut Context<'_>) -> Result<(), ProcessError> {
        end_for_ever(&home_key(CONVERSATION, model::escape(conversation).as_bytes()), context)
    }

    /// Looks at all lives: requests are rare, and an index would cost every conversation. However many requests there are, one look
    /// is enough for all of them.
    fn look_for_asked(&self, from: &[u8], emitter: &mut Emitter<'_>) -> Result<Slice, ProcessError> {
        let mut from = from.to_vec();
        for kind in [LIFE, CUSTOMER] {
            if kind == LIFE && from.first() == Some(&CUSTOMER) {
                continue;
            }
            loop {
                if !emitter.has_budget() {
                    return Ok(Slice::GoesOn(from));
                }
                let mut named = Vec::new();
                let next = emitter
                    .look_on(&[kind], &from, |key, value| named.extend(Named::by(key, value).transpose()))?;
                for (place, named) in named.into_iter().enumerate() {
                    let Named { key, home, customers } = named?;
                    if place > 0 && !emitter.has_budget() {
                        return Ok(Slice::GoesOn(from));
                    }
                    if is_any_asked(&customers, emitter)? {
                        end_at_commit(&home, emitter)?;
                    }
                    from = key;
                }
                let Some(next) = next else { break };
                from = next;
            }
            from = vec![CUSTOMER];
        }
        Ok(Slice::Last)
    }
}

/// The stream time at which an event comes, and its record's Kafka timestamp, both in epoch milliseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    now_ms: i64,
    came_ms: i64,
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
    ElsewhereOrNew { change: Change, is_counted: bool },
}

/// What is to be written down of a life.
struct Change {
    /// The life with the first page of its events; none: it is as it was.
    record: Option<Vec<u8>>,
    /// Where a timer is to be set.
    ends_ms: Option<i64>,
    /// Customers for whom there is no room in the life.
    more: Vec<String>,
    /// Whether its events are counted from now on.
    counts: bool,
}

/// What the pages behind a full first one make of an event.
enum Further {
    /// They know it, or another one of its id.
    Known { same: bool },
    /// It is new, and was put down; whether the events are counted from now on.
    New { counts: bool },
    /// It is new, but there are too many.
    Full,
    /// Another conversation has an event of its id.
    OfAnother,
}

/// What the timer of a life is about.
enum Due {
    Never,
    Later { ms: i64 },
    Forgetting { until_ms: i64 },
    End { until_ms: i64, forgotten: Vec<u8> },
}

impl Change {
    fn and_counts(self, counts: bool) -> Self {
        Self { counts, ..self }
    }

    fn write(self, life_key: &[u8], came_ms: i64, context: &mut Context<'_>) -> Result<(), ProcessError> {
        let Self { record, ends_ms, more, counts } = self;
        let home = life_key.get(1..).unwrap_or_default();
        if let Some(record) = record {
            context.put_owned(life_key, record);
        }
        if let Some(ends_ms) = ends_ms {
            timers::set(context, TIMER, ends_ms, home);
        }
        more.iter().try_for_each(|customer| keep_customer(home, customer, came_ms, context))?;
        if counts {
            let counted = context.read(life_key, |record| record.map(counted).transpose())?;
            if let Some(counted) = counted.map_err(|problem| corrupt(home, problem))? {
                context.put_owned(life_key, counted);
            }
        }
        Ok(())
    }
}

impl Admission {
    /// An event comes: the life goes on, or begins.
    fn live_on(
        &self,
        record: Option<&[u8]>,
        event: &Event<'_>,
        seen: &Seen<'_>,
        times: Times,
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
        if has_room && self.counted_from == 0 && page.count() >= self.limits.conversation_events {
            return Ok(Next::Refused(self.full()));
        }
        let is_new = known.is_none();
        let mut alive = known.unwrap_or_else(|| Alive::begin(times.now_ms));
        let was_closed = alive.is_closed();
        let folded = alive.fold(event, times.now_ms, times.came_ms);
        let has_changed = folded.has_changed || is_new;
        let more = folded.more.into_iter().map(str::to_owned).collect();
        // A timer that comes too early is set again then; only an earlier end needs one now.
        let is_sooner = is_new || (alive.is_closed() && !was_closed);
        let ends_ms = is_sooner.then(|| alive.ends_ms(&self.limits));
        let is_counted = alive.is_counted;
        let record = match record {
            Some(record) if !has_changed => has_room.then(|| seen.behind(record)),
            _ => Some(Life::Alive(alive).write_before(page, has_room.then_some(seen))),
        };
        let change = Change { record, ends_ms, more, counts: false };
        Ok(if has_room { Next::Admitted(change) } else { Next::ElsewhereOrNew { change, is_counted } })
    }

    fn due(&self, record: &[u8], now_ms: i64) -> Result<Due, String> {
        let life = Life::read(record)?.0;
        Ok(match &life {
            Life::Erased => Due::Never,
            Life::Forgotten { until_ms, .. } => Due::Forgetting { until_ms: *until_ms },
            Life::Alive(alive) => match alive.ends_ms(&self.limits) {
                ms if ms > now_ms => Due::Later { ms },
                _ => {
                    let until_ms = now_ms.saturating_add(self.limits.forgotten_ms);
                    Due::End { until_ms, forgotten: life.forgotten(until_ms).write() }
                }
            },
        })
    }

    fn full(&self) -> Rejection {
        let most = self.limits.conversation_events;
        Rejection {
            reason: Reason::ConversationFull,
            detail: format!(
                "its conversation has {most} events already, the most that limits.conversation allows"
            ),
        }
    }

    /// Looks for an event in the pages behind a full first one, and puts it down there if it is new.
    fn look_further(
        &self,
        life_key: &[u8],
        event: &Event<'_>,
        seen: &Seen<'_>,
        was_counted: bool,
        context: &mut Context<'_>,
    ) -> Result<Further, ProcessError> {
        let home = life_key.get(1..).unwrap_or_default();
        let mut paths = seen.paths();
        while let Some(path) = paths.next() {
            let depth = path.len();
            let key = page_key(home, path);
            let is_last = paths.is_last();
            let (found, page) = context.read(&key, |page| {
                let page = Page::of(page);
                let found = page.find(seen);
                let has_room = found == Found::Room || (found == Found::PerhapsFurther && is_last);
                (found, has_room.then(|| seen.behind(page.bytes())))
            })?;
            if let Found::Known { same } = found {
                return Ok(Further::Known { same });
            }
            let Some(page) = page else { continue };
            if !context.claim_id(&event.id, &event.home()) {
                return Ok(Further::OfAnother);
            }
            let is_counted = was_counted || depth >= self.counted_from;
            if is_counted && !self.count_one(life_key, context)? {
                return Ok(Further::Full);
            }
            context.put_owned(&key, page);
            return Ok(Further::New { counts: is_counted && !was_counted });
        }
        Ok(Further::New { counts: false })
    }

    /// Counts one event more; `false`, and it is not counted, where there are too many. What was not counted so far is.
    fn count_one(&self, life_key: &[u8], context: &mut Context<'_>) -> Result<bool, ProcessError> {
        let home = life_key.get(1..).unwrap_or_default();
        let key = prefixed(COUNT, home);
        let known = context.read(&key, |count| count.map(count_of))?;
        let known = match known.transpose().map_err(|problem| corrupt(home, problem))? {
            Some(known) => known,
            None => {
                let first = context.read(life_key, |record| {
                    record.map_or(Ok(0), |record| Life::read(record).map(|(_, page)| page.count()))
                })?;
                let mut count = first.map_err(|problem| corrupt(home, problem))?;
                context.scan(&page_key(home, b""), |_, page| {
                    count += Page::of(Some(page)).count();
                    ControlFlow::Continue(())
                })?;
                count
            }
        };
        if known >= self.limits.conversation_events {
            return Ok(false);
        }
        context.put(&key, &(known + 1).to_be_bytes());
        Ok(true)
    }
}

/// A signal: nothing of it is remembered. It is refused as any event is where the conversation is over.
fn pass_signal(life_key: &[u8], context: &mut Context<'_>) -> Result<Outcome, ProcessError> {
    let refused = context.read(life_key, |record| match record.map(Life::read).transpose()? {
        Some((Life::Forgotten { .. }, _)) => Ok(Some(expired())),
        Some((Life::Erased, _)) => Ok(Some(erased())),
        Some((Life::Alive(_), _)) | None => Ok::<_, String>(None),
    })?;
    let refused = refused.map_err(|problem| corrupt(life_key.get(1..).unwrap_or_default(), problem))?;
    Ok(refused.map_or(Outcome::Ignored, Outcome::Rejected))
}

/// In pages that lie less deep than that there is no room for so many events.
fn counted_from(most: u64) -> usize {
    let (mut depth, mut pages, mut room) = (0, 1_u64, EVENTS_MAX);
    while room < most {
        depth += 1;
        pages = pages.saturating_mul(BELOW);
        room = room.saturating_add(pages.saturating_mul(EVENTS_MAX));
    }
    depth
}

/// A life's record, its events being counted.
fn counted(record: &[u8]) -> Result<Vec<u8>, String> {
    let (life, page) = Life::read(record)?;
    Ok(match life {
        Life::Alive(alive) => Life::Alive(alive.counted()).write_before(page, None),
        Life::Forgotten { .. } | Life::Erased => record.to_vec(),
    })
}

fn count_of(bytes: &[u8]) -> Result<u64, String> {
    <[u8; size_of::<u64>()]>::try_from(bytes)
        .map(u64::from_be_bytes)
        .map_err(|_| "no number of events".to_owned())
}

/// An event that was folded is not any more.
fn count_less(home: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let key = prefixed(COUNT, home);
    let count = emitter.read(&key, |count| count.map(count_of).transpose())?;
    if let Some(count) = count.map_err(|problem| corrupt(home, problem))? {
        emitter.put(&key, &count.saturating_sub(1).to_be_bytes());
    }
    Ok(())
}

/// Whether the erasure of a customer whose event it is was asked for.
///
/// # Errors
/// The state cannot be read: give the error on.
pub(crate) fn is_asked(event: &Event<'_>, came_ms: i64, context: &Context<'_>) -> Result<bool, ProcessError> {
    for customer in whose::customers(event) {
        if context.is_asked(customer, came_ms)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the erasure of one of these was asked for, by a request that counts for his time.
///
/// # Errors
/// The state cannot be read: give the error on.
pub(crate) fn is_any_asked(customers: &[(String, i64)], emitter: &Emitter<'_>) -> Result<bool, ProcessError> {
    for (customer, came_ms) in customers {
        if emitter.is_asked(customer, *came_ms)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An event of a customer comes that is to be erased: so is its conversation, as if it had come before the request.
fn refuse_for_ever(home: &[u8], context: &mut Context<'_>) -> Result<Outcome, ProcessError> {
    let life = context.read(&prefixed(LIFE, home), |record| {
        record.map(|record| Life::read(record).map(|(life, _)| life == Life::Erased)).transpose()
    })?;
    if life.map_err(|problem| corrupt(home, problem))? != Some(true) {
        end_for_ever(home, context)?;
    }
    Ok(Outcome::Rejected(erased()))
}

/// Keeps a customer for whom there is no room in the life.
fn keep_customer(
    home: &[u8],
    customer: &str,
    came_ms: i64,
    context: &mut Context<'_>,
) -> Result<(), ProcessError> {
    let key = customer_key(home, customer);
    let first = context.read(&key, |first| first.map(time_of).transpose())?;
    let first = first.map_err(|problem| corrupt(home, problem))?;
    if first.is_none_or(|first| came_ms < first) {
        context.put(&key, &came_ms.to_be_bytes());
    }
    Ok(())
}

fn time_of(bytes: &[u8]) -> Result<i64, String> {
    <[u8; size_of::<i64>()]>::try_from(bytes).map(i64::from_be_bytes).map_err(|_| "no time".to_owned())
}

/// The customers of a conversation or activity.
struct Named {
    /// Where that is known from.
    key: Vec<u8>,
    home: Vec<u8>,
    customers: Vec<(String, i64)>,
}

impl Named {
    /// Those that a record of the state names; none where it names nobody.
    fn by(key: &[u8], value: &[u8]) -> Result<Option<Self>, ProcessError> {
        let unreadable = |problem| corrupt(key, problem);
        match key.split_first() {
            Some((&LIFE, home)) => {
                let (life, _) = Life::read(value).map_err(unreadable)?;
                let customers = life.customers().iter().map(|(id, ms)| ((*id).to_owned(), *ms));
                let customers: Vec<_> = customers.collect();
                let (key, home) = (key.to_vec(), home.to_vec());
                Ok((!customers.is_empty()).then_some(Self { key, home, customers }))
            }
            Some((&CUSTOMER, named)) => {
                let slash = named.iter().rposition(|byte| *byte == b'/');
                let parts = slash.and_then(|slash| {
                    let customer = std::str::from_utf8(named.get(slash + 1..)?).ok()?;
                    Some((named.get(..slash)?.to_vec(), model::unescape(customer)?.into_owned()))
                });
                let (home, customer) = parts.ok_or_else(|| unreadable("no customer".to_owned()))?;
                let customers = vec![(customer, time_of(value).map_err(unreadable)?)];
                Ok(Some(Self { key: key.to_vec(), home, customers }))
            }
            _ => Ok(None),
        }
    }
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

fn of_another() -> Rejection {
    Rejection {
        reason: Reason::ConflictingDuplicate,
        detail: "an event with the same id in another conversation came first, and stays; give each event an id of its own"
            .to_owned(),
    }
}

fn expired() -> Rejection {
    Rejection {
        reason: Reason::ConversationExpired,
        detail: "its conversation was forgotten some time after its close or its last event; its records stay as they are"
            .to_owned(),
    }
}

pub(crate) fn erased() -> Rejection {
    Rejection {
        reason: Reason::Erased,
        detail: "its conversation was erased on request; of this record only the key is kept".to_owned(),
    }
}

/// Erases a conversation, whatever is known of it.
fn end_for_ever(home: &[u8], context: &mut Context<'_>) -> Result<(), ProcessError> {
    let key = prefixed(LIFE, home);
    let page = context.read(&key, first_page)?;
    if let Some(page) = page.map_err(|problem| corrupt(home, problem))? {
        context.put_owned(&page_key(home, b""), page);
    }
    context.put_owned(&key, Life::Erased.write());
    if let Some(scope) = scope_of(home) {
        context.erase(&scope);
    }
    Ok(())
}

/// The same, at the commit; nothing where it is erased already.
fn end_at_commit(home: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let key = prefixed(LIFE, home);
    let is_erased = emitter.read(&key, |record| record == Some(Life::Erased.write().as_slice()))?;
    if is_erased {
        return Ok(());
    }
    let page = emitter.read(&key, first_page)?;
    if let Some(page) = page.map_err(|problem| corrupt(home, problem))? {
        emitter.put(&page_key(home, b""), &page);
    }
    emitter.put(&key, &Life::Erased.write());
    if let Some(scope) = scope_of(home) {
        emitter.erase(&scope);
    }
    Ok(())
}

/// The first page of a life's events. Those that follow want to know them when they erase: it is kept beside the others until
/// then.
fn first_page(record: Option<&[u8]>) -> Result<Option<Vec<u8>>, String> {
    let read = record.map(Life::read).transpose()?;
    Ok(read.map(|(_, page)| page.bytes().to_vec()).filter(|page| !page.is_empty()))
}

/// Whose a record of this processor's state is.
pub(crate) fn owned<'r>(key: &'r [u8], value: &[u8]) -> Option<Owned<'r>> {
    match key.split_first()? {
        (&(PAGE | CUSTOMER), [CONVERSATION, of @ ..]) => Owned::by_key(of, false),
        (&COUNT, [CONVERSATION, of @ ..]) => Owned::by(of, false),
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

/// The key of a customer of a home; without one what the keys of all of them begin with.
fn customer_key(home: &[u8], customer: &str) -> Vec<u8> {
    [&[CUSTOMER], home, b"/", model::escape(customer).as_bytes()].concat()
}

/// The least Kafka timestamp of the events of a conversation, whose id is escaped, that are a customer's; for those that follow. The
/// least of all times where nothing is known of it.
///
/// # Errors
/// The state cannot be read: give the error on.
pub(crate) fn first_came(
    escaped: &[u8],
    customer: &str,
    emitter: &mut Emitter<'_>,
) -> Result<i64, ProcessError> {
    let home = home_key(CONVERSATION, escaped);
    let first = emitter.read_of(NAME, &prefixed(LIFE, &home), |record| {
        let life = record.map(Life::read).transpose()?;
        let named =
            life.as_ref().and_then(|(life, _)| life.customers().iter().find(|(id, _)| *id == customer));
        Ok::<_, String>(named.map(|(_, came_ms)| *came_ms))
    })?;
    if let Some(came_ms) = first.map_err(|problem| corrupt(&home, problem))? {
        return Ok(came_ms);
    }
    let beside = emitter
        .read_of(NAME, &customer_key(&home, customer), |first| first.map(time_of).transpose())?
        .map_err(|problem| corrupt(&home, problem))?;
    Ok(beside.unwrap_or(i64::MIN))
}

/// The ids of some events, and where to go on.
pub(crate) type SomeEvents = (Vec<u8>, Vec<String>);

/// The ids of some events that were folded in a conversation or activity which is erased, and where to go on; for those that follow.
/// `from` is where it stopped; empty at first. None: those were all.
///
/// # Errors
/// The state cannot be read: give the error on.
pub(crate) fn event_ids(
    scope: &Scope<'_>,
    from: &[u8],
    emitter: &mut Emitter<'_>,
) -> Result<Option<SomeEvents>, ProcessError> {
    let prefix = page_key(&scope_key(scope), b"");
    let mut next = None;
    let start = if from.is_empty() { &prefix } else { from };
    emitter.scan_of_from(NAME, (&prefix, start), |key, page| {
        if key == from {
            return ControlFlow::Continue(());
        }
        next = Some((key.to_vec(), Page::of(Some(page)).ids().collect()));
        ControlFlow::Break(())
    })?;
    Ok(next)
}

fn corrupt(home: &[u8], problem: String) -> ProcessError {
    ProcessError::Corrupt { processor: NAME, key: String::from_utf8_lossy(home).into_owned(), problem }
}
