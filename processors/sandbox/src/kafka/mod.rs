//! A throw-away Apache Kafka on loopback: one KRaft node, fetched once, started in seconds, gone when dropped.
//!
//! It needs a Java of at least 17, and Maven for the first start; [`available`] says what is missing. The jars are
//! kept in the user's cache folder (`$XDG_CACHE_HOME/cx-timelines`, else `~/.cache/cx-timelines`); a folder named by
//! the environment variable `CX_KAFKA_LIBS` is used instead of it.
//!
//! The broker dies with the program that started it, even when that is killed. Ctrl-C at the terminal does not
//! reach it, so that the program can stop its own work before it stops the broker.

mod error;
mod fetch;
mod process;
mod properties;

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

pub use error::{KafkaError, Missing};
use process::Guarded;
use properties::Ports;

/// The version of Apache Kafka that is fetched and run.
pub const VERSION: &str = "4.3.1";

const LOGGING: &str = include_str!("log4j2.xml");
/// What the broker writes once it serves.
const STARTED: &str = "Kafka Server started";
/// How often a starting broker is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How long an orderly stop may take before the process is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How many pairs of ports are tried when another program takes one between our look and the broker's bind.
const ATTEMPTS: u32 = 3;
/// Below the range out of which systems give ports to outgoing connections: a client that tries to reach a broker
/// that is down must not happen to connect to itself, and nobody must take the port while the broker restarts.
const PORT_RANGE: std::ops::Range<u16> = 20_000..32_000;
/// How much of the end of a log goes into an error.
const TAIL_LINES: usize = 20;

/// Whether a broker can be started here, as far as one can tell without the network.
///
/// # Errors
/// Says what is missing and how to install it: a Java of at least 17, or else Maven where the jars are not cached.
pub fn available() -> Result<(), Missing> {
    fetch::available()
}

/// How a broker is to be started. [`Options::default`] suits tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it keeps its data. `None`: in a temporary folder that is removed in the end. A folder that was used
    /// before is used on, with its ports.
    pub data_dir: Option<PathBuf>,
    /// The size of its heap, in MB.
    pub heap_mb: u32,
    /// How many partitions a topic gets that is created without saying how many.
    pub partitions_default: u32,
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
            partitions_default: 4,
            extra_properties: Vec::new(),
            start_within: Duration::from_secs(60),
        }
    }
}

/// Where the broker keeps its things.
#[derive(Debug)]
enum Home {
    /// In a folder of the caller's.
    Kept(PathBuf),
    /// In a folder that goes with it.
    Thrown(TempDir),
}

impl Home {
    fn path(&self) -> &Path {
        match self {
            Home::Kept(path) => path,
            Home::Thrown(folder) => folder.path(),
        }
    }

    /// What is to be removed if this process dies without a chance to do so.
    fn scratch(&self) -> Option<&Path> {
        match self {
            Home::Kept(_) => None,
            Home::Thrown(folder) => Some(folder.path()),
        }
    }
}

/// A running broker. Dropping it kills the process and removes its temporary folder; [`Kafka::stop`] ends it in
/// order.
#[derive(Debug)]
pub struct Kafka {
    // Before the folder: fields are dropped in this order, and the process goes first.
    process: Guarded,
    home: Home,
    /// The files in it, made absolute.
    files: Files,
    java: PathBuf,
    classpath: String,
    bootstrap: String,
    ports: Ports,
    options: Options,
}

/// The files of a broker.
#[derive(Debug, Clone)]
struct Files {
    properties: PathBuf,
    logging: PathBuf,
    log: PathBuf,
    data: PathBuf,
}

impl Files {
    fn new(home: &Path) -> Files {
        Files {
            properties: home.join("server.properties"),
            logging: home.join("log4j2.xml"),
            log: home.join("kafka.log"),
            data: home.join("data"),
        }
    }
}

impl Kafka {
    /// Starts a broker and waits until it answers. `progress` is told each step in a few words.
    ///
    /// # Errors
    /// When something is missing (the message says what to install), when the jars cannot be fetched (check the
    /// network), or when the broker does not come up (the message carries the end of its log).
    pub fn start(options: Options, progress: &mut dyn FnMut(&str)) -> Result<Kafka, KafkaError> {
        let java = fetch::java()?;
        let libs = fetch::libs(progress)?;
        let libs = std::path::absolute(&libs).map_err(|source| file("find", &libs, source))?;
        let classpath = format!("{}/*", libs.display());
        let home = match &options.data_dir {
            Some(folder) => {
                fs::create_dir_all(folder).map_err(|source| file("create", folder, source))?;
                Home::Kept(fs::canonicalize(folder).map_err(|source| file("find", folder, source))?)
            }
            None => {
                let folder = tempfile::Builder::new().prefix("cx-kafka-").tempdir();
                Home::Thrown(folder.map_err(|source| KafkaError::File {
                    what: "create a temporary folder".to_owned(),
                    source,
                })?)
            }
        };
        let files = Files::new(home.path());
        fs::write(&files.logging, LOGGING).map_err(|source| file("write", &files.logging, source))?;
        let plan = Plan { java, classpath, files, options };
        plan.start(home, progress)
    }

    /// Where clients connect: `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The process id of the broker. After [`Kafka::kill`], that of the one that was killed.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The broker's log. A restarted broker goes on in the same file.
    pub fn log_path(&self) -> &Path {
        &self.files.log
    }

    /// The folder with the broker's data, configuration and log.
    pub fn data_dir(&self) -> &Path {
        self.home.path()
    }

    /// Ends the broker in order (SIGTERM), or by force when it has not ended in 20 seconds, and removes its
    /// temporary folder.
    pub fn stop(mut self) {
        // Where this fails, dropping it kills it.
        let _ = self.process.stop(STOP_PATIENCE);
    }

    /// Ends the broker at once, as a crash would (SIGKILL). Its data and ports are kept for [`Kafka::restart`].
    pub fn kill(&mut self) {
        // Where this fails there is nothing left to do: restarting and dropping try again.
        let _ = self.process.kill();
    }

    /// Kills the broker, if it runs, and starts it again on the same data and ports; waits until it answers.
    ///
    /// # Errors
    /// When it does not come up again; the message carries the end of its log.
    pub fn restart(&mut self) -> Result<(), KafkaError> {
        let process = |what: &str, source| KafkaError::File { what: format!("{what} the broker"), source };
        self.process.kill().map_err(|source| process("kill", source))?;
        let plan = Plan {
            java: self.java.clone(),
            classpath: self.classpath.clone(),
            files: self.files.clone(),
            options: self.options.clone(),
        };
        self.process = plan.run(self.ports, self.home.scratch())?;
        Ok(())
    }
}

/// All that it takes to start a broker, but its ports.
struct Plan {
    java: PathBuf,
    classpath: String,
    files: Files,
    options: Options,
}

impl Plan {
    /// Formats the storage if it is new, and starts the broker.
    fn start(self, home: Home, progress: &mut dyn FnMut(&str)) -> Result<Kafka, KafkaError> {
        let old = self.ports_of_old_data()?;
        let mut attempt = 1;
        loop {
            let ports = match old {
                Some(ports) => ports,
                None => free_ports()?,
            };
            self.write_properties(ports)?;
            if old.is_none() {
                progress("formatting the storage of Apache Kafka");
                self.format()?;
            }
            progress(&format!("starting Apache Kafka {VERSION} on 127.0.0.1:{}", ports.clients));
            match self.run(ports, home.scratch()) {
                Ok(process) => {
                    let Plan { java, classpath, files, options } = self;
                    let bootstrap = format!("127.0.0.1:{}", ports.clients);
                    return Ok(Kafka { process, home, files, java, classpath, bootstrap, ports, options });
                }
                // Another program was quicker to bind: the ports are part of the storage, so begin anew.
                Err(KafkaError::Ended { log, .. })
                    if old.is_none() && attempt < ATTEMPTS && log.contains("already in use") =>
                {
                    attempt += 1;
                    let data = &self.files.data;
                    fs::remove_dir_all(data).map_err(|source| file("remove", data, source))?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The ports of storage that was formatted earlier; they are kept, for they are written in it.
    fn ports_of_old_data(&self) -> Result<Option<Ports>, KafkaError> {
        if !self.files.data.join("meta.properties").exists() {
            return Ok(None);
        }
        let path = &self.files.properties;
        let text = fs::read_to_string(path).map_err(|source| file("read", path, source))?;
        let Some(ports) = properties::ports(&text) else {
            return Err(file("read the ports in", path, io::Error::from(io::ErrorKind::InvalidData)));
        };
        for port in [ports.clients, ports.controller] {
            if !is_free(port) {
                return Err(KafkaError::PortInUse { port });
            }
        }
        Ok(Some(ports))
    }

    fn write_properties(&self, ports: Ports) -> Result<(), KafkaError> {
        let Files { properties: path, data, .. } = &self.files;
        let Options { partitions_default, extra_properties, .. } = &self.options;
        let text = properties::server(ports, data, *partitions_default, extra_properties);
        fs::write(path, text).map_err(|source| file("write", path, source))
    }

    /// What every Java here is started with: a small collector, only the quick compiler.
    fn java_flags(&self) -> Vec<String> {
        vec![
            "-XX:+UseSerialGC".to_owned(),
            "-XX:TieredStopAtLevel=1".to_owned(),
            "-Xshare:auto".to_owned(),
            format!("-Dlog4j2.configurationFile={}", self.files.logging.display()),
        ]
    }

    fn format(&self) -> Result<(), KafkaError> {
        let output = Command::new(&self.java)
            .args(self.java_flags())
            .args(["-Xmx128m", "-cp", &self.classpath, "kafka.tools.StorageTool", "format", "--standalone"])
            .args(["-t", &cluster_id(), "-c"])
            .arg(&self.files.properties)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| KafkaError::File { what: "run java".to_owned(), source })?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = tail(&String::from_utf8_lossy(&said));
        Err(KafkaError::Format { status: output.status.to_string(), said })
    }

    /// Starts the broker's process and waits until it answers.
    fn run(&self, ports: Ports, scratch: Option<&Path>) -> Result<Guarded, KafkaError> {
        let heap = self.options.heap_mb;
        let mut arguments = self.java_flags();
        arguments.extend([
            format!("-Xms{heap}m"),
            format!("-Xmx{heap}m"),
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            "-cp".to_owned(),
            self.classpath.clone(),
            "kafka.Kafka".to_owned(),
            self.files.properties.display().to_string(),
        ]);
        let log = &self.files.log;
        let logged = fs::metadata(log).map_or(0, |file| file.len());
        let begun = Instant::now();
        let mut process = Guarded::start(&self.java, &arguments, log, scratch)
            .map_err(|source| KafkaError::File { what: "start the broker".to_owned(), source })?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.clients));
        loop {
            let ended = process
                .ended()
                .map_err(|source| KafkaError::File { what: "look after the broker".to_owned(), source })?;
            let text = text_from(log, logged).unwrap_or_default();
            if let Some(status) = ended {
                return Err(KafkaError::Ended { status: status.to_string(), log: tail(&text) });
            }
            if text.contains(STARTED) && TcpStream::connect_timeout(&address, POLL).is_ok() {
                return Ok(process);
            }
            let waited = begun.elapsed();
            if waited > self.options.start_within {
                return Err(KafkaError::Slow { waited, log: tail(&text) });
            }
            std::thread::sleep(POLL);
        }
    }
}

fn file(what: &str, path: &Path, source: io::Error) -> KafkaError {
    KafkaError::File { what: format!("{what} {}", path.display()), source }
}

/// The text of a file from an offset in bytes on.
fn text_from(path: &Path, offset: u64) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
}

/// A generator for what need not be repeatable: ports and cluster ids.
fn chance() -> ChaCha8Rng {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(std::process::id()) ^ (now.as_secs() << 32));
    rng.set_stream(u64::from(now.subsec_nanos()));
    rng
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Two ports that nobody listens on.
fn free_ports() -> Result<Ports, KafkaError> {
    let mut rng = chance();
    let mut free = (0..1_000).map(|_| rng.random_range(PORT_RANGE)).filter(|port| is_free(*port));
    let clients = free.next().ok_or(KafkaError::NoPorts)?;
    let controller = free.find(|port| *port != clients).ok_or(KafkaError::NoPorts)?;
    Ok(Ports { clients, controller })
}

/// A cluster id as Kafka wants it: 16 bytes in the URL-safe base 64, not beginning with a dash.
fn cluster_id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = chance();
    let mut id: String = (0..21)
        .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
        .map(|letter| char::from(*letter))
        .collect();
    // Of the last letter only two bits are used; the others must be 0.
    id.push('A');
    id
}

#[cfg(test)]
mod tests {
    use super::process::runs;
    use super::*;

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
    fn a_cluster_id_is_sixteen_bytes_and_begins_with_a_letter_or_digit() {
        let id = cluster_id();
        assert_eq!(id.len(), 22);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn the_tail_of_a_text_is_its_last_lines() {
        let text: String = (0..50).map(|line| format!("{line}\n\n")).collect();
        assert_eq!(tail(&text).lines().count(), TAIL_LINES);
        assert!(tail(&text).ends_with("\n49"));
    }
}
