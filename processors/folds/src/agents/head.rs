// SPDX-License-Identifier: Apache-2.0

//! State of an agent: the current values, and the changes in pages of one day each.

use std::borrow::Cow;
use std::cmp::Ordering;

use model::{AgentNews, MrdState};
use serde::{Deserialize, Serialize};

use super::change::{Change, Spans};
use crate::stored::behind;

/// Version of the formats; the first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 1;

/// The current values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The days with changes, in order, and their number of changes.
    pub(super) days: Vec<(i64, u64)>,
    pub(super) last: Change,
    pub(super) shown: Shown,
    /// The last change that has left. Its span extends to the first one that is kept.
    pub(super) left: Option<Change>,
    /// Changes of spans that are not emitted yet.
    pub(super) spans: Spans,
}

/// The record's fields besides the last change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    published_at: Option<i64>,
    pub(super) name: Option<Box<str>>,
    pub(super) login_at: Option<i64>,
    mrds: Vec<StoredMrd>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredMrd {
    id: Option<Box<str>>,
    name: Option<Box<str>>,
    state: Option<Box<str>>,
    since: Option<i64>,
}

impl Head {
    pub(super) fn new(change: Change, news: &AgentNews<'_>) -> Self {
        Self { days: Vec::new(), last: change, shown: Shown::of(news), left: None, spans: Spans::default() }
    }

    /// Number of stored changes.
    pub(super) fn kept(&self) -> u64 {
        self.days.iter().map(|(_, count)| count).sum()
    }

    /// Sets the number of changes of a day.
    pub(super) fn set_count(&mut self, day: i64, count: u64) {
        match self.days.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(at) if count == 0 => {
                self.days.remove(at);
            }
            Ok(at) => {
                if let Some(known) = self.days.get_mut(at) {
                    known.1 = count;
                }
            }
            Err(at) => self.days.insert(at, (day, count)),
        }
    }

    /// The days with changes before and after a day.
    pub(super) fn around(&self, day: i64) -> (Option<i64>, Option<i64>) {
        let before = self.days.iter().rev().map(|(day, _)| *day).find(|other| *other < day);
        let behind = self.days.iter().map(|(day, _)| *day).find(|other| *other > day);
        (before, behind)
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        read(bytes)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }
}

impl Shown {
    pub(super) fn of(news: &AgentNews<'_>) -> Self {
        let boxed = |text: &Option<Cow<'_, str>>| text.as_deref().map(Box::from);
        let mrd = |mrd: &MrdState<'_>| StoredMrd {
            id: boxed(&mrd.id),
            name: boxed(&mrd.name),
            state: boxed(&mrd.state),
            since: mrd.since,
        };
        Self {
            published_at: news.published_at,
            name: boxed(&news.name),
            login_at: news.login_at,
            mrds: news.mrds.iter().map(mrd).collect(),
        }
    }

    pub(super) fn mrds(&self) -> Vec<MrdState<'_>> {
        self.mrds.iter().map(StoredMrd::to_model).collect()
    }

    /// Of several records of one change, the one published last counts; of equal ones the one with the greater text.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        self.published_at.cmp(&other.published_at).then_with(|| self.text().cmp(&other.text()))
    }

    fn text(&self) -> String {
        // Serializing text and numbers into memory cannot fail.
        serde_json::to_string(&(self.mrds(), self.login_at, self.name.as_deref())).unwrap_or_default()
    }
}

impl StoredMrd {
    fn to_model(&self) -> MrdState<'_> {
        MrdState {
            id: self.id.as_deref().map(Cow::Borrowed),
            name: self.name.as_deref().map(Cow::Borrowed),
            state: self.state.as_deref().map(Cow::Borrowed),
            since: self.since,
        }
    }
}

/// The changes of a day, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Day(pub(super) Vec<Change>);

impl Day {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        read(bytes)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        // Serializing plain data into memory cannot fail.
        behind(VERSION, self).unwrap_or_default()
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, String> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|problem| problem.to_string()),
        Some((version, _)) => Err(format!("version {version} of the form, not {VERSION}")),
        None => Err("it has no bytes".to_owned()),
    }
}
