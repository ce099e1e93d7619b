// SPDX-License-Identifier: Apache-2.0

//! A process is killed while it applies batches. It leaves a state that existed: no batch is torn.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use disk::{Budget, DiskStore, Home, OpenedState, Stamp};
use engine::{StateStore, WriteBatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROUNDS: u64 = 24;
/// The variable with the killed process's directory.
const DIRECTORY: &str = "DISK_TEST_KILL_DIRECTORY";
const KEYS: u64 = 12;
/// The large value's length: large enough that buffers are written and runs merged continuously.
const LARGE: usize = 60_000;

fn open(directory: &Path) -> (DiskStore, OpenedState) {
    let home = Home::open(directory, Budget { memory_bytes: 0 }).unwrap();
    home.store(0, &Stamp::default().with("group", "kill")).unwrap()
}

/// Batch n writes n under all keys, a large value under its own key, and removes that of an earlier batch.
fn batch(number: i64) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for key in 0..KEYS {
        batch.put(&key.to_be_bytes(), &number.to_be_bytes());
    }
    batch.put(format!("large {number:010}").as_bytes(), &vec![number.to_be_bytes()[7]; LARGE]);
    batch.delete(format!("large {:010}", number - 40).as_bytes());
    batch
}

/// The process to be killed; as a test on its own it does nothing.
#[test]
fn applies_batches_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (mut store, _) = open(Path::new(&directory));
    let mut number = store.changelog_offset().unwrap().unwrap_or(0);
    loop {
        number += 1;
        store.apply(&batch(number), Some(number)).unwrap();
        println!("applied {number}");
    }
}

fn apply_and_kill(directory: &Path, batches: usize) -> i64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::applies_batches_until_it_is_killed", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let applied = lines.filter_map(|line| line.strip_prefix("applied ").and_then(|n| n.parse().ok()));
    let last: i64 = applied.take(batches).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    last
}

#[test]
fn a_killed_process_leaves_a_whole_state() {
    let seed = std::env::var("DISK_TEST_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    println!("DISK_TEST_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut before = 0;
    let mut moved = 0;
    for round in 0..ROUNDS {
        let applied = apply_and_kill(directory.path(), random.random_range(1..2500));
        let (store, found) = open(directory.path());
        let reached = match found {
            OpenedState::State { changelog_offset } => changelog_offset,
            OpenedState::Nothing => 0,
            OpenedState::Discarded { why } => panic!("round {round}: {why}"),
        };
        // It may have continued after it reported the last batch.
        assert!(reached >= before, "round {round}: {reached} comes before {before}");
        moved += u64::from(reached > before);
        assert_eq!(store.changelog_offset().unwrap().unwrap_or(0), reached);
        assert_is_whole(&store, reached);
        println!("round {round}: reported {applied}, restarted with {reached}");
        before = reached;
    }
    assert!(moved > ROUNDS / 4, "hardly anything was ever written: {moved}");
}

fn assert_is_whole(store: &DiskStore, reached: i64) {
    let expected = (reached > 0).then(|| reached.to_be_bytes().to_vec());
    for key in 0..KEYS {
        assert_eq!(store.get(&key.to_be_bytes()).unwrap(), expected, "key {key}");
    }
    let mut found = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        let number: i64 = std::str::from_utf8(&key[6..]).unwrap().parse().unwrap();
        assert!(value.len() == LARGE && value.iter().all(|byte| *byte == number.to_be_bytes()[7]));
        found.push(number);
        std::ops::ControlFlow::Continue(())
    };
    store.scan(b"large ", &mut visit).unwrap();
    assert_eq!(found, ((reached - 39).max(1)..=reached).collect::<Vec<_>>());
}
