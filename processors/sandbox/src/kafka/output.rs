// SPDX-License-Identifier: Apache-2.0

//! What programs say: the ends of their outputs and logs, for errors.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Output;

/// The number of lines in an error.
const TAIL_LINES: usize = 20;

/// The last lines of a program's output.
pub(crate) fn tail_of(output: &Output) -> String {
    tail(&said(output))
}

/// The complete output of a program.
pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The text of a file from a byte offset on.
pub(super) fn text_from(path: &Path, offset: u64) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_text_is_its_last_lines() {
        let text: String = (0..50).map(|line| format!("{line}\n\n")).collect();
        assert_eq!(tail(&text).lines().count(), TAIL_LINES);
        assert!(tail(&text).ends_with("\n49"));
    }
}
