// SPDX-License-Identifier: Apache-2.0

//! Alerts: a record for each time that a wait exceeded its target.
//!
//! The scan of the timelines (`watches`) finds which spans run and which ended too late. An alert is therefore a function of
//! the set of events, whatever their order of arrival. The processor compares the result with the published alerts: it
//! withdraws an alert that should never have been raised, and resolves one whose cause has ended.
//!
//! One case does not follow from an event: a running span becomes overdue because no event arrives. A timer in the state says
//! when to check; the engine calls the processor at that time, once no unread record could have ended the span.

mod conversation;
mod known;

use engine::{Committed, Emitter, Forget, News, ProcessError, Processor, Product, Punctuate, Scope, Slice};

use crate::owner::Owned;
use crate::timelines::{self, Said};
use crate::timers;
use conversation::Conversation;

use crate::scan::LISTED;
use crate::watches::Changes;
pub use crate::watches::{AlertSettings, AlertUnits};
use crate::widths::{ID, Sizes};

/// The processor's name in topics.yaml.
pub const NAME: &str = "alerts";
/// Key prefix of the processor's state.
pub(crate) const NAMESPACE: u8 = b'w';
/// Its output.
pub const PRODUCT: Product = Product {
    topic: "cx.alerts",
    schema: model::Schema::ALERT.header,
    one_for_each: "wait beyond its target",
    key: "`conversationId/kind/startedBy`; for `customer-inactive` followed by `/channelSessionId`",
};
const OUTPUT: usize = 0;

/// Maximum size of a record's value.
pub(crate) fn record_bytes(_: Sizes) -> u64 {
    10 * ID + LISTED as u64 * ID
}

/// Key prefix of the states of conversations.
const KNOWN: u8 = b's';
/// Key prefix of resolved alerts.
const RESOLVED: u8 = b'r';
/// Key prefix of timers.
const TIMER: u8 = b't';

/// Raises alerts when a wait exceeds its target: writes one topic, `cx.alerts`.
#[derive(Debug, Clone, Copy)]
pub struct Alerts {
    settings: AlertSettings,
}

impl Alerts {
    /// Creates the processor from the settings.
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

    fn products(&self) -> &'static [Product] {
        &[PRODUCT]
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
    /// Its alerts stay unchanged.
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

/// Owner of a record of this processor's state.
pub(crate) fn owned(key: &[u8]) -> Option<Owned<'_>> {
    match key.split_first()? {
        (&KNOWN, of) => Owned::by(of, false),
        (&RESOLVED, of) => Owned::by_key(of, false),
        (&TIMER, timer) => Owned::by(timers::about(timer)?, false),
        _ => None,
    }
}
