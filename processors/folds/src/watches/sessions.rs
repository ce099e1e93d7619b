// SPDX-License-Identifier: Apache-2.0

//! Timers of customer inactivity, one for each channel session. The column "Default Controller Behaviour" of the producers'
//! table of events defines what starts and stops them.

use model::AlertKind;
use serde::{Deserialize, Serialize};

use super::settings::AlertSettings;
use super::span::{About, Began, Span};
use crate::scan::Entry;

/// Maximum number of watched sessions in a conversation, and of watched tasks.
pub(crate) const WATCHED: usize = 100;

/// The last channel sessions in events, in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    list: Vec<Session>,
    /// Index of the session in the last event that named one: an event without a session belongs to this one.
    current: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Session {
    id: Box<str>,
    channel: Option<Box<str>>,
    /// Maximum inactivity of its customer, from the last event that has it.
    target: Option<i64>,
    phase: Phase,
    timer: Option<Timer>,
}

/// State of a session. Append new variants at the end: the state stores their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Phase {
    /// Events named it, but its start is unknown.
    Named,
    Active,
    Over,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Timer {
    began: Began,
    target_ms: i64,
}

impl Sessions {
    /// Records the session of an event and its target time.
    pub(crate) fn appear(&mut self, entry: &Entry<'_>) {
        let Some(id) = entry.session else { return };
        let place = self.list.iter().rposition(|session| *session.id == *id).unwrap_or_else(|| {
            while self.list.len() >= WATCHED {
                // Remove the earliest session without a timer, else the earliest one: it is not watched any more.
                self.list.remove(self.list.iter().position(|session| session.timer.is_none()).unwrap_or(0));
            }
            let (id, phase) = (id.into(), Phase::Named);
            self.list.push(Session { id, channel: None, target: None, phase, timer: None });
            self.list.len() - 1
        });
        self.current = Some(place);
        let Some(session) = self.list.get_mut(place) else { return };
        session.target = entry.targets.customer_activity.or(session.target);
        if session.channel.is_none() {
            session.channel = entry.channel.and_then(|(channel_type, _)| channel_type).map(Into::into);
        }
    }

    /// Activates the entry's session, which has appeared, and starts the timers of all active sessions.
    pub(crate) fn begin(&mut self, entry: &Entry<'_>, settings: &AlertSettings) {
        if entry.session.is_none() {
            return;
        }
        if let Some(session) = self.current() {
            session.phase = Phase::Active;
        }
        let active = self.list.iter_mut().filter(|session| session.phase == Phase::Active);
        active.for_each(|session| session.start(entry, settings));
    }

    /// Ends the entry's session, which has appeared.
    pub(crate) fn finish(&mut self, entry: &Entry<'_>, end: &mut dyn FnMut(Span)) {
        if entry.session.is_none() {
            return;
        }
        if let Some(session) = self.current() {
            session.phase = Phase::Over;
            session.stop(end);
        }
    }

    /// Starts the timer of the current session.
    pub(crate) fn start_current(&mut self, entry: &Entry<'_>, settings: &AlertSettings) {
        if let Some(session) = self.current() {
            session.start(entry, settings);
        }
    }

    /// Applies the target time that the platform's own inactivity timer has started with.
    pub(crate) fn platform_started(&mut self, entry: &Entry<'_>, settings: &AlertSettings) {
        let Some(session) = self.current() else { return };
        session.start(entry, settings);
        if let (Some(timer), Some(number)) = (&mut session.timer, entry.targets.customer_activity) {
            timer.target_ms = settings.units.ms(number);
        }
    }

    /// Starts the timers of all other active sessions.
    pub(crate) fn start_others(&mut self, entry: &Entry<'_>, settings: &AlertSettings) {
        let current = self.current;
        let others = self.list.iter_mut().enumerate().filter(|(place, _)| Some(*place) != current);
        let active = others.filter(|(_, session)| session.phase == Phase::Active);
        active.for_each(|(_, session)| session.start(entry, settings));
    }

    /// Stops the timer of the current session.
    pub(crate) fn stop_current(&mut self, end: &mut dyn FnMut(Span)) {
        if let Some(session) = self.current() {
            session.stop(end);
        }
    }

    /// Stops all timers.
    pub(crate) fn stop_all(&mut self, end: &mut dyn FnMut(Span)) {
        self.list.iter_mut().for_each(|session| session.stop(end));
    }

    /// The running timers.
    pub(crate) fn running(&self) -> impl Iterator<Item = Span> {
        self.list.iter().filter_map(|session| Some(session.span(session.timer.as_ref()?)))
    }

    fn current(&mut self) -> Option<&mut Session> {
        self.list.get_mut(self.current?)
    }
}

impl Session {
    /// Starts the timer if it is not running.
    fn start(&mut self, entry: &Entry<'_>, settings: &AlertSettings) {
        if self.timer.is_some() || self.phase == Phase::Over {
            return;
        }
        let said = self.target.map(|number| settings.units.ms(number));
        self.timer = said
            .or(settings.customer_inactive_ms)
            .map(|target_ms| Timer { began: Began { at: entry.at, by: entry.id.into() }, target_ms });
    }

    fn stop(&mut self, end: &mut dyn FnMut(Span)) {
        if let Some(timer) = self.timer.take() {
            end(self.span(&timer));
        }
    }

    fn span(&self, timer: &Timer) -> Span {
        let about = About::Session { id: self.id.clone(), channel: self.channel.clone() };
        Span::running(AlertKind::CustomerInactive, &timer.began, timer.target_ms, about)
    }
}
