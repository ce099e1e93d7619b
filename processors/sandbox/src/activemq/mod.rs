// SPDX-License-Identifier: Apache-2.0

//! A temporary Apache ActiveMQ on loopback, Classic or Artemis, downloaded once from Maven Central to Kafka's cache, started in
//! seconds, removed when dropped. It needs the same programs as the Kafka broker.
//!
//! [`Publisher`] sends messages to it by a real JMS client.
//!
//! It has an AMQP, a STOMP and an OpenWire (Artemis: Core) connector, one user, [`USER`], and a user without any rights,
//! [`STRANGER`]. Messages are persistent, and nothing is redelivered to a dead-letter queue by count.

mod error;
mod fetch;
mod files;
mod publisher;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use error::ActiveMqError;
pub use publisher::{Client, Publisher, To};

use crate::kafka::output::tail;
use crate::kafka::{chance, fetch as kafka_fetch};
use crate::process::Guarded;

/// The version of ActiveMQ Classic.
pub const CLASSIC_VERSION: &str = "6.3.1";
/// The version of ActiveMQ Artemis: the newest series for Java 17.
pub const ARTEMIS_VERSION: &str = "2.44.0";
/// The user who may do everything.
pub const USER: &str = "cx";
/// The password of both users.
pub const PASSWORD: &str = "sandbox-password";
/// A user of ActiveMQ Classic who may connect, and has no right on any topic or queue.
pub const STRANGER: &str = "reader";

const POLL: Duration = Duration::from_millis(50);
const START_TIME_MAX: Duration = Duration::from_secs(90);
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ActiveMQ Classic.
    Classic,
    /// ActiveMQ Artemis.
    Artemis,
}

/// A keystore (PKCS#12) for TLS on the AMQP connector of ActiveMQ Classic.
#[derive(Debug, Clone)]
pub struct Keystore {
    /// The file.
    pub file: PathBuf,
    /// Its password.
    pub password: String,
}

/// The ports of a broker, all on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// AMQP 1.0.
    pub amqp: u16,
    /// STOMP.
    pub stomp: u16,
    /// OpenWire; Core for Artemis.
    pub openwire: u16,
}

/// A running broker. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct ActiveMq {
    process: Guarded,
    command: Command,
    ports: Ports,
    is_tls: bool,
    // After the process: fields are dropped in this order.
    home: tempfile::TempDir,
}

/// How it is started.
#[derive(Debug)]
struct Command {
    java: PathBuf,
    arguments: Vec<String>,
}

impl ActiveMq {
    /// Starts a broker and waits until it accepts connections. Reports each step to `progress`.
    ///
    /// # Errors
    /// Something is missing, cannot be downloaded, or the broker does not start: the message has the remedy.
    pub fn start(kind: Kind, progress: &mut dyn FnMut(&str)) -> Result<Self, ActiveMqError> {
        Self::start_with(kind, None, progress)
    }

    /// Like [`ActiveMq::start`], with TLS on the AMQP connector if there is a keystore (Classic only).
    ///
    /// # Errors
    /// As [`ActiveMq::start`].
    pub fn start_with(
        kind: Kind,
        keystore: Option<&Keystore>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, ActiveMqError> {
        let java = kafka_fetch::java()?;
        let jars = fetch::jars(kind, progress)?;
        let port = || chance::free_port().ok_or(ActiveMqError::NoPort);
        let ports = Ports { amqp: port()?, stomp: port()?, openwire: port()? };
        let home = tempfile::Builder::new()
            .prefix("cx-activemq-")
            .tempdir()
            .map_err(error::failed("create a folder in", &std::env::temp_dir()))?;
        let arguments = files::write(kind, home.path(), &jars, ports, keystore)?;
        progress("starting ActiveMQ");
        let command = Command { java, arguments };
        let process = spawn(&command, home.path())?;
        let mut broker = Self { process, command, ports, is_tls: keystore.is_some(), home };
        broker.await_start()?;
        Ok(broker)
    }

    /// The URL of its AMQP connector, as `cx-timelines bridge` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "amqps" } else { "amqp" };
        format!("{scheme}://127.0.0.1:{}", self.ports.amqp)
    }

    /// Its ports.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// The process id. After [`ActiveMq::kill`], that of the killed process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder with its files.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its log.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        log_in(self.home.path())
    }

    /// Kills it (SIGKILL), like a crash. Its data and ports are kept for [`ActiveMq::restart`].
    pub fn kill(&mut self) {
        // If this fails, restarting and dropping try again.
        let _ = self.process.kill();
    }

    /// Kills it, if it runs, and starts it again with its data; waits until it accepts connections.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<(), ActiveMqError> {
        self.kill();
        self.process = spawn(&self.command, self.home.path())?;
        self.await_start()
    }

    /// Pauses it (SIGSTOP): it accepts connections and does not answer.
    ///
    /// # Errors
    /// It cannot be sent a signal.
    pub fn pause(&mut self) -> Result<(), ActiveMqError> {
        self.process.pause().map_err(error::failed("pause", Path::new("ActiveMQ")))
    }

    /// Resumes it.
    ///
    /// # Errors
    /// It cannot be sent a signal.
    pub fn resume(&mut self) -> Result<(), ActiveMqError> {
        self.process.resume().map_err(error::failed("resume", Path::new("ActiveMQ")))
    }

    /// Stops it (SIGTERM), or kills it after 20 seconds.
    pub fn stop(mut self) {
        let _ = self.process.stop(STOP_TIME_MAX);
    }

    fn await_start(&mut self) -> Result<(), ActiveMqError> {
        let begun = Instant::now();
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let accepts = |port| TcpStream::connect_timeout(&address(port), POLL).is_ok();
        while !(accepts(self.ports.amqp) && accepts(self.ports.stomp)) {
            let ended = self.process.ended().map_err(error::failed("look after", Path::new("ActiveMQ")))?;
            if ended.is_some() || begun.elapsed() > START_TIME_MAX {
                let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
                return Err(ActiveMqError::Silent { log: tail(&log) });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

fn log_in(home: &Path) -> PathBuf {
    home.join("activemq.log")
}

fn spawn(command: &Command, home: &Path) -> Result<Guarded, ActiveMqError> {
    Guarded::start(&command.java, &command.arguments, &log_in(home), Some(home))
        .map_err(error::failed("start", Path::new("ActiveMQ")))
}
