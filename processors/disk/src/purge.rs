// SPDX-License-Identifier: Apache-2.0

//! When a state was last purged, that is rewritten without deleted data, and whether a purge is requested. Recorded beside the
//! state, so that a request survives the process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lsm_tree::compaction::filter::{CompactionFilter, Context, Factory, ItemAccessor, Verdict};
use xxhash_rust::xxh3::xxh3_64;

const FORMAT: &str = "cx-timelines purge, format 1";
const FILE: &str = "purge";
static WRITING: Mutex<()> = Mutex::new(());
/// The longest time between purges: deletions that a kill made the store miss are purged by then.
pub(crate) const PURGE_EVERY_MS: i64 = 12 * 3600 * 1000;
/// The pause after a purge, as a multiple of its duration: requests accumulate, and purges take a twentieth of the time.
const RESTS: u32 = 19;
const LONGEST_REST: Duration = Duration::from_secs(6 * 3600);
/// The number of records between checks whether to rest.
const RECORDS_BETWEEN_LOOKS: u32 = 256;
/// How long a purge works, and then rests.
const SHIFT: Duration = Duration::from_millis(10);

/// The record on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// When the last completed purge began, in epoch milliseconds; 0 when unknown.
    pub(crate) purged_ms: i64,
    /// When a purge was requested, in epoch milliseconds; 0 without a request.
    pub(crate) wished_ms: i64,
}

impl Record {
    /// Reads the record of a generation. Without a readable record a purge is due.
    pub(crate) fn read(directory: &Path, generation: u64) -> Self {
        let text = fs::read_to_string(directory.join(FILE)).unwrap_or_default();
        parse(&text).filter(|(of, _)| *of == generation).map(|(_, record)| record).unwrap_or_default()
    }

    /// Writes it; after a crash the old or the new one exists.
    pub(crate) fn write(self, directory: &Path, generation: u64) -> io::Result<()> {
        let Self { purged_ms, wished_ms } = self;
        let mut text =
            format!("{FORMAT}\ngeneration={generation}\npurged_ms={purged_ms}\nwished_ms={wished_ms}\n");
        text.push_str(&format!("checksum={:016x}\n", xxh3_64(text.as_bytes())));
        // The writer and the purger of a state, and the one of a state that was wiped, may do so at the same time.
        let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let new = directory.join("purge.new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, directory.join(FILE))?;
        File::open(directory)?.sync_all()
    }

    /// Whether a purge is due without a request.
    pub(crate) fn is_due(self, now_ms: i64) -> bool {
        // A clock that was set back must not delay it for long.
        now_ms.saturating_sub(self.purged_ms) >= PURGE_EVERY_MS || self.purged_ms > now_ms
    }
}

fn parse(text: &str) -> Option<(u64, Record)> {
    let (body, checksum) = text.rsplit_once("checksum=")?;
    let mut lines = body.lines();
    if checksum != format!("{:016x}\n", xxh3_64(body.as_bytes())) || lines.next() != Some(FORMAT) {
        return None;
    }
    let generation = lines.next()?.strip_prefix("generation=")?.parse().ok()?;
    let purged_ms = lines.next()?.strip_prefix("purged_ms=")?.parse().ok()?;
    let wished_ms = lines.next()?.strip_prefix("wished_ms=")?.parse().ok()?;
    Some((generation, Record { purged_ms, wished_ms }))
}

/// The pause after a purge that took this long.
pub(crate) fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(RESTS).min(LONGEST_REST)
}

/// Controls a purge: slow unless it has to hurry, and cancelled when it is not needed.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    is_purge: Arc<AtomicBool>,
    is_hurried: Arc<AtomicBool>,
    is_unwanted: Arc<AtomicBool>,
    /// Whether the process is ending.
    is_stopping: Arc<AtomicBool>,
}

impl Pace {
    pub(crate) fn new(is_stopping: Arc<AtomicBool>) -> Self {
        Self {
            is_purge: Arc::default(),
            is_hurried: Arc::default(),
            is_unwanted: Arc::default(),
            is_stopping,
        }
    }

    pub(crate) fn begin_purge(&self) {
        self.is_hurried.store(false, Ordering::Relaxed);
        self.is_purge.store(true, Ordering::Relaxed);
    }

    pub(crate) fn end_purge(&self) {
        self.is_purge.store(false, Ordering::Relaxed);
    }

    /// Hurries, because others wait for its end.
    pub(crate) fn hurry(&self) {
        self.is_hurried.store(true, Ordering::Relaxed);
    }

    /// Stops, because the state is discarded.
    pub(crate) fn stop(&self) {
        self.is_unwanted.store(true, Ordering::Relaxed);
    }

    /// Whether the purge has to end early.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_unwanted.load(Ordering::Relaxed) || self.is_stopping.load(Ordering::Relaxed)
    }

    /// Delays work that is as slow as a purge.
    pub(crate) fn rests(&self) -> Rests {
        Rests { pace: self.clone(), records: 0, shift_began: Instant::now() }
    }

    /// A factory of filters that control the pace of merges.
    pub(crate) fn factory(&self) -> Arc<dyn Factory> {
        Arc::new(PacerFactory(self.clone()))
    }
}

/// Delays slow work that is not a merge.
pub(crate) struct Rests {
    pace: Pace,
    records: u32,
    shift_began: Instant,
}

impl Rests {
    /// Call it for each record. Rests when it is time to; returns whether to give up.
    pub(crate) fn look(&mut self) -> bool {
        self.records = self.records.wrapping_add(1);
        if !self.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) {
            return false;
        }
        let worked = self.shift_began.elapsed();
        if worked >= SHIFT {
            std::thread::sleep(worked.min(SHIFT * 4));
            self.shift_began = Instant::now();
        }
        self.pace.is_stopped()
    }
}

struct PacerFactory(Pace);

impl Factory for PacerFactory {
    fn name(&self) -> &'static str {
        "pace"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Pacer { pace: self.0.clone(), records: 0, shift_began: Instant::now() })
    }
}

/// Sees each record that a merge writes, and delays the merge.
struct Pacer {
    pace: Pace,
    records: u32,
    shift_began: Instant,
}

impl CompactionFilter for Pacer {
    fn filter_item(&mut self, _: ItemAccessor<'_>, _: &Context) -> lsm_tree::Result<Verdict> {
        self.records = self.records.wrapping_add(1);
        if self.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) && self.pace.is_purge.load(Ordering::Relaxed) {
            self.look()?;
        }
        Ok(Verdict::Keep)
    }
}

impl Pacer {
    fn look(&mut self) -> lsm_tree::Result<()> {
        if self.pace.is_stopped() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the purge is not wanted any more").into());
        }
        let worked = self.shift_began.elapsed();
        if worked >= SHIFT && !self.pace.is_hurried.load(Ordering::Relaxed) {
            std::thread::sleep(worked.min(SHIFT * 4));
            self.shift_began = Instant::now();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_for_its_own_generation_only() {
        let directory = tempfile::tempdir().unwrap();
        let record = Record { purged_ms: 7, wished_ms: 9 };
        assert_eq!(Record::read(directory.path(), 3), Record::default(), "nothing is known");
        record.write(directory.path(), 3).unwrap();
        assert_eq!(Record::read(directory.path(), 3), record);
        assert_eq!(Record::read(directory.path(), 4), Record::default());
    }

    #[test]
    fn of_a_record_that_is_damaged_nothing_is_known_and_a_purge_is_due() {
        let directory = tempfile::tempdir().unwrap();
        Record { purged_ms: 7, wished_ms: 9 }.write(directory.path(), 3).unwrap();
        let whole = fs::read(directory.path().join(FILE)).unwrap();
        for length in 0..whole.len() {
            fs::write(directory.path().join(FILE), &whole[..length]).unwrap();
            let read = Record::read(directory.path(), 3);
            assert_eq!(read, Record::default(), "{length}");
            assert!(read.is_due(1_750_000_000_000));
        }
    }

    #[test]
    fn a_purge_is_due_twice_a_day_and_a_clock_that_went_back_does_not_put_it_off() {
        let record = Record { purged_ms: 1_750_000_000_000, wished_ms: 0 };
        assert!(!record.is_due(record.purged_ms + PURGE_EVERY_MS - 1));
        assert!(record.is_due(record.purged_ms + PURGE_EVERY_MS));
        assert!(record.is_due(record.purged_ms - 1));
    }

    #[test]
    fn purging_takes_a_twentieth_of_the_time_and_never_waits_for_longer_than_a_quarter_of_a_day() {
        assert_eq!(rest_after(Duration::from_secs(1)), Duration::from_secs(19));
        assert_eq!(rest_after(Duration::from_secs(100_000)), Duration::from_secs(6 * 3600));
    }
}
