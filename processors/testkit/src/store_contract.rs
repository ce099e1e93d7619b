// SPDX-License-Identifier: Apache-2.0

//! The contract of all stores. A store's tests call this once.

use std::ops::ControlFlow;

use engine::{KEY_BYTES_MAX, StateStore, StoreError, StoreStats, WriteBatch};

fn batch(changes: &[(&str, Option<&str>)]) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(key.as_bytes(), value.as_bytes()),
            None => batch.delete(key.as_bytes()),
        }
    }
    batch
}

fn apply(store: &mut dyn StateStore, changes: &[(&str, Option<&str>)], offset: Option<i64>) {
    assert!(store.apply(&batch(changes), offset).is_ok(), "a batch is applied");
}

fn get(store: &dyn StateStore, key: &str) -> Option<String> {
    let value = store.get(key.as_bytes());
    assert!(value.is_ok(), "a key can be read");
    value.ok().flatten().map(|value| String::from_utf8_lossy(&value).into_owned())
}

fn scan(store: &dyn StateStore, prefix: &str, most: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let scanned = store.scan(prefix.as_bytes(), &mut |key, _| {
        keys.push(String::from_utf8_lossy(key).into_owned());
        if keys.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(scanned.is_ok(), "a prefix can be scanned");
    keys
}

/// The first records of a store under a prefix, from a key on.
///
/// # Panics
/// The store cannot be read.
pub fn records_from(
    store: &dyn StateStore,
    prefix: &[u8],
    from: &[u8],
    most: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let scanned = store.scan_from(prefix, from, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(scanned.is_ok(), "a part of a prefix can be scanned");
    found
}

/// Runs all checks, each on a fresh store of `make`.
///
/// # Panics
/// The store violates the contract.
pub fn store_contract(mut make: impl FnMut() -> Box<dyn StateStore>) {
    an_empty_store_knows_nothing(&mut *make());
    what_is_applied_is_read(&mut *make());
    the_last_change_of_a_key_counts(&mut *make());
    a_scan_gives_its_prefix_in_order_and_stops_when_told(&mut *make());
    a_scan_can_begin_anywhere_under_its_prefix(&mut *make());
    the_changelog_offset_is_that_of_the_last_batch_that_named_one(&mut *make());
    a_wiped_store_is_as_new(&mut *make());
    any_bytes_are_keys_and_values(&mut *make());
    a_key_that_is_too_long_is_an_error_and_changes_nothing(&mut *make());
    the_figures_count_what_is_there(&mut *make());
}

fn an_empty_store_knows_nothing(store: &mut dyn StateStore) {
    assert_eq!(get(store, "a"), None);
    assert!(scan(store, "", 10).is_empty());
    assert_eq!(store.changelog_offset().ok().flatten(), None);
    assert_eq!(store.stats(), StoreStats::default());
}

fn what_is_applied_is_read(store: &mut dyn StateStore) {
    apply(store, &[("a", Some("1")), ("b", Some(""))], None);
    assert_eq!(get(store, "a").as_deref(), Some("1"));
    assert_eq!(get(store, "b").as_deref(), Some(""), "an empty value is a value");
    assert_eq!(get(store, "c"), None);
    let mut seen = None;
    assert!(
        store.with(b"a", &mut |value| seen = value.map(<[u8]>::to_vec)).is_ok(),
        "a key can be looked at"
    );
    assert_eq!(seen.as_deref(), Some(b"1".as_slice()));
}

fn the_last_change_of_a_key_counts(store: &mut dyn StateStore) {
    apply(store, &[("a", Some("1")), ("a", None), ("b", None), ("b", Some("2"))], None);
    assert_eq!(get(store, "a"), None);
    assert_eq!(get(store, "b").as_deref(), Some("2"));
    apply(store, &[("b", None), ("never there", None)], None);
    assert_eq!(get(store, "b"), None);
}

fn a_scan_gives_its_prefix_in_order_and_stops_when_told(store: &mut dyn StateStore) {
    apply(
        store,
        &[("b/2", Some("")), ("a", Some("")), ("b/1", Some("")), ("b", Some("")), ("c", Some(""))],
        None,
    );
    assert_eq!(scan(store, "b/", 10), ["b/1", "b/2"]);
    assert_eq!(scan(store, "", 10), ["a", "b", "b/1", "b/2", "c"]);
    assert_eq!(scan(store, "b", 2), ["b", "b/1"]);
    assert!(scan(store, "d", 10).is_empty());
}

fn a_scan_can_begin_anywhere_under_its_prefix(store: &mut dyn StateStore) {
    apply(store, &[("a/1", Some("")), ("a/2", Some("")), ("a/4", Some("")), ("b", Some(""))], None);
    let mut keys = Vec::new();
    for from in ["a/2", "a/3", "a/5"] {
        let scanned = store.scan_from(b"a/", from.as_bytes(), &mut |key, _| {
            keys.push(String::from_utf8_lossy(key).into_owned());
            ControlFlow::Continue(())
        });
        assert!(scanned.is_ok(), "a part of a prefix can be scanned");
    }
    assert_eq!(keys, ["a/2", "a/4", "a/4"]);
}

fn the_changelog_offset_is_that_of_the_last_batch_that_named_one(store: &mut dyn StateStore) {
    apply(store, &[("a", Some("1"))], Some(7));
    apply(store, &[("a", Some("2"))], None);
    assert_eq!(store.changelog_offset().ok().flatten(), Some(7));
    apply(store, &[], Some(9));
    assert_eq!(store.changelog_offset().ok().flatten(), Some(9));
}

fn a_wiped_store_is_as_new(store: &mut dyn StateStore) {
    apply(store, &[("a", Some("1"))], Some(7));
    assert!(store.wipe().is_ok(), "a store can be wiped");
    an_empty_store_knows_nothing(store);
    apply(store, &[("a", Some("2"))], Some(1));
    assert_eq!(get(store, "a").as_deref(), Some("2"));
}

fn any_bytes_are_keys_and_values(store: &mut dyn StateStore) {
    let keys: [&[u8]; 4] = [&[0], &[0, 0], &[255, 255], "é/%".as_bytes()];
    let mut batch = WriteBatch::default();
    for key in keys {
        batch.put(key, key);
    }
    assert!(store.apply(&batch, None).is_ok(), "a batch is applied");
    for key in keys {
        assert_eq!(store.get(key).ok().flatten().as_deref(), Some(key));
    }
    let mut after_ff = 0;
    let scanned = store.scan(&[255], &mut |_, _| {
        after_ff += 1;
        ControlFlow::Continue(())
    });
    assert!(scanned.is_ok() && after_ff == 1, "a prefix of 0xff has an end");
}

fn a_key_that_is_too_long_is_an_error_and_changes_nothing(store: &mut dyn StateStore) {
    let (longest, longer) = (vec![b'k'; KEY_BYTES_MAX], vec![b'k'; KEY_BYTES_MAX + 1]);
    let mut batch = WriteBatch::default();
    batch.put(&longest, b"1");
    assert!(store.apply(&batch, Some(1)).is_ok(), "the longest key is applied");
    assert_eq!(store.get(&longest).ok().flatten().as_deref(), Some(b"1".as_slice()));
    let mut batch = WriteBatch::default();
    batch.put(b"a", b"1");
    batch.delete(&longer);
    // Also longer than the disk store's tables allow.
    for bytes in [longer, vec![b'k'; 70_000]] {
        let is_refused = |error: Option<StoreError>| {
            assert!(matches!(error, Some(StoreError::KeyTooLong { bytes: found }) if found == bytes.len()));
        };
        is_refused(store.get(&bytes).err());
        is_refused(store.with(&bytes, &mut |_| {}).err());
        is_refused(store.scan(&bytes, &mut |_, _| ControlFlow::Continue(())).err());
        let mut batch = batch.clone();
        batch.delete(&bytes);
        is_refused(store.apply(&batch, Some(2)).err());
    }
    assert_eq!((get(store, "a"), store.changelog_offset().ok().flatten()), (None, Some(1)));
}

fn the_figures_count_what_is_there(store: &mut dyn StateStore) {
    apply(store, &[("a", Some("123")), ("b", Some("4"))], None);
    assert_eq!(store.stats(), StoreStats { records: 2, bytes: 6 });
    apply(store, &[("a", Some("1")), ("b", None)], None);
    assert_eq!(store.stats(), StoreStats { records: 1, bytes: 2 });
}
