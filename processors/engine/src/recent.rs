// SPDX-License-Identifier: Apache-2.0

//! Ids of the last events of a partition with their homes: one id in two conversations is a conflict (contract section 7).
//!
//! An index of all ids would need a changelog record for each event, half of the cost of activities. The ids of the last
//! [`IDS_MAX`] events need one record for each commit, and producers send duplicates close together. They are stored in the
//! state, so the result does not depend on the process; the memory holds only what the state has.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use model::Home;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::hashed::ByHash;
use crate::store::{StateStore, StoreError, WriteBatch};

/// Key prefix of its records; 0 is no processor's namespace.
const PREFIX: &[u8] = b"\0ids/";
/// Format version of a record; its first byte.
const VERSION: u8 = 1;
/// Number of known ids: about 170 KiB of memory, read for each event, which would be slow beyond the CPU cache.
const IDS_MAX: usize = 4_096;
/// Maximum number of records, each overwritten once the others are newer.
const RECORDS_MAX: u64 = 1_024;
/// Maximum number of ids in a record, at 12 bytes each.
const RECORD_IDS_MAX: usize = 1_024;
const ID_BYTES: usize = size_of::<u64>();
const PAIR_BYTES: usize = ID_BYTES + size_of::<u32>();

/// Ids of the last folded events.
#[derive(Debug, Default)]
pub(crate) struct RecentIds {
    /// Home of an id: hashes of both.
    homes: ByHash<u32>,
    /// Ids of each record, oldest first.
    records: VecDeque<Vec<u64>>,
    ids: usize,
    /// Number of the next record.
    next: u64,
    /// Ids to be committed.
    staged: Vec<(u64, u32)>,
}

impl RecentIds {
    /// Whether another conversation, or a standalone activity, has this id.
    pub(crate) fn is_elsewhere(&self, id: &str, home: &Home<'_>) -> bool {
        self.homes.get(&hash_of(id)).is_some_and(|known| *known != hash_of_home(home))
    }

    /// Claims an id for a home with the next commit; `false` if another home has it.
    pub(crate) fn claim(&mut self, id: &str, home: &Home<'_>) -> bool {
        let (id, home) = (hash_of(id), hash_of_home(home));
        match self.homes.entry(id) {
            Entry::Occupied(known) => *known.get() == home,
            Entry::Vacant(place) => {
                place.insert(home);
                self.staged.push((id, home));
                true
            }
        }
    }

    /// Writes the new ids with the state, and deletes the records that they displace.
    pub(crate) fn stage(&self, writes: &mut WriteBatch) {
        let first = self.next - self.records.len() as u64;
        let kept = first + self.leaving() as u64;
        // An overwritten record is put after it is deleted: the last change of a key wins.
        (first..kept.min(self.next)).for_each(|number| writes.delete(&key_of(number)));
        let new = (self.next..).zip(self.staged.chunks(RECORD_IDS_MAX));
        for (number, ids) in new.filter(|(number, _)| *number >= kept) {
            let mut record = Vec::with_capacity(1 + size_of::<u64>() + ids.len() * PAIR_BYTES);
            record.push(VERSION);
            record.extend_from_slice(&number.to_be_bytes());
            for (id, home) in ids {
                record.extend_from_slice(&id.to_be_bytes());
                record.extend_from_slice(&home.to_be_bytes());
            }
            writes.put_owned(&key_of(number), record);
        }
    }

    /// Number of the oldest records that the new ids displace.
    fn leaving(&self) -> usize {
        let staged = self.staged.chunks(RECORD_IDS_MAX).map(<[_]>::len);
        let mut records = (self.records.len() + staged.len()) as u64;
        let mut ids = self.ids + self.staged.len();
        let mut leaving = 0;
        for record in self.records.iter().map(Vec::len).chain(staged) {
            if ids <= IDS_MAX && records <= RECORDS_MAX {
                break;
            }
            ids -= record;
            records -= 1;
            leaving += 1;
        }
        leaving
    }

    pub(crate) fn committed(&mut self) {
        let leaving = self.leaving();
        for ids in std::mem::take(&mut self.staged).chunks(RECORD_IDS_MAX) {
            self.records.push_back(ids.iter().map(|(id, _)| *id).collect());
            self.ids += ids.len();
            self.next += 1;
        }
        for oldest in self.records.drain(..leaving) {
            self.ids -= oldest.len();
            for id in oldest {
                self.homes.remove(&id);
            }
        }
    }

    pub(crate) fn aborted(&mut self) {
        for (id, _) in std::mem::take(&mut self.staged) {
            self.homes.remove(&id);
        }
    }

    /// Reads them from the state.
    pub(crate) fn read(&mut self, store: &dyn StateStore) -> Result<(), StoreError> {
        *self = Self::default();
        let mut records: Vec<(u64, Vec<(u64, u32)>)> = Vec::new();
        let mut problem = None;
        store.scan(PREFIX, &mut |_, record| match read_record(record) {
            Some(record) => {
                records.push(record);
                ControlFlow::Continue(())
            }
            None => {
                problem = Some(StoreError::Corrupt("the ids of the last events are none".to_owned()));
                ControlFlow::Break(())
            }
        })?;
        if let Some(problem) = problem {
            return Err(problem);
        }
        records.sort_unstable_by_key(|(number, _)| *number);
        self.next = records.last().map_or(0, |(number, _)| number + 1);
        for (_, ids) in records {
            self.ids += ids.len();
            self.records.push_back(ids.iter().map(|(id, _)| *id).collect());
            self.homes.extend(ids);
        }
        Ok(())
    }
}

fn key_of(number: u64) -> Vec<u8> {
    let mut key = PREFIX.to_vec();
    key.extend_from_slice(&(number % RECORDS_MAX).to_be_bytes());
    key
}

fn read_record(record: &[u8]) -> Option<(u64, Vec<(u64, u32)>)> {
    let (&VERSION, record) = record.split_first()? else { return None };
    let (number, ids) = record.split_first_chunk()?;
    let pairs = ids.chunks(PAIR_BYTES).map(|pair| {
        let (id, home) = pair.split_first_chunk()?;
        Some((u64::from_be_bytes(*id), u32::from_be_bytes(home.try_into().ok()?)))
    });
    Some((u64::from_be_bytes(*number), pairs.collect::<Option<_>>()?))
}

fn hash_of(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// First half of the hash: a collision, and so a missed conflict, is unlikely enough.
fn hash_of_home(home: &Home<'_>) -> u32 {
    let (id, seed) = match home {
        Home::Conversation(id) => (id, 1),
        Home::Activity(id) => (id, 2),
        Home::Session(id) => (id, 3),
    };
    (xxh3_64_with_seed(id.as_bytes(), seed) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    const A: Home<'static> = Home::Conversation("a");
    const B: Home<'static> = Home::Conversation("b");

    fn commit(recent: &mut RecentIds, store: &mut MemoryStore) {
        let mut writes = WriteBatch::default();
        recent.stage(&mut writes);
        store.apply(&writes, None).unwrap();
        recent.committed();
    }

    fn restored(store: &MemoryStore) -> RecentIds {
        let mut recent = RecentIds::default();
        recent.read(store).unwrap();
        recent
    }

    #[test]
    fn an_id_of_another_conversation_is_found_at_once_and_after_a_restore() {
        let (mut recent, mut store) = (RecentIds::default(), MemoryStore::default());
        assert!(recent.claim("e", &A));
        assert!(
            recent.is_elsewhere("e", &B) && !recent.is_elsewhere("e", &A) && !recent.is_elsewhere("f", &B)
        );
        assert!(recent.is_elsewhere("e", &Home::Activity("a")), "an activity of its name is something else");
        commit(&mut recent, &mut store);
        assert!(restored(&store).is_elsewhere("e", &B) && !restored(&store).is_elsewhere("e", &A));
    }

    #[test]
    fn what_was_not_committed_is_not_known() {
        let (mut recent, mut store) = (RecentIds::default(), MemoryStore::default());
        assert!(recent.claim("e", &A));
        recent.aborted();
        assert!(!recent.is_elsewhere("e", &B));
        commit(&mut recent, &mut store);
        assert!(recent.claim("f", &A));
        assert!(!restored(&store).is_elsewhere("f", &B));
    }

    #[test]
    fn as_many_as_there_may_be_are_known_and_the_same_ones_after_a_restore_whatever_the_commits() {
        for per_commit in [1, 3, 700, 10_000, 40_000] {
            let (mut recent, mut store) = (RecentIds::default(), MemoryStore::default());
            let ids: Vec<String> = (0..40_000).map(|n| format!("e{n}")).collect();
            for ids in ids.chunks(per_commit) {
                assert!(ids.iter().all(|id| recent.claim(id, &A)));
                commit(&mut recent, &mut store);
                assert!(recent.ids <= IDS_MAX && recent.homes.len() == recent.ids);
            }
            let again = restored(&store);
            let known = |recent: &RecentIds| ids.iter().filter(|id| recent.is_elsewhere(id, &B)).count();
            assert_eq!(known(&recent), recent.ids, "{per_commit}");
            assert_eq!(
                (again.ids, again.next, known(&again)),
                (recent.ids, recent.next, recent.ids),
                "{per_commit}"
            );
            assert!(again.is_elsewhere("e39999", &B) && !again.is_elsewhere("e0", &B));
            assert_eq!(store.stats().records, recent.records.len() as u64, "what left is deleted");
            assert!(store.stats().records <= RECORDS_MAX);
        }
    }

    #[test]
    fn an_id_that_left_and_came_again_is_where_it_came_last() {
        let (mut recent, mut store) = (RecentIds::default(), MemoryStore::default());
        assert!(recent.claim("e", &A));
        commit(&mut recent, &mut store);
        for n in 0..RECORDS_MAX - 1 {
            assert!(recent.claim(&format!("e{n}"), &A));
            commit(&mut recent, &mut store);
        }
        assert!(recent.is_elsewhere("e", &B));
        assert!(recent.claim("last", &A));
        commit(&mut recent, &mut store);
        assert!(!recent.is_elsewhere("e", &B));
        assert!(recent.claim("e", &B));
        commit(&mut recent, &mut store);
        assert!(restored(&store).is_elsewhere("e", &A) && !restored(&store).is_elsewhere("e", &B));
    }

    #[test]
    fn other_bytes_are_damage() {
        let mut store = MemoryStore::default();
        let mut writes = WriteBatch::default();
        writes.put(&key_of(0), b"\x01damaged");
        store.apply(&writes, None).unwrap();
        assert!(RecentIds::default().read(&store).is_err());
    }
}
