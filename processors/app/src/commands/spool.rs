// SPDX-License-Identifier: Apache-2.0

//! Output records of `fold`: written to a file as they come, in order at the end. Only keys are kept in memory.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use crate::render::lines::{Headers, text, write_letter, write_record};
use engine::{HEADER_REASON, KeyMap, OutputRecord, Sink, SinkError, Topology};

/// The position of a value in the file; `None` is a tombstone.
type FilePosition = Option<(u64, usize)>;

/// The records of a fold.
pub(super) struct Spool<'t> {
    topology: &'t Topology,
    file: BufWriter<File>,
    end: u64,
    /// By topic and key.
    latest: BTreeMap<String, KeyMap<FilePosition>>,
    letters: Vec<(Option<Vec<u8>>, FilePosition, Headers)>,
    /// The direct output, for `--as-emitted`.
    direct: Option<Box<dyn Write + 't>>,
    failure: Option<std::io::Error>,
    /// Messages of the task to itself, in order.
    messages: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl<'t> Spool<'t> {
    /// A spool that returns final records at the end; with `direct`, it writes every record at once instead.
    pub(super) fn new(topology: &'t Topology, direct: Option<Box<dyn Write + 't>>) -> std::io::Result<Self> {
        Ok(Self {
            topology,
            file: BufWriter::with_capacity(1 << 16, tempfile::tempfile()?),
            end: 0,
            latest: BTreeMap::new(),
            letters: Vec::new(),
            direct,
            failure: None,
            messages: VecDeque::new(),
        })
    }

    /// Why [`Sink::send`] failed.
    pub(super) fn take_failure(&mut self) -> Option<std::io::Error> {
        self.failure.take()
    }

    /// The next message of the task to itself.
    pub(super) fn take_message(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.messages.pop_front()
    }

    /// The number of dead letters.
    pub(super) fn dead_letters(&self) -> usize {
        self.letters.len()
    }

    /// The number of keys with a record.
    pub(super) fn records(&self) -> usize {
        self.latest.values().map(KeyMap::len).sum()
    }

    fn keep(&mut self, value: Option<&[u8]>) -> std::io::Result<FilePosition> {
        let Some(value) = value else { return Ok(None) };
        let place = (self.end, value.len());
        self.file.write_all(value)?;
        self.end += value.len() as u64;
        Ok(Some(place))
    }

    fn take(&mut self, record: &OutputRecord<'_>) -> std::io::Result<()> {
        if record.topic == self.topology.changelog() {
            return Ok(());
        }
        if record.topic == self.topology.repartition() {
            let owned = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
            self.messages.push_back((owned(record.key), owned(record.value)));
            return Ok(());
        }
        let topic = self.topology.name(record.topic);
        let is_letter = record.topic == self.topology.dead_letters();
        let headers: Headers = if is_letter {
            record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(text))).collect()
        } else {
            Vec::new()
        };
        debug_assert!(!is_letter || headers.iter().any(|(name, _)| name == HEADER_REASON));
        match (&mut self.direct, is_letter) {
            (Some(out), true) => {
                write_letter(out, topic, record.key, record.value, &headers)?;
                self.letters.push((None, None, Headers::new()));
            }
            (Some(out), false) => {
                write_record(out, topic, record.key, record.value)?;
                let latest = self.latest.entry(topic.to_owned()).or_default();
                latest.insert(record.key.unwrap_or_default(), None);
            }
            (None, true) => {
                let place = self.keep(record.value)?;
                self.letters.push((record.key.map(<[u8]>::to_vec), place, headers));
            }
            (None, false) => {
                let place = self.keep(record.value)?;
                let latest = self.latest.entry(topic.to_owned()).or_default();
                let key = record.key.unwrap_or_default();
                match place {
                    None => latest.remove(key),
                    place => latest.insert(key, place),
                };
            }
        }
        Ok(())
    }

    /// Writes the final records, sorted by topic and key.
    pub(super) fn finish(mut self, out: &mut dyn Write) -> std::io::Result<()> {
        if self.direct.is_some() {
            return out.flush();
        }
        self.file.flush()?;
        let mut values = Values { file: BufReader::new(self.file.get_ref()), buffer: Vec::new() };
        let letters_topic = self.topology.name(self.topology.dead_letters());
        // A dead letter's key may be null or repeated: letters are sorted by key, never merged.
        self.letters.sort_by(|a, b| a.0.cmp(&b.0));
        let after = self.latest.split_off(letters_topic);
        write_records(&self.latest, &mut values, out)?;
        for (key, place, headers) in &self.letters {
            write_letter(out, letters_topic, key.as_deref(), values.read(*place)?, headers)?;
        }
        write_records(&after, &mut values, out)?;
        out.flush()
    }
}

fn write_records(
    latest: &BTreeMap<String, KeyMap<FilePosition>>,
    values: &mut Values<'_>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    for (topic, keys) in latest {
        for (key, place) in keys.iter() {
            write_record(out, topic, Some(key), values.read(*place)?)?;
        }
    }
    Ok(())
}

struct Values<'f> {
    file: BufReader<&'f File>,
    buffer: Vec<u8>,
}

impl Values<'_> {
    fn read(&mut self, place: FilePosition) -> std::io::Result<Option<&[u8]>> {
        let Some((start, length)) = place else { return Ok(None) };
        self.file.seek(SeekFrom::Start(start))?;
        self.buffer.resize(length, 0);
        self.file.read_exact(&mut self.buffer)?;
        Ok(Some(&self.buffer))
    }
}

impl Sink for Spool<'_> {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        self.take(&record).map_err(|error| {
            self.failure = Some(error);
            SinkError
        })
    }
}
