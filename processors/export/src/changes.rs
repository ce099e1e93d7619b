// SPDX-License-Identifier: Apache-2.0

//! Which rows the versions of a key leave: of what lies in files and what is new. Pure.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::sort::Item;
use crate::spool::FilePosition;

/// Which versions of a record are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Versions {
    /// The newest record of each key.
    Final,
    /// All that the topic has since the last tombstone of the key.
    All,
}

/// A version of a record: of a key the newest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) offset: Reverse<i64>,
    pub(crate) what: What,
}

/// What a version is, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum What {
    /// A row of a day's file, by its number there. Before what is new: the same version may be both.
    InFile { day: i64, row: u64 },
    /// A new row, with its day and time.
    New { day: i64, time_ms: i64, at: FilePosition },
    /// A new record that is not within the selected time.
    Outside,
    /// A new tombstone.
    Tombstone,
}

impl Item for Version {
    fn bytes(&self) -> usize {
        self.key.len()
    }
}

/// A change of a day's file: first the rows that go, then those that come, by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) day: i64,
    pub(crate) edit: Edit,
}

/// What happens to a day's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Edit {
    /// This row of the file goes.
    Remove { row: u64 },
    /// A row is added.
    Add { time_ms: i64, partition: i32, offset: i64, at: FilePosition },
}

impl Item for Change {
    fn bytes(&self) -> usize {
        0
    }
}

/// Decides version by version, each key's in a row.
pub(crate) struct Decisions {
    versions: Versions,
    partition: i32,
    key: String,
    offset: Option<i64>,
    /// Whether older versions of the key are left out.
    is_settled: bool,
    begun: bool,
}

impl Decisions {
    pub(crate) fn new(versions: Versions) -> Self {
        Self { versions, partition: 0, key: String::new(), offset: None, is_settled: false, begun: false }
    }

    /// What the next version changes; `None` when it changes nothing.
    pub(crate) fn take(&mut self, version: Version) -> Option<Change> {
        let Version { partition, key, offset: Reverse(offset), what } = version;
        if !self.begun || partition != self.partition || key != self.key {
            (self.partition, self.key, self.offset) = (partition, key, None);
            (self.is_settled, self.begun) = (false, true);
        }
        // A run that was killed may have written a version whose offset it did not note.
        let is_same = self.offset == Some(offset);
        self.offset = Some(offset);
        let goes = self.is_settled;
        match what {
            What::Tombstone => {
                self.is_settled = true;
                None
            }
            What::Outside => {
                self.is_settled = goes || self.versions == Versions::Final;
                None
            }
            What::InFile { day, row } => {
                self.is_settled = goes || self.versions == Versions::Final;
                goes.then_some(Change { day, edit: Edit::Remove { row } })
            }
            What::New { day, time_ms, at } => {
                self.is_settled = goes || self.versions == Versions::Final;
                let comes = !goes && !is_same;
                comes.then_some(Change { day, edit: Edit::Add { time_ms, partition, offset, at } })
            }
        }
    }
}

/// Sorts the changes of all versions by day.
pub(crate) fn by_day(
    versions: impl Iterator<Item = Result<Version, Error>>,
    which: Versions,
    sorter: &mut crate::sort::Sorter<Change>,
) -> Result<(), Error> {
    let mut decisions = Decisions::new(which);
    for version in versions {
        if let Some(change) = decisions.take(version?) {
            sorter.push(change)?;
        }
    }
    Ok(())
}
