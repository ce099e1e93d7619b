// SPDX-License-Identifier: Apache-2.0

//! Errors of a broker, with remedies.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::VERSION;
use super::chance::PORT_RANGE;

/// What is missing to run a broker. The message says how to get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// Java cannot be run.
    #[error(
        "no Java was found (tried `{program}`): install a Java runtime of version 17 or later \
         (Debian, Ubuntu: `apt install openjdk-17-jre-headless`), or point JAVA_HOME at one",
        program = program.display()
    )]
    Java {
        /// The program that was tried.
        program: PathBuf,
    },
    /// Java is too old for Kafka.
    #[error(
        "`{program}` is Java {found}, and Kafka needs 17 or later: install one \
         (Debian, Ubuntu: `apt install openjdk-17-jre-headless`), or point JAVA_HOME at it",
        program = program.display()
    )]
    OldJava {
        /// Its major version.
        found: u32,
        /// The program that was tried.
        program: PathBuf,
    },
    /// The jars are not cached, and Maven is missing, which would download them.
    #[error(
        "Kafka's jars are not in the cache and `mvn`, which fetches them, was not found: install Maven \
         (Debian, Ubuntu: `apt install maven`), or set CX_KAFKA_LIBS to the `libs` folder of a Kafka {VERSION}"
    )]
    Maven,
    /// `CX_KAFKA_LIBS` names a folder without Kafka's jars.
    #[error(
        "CX_KAFKA_LIBS names {folder}, which holds no kafka_2.13-*.jar: set it to the `libs` folder of a \
         Kafka {VERSION}, or unset it",
        folder = folder.display()
    )]
    Jars {
        /// The folder.
        folder: PathBuf,
    },
}

/// Why a broker could not be downloaded, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// Something that has to be installed first.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// There is no folder for the jars.
    #[error(
        "no folder to keep Kafka's jars in: set HOME or XDG_CACHE_HOME, or CX_KAFKA_LIBS to a folder with the jars"
    )]
    NoCache,
    /// Maven could not download the jars.
    #[error(
        "Maven could not fetch Apache Kafka {VERSION} ({status}); is the network there? It said:\n{said}"
    )]
    Fetch {
        /// How Maven ended.
        status: String,
        /// The end of its output.
        said: String,
    },
    /// The storage could not be formatted.
    #[error("Kafka could not format its storage ({status}):\n{said}")]
    Format {
        /// How the tool ended.
        status: String,
        /// The end of its output.
        said: String,
    },
    /// One of Kafka's tools failed.
    #[error("{class} failed ({status}):\n{said}")]
    Tool {
        /// The tool.
        class: String,
        /// How it ended.
        status: String,
        /// The end of its output.
        said: String,
    },
    /// The broker ended while it started.
    #[error("Kafka ended while it started ({status}); the end of its log:\n{log}")]
    Ended {
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The broker did not answer in time.
    #[error("Kafka did not answer within {} s; is the machine short of memory or time? The end of its log:\n{log}", waited.as_secs())]
    Slow {
        /// How long it was waited for.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// The ports of an existing data directory are taken.
    #[error(
        "port {port} of the broker is in use: stop the program that listens there (another broker on the same data?)"
    )]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// No two free ports were found.
    #[error("no free ports were found between {} and {} on 127.0.0.1", PORT_RANGE.start, PORT_RANGE.end)]
    NoPorts,
    /// A cluster needs a node.
    #[error("a cluster needs at least one node")]
    NoNodes,
    /// A file or process operation failed.
    #[error("cannot {what}: {source}")]
    File {
        /// The operation.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

/// The error of an operation on a file.
pub(super) fn file(what: &str, path: &Path, source: io::Error) -> KafkaError {
    KafkaError::File { what: format!("{what} {}", path.display()), source }
}
