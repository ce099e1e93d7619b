// SPDX-License-Identifier: Apache-2.0

//! A system that runs, and what it uses.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sandbox::Guarded;

use crate::systems::System;

/// A stop that takes longer is made short.
const STOP_MAX: Duration = Duration::from_secs(30);
/// How often new descendants are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How much of a system's output a failure message includes.
const LAST_LINES: usize = 15;

/// What processes have used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time, user and system, in seconds.
    pub(crate) cpu: f64,
    /// The sum of the most memory that each has taken, in MiB.
    pub(crate) peak_mib: f64,
}

impl Usage {
    /// Of these processes; those that are gone have used nothing.
    pub(crate) fn of(pids: &[u32]) -> Self {
        let cpu = pids.iter().filter_map(|pid| stat(*pid)).map(|stat| stat.cpu).sum();
        let peaks = pids.iter().filter_map(|pid| sandbox::peak_memory_bytes(*pid));
        Self { cpu, peak_mib: peaks.sum::<u64>() as f64 / f64::from(1 << 20) }
    }
}

/// A running system. It ends with this, and if this program is killed, it is too.
pub(crate) struct Running {
    process: Guarded,
    /// All that it starts is in its process group, with its watchdog alone.
    group: u32,
    log: PathBuf,
    /// When it was started.
    pub(crate) started: Instant,
    pids: Vec<u32>,
    looked: Instant,
}

impl Running {
    /// Starts it. Its state and what it says lie in the folder.
    pub(crate) fn start(system: &System, bootstrap: &str, folder: &Path) -> Self {
        let (log, state) = (folder.join("log"), folder.join("state"));
        fs::create_dir(&state).unwrap();
        let state = state.to_str().unwrap();
        let mut arguments = vec![format!("STATE_DIR={state}")];
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            // Settings of a user's, which are not meant for this.
            if name.starts_with("CX_") {
                arguments.splice(0..0, ["-u".to_owned(), name]);
            }
        }
        arguments.extend(system.arguments(bootstrap, state));
        let started = Instant::now();
        // `env` becomes the program, so the process is the program's.
        let process = Guarded::start(Path::new("env"), &arguments, &log, Some(folder)).unwrap();
        let pids = vec![process.pid()];
        // Of one that has ended already nothing is known: no group has this number.
        let group = stat(process.pid()).map_or(u32::MAX, |stat| stat.group);
        Self { process, group, log, started, pids, looked: started }
    }

    /// What it and its descendants have used.
    pub(crate) fn usage(&mut self) -> Usage {
        if self.looked.elapsed() > LOOK_EVERY {
            self.pids = tree(self.process.pid());
            self.looked = Instant::now();
        }
        Usage::of(&self.pids)
    }

    /// # Errors
    /// It has ended, which it should not have.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.process.ended().unwrap() {
            None => Ok(()),
            Some(status) => Err(format!("it ended with {status}{}", self.last_lines())),
        }
    }

    /// What it said last.
    pub(crate) fn last_lines(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        if last.is_empty() { String::new() } else { format!("; it said last:\n  {}", last.join("\n  ")) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.process.stop(STOP_MAX) {
            eprintln!("a system cannot be stopped: {error}");
        }
        // What its command left behind.
        let left = |(pid, stat): (u32, Stat)| (stat.group == self.group).then_some(pid);
        for pid in processes().filter_map(left) {
            let _ = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
        }
    }
}

/// A process and all its descendants, itself first.
fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, stat) in processes() {
        children.entry(stat.parent).or_default().push(pid);
    }
    let mut pids = vec![root];
    let mut next = 0;
    while let Some(pid) = pids.get(next) {
        pids.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    pids
}

/// All that there are.
fn processes() -> impl Iterator<Item = (u32, Stat)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?)))
}

struct Stat {
    parent: u32,
    group: u32,
    /// With that of the children that it has reaped, in seconds.
    cpu: f64,
}

/// None where the process is gone.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    let cpu = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Some(Stat { parent: fields[1].parse().ok()?, group: fields[2].parse().ok()?, cpu })
}
