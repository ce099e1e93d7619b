// SPDX-License-Identifier: Apache-2.0

//! Values read from files and read again when the files change: certificates and tokens are renewed while the program runs.

use std::fmt::Display;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The minimum interval of checks. Files are checked when their value is used.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Make<T> = Box<dyn Fn() -> Result<T, String> + Send + Sync>;

/// A value made from files. When changed files cannot be used, it keeps the previous value and logs a warning.
pub struct Reread<T> {
    files: Vec<PathBuf>,
    make: Make<T>,
    current: Mutex<Current<T>>,
}

struct Current<T> {
    value: Arc<T>,
    seen: Vec<Option<FileState>>,
    look_at: Instant,
}

/// The state of a file; a different state means a changed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl From<Metadata> for FileState {
    fn from(metadata: Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl<T> Reread<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// The value cannot be made.
    pub fn new<E: Display>(
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        // Noted before the files are read, so that a change meanwhile is read again.
        let seen = look(&files);
        let current = Current { value: Arc::new(make()?), seen, look_at: Instant::now() + LOOK_EVERY };
        let make: Make<T> = Box::new(move || make().map_err(|error| error.to_string()));
        Ok(Self { files, make, current: Mutex::new(current) })
    }

    /// The current value: from the files as they are now, or as they last were usable.
    pub fn get(&self) -> Arc<T> {
        let mut current = self.locked();
        if Instant::now() >= current.look_at {
            current.look_at = Instant::now() + LOOK_EVERY;
            self.look_again(&mut current);
        }
        Arc::clone(&current.value)
    }

    fn look_again(&self, current: &mut Current<T>) {
        let seen = look(&self.files);
        if seen == current.seen {
            return;
        }
        current.seen = seen;
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let names = names.join(", ");
        match (self.make)() {
            Ok(value) => {
                current.value = Arc::new(value);
                tracing::info!("{names} changed; the new content is in use");
            }
            Err(error) => {
                tracing::warn!(
                    "{names} changed and cannot be used; the previous content stays in use: {error}"
                );
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Current<T>> {
        // A panic while the lock was held left the value intact.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look(files: &[PathBuf]) -> Vec<Option<FileState>> {
    files.iter().map(|file| std::fs::metadata(file).ok().map(FileState::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a file; an empty file is refused.
    fn text_of(file: PathBuf) -> Result<Reread<String>, String> {
        let path = file.clone();
        Reread::new(vec![file], move || match std::fs::read_to_string(&path) {
            Ok(text) if text.is_empty() => Err("it is empty".to_owned()),
            Ok(text) => Ok(text),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Reads as if the check were due.
    fn now(reread: &Reread<String>) -> String {
        reread.locked().look_at = Instant::now();
        reread.get().as_ref().clone()
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_one_that_cannot_be_used_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        assert!(text_of(file.clone()).is_err());
        std::fs::write(&file, "one").unwrap();
        let reread = text_of(file.clone()).unwrap();
        assert_eq!(now(&reread), "one");
        std::fs::write(&file, "second").unwrap();
        assert_eq!(now(&reread), "second");
        std::fs::write(&file, "").unwrap();
        assert_eq!(now(&reread), "second");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(now(&reread), "second");
        // Replaces the file by a rename, as is usual.
        std::fs::write(folder.path().join("new"), "third!").unwrap();
        std::fs::rename(folder.path().join("new"), &file).unwrap();
        assert_eq!(now(&reread), "third!");
    }

    #[test]
    fn between_two_looks_the_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "one").unwrap();
        let reread = text_of(file.clone()).unwrap();
        reread.locked().look_at = Instant::now() + Duration::from_secs(3600);
        std::fs::write(&file, "second").unwrap();
        assert_eq!(*reread.get(), "one");
    }
}
