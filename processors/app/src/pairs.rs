// SPDX-License-Identifier: Apache-2.0

//! Files with one KEY=VALUE per line and `#` for comments: the place for secrets. Errors never repeat a value.

use std::path::Path;

use anyhow::Context;

/// A line of the file.
pub struct Pair {
    /// The file and line, for errors.
    pub place: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Reads all lines.
///
/// # Errors
/// The file cannot be read, or a line is invalid.
pub fn read(file: &Path) -> anyhow::Result<Vec<Pair>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{}:{number}", file.display());
        let (key, value) = line.split_once('=').with_context(|| format!("{place}: write KEY=VALUE"))?;
        pairs.push(Pair { place, key: key.trim().to_owned(), value: value.trim().to_owned() });
    }
    Ok(pairs)
}
