// SPDX-License-Identifier: Apache-2.0

//! The file of a day: read by batches, and replaced as a whole.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::day::Day;
use crate::error::Error;
use crate::manifest;
use crate::table::{KEY, OFFSET, PARTITION, Row, Table};

/// The name of a day's file.
pub const FILE_NAME: &str = "part-0.parquet";
/// Rows that are converted at a time: at most so many, and so many bytes.
const BATCH_ROWS: usize = 4096;
const BATCH_BYTES: usize = 4 << 20;
/// A row group ends once it takes this much memory, or its rows are of so many bytes as columns.
const GROUP_MEMORY_BYTES: usize = 32 << 20;
const GROUP_BYTES: usize = 64 << 20;
const PAGE_BYTES: usize = 256 << 10;

/// The days that a topic's folder has files of.
pub(crate) fn days(folder: &Path) -> Result<BTreeSet<Day>, Error> {
    let mut days = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(Error::system("read", folder))? {
        let entry = entry.map_err(Error::system("read", folder))?;
        let day = Day::of_folder(&entry.file_name().to_string_lossy());
        days.extend(day.filter(|_| entry.path().join(FILE_NAME).exists()));
    }
    Ok(days)
}

/// The file of a day.
pub(crate) fn of_day(folder: &Path, day: Day) -> PathBuf {
    folder.join(day.folder()).join(FILE_NAME)
}

/// Removes the file of a day, and its folder if nothing else is in it.
pub(crate) fn remove(folder: &Path, day: Day) -> Result<(), Error> {
    let file = of_day(folder, day);
    match fs::remove_file(&file) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::system("removed", &file)(error)),
    }
    let of_day = folder.join(day.folder());
    manifest::sync(&of_day)?;
    // It may have files of others.
    let _ = fs::remove_dir(&of_day);
    manifest::sync(folder)
}

/// Passes partition, key and offset of each row of a file to `visit`, in order.
pub(crate) fn keys(
    file: &Path,
    visit: &mut dyn FnMut(i32, &str, i64) -> Result<(), Error>,
) -> Result<(), Error> {
    let unreadable = |source| Error::Unreadable { file: file.to_owned(), source };
    let opened = File::open(file).map_err(Error::system("read", file))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(unreadable)?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), [KEY, PARTITION, OFFSET]);
    let reader = reader.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(unreadable)?;
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(ParquetError::from(error)))?;
        let column = |name: &str| {
            let missing = || unreadable(ParquetError::General(format!("no column {name}")));
            batch.column_by_name(name).ok_or_else(missing)
        };
        let other = |name: &str| unreadable(ParquetError::General(format!("{name} is of another type")));
        let keys = column(KEY)?.as_string_opt::<i32>().ok_or_else(|| other(KEY))?;
        let partitions =
            column(PARTITION)?.as_primitive_opt::<Int32Type>().ok_or_else(|| other(PARTITION))?;
        let offsets = column(OFFSET)?.as_primitive_opt::<Int64Type>().ok_or_else(|| other(OFFSET))?;
        for ((key, partition), offset) in keys.iter().zip(partitions.values()).zip(offsets.values()) {
            visit(*partition, key.unwrap_or_default(), *offset)?;
        }
    }
    Ok(())
}

/// Writes a day's new file, which then replaces the old one: a reader sees one or the other.
pub(crate) struct DayWriter<'t> {
    table: &'t Table,
    folder: PathBuf,
    day: Day,
    unfinished: PathBuf,
    out: ArrowWriter<File>,
    held: Vec<Row>,
    held_bytes: usize,
    group_bytes: usize,
    rows: u64,
}

impl<'t> DayWriter<'t> {
    /// A writer of this day of a topic, whose folder this is; `work` is for the unfinished file.
    pub(crate) fn new(
        table: &'t Table,
        topic: &str,
        folder: &Path,
        work: &Path,
        day: Day,
    ) -> Result<Self, Error> {
        let unfinished = work.join(FILE_NAME);
        let file = File::create(&unfinished).map_err(Error::system("created", &unfinished))?;
        let properties = properties(table, topic);
        let out = ArrowWriter::try_new(file, Arc::clone(table.columns()), Some(properties))
            .map_err(|source| Error::Unwritable { file: unfinished.clone(), source })?;
        let folder = folder.to_owned();
        let held = Vec::new();
        Ok(Self { table, folder, day, unfinished, out, held, held_bytes: 0, group_bytes: 0, rows: 0 })
    }

    /// Takes the rows of the present file but those whose numbers `next_removed` gives, in order.
    pub(crate) fn copy(
        &mut self,
        next_removed: &mut dyn FnMut() -> Result<Option<u64>, Error>,
    ) -> Result<(), Error> {
        let file = of_day(&self.folder, self.day);
        if !file.exists() {
            return Ok(());
        }
        let unreadable = |source| Error::Unreadable { file: file.clone(), source };
        let opened = File::open(&file).map_err(Error::system("read", &file))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(unreadable)?;
        if reader.schema().fields() != self.table.columns().fields() {
            return Err(Error::Schema {
                folder: self.folder.clone(),
                found: "another version".to_owned(),
                expected: self.table.header().to_owned(),
            });
        }
        let rows = batch_rows(&reader);
        let reader = reader.with_batch_size(rows).build().map_err(unreadable)?;
        let (mut number, mut removed) = (0, next_removed()?);
        for batch in reader {
            let batch = batch.map_err(|error| unreadable(ParquetError::from(error)))?;
            let mut stays = Vec::with_capacity(batch.num_rows());
            for _ in 0..batch.num_rows() {
                let goes = removed == Some(number);
                stays.push(!goes);
                if goes {
                    removed = next_removed()?;
                }
                number += 1;
            }
            self.write(&filter_record_batch(&batch, &BooleanArray::from(stays))?)?;
        }
        Ok(())
    }

    /// Takes a row of about this size.
    pub(crate) fn add(&mut self, row: Row, bytes: usize) -> Result<(), Error> {
        self.held.push(row);
        self.held_bytes += bytes;
        if self.held.len() >= BATCH_ROWS || self.held_bytes >= BATCH_BYTES { self.convert() } else { Ok(()) }
    }

    fn convert(&mut self) -> Result<(), Error> {
        let batch = self.table.batch(&self.held)?;
        self.held.clear();
        self.held_bytes = 0;
        self.write(&batch)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.rows += batch.num_rows() as u64;
        self.group_bytes += batch.get_array_memory_size();
        let written = self.out.write(batch).and_then(|()| {
            if self.out.memory_size() < GROUP_MEMORY_BYTES && self.group_bytes < GROUP_BYTES {
                return Ok(());
            }
            self.group_bytes = 0;
            self.out.flush()
        });
        written.map_err(|source| Error::Unwritable { file: self.unfinished.clone(), source })
    }

    /// Replaces the day's file, or removes it when no row is left. Returns the number of rows.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        if !self.held.is_empty() {
            self.convert()?;
        }
        let Self { folder, day, unfinished, out, rows, .. } = self;
        let unwritable = |source| Error::Unwritable { file: unfinished.clone(), source };
        let file = out.into_inner().map_err(unwritable)?;
        if rows == 0 {
            drop(file);
            fs::remove_file(&unfinished).map_err(Error::system("removed", &unfinished))?;
            remove(&folder, day)?;
            return Ok(0);
        }
        file.sync_all().map_err(Error::system("written", &unfinished))?;
        let of_its_day = folder.join(day.folder());
        fs::create_dir_all(&of_its_day).map_err(Error::system("created", &of_its_day))?;
        let target = of_day(&folder, day);
        fs::rename(&unfinished, &target).map_err(Error::system("written", &target))?;
        manifest::sync(&of_its_day)?;
        manifest::sync(&folder)?;
        Ok(rows)
    }
}

/// How many rows of a file are read at a time.
fn batch_rows(reader: &ParquetRecordBatchReaderBuilder<File>) -> usize {
    let row_bytes =
        |group: &parquet::file::metadata::RowGroupMetaData| group.total_byte_size() / group.num_rows().max(1);
    let largest = reader.metadata().row_groups().iter().map(row_bytes).max().unwrap_or_default();
    let largest = usize::try_from(largest).unwrap_or_default().max(1);
    (BATCH_BYTES / largest).clamp(1, BATCH_ROWS)
}

fn properties(table: &Table, topic: &str) -> WriterProperties {
    let about = [("cx.schema", table.header()), ("cx.topic", topic)];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        .set_key_value_metadata(Some(about.to_vec()))
        .build()
}
