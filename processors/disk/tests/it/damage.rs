// SPDX-License-Identifier: Apache-2.0

//! Damaged files: a read returns what was written, or an error, or the state is discarded.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use disk::{Budget, DiskStore, Home, HomeError, OpenedState, Stamp};
use engine::{StateStore, StoreError, WriteBatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const KEYS: u32 = 1500;
const RUNS: i64 = 5;
const FLIPS: usize = 300;
const CUTS: usize = 100;
/// Fewer than a table's footer has.
const FEW_BYTES: usize = 16;

type State = BTreeMap<Vec<u8>, Vec<u8>>;

fn open(directory: &Path) -> Result<(DiskStore, OpenedState), HomeError> {
    let home = Home::open(directory, Budget::default())?;
    home.store(0, &Stamp::default().with("group", "damage"))
}

fn seeded() -> ChaCha8Rng {
    let seed = std::env::var("DISK_TEST_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    println!("DISK_TEST_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// A state in several runs, each of which changes and removes records of earlier ones.
fn write_state(directory: &Path, random: &mut ChaCha8Rng) -> State {
    let mut state = State::new();
    let (mut store, _) = open(directory).unwrap();
    for offset in 1..=RUNS {
        let mut batch = WriteBatch::default();
        for number in 0..KEYS {
            let key = format!("key {number:06}").into_bytes();
            if random.random_ratio(1, 5) {
                batch.delete(&key);
                state.remove(&key);
            } else if random.random_ratio(1, 2) {
                let value = vec![random.random(); random.random_range(0..600)];
                batch.put(&key, &value);
                state.insert(key, value);
            }
        }
        store.apply(&batch, Some(offset)).unwrap();
        store.flush().unwrap();
    }
    state
}

/// All files of a directory, and their contents.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        // This one holds no state: without it a purge is due.
        } else if entry.file_name() != "purge" {
            found.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

fn put_back(directory: &Path, files: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(directory).unwrap();
    for (path, content) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[derive(Debug, Default)]
struct Outcomes {
    whole: usize,
    discarded: usize,
    failed: usize,
}

/// Opens and reads everything; panics when a read returns what was not written.
fn check(directory: &Path, state: &State, what: &str, outcomes: &mut Outcomes) {
    let (store, found) = open(directory).unwrap_or_else(|error| panic!("{what}: {error}"));
    match found {
        OpenedState::State { changelog_offset } => assert_eq!(changelog_offset, RUNS, "{what}"),
        OpenedState::Discarded { why } => {
            assert!(!why.is_empty());
            outcomes.discarded += 1;
            return assert_eq!(store.stats(), engine::StoreStats::default(), "{what}");
        }
        OpenedState::Nothing => panic!("{what}: the state has vanished silently"),
    }
    let mut errors = 0;
    for number in 0..KEYS {
        let key = format!("key {number:06}").into_bytes();
        match store.get(&key) {
            Ok(value) => assert_eq!(value.as_ref(), state.get(&key), "{what}: a wrong value"),
            Err(StoreError::Io(_) | StoreError::Corrupt(_) | StoreError::KeyTooLong { .. }) => errors += 1,
        }
    }
    let mut expected = state.iter();
    let scanned = store.scan(b"", &mut |key, value| {
        let next = expected.next().map(|(key, value)| (&**key, &**value));
        assert_eq!(next, Some((key, value)), "{what}: a wrong record");
        ControlFlow::Continue(())
    });
    match scanned {
        Ok(()) => assert_eq!(expected.next(), None, "{what}: a scan that ends too early"),
        Err(StoreError::Io(_) | StoreError::Corrupt(_) | StoreError::KeyTooLong { .. }) => errors += 1,
    }
    if errors > 0 { outcomes.failed += 1 } else { outcomes.whole += 1 }
}

/// A state on disk, and its files as they were written.
struct Scene {
    home: PathBuf,
    state: State,
    whole: Vec<(PathBuf, Vec<u8>)>,
    outcomes: Outcomes,
    _directory: tempfile::TempDir,
}

impl Scene {
    fn written(random: &mut ChaCha8Rng) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let state = write_state(&home, random);
        let whole = files(&home);
        Self { home, state, whole, outcomes: Outcomes::default(), _directory: directory }
    }

    /// The files of the state, without the lock and the mark.
    fn targets(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.whole.iter().filter(|(path, _)| path.parent() != Some(&self.home)).cloned().collect()
    }

    /// Checks the damaged files, and restores them.
    fn check(&mut self, what: &str) {
        check(&self.home, &self.state, what, &mut self.outcomes);
        put_back(&self.home, &self.whole);
    }
}

fn damage(
    times: usize,
    random: &mut ChaCha8Rng,
    mut damage: impl FnMut(&mut Vec<u8>, &mut ChaCha8Rng) -> String,
) {
    let mut scene = Scene::written(random);
    let mut targets = scene.targets();
    // A file without content cannot be damaged.
    targets.retain(|(_, content)| !content.is_empty());
    for _ in 0..times {
        let (path, content) = &targets[random.random_range(0..targets.len())];
        let mut content = content.clone();
        let what = format!("{} {}", path.display(), damage(&mut content, random));
        fs::write(path, content).unwrap();
        scene.check(&what);
    }
    scene.check("all as it was");
    let outcomes = scene.outcomes;
    println!("{outcomes:?}");
    assert!(outcomes.discarded + outcomes.failed > times / 2, "damage goes unnoticed: {outcomes:?}");
}

#[test]
fn a_flipped_bit_never_gives_a_wrong_value() {
    let mut random = seeded();
    damage(FLIPS, &mut random, |content, random| {
        let bit = random.random_range(0..content.len() * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        format!("with bit {bit} flipped")
    });
}

#[test]
fn a_truncated_file_never_gives_a_wrong_value() {
    let mut random = seeded();
    damage(CUTS, &mut random, |content, random| {
        content.truncate(random.random_range(0..content.len()));
        format!("cut to {} bytes", content.len())
    });
}

#[test]
fn a_file_of_which_a_few_bytes_are_left_is_damage_and_no_failing_disk() {
    let mut random = seeded();
    let mut scene = Scene::written(&mut random);
    for (path, content) in scene.targets() {
        for left in 0..content.len().min(FEW_BYTES) {
            fs::write(&path, &content[..left]).unwrap();
            scene.check(&format!("{} cut to {left} bytes", path.display()));
        }
    }
    let outcomes = scene.outcomes;
    assert_eq!((outcomes.whole, outcomes.failed), (0, 0), "{outcomes:?}");
}

#[test]
fn a_missing_file_is_noticed() {
    let mut random = seeded();
    let mut scene = Scene::written(&mut random);
    for (path, _) in scene.targets() {
        fs::remove_file(&path).unwrap();
        scene.check(&format!("{} removed", path.display()));
    }
    let outcomes = scene.outcomes;
    assert_eq!((outcomes.whole, outcomes.failed), (0, 0), "{outcomes:?}");
}
