// SPDX-License-Identifier: Apache-2.0

//! Brings one topic of an export up to date.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;

use crate::changes::{self, Version, Versions, What};
use crate::day::Day;
use crate::days::Days;
use crate::error::Error;
use crate::file;
use crate::filter::ChangedKeys;
use crate::folder::Folder;
use crate::manifest::TopicState;
use crate::plan::Plan;
use crate::sort::Sorter;
use crate::spool::Spool;
use crate::table::Table;

/// A record of the topic.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its Kafka timestamp, in epoch milliseconds.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<&'r [u8]>,
    /// Its value as JSON; `None` for a tombstone.
    pub value: Option<&'r [u8]>,
}

/// What an update has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read, tombstones included.
    pub records: u64,
    /// Records that are none of the topic's schema: they are not exported.
    pub unreadable: u64,
    /// Partition and offset of the first of them.
    pub first_unreadable: Option<(i32, i64)>,
    /// Rows in the topic's files.
    pub rows: u64,
    /// Days that have a file.
    pub days: usize,
    /// Files that were written.
    pub written: usize,
    /// Files that were removed.
    pub removed: usize,
}

/// An update of one topic.
pub struct Update<'f> {
    folder: &'f mut Folder,
    topic: String,
    table: &'f Table,
    plan: Plan,
    versions: Versions,
    keys: ChangedKeys,
    spool: Spool,
    sorter: Sorter<Version>,
    summary: Summary,
}

impl<'f> Update<'f> {
    /// Begins. From now on the topic belongs to the export.
    ///
    /// # Errors
    /// The system refuses.
    pub fn begin(folder: &'f mut Folder, topic: &str, table: &'f Table, plan: Plan) -> Result<Self, Error> {
        let of_topic = folder.of_topic(topic);
        fs::create_dir_all(&of_topic).map_err(Error::system("created", &of_topic))?;
        if !folder.manifest.topics.contains_key(topic) {
            let (next, days) = (BTreeMap::new(), BTreeMap::new());
            let state = TopicState { schema: table.header().to_owned(), read_at_ms: None, next, days };
            folder.manifest.topics.insert(topic.to_owned(), state);
            folder.manifest.write(&folder.dir)?;
        }
        let versions = if table.is_final_only() { Versions::Final } else { folder.selection.versions };
        let (spool, sorter) = (Spool::new(&folder.work())?, Sorter::new(&folder.work()));
        let (topic, keys, summary) = (topic.to_owned(), ChangedKeys::new(), Summary::default());
        Ok(Self { folder, topic, table, plan, versions, keys, spool, sorter, summary })
    }

    /// Takes the next record; of each partition in the order of offsets.
    ///
    /// # Errors
    /// The system refuses.
    pub fn take(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.summary.records += 1;
        let key = record.key.and_then(|key| std::str::from_utf8(key).ok());
        let what = match key {
            None => None,
            Some(key) => self.what(key, record)?,
        };
        let (Some(key), Some(what)) = (key, what) else {
            self.summary.unreadable += 1;
            self.summary.first_unreadable.get_or_insert((record.partition, record.offset));
            return Ok(());
        };
        self.keys.add(record.partition, key);
        let (partition, offset) = (record.partition, Reverse(record.offset));
        self.sorter.push(Version { partition, key: key.to_owned(), offset, what })
    }

    /// What a record is; `None` when it is no record of the schema.
    fn what(&mut self, key: &str, record: &Record<'_>) -> Result<Option<What>, Error> {
        let Some(value) = record.value else { return Ok(Some(What::Tombstone)) };
        let row = self.table.row(key, record.partition, record.offset, record.timestamp_ms, value);
        let Some(row) = row else { return Ok(None) };
        let Some(time_ms) = self.table.time_ms(&row) else { return Ok(None) };
        let Some(day) = Day::of(time_ms) else { return Ok(None) };
        let selection = self.folder.selection;
        let is_early = selection.since_ms.is_some_and(|since| time_ms < since);
        if is_early || selection.until_ms.is_some_and(|until| time_ms > until) {
            return Ok(Some(What::Outside));
        }
        let at = self.spool.push(&row)?;
        Ok(Some(What::New { day: day.number(), time_ms, at }))
    }

    /// Writes the days that change, and notes the offsets. `progress` gets the number of rows that were written and of all.
    ///
    /// # Errors
    /// The system refuses, or a file cannot be read.
    pub fn finish(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Summary, Error> {
        if self.plan.whole.is_none() && !self.keys.is_empty() {
            self.find_in_files()?;
        }
        let work = self.folder.work();
        let mut changes = Sorter::new(&work);
        changes::by_day(self.sorter.finish()?, self.versions, &mut changes)?;
        let mut days = Days {
            table: self.table,
            topic: &self.topic,
            folder: self.folder.of_topic(&self.topic),
            work,
            is_whole: self.plan.whole.is_some(),
            rows: self.spool.finish()?,
            total: changes.pushed(),
            done: 0,
            progress,
        };
        let written = days.write(changes.finish()?)?;
        let state = self.folder.manifest.topics.entry(self.topic.clone());
        let state = state.or_insert_with(|| TopicState {
            schema: String::new(),
            read_at_ms: None,
            next: BTreeMap::new(),
            days: BTreeMap::new(),
        });
        if days.is_whole {
            state.days.clear();
        }
        let obsolete = days.obsolete(&written)?;
        for (day, rows) in &written {
            match rows {
                0 => state.days.remove(day),
                rows => state.days.insert(*day, *rows),
            };
        }
        state.schema = self.table.header().to_owned();
        state.read_at_ms = Some(self.plan.read_at_ms);
        state.next = self.plan.extents.iter().map(|extent| (extent.partition, extent.end)).collect();
        let emptied = written.values().filter(|rows| **rows == 0).count();
        self.summary.rows = state.days.values().sum();
        self.summary.days = state.days.len();
        self.summary.written = written.len() - emptied;
        self.summary.removed = emptied + obsolete;
        self.folder.manifest.write(&self.folder.dir)?;
        Ok(self.summary)
    }

    /// Adds the versions in the files whose keys may have changed.
    fn find_in_files(&mut self) -> Result<(), Error> {
        let folder = self.folder.of_topic(&self.topic);
        for day in file::days(&folder)? {
            let (mut row, number) = (0, day.number());
            let (keys, sorter) = (&self.keys, &mut self.sorter);
            file::keys(&file::of_day(&folder, day), &mut |partition, key, offset| {
                let what = What::InFile { day: number, row };
                row += 1;
                if !keys.may_have(partition, key) {
                    return Ok(());
                }
                let (key, offset) = (key.to_owned(), Reverse(offset));
                sorter.push(Version { partition, key, offset, what })
            })?;
        }
        Ok(())
    }
}
