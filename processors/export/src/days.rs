// SPDX-License-Identifier: Apache-2.0

//! Writes the days that change, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::path::PathBuf;

use crate::changes::{Change, Edit};
use crate::day::Day;
use crate::error::Error;
use crate::file::{self, DayWriter};
use crate::manifest;
use crate::sort::Sorted;
use crate::spool::Rows;
use crate::table::{Row, Table};

/// After so many changes the caller's progress is updated.
const REPORT_EVERY: u64 = 1024;

/// Writes days.
pub(crate) struct Days<'d> {
    pub(crate) table: &'d Table,
    pub(crate) topic: &'d str,
    pub(crate) folder: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) is_whole: bool,
    pub(crate) rows: Rows,
    pub(crate) total: u64,
    pub(crate) done: u64,
    pub(crate) progress: &'d mut dyn FnMut(u64, u64),
}

impl Days<'_> {
    /// Writes each day that has changes. Returns the number of rows of each.
    pub(crate) fn write(&mut self, changes: Sorted<Change>) -> Result<BTreeMap<Day, u64>, Error> {
        let mut changes = changes.peekable();
        let mut written = BTreeMap::new();
        while let Some(number) = next_day(&mut changes)? {
            let day = Day::of_number(number).ok_or(Error::Temporary)?;
            written.insert(day, self.write_day(day, number, &mut changes)?);
        }
        (self.progress)(self.total, self.total);
        Ok(written)
    }

    fn write_day(
        &mut self,
        day: Day,
        number: i64,
        changes: &mut Peekable<Sorted<Change>>,
    ) -> Result<u64, Error> {
        let mut writer = DayWriter::new(self.table, self.topic, &self.folder, &self.work, day)?;
        if !self.is_whole {
            writer.copy(&mut || {
                let is_removed = |change: &Result<Change, Error>| {
                    let Ok(change) = change else { return true };
                    change.day == number && matches!(change.edit, Edit::Remove { .. })
                };
                match changes.next_if(is_removed).transpose()? {
                    Some(Change { edit: Edit::Remove { row }, .. }) => Ok(Some(row)),
                    _ => Ok(None),
                }
            })?;
        }
        while let Some(change) =
            changes.next_if(|change| change.as_ref().map_or(true, |change| change.day == number))
        {
            self.done += 1;
            if self.done.is_multiple_of(REPORT_EVERY) {
                (self.progress)(self.done, self.total);
            }
            if let Edit::Add { at, .. } = change?.edit {
                let row: Row = self.rows.read(at)?;
                writer.add(row, at.bytes())?;
            }
        }
        writer.finish()
    }

    /// Removes the files of an export that was made whole, but those of these days. Returns their number.
    pub(crate) fn obsolete(&self, written: &BTreeMap<Day, u64>) -> Result<usize, Error> {
        if !self.is_whole {
            return Ok(0);
        }
        let present: BTreeSet<Day> = file::days(&self.folder)?;
        let obsolete: Vec<&Day> = present.iter().filter(|day| !written.contains_key(day)).collect();
        obsolete.iter().try_for_each(|day| file::remove(&self.folder, **day))?;
        manifest::sync(&self.folder)?;
        Ok(obsolete.len())
    }
}

fn next_day(changes: &mut Peekable<Sorted<Change>>) -> Result<Option<i64>, Error> {
    match changes.peek() {
        None => Ok(None),
        Some(Ok(change)) => Ok(Some(change.day)),
        Some(Err(_)) => match changes.next() {
            Some(Err(error)) => Err(error),
            _ => Ok(None),
        },
    }
}
