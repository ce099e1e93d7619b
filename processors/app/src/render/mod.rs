// SPDX-License-Identifier: Apache-2.0

//! A conversation as stored in the topics, and its text form: shared by `tail`, `show` and `as-of`.

pub mod activity;
mod body;
pub mod entry;
#[cfg(test)]
pub mod example;
pub mod known;
pub mod lines;
mod summary;
#[cfg(test)]
mod tests;
pub mod text;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use anyhow::anyhow;
use model::{Activity, Category, ConversationSummary, Stage, TimelineEntry};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use self::entry::{LineStyle, People};
use self::known::Known;
use crate::config::Config;
use crate::no_json;

/// The topics with records of conversations; `None` where topics.yaml has no such processor.
#[derive(Debug, Clone, Copy)]
pub struct Products<'c> {
    /// Summaries.
    pub conversations: Option<&'c str>,
    /// Entries of timelines.
    pub timelines: Option<&'c str>,
    /// Activities.
    pub activities: Option<&'c str>,
}

/// The type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// A summary.
    Summary,
    /// An entry of a timeline.
    Entry,
    /// An activity.
    Activity,
}

impl<'c> Products<'c> {
    /// The topics of a configuration.
    pub fn of(config: &'c Config) -> Self {
        let written_by = |name: &str| {
            let spec = config.processors.iter().find(|spec| spec.name == name)?;
            spec.writes.first().map(String::as_str)
        };
        Self {
            conversations: written_by(folds::conversations::NAME),
            timelines: written_by(folds::timelines::NAME),
            activities: written_by(folds::activities::NAME),
        }
    }

    /// The topics, with the type of their records.
    pub fn topics(&self) -> impl Iterator<Item = (&'c str, Product)> {
        let all = [
            (self.conversations, Product::Summary),
            (self.timelines, Product::Entry),
            (self.activities, Product::Activity),
        ];
        all.into_iter().filter_map(|(topic, product)| Some((topic?, product)))
    }

    /// The error when no topic has records of conversations.
    pub fn missing() -> anyhow::Error {
        anyhow::anyhow!(
            "topics.yaml declares none of the processors {}, {} and {}: there is nothing to show of a conversation",
            folds::conversations::NAME,
            folds::timelines::NAME,
            folds::activities::NAME
        )
    }

    /// The type of a topic's records; `None` for other topics.
    pub fn product(&self, topic: &str) -> Option<Product> {
        self.topics().find(|(name, _)| *name == topic).map(|(_, product)| product)
    }
}

impl Product {
    /// Whether a record with this key belongs to the conversation (contract sections 3 to 5).
    pub fn is_of(self, conversation: &str, key: &[u8]) -> bool {
        match self {
            Product::Summary => key == conversation.as_bytes(),
            Product::Entry | Product::Activity => {
                let rest = key.strip_prefix(model::escape(conversation).as_bytes());
                rest.is_some_and(|rest| rest.starts_with(b"/"))
            }
        }
    }
}

type Records = BTreeMap<Vec<u8>, Box<RawValue>>;

/// One conversation: the latest record of each of its keys.
#[derive(Debug)]
pub struct Conversation {
    id: String,
    summaries: Records,
    entries: Records,
    activities: Records,
}

/// The output of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonOutput<'a> {
    conversation_id: &'a str,
    summary: Option<&'a RawValue>,
    timeline: Vec<&'a RawValue>,
    activities: Vec<&'a RawValue>,
}

impl Conversation {
    /// An empty conversation.
    pub fn new(id: &str) -> Self {
        let (summaries, entries, activities) = (Records::new(), Records::new(), Records::new());
        Self { id: id.to_owned(), summaries, entries, activities }
    }

    /// Takes a record of this conversation: the newest of a key counts, a tombstone removes it.
    ///
    /// # Errors
    /// The value is not JSON.
    pub fn take(&mut self, product: Product, key: &[u8], value: Option<&[u8]>) -> anyhow::Result<()> {
        if !product.is_of(&self.id, key) {
            return Ok(());
        }
        let records = match product {
            Product::Summary => &mut self.summaries,
            Product::Entry => &mut self.entries,
            Product::Activity => &mut self.activities,
        };
        match value {
            None => records.remove(key),
            Some(value) => {
                let value = serde_json::from_slice(value).map_err(|error| not_ours(key, &error))?;
                records.insert(key.to_vec(), value)
            }
        };
        Ok(())
    }

    /// Whether it has no records.
    pub fn is_empty(&self) -> bool {
        self.summaries.is_empty() && self.entries.is_empty() && self.activities.is_empty()
    }

    /// Writes it as one JSON object: the unchanged records, the timeline and the activities in their order.
    ///
    /// # Errors
    /// A record violates the contract, or `out` is closed.
    pub fn write_json(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let entries = self.timeline()?;
        let activities = self.activities()?;
        let whole = JsonOutput {
            conversation_id: &self.id,
            summary: self.summaries.values().next().map(AsRef::as_ref),
            timeline: entries.iter().map(|(_, raw)| *raw).collect(),
            activities: activities.iter().map(|(_, raw)| *raw).collect(),
        };
        // Written in one go: serde_json's own error would hide that the reader of a pipe has gone.
        let mut line = serde_json::to_vec(&whole)?;
        line.push(b'\n');
        Ok(out.write_all(&line)?)
    }

    /// Writes it as text.
    ///
    /// # Errors
    /// A record violates the contract, or `out` is closed.
    pub fn write_page(&self, out: &mut dyn Write, width: Option<usize>) -> anyhow::Result<()> {
        let summary: Option<ConversationSummary<'_>> =
            self.summaries.iter().next().map(|(key, raw)| parsed(key, raw)).transpose()?;
        let entries = self.timeline()?;
        let activities = self.activities()?;
        let people = people(summary.as_ref(), &entries, &activities);
        writeln!(out, "conversation {}", text::safe(&self.id, 200))?;
        let said = summary.as_ref().map(|summary| summary::lines(summary, &people));
        for line in said.unwrap_or_else(|| vec!["  no summary yet".to_owned()]) {
            writeln!(out, "{line}")?;
        }
        let known: HashMap<&str, Known> =
            activities.iter().map(|(activity, _)| (&*activity.activity_id, Known::of(activity))).collect();
        writeln!(out, "\ntimeline, {}", counted(entries.len(), "entry", "entries"))?;
        let look = LineStyle { width, ..LineStyle::default() };
        for (entry, _) in &entries {
            let known = entry.activity_id.as_deref().and_then(|id| known.get(id));
            writeln!(out, "{}", entry::line(entry, known, &people, look))?;
        }
        writeln!(out, "\n{}", counted(activities.len(), "activity", "activities"))?;
        for (activity, _) in &activities {
            activity::lines(activity).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(())
    }

    /// The entries, in the total order (contract section 0).
    fn timeline(&self) -> anyhow::Result<Vec<(TimelineEntry<'static>, &RawValue)>> {
        let mut entries: Vec<(TimelineEntry<'_>, &RawValue)> = all(&self.entries)?;
        entries.sort_by(|(a, _), (b, _)| (a.at, rank(a), &a.entry_id).cmp(&(b.at, rank(b), &b.entry_id)));
        Ok(entries)
    }

    /// The activities, by time, then by id.
    fn activities(&self) -> anyhow::Result<Vec<(Activity<'static>, &RawValue)>> {
        let mut activities: Vec<(Activity<'_>, &RawValue)> = all(&self.activities)?;
        activities
            .sort_by(|(a, _), (b, _)| (a.occurred_at, &a.activity_id).cmp(&(b.occurred_at, &b.activity_id)));
        Ok(activities)
    }
}

/// An entry's rank within one millisecond (contract section 0), as far as an entry shows it: the event name, and for a state change
/// only whether the conversation is closed.
fn rank(entry: &TimelineEntry<'_>) -> u8 {
    let is_close = entry.category == Category::Conversation && entry.stage == Stage::Closed;
    model::rank(&entry.name, is_close.then_some("CLOSED"), None)
}

fn all<T: DeserializeOwned>(records: &Records) -> anyhow::Result<Vec<(T, &RawValue)>> {
    records.iter().map(|(key, raw)| Ok((parsed(key, raw)?, raw.as_ref()))).collect()
}

fn parsed<T: DeserializeOwned>(key: &[u8], raw: &RawValue) -> anyhow::Result<T> {
    serde_json::from_str(raw.get()).map_err(|error| not_ours(key, &error))
}

fn not_ours(key: &[u8], error: &serde_json::Error) -> anyhow::Error {
    let key = String::from_utf8_lossy(key);
    anyhow!(
        "the record of key {key:?} is not as cx-timelines writes it; does something else write this topic? {}",
        no_json::place(error)
    )
}

fn people(
    summary: Option<&ConversationSummary<'_>>,
    entries: &[(TimelineEntry<'_>, &RawValue)],
    activities: &[(Activity<'_>, &RawValue)],
) -> People {
    let mut people = People::default();
    activities.iter().for_each(|(activity, _)| people.meet(activity.actor.as_ref()));
    entries.iter().for_each(|(entry, _)| people.meet(entry.actor.as_ref()));
    for stay in summary.map(|summary| summary.agents.as_slice()).unwrap_or_default() {
        if let Some(name) = &stay.name {
            people.name(&stay.agent_id, name);
        }
    }
    people
}

fn counted(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// The terminal's width; `None` when standard output is no terminal.
pub fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0))
}

/// Prints a conversation, as JSON or text.
///
/// # Errors
/// A record violates the contract, or standard output is closed.
pub fn print(conversation: &Conversation, json: bool) -> anyhow::Result<()> {
    if json {
        let mut out = std::io::stdout().lock();
        conversation.write_json(&mut out)?;
        return Ok(out.flush()?);
    }
    let mut out = anstream::stdout().lock();
    conversation.write_page(&mut out, terminal_width())?;
    Ok(out.flush()?)
}
