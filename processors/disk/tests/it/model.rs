// SPDX-License-Identifier: Apache-2.0

//! The disk store equals the memory store at any time, for any distribution of changes over buffers and tables.

use std::hash::{BuildHasher, RandomState};

use disk::{Budget, DiskStore, Home, OpenedState, Stamp};
use engine::{MemoryStore, StateStore, WriteBatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::records_from;

const STEPS: usize = 1500;

fn seeded() -> ChaCha8Rng {
    let seed = std::env::var("DISK_TEST_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    println!("DISK_TEST_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// One of a few hundred keys, many of them prefixes of others.
fn key(random: &mut ChaCha8Rng) -> Vec<u8> {
    let length = random.random_range(0..4);
    (0..length).map(|_| [0, 1, 2, b'a', 255][random.random_range(0..5)]).collect()
}

fn batch(random: &mut ChaCha8Rng) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for _ in 0..random.random_range(0..12) {
        if random.random_ratio(1, 3) {
            batch.delete(&key(random));
        } else {
            batch.put(&key(random), &vec![random.random(); random.random_range(0..2000)]);
        }
    }
    batch
}

fn assert_same(disk: &DiskStore, memory: &MemoryStore, random: &mut ChaCha8Rng) {
    for _ in 0..5 {
        let key = key(random);
        assert_eq!(disk.get(&key).unwrap(), memory.get(&key).unwrap(), "{key:?}");
    }
    let prefix = key(random);
    let from = [&*prefix, &*key(random)].concat();
    let most = if random.random() { 3 } else { usize::MAX };
    assert_eq!(
        records_from(disk, &prefix, &from, most),
        records_from(memory, &prefix, &from, most),
        "{prefix:?} {from:?}"
    );
    assert_eq!(disk.changelog_offset().unwrap(), memory.changelog_offset().unwrap());
}

#[test]
fn whatever_is_done_the_disk_store_and_the_memory_store_agree() {
    let mut random = seeded();
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget::default()).unwrap();
    let open = || home.store(0, &Stamp::default()).unwrap();
    let (mut disk, mut memory) = (open().0, MemoryStore::default());
    for step in 1..=STEPS {
        let (batch, offset) = (batch(&mut random), i64::try_from(step).unwrap());
        disk.apply(&batch, Some(offset)).unwrap();
        memory.apply(&batch, Some(offset)).unwrap();
        match random.random_range(0..100) {
            0..10 => {
                disk.flush().unwrap();
                assert_eq!(disk.stats(), memory.stats());
            }
            10..12 => {
                drop(disk);
                let (again, found) = open();
                assert_eq!(found, OpenedState::State { changelog_offset: offset });
                assert_eq!(again.stats(), memory.stats());
                disk = again;
            }
            12 => {
                disk.wipe().unwrap();
                memory.wipe().unwrap();
            }
            _ => {}
        }
        assert_same(&disk, &memory, &mut random);
    }
    assert_eq!(records_from(&disk, b"", b"", usize::MAX), records_from(&memory, b"", b"", usize::MAX));
}

#[test]
fn a_look_at_another_key_while_one_is_looked_at_is_fine() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget::default()).unwrap();
    let (mut store, _) = home.store(0, &Stamp::default()).unwrap();
    let mut batch = WriteBatch::default();
    batch.put(b"a", b"1");
    batch.put(b"b", b"2");
    store.apply(&batch, Some(1)).unwrap();
    drop(store);
    let (store, _) = home.store(0, &Stamp::default()).unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut look = |outer: Option<&[u8]>| {
            let inner = store.get(b"b").unwrap();
            seen.push((outer.map(<[u8]>::to_vec), inner));
        };
        store.with(b"a", &mut look).unwrap();
    }
    assert_eq!(seen, vec![(Some(b"1".to_vec()), Some(b"2".to_vec())); 2]);
}

#[test]
fn stores_that_come_and_go_in_several_threads_keep_their_states_apart() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path(), Budget { memory_bytes: 0 }).unwrap();
    let work = |partition: i32| {
        let value = vec![u8::try_from(partition).unwrap(); 20_000];
        let mut reached = None;
        for _ in 0..6 {
            let (mut store, found) = home.store(partition, &Stamp::default()).unwrap();
            let expected = reached
                .map_or(OpenedState::Nothing, |changelog_offset| OpenedState::State { changelog_offset });
            assert_eq!(found, expected);
            for _ in 0..60 {
                let offset = reached.map_or(1, |offset: i64| offset + 1);
                let mut batch = WriteBatch::default();
                batch.put(format!("{}", offset % 150).as_bytes(), &value);
                store.apply(&batch, Some(offset)).unwrap();
                reached = Some(offset);
            }
            let all = records_from(&store, b"", b"", usize::MAX);
            assert!(all.iter().all(|(_, found)| *found == value));
            assert_eq!(all.len(), usize::try_from(reached.unwrap().min(150)).unwrap());
        }
    };
    std::thread::scope(|scope| {
        for partition in 0..4 {
            scope.spawn(move || work(partition));
        }
    });
}
