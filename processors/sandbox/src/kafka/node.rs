// SPDX-License-Identifier: Apache-2.0

//! One node of a cluster: its process, and what can be done with it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::java::Java;
use super::output::{said, tail, text_from};
use super::plan::Plan;
use super::properties::Ports;
use super::{Compiler, KafkaError};
use crate::process::Guarded;

/// The broker's log line once it serves.
const STARTED: &str = "Kafka Server started";
/// The interval of checks for a starting broker.
const POLL: Duration = Duration::from_millis(50);
/// How long an orderly stop may take before the process is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A node of a cluster, both broker and controller. Dropping it kills its process.
#[derive(Debug)]
pub struct Node {
    process: Guarded,
    plan: Plan,
    ports: Ports,
    bootstrap: String,
    /// The log's length when this process started.
    logged: u64,
}

impl Node {
    /// Starts the node's process; it does not answer yet.
    pub(super) fn start(plan: Plan, ports: Ports) -> Result<Node, KafkaError> {
        let (process, logged) = plan.start()?;
        let bootstrap = format!("127.0.0.1:{}", ports.clients);
        Ok(Node { process, plan, ports, bootstrap, logged })
    }

    /// The bootstrap server: `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The process id. Of a node that was killed or stopped, the former process's.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its log. A restarted node appends to the same file.
    pub fn log_path(&self) -> &Path {
        self.plan.log()
    }

    /// Runs one of Kafka's tools, by its class; returns its output.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<String, KafkaError> {
        let output = self.plan.run(class, arguments)?;
        let status = output.status;
        let said = said(&output);
        if status.success() {
            return Ok(said);
        }
        Err(KafkaError::Tool { class: class.to_owned(), status: status.to_string(), said: tail(&said) })
    }

    /// See [`super::Kafka::start_program`].
    pub(super) fn start_program(
        &self,
        class: &str,
        heap_mb: u32,
        arguments: &[String],
        log: &Path,
    ) -> Result<Guarded, KafkaError> {
        let Java { program, classpath, .. } = &self.plan.java;
        let mut all = self.plan.java_flags(Compiler::Quick);
        all.extend([format!("-Xmx{heap_mb}m"), "-cp".to_owned(), classpath.clone(), class.to_owned()]);
        all.extend_from_slice(arguments);
        Guarded::start(program, &all, log, None)
            .map_err(|source| KafkaError::File { what: format!("start {class}"), source })
    }

    /// Stops it (SIGTERM), or kills it after 20 seconds. Data and ports are kept.
    pub fn stop(&mut self) {
        // If this fails, dropping it kills it.
        let _ = self.process.stop(STOP_PATIENCE);
    }

    /// Kills it (SIGKILL), like a crash. Data and ports are kept.
    pub fn kill(&mut self) {
        // If this fails, restarting and dropping try again.
        let _ = self.process.kill();
    }

    /// Pauses its process (SIGSTOP): connections stay open without answers.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn pause(&mut self) -> Result<(), KafkaError> {
        self.process.pause().map_err(|source| of_process("pause", source))
    }

    /// Resumes a paused process (SIGCONT).
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn resume(&mut self) -> Result<(), KafkaError> {
        self.process.resume().map_err(|source| of_process("resume", source))
    }

    /// Kills it, if it runs, and starts it again with the same data and ports; waits until it answers.
    ///
    /// # Errors
    /// It does not start; the message has the end of its log.
    pub fn restart(&mut self) -> Result<(), KafkaError> {
        self.process.kill().map_err(|source| of_process("kill", source))?;
        *self = Node::start(self.plan.clone(), self.ports)?;
        self.await_start()
    }

    /// Waits until it answers.
    pub(super) fn await_start(&mut self) -> Result<(), KafkaError> {
        let begun = Instant::now();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.clients));
        loop {
            let ended = self.process.ended().map_err(|source| of_process("look after", source))?;
            let text = text_from(self.plan.log(), self.logged).unwrap_or_default();
            if let Some(status) = ended {
                return Err(KafkaError::Ended { status: status.to_string(), log: tail(&text) });
            }
            if text.contains(STARTED) && TcpStream::connect_timeout(&address, POLL).is_ok() {
                return Ok(());
            }
            let waited = begun.elapsed();
            if waited > self.plan.options.start_within {
                return Err(KafkaError::Slow { waited, log: tail(&text) });
            }
            std::thread::sleep(POLL);
        }
    }
}

fn of_process(what: &str, source: io::Error) -> KafkaError {
    KafkaError::File { what: format!("{what} the broker"), source }
}
