// SPDX-License-Identifier: Apache-2.0

//! The store equals a sorted map at any time, with so little memory that all caches, buffers and filters are replaced all the
//! time.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;

use engine::{StateStore, WriteBatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::records_from;

use crate::home::Home;
use crate::stamp::Stamp;
use crate::store::DiskStore;

const STEPS: usize = 6_000;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn seeded() -> ChaCha8Rng {
    let seed = std::env::var("DISK_TEST_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    println!("DISK_TEST_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// A beginning of keys like those of a state: a processor and a kind of record, perhaps a conversation, perhaps an activity.
fn prefix(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut key = vec![[0, b'a', 255][random.random_range(0..3)], [b'1', b'2'][random.random_range(0..2)]];
    key.truncate([1, 2, 2, 2, 2][random.random_range(0..5)]);
    if key.len() == 2 && random.random_ratio(2, 3) {
        key.extend(format!("{}/", random.random_range(0..60)).into_bytes());
    }
    key
}

fn key(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut key = prefix(random);
    let rest = random.random_range(0..3);
    key.extend((0..rest).map(|_| [b'/', b'x', 0, 255][random.random_range(0..4)]));
    key
}

fn value(random: &mut ChaCha8Rng) -> Vec<u8> {
    let most = if random.random_ratio(1, 20) { 3_000 } else { 120 };
    vec![random.random(); random.random_range(0..most)]
}

fn assert_same(store: &DiskStore, model: &Model, random: &mut ChaCha8Rng) {
    for _ in 0..4 {
        let key = key(random);
        assert_eq!(store.get(&key).unwrap(), model.get(&key).cloned(), "{key:?}");
    }
    let prefix = prefix(random);
    let from = if random.random() { prefix.clone() } else { [&*prefix, &*key(random)].concat() };
    let most = if random.random() { random.random_range(1..4) } else { usize::MAX };
    let range = (Bound::Included(from.clone()), Bound::Unbounded);
    let expected = model.range(range).take_while(|(key, _)| key.starts_with(&prefix)).take(most);
    let expected: Vec<_> = expected.map(|(key, value)| (key.clone(), value.clone())).collect();
    assert_eq!(records_from(store, &prefix, &from, most), expected, "{prefix:?} {from:?} {most}");
}

fn change(random: &mut ChaCha8Rng, model: &mut Model) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for _ in 0..random.random_range(0..12) {
        let key = key(random);
        if random.random_ratio(1, 3) {
            batch.delete(&key);
            model.remove(&key);
        } else {
            let value = value(random);
            batch.put(&key, &value);
            model.insert(key, value);
        }
    }
    batch
}

#[test]
fn whatever_is_done_with_hardly_any_memory_the_store_equals_a_sorted_map() {
    let mut random = seeded();
    let directory = tempfile::tempdir().unwrap();
    let mut home = Home::tiny(directory.path()).unwrap();
    let (mut store, mut model) = (home.store(0, &Stamp::default()).unwrap().0, Model::new());
    for step in 1..=STEPS {
        let batch = change(&mut random, &mut model);
        let offset = Some(i64::try_from(step).unwrap());
        if random.random() { store.apply(&batch, offset) } else { store.take(batch, offset) }.unwrap();
        match random.random_range(0..500) {
            0..10 => {
                store.flush().unwrap();
                let bytes = model.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
                assert_eq!((store.stats().records, store.stats().bytes), (model.len() as u64, bytes as u64));
            }
            10..20 => store.purge().unwrap(),
            20..24 => {
                drop(store);
                store = home.store(0, &Stamp::default()).unwrap().0;
            }
            24 => {
                drop((store, home));
                home = Home::tiny(directory.path()).unwrap();
                store = home.store(0, &Stamp::default()).unwrap().0;
            }
            25 => {
                store.wipe().unwrap();
                model.clear();
            }
            _ => {}
        }
        assert_same(&store, &model, &mut random);
    }
    let counts = home.counts();
    assert!(counts.written > 0, "buffers were written: {counts:?}");
    let all: Vec<_> = model.into_iter().collect();
    assert_eq!(records_from(&store, b"", b"", usize::MAX), all);
}
