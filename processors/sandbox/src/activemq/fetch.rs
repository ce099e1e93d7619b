// SPDX-License-Identifier: Apache-2.0

//! The jars, from a cache that Maven fills once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{ActiveMqError, failed};
use super::{ARTEMIS_VERSION, CLASSIC_VERSION, Kind};
use crate::kafka::node::tail;
use crate::kafka::{Missing, fetch};

/// What is downloaded.
struct Wanted {
    name: &'static str,
    version: &'static str,
    pom: &'static str,
    /// A jar that identifies the folder.
    core_jar: &'static str,
}

fn wanted(kind: Kind) -> Wanted {
    match kind {
        Kind::Classic => Wanted {
            name: "activemq",
            version: CLASSIC_VERSION,
            pom: include_str!("classic.pom.xml"),
            core_jar: "activemq-broker-",
        },
        Kind::Artemis => Wanted {
            name: "artemis",
            version: ARTEMIS_VERSION,
            pom: include_str!("artemis.pom.xml"),
            core_jar: "artemis-server-",
        },
    }
}

impl Wanted {
    fn is_in(&self, folder: &Path) -> bool {
        folder.join(format!("{}{}.jar", self.core_jar, self.version)).is_file()
    }
}

/// The folder with the jars, which are downloaded on first use. Safe for concurrent processes, like Kafka's.
pub(super) fn jars(kind: Kind, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, ActiveMqError> {
    let wanted = wanted(kind);
    let cache = fetch::cache().map_err(|_| ActiveMqError::NoCache)?;
    let home = cache.join(format!("{}-{}", wanted.name, wanted.version));
    if wanted.is_in(&home) {
        return Ok(home);
    }
    fs::create_dir_all(&cache).map_err(failed("create", &cache))?;
    let lock_path = cache.join("fetch.lock");
    let lock = File::create(&lock_path).map_err(failed("create", &lock_path))?;
    lock.lock().map_err(failed("lock", &lock_path))?;
    if wanted.is_in(&home) {
        return Ok(home);
    }
    fetch::remove_leftovers(&cache);
    if !fetch::answers("mvn", "-v") {
        return Err(Missing::Maven.into());
    }
    progress(&format!("fetching {} {} from Maven Central (only this once)", wanted.name, wanted.version));
    let work = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(&cache)
        .map_err(failed("create a folder in", &cache))?;
    let pom = work.path().join("pom.xml");
    fs::write(&pom, wanted.pom.replace("@VERSION@", wanted.version)).map_err(failed("write", &pom))?;
    let jars = work.path().join("jars");
    copy_dependencies(&wanted, &pom, &jars)?;
    if home.exists() {
        fs::remove_dir_all(&home).map_err(failed("remove", &home))?;
    }
    fs::rename(&jars, &home).map_err(failed("rename the fetched jars to", &home))?;
    Ok(home)
}

fn copy_dependencies(wanted: &Wanted, pom: &Path, jars: &Path) -> Result<(), ActiveMqError> {
    let output = Command::new("mvn")
        .args(["-q", "-B", "-Dstyle.color=never", "-f"])
        .arg(pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", jars.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(failed("run", Path::new("mvn")))?;
    if output.status.success() && wanted.is_in(jars) {
        return Ok(());
    }
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let what = format!("{} {}", wanted.name, wanted.version);
    Err(ActiveMqError::Fetch { what, status: output.status.to_string(), said: tail(&said) })
}
