// SPDX-License-Identifier: Apache-2.0

//! Sorts more than fits into memory: runs on disk, merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// What is sorted in memory at a time, in bytes.
const HELD_BYTES: usize = 16 << 20;
/// When a level has this number of runs, they become one of the next.
const RUNS_MAX: usize = 32;
const BUFFER_BYTES: usize = 1 << 16;

/// An item to sort.
pub(crate) trait Item: Ord + Serialize + DeserializeOwned {
    /// About how many bytes it takes in memory.
    fn bytes(&self) -> usize;
}

/// Takes items in any order.
pub(crate) struct Sorter<T> {
    folder: PathBuf,
    held: Vec<T>,
    held_bytes: usize,
    bytes_max: usize,
    pushed: u64,
    /// Runs on disk, by how often they were merged.
    levels: Vec<Vec<Run<T>>>,
}

impl<T: Item> Sorter<T> {
    /// A sorter with its temporary files in this folder; they have no names, and are gone with the process.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::with_limit(folder, HELD_BYTES)
    }

    fn with_limit(folder: &Path, bytes_max: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            held: Vec::new(),
            held_bytes: 0,
            bytes_max,
            pushed: 0,
            levels: Vec::new(),
        }
    }

    /// Takes an item.
    pub(crate) fn push(&mut self, item: T) -> Result<(), Error> {
        self.pushed += 1;
        self.held_bytes += item.bytes() + size_of::<T>();
        self.held.push(item);
        if self.held_bytes < self.bytes_max {
            return Ok(());
        }
        self.held.sort_unstable();
        self.held_bytes = 0;
        let held = std::mem::take(&mut self.held);
        let run = write(&self.folder, held.into_iter().map(Ok))?;
        self.add(run, 0)
    }

    /// The number of items taken.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed
    }

    fn add(&mut self, run: Run<T>, level: usize) -> Result<(), Error> {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(runs) = self.levels.get_mut(level) else { return Ok(()) };
        runs.push(run);
        if runs.len() < RUNS_MAX {
            return Ok(());
        }
        let merged = Sorted::of(std::mem::take(runs), Vec::new())?;
        let run = write(&self.folder, merged)?;
        self.add(run, level + 1)
    }

    /// All items in order.
    pub(crate) fn finish(mut self) -> Result<Sorted<T>, Error> {
        self.held.sort_unstable();
        Sorted::of(self.levels.into_iter().flatten().collect(), self.held)
    }
}

/// Writes items in order to a file without a name.
fn write<T: Item>(folder: &Path, items: impl Iterator<Item = Result<T, Error>>) -> Result<Run<T>, Error> {
    let file = tempfile::tempfile_in(folder).map_err(Error::system("written", folder))?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    for item in items {
        let bytes = postcard::to_stdvec(&item?).map_err(|_| Error::Temporary)?;
        let length = u32::try_from(bytes.len()).map_err(|_| Error::Temporary)?;
        out.write_all(&length.to_le_bytes()).map_err(Error::system("written", folder))?;
        out.write_all(&bytes).map_err(Error::system("written", folder))?;
    }
    let mut file = out.into_inner().map_err(|error| Error::system("written", folder)(error.into_error()))?;
    file.seek(SeekFrom::Start(0)).map_err(Error::system("read", folder))?;
    let source = BufReader::with_capacity(BUFFER_BYTES, file);
    Ok(Run { folder: folder.to_owned(), source, of: PhantomData })
}

/// A sorted file.
struct Run<T> {
    folder: PathBuf,
    source: BufReader<File>,
    of: PhantomData<T>,
}

impl<T: Item> Run<T> {
    fn next(&mut self) -> Result<Option<T>, Error> {
        let mut length = [0; 4];
        match self.source.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(Error::system("read", &self.folder)(error)),
        }
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.source.read_exact(&mut bytes).map_err(Error::system("read", &self.folder))?;
        postcard::from_bytes(&bytes).map(Some).map_err(|_| Error::Temporary)
    }
}

/// Items in order.
pub(crate) struct Sorted<T> {
    runs: Vec<Run<T>>,
    held: std::vec::IntoIter<T>,
    /// The next item of each run, and of what was held (the number after the last run's).
    next: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Item> Sorted<T> {
    fn of(runs: Vec<Run<T>>, held: Vec<T>) -> Result<Self, Error> {
        let mut sorted = Self { runs, held: held.into_iter(), next: BinaryHeap::new() };
        for number in 0..=sorted.runs.len() {
            sorted.fill(number)?;
        }
        Ok(sorted)
    }

    fn fill(&mut self, number: usize) -> Result<(), Error> {
        let item = match self.runs.get_mut(number) {
            Some(run) => run.next()?,
            None => self.held.next(),
        };
        self.next.extend(item.map(|item| Reverse((item, number))));
        Ok(())
    }
}

impl<T: Item> Iterator for Sorted<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Result<T, Error>> {
        let Reverse((item, number)) = self.next.pop()?;
        Some(self.fill(number).map(|()| item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Item for (u64, Vec<u8>) {
        fn bytes(&self) -> usize {
            self.1.len()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn items_come_in_order_whatever_fits_into_memory(
            items in prop::collection::vec((0_u64..50, prop::collection::vec(any::<u8>(), 0..4)), 0..500),
            limit in 1_usize..4_000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::with_limit(folder.path(), limit);
            items.iter().for_each(|item| sorter.push(item.clone()).unwrap());
            let sorted: Vec<_> = sorter.finish().unwrap().map(Result::unwrap).collect();
            let mut expected = items;
            expected.sort_unstable();
            prop_assert_eq!(sorted, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files without a name");
        }
    }
}
