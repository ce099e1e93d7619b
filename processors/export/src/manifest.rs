// SPDX-License-Identifier: Apache-2.0

//! The manifest of an export: what it is of, and which offsets are in its files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::changes::Versions;
use crate::day::Day;
use crate::error::Error;

/// The manifest's name. Readers of tables skip files whose name begins so.
pub const MANIFEST_NAME: &str = "_cx-timelines.json";
/// Its format.
const FORMAT: u64 = 1;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u64,
    pub(crate) cluster: String,
    pub(crate) group: String,
    pub(crate) versions: Versions,
    pub(crate) since_ms: Option<i64>,
    pub(crate) until_ms: Option<i64>,
    pub(crate) topics: BTreeMap<String, TopicState>,
}

/// What was exported of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicState {
    /// The schema with its version.
    pub(crate) schema: String,
    /// When the ends were fetched up to which it was read, in epoch milliseconds; `None` until it was exported once.
    pub(crate) read_at_ms: Option<i64>,
    /// The next offset by partition.
    pub(crate) next: BTreeMap<i32, i64>,
    /// The number of rows by day.
    pub(crate) days: BTreeMap<Day, u64>,
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

impl Manifest {
    pub(crate) fn new(
        cluster: &str,
        group: &str,
        versions: Versions,
        since_ms: Option<i64>,
        until_ms: Option<i64>,
    ) -> Self {
        let (cluster, group) = (cluster.to_owned(), group.to_owned());
        Self { format: FORMAT, cluster, group, versions, since_ms, until_ms, topics: BTreeMap::new() }
    }

    /// The manifest of a directory; `None` without one.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let file = dir.join(MANIFEST_NAME);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::system("read", &file)(error)),
        };
        let wrong = |error: &serde_json::Error| Error::Manifest { file: file.clone(), line: error.line() };
        let Format { format } = serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
        if format != FORMAT {
            return Err(Error::Format { file, found: format, expected: FORMAT });
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| wrong(&error))
    }

    /// Replaces the manifest of a directory: a crash leaves the old one or the new one.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let file = dir.join(MANIFEST_NAME);
        let mut new = tempfile::Builder::new()
            .prefix(&format!("{MANIFEST_NAME}."))
            .tempfile_in(dir)
            .map_err(Error::system("written", &file))?;
        let text = serde_json::to_vec_pretty(self).map_err(|_| Error::Temporary)?;
        new.write_all(&text).map_err(Error::system("written", &file))?;
        new.as_file().sync_all().map_err(Error::system("written", &file))?;
        new.persist(&file).map_err(|error| Error::system("written", &file)(error.error))?;
        sync(dir)
    }
}

/// Makes the names in a folder last.
pub(crate) fn sync(folder: &Path) -> Result<(), Error> {
    let opened = File::open(folder).map_err(Error::system("read", folder))?;
    opened.sync_all().map_err(Error::system("written", folder))
}
