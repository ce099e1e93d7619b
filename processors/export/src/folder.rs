// SPDX-License-Identifier: Apache-2.0

//! The directory of an export: its manifest, its lock, and what a killed run has left.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::changes::Versions;
use crate::error::{Difference, Error};
use crate::manifest::{MANIFEST_NAME, Manifest};

const LOCK_NAME: &str = "_cx-timelines.lock";
/// Files that are being written, and temporary files without a name.
const WORK_NAME: &str = "_work";

/// What an export has of its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Which versions.
    pub versions: Versions,
    /// Only records from this time on, in epoch milliseconds.
    pub since_ms: Option<i64>,
    /// Only records up to this time, in epoch milliseconds.
    pub until_ms: Option<i64>,
}

/// A directory with an export. One process at a time has it.
pub struct Folder {
    pub(crate) dir: PathBuf,
    pub(crate) selection: Selection,
    pub(crate) manifest: Manifest,
    /// Held until the end of the process, however it ends.
    _lock: File,
}

impl Folder {
    /// Opens a directory, which is created if it is missing, for an export of this cluster and group.
    ///
    /// # Errors
    /// It has other files, an export of something else, or another export is running; or the system refuses.
    pub fn open(dir: &Path, cluster: &str, group: &str, selection: Selection) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::system("created", dir))?;
        let found = Manifest::read(dir)?;
        if found.is_none() {
            check_empty(dir)?;
        }
        let lock = lock(dir)?;
        // Written meanwhile by the process that held the lock.
        let found = Manifest::read(dir)?;
        let manifest = match found {
            Some(manifest) => {
                check(dir, &manifest, cluster, group, selection)?;
                manifest
            }
            None => {
                let Selection { versions, since_ms, until_ms } = selection;
                let manifest = Manifest::new(cluster, group, versions, since_ms, until_ms);
                manifest.write(dir)?;
                manifest
            }
        };
        let folder = Self { dir: dir.to_owned(), selection, manifest, _lock: lock };
        folder.clean()?;
        Ok(folder)
    }

    /// The topics of which something has been exported, or begun: all of them have to be brought up to date, since something may
    /// have been erased in them.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        self.manifest.topics.keys().cloned().collect()
    }

    /// The folder of a topic.
    #[must_use]
    pub fn of_topic(&self, topic: &str) -> PathBuf {
        self.dir.join(topic)
    }

    /// The folder of files that are not finished.
    pub(crate) fn work(&self) -> PathBuf {
        self.dir.join(WORK_NAME)
    }

    /// Removes what a killed run has left.
    fn clean(&self) -> Result<(), Error> {
        let work = self.work();
        if work.exists() {
            fs::remove_dir_all(&work).map_err(Error::system("removed", &work))?;
        }
        fs::create_dir(&work).map_err(Error::system("created", &work))?;
        let unfinished = format!("{MANIFEST_NAME}.");
        for entry in fs::read_dir(&self.dir).map_err(Error::system("read", &self.dir))? {
            let path = entry.map_err(Error::system("read", &self.dir))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&unfinished)) {
                fs::remove_file(&path).map_err(Error::system("removed", &path))?;
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The next run removes what this one cannot.
        let _ = fs::remove_dir(self.work());
    }
}

/// A process that was killed before it wrote a manifest leaves no more than a lock.
fn check_empty(dir: &Path) -> Result<(), Error> {
    let unfinished = format!("{MANIFEST_NAME}.");
    for entry in fs::read_dir(dir).map_err(Error::system("read", dir))? {
        let name = entry.map_err(Error::system("read", dir))?.file_name();
        let name = name.to_string_lossy();
        if name != LOCK_NAME && !name.starts_with(&unfinished) {
            return Err(Error::NotEmpty { dir: dir.to_owned() });
        }
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_NAME);
    let file = File::create(&path).map_err(Error::system("created", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::system("locked", &path)(error)),
    }
}

fn check(
    dir: &Path,
    manifest: &Manifest,
    cluster: &str,
    group: &str,
    selection: Selection,
) -> Result<(), Error> {
    let differs = |difference| Err(Error::Differs { dir: dir.to_owned(), difference });
    if manifest.cluster != cluster {
        return differs(Difference::Cluster {
            found: manifest.cluster.clone(),
            expected: cluster.to_owned(),
        });
    }
    if manifest.group != group {
        return differs(Difference::Group { found: manifest.group.clone(), expected: group.to_owned() });
    }
    if manifest.versions != selection.versions {
        let found = match manifest.versions {
            Versions::Final => "final",
            Versions::All => "all",
        };
        return differs(Difference::Flag { flag: "--versions", found: Some(found.to_owned()) });
    }
    let times = [
        ("--since", manifest.since_ms, selection.since_ms),
        ("--until", manifest.until_ms, selection.until_ms),
    ];
    for (flag, found, expected) in times {
        if found != expected {
            return differs(Difference::Flag { flag, found: found.map(|ms| ms.to_string()) });
        }
    }
    Ok(())
}
