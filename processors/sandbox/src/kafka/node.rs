// SPDX-License-Identifier: Apache-2.0

//! One node of a cluster: files, process, operations.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::properties::{self, Member, Ports};
use super::{Compiler, KafkaError, Options, archive, chance, fetch};
use crate::process::Guarded;

const LOGGING: &str = include_str!("log4j2.xml");
/// The broker's log line once it serves.
const STARTED: &str = "Kafka Server started";
/// The interval of checks for a starting broker.
const POLL: Duration = Duration::from_millis(50);
/// How long an orderly stop may take before the process is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// The number of log lines in an error.
const TAIL_LINES: usize = 20;

/// A Java with Kafka's jars.
#[derive(Debug, Clone)]
pub(super) struct Java {
    program: PathBuf,
    /// What `java -version` prints.
    pub(super) version: String,
    classpath: String,
    archive: Option<Archive>,
}

/// What a process does with the archive of classes.
#[derive(Debug, Clone)]
enum Archive {
    /// Starts with its classes.
    Read(PathBuf),
    /// Makes it when it ends.
    Write(PathBuf),
}

impl Java {
    /// Finds both; the jars are downloaded on first use.
    pub(super) fn find(progress: &mut dyn FnMut(&str)) -> Result<Java, KafkaError> {
        let (program, version) = fetch::java_with_version()?;
        let libs = fetch::libs(progress)?;
        let libs = std::path::absolute(&libs).map_err(|source| file("find", &libs, source))?;
        let mut java = Java { program, version, classpath: format!("{}/*", libs.display()), archive: None };
        java.archive = archive::find(&java, &libs, progress).map(Archive::Read);
        Ok(java)
    }

    /// One whose broker makes the archive of classes when it ends.
    pub(super) fn recording(&self, archive: &Path) -> Java {
        Java { archive: Some(Archive::Write(archive.to_owned())), ..self.clone() }
    }
}

/// The files of a node.
#[derive(Debug, Clone)]
struct Files {
    properties: PathBuf,
    logging: PathBuf,
    log: PathBuf,
    data: PathBuf,
}

impl Files {
    fn new(folder: &Path) -> Files {
        Files {
            properties: folder.join("server.properties"),
            logging: folder.join("log4j2.xml"),
            log: folder.join("kafka.log"),
            data: folder.join("data"),
        }
    }
}

/// The quorum of a new cluster, for formatting the storage.
#[derive(Debug)]
pub(super) struct Founding {
    pub(super) cluster_id: String,
    /// Further options of the storage tool.
    pub(super) quorum: Vec<String>,
}

/// Everything needed to start a node.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    java: Java,
    files: Files,
    options: Options,
    /// The folder to remove if this process dies before it can.
    scratch: Option<PathBuf>,
}

impl Plan {
    /// A node that keeps its files in this folder, which is created.
    pub(super) fn new(
        java: Java,
        folder: &Path,
        options: &Options,
        scratch: Option<&Path>,
    ) -> Result<Plan, KafkaError> {
        fs::create_dir_all(folder).map_err(|source| file("create", folder, source))?;
        let files = Files::new(folder);
        fs::write(&files.logging, LOGGING).map_err(|source| file("write", &files.logging, source))?;
        Ok(Plan { java, files, options: options.clone(), scratch: scratch.map(Path::to_owned) })
    }

    /// The ports of existing storage, which are part of it.
    pub(super) fn ports_of_old_data(&self) -> Result<Option<Ports>, KafkaError> {
        if !self.files.data.join("meta.properties").exists() {
            return Ok(None);
        }
        let path = &self.files.properties;
        let text = fs::read_to_string(path).map_err(|source| file("read", path, source))?;
        let Some(ports) = properties::ports(&text) else {
            return Err(file("read the ports in", path, io::Error::from(io::ErrorKind::InvalidData)));
        };
        for port in [ports.clients, ports.controller] {
            if !chance::is_free(port) {
                return Err(KafkaError::PortInUse { port });
            }
        }
        Ok(Some(ports))
    }

    pub(super) fn write_properties(&self, member: &Member<'_>) -> Result<(), KafkaError> {
        let Files { properties: path, data, .. } = &self.files;
        let text = properties::server(member, data, &self.options);
        fs::write(path, text).map_err(|source| file("write", path, source))
    }

    /// Removes the data.
    pub(super) fn wipe(&self) -> Result<(), KafkaError> {
        let data = &self.files.data;
        match fs::remove_dir_all(data) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(file("remove", data, source)),
            _ => Ok(()),
        }
    }

    /// The flags of every Java process.
    fn java_flags(&self, compiler: Compiler) -> Vec<String> {
        let flags: &[&str] = match compiler {
            Compiler::Quick => &["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
            Compiler::Full => &[
                "-server",
                "-XX:+UseG1GC",
                "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35",
            ],
        };
        let mut flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        flags.push("-Xshare:auto".to_owned());
        // An archive that does not fit is ignored.
        if let (Compiler::Quick, Some(Archive::Read(path))) = (compiler, &self.java.archive) {
            flags.push(format!("-XX:SharedArchiveFile={}", path.display()));
        }
        flags.push(format!("-Dlog4j2.configurationFile={}", self.files.logging.display()));
        flags
    }

    /// Formats the storage.
    pub(super) fn format(&self, founding: &Founding) -> Result<(), KafkaError> {
        let mut arguments = vec!["format".to_owned()];
        arguments.extend(founding.quorum.iter().cloned());
        arguments.extend(["-t".to_owned(), founding.cluster_id.clone()]);
        for (user, password) in &self.options.users {
            arguments.push("--add-scram".to_owned());
            arguments.push(format!("SCRAM-SHA-512=[name={user},password={password}]"));
        }
        arguments.extend(["-c".to_owned(), self.files.properties.display().to_string()]);
        let output = self.run("kafka.tools.StorageTool", &arguments)?;
        if output.status.success() {
            return Ok(());
        }
        Err(KafkaError::Format { status: output.status.to_string(), said: tail_of(&output) })
    }

    /// Runs one of Kafka's classes to its end.
    fn run(&self, class: &str, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Result<Output, KafkaError> {
        Command::new(&self.java.program)
            .args(self.java_flags(Compiler::Quick))
            .args(["-Xmx128m", "-cp", &self.java.classpath, class])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| KafkaError::File { what: "run java".to_owned(), source })
    }

    /// Starts the node's process; it does not answer yet.
    pub(super) fn spawn(self, ports: Ports) -> Result<Node, KafkaError> {
        let heap = self.options.heap_mb;
        let mut arguments = self.java_flags(self.options.compiler);
        if let Some(Archive::Write(path)) = &self.java.archive {
            arguments.push(format!("-XX:ArchiveClassesAtExit={}", path.display()));
        }
        arguments.extend([
            format!("-Xms{heap}m"),
            format!("-Xmx{heap}m"),
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            "-cp".to_owned(),
            self.java.classpath.clone(),
            "kafka.Kafka".to_owned(),
            self.files.properties.display().to_string(),
        ]);
        let log = &self.files.log;
        let logged = fs::metadata(log).map_or(0, |file| file.len());
        let process = Guarded::start(&self.java.program, &arguments, log, self.scratch.as_deref())
            .map_err(|source| KafkaError::File { what: "start the broker".to_owned(), source })?;
        let bootstrap = format!("127.0.0.1:{}", ports.clients);
        Ok(Node { process, plan: self, ports, bootstrap, logged })
    }
}

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
        &self.plan.files.log
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
        *self = self.plan.clone().spawn(self.ports)?;
        self.await_start()
    }

    /// Waits until it answers.
    pub(super) fn await_start(&mut self) -> Result<(), KafkaError> {
        let begun = Instant::now();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.clients));
        loop {
            let ended = self.process.ended().map_err(|source| of_process("look after", source))?;
            let text = text_from(&self.plan.files.log, self.logged).unwrap_or_default();
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

/// The last lines of a program's output.
pub(crate) fn tail_of(output: &Output) -> String {
    tail(&said(output))
}

/// The complete output of a program.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn of_process(what: &str, source: io::Error) -> KafkaError {
    KafkaError::File { what: format!("{what} the broker"), source }
}

pub(super) fn file(what: &str, path: &Path, source: io::Error) -> KafkaError {
    KafkaError::File { what: format!("{what} {}", path.display()), source }
}

/// The text of a file from a byte offset on.
fn text_from(path: &Path, offset: u64) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_text_is_its_last_lines() {
        let text: String = (0..50).map(|line| format!("{line}\n\n")).collect();
        assert_eq!(tail(&text).lines().count(), TAIL_LINES);
        assert!(tail(&text).ends_with("\n49"));
    }
}
