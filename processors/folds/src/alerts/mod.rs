//! Somebody has waited for longer than was agreed: one record for each time that this came to pass.
//!
//! Which times run, and which ended too late, is found by the scan of the timelines ([`watch`]): so an alert follows from the set
//! of events, whatever their order was. What the scan finds is compared with what was published: an alert that should never
//! have been is taken back, one whose cause has ended is resolved.
//!
//! Only that a time which runs is over cannot follow from events: nothing comes. A timer in the state says when to look, and the
//! engine tells when it is that time, and that nothing lies unread which would have ended it.

mod known;
mod news;
mod sessions;
mod settings;
mod span;
mod watch;

use engine::{Committed, Emitter, News, ProcessError, Processor, Scope};
use model::Record;

use crate::owner::Owned;
use crate::stored::prefixed;
use crate::timelines::{self, Said};
use crate::timers;
use known::Known;

pub(crate) use news::{Changed, Changes};
pub use settings::{AlertSettings, AlertUnits};
pub(crate) use span::Span;
pub(crate) use watch::{Late, Watch};

/// The processor's name in topics.yaml.
pub const NAME: &str = "alerts";
/// Begins the keys of its state.
pub(crate) const NAMESPACE: u8 = b'w';
const SCHEMA: &str = "alert/1";
const OUTPUT: usize = 0;

/// Begins the keys of what is known of conversations.
const KNOWN: u8 = b's';
/// Begins the keys of alerts that are resolved.
const RESOLVED: u8 = b'r';
/// Begins the keys of timers.
const TIMER: u8 = b't';
/// So many timers ring in one commit.
const RINGS_MAX: usize = 5_000;

/// Says who has waited for too long: writes one topic, `cx.alerts`.
#[derive(Debug, Clone, Copy)]
pub struct Alerts {
    settings: AlertSettings,
}

impl Alerts {
    /// The processor, as configured.
    #[must_use]
    pub fn new(settings: &crate::Settings) -> Self {
        Self { settings: settings.alerts }
    }
}

impl Processor for Alerts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn namespace(&self) -> u8 {
        NAMESPACE
    }

    fn outputs(&self) -> usize {
        1
    }

    fn follows(&self) -> &'static [&'static str] {
        &[timelines::NAME]
    }

    fn settle(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for note in news.heard() {
            if let Some(Said::Watched(changes)) = Said::of(&note) {
                let changes = Changes::read(changes).map_err(|problem| known::corrupt(note.key, problem))?;
                Conversation::of(note.key, emitter)?.follow(changes)?;
            }
        }
        Ok(())
    }

    fn next_due(&self, state: &Committed<'_>) -> Result<Option<i64>, ProcessError> {
        let due = timers::first_due(state, TIMER)?;
        Ok(due.map(|due| due.saturating_add(self.settings.grace_ms)))
    }

    fn ring(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let by_ms = now_ms.saturating_sub(self.settings.grace_ms);
        for escaped in timers::take_due(emitter, TIMER, by_ms, RINGS_MAX)? {
            let progress = timelines::progress(&escaped, emitter)?;
            let standing = progress.map(|progress| progress.standing(&self.settings)).unwrap_or_default();
            Conversation::of(&escaped, emitter)?.ring(&standing, by_ms)?;
        }
        Ok(())
    }

    /// Its alerts stay as they are.
    fn forget(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        match scope {
            Scope::Conversation(escaped) => Conversation::of(escaped, emitter)?.forget(),
            Scope::Activity(_) => Ok(()),
        }
    }

    fn erase(&self, scope: &Scope<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        if let Scope::Conversation(escaped) = scope {
            Conversation::of(escaped, emitter)?.take_all_back()?;
        }
        self.forget(scope, emitter)
    }
}

/// One conversation while its alerts are settled.
struct Conversation<'c, 't> {
    id: String,
    escaped: &'c [u8],
    /// As it was, and as it will be. What is empty is not kept.
    before: Known,
    known: Known,
    emitter: &'c mut Emitter<'t>,
}

impl<'c, 't> Conversation<'c, 't> {
    fn of(escaped: &'c [u8], emitter: &'c mut Emitter<'t>) -> Result<Self, ProcessError> {
        let id = timelines::conversation_id(escaped).unwrap_or_default().into_owned();
        let key = prefixed(KNOWN, escaped);
        let known = emitter.read(&key, |bytes| bytes.map_or_else(|| Ok(Known::default()), Known::read))?;
        let known = known.map_err(|problem| known::corrupt(&key, problem))?;
        Ok(Self { id, escaped, before: known.clone(), known, emitter })
    }

    /// Publishes what has changed, and sets the timer by what runs now.
    fn follow(mut self, changes: Changes) -> Result<(), ProcessError> {
        let Changes { gone, late, standing } = changes;
        for span in gone.iter().filter(|span| !late.iter().any(|late| late.is_same_alert(span))) {
            if self.is_resolved(span)? {
                self.emitter.delete(&self.resolved(span));
                self.publish(span, false)?;
            }
        }
        for span in &late {
            self.known.raised.retain(|raised| !raised.is_same_alert(span));
            self.emitter.put(&self.resolved(span), b"");
            self.publish(span, true)?;
        }
        self.compare_raised(&standing)?;
        self.set_timer(&standing);
        self.write()
    }

    /// Raises what is due, and sets the next timer. The one that rang is gone.
    fn ring(mut self, standing: &[Span], by_ms: i64) -> Result<(), ProcessError> {
        self.known.timer_ms = None;
        for span in standing {
            if span.due_at() <= by_ms && !self.known.has_raised(span) {
                self.publish(span, true)?;
                self.known.raised.push(span.clone());
            }
        }
        self.set_timer(standing);
        self.write()
    }

    /// An alert that is raised stays so while its time runs as it did.
    fn compare_raised(&mut self, standing: &[Span]) -> Result<(), ProcessError> {
        for raised in std::mem::take(&mut self.known.raised) {
            match standing.iter().find(|span| span.is_same_alert(&raised)) {
                // It was due once, so it is over by now whatever time it is.
                Some(span) if span.due_at() <= raised.due_at() => {
                    if *span != raised {
                        self.publish(span, true)?;
                    }
                    self.known.raised.push(span.clone());
                }
                Some(_) | None => self.publish(&raised, false)?,
            }
        }
        Ok(())
    }

    /// The timer rings when the first of the times is over that run and are not raised yet. One that rings too early costs
    /// less than a write for each event, so it is only ever moved forward.
    fn set_timer(&mut self, standing: &[Span]) {
        let waiting = standing.iter().filter(|span| !self.known.has_raised(span));
        let next_ms = waiting.map(Span::due_at).min();
        let is_early = |timer_ms: i64| next_ms.is_some_and(|next_ms| timer_ms <= next_ms);
        if self.known.timer_ms.is_some_and(is_early) {
            return;
        }
        if let Some(timer_ms) = self.known.timer_ms {
            timers::clear_again(self.emitter, TIMER, timer_ms, self.escaped);
        }
        if let Some(next_ms) = next_ms {
            timers::set_again(self.emitter, TIMER, next_ms, self.escaped);
        }
        self.known.timer_ms = next_ms;
    }

    fn forget(self) -> Result<(), ProcessError> {
        if let Some(timer_ms) = self.known.timer_ms {
            timers::clear_again(self.emitter, TIMER, timer_ms, self.escaped);
        }
        self.emitter.delete_under(&resolved_of(self.escaped))?;
        self.emitter.delete(&prefixed(KNOWN, self.escaped));
        Ok(())
    }

    /// Overwrites all its alerts with tombstones.
    fn take_all_back(&mut self) -> Result<(), ProcessError> {
        let mut keys: Vec<String> = self.known.raised.iter().map(|span| span.key(&self.id)).collect();
        let mut resolved = Vec::new();
        let prefix = resolved_of(self.escaped);
        self.emitter.scan(&prefix, |key, _| resolved.extend(key.get(1..).map(<[u8]>::to_vec)))?;
        keys.extend(resolved.iter().map(|key| String::from_utf8_lossy(key).into_owned()));
        keys.iter().try_for_each(|key| self.emit(key, None))
    }

    /// Emits an alert as it is, or a tombstone.
    fn publish(&mut self, span: &Span, is_so: bool) -> Result<(), ProcessError> {
        if !self.emitter.is_published() {
            return Ok(());
        }
        let key = span.key(&self.id);
        if !is_so {
            return self.emit(&key, None);
        }
        let mut value = Vec::with_capacity(512);
        self.emitter.format(OUTPUT).write(&Record::from(&span.record(&self.id)), &mut value);
        self.emit(&key, Some(&value))
    }

    fn emit(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), ProcessError> {
        self.emitter.emit(OUTPUT, SCHEMA, self.id.as_bytes(), key.as_bytes(), value)
    }

    fn is_resolved(&mut self, span: &Span) -> Result<bool, ProcessError> {
        let key = self.resolved(span);
        self.emitter.read(&key, |value| value.is_some())
    }

    /// Where it is kept that this alert was resolved: under its own key.
    fn resolved(&self, span: &Span) -> Vec<u8> {
        prefixed(RESOLVED, span.key(&self.id).as_bytes())
    }

    fn write(self) -> Result<(), ProcessError> {
        let Self { escaped, before, known, emitter, .. } = self;
        let key = prefixed(KNOWN, escaped);
        if known == before {
            return Ok(());
        }
        if known.is_empty() {
            emitter.delete(&key);
        } else {
            emitter.put(&key, &known.write().map_err(|problem| known::corrupt(&key, problem))?);
        }
        Ok(())
    }
}

fn resolved_of(escaped: &[u8]) -> Vec<u8> {
    let mut prefix = prefixed(RESOLVED, escaped);
    prefix.push(b'/');
    prefix
}

/// Whose a record of this processor's state is.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&KNOWN, of) => Owned::by(of, false),
        (&RESOLVED, of) => Owned::by_key(of, false),
        (&TIMER, timer) => Owned::by(timers::about(timer)?, false),
        _ => None,
    }
}
