// SPDX-License-Identifier: Apache-2.0

//! Everything needed to start a node: its files, its storage, the flags of its process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::error::file;
use super::java::{Archive, Java};
use super::output::tail_of;
use super::properties::{self, Member, Ports};
use super::{Compiler, KafkaError, Options, chance};
use crate::process::Guarded;

const LOGGING: &str = include_str!("log4j2.xml");

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

/// The storage tool's option with the controllers.
pub(super) fn founding(controllers: &[u16]) -> Founding {
    let quorum = if let [_] = controllers {
        vec!["--standalone".to_owned()]
    } else {
        let one = |(id, port): (u16, &u16)| format!("{id}@127.0.0.1:{port}:{}", chance::id());
        let all: Vec<String> = (1..).zip(controllers).map(one).collect();
        vec!["--initial-controllers".to_owned(), all.join(",")]
    };
    Founding { cluster_id: chance::id(), quorum }
}

/// Everything needed to start a node.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) java: Java,
    files: Files,
    pub(super) options: Options,
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

    /// The node's log.
    pub(super) fn log(&self) -> &Path {
        &self.files.log
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
    pub(super) fn java_flags(&self, compiler: Compiler) -> Vec<String> {
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
    pub(super) fn run(
        &self,
        class: &str,
        arguments: &[impl AsRef<std::ffi::OsStr>],
    ) -> Result<Output, KafkaError> {
        Command::new(&self.java.program)
            .args(self.java_flags(Compiler::Quick))
            .args(["-Xmx128m", "-cp", &self.java.classpath, class])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| KafkaError::File { what: "run java".to_owned(), source })
    }

    /// Starts the node's process. Returns it with the length that its log had before.
    pub(super) fn start(&self) -> Result<(Guarded, u64), KafkaError> {
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
        Ok((process, logged))
    }
}
