//! What was removed leaves the disk, and what is too old is not used.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use disk::{Budget, DiskStore, Found, Home, Stamp};
use engine::{StateStore, WriteBatch};

const SECRET: &[u8] = b"the text that is to be erased";

fn apply(store: &mut DiskStore, offset: i64, change: impl FnOnce(&mut WriteBatch)) {
    let mut batch = WriteBatch::default();
    change(&mut batch);
    store.apply(&batch, Some(offset)).unwrap();
}

/// Whether any file under a directory holds these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        // A file that has just been merged away holds nothing any more.
        std::fs::read(&path).is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
    })
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
    assert_eq!(found, Found::State { changelog_offset: 1 });
    drop(store);
    // Any time at all is more than none.
    let written = Instant::now();
    while written.elapsed() < Duration::from_millis(2) {
        std::thread::yield_now();
    }
    let (store, found) = home.store_within(0, &Stamp::default(), Duration::ZERO).unwrap();
    let Found::Discarded { why } = found else { panic!("{found:?}") };
    assert!(why.contains("may have forgotten"), "{why}");
    assert_eq!(store.get(b"k").unwrap(), None);
}
