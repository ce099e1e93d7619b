// SPDX-License-Identifier: Apache-2.0

//! The instance that a load test starts: this program in its own process, so that its cost can be separated from the test's.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::CommandFactory;
use edge::Stop;
use rustix::process::{Pid, Signal, kill_process};

use super::flags;
use super::scrape::Scrape;
use crate::cli::bench::BenchArgs;
use crate::cli::{Cli, Global};
use crate::trial;

/// The group's first rebalance takes some seconds.
const READY_MAX: Duration = Duration::from_secs(120);
const STOP_MAX: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How many of its last log lines a failure message includes.
const LAST_LINES: usize = 15;
/// Environment variables for users' instances that must not reach this one.
const NOT_FOR_IT: [&str; 6] = [
    "CX_HTTP_TLS_CERT",
    "CX_HTTP_TLS_KEY",
    "CX_HTTP_TOKEN",
    "CX_HTTP_TOKEN_FILE",
    "CX_ADVERTISE",
    "CX_NO_CREATE_TOPICS",
];

/// A running instance. It ends when this is dropped.
pub struct Instance {
    child: Child,
    log: PathBuf,
    http: String,
    agent: ureq::Agent,
}

impl Instance {
    /// Starts it; it is not ready yet.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(global: &Global, args: &BenchArgs, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join("instance.log");
        let said = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let program = std::env::current_exe().context("where this program lies is not known")?;
        // Another process could take the port before the instance does, which is unlikely.
        let http = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr())?;
        let mut command = Command::new(program);
        command.arg("run").args(flags::given_on(&Cli::command(), &Cli::command().get_matches()));
        command.arg("--config").arg(global.config.as_deref().unwrap_or(Path::new("topics.yaml")));
        command.args(["--group", &global.group, "--http", &http.to_string(), "--no-create-topics"]);
        command.args(["--membership", "classic", "--standbys", "0", "--ends-with-parent"]);
        command.args(["--workers", &args.workers.to_string(), "--memory", &format!("{}B", args.memory)]);
        if let Some(state) = &global.state_dir {
            command.arg("--state-dir").arg(state);
        }
        for name in NOT_FOR_IT {
            command.env_remove(name);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            // Ctrl-C is for the test, which then stops the instance.
            .process_group(0)
            .spawn()
            .context("the instance cannot be started")?;
        // Loopback requests need no proxy.
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .build();
        Ok(Self { child, log, http: format!("http://{http}"), agent: agent.into() })
    }

    /// Waits until it is ready; `false` when the test was stopped first.
    ///
    /// # Errors
    /// It ended, or was not ready in time: the message has its last log lines.
    pub fn await_ready(&mut self, stop: &Stop) -> anyhow::Result<bool> {
        let begun = Instant::now();
        while !stop.is_requested() {
            self.check()?;
            let answer = self.agent.get(format!("{}/health/ready", self.http)).call();
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return Ok(true);
            }
            if begun.elapsed() > READY_MAX {
                bail!("the instance was not ready after {} s{}", READY_MAX.as_secs(), self.last_lines());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(false)
    }

    /// # Errors
    /// It ended unexpectedly.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait().context("the instance cannot be asked after")? {
            None => Ok(()),
            Some(status) => Err(anyhow!("the instance ended with {status}{}", self.last_lines())),
        }
    }

    /// Reads its metrics.
    ///
    /// # Errors
    /// It does not answer.
    pub fn scrape(&self) -> anyhow::Result<Scrape> {
        let answer = self.agent.get(format!("{}/metrics", self.http)).call();
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        Ok(Scrape::of(&text.context("the metrics of the instance cannot be read")?))
    }

    /// Its peak memory, where the system reports it.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        trial::peak_memory_bytes(self.child.id())
    }

    /// Stops it as a user would.
    ///
    /// # Errors
    /// It did not stop properly.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.check()?;
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).context("the instance cannot be stopped")?;
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_MAX {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the instance's stop failed with {status}{}", self.last_lines());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(anyhow!("the instance did not stop within {} s{}", STOP_MAX.as_secs(), self.last_lines()))
    }

    fn last_lines(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
        if last.is_empty() { String::new() } else { format!("; its last lines:\n  {}", last.join("\n  ")) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // After a regular stop there is no process to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
