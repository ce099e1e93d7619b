// SPDX-License-Identifier: Apache-2.0

//! The input: generated events in a file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;

use sandbox::conversations::{Conversations, Options, Size, Traffic};

/// A file of events, one on each line. It has no name, so nothing is left of it however this program ends.
pub(crate) struct Events {
    file: File,
    /// How many there are.
    pub(crate) count: usize,
    /// Of all values.
    pub(crate) bytes: usize,
}

impl Events {
    /// Whole conversations until there are at least `count` events, interleaved by time. In memory are only those conversations
    /// that have not ended when the next one begins.
    pub(crate) fn write(traffic: Traffic, size: Size, seed: u64, count: usize) -> Self {
        let file = tempfile::tempfile().unwrap();
        let mut out = Out { file: BufWriter::new(file), count: 0, bytes: 0 };
        let mut later: BinaryHeap<Reverse<(i64, usize, String)>> = BinaryHeap::new();
        let mut number = 0;
        for conversation in Conversations::new(Options { seed, size, traffic, ..Options::default() }) {
            let begins = conversation.first().map_or(i64::MIN, |planned| planned.at_ms);
            while later.peek().is_some_and(|Reverse((at, ..))| *at < begins) {
                let Some(Reverse((.., value))) = later.pop() else { break };
                out.write(value);
            }
            if number >= count {
                break;
            }
            for planned in conversation {
                // The number keeps the order of those that come at the same time.
                later.push(Reverse((planned.at_ms, number, planned.value)));
                number += 1;
            }
        }
        while let Some(Reverse((.., value))) = later.pop() {
            out.write(value);
        }
        Self { file: out.file.into_inner().unwrap(), count: out.count, bytes: out.bytes }
    }

    /// Where another program finds it while this one runs.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }
}

struct Out {
    file: BufWriter<File>,
    count: usize,
    bytes: usize,
}

impl Out {
    fn write(&mut self, value: String) {
        self.count += 1;
        self.bytes += value.len();
        let mut line = value.into_bytes();
        line.push(b'\n');
        self.file.write_all(&line).unwrap();
    }
}
