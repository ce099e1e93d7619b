// SPDX-License-Identifier: Apache-2.0

//! State of a conversation between commits: the progress of its scan.

use engine::ProcessError;
use model::Order;
use serde::{Deserialize, Serialize};

use crate::scan::{ActivityFigures, Derived, Entry, Scan, Standing};
use crate::stored::behind;
use crate::watches::{AlertSettings, Late, Span, Watch};

/// Format version; the first byte. Another version is rejected, and the state is rebuilt.
const VERSION: u8 = 3;

/// Number of entries between checkpoints. A shorter conversation is scanned from the start when an event arrives late; a longer
/// one from a checkpoint, so a late event costs no more in it.
const CHECKPOINT_EVERY: u64 = 128;

/// A conversation up to its last entry.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Progress {
    head: Head,
    /// The scan after the last entry.
    pub(crate) scan: Scan,
    /// The spans that run after it.
    pub(super) watch: Watch,
    /// Number of records that hold it besides the one at its own key.
    parts: u32,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Head {
    last_at: i64,
    last_rank: u8,
    last_id: Box<str>,
    figures: ActivityFigures,
    first_at: Option<i64>,
    /// Number of scanned entries.
    scanned: u64,
    /// Whether the order of all entries is stored.
    is_ordered: bool,
    /// Total time in all stages so far.
    staged_ms: i64,
}

impl Progress {
    /// Parses the progress; `None` is a conversation without entries.
    pub(crate) fn read(key: &[u8], bytes: Option<&[u8]>) -> Result<Option<Self>, ProcessError> {
        let Some(bytes) = bytes else { return Ok(None) };
        let read = || {
            let (version, rest) = bytes.split_first().ok_or("it has no bytes")?;
            if *version != VERSION {
                return Err(format!("version {version} of the form, not {VERSION}"));
            }
            let (head, rest) = postcard::take_from_bytes(rest).map_err(|problem| problem.to_string())?;
            let (watch, scan) = postcard::take_from_bytes(rest).map_err(|problem| problem.to_string())?;
            Ok(Self { head, scan: Scan::read(scan)?, watch, parts: 0 })
        };
        read().map(Some).map_err(|problem| corrupt(key, problem))
    }

    /// Serializes the progress.
    pub(super) fn write(&self, key: &[u8]) -> Result<Vec<u8>, ProcessError> {
        let write = || {
            let bytes = behind(VERSION, &self.head).map_err(|problem| problem.to_string())?;
            let mut bytes = postcard::to_extend(&self.watch, bytes).map_err(|problem| problem.to_string())?;
            bytes.extend_from_slice(&self.scan.write()?);
            Ok(bytes)
        };
        write().map_err(|problem| corrupt(key, problem))
    }

    /// Contributions of the conversation's activities to its summary.
    pub(crate) fn figures(&self) -> ActivityFigures {
        self.head.figures
    }

    /// The spans that run now.
    pub(crate) fn standing(&self, settings: &AlertSettings) -> Vec<Span> {
        // In a private room no customer waits.
        if self.scan.is_private() {
            return Vec::new();
        }
        self.watch.standing(self.last(), settings)
    }

    pub(super) fn set_figures(&mut self, figures: ActivityFigures) {
        self.head.figures = figures;
    }

    /// The position of the last entry; `None` before the first.
    pub(super) fn last(&self) -> Option<Order<'_>> {
        self.head.first_at.map(|_| (self.head.last_at, self.head.last_rank, &*self.head.last_id))
    }

    /// Whether the conversation is long enough to store its order and checkpoints.
    pub(super) fn is_long(&self) -> bool {
        self.head.scanned >= CHECKPOINT_EVERY
    }

    /// Whether a checkpoint is due here. The larger the scan, the fewer checkpoints there are, so that all of them together are
    /// not larger than the entries.
    pub(super) fn is_at_checkpoint(&self) -> bool {
        let scanned = self.head.scanned;
        scanned.is_multiple_of(CHECKPOINT_EVERY)
            && scanned.is_multiple_of(self.scan.holds().next_power_of_two())
    }

    /// Number of records that hold it besides the one at its own key.
    pub(super) fn parts(&self) -> u32 {
        self.parts
    }

    pub(super) fn set_parts(&mut self, parts: u32) {
        self.parts = parts;
    }

    /// Whether the order of all entries is stored.
    pub(super) fn is_ordered(&self) -> bool {
        self.head.is_ordered
    }

    pub(super) fn set_ordered(&mut self, is_ordered: bool) {
        self.head.is_ordered = is_ordered;
    }

    /// Whether an entry comes after all scanned ones.
    pub(super) fn is_before(&self, order: Order<'_>) -> bool {
        self.last().is_none_or(|last| last < order)
    }

    /// Records a scanned entry. Spans that it ended too late go to `late`.
    pub(super) fn passed(
        &mut self,
        entry: &Entry<'_>,
        (standing, derived): (Standing, &Derived),
        alerts: &AlertSettings,
        late: &mut Late<'_>,
    ) {
        let last = self.head.first_at.map(|_| (self.head.last_at, self.head.last_rank, &*self.head.last_id));
        self.watch.apply(entry, (standing, derived, &self.scan), last, alerts, late);
        let head = &mut self.head;
        match head.first_at {
            None => head.first_at = Some(entry.at),
            // Between the previous entry and this one the conversation was in one stage.
            Some(_) => head.staged_ms += entry.at - head.last_at,
        }
        debug_assert!(derived.elapsed_ms >= 0, "an entry before the first one");
        head.last_at = entry.at;
        head.last_rank = entry.rank();
        head.last_id = entry.id.into();
        head.scanned += 1;
    }

    /// Whether the stages cover the conversation's time without gaps or overlaps.
    pub(super) fn stages_tile(&self) -> bool {
        self.head.first_at.is_none_or(|first| self.head.staged_ms == self.head.last_at - first)
    }
}

pub(super) fn corrupt(key: &[u8], problem: String) -> ProcessError {
    ProcessError::Corrupt { processor: super::NAME, key: String::from_utf8_lossy(key).into_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_reads_back_and_another_version_is_refused() {
        let mut progress = Progress::default();
        progress.head.last_id = "e".into();
        progress.head.first_at = Some(7);
        let mut bytes = progress.write(b"c").unwrap();
        assert_eq!(Progress::read(b"c", Some(&bytes)).unwrap(), Some(progress));
        bytes[0] = 2;
        assert!(Progress::read(b"c", Some(&bytes)).is_err());
    }
}
