//! Newline-delimited input (contract section 11): each line a record's value, or, after a first line
//! `{"#records":true}`, each line a record.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;

use crate::no_json;

/// A line is in memory as a whole, so it has a bound.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// What some editors put at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One record of the input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct InputLine {
    /// The line's number, from 1.
    pub number: u64,
    /// Its topic, where the line says one.
    pub topic: Option<String>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Kafka's timestamp, in epoch milliseconds.
    pub timestamp_ms: Option<i64>,
    /// Its partition, where the line says one.
    pub partition: Option<i32>,
    /// Its offset, where the line says one.
    pub offset: Option<i64>,
}

#[derive(Deserialize)]
struct RecordLine {
    topic: Option<String>,
    key: Option<String>,
    // Null is a tombstone; a line without it is a mistake.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<String>,
    timestamp: Option<i64>,
    partition: Option<i32>,
    offset: Option<i64>,
}

/// Reads the input line by line; one line is in memory.
pub struct Lines<R> {
    source: R,
    name: String,
    number: u64,
    records_form: bool,
    bytes: u64,
}

/// Opens a file, or standard input for `-`.
///
/// # Errors
/// The file cannot be opened: wrong use.
pub fn open(path: &Path) -> anyhow::Result<Lines<Box<dyn BufRead>>> {
    if path == Path::new("-") {
        return Ok(Lines::new(
            Box::new(BufReader::with_capacity(1 << 18, std::io::stdin())),
            "standard input",
        ));
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("{name} cannot be opened"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        bail!("{name} is a folder, not a file");
    }
    Ok(Lines::new(Box::new(BufReader::with_capacity(1 << 18, file)), &name))
}

impl<R: BufRead> Lines<R> {
    /// Lines of a source; `name` is used in errors.
    pub fn new(source: R, name: &str) -> Self {
        Self { source, name: name.to_owned(), number: 0, records_form: false, bytes: 0 }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn next_line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.source)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)
                .with_context(|| format!("{}:{} cannot be read", self.name, self.number + 1))?;
            if line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
                bail!("{}:{} is longer than {LINE_BYTES_MAX} bytes", self.name, self.number + 1);
            }
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            if line.ends_with(b"\n") {
                line.pop();
                if line.ends_with(b"\r") {
                    line.pop();
                }
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(line));
            }
        }
    }

    fn read(&mut self) -> anyhow::Result<Option<InputLine>> {
        let first = self.number == 0;
        let Some(mut line) = self.next_line()? else { return Ok(None) };
        if first && is_head(&line) {
            self.records_form = true;
            match self.next_line()? {
                Some(next) => line = next,
                None => return Ok(None),
            }
        }
        let number = self.number;
        if !self.records_form {
            return Ok(Some(InputLine { number, value: Some(line), ..InputLine::default() }));
        }
        let record: RecordLine = serde_json::from_slice(&line).map_err(|error| {
            anyhow!(
                "{}:{number}: not a record {{\"topic\",\"key\",\"value\",\"timestamp\"?,\"partition\"?,\"offset\"?}}: {}",
                self.name,
                no_json::place(&error)
            )
        })?;
        Ok(Some(InputLine {
            number,
            topic: record.topic,
            key: record.key.map(String::into_bytes),
            value: record.value.map(String::into_bytes),
            timestamp_ms: record.timestamp,
            partition: record.partition,
            offset: record.offset,
        }))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = anyhow::Result<InputLine>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn is_head(line: &[u8]) -> bool {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| {
        value.as_object().is_some_and(|fields| fields.get("#records") == Some(&true.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<anyhow::Result<InputLine>> {
        Lines::new(text, "file").collect()
    }

    #[test]
    fn each_line_is_a_value_and_its_bytes_are_kept() {
        let lines = all(b"{\"a\":1}\n\n\xff\xfe\r\nlast");
        let values: Vec<_> = lines.into_iter().map(|line| line.unwrap().value.unwrap()).collect();
        assert_eq!(values, [b"{\"a\":1}".to_vec(), b"\xff\xfe".to_vec(), b"last".to_vec()]);
    }

    #[test]
    fn after_the_head_each_line_is_a_record() {
        let lines =
            all(b"{\"#records\": true}\n{\"topic\":\"t\",\"key\":null,\"value\":\"v\",\"timestamp\":5}\n");
        let line = lines.into_iter().next().unwrap().unwrap();
        assert_eq!((line.topic.as_deref(), line.value.as_deref()), (Some("t"), Some(b"v".as_slice())));
        assert_eq!((line.timestamp_ms, line.number, line.key), (Some(5), 2, None));
    }

    #[test]
    fn a_line_that_is_no_record_is_an_error_with_its_place() {
        let lines = all(b"{\"#records\":true}\n{\"topic\":\"t\",\"value\":1}\n");
        let error = lines.into_iter().next().unwrap().unwrap_err();
        assert!(error.to_string().starts_with("file:2: not a record"), "{error}");
    }

    #[test]
    fn a_record_line_without_a_value_is_a_mistake_and_null_is_a_tombstone() {
        let lines = all(b"{\"#records\":true}\n{\"topic\":\"t\",\"key\":\"k\",\"value\":null}\n{\"topic\":\"t\",\"valeu\":\"v\"}\n");
        let [tombstone, mistake] = lines.try_into().unwrap();
        assert_eq!(tombstone.unwrap().value, None);
        assert!(mistake.unwrap_err().to_string().contains("value"));
    }

    #[test]
    fn a_byte_order_mark_does_not_hide_the_head() {
        assert!(all(b"\xef\xbb\xbf{\"#records\":true}\n").is_empty());
    }

    #[test]
    fn an_empty_input_has_no_lines() {
        assert!(all(b"").is_empty());
        assert!(all(b"{\"#records\":true}\n").is_empty());
    }
}
