// SPDX-License-Identifier: Apache-2.0

//! Events from a file, in `fold`'s formats, in their order.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use engine::{NoHeaders, SourceRecord};
use tempfile::NamedTempFile;

use super::{RecordVisitor, Source};
use crate::commands::as_of::selection::OrderedRecord;
use crate::config::Config;
use crate::records::{self, Lines};

/// A file that can be read again.
pub struct FileSource<'c> {
    config: &'c Config,
    held: Held,
    name: String,
}

enum Held {
    File(PathBuf),
    /// A copy of input that can be read only once.
    Copy(NamedTempFile),
}

impl<'c> FileSource<'c> {
    /// Opens the file; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be opened, or a pipe cannot be copied.
    pub fn open(path: &Path, config: &'c Config) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            let copy = copy(&mut std::io::stdin().lock()).context("standard input cannot be copied")?;
            return Ok(Self { config, held: Held::Copy(copy), name: "standard input".to_owned() });
        }
        let name = path.display().to_string();
        let is_pipe = path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        if is_pipe {
            let copy = File::open(path).and_then(|mut pipe| copy(&mut pipe));
            let copy = copy.with_context(|| format!("{name} cannot be copied"))?;
            return Ok(Self { config, held: Held::Copy(copy), name });
        }
        // Reports a file that cannot be opened before anything is folded.
        records::open(path)?;
        Ok(Self { config, held: Held::File(path.to_owned()), name })
    }

    fn lines(&self) -> anyhow::Result<Lines<Box<dyn BufRead>>> {
        match &self.held {
            Held::File(path) => records::open(path),
            Held::Copy(copy) => Ok(Lines::new(Box::new(BufReader::new(copy.reopen()?)), &self.name)),
        }
    }
}

fn copy(source: &mut dyn Read) -> std::io::Result<NamedTempFile> {
    let mut copy = NamedTempFile::new()?;
    std::io::copy(source, &mut copy)?;
    Ok(copy)
}

impl Source for FileSource<'_> {
    fn each(&mut self, visit: &mut RecordVisitor<'_>) -> anyhow::Result<()> {
        let input = self.config.exact_inputs().first().copied().unwrap_or_default();
        for (number, line) in (0..).zip(self.lines()?) {
            let line = line?;
            let topic = line.topic.as_deref().unwrap_or(input);
            if !self.config.is_events(topic) && self.config.erasures() != Some(topic) {
                tracing::debug!(line = line.number, topic, "not a topic of events: the record is left out");
                continue;
            }
            let record = SourceRecord {
                topic,
                partition: line.partition.unwrap_or(0),
                offset: line.offset.unwrap_or(number),
                timestamp_ms: line.timestamp_ms,
                key: None,
                value: line.value.as_deref(),
                headers: &NoHeaders,
                conversation: self.config.conversation_of(topic),
            };
            visit(&OrderedRecord { record, place: (0, 0, number) })
                .with_context(|| format!("line {}", line.number))?;
        }
        Ok(())
    }

    fn place(&self) -> String {
        self.name.clone()
    }
}
