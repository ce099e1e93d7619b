// SPDX-License-Identifier: Apache-2.0

//! A temporary Apache Kafka on loopback: one KRaft node ([`Kafka`]) or several ([`Cluster`]), downloaded once, started in
//! seconds, removed when dropped.
//!
//! It needs Java 17 or later, and Maven for the first start; [`available`] reports what is missing. The jars are kept in the
//! user's cache folder (`$XDG_CACHE_HOME/cx-timelines`, else `~/.cache/cx-timelines`); the environment variable `CX_KAFKA_LIBS`
//! names another folder.
//!
//! The broker ends with the program that started it, even if that is killed. Ctrl-C at the terminal does not reach it, so that
//! the program can stop its own work first.

mod archive;
pub(crate) mod chance;
mod cluster;
mod error;
pub(crate) mod fetch;
mod java;
mod node;
pub(crate) mod output;
mod plan;
mod properties;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use cluster::Cluster;
pub use error::{KafkaError, Missing};
pub use node::Node;

use crate::process::Guarded;

/// The version of Apache Kafka: the newest that finishes every transaction (KAFKA-20734, see pom.xml).
pub const VERSION: &str = "4.2.1";

/// Whether a broker can be started here, as far as known without the network.
///
/// # Errors
/// Something is missing: Java 17 or later, or Maven if the jars are not cached. The message says how to install it.
pub fn available() -> Result<(), Missing> {
    fetch::available()
}

/// Whether Kafka's jars are here already, so that a start fetches nothing.
#[must_use]
pub fn is_fetched() -> bool {
    fetch::is_fetched()
}

/// An additional listener of a single-node broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in the broker's properties, in capitals.
    pub name: String,
    /// `SSL`, `SASL_SSL`, ….
    pub protocol: String,
    /// Its port, on loopback; see [`free_port`].
    pub port: u16,
}

/// A free port on loopback.
///
/// # Errors
/// None was found.
pub fn free_port() -> Result<u16, KafkaError> {
    chance::free_port().ok_or(KafkaError::NoPorts)
}

/// The JIT compiler settings of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// Only the fast compiler and the smallest collector: it starts quickly, uses little memory, and stays slow.
    Quick,
    /// As Kafka's own scripts set it: slower at first, then faster. For measurements.
    Full,
}

/// Options of a broker. [`Options::default`] suits tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder; `None` for a temporary folder that is removed at the end. An existing folder is used again, with its
    /// ports.
    pub data_dir: Option<PathBuf>,
    /// The size of its heap, in MB.
    pub heap_mb: u32,
    /// The JIT compiler settings.
    pub compiler: Compiler,
    /// The default partition count of topics.
    pub partitions_default: u32,
    /// Additional listeners. `extra_properties` configures their security.
    pub listeners: Vec<Listener>,
    /// Users with passwords, for SCRAM-SHA-512.
    pub users: Vec<(String, String)>,
    /// More lines for `server.properties`, which override the others.
    pub extra_properties: Vec<(String, String)>,
    /// The start timeout.
    pub start_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            data_dir: None,
            heap_mb: 256,
            compiler: Compiler::Quick,
            partitions_default: 4,
            listeners: Vec::new(),
            users: Vec::new(),
            extra_properties: Vec::new(),
            start_within: Duration::from_secs(60),
        }
    }
}

/// A running broker: a cluster of one node. Dropping it kills the process and removes its temporary folder; [`Kafka::stop`]
/// stops it properly.
#[derive(Debug)]
pub struct Kafka {
    node: Node,
    // After the node: fields are dropped in this order, and the process goes first.
    home: cluster::Home,
}

impl Kafka {
    /// Starts a broker and waits until it answers. Reports each step to `progress`.
    ///
    /// # Errors
    /// Something is missing (the message says what to install), the jars cannot be downloaded (check the network), or the
    /// broker does not start (the message has the end of its log).
    pub fn start(options: Options, progress: &mut dyn FnMut(&str)) -> Result<Kafka, KafkaError> {
        let (node, home) = cluster::one(options, progress)?;
        Ok(Kafka { node, home })
    }

    /// The bootstrap server: `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        self.node.bootstrap()
    }

    /// The broker's process id. After [`Kafka::kill`], that of the killed process.
    pub fn pid(&self) -> u32 {
        self.node.pid()
    }

    /// The broker's log. A restarted broker appends to the same file.
    pub fn log_path(&self) -> &Path {
        self.node.log_path()
    }

    /// The folder with the broker's data, configuration and log.
    pub fn data_dir(&self) -> &Path {
        self.home.path()
    }

    /// Stops the broker (SIGTERM), or kills it after 20 seconds, and removes its temporary folder.
    pub fn stop(mut self) {
        self.node.stop();
    }

    /// Runs one of Kafka's tools, by its class; returns its output.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<String, KafkaError> {
        self.node.tool(class, arguments)
    }

    /// Starts another of Kafka's programs by its class, such as a worker of Kafka Connect. Its output is appended to `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_program(
        &self,
        class: &str,
        heap_mb: u32,
        arguments: &[String],
        log: &Path,
    ) -> Result<Guarded, KafkaError> {
        self.node.start_program(class, heap_mb, arguments, log)
    }

    /// Kills the broker (SIGKILL), like a crash. Its data and ports are kept for [`Kafka::restart`].
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Kills the broker, if it runs, and starts it again with the same data and ports; waits until it answers.
    ///
    /// # Errors
    /// It does not start; the message has the end of its log.
    pub fn restart(&mut self) -> Result<(), KafkaError> {
        self.node.restart()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{SocketAddr, TcpStream};
    use std::time::Instant;

    use super::*;
    use crate::process::runs;

    #[test]
    fn a_broker_starts_answers_survives_a_kill_and_leaves_nothing_behind() {
        if let Err(missing) = available() {
            eprintln!("skipped: {missing}");
            return;
        }
        let mut said = Vec::new();
        let begun = Instant::now();
        let mut kafka = Kafka::start(Options::default(), &mut |line| said.push(line.to_owned())).unwrap();
        eprintln!("started in {:?}, saying {said:?}", begun.elapsed());
        let folder = kafka.data_dir().to_owned();
        let first = kafka.pid();
        let address: SocketAddr = kafka.bootstrap().parse().unwrap();
        TcpStream::connect(address).unwrap();
        assert!(runs(first));
        assert!(address.ip().is_loopback());

        let begun = Instant::now();
        kafka.restart().unwrap();
        eprintln!("restarted in {:?}", begun.elapsed());
        let second = kafka.pid();
        assert_ne!(first, second);
        assert!(!runs(first));
        assert!(runs(second));
        assert_eq!(kafka.bootstrap(), address.to_string());
        TcpStream::connect(address).unwrap();

        let begun = Instant::now();
        kafka.stop();
        eprintln!("stopped in {:?}", begun.elapsed());
        assert!(!runs(second));
        assert!(TcpStream::connect(address).is_err());
        assert!(!folder.exists());
    }

    #[test]
    fn a_broker_in_a_kept_folder_comes_back_with_its_ports_and_a_bad_setting_shows_the_log() {
        if let Err(missing) = available() {
            eprintln!("skipped: {missing}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let options =
            Options { data_dir: Some(folder.path().join("kept")), heap_mb: 192, ..Options::default() };
        let kafka = Kafka::start(options.clone(), &mut |_| {}).unwrap();
        let (address, pid) = (kafka.bootstrap().to_owned(), kafka.pid());
        let id = |kafka: &Kafka| fs::read_to_string(kafka.data_dir().join("data/meta.properties")).unwrap();
        let cluster = id(&kafka);
        drop(kafka);
        assert!(!runs(pid));

        let kafka = Kafka::start(options.clone(), &mut |_| {}).unwrap();
        assert_eq!(kafka.bootstrap(), address);
        assert_eq!(id(&kafka), cluster);
        let clean = kafka.data_dir().join("data/.kafka_cleanshutdown");
        kafka.stop();
        assert!(clean.exists(), "the broker was not stopped in order");

        let extra_properties = vec![("num.io.threads".to_owned(), "many".to_owned())];
        let error = Kafka::start(Options { extra_properties, ..options }, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("num.io.threads"), "{error}");
    }

    #[test]
    fn of_three_nodes_one_may_be_killed_stopped_or_paused_and_comes_back() {
        if let Err(missing) = available() {
            eprintln!("skipped: {missing}");
            return;
        }
        let begun = Instant::now();
        let options = Options { heap_mb: 192, ..Options::default() };
        let mut cluster = Cluster::start(3, options, &mut |_| {}).unwrap();
        eprintln!("three nodes started in {:?}", begun.elapsed());
        let folder = cluster.data_dir().to_owned();
        assert_eq!(cluster.bootstrap().split(',').count(), 3);
        let [first, second, third] = cluster.nodes_mut() else { panic!("not three nodes") };
        first.kill();
        assert!(!runs(first.pid()));
        second.pause().unwrap();
        second.resume().unwrap();
        first.restart().unwrap();
        assert!(runs(first.pid()));
        third.stop();
        assert!(!runs(third.pid()));
        assert!(folder.join("node-3/data/.kafka_cleanshutdown").exists(), "it was not stopped in order");
        third.restart().unwrap();
        let pids: Vec<u32> = cluster.nodes().iter().map(Node::pid).collect();
        assert!(pids.iter().all(|pid| runs(*pid)));
        drop(cluster);
        assert!(!pids.iter().any(|pid| runs(*pid)));
        assert!(!folder.exists());
    }
}
