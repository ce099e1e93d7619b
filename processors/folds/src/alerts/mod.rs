//! Somebody has waited for longer than was agreed: one record for each time that this came to pass.
//!
//! Which times run, and which ended too late, is found by the scan of the timelines (the watch): so an alert follows from the set
//! of events, whatever their order was. What the scan finds is compared with what was published: an alert that should never
//! have been is taken back, one whose cause has ended is resolved.
//!
//! Only that a time which runs is over cannot follow from events: nothing comes. A timer in the state says when to look, and the
//! engine tells when it is that time, and that nothing lies unread which would have ended it.

mod conversation;
mod known;

use engine::{Committed, Emitter, Forget, News, ProcessError, Processor, Punctuate, Scope, Slice};

use crate::owner::Owned;
use crate::timelines::{self, Said};
use crate::timers;
use conversation::Conversation;

use crate::watches::Changes;
pub use crate::watches::{AlertSettings, AlertUnits};

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

    fn as_punctuate(&self) -> Option<&dyn Punctuate> {
        Some(self)
    }

    fn as_forget(&self) -> Option<&dyn Forget> {
        Some(self)
    }

    fn follows(&self) -> &'static [&'static str] {
        &[timelines::NAME]
    }

    fn flush(&self, news: &News<'_>, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        for note in news.heard() {
            if let Some(Said::Watched(changes)) = Said::of(&note) {
                let changes = Changes::read(changes).map_err(|problem| known::corrupt(note.key, problem))?;
                Conversation::of(note.key, emitter)?.follow(changes)?;
            }
        }
        Ok(())
    }
}

impl Punctuate for Alerts {
    fn next_due(&self, state: &Committed<'_>) -> Result<Option<i64>, ProcessError> {
        let due = timers::first_due(state, TIMER)?;
        Ok(due.map(|due| due.saturating_add(self.settings.grace_ms)))
    }

    fn punctuate(&self, now_ms: i64, emitter: &mut Emitter<'_>) -> Result<(), ProcessError> {
        let by_ms = now_ms.saturating_sub(self.settings.grace_ms);
        timers::each_due(emitter, TIMER, by_ms, |escaped, emitter| {
            let progress = timelines::progress(escaped, emitter)?;
            let standing = progress.map(|progress| progress.standing(&self.settings)).unwrap_or_default();
            Conversation::of(escaped, emitter)?.punctuate(&standing, by_ms)
        })
    }
}

impl Forget for Alerts {
    /// Its alerts stay as they are.
    fn forget(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        match scope {
            Scope::Conversation(escaped) => Conversation::of(escaped, emitter)?.forget(),
            Scope::Activity(_) => Ok(Slice::Last),
        }
    }

    fn erase(
        &self,
        scope: &Scope<'_>,
        _from: &[u8],
        emitter: &mut Emitter<'_>,
    ) -> Result<Slice, ProcessError> {
        match scope {
            Scope::Conversation(escaped) => Conversation::of(escaped, emitter)?.erase(),
            Scope::Activity(_) => Ok(Slice::Last),
        }
    }
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
