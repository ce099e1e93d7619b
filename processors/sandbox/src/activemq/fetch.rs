// SPDX-License-Identifier: Apache-2.0

//! The jars, from a cache that Maven fills once.

use std::path::{Path, PathBuf};

use super::error::ActiveMqError;
use super::{ARTEMIS_VERSION, CLASSIC_VERSION, Kind};
use crate::kafka::fetch;
use crate::kafka::output::tail_of;

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

/// The folder with the jars, which are downloaded on first use.
pub(super) fn jars(kind: Kind, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, ActiveMqError> {
    let wanted = wanted(kind);
    let Wanted { name, version, .. } = wanted;
    let cache = fetch::cache().map_err(|_| ActiveMqError::NoCache)?;
    let failed = |what, source| ActiveMqError::File { what, source };
    fetch::cached(
        &cache,
        &format!("{name}-{version}"),
        &|folder| wanted.is_in(folder),
        &failed,
        &mut |work| {
            progress(&format!("fetching {name} {version} from Maven Central (only this once)"));
            let jars = work.join("jars");
            let output = fetch::copy_dependencies(work, &wanted.pom.replace("@VERSION@", version), &jars)
                .map_err(|source| failed("run mvn".to_owned(), source))?;
            if output.status.success() && wanted.is_in(&jars) {
                return Ok(jars);
            }
            let what = format!("{name} {version}");
            Err(ActiveMqError::Fetch { what, status: output.status.to_string(), said: tail_of(&output) })
        },
    )
}
