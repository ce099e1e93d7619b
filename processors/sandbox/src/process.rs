// SPDX-License-Identifier: Apache-2.0

//! A child process that ends with its parent, in every case.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Starts the command, and kills it when our end of its standard input closes.
const WATCHDOG: &str = include_str!("watchdog.sh");
/// The interval of checks for a process's end.
const POLL: Duration = Duration::from_millis(20);

/// A running command behind its watchdog: a shell in its own process group, so that Ctrl-C at the terminal reaches only us and
/// we stop the command properly.
#[derive(Debug)]
pub struct Guarded {
    /// The shell. It ends when the command has ended, and reaps it.
    watchdog: Child,
    /// Its standard input, taken from it, because waiting for a child would close it. Never written to.
    lifeline: Option<ChildStdin>,
    /// The command itself.
    pid: u32,
}

impl Guarded {
    /// Starts `program` with `arguments`. Its output is appended to `log`. If this process dies first, the program is killed,
    /// and `scratch` is removed.
    ///
    /// # Errors
    /// There is no shell, or it ended at once. A program that cannot be run is reported in the log, and has ended.
    pub fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
        scratch: Option<&Path>,
    ) -> io::Result<Guarded> {
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "cx-watchdog"])
            .arg(log)
            .arg(scratch.unwrap_or(Path::new("")))
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = watchdog.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let lifeline = watchdog.stdin.take();
        match line.trim().parse() {
            Ok(pid) => Ok(Guarded { watchdog, lifeline, pid }),
            Err(_) => {
                let status = watchdog.wait()?;
                Err(io::Error::other(format!(
                    "the shell that watches over the process ended at once ({status})"
                )))
            }
        }
    }

    /// The command's process id (not its watchdog's).
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The command's exit status, if it has ended.
    ///
    /// # Errors
    /// The system does not report it.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.watchdog.try_wait()
    }

    /// Asks the command to end; kills it if it has not within `timeout`.
    ///
    /// # Errors
    /// It cannot be sent a signal.
    pub fn stop(&mut self, timeout: Duration) -> io::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        signal("TERM", self.pid)?;
        let until = Instant::now() + timeout;
        while Instant::now() < until {
            if self.ended()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        self.kill()
    }

    /// Pauses the command, if it runs.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        self.send("STOP")
    }

    /// Resumes a paused command.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.send("CONT")
    }

    fn send(&mut self, name: &str) -> io::Result<()> {
        // Until the watchdog has reaped it, its process id is not reused.
        if self.ended()?.is_none() { signal(name, self.pid) } else { Ok(()) }
    }

    /// Kills the command (SIGKILL), if it runs.
    ///
    /// # Errors
    /// It cannot be sent a signal.
    pub fn kill(&mut self) -> io::Result<()> {
        if self.ended()?.is_none() {
            // The watchdog has not reaped it yet, so the process id is not reused.
            signal("KILL", self.pid)?;
            self.watchdog.wait()?;
        }
        Ok(())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // If this fails, closing the lifeline makes the watchdog do it.
        let _ = self.kill();
        drop(self.lifeline.take());
    }
}

/// Sends a signal with the shell's `kill`, because the program of that name does not exist everywhere.
fn signal(name: &str, pid: u32) -> io::Result<()> {
    // A process that has just ended is no error: the caller checks for its end next.
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "cx-kill", name, &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(|_| ())
}

/// The peak memory of a process, where the system reports it.
#[must_use]
pub fn peak_memory_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Whether a process runs; one that has ended but is not reaped does not.
#[cfg(test)]
pub(crate) fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(scratch: Option<&Path>, log: &Path) -> Guarded {
        Guarded::start(Path::new("sleep"), &["600".to_owned()], log, scratch).unwrap()
    }

    fn within_seconds(mut holds: impl FnMut() -> bool) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if holds() {
                return true;
            }
            std::thread::sleep(POLL);
        }
        false
    }

    #[test]
    fn a_stopped_process_is_gone_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper(None, &folder.path().join("log"));
        let pid = process.pid();
        assert!(runs(pid));
        assert!(process.ended().unwrap().is_none());
        process.stop(Duration::from_secs(5)).unwrap();
        assert!(!runs(pid));
        assert!(process.ended().unwrap().is_some());
        process.kill().unwrap();
    }

    #[test]
    fn a_process_whose_starter_vanishes_is_killed_and_its_folder_removed() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let mut process = sleeper(Some(&scratch), &folder.path().join("log"));
        let pid = process.pid();
        assert!(runs(pid));
        // What the system does to the lifeline of a killed process.
        drop(process.lifeline.take());
        assert!(within_seconds(|| !runs(pid)), "the process outlived its starter");
        assert!(within_seconds(|| !scratch.exists()), "the folder was left behind");
    }

    #[test]
    fn a_dropped_process_is_killed_and_keeps_the_folder_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(Some(folder.path()), &folder.path().join("log"));
        let pid = process.pid();
        drop(process);
        assert!(!runs(pid));
        assert!(folder.path().exists());
    }
}
