// SPDX-License-Identifier: Apache-2.0

//! Sorted tables on disk, through the table library.
//!
//! Each run is written completely and becomes visible by one atomic switch of the file `current`, after everything is
//! synchronised. Blocks carry checksums, which the library verifies on every read from disk.

use std::fs;
use std::io::ErrorKind;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use lsm_tree::compaction::Leveled;
use lsm_tree::config::{CompressionPolicy, PinningPolicy};
use lsm_tree::{
    AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, Guard, SeqNo,
    SequenceNumberCounter, Slice,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::buffer::Buffer;
use crate::counts::{Counters, count};
use crate::error::{Failure, guarded};
use crate::filter::Filter;
use crate::hashed::{Hashed, Seed};
use crate::meta::Meta;
use crate::purge::Pace;

/// The key of the meta record. No key of a state is stored under it: see [`stored`].
const META: &[u8] = &[0, 1];
/// A table holds keys of up to 65,535 bytes; [`stored`] may add one.
const _: () = assert!(engine::KEY_BYTES_MAX < u16::MAX as usize);
/// The approximate size of a table. Small tables keep merges short; 10 GiB are still only about 1,300 files.
const TABLE_BYTES: u64 = 8 * 1024 * 1024;
/// The number of runs that are merged at a time.
const RUNS_TO_MERGE: u8 = 4;
const LEVELS: usize = 7;

/// The stored form of a state's key. Keys that begin with a zero byte get another one in front: so the meta record has room, no
/// key is empty, and the order is kept.
fn stored(key: &[u8]) -> Slice {
    match key.first() {
        Some(1..) => Slice::from(key),
        Some(0) | None => Slice::from([&[0], key].concat()),
    }
}

/// The state's key of a stored key.
fn unstored(key: &[u8]) -> &[u8] {
    key.strip_prefix(&[0]).unwrap_or(key)
}

/// What all tables of a process share: memory and file handles.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) cache: Arc<Cache>,
    pub(crate) files: Arc<DescriptorTable>,
    /// Whether the process is ending, so that merges may stop.
    pub(crate) is_stopping: Arc<AtomicBool>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) seed: Seed,
}

/// The filters of a state's tables.
#[derive(Default)]
struct Filters {
    /// Complete; none until one is built of tables that were found.
    serving: Option<Arc<Filter>>,
    building: Option<Arc<Filter>>,
    is_building: bool,
}

/// The tables of one state.
pub(crate) struct Tables {
    tree: AnyTree,
    seqno: SequenceNumberCounter,
    path: PathBuf,
    pub(crate) pace: Pace,
    pub(crate) counters: Arc<Counters>,
    seed: Seed,
    filters: RwLock<Filters>,
}

impl Tables {
    /// Opens a directory with tables.
    pub(crate) fn open(path: &Path, shared: &Shared) -> Result<Self, Failure> {
        // The library would create a missing list of tables.
        check_manifest(path)?;
        Self::opened(path, shared)
    }

    /// Creates a directory without tables, whose filter may take so many bytes.
    pub(crate) fn create(path: &Path, shared: &Shared, filter_bytes: usize) -> Result<Self, Failure> {
        let mut created = Self::opened(path, shared)?;
        let filters = created.filters.get_mut().unwrap_or_else(PoisonError::into_inner);
        filters.serving = Some(Arc::new(Filter::new(created.seed, 0, filter_bytes)));
        Ok(created)
    }

    fn opened(path: &Path, shared: &Shared) -> Result<Self, Failure> {
        let seqno = SequenceNumberCounter::default();
        let pace = Pace::new(Arc::clone(&shared.is_stopping));
        let tree = guarded(|| Ok(config(path, &seqno, shared, &pace).open()?))?;
        seqno.fetch_max(tree.get_highest_seqno().map_or(0, |seqno| seqno + 1));
        let counters = Arc::clone(&shared.counters);
        let (seed, filters) = (shared.seed, RwLock::default());
        Ok(Self { tree, seqno, path: path.to_owned(), pace, counters, seed, filters })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Slice>, Failure> {
        let found = guarded(|| match key.first() {
            Some(1..) => Ok(self.tree.get(key, SeqNo::MAX)?),
            Some(0) | None => Ok(self.tree.get(stored(key), SeqNo::MAX)?),
        })?;
        count(if found.is_some() { &self.counters.found } else { &self.counters.absent }, 1);
        Ok(found)
    }

    /// The metadata of the last run.
    pub(crate) fn meta(&self) -> Result<Option<Meta>, Failure> {
        let stored = guarded(|| Ok(self.tree.get(META, SeqNo::MAX)?))?;
        let damaged = || Failure::Corrupt("the record of how far the state is cannot be read".into());
        stored.map(|bytes| Meta::decode(&bytes).ok_or_else(damaged)).transpose()
    }

    /// The records under a prefix, from a key on, in key order.
    pub(crate) fn under(&self, prefix: &[u8], from: Bound<&[u8]>) -> Result<Records, Failure> {
        count(&self.counters.table_scans, 1);
        let range = (from.map(stored), end_of(&stored(prefix)));
        let inner = guarded(|| Ok(self.tree.range(range, SeqNo::MAX, None)))?;
        Ok(Records(Box::new(inner)))
    }

    /// Whether the tables may have a key; always, if that is not known.
    pub(crate) fn may_have(&self, key: Hashed<'_>) -> bool {
        self.filters().serving.as_ref().is_none_or(|filter| filter.may_have(key.hash))
    }

    /// Whether the tables may have a key with this prefix.
    pub(crate) fn may_have_under(&self, prefix: &[u8]) -> bool {
        self.filters().serving.as_ref().is_none_or(|filter| filter.may_have_under(prefix))
    }

    fn filters(&self) -> RwLockReadGuard<'_, Filters> {
        // Nothing that can panic runs under this lock.
        self.filters.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a filter has to be built, of at most this many bytes; then for how many items. The caller builds it.
    pub(crate) fn begin_filter(&self, records: u64, most_bytes: usize) -> Option<usize> {
        let mut filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
        let items = match &filters.serving {
            Some(filter) => filter.outgrown(most_bytes),
            None => Some(usize::try_from(records).unwrap_or(usize::MAX).saturating_mul(2)),
        };
        let begins = items.filter(|_| !filters.is_building);
        filters.is_building |= begins.is_some();
        begins
    }

    /// Builds a filter, slowly. After an error the tables are read without one: whatever damage it met, reads will meet too.
    pub(crate) fn build_filter(&self, items: usize, most_bytes: usize) -> Result<(), Failure> {
        let filter = Arc::new(Filter::new(self.seed, items, most_bytes));
        {
            let mut filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
            // Two that are too large together: reads do without one meanwhile.
            filters.serving = filters.serving.take().filter(|old| old.bytes() + filter.bytes() <= most_bytes);
            // From here on, writers add to it what the scan does not see.
            filters.building = Some(Arc::clone(&filter));
        }
        let is_complete = self.add_all(&filter);
        let mut filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
        filters.building = None;
        if is_complete? {
            filters.serving = Some(filter);
            filters.is_building = false;
        }
        Ok(())
    }

    /// Adds all keys; returns whether these were all: it ends early when cancelled.
    fn add_all(&self, filter: &Filter) -> Result<bool, Failure> {
        let mut records = self.under(&[], Bound::Included(&[]))?;
        let mut adding = filter.adding();
        let mut rest = self.pace.rests();
        while let Some(record) = records.next()? {
            adding.add(record.key());
            if rest.look() {
                return Ok(false);
            }
        }
        filter.is_built();
        Ok(true)
    }

    /// Writes a run: all changes of a buffer and the meta record, atomically. They are on disk when it returns.
    pub(crate) fn write(&self, buffer: &Buffer, meta: &Meta) -> Result<(), Failure> {
        guarded(|| {
            let mut run = self.tree.ingestion()?;
            let mut meta = Some(meta.encode());
            let (mut records, mut bytes) = (0, 0);
            for (key, value) in buffer.to_write() {
                let key = stored(key);
                records += 1;
                bytes += key.len() + value.map_or(0, <[u8]>::len);
                if *key > *META
                    && let Some(meta) = meta.take()
                {
                    run.write(META, meta)?;
                }
                match value {
                    Some(value) => run.write(key, value)?,
                    None => run.write_tombstone(key)?,
                }
            }
            if let Some(meta) = meta.take() {
                run.write(META, meta)?;
            }
            run.finish()?;
            count(&self.counters.written, records);
            count(&self.counters.written_bytes, bytes as u64);
            Ok(())
        })?;
        // After the run is visible: a filter that is being built either sees it or is given it here. The store reads these keys
        // from the buffer until then.
        let filters = self.filters();
        for filter in [&filters.serving, &filters.building].into_iter().flatten() {
            let mut adding = filter.adding();
            buffer.additions().for_each(|key| adding.add(key));
        }
        drop(filters);
        self.forget_old_versions()
    }

    /// Runs one due merge. Returns whether more may be due.
    pub(crate) fn merge(&self) -> Result<bool, Failure> {
        let before = self.shape();
        let strategy =
            Leveled::default().with_l0_threshold(RUNS_TO_MERGE).with_table_target_size(TABLE_BYTES);
        // Old states are never read, so only the newest value of each key is kept.
        guarded(|| Ok(self.tree.compact(Arc::new(strategy), self.seqno.get())?))?;
        self.forget_old_versions()?;
        Ok(self.shape() != before)
    }

    /// Merges all tables, so that no deleted or replaced value is left. Returns whether it is finished: it ends early when
    /// cancelled.
    pub(crate) fn merge_all(&self) -> Result<bool, Failure> {
        self.pace.begin_purge();
        let merged = guarded(|| Ok(self.tree.major_compact(TABLE_BYTES, self.seqno.get())?));
        self.pace.end_purge();
        if merged.is_err() && self.pace.is_stopped() {
            return Ok(false);
        }
        merged?;
        self.forget_old_versions()?;
        Ok(true)
    }

    /// Runs that are not merged yet; each makes reads slower.
    pub(crate) fn runs(&self) -> usize {
        self.tree.l0_run_count()
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.tree.disk_space()
    }

    /// Drops tables that have been merged; the library keeps them for readers of old states.
    fn forget_old_versions(&self) -> Result<(), Failure> {
        guarded(|| Ok(self.tree.get_version_history_lock().maintenance(&self.path, self.seqno.get())?))
    }

    /// Changes with every step of a merge.
    fn shape(&self) -> ([Option<usize>; LEVELS], u64) {
        (std::array::from_fn(|level| self.tree.level_table_count(level)), self.tree.disk_space())
    }
}

/// Records in key order.
pub(crate) struct Records(Box<dyn Iterator<Item = lsm_tree::IterGuardImpl> + Send>);

impl Records {
    /// The next record. None follow an error.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Failure> {
        loop {
            let next = guarded(|| Ok(self.0.next().map(Guard::into_inner).transpose()?))?;
            match next {
                Some((key, _)) if *key == *META => {}
                next => return Ok(next.map(|(key, value)| Record { key, value })),
            }
        }
    }
}

/// The end of a prefix's keys.
fn end_of(prefix: &[u8]) -> Bound<Slice> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX);
    let end = last.and_then(|last| prefix.get(..=last)).map(<[u8]>::to_vec).and_then(|mut end| {
        *end.last_mut()? += 1;
        Some(end)
    });
    match end {
        // The empty prefix is stored as a zero byte, and has all keys.
        Some(end) if prefix != [0] => Bound::Excluded(end.into()),
        _ => Bound::Unbounded,
    }
}

/// A key and its value in a block.
#[derive(Clone)]
pub(crate) struct Record {
    key: Slice,
    value: Slice,
}

impl Record {
    pub(crate) fn key(&self) -> &[u8] {
        unstored(&self.key)
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    pub(crate) fn bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }

    /// A copy that shares no memory.
    pub(crate) fn copied(&self) -> Self {
        Self { key: Slice::from(&*self.key), value: Slice::from(&*self.value) }
    }
}

fn config(path: &Path, seqno: &SequenceNumberCounter, shared: &Shared, pace: &Pace) -> Config {
    let never = || PinningPolicy::all(false);
    Config::new(path, seqno.clone(), SequenceNumberCounter::default())
        .use_cache(Arc::clone(&shared.cache))
        .use_descriptor_table(Some(Arc::clone(&shared.files)))
        // Only the bounded cache is kept in memory. Indexes and filters are partitioned, so that those of a large state need
        // not be cached completely.
        .index_block_pinning_policy(never())
        .filter_block_pinning_policy(never())
        .index_block_partitioning_policy(PinningPolicy::all(true))
        .filter_block_partitioning_policy(PinningPolicy::all(true))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        .with_compaction_filter_factory(Some(pace.factory()))
}

/// Verifies the list of tables against the checksum in `current`, which the library writes but does not check.
fn check_manifest(path: &Path) -> Result<(), Failure> {
    let damaged = || Failure::Corrupt("the list of its tables is damaged".into());
    let read = |name: &str| match fs::read(path.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(damaged()),
        content => content.map_err(Failure::from),
    };
    let current = read("current")?;
    let (version, rest) = current.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (checksum, kind) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
    let manifest = read(&format!("v{}", u64::from_le_bytes(*version)))?;
    let whole = kind == [0] && xxh3_128(&manifest) == u128::from_le_bytes(*checksum);
    if whole { Ok(()) } else { Err(damaged()) }
}
