// SPDX-License-Identifier: Apache-2.0

//! Deleted data leaves the disk, and state that is too old is not used.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use disk::{Budget, DiskStore, Home, OpenedState, Stamp};
use engine::{StateStore, WriteBatch};

const SECRET: &[u8] = b"the text that is to be erased";

fn apply(store: &mut DiskStore, offset: i64, change: impl FnOnce(&mut WriteBatch)) {
    let mut batch = WriteBatch::default();
    change(&mut batch);
    store.apply(&batch, Some(offset)).unwrap();
}

/// Whether a file below a directory contains these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        // A file that was just merged contains nothing any more.
        fs::read(&path).is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
    })
}

fn open(directory: &Path) -> DiskStore {
    let home = Home::open(directory, Budget::default()).unwrap();
    home.store(0, &Stamp::default()).unwrap().0
}

/// Lets the store do its periodic work, as a worker does, until the text is gone.
fn wait_until_gone(store: &mut DiskStore, directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while holds(directory, SECRET) {
        assert!(Instant::now() < deadline, "it is still there");
        store.tend().unwrap();
        std::thread::yield_now();
    }
}

/// Adds enough records that rewriting takes a while.
fn fill(store: &mut DiskStore, offset: i64, mib: usize) {
    for number in 0..mib {
        apply(store, offset, |batch| batch.put(format!("filler {number}").as_bytes(), &vec![1; 1 << 20]));
    }
    store.flush().unwrap();
}

/// The variable with the directory of the process that is to die.
const DIRECTORY: &str = "DISK_TEST_PURGE_DIRECTORY";

/// The process that dies right after it requested a purge; as a test on its own it does nothing.
#[test]
fn wishes_a_purge_and_dies() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let mut store = open(Path::new(&directory));
    apply(&mut store, 1, |batch| batch.put(b"erased", SECRET));
    fill(&mut store, 2, 64);
    apply(&mut store, 3, |batch| batch.delete(b"erased"));
    store.purge().unwrap();
    std::process::abort();
}

#[test]
fn a_purge_that_was_wished_before_a_kill_comes_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["purge::wishes_a_purge_and_dies", "--exact"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!child.success(), "it was to die");
    assert!(holds(directory.path(), SECRET), "else this test shows nothing");
    let mut store = open(directory.path());
    // The removals that the kill lost come again from the changelog, without a request.
    apply(&mut store, 3, |batch| batch.delete(b"erased"));
    wait_until_gone(&mut store, directory.path());
    assert_eq!(store.get(b"filler 7").unwrap().map(|value| value.len()), Some(1 << 20));
}

#[test]
fn what_others_erased_while_the_store_was_closed_leaves_the_disk_once_it_is_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    apply(&mut store, 1, |batch| batch.put(b"erased", SECRET));
    store.flush().unwrap();
    store.tend().unwrap();
    drop(store);
    let mut store = open(directory.path());
    // A restore sees what was removed, but not why.
    apply(&mut store, 2, |batch| batch.delete(b"erased"));
    store.flush().unwrap();
    assert!(holds(directory.path(), SECRET), "else this test shows nothing");
    wait_until_gone(&mut store, directory.path());
}

#[test]
fn a_state_of_which_nobody_knows_when_it_was_purged_is_purged() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    apply(&mut store, 1, |batch| batch.put(b"erased", SECRET));
    apply(&mut store, 1, |batch| batch.put(b"kept", b"v"));
    store.flush().unwrap();
    store.tend().unwrap();
    // As a standby copy sees it.
    apply(&mut store, 2, |batch| batch.delete(b"erased"));
    drop(store);
    assert!(holds(directory.path(), SECRET), "else this test shows nothing");
    fs::remove_file(directory.path().join("partition-0/purge")).unwrap();
    let mut store = open(directory.path());
    wait_until_gone(&mut store, directory.path());
    assert_eq!(store.get(b"kept").unwrap().as_deref(), Some(b"v".as_slice()));
}

/// The highest table number: each written table gets the next one.
fn tables_written(directory: &Path) -> u64 {
    let mut files = fs::read_dir(directory.join("partition-0")).unwrap().map(|entry| entry.unwrap().path());
    let state = files.find(|path| path.is_dir()).unwrap();
    let tables = fs::read_dir(state.join("tables")).unwrap();
    tables.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).max().unwrap()
}

#[test]
fn a_hundred_wishes_do_not_rewrite_the_state_a_hundred_times() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    fill(&mut store, 1, 32);
    let before = tables_written(directory.path());
    for number in 0..100 {
        apply(&mut store, 2 + number, |batch| batch.delete(format!("filler {}", number % 31).as_bytes()));
        store.purge().unwrap();
    }
    apply(&mut store, 200, |batch| batch.put(b"erased", SECRET));
    store.flush().unwrap();
    apply(&mut store, 201, |batch| batch.delete(b"erased"));
    store.purge().unwrap();
    wait_until_gone(&mut store, directory.path());
    let written = tables_written(directory.path()) - before;
    assert!(written < 250, "{written} tables were written");
    assert!(store.get(b"filler 31").unwrap().is_some() && store.get(b"filler 30").unwrap().is_none());
}

#[test]
fn after_a_purge_no_file_holds_what_was_removed() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget::default()).unwrap();
    let mut store = home.store(0, &Stamp::default()).unwrap().0;
    apply(&mut store, 1, |batch| {
        batch.put(b"erased", SECRET);
        batch.put(b"kept", b"something that stays");
    });
    store.flush().unwrap();
    apply(&mut store, 2, |batch| batch.delete(b"erased"));
    store.flush().unwrap();
    assert!(holds(directory.path(), SECRET), "else this test shows nothing");
    store.purge().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while holds(directory.path(), SECRET) {
        assert!(Instant::now() < deadline, "it is still there");
        std::thread::yield_now();
    }
    assert!(holds(directory.path(), b"something that stays"));
    drop(store);
    let store = home.store(0, &Stamp::default()).unwrap().0;
    assert_eq!(store.get(b"kept").unwrap().as_deref(), Some(b"something that stays".as_slice()));
    assert_eq!((store.get(b"erased").unwrap(), store.changelog_offset().unwrap()), (None, Some(2)));
}

#[test]
fn a_state_that_was_brought_on_too_long_ago_is_thrown_away() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget::default()).unwrap();
    apply(&mut home.store(0, &Stamp::default()).unwrap().0, 1, |batch| batch.put(b"k", b"v"));
    let (store, found) = home.store_within(0, &Stamp::default(), Duration::from_secs(3600)).unwrap();
    assert_eq!(found, OpenedState::State { changelog_offset: 1 });
    drop(store);
    // Any duration is longer than zero.
    let written = Instant::now();
    while written.elapsed() < Duration::from_millis(2) {
        std::thread::yield_now();
    }
    let (store, found) = home.store_within(0, &Stamp::default(), Duration::ZERO).unwrap();
    let OpenedState::Discarded { why } = found else { panic!("{found:?}") };
    assert!(why.contains("may have forgotten"), "{why}");
    assert_eq!(store.get(b"k").unwrap(), None);
}
