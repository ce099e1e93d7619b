// SPDX-License-Identifier: Apache-2.0

//! What a process measures of itself and reports to the one that started it.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use testkit::{process_micros, thread_micros};

/// Reports a figure by its key.
pub(crate) fn report(key: &str, figure: impl Display) {
    println!("{key}\t{figure}");
}

/// Processor time, from a start: of the calling thread within measured calls, and of all other threads.
pub(crate) struct Busy {
    caller: f64,
    others: f64,
}

impl Busy {
    pub(crate) fn start() -> Self {
        Self { caller: 0.0, others: others_micros() }
    }

    /// Measures a call.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let began = thread_micros();
        let result = call();
        self.caller += thread_micros() - began;
        result
    }

    /// Microseconds of the calling thread.
    pub(crate) fn caller(&self) -> f64 {
        self.caller
    }

    /// Microseconds of all threads.
    pub(crate) fn all(&self) -> f64 {
        self.caller + others_micros() - self.others
    }
}

/// Microseconds that the processor has worked for the other threads of this process.
fn others_micros() -> f64 {
    process_micros() - thread_micros()
}

/// The peak of this process's resident memory, in MiB.
pub(crate) fn peak_memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

/// What the files take on the disk.
pub(crate) fn file_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => file_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            // A store removes files in the background.
            Err(_) => 0,
        })
        .sum()
}
