// SPDX-License-Identifier: Apache-2.0

//! The schedule: its hash, and its lines if requested.

use std::fmt;

/// FNV-1a over all lines.
struct Hash(u64);

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

/// The schedule of one run.
pub(super) struct Trace {
    hash: Hash,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(keep_lines: bool) -> Self {
        Self { hash: Hash(0xcbf2_9ce4_8422_2325), lines: keep_lines.then(Vec::new) }
    }

    /// Notes an event at this simulated time.
    pub(super) fn note(&mut self, now_ms: u64, what: fmt::Arguments<'_>) {
        // Writing into a number cannot fail.
        let _ = fmt::Write::write_fmt(&mut self.hash, what);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now_ms:>7} ms  {what}"));
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.0
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
