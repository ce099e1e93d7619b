// SPDX-License-Identifier: Apache-2.0

//! Admission decides which events are folded (contract sections 0 and 9). It is the first processor of every topology.
//!
//! *Each event once.* Admission remembers each folded event by its id and a hash of its content. Another event with the same id
//! and the same content is a duplicate and is skipped. One with other content becomes a dead letter: the first event stays, and
//! no data gets lost silently. Ids are stored in pages (see `seen`); the first page follows the life.
//!
//! *Expiry.* A conversation is forgotten some time after its close or its last event: all processors drop its state, and only
//! the record that it existed remains. A much later event is therefore rejected; it would overwrite a complete conversation
//! with an incomplete one.
//!
//! *Erasure.* An erased conversation also leaves only the record that it existed, for ever. A customer's conversations are
//! those with an event of that customer up to the time of the request: each life stores its customers and the time of their
//! first events. Later events are compared with the requests.
//!
//! *Size limit.* A conversation has a maximum number of events; further events are rejected. Events are counted only once the
//! depth of the pages shows that there may be too many.

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
/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b'g';

/// Key prefix of further pages of events; the scope and the page's path follow.
const PAGE: u8 = b'e';
/// Key prefix of lives, each with the first page of its events; the scope follows.
const LIFE: u8 = b'l';
/// Key prefix of the timers of lives.
const TIMER: u8 = b't';
/// Key part: a conversation, as opposed to a standalone activity.
const CONVERSATION: u8 = b'c';
const ACTIVITY: u8 = b'a';
/// Key prefix of customers that do not fit in the life; the scope and the customer follow.
const CUSTOMER: u8 = b'k';
/// Key prefix of event counts; the scope follows.
const COUNT: u8 = b'n';
/// Delay before the next look at a record that is due to go while its conversation is still being forgotten.
const AGAIN_MS: i64 = 60 * 1000;

/// Lets each event pass once and ends conversations. It writes no topic.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    limits: Limits,
    /// Page depth from which a conversation may have too many events.
    counted_from: usize,
}

impl Admission {
    /// Creates the processor from the settings.
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
            // It is folded, and therefore admitted, in its conversation's partition.
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
        // Finish the conversations that have ended first, or their list would grow.
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

    /// Checks all lives: requests are rare, and an index would cost every conversation. One pass serves any number of requests.
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

/// Stream time at which an event arrives, and its record's Kafka timestamp, both in epoch milliseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    now_ms: i64,
    came_ms: i64,
}

/// Effect of an event on a life.
enum Next {
    /// Nothing is folded any more.
    Refused(Rejection),
    /// The first page has the event, or another one with its id.
    Known { same: bool },
    /// The event is new and now in the first page.
    Admitted(Change),
    /// The first page is full and does not have the event. `change` applies if the event is new.
    ElsewhereOrNew { change: Change, is_counted: bool },
}

/// Pending writes of a life.
struct Change {
    /// The life with the first page of its events; `None` if unchanged.
    record: Option<Vec<u8>>,
    /// Time for which a timer must be set.
    ends_ms: Option<i64>,
    /// Customers that do not fit in the life.
    more: Vec<String>,
    /// Whether its events are counted from now on.
    counts: bool,
}

/// Result of looking for an event in the pages after a full first one.
enum Further {
    /// A page has the event, or another one with its id.
    Known { same: bool },
    /// The event is new and was added; `counts` says whether events are counted from now on.
    New { counts: bool },
    /// The event is new, but there are too many.
    Full,
    /// Another conversation has an event with its id.
    OfAnother,
}

/// Subject of a life's timer.
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
    /// Takes an event: continues the life or starts one.
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
        // A timer that fires too early is set again then; only an earlier end needs a new one now.
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

    /// Looks for an event in the pages after a full first one, and adds it if it is new.
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

    /// Counts one more event; `false` if there are too many, and then it is not counted. Counts the existing events first if
    /// necessary.
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

/// Takes a signal, of which nothing is stored. It is rejected like any event if the conversation is over.
fn pass_signal(life_key: &[u8], context: &mut Context<'_>) -> Result<Outcome, ProcessError> {
    let refused = context.read(life_key, |record| match record.map(Life::read).transpose()? {
        Some((Life::Forgotten { .. }, _)) => Ok(Some(expired())),
        Some((Life::Erased, _)) => Ok(Some(erased())),
        Some((Life::Alive(_), _)) | None => Ok::<_, String>(None),
    })?;
    let refused = refused.map_err(|problem| corrupt(life_key.get(1..).unwrap_or_default(), problem))?;
    Ok(refused.map_or(Outcome::Ignored, Outcome::Rejected))
}

/// Page depth below which `most` events cannot be exceeded.
fn counted_from(most: u64) -> usize {
    let (mut depth, mut pages, mut room) = (0, 1_u64, EVENTS_MAX);
    while room < most {
        depth += 1;
        pages = pages.saturating_mul(BELOW);
        room = room.saturating_add(pages.saturating_mul(EVENTS_MAX));
    }
    depth
}

/// A life's record, with its events counted.
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

/// Removes an event that is no longer folded from the count.
fn count_less(home: &[u8], emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
    let key = prefixed(COUNT, home);
    let count = emitter.read(&key, |count| count.map(count_of).transpose())?;
    if let Some(count) = count.map_err(|problem| corrupt(home, problem))? {
        emitter.put(&key, &count.saturating_sub(1).to_be_bytes());
    }
    Ok(())
}

/// Whether a customer of the event has a pending or past erasure request that covers it.
///
/// # Errors
/// The state cannot be read; propagate the error.
pub(crate) fn is_asked(event: &Event<'_>, came_ms: i64, context: &Context<'_>) -> Result<bool, ProcessError> {
    for customer in whose::customers(event) {
        if context.is_asked(customer, came_ms)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an erasure request covers any of these customers at the given times.
///
/// # Errors
/// The state cannot be read; propagate the error.
pub(crate) fn is_any_asked(customers: &[(String, i64)], emitter: &Emitter<'_>) -> Result<bool, ProcessError> {
    for (customer, came_ms) in customers {
        if emitter.is_asked(customer, *came_ms)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes an event of a customer that is to be erased: erases its conversation as if the event had preceded the request.
fn refuse_for_ever(home: &[u8], context: &mut Context<'_>) -> Result<Outcome, ProcessError> {
    let life = context.read(&prefixed(LIFE, home), |record| {
        record.map(|record| Life::read(record).map(|(life, _)| life == Life::Erased)).transpose()
    })?;
    if life.map_err(|problem| corrupt(home, problem))? != Some(true) {
        end_for_ever(home, context)?;
    }
    Ok(Outcome::Rejected(erased()))
}

/// Stores a customer that does not fit in the life.
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
    /// Key of the record that names them.
    key: Vec<u8>,
    home: Vec<u8>,
    customers: Vec<(String, i64)>,
}

impl Named {
    /// The customers in a record of the state; `None` if it has none.
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

/// The outcome for an event with a known id, by whether its content is the same as the first one's.
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

/// Erases a conversation, whatever its state.
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

/// Erases a conversation at the commit; does nothing if it is already erased.
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

/// The first page of a life's events. Downstream processors need it when they erase, so it is kept next to the other pages
/// until then.
fn first_page(record: Option<&[u8]>) -> Result<Option<Vec<u8>>, String> {
    let read = record.map(Life::read).transpose()?;
    Ok(read.map(|(_, page)| page.bytes().to_vec()).filter(|page| !page.is_empty()))
}

/// Owner of a record of this processor's state.
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

/// Key of a home's life; the home's own key follows the first byte.
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

/// Key of a page of a home; with an empty path the prefix of all of them.
fn page_key(home: &[u8], path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(home.len() + 2 + path.len());
    key.push(PAGE);
    key.extend_from_slice(home);
    key.push(b'/');
    key.extend_from_slice(path);
    key
}

/// Key of a customer of a home; with an empty customer the prefix of all of them.
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

/// Some event ids, and the position at which to continue.
pub(crate) type SomeEvents = (Vec<u8>, Vec<String>);

/// Ids of some events that were folded in a conversation or activity that is erased, and the position at which to continue; for
/// downstream processors. `from` is the last such position, or empty at first. Returns `None` after the last events.
///
/// # Errors
/// The state cannot be read; propagate the error.
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
