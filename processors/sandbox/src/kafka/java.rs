// SPDX-License-Identifier: Apache-2.0

//! A Java with Kafka's jars, and the archive of classes with which it starts.

use std::path::PathBuf;

use super::error::file;
use super::{KafkaError, fetch};

/// A Java with Kafka's jars.
#[derive(Debug, Clone)]
pub(super) struct Java {
    pub(super) program: PathBuf,
    /// What `java -version` prints.
    pub(super) version: String,
    /// The folder of the jars.
    pub(super) libs: PathBuf,
    pub(super) classpath: String,
    pub(super) archive: Option<Archive>,
}

/// What a process does with the archive of classes.
#[derive(Debug, Clone)]
pub(super) enum Archive {
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
        let classpath = format!("{}/*", libs.display());
        Ok(Java { program, version, libs, classpath, archive: None })
    }

    /// One whose brokers do this with the archive of classes.
    pub(super) fn with(&self, archive: Archive) -> Java {
        Java { archive: Some(archive), ..self.clone() }
    }
}
