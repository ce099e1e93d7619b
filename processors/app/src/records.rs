// SPDX-License-Identifier: Apache-2.0

//! Newline-delimited input (contract section 11): each line a record's value, or, after a first line
//! `{"#records":true}`, each line a record.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::no_json;

/// Each line is held in memory, so it is limited.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// The byte order mark that some editors write.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One record of the input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct InputLine {
    /// The line's number, from 1.
    pub number: u64,
    /// Its topic, if the line has one.
    pub topic: Option<String>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Kafka's timestamp, in epoch milliseconds.
    pub timestamp_ms: Option<i64>,
    /// Its partition, if the line has one.
    pub partition: Option<i32>,
    /// Its offset, if the line has one.
    pub offset: Option<i64>,
}

#[derive(Deserialize)]
struct RecordLine {
    topic: Option<String>,
    key: Option<String>,
    // Null is a tombstone; a missing value is an error.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<String>,
    timestamp: Option<i64>,
    partition: Option<i32>,
    offset: Option<i64>,
}

/// Reads the input line by line, with one line in memory.
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
/// The file cannot be opened: a usage error.
pub fn open(path: &Path) -> anyhow::Result<Lines<Box<dyn BufRead>>> {
    if path == Path::new("-") {
        return Ok(Lines::new(
            Box::new(BufReader::with_capacity(1 << 18, std::io::stdin())),
            "standard input",
        ));
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        bail!("cannot read {name}: it is a directory; give a file, or `-` for standard input");
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
                wrong_field(&line).unwrap_or_else(|| no_json::place(&error))
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

/// The fields of a record line and their types; null is absent.
const FIELDS: [(&str, &str); 6] = [
    ("topic", "a string"),
    ("key", "a string"),
    ("value", "a string"),
    ("timestamp", "a whole number"),
    ("partition", "a whole number"),
    ("offset", "a whole number"),
];

/// The field of a record line with a wrong type, without its value.
fn wrong_field(line: &[u8]) -> Option<String> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let Some(fields) = line.as_object() else { return Some(format!("it is {}", kind(&line))) };
    FIELDS.iter().find_map(|(name, wanted)| {
        let value = fields.get(*name)?;
        let fits = match *name {
            "partition" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "timestamp" | "offset" => value.is_i64(),
            _ => value.is_string(),
        };
        let found = kind(value);
        (!fits && !value.is_null())
            .then(|| format!("the field {name} is {found}, where {wanted} is expected"))
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction or an exponent",
        Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => {
            "a number"
        }
        Value::Number(_) => "a very large number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn is_head(line: &[u8]) -> bool {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    serde_json::from_slice::<Value>(line).is_ok_and(|value| {
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
    fn a_field_of_another_type_is_named_with_what_it_should_be() {
        let said = |line: &str| {
            let lines = all(format!("{{\"#records\":true}}\n{line}\n").as_bytes());
            lines.into_iter().next().unwrap().unwrap_err().to_string()
        };
        for (line, problem) in [
            (
                r#"{"topic":"t","value":{"id":"secret"}}"#,
                "the field value is an object, where a string is expected",
            ),
            (r#"{"topic":7,"value":"v"}"#, "the field topic is a number, where a string is expected"),
            (
                r#"{"topic":"t","value":"v","timestamp":"secret"}"#,
                "the field timestamp is a string, where a whole number is expected",
            ),
            (
                r#"{"topic":"t","value":"v","partition":4294967296}"#,
                "the field partition is a very large number, where a whole number is expected",
            ),
            (
                r#"{"topic":"t","value":"v","offset":1.5}"#,
                "the field offset is a number with a fraction or an exponent, where a whole number is expected",
            ),
            ("[1]", "it is an array"),
            (r#"{"topic":"t"}"#, "the field value is missing"),
        ] {
            let error = said(line);
            assert!(error.starts_with("file:2: not a record") && error.contains(problem), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
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
