// SPDX-License-Identifier: Apache-2.0

//! What is to be read of a topic: what is new, or all of it.

use std::collections::BTreeMap;

use crate::day::Day;
use crate::error::Error;
use crate::file;
use crate::folder::Folder;
use crate::manifest::TopicState;
use crate::table::Table;

/// A partition, with its records when the export began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The partition.
    pub partition: i32,
    /// The first available offset.
    pub first: i64,
    /// The offset after the last record.
    pub end: i64,
}

/// Why a topic is read from its beginning, and all its files are written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// It was not exported before.
    First,
    /// The file of this day is missing.
    Missing(Day),
    /// The last export is so long ago that Kafka may have removed tombstones since.
    LongAgo,
    /// Records of this partition are gone that were not read, or it was created again.
    Gone(i32),
}

/// What is to be read of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Why it is read whole; `None`: only what is new.
    pub whole: Option<Whole>,
    /// What to read of each partition: `first` is where to begin.
    pub extents: Vec<Extent>,
    pub(crate) read_at_ms: i64,
}

impl Plan {
    /// What is to be read of a topic. `now_ms` is the time just before the ends of the partitions were fetched, `kept_ms` how long
    /// the topic keeps tombstones (`delete.retention.ms`).
    ///
    /// # Errors
    /// It was exported with another version of its schema.
    pub fn of(
        folder: &Folder,
        topic: &str,
        table: &Table,
        extents: Vec<Extent>,
        now_ms: i64,
        kept_ms: i64,
    ) -> Result<Self, Error> {
        let state = folder.manifest.topics.get(topic);
        let whole = match state {
            None | Some(TopicState { read_at_ms: None, .. }) => Some(Whole::First),
            Some(state) => why_whole(folder, topic, state, &extents, now_ms, kept_ms),
        };
        let next = match (&whole, state) {
            (None, Some(state)) if state.schema != table.header() => {
                return Err(Error::Schema {
                    folder: folder.of_topic(topic),
                    found: state.schema.clone(),
                    expected: table.header().to_owned(),
                });
            }
            (None, Some(state)) => state.next.clone(),
            _ => BTreeMap::new(),
        };
        let from = |extent: Extent| {
            let next = next.get(&extent.partition).copied().unwrap_or(extent.first);
            Extent { first: next.max(extent.first), ..extent }
        };
        Ok(Self { whole, extents: extents.into_iter().map(from).collect(), read_at_ms: now_ms })
    }
}

fn why_whole(
    folder: &Folder,
    topic: &str,
    state: &TopicState,
    extents: &[Extent],
    now_ms: i64,
    kept_ms: i64,
) -> Option<Whole> {
    let of_topic = folder.of_topic(topic);
    if let Some(day) = state.days.keys().find(|day| !file::of_day(&of_topic, **day).exists()) {
        return Some(Whole::Missing(*day));
    }
    // A part of the time is left for the reading itself. A clock that went back says nothing.
    let since = now_ms.saturating_sub(state.read_at_ms.unwrap_or_default());
    if !(0..=kept_ms - kept_ms / 8).contains(&since) {
        return Some(Whole::LongAgo);
    }
    let gone = state.next.iter().find(|(partition, next)| {
        let extent = extents.iter().find(|extent| extent.partition == **partition);
        extent.is_none_or(|extent| extent.first > **next || extent.end < **next)
    });
    gone.map(|(partition, _)| Whole::Gone(*partition))
}
