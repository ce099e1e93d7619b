// SPDX-License-Identifier: Apache-2.0

//! Rows between their reading and their writing: in a temporary file without a name, so that nothing is left of it.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::table::Row;

const BUFFER_BYTES: usize = 1 << 18;

/// The position of a row in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FilePosition {
    start: u64,
    length: u32,
}

impl FilePosition {
    /// The size of the row, about as in memory.
    pub(crate) fn bytes(self) -> usize {
        self.length as usize
    }
}

/// Takes rows.
pub(crate) struct Spool {
    folder: PathBuf,
    out: BufWriter<File>,
    end: u64,
}

impl Spool {
    /// A spool with its file in this folder.
    pub(crate) fn new(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder).map_err(Error::system("written", folder))?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self { folder: folder.to_owned(), out, end: 0 })
    }

    /// Takes a row.
    pub(crate) fn push(&mut self, row: &Row) -> Result<FilePosition, Error> {
        let bytes = postcard::to_stdvec(row).map_err(|_| Error::Temporary)?;
        self.out.write_all(&bytes).map_err(Error::system("written", &self.folder))?;
        let length = u32::try_from(bytes.len()).map_err(|_| Error::Temporary)?;
        let position = FilePosition { start: self.end, length };
        self.end += u64::from(length);
        Ok(position)
    }

    /// The rows by their positions.
    pub(crate) fn finish(self) -> Result<Rows, Error> {
        let Self { folder, out, .. } = self;
        let file = out.into_inner().map_err(|error| Error::system("written", &folder)(error.into_error()))?;
        Ok(Rows { folder, file, buffer: Vec::new() })
    }
}

/// Rows by their positions.
pub(crate) struct Rows {
    folder: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

impl Rows {
    /// The row at a position.
    pub(crate) fn read(&mut self, position: FilePosition) -> Result<Row, Error> {
        self.file.seek(SeekFrom::Start(position.start)).map_err(Error::system("read", &self.folder))?;
        self.buffer.resize(position.bytes(), 0);
        self.file.read_exact(&mut self.buffer).map_err(Error::system("read", &self.folder))?;
        postcard::from_bytes(&self.buffer).map_err(|_| Error::Temporary)
    }
}
