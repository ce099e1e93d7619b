// SPDX-License-Identifier: Apache-2.0

//! The broker's Java, and Kafka's jars from a cache that Maven fills once.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{KafkaError, Missing, VERSION};

/// The jar that identifies a folder with Kafka's libraries.
const CORE_JAR: &str = "kafka_2.13-";
/// The oldest Java version for this Kafka.
const LEAST_JAVA: u32 = 17;
const POM: &str = include_str!("pom.xml");

/// The folder named by `CX_KAFKA_LIBS`, if any.
fn named_libs() -> Option<PathBuf> {
    std::env::var_os("CX_KAFKA_LIBS").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The program's cache folder.
pub(crate) fn cache() -> Result<PathBuf, KafkaError> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    // According to the base directory specification, a relative path is ignored.
    let base = set("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .ok_or(KafkaError::NoCache)?;
    Ok(base.join("cx-timelines"))
}

/// Whether this folder holds Kafka's core jar.
fn holds_jars(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(CORE_JAR) && name.ends_with(".jar")
        })
    })
}

/// See [`super::available`].
pub(super) fn available() -> Result<(), Missing> {
    java()?;
    if let Some(folder) = named_libs() {
        return if holds_jars(&folder) { Ok(()) } else { Err(Missing::Jars { folder }) };
    }
    if is_fetched() || answers("mvn", "-v") { Ok(()) } else { Err(Missing::Maven) }
}

/// See [`super::is_fetched`].
pub(super) fn is_fetched() -> bool {
    let of_the_cache = || cache().ok().map(|cache| cache.join(format!("kafka-{VERSION}")));
    named_libs().or_else(of_the_cache).is_some_and(|folder| holds_jars(&folder))
}

/// Whether the program can be run.
fn answers(program: &str, flag: &str) -> bool {
    Command::new(program)
        .arg(flag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The Java of `JAVA_HOME`, else the one on the path.
pub(crate) fn java() -> Result<PathBuf, Missing> {
    java_with_version().map(|(java, _)| java)
}

/// Like [`java`], with what `java -version` prints.
pub(super) fn java_with_version() -> Result<(PathBuf, String), Missing> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin").join("java"));
    let java = home.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("java"));
    let output = Command::new(&java)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .map_err(|_| Missing::Java { program: java.clone() })?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    match major(&said) {
        Some(found) if found >= LEAST_JAVA => Ok((java, said)),
        Some(found) => Err(Missing::OldJava { found, program: java }),
        None => Err(Missing::Java { program: java }),
    }
}

/// The major version in the output of `java -version`: `version "17.0.15"`, `version "21"`, `version "1.8.0_402"`.
fn major(said: &str) -> Option<u32> {
    let version = said.split("version \"").nth(1)?;
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    let first: u32 = parts.next()?.parse().ok()?;
    if first == 1 { parts.next()?.parse().ok() } else { Some(first) }
}

/// The folder with the jars, which are downloaded on first use.
pub(super) fn libs(progress: &mut dyn FnMut(&str)) -> Result<PathBuf, KafkaError> {
    if let Some(folder) = named_libs() {
        return if holds_jars(&folder) { Ok(folder) } else { Err(Missing::Jars { folder }.into()) };
    }
    libs_in(&cache()?, progress)
}

/// Like [`libs`], with a given cache folder.
fn libs_in(cache: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, KafkaError> {
    let failed = |what, source| KafkaError::File { what, source };
    cached(cache, &format!("kafka-{VERSION}"), &holds_jars, &failed, &mut |work| {
        progress(&format!("fetching Apache Kafka {VERSION} from Maven Central (54 MB, only this once)"));
        let jars = work.join("jars");
        let output =
            copy_dependencies(work, POM, &jars).map_err(|source| failed("run mvn".to_owned(), source))?;
        if output.status.success() && holds_jars(&jars) {
            return Ok(jars);
        }
        Err(KafkaError::Fetch { status: output.status.to_string(), said: super::output::tail_of(&output) })
    })
}

/// A folder in the cache that Maven fills once. `fill` gets a working folder and returns the one within it that becomes the
/// folder; `failed` makes the error of an operation on a file.
///
/// Safe for concurrent processes: one downloads while the others wait for its lock, which the system releases even if it is
/// killed; and the folder appears atomically, by a rename.
pub(crate) fn cached<E: From<Missing>>(
    cache: &Path,
    name: &str,
    is_filled: &dyn Fn(&Path) -> bool,
    failed: &dyn Fn(String, io::Error) -> E,
    fill: &mut dyn FnMut(&Path) -> Result<PathBuf, E>,
) -> Result<PathBuf, E> {
    let home = cache.join(name);
    if is_filled(&home) {
        return Ok(home);
    }
    let failed = |what: &str, path: &Path| {
        let what = format!("{what} {}", path.display());
        move |source| failed(what, source)
    };
    fs::create_dir_all(cache).map_err(failed("create", cache))?;
    let lock_path = cache.join("fetch.lock");
    let lock = File::create(&lock_path).map_err(failed("create", &lock_path))?;
    lock.lock().map_err(failed("lock", &lock_path))?;
    if is_filled(&home) {
        return Ok(home);
    }
    remove_leftovers(cache);
    if !answers("mvn", "-v") {
        return Err(Missing::Maven.into());
    }
    let work = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(cache)
        .map_err(failed("create a folder in", cache))?;
    let filled = fill(work.path())?;
    if home.exists() {
        fs::remove_dir_all(&home).map_err(failed("remove", &home))?;
    }
    fs::rename(&filled, &home).map_err(failed("rename what was fetched to", &home))?;
    Ok(home)
}

/// Removes files of a download that was killed. Requires the lock.
fn remove_leftovers(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("fetch-") {
            // Files that cannot be removed only take space.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Runs Maven, which copies what a pom names to a folder.
pub(crate) fn copy_dependencies(work: &Path, pom: &str, jars: &Path) -> io::Result<Output> {
    let file = work.join("pom.xml");
    fs::write(&file, pom)?;
    Command::new("mvn")
        .args(["-q", "-B", "-Dstyle.color=never", "-f"])
        .arg(file)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", jars.display()))
        .stdin(Stdio::null())
        .output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_java_is_read_in_its_old_and_new_spelling() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(major("openjdk version \"22-ea\""), Some(22));
        assert_eq!(major("java version \"1.8.0_402\""), Some(8));
        assert_eq!(major("no such thing"), None);
    }

    #[test]
    fn a_folder_that_holds_the_jars_is_taken_without_a_fetch() {
        let cache = tempfile::tempdir().unwrap();
        let home = cache.path().join(format!("kafka-{VERSION}"));
        fs::create_dir(&home).unwrap();
        assert!(!holds_jars(&home));
        fs::write(home.join(format!("kafka_2.13-{VERSION}.jar")), "").unwrap();
        let mut said = Vec::new();
        assert_eq!(libs_in(cache.path(), &mut |line| said.push(line.to_owned())).unwrap(), home);
        assert!(said.is_empty());
    }
}
