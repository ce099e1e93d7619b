// SPDX-License-Identifier: Apache-2.0

//! Selects the input records that are needed to fold a conversation again.
//!
//! - All records that name the conversation, up to the event time and known at the ingestion time.
//! - Of the records that name only a channel session, those whose session an event of this conversation names: they may belong
//!   to it (contract section 7). These sessions are known only at the end, so the records are taken in a second pass.
//! - A session belongs to the first conversation that is seen with it. So the second pass also takes the events of *other*
//!   conversations that name one of these sessions, and the fold decides which came first.
//!
//! The second pass is needed only if some event names nothing but one of these sessions. To know that, the first pass keeps one
//! number per session that came alone: events of other conversations are never kept in memory.
//!
//! The topics of *other* conversations (one topic each) are not read, because that would be too expensive. A session that first
//! came with another conversation, and only in that one's own topic, is therefore assigned to this conversation.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Context;
use engine::{NoHeaders, SourceRecord};
use model::{Event, Home, Limits};

use super::erased::Came;
use crate::render::text::{count, time};

/// The events to include.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Events up to this time, in epoch milliseconds.
    pub event_time: i64,
    /// Records ingested up to this time; `None` for all.
    pub known_at: Option<i64>,
}

/// A record's position in the fold's order.
pub type FoldOrder = (i64, usize, i64);

/// One record of a source.
pub struct OrderedRecord<'r> {
    /// The record.
    pub record: SourceRecord<'r>,
    /// Its position in the fold's order.
    pub place: FoldOrder,
}

/// A record that is kept for the fold.
#[derive(Debug)]
pub struct SelectedRecord {
    place: FoldOrder,
    topic: String,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    value: Vec<u8>,
    conversation: Option<String>,
}

impl SelectedRecord {
    fn of(found: &OrderedRecord<'_>, value: &[u8]) -> Self {
        let record = &found.record;
        Self {
            place: found.place,
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            value: value.to_owned(),
            conversation: record.conversation.map(str::to_owned),
        }
    }

    /// The record for the task. Keys and headers are used only in dead letters, which are not shown here.
    pub fn record(&self) -> SourceRecord<'_> {
        SourceRecord {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: None,
            value: Some(&self.value),
            headers: &NoHeaders,
            conversation: self.conversation.as_deref(),
        }
    }
}

/// What was seen of a conversation, included or not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outline {
    records: u64,
    events: i64,
    counted: i64,
    first_at: Option<i64>,
    first_known_at: Option<i64>,
}

impl Outline {
    /// Why there is nothing to show.
    pub fn not_there(&self, conversation: &str, window: Window) -> String {
        let known = window.known_at.map(|ms| format!(" as known at {}", time(ms))).unwrap_or_default();
        let when = format!("{}{known}", time(window.event_time));
        if self.events == 0 {
            return format!(
                "no event names conversation {conversation:?} ({} records were read)",
                self.records
            );
        }
        let begun = self.first_at.map(|ms| format!(", it begins at {}", time(ms))).unwrap_or_default();
        let came =
            self.first_known_at.map(|ms| format!(", the first came at {}", time(ms))).unwrap_or_default();
        let events = count(self.events, "event");
        if self.counted == 0 {
            return format!(
                "conversation {conversation:?} did not exist at {when}: it has {events} by now{begun}{came}"
            );
        }
        format!(
            "conversation {conversation:?} showed nothing at {when}: its {} until then wait for what they change",
            count(self.counted, "event")
        )
    }
}

/// The records that a conversation needs.
pub struct Selection {
    conversation: String,
    window: Window,
    limits: Limits,
    /// Sessions that the conversation's events name.
    sessions: HashSet<String>,
    /// Sessions that came alone, as hashes: a collision only costs a second pass.
    alone: HashSet<u64>,
    kept: Vec<SelectedRecord>,
    outline: Outline,
    /// The customers that the conversation's events name, with the time of the first event.
    customers: BTreeMap<String, Came>,
}

impl Selection {
    /// Creates a selection for this conversation.
    pub fn new(conversation: &str, window: Window, limits: Limits) -> Self {
        Self {
            conversation: conversation.to_owned(),
            window,
            limits,
            sessions: HashSet::new(),
            alone: HashSet::new(),
            kept: Vec::new(),
            outline: Outline::default(),
            customers: BTreeMap::new(),
        }
    }

    /// Takes a record of the first pass.
    ///
    /// # Errors
    /// An ingestion time is given, and the record has none.
    pub fn take(&mut self, found: &OrderedRecord<'_>) -> anyhow::Result<()> {
        self.outline.records += 1;
        let known = self.is_known(&found.record)?;
        let Some(value) = found.record.value else { return Ok(()) };
        let Ok(event) = model::decode(value, found.record.origin(), &self.limits) else { return Ok(()) };
        let counts = known && event.at <= self.window.event_time;
        match event.home() {
            Home::Conversation(id) if id == self.conversation => {
                self.note(&event, found.record.timestamp_ms, counts);
                if counts {
                    self.sessions.extend(event.channel_session_id.as_deref().map(str::to_owned));
                    self.kept.push(SelectedRecord::of(found, value));
                }
            }
            Home::Session(session) if counts => {
                self.alone.insert(hash(session));
            }
            Home::Conversation(_) | Home::Session(_) | Home::Activity(_) => {}
        }
        Ok(())
    }

    fn note(&mut self, event: &Event<'_>, came: Option<i64>, counts: bool) {
        let least = |known: Option<i64>, new: i64| Some(known.map_or(new, |known| known.min(new)));
        let outline = &mut self.outline;
        outline.events += 1;
        outline.counted += i64::from(counts);
        outline.first_at = least(outline.first_at, event.at);
        if let Some(customer) = event.customer_id.as_deref() {
            let first = self.customers.entry(customer.to_owned()).or_insert(came);
            *first = (*first).min(came);
        }
        if let Some(came) = came {
            outline.first_known_at = least(outline.first_known_at, came);
        }
    }

    /// Whether an event named only a session of this conversation.
    pub fn needs_second_look(&self) -> bool {
        self.sessions.iter().any(|session| self.alone.contains(&hash(session)))
    }

    /// Takes a record of the second pass.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_again(&mut self, found: &OrderedRecord<'_>) -> anyhow::Result<()> {
        if !self.is_known(&found.record)? {
            return Ok(());
        }
        let Some(value) = found.record.value else { return Ok(()) };
        let Ok(event) = model::decode(value, found.record.origin(), &self.limits) else { return Ok(()) };
        let is_shared = event.channel_session_id.as_deref().is_some_and(|id| self.sessions.contains(id));
        let is_new = match event.home() {
            Home::Session(_) => true,
            Home::Conversation(id) => id != self.conversation,
            Home::Activity(_) => false,
        };
        if event.at <= self.window.event_time && is_shared && is_new {
            self.kept.push(SelectedRecord::of(found, value));
        }
        Ok(())
    }

    fn is_known(&self, record: &SourceRecord<'_>) -> anyhow::Result<bool> {
        let Some(known_at) = self.window.known_at else { return Ok(true) };
        let came = record.timestamp_ms.with_context(|| {
            format!(
                "the record at {}/{}@{} has no timestamp, so its ingestion time is unknown: leave out --known-at, or give each record \
                 its \"timestamp\"",
                record.topic, record.partition, record.offset
            )
        })?;
        Ok(came <= known_at)
    }

    /// The customers that the conversation's events name, with the time of the first event.
    pub fn customers(&self) -> &BTreeMap<String, Came> {
        &self.customers
    }

    /// What was seen of the conversation.
    pub fn outline(&self) -> Outline {
        self.outline
    }

    /// The records, in the fold's order.
    pub fn into_records(mut self) -> Vec<SelectedRecord> {
        self.kept.sort_by_key(|kept| kept.place);
        self.kept
    }
}

fn hash(session: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    session.hash(&mut hasher);
    hasher.finish()
}
