// SPDX-License-Identifier: Apache-2.0

//! Output lines (contract section 11): `{"topic","key","value"}`, for dead letters with headers and the value as a string.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use serde_json::value::RawValue;

/// Headers as text, in order.
pub type Headers = Vec<(String, Option<String>)>;

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    key: Option<String>,
    value: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct LetterLine<'a> {
    topic: &'a str,
    key: Option<String>,
    value: Option<String>,
    headers: BTreeMap<&'a str, Option<&'a str>>,
}

/// Bytes as text; what is no UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write_line(out: &mut dyn Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Writes a record.
///
/// # Errors
/// The value is not JSON, or `out` is closed.
pub fn write_record(
    out: &mut dyn Write,
    topic: &str,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> std::io::Result<()> {
    let value: Option<&RawValue> = value.map(serde_json::from_slice).transpose()?;
    write_line(out, &Line { topic, key: key.map(text), value })
}

/// Writes a dead letter.
///
/// # Errors
/// `out` is closed.
pub fn write_letter(
    out: &mut dyn Write,
    topic: &str,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &Headers,
) -> std::io::Result<()> {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    write_line(out, &LetterLine { topic, key: key.map(text), value: value.map(text), headers })
}
