//! A throw-away Apache Kafka on loopback: one KRaft node ([`Kafka`]) or several ([`Cluster`]), fetched once, started
//! in seconds, gone when dropped.
//!
//! It needs a Java of at least 17, and Maven for the first start; [`available`] says what is missing. The jars are
//! kept in the user's cache folder (`$XDG_CACHE_HOME/cx-timelines`, else `~/.cache/cx-timelines`); a folder named by
//! the environment variable `CX_KAFKA_LIBS` is used instead of it.
//!
//! The broker dies with the program that started it, even when that is killed. Ctrl-C at the terminal does not
//! reach it, so that the program can stop its own work before it stops the broker.

pub(crate) mod chance;
mod cluster;
mod error;
pub(crate) mod fetch;
pub(crate) mod node;
mod properties;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use cluster::Cluster;
pub use error::{KafkaError, Missing};
pub use node::Node;

/// The version of Apache Kafka that is fetched and run: the newest that finishes every transaction (KAFKA-20734, see pom.xml).
pub const VERSION: &str = "4.2.1";

/// Whether a broker can be started here, as far as one can tell without the network.
///
/// # Errors
/// Says what is missing and how to install it: a Java of at least 17, or else Maven where the jars are not cached.
pub fn available() -> Result<(), Missing> {
    fetch::available()
}

/// One more place where a broker of one node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in the broker's properties, in capitals.
    pub name: String,
    /// `SSL`, `SASL_SSL`, ….
    pub protocol: String,
    /// Its port, on loopback; see [`free_port`].
    pub port: u16,
}

/// A port on loopback that nobody listens on.
///
/// # Errors
/// None was found.
pub fn free_port() -> Result<u16, KafkaError> {
    chance::free_port().ok_or(KafkaError::NoPorts)
}

/// How Java runs a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// Only the quick compiler and the smallest collector: it starts soon and takes little, and stays slow.
    Quick,
    /// As Kafka's own scripts do it: slower at first, while it compiles, then faster. For what measures.
    Full,
}

/// How a broker is to be started. [`Options::default`] suits tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it keeps its data. `None`: in a temporary folder that is removed in the end. A folder that was used
    /// before is used on, with its ports.
    pub data_dir: Option<PathBuf>,
    /// The size of its heap, in MB.
    pub heap_mb: u32,
    /// How its program is compiled while it runs.
    pub compiler: Compiler,
    /// How many partitions a topic gets that is created without saying how many.
    pub partitions_default: u32,
    /// Where it listens besides. How these are secured is said by `extra_properties`.
    pub listeners: Vec<Listener>,
    /// Users with their passwords that it knows from the beginning, by SCRAM-SHA-512.
    pub users: Vec<(String, String)>,
    /// More lines for `server.properties`; they win over those that are there.
    pub extra_properties: Vec<(String, String)>,
    /// How long it may take to answer.
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

/// A running broker: a cluster of one node. Dropping it kills the process and removes its temporary folder;
/// [`Kafka::stop`] ends it in order.
#[derive(Debug)]
pub struct Kafka {
    node: Node,
    // After the node: fields are dropped in this order, and the process goes first.
    home: cluster::Home,
}

impl Kafka {
    /// Starts a broker and waits until it answers. `progress` is told each step in a few words.
    ///
    /// # Errors
    /// When something is missing (the message says what to install), when the jars cannot be fetched (check the
    /// network), or when the broker does not come up (the message carries the end of its log).
    pub fn start(options: Options, progress: &mut dyn FnMut(&str)) -> Result<Kafka, KafkaError> {
        let (node, home) = cluster::one(options, progress)?;
        Ok(Kafka { node, home })
    }

    /// Where clients connect: `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        self.node.bootstrap()
    }

    /// The process id of the broker. After [`Kafka::kill`], that of the one that was killed.
    pub fn pid(&self) -> u32 {
        self.node.pid()
    }

    /// The broker's log. A restarted broker goes on in the same file.
    pub fn log_path(&self) -> &Path {
        self.node.log_path()
    }

    /// The folder with the broker's data, configuration and log.
    pub fn data_dir(&self) -> &Path {
        self.home.path()
    }

    /// Ends the broker in order (SIGTERM), or by force when it has not ended in 20 seconds, and removes its
    /// temporary folder.
    pub fn stop(mut self) {
        self.node.stop();
    }

    /// Runs one of Kafka's own tools, by its class; gives what it printed.
    ///
    /// # Errors
    /// It cannot be run, or says that it failed.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<String, KafkaError> {
        self.node.tool(class, arguments)
    }

    /// Ends the broker at once, as a crash would (SIGKILL). Its data and ports are kept for [`Kafka::restart`].
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Kills the broker, if it runs, and starts it again on the same data and ports; waits until it answers.
    ///
    /// # Errors
    /// When it does not come up again; the message carries the end of its log.
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
