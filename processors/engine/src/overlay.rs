// SPDX-License-Identifier: Apache-2.0

//! View of the state with staged changes on top of the committed ones.

use std::ops::ControlFlow;

use crate::store::{StateStore, StoreError, Visit, WriteBatch};

/// Builds `namespace` + `key` without an allocation for each key.
pub(crate) fn full_key<'k>(scratch: &'k mut Vec<u8>, namespace: u8, key: &[u8]) -> &'k [u8] {
    scratch.clear();
    scratch.push(namespace);
    scratch.extend_from_slice(key);
    scratch
}

/// Passes the staged value of a key to `read`.
pub(crate) fn read<R>(
    store: &dyn StateStore,
    writes: &WriteBatch,
    key: &[u8],
    read: impl FnOnce(Option<&[u8]>) -> R,
) -> Result<R, StoreError> {
    match writes.get(key) {
        Some(staged) => Ok(read(staged)),
        None => read_committed(store, key, read),
    }
}

/// Passes the committed value of a key to `read`.
pub(crate) fn read_committed<R>(
    store: &dyn StateStore,
    key: &[u8],
    read: impl FnOnce(Option<&[u8]>) -> R,
) -> Result<R, StoreError> {
    let mut read = Some(read);
    let mut result = None;
    store.with(key, &mut |value| result = read.take().map(|read| read(value)))?;
    result.ok_or_else(|| {
        let key = String::from_utf8_lossy(key);
        StoreError::Corrupt(format!("the store gave no answer for {key:?}"))
    })
}

/// Visits all keys that begin with `prefix` and are not before `from`, with their staged values, in byte order, until `visit`
/// breaks.
pub(crate) fn scan(
    store: &dyn StateStore,
    writes: &mut WriteBatch,
    prefix: &[u8],
    from: &[u8],
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    // Scans repeat: for example, each new activity looks for events that wait for it.
    writes.keep_in_order(prefix);
    let mut staged = writes.under(prefix, from).peekable();
    let mut broken = false;
    store.scan_from(prefix, from, &mut |key, value| {
        let mut see = |key: &[u8], value: &[u8]| {
            let flow = visit(key, value);
            broken = flow.is_break();
            flow
        };
        while let Some((before, staged)) = staged.next_if(|(staged, _)| *staged < key) {
            if let Some(staged) = staged
                && see(before, staged).is_break()
            {
                return ControlFlow::Break(());
            }
        }
        match staged.next_if(|(staged, _)| *staged == key) {
            Some((_, Some(staged))) => see(key, staged),
            Some((_, None)) => ControlFlow::Continue(()),
            None => see(key, value),
        }
    })?;
    if broken {
        return Ok(());
    }
    for (key, value) in staged {
        if let Some(value) = value
            && visit(key, value).is_break()
        {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn what_is_staged_lies_over_what_is_committed() {
        let mut store = MemoryStore::default();
        let mut committed = WriteBatch::default();
        for key in ["a1", "a2", "a3", "b1"] {
            committed.put(key.as_bytes(), b"old");
        }
        store.apply(&committed, None).unwrap();
        let mut staged = WriteBatch::default();
        staged.put(b"a2", b"new");
        staged.delete(b"a3");
        staged.put(b"a4", b"new");
        let mut seen = Vec::new();
        scan(&store, &mut staged, b"a", b"a", &mut |key, value| {
            seen.push((String::from_utf8_lossy(key).into_owned(), value == b"new"));
            ControlFlow::Continue(())
        })
        .unwrap();
        let expected = [("a1", false), ("a2", true), ("a4", true)];
        assert_eq!(seen, expected.map(|(key, new)| (key.to_owned(), new)));
        assert!(read(&store, &staged, b"a3", |value| value.is_none()).unwrap());
        assert!(read_committed(&store, b"a3", |value| value.is_some()).unwrap());
    }

    #[test]
    fn a_visit_that_breaks_sees_no_more() {
        let mut store = MemoryStore::default();
        let mut committed = WriteBatch::default();
        committed.put(b"a1", b"");
        store.apply(&committed, None).unwrap();
        let mut staged = WriteBatch::default();
        staged.put(b"a2", b"");
        let mut count = |from: &[u8]| {
            let mut seen = 0;
            let mut visit = |_: &[u8], _: &[u8]| {
                seen += 1;
                ControlFlow::Break(())
            };
            scan(&store, &mut staged, b"a", from, &mut visit).unwrap();
            seen
        };
        assert_eq!([b"a".as_slice(), b"a2", b"a3"].map(&mut count), [1, 1, 0]);
    }
}
