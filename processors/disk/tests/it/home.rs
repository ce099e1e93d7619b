// SPDX-License-Identifier: Apache-2.0

//! A state directory: ownership, what is found in it, what is discarded.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use disk::{Budget, DiskStore, Home, HomeError, OpenedState, Stamp};
use engine::{StateStore, StoreError, StoreStats, WriteBatch};

fn home(directory: &Path) -> Home {
    Home::open(directory, Budget::default()).unwrap()
}

fn stamp() -> Stamp {
    Stamp::default().with("group", "a")
}

fn put(store: &mut DiskStore, key: &str, value: &[u8], offset: i64) {
    let mut batch = WriteBatch::default();
    batch.put(key.as_bytes(), value);
    store.apply(&batch, Some(offset)).unwrap();
}

#[test]
fn what_a_store_held_when_it_was_dropped_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let home = home(&directory.path().join("made/for/us"));
        for partition in [0, 7] {
            let (mut store, found) = home.store(partition, &stamp()).unwrap();
            let expected = match round {
                0 => OpenedState::Nothing,
                changelog_offset => OpenedState::State { changelog_offset },
            };
            assert_eq!(found, expected);
            assert_eq!(store.changelog_offset().unwrap(), (round > 0).then_some(round));
            assert_eq!(
                store.stats(),
                StoreStats { records: u64::from(round > 0), bytes: 2 * u64::from(round > 0) }
            );
            put(&mut store, "k", b"v", round + 1);
        }
    }
}

#[test]
fn a_store_can_be_opened_again_in_the_same_process_and_not_twice() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(directory.path());
    let (mut store, _) = home.store(3, &stamp()).unwrap();
    put(&mut store, "k", b"v", 5);
    let error = home.store(3, &stamp()).err().unwrap();
    assert!(matches!(error, HomeError::PartitionInUse { partition: 3 }), "{error}");
    drop(store);
    let (store, found) = home.store(3, &stamp()).unwrap();
    assert_eq!(found, OpenedState::State { changelog_offset: 5 });
    assert_eq!(store.get(b"k").unwrap().as_deref(), Some(b"v".as_slice()));
}

#[test]
fn another_stamp_throws_the_state_away_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(directory.path());
    put(&mut home.store(0, &stamp()).unwrap().0, "k", b"v", 5);
    let (store, found) = home.store(0, &Stamp::default().with("group", "b")).unwrap();
    assert_eq!(found, OpenedState::Discarded { why: "its group was a and is now b".into() });
    assert_eq!(store.get(b"k").unwrap(), None);
    assert_eq!(store.changelog_offset().unwrap(), None);
}

#[test]
fn a_state_that_does_not_know_its_offset_is_thrown_away() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(directory.path());
    let mut batch = WriteBatch::default();
    batch.put(b"k", b"v");
    home.store(0, &stamp()).unwrap().0.apply(&batch, None).unwrap();
    let (store, found) = home.store(0, &stamp()).unwrap();
    assert!(matches!(found, OpenedState::Discarded { .. }), "{found:?}");
    assert_eq!(store.get(b"k").unwrap(), None);
}

#[test]
fn a_wiped_store_is_empty_after_opening_too_and_leaves_no_files() {
    let directory = tempfile::tempdir().unwrap();
    {
        let home = home(directory.path());
        let (mut store, _) = home.store(0, &stamp()).unwrap();
        put(&mut store, "k", b"v", 5);
        store.flush().unwrap();
        store.wipe().unwrap();
        assert_eq!(store.get(b"k").unwrap(), None);
    }
    let home = home(directory.path());
    let (_store, found) = home.store(0, &stamp()).unwrap();
    assert_eq!(found, OpenedState::Nothing);
    let states = fs::read_dir(directory.path().join("partition-0")).unwrap().count();
    assert_eq!(states, 3, "the stamp, when it was purged, and one state");
}

#[test]
fn what_replaces_a_record_of_the_tables_is_counted_once_when_it_has_been_written() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(directory.path());
    let (mut store, _) = home.store(0, &stamp()).unwrap();
    for round in 1..6 {
        for key in ["a", "b", "c", "d"] {
            put(&mut store, key, &vec![0; usize::try_from(round).unwrap()], round);
        }
        let mut batch = WriteBatch::default();
        batch.delete(b"d");
        batch.delete(b"never there");
        store.apply(&batch, Some(round)).unwrap();
        store.flush().unwrap();
        let bytes = 3 + 3 * u64::try_from(round).unwrap();
        assert_eq!(store.stats(), StoreStats { records: 3, bytes }, "round {round}");
    }
    drop(store);
    assert_eq!(home.store(0, &stamp()).unwrap().0.stats(), StoreStats { records: 3, bytes: 18 });
}

#[test]
fn what_many_changes_replace_is_estimated_closely() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(directory.path());
    let (mut store, _) = home.store(0, &stamp()).unwrap();
    let (records, value) = (20_000_u64, [0; 92]);
    for round in 1..=6 {
        let mut batch = WriteBatch::default();
        // From the second round on, one half is replaced and the other is new.
        for number in (round - 1) * records / 2..(round + 1) * records / 2 {
            batch.put(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes(), &value);
        }
        store.apply(&batch, Some(i64::try_from(round).unwrap())).unwrap();
        store.flush().unwrap();
        // Others are written in between, so that replaced values are unknown.
        put(&mut store, "other", &value, 0);
        store.flush().unwrap();
        let (expected, counted) = ((round + 1) * records / 2, store.stats().records);
        assert!(counted.abs_diff(expected) < expected / 20, "{counted} for {expected} in round {round}");
    }
}

#[test]
fn a_directory_that_another_process_uses_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = home(directory.path());
    // A lock belongs to the open file, so a second open is like one of another process.
    let error = Home::open(directory.path(), Budget::default()).err().unwrap();
    assert!(matches!(error, HomeError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(directory.path().to_str().unwrap()) && text.contains("another process"), "{text}");
}

#[test]
fn a_directory_is_free_when_its_last_store_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let first = home(directory.path());
    let (store, _) = first.store(0, &stamp()).unwrap();
    drop(first);
    assert!(matches!(Home::open(directory.path(), Budget::default()), Err(HomeError::InUse { .. })));
    drop(store);
    home(directory.path());
}

#[test]
fn a_directory_with_other_files_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "x").unwrap();
    let error = Home::open(directory.path(), Budget::default()).err().unwrap();
    assert!(matches!(error, HomeError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(directory.path().join("thesis.txt")).unwrap(), b"x");
}

#[test]
fn a_directory_that_cannot_be_made_is_not_writable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for directory in [file.path().to_owned(), file.path().join("below")] {
        let error = Home::open(&directory, Budget::default()).err().unwrap();
        assert!(matches!(error, HomeError::NotWritable { .. }), "{error}");
    }
}

#[test]
fn a_partition_that_moved_away_is_deleted_once_nothing_has_used_it_for_long() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(directory.path());
    let (mut stays, _) = home.store(0, &stamp()).unwrap();
    put(&mut stays, "k", b"v", 1);
    put(&mut home.store(1, &stamp()).unwrap().0, "k", b"a text that is erased elsewhere", 1);
    assert_eq!(home.sweep(Duration::from_secs(3600)).unwrap(), 0, "it was used just now, and may come back");
    assert!(matches!(home.store(1, &stamp()).unwrap().1, OpenedState::State { .. }));
    // The keeper may still use it.
    let deadline = Instant::now() + Duration::from_secs(60);
    while home.sweep(Duration::ZERO).unwrap() == 0 {
        assert!(Instant::now() < deadline, "it is never deleted");
        std::thread::yield_now();
    }
    assert!(!directory.path().join("partition-1").exists() && directory.path().join("partition-0").exists());
    assert_eq!(stays.get(b"k").unwrap().as_deref(), Some(b"v".as_slice()));
    assert_eq!(home.store(1, &stamp()).unwrap().1, OpenedState::Nothing, "and it can come back");
}

#[test]
fn what_a_kill_left_of_a_state_that_was_thrown_away_goes_when_the_partition_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    put(&mut home(directory.path()).store(0, &stamp()).unwrap().0, "k", b"v", 1);
    let left = directory.path().join("partition-0/state-7");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("table"), "a text that was erased since").unwrap();
    fs::create_dir(directory.path().join("gone-3")).unwrap();
    let home = home(directory.path());
    assert!(matches!(home.store(0, &stamp()).unwrap().1, OpenedState::State { .. }));
    assert!(!left.exists());
    home.sweep(Duration::from_secs(3600)).unwrap();
    assert!(!directory.path().join("gone-3").exists());
}

/// The variable with the directory of the process that runs out of space.
const DIRECTORY: &str = "DISK_TEST_FULL_DIRECTORY";

/// The process that runs out of space; as a test on its own it does nothing.
#[test]
fn applies_until_the_disk_is_full() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (mut store, _) = home(Path::new(&directory)).store(0, &stamp()).unwrap();
    for offset in 1..100 {
        let mut batch = WriteBatch::default();
        batch.put(format!("{offset}").as_bytes(), &vec![1; usize::try_from(offset).unwrap() * 4096]);
        let applied = store.apply(&batch, Some(offset)).and_then(|()| store.flush());
        match applied {
            Ok(()) => println!("written {offset}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Io(_)), "{error}");
                assert!(matches!(store.apply(&batch, None), Err(StoreError::Io(_))), "it goes on failing");
                println!("full: {error}");
                return;
            }
        }
    }
    panic!("the disk never became full");
}

#[test]
fn a_full_disk_is_an_error_of_the_medium_and_what_was_written_stays() {
    let directory = tempfile::tempdir().unwrap();
    // A limit on the size of files stands for a full disk: the write fails in the same place.
    let limited =
        "trap '' XFSZ; ulimit -f 128; exec \"$0\" home::applies_until_the_disk_is_full --exact --nocapture";
    let child = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success() && output.contains("full: "), "{output}");
    let written: i64 =
        output.lines().filter_map(|line| line.strip_prefix("written ")?.parse().ok()).next_back().unwrap();
    let (store, found) = home(directory.path()).store(0, &stamp()).unwrap();
    let OpenedState::State { changelog_offset } = found else { panic!("{found:?}") };
    // If a merge fails first, the last batch may have been written nevertheless.
    assert!([written, written + 1].contains(&changelog_offset), "{changelog_offset} after {written}");
    for offset in 1..=changelog_offset {
        assert!(store.get(offset.to_string().as_bytes()).unwrap().is_some());
    }
}
