// SPDX-License-Identifier: Apache-2.0

//! Java's archive of Kafka's classes (class data sharing, JEP 350): with it a broker starts in about half the time. It is made
//! once for each Kafka and Java, by a broker that is started and stopped for it, and kept beside the jars.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use super::error::file;
use super::java::{Archive, Java};
use super::node::Node;
use super::plan::{Plan, founding};
use super::properties::Member;
use super::{KafkaError, Options, VERSION, chance, fetch};

/// This Java with its archive, which is made if it is missing; or as it is, because a broker starts without it, too. That is so where the
/// jars are not in our cache, or where it cannot be made.
pub(super) fn add_to(java: Java, progress: &mut dyn FnMut(&str)) -> Java {
    match find(&java, progress) {
        Some(archive) => java.with(Archive::Read(archive)),
        None => java,
    }
}

fn find(java: &Java, progress: &mut dyn FnMut(&str)) -> Option<PathBuf> {
    let cache = fetch::cache().ok()?;
    if java.libs.parent() != Some(cache.as_path()) {
        return None;
    }
    let archive = cache.join(name(&java.version));
    if archive.exists() || make(java, &cache, &archive, progress).is_ok() { Some(archive) } else { None }
}

/// The archive's file name. Java refuses the archive of another build of itself, so each has its own.
fn name(java_version: &str) -> String {
    let mut hasher = DefaultHasher::new();
    java_version.hash(&mut hasher);
    format!("kafka-{VERSION}-{:016x}.jsa", hasher.finish())
}

/// Makes the archive, or waits for the process that makes it. It appears atomically, by a rename.
fn make(java: &Java, cache: &Path, archive: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), KafkaError> {
    let lock_path = cache.join("archive.lock");
    let lock = File::create(&lock_path).map_err(|source| file("create", &lock_path, source))?;
    lock.lock().map_err(|source| file("lock", &lock_path, source))?;
    if archive.exists() {
        return Ok(());
    }
    progress("preparing Java's archive of Kafka's classes (some seconds, only this once)");
    remove_leftovers(cache);
    let work = tempfile::Builder::new().prefix("archive-").tempdir_in(cache);
    let work = work.map_err(|source| file("create a folder in", cache, source))?;
    let made = work.path().join("made.jsa");
    run_for(&java.with(Archive::Write(made.clone())), work.path())?;
    fs::rename(&made, archive).map_err(|source| file("rename the archive to", archive, source))
}

/// Starts and stops a broker in this folder.
fn run_for(java: &Java, folder: &Path) -> Result<(), KafkaError> {
    let plan = Plan::new(java.clone(), &folder.join("node"), &Options::default(), Some(folder))?;
    let ports = chance::free_ports(1)?;
    let ports = *ports.first().ok_or(KafkaError::NoPorts)?;
    plan.write_properties(&Member { id: 1, ports, controllers: &[ports.controller] })?;
    plan.format(&founding(&[ports.controller]))?;
    let mut node = Node::start(plan, ports)?;
    node.await_start()?;
    node.stop();
    Ok(())
}

/// Removes archives of other versions, and what a process left that was killed. Requires the lock.
fn remove_leftovers(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let removed: io::Result<()> = match &*name {
            name if name.starts_with("archive-") => fs::remove_dir_all(&path),
            name if name.starts_with("kafka-") && name.ends_with(".jsa") => fs::remove_file(&path),
            _ => Ok(()),
        };
        // What cannot be removed only takes space.
        let _ = removed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_build_of_java_has_an_archive_of_its_own() {
        assert_eq!(name("17.0.15+6"), name("17.0.15+6"));
        assert_ne!(name("17.0.15+6"), name("17.0.16+8"));
    }

    #[test]
    fn archives_of_other_versions_and_unfinished_ones_are_removed_and_nothing_else() {
        let cache = tempfile::tempdir().unwrap();
        let home = cache.path().join(format!("kafka-{VERSION}"));
        fs::create_dir(&home).unwrap();
        fs::create_dir(cache.path().join("archive-x")).unwrap();
        fs::write(cache.path().join("kafka-4.0.0-0.jsa"), "").unwrap();
        remove_leftovers(cache.path());
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
        assert!(home.exists());
    }
}
