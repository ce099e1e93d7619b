// SPDX-License-Identifier: Apache-2.0

//! What is measured: each a command line, so that all are processes of their own and measured alike.

use cx_timelines_tests::program;

/// Only copies the records: what no pipeline can be better than.
pub(crate) const COPYING: &str = "copying";
/// The same, with as many records as [`ACTIVITIES`] writes: what no program with state can be better than.
const COPYING_MORE: &str = "copying, with a changelog";
/// This program with one processor, its state in memory.
pub(crate) const ACTIVITIES: &str = "activities";
/// The same, its state on disk.
pub(crate) const ACTIVITIES_ON_DISK: &str = "activities, on disk";
/// This program without flags, with state in memory.
pub(crate) const ALL: &str = "all processors";
const ALL_ON_DISK: &str = "all processors, on disk";

/// The names that are taken.
pub(crate) const BUILT_IN: [&str; 6] =
    [COPYING, COPYING_MORE, ACTIVITIES, ACTIVITIES_ON_DISK, ALL, ALL_ON_DISK];

/// A program named on the command line.
#[derive(Debug, Clone)]
pub(crate) struct Sut {
    /// How it is called in the tables.
    pub(crate) name: String,
    /// For a shell.
    pub(crate) command: String,
}

/// One of the systems.
pub(crate) struct System {
    /// How it is called in the tables.
    pub(crate) name: String,
    /// Program and arguments, with places for the broker and the state.
    arguments: Vec<String>,
}

impl System {
    fn new(name: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name: name.to_owned(), arguments }
    }

    /// `run` of this program.
    fn ours(name: &str, flags: &[&str]) -> Self {
        let program = program();
        let run = [program.to_str().unwrap(), "run", "--bootstrap", "{bootstrap}", "--http", "127.0.0.1:0"];
        Self::new(name, &[&run[..], flags].concat())
    }

    /// Program and arguments, for this broker and this state.
    pub(crate) fn arguments(&self, bootstrap: &str, state: &str) -> Vec<String> {
        let filled = |argument: &String| argument.replace("{bootstrap}", bootstrap).replace("{state}", state);
        self.arguments.iter().map(filled).collect()
    }
}

/// Those that are always measured, then those that were named.
pub(crate) fn all(named: &[Sut]) -> Vec<System> {
    let this = std::env::current_exe().unwrap();
    let copy = [this.to_str().unwrap(), "copy", "{bootstrap}"];
    let only_activities = ["--processors", "activities"];
    let on_disk = ["--state-dir", "{state}"];
    let mut systems = vec![
        System::new(COPYING, &copy),
        System::new(COPYING_MORE, &[&copy[..], &["--changelog"]].concat()),
        System::ours(ACTIVITIES, &only_activities),
        System::ours(ACTIVITIES_ON_DISK, &[only_activities, on_disk].concat()),
        System::ours(ALL, &[]),
        System::ours(ALL_ON_DISK, &on_disk),
    ];
    // The shell cuts the command into words, then is the program itself.
    let shell = |sut: &Sut| System::new(&sut.name, &["sh", "-c", &format!("exec {}", sut.command)]);
    systems.extend(named.iter().map(shell));
    systems
}
