// SPDX-License-Identifier: Apache-2.0

//! The disk store meets the contract of all stores, in memory and from its tables.

use std::ops::ControlFlow;

use crate::common::Flushing;
use disk::{Budget, Home, Stamp};
use engine::{StateStore, WriteBatch};

fn home(directory: &tempfile::TempDir) -> Home {
    Home::open(directory.path(), Budget::default()).unwrap()
}

#[test]
fn the_disk_store_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(&directory);
    let mut partition = 0;
    testkit::store_contract(|| {
        partition += 1;
        Box::new(home.store(partition, &Stamp::default()).unwrap().0)
    });
}

#[test]
fn it_keeps_the_contract_when_each_batch_goes_to_the_tables_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let home = home(&directory);
    let mut partition = 0;
    testkit::store_contract(|| {
        partition += 1;
        Box::new(Flushing(home.store(partition, &Stamp::default()).unwrap().0))
    });
}

#[test]
fn the_empty_key_and_keys_that_begin_with_zero_are_keys_like_others() {
    let directory = tempfile::tempdir().unwrap();
    let keys: [&[u8]; 6] = [b"", &[0], &[0, 0], &[0, 1], &[0, 1, 0], &[1]];
    let stamp = Stamp::default();
    for _ in 0..2 {
        let home = home(&directory);
        let (mut store, _) = home.store(0, &stamp).unwrap();
        let mut batch = WriteBatch::default();
        for key in keys {
            batch.put(key, key);
        }
        store.apply(&batch, Some(1)).unwrap();
        for flushed in [false, true] {
            if flushed {
                store.flush().unwrap();
            }
            for key in keys {
                assert_eq!(store.get(key).unwrap().as_deref(), Some(key));
            }
            let mut seen = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                assert_eq!(key, value);
                seen.push(key.to_vec());
                ControlFlow::Continue(())
            };
            store.scan(b"", &mut visit).unwrap();
            assert_eq!(seen, keys);
        }
    }
}
