// SPDX-License-Identifier: Apache-2.0

//! Alerts of one conversation: compares those that should exist with those that were published.

use engine::{Emitter, ProcessError, Slice};

use super::known::{self, Known};
use super::{KNOWN, OUTPUT, RESOLVED, TIMER};
use crate::stored::prefixed;
use crate::watches::{Changes, Span};
use crate::{timelines, timers};

/// A conversation whose alerts are being updated.
pub(super) struct Conversation<'c, 't> {
    id: String,
    escaped: &'c [u8],
    /// The state before and after. An empty state is deleted.
    before: Known,
    known: Known,
    emitter: &'c mut Emitter<'t>,
}

impl<'c, 't> Conversation<'c, 't> {
    pub(super) fn of(escaped: &'c [u8], emitter: &'c mut Emitter<'t>) -> Result<Self, ProcessError> {
        let id = timelines::conversation_id(escaped).unwrap_or_default().into_owned();
        let key = prefixed(KNOWN, escaped);
        let known = emitter.read(&key, |bytes| bytes.map_or_else(|| Ok(Known::default()), Known::read))?;
        let known = known.map_err(|problem| known::corrupt(&key, problem))?;
        Ok(Self { id, escaped, before: known.clone(), known, emitter })
    }

    /// Publishes the changes and sets the timer for the spans that run now.
    pub(super) fn follow(mut self, changes: Changes) -> Result<(), ProcessError> {
        let Changes { gone, late, standing } = changes;
        for span in gone.iter().filter(|span| !late.iter().any(|late| late.is_same_alert(span))) {
            if self.is_resolved(span)? {
                let resolved = self.resolved(span);
                self.emitter.delete(&resolved);
                self.publish(span, false)?;
            }
        }
        for span in &late {
            self.known.raised.retain(|raised| !raised.is_same_alert(span));
            let resolved = self.resolved(span);
            self.emitter.put(&resolved, b"");
            self.publish(span, true)?;
        }
        self.compare_raised(&standing)?;
        self.set_timer(&standing);
        self.write()
    }

    /// Raises the alerts that are due and sets the next timer. The timer that fired is already removed.
    pub(super) fn punctuate(mut self, standing: &[Span], by_ms: i64) -> Result<(), ProcessError> {
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

    /// A raised alert stays while its span runs unchanged.
    fn compare_raised(&mut self, standing: &[Span]) -> Result<(), ProcessError> {
        for raised in std::mem::take(&mut self.known.raised) {
            match standing.iter().find(|span| span.is_same_alert(&raised)) {
                // It was due once, so it is overdue now, whatever the time.
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

    /// Sets the timer for the first running span without an alert. The timer only ever moves forward: one that fires too early
    /// costs less than a write for each event.
    fn set_timer(&mut self, standing: &[Span]) {
        let waiting = standing.iter().filter(|span| !self.known.has_raised(span));
        let next_ms = waiting.map(Span::due_at).min();
        let is_early = |timer_ms: i64| next_ms.is_some_and(|next_ms| timer_ms <= next_ms);
        if self.known.timer_ms.is_some_and(is_early) {
            return;
        }
        if let Some(timer_ms) = self.known.timer_ms {
            timers::clear(self.emitter, TIMER, timer_ms, self.escaped);
        }
        if let Some(next_ms) = next_ms {
            timers::set(self.emitter, TIMER, next_ms, self.escaped);
        }
        self.known.timer_ms = next_ms;
    }

    /// Deletes the conversation's state, which no timer refers to afterwards, and its resolved alerts within the budget.
    pub(super) fn forget(mut self) -> Result<Slice, ProcessError> {
        self.forget_known();
        Ok(Slice::of(self.emitter.delete_under(&resolved_of(self.escaped))?))
    }

    /// Deletes the state and overwrites all alerts with tombstones.
    pub(super) fn erase(mut self) -> Result<Slice, ProcessError> {
        let raised: Vec<String> = self.known.raised.iter().map(|span| span.key(&self.id)).collect();
        raised.iter().try_for_each(|key| self.emit(key, None))?;
        self.forget_known();
        let Self { id, escaped, emitter, .. } = self;
        let is_all = emitter.drain(&resolved_of(escaped), |key, emitter| {
            let alert = key.get(1..).unwrap_or_default();
            emitter.emit(OUTPUT, id.as_bytes(), alert, None)?;
            emitter.delete(key);
            Ok(())
        })?;
        Ok(Slice::of(is_all))
    }

    fn forget_known(&mut self) {
        if let Some(timer_ms) = self.known.timer_ms {
            timers::clear(self.emitter, TIMER, timer_ms, self.escaped);
        }
        if !self.before.is_empty() {
            self.emitter.delete(&prefixed(KNOWN, self.escaped));
        }
    }

    /// Emits an alert, or its tombstone.
    fn publish(&mut self, span: &Span, is_so: bool) -> Result<(), ProcessError> {
        if !self.emitter.is_published() {
            return Ok(());
        }
        let key = span.key(&self.id);
        if !is_so {
            return self.emit(&key, None);
        }
        let mut value = Vec::with_capacity(512);
        self.emitter.format(OUTPUT).write(&span.record(&self.id), &mut value);
        self.emit(&key, Some(&value))
    }

    fn emit(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), ProcessError> {
        self.emitter.emit(OUTPUT, self.id.as_bytes(), key.as_bytes(), value)
    }

    fn is_resolved(&mut self, span: &Span) -> Result<bool, ProcessError> {
        let key = self.resolved(span);
        self.emitter.read(&key, |value| value.is_some())
    }

    /// Key of the record that says that this alert was resolved.
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
