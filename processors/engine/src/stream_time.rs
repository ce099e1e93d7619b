// SPDX-License-Identifier: Apache-2.0

//! Stream time: the latest event time that a partition has seen. State expires by stream time only (contract section 9).

use crate::store::{StateStore, StoreError, WriteBatch};

/// An event time further ahead of its record's Kafka timestamp does not count, so one wrong clock expires nothing.
const AHEAD_MAX_MS: i64 = 5 * 60 * 1000;
/// Step after which stream time is stored again. Limits are hours and days.
const WRITE_EVERY_MS: i64 = 60 * 1000;
/// Its key in the state; 0 is no processor's namespace.
const KEY: &[u8] = b"\0stream-time";

/// Stream time of a task.
#[derive(Debug, Default)]
pub(crate) struct StreamTime {
    /// As of the last commit.
    now_ms: Option<i64>,
    /// As stored in the state.
    written_ms: Option<i64>,
    may_expire: bool,
}

impl StreamTime {
    /// The staged stream time after an event.
    pub(crate) fn after(&self, staged: Option<i64>, at: i64, record_ms: Option<i64>) -> Option<i64> {
        let is_ahead = record_ms.is_some_and(|record_ms| at > record_ms.saturating_add(AHEAD_MAX_MS));
        let known = staged.max(self.now_ms);
        if is_ahead || known >= Some(at) { staged } else { Some(at) }
    }

    /// Stores it with the state, once for each step.
    pub(crate) fn stage(&self, staged: Option<i64>, writes: &mut WriteBatch) {
        let Some(now) = staged else { return };
        if self.written_ms.is_none_or(|written| now - written >= WRITE_EVERY_MS) {
            writes.put(KEY, &now.to_be_bytes());
        }
    }

    pub(crate) fn committed(&mut self, staged: Option<i64>) {
        let Some(now) = staged else { return };
        if self.written_ms.is_none_or(|written| now - written >= WRITE_EVERY_MS) {
            self.written_ms = Some(now);
        }
        self.now_ms = Some(now);
    }

    /// Reads it from the state.
    pub(crate) fn read(&mut self, store: &dyn StateStore) -> Result<(), StoreError> {
        let Some(bytes) = store.get(KEY)? else { return Ok(()) };
        let bytes = <[u8; 8]>::try_from(bytes.as_slice());
        let at = bytes.map_err(|_| StoreError::Corrupt("the stream time is no time".to_owned()))?;
        self.now_ms = Some(i64::from_be_bytes(at));
        self.written_ms = self.now_ms;
        Ok(())
    }

    pub(crate) fn allow_expiry(&mut self) {
        self.may_expire = true;
    }

    /// The current stream time. While there is none, for example because the partition has only seen messages or events of the
    /// future, the Kafka timestamp of the current record is used: a limit that starts at 0 would be over with the first event.
    pub(crate) fn clock(&self, staged: Option<i64>, record_ms: Option<i64>) -> i64 {
        staged.max(self.now_ms).or(record_ms).unwrap_or(0)
    }

    /// The time for expiry, if state may expire.
    pub(crate) fn for_expiry(&self, staged: Option<i64>) -> Option<i64> {
        if self.may_expire { staged.max(self.now_ms) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn stream_time_runs_forward_only() {
        let mut time = StreamTime::default();
        let staged = time.after(None, 1000, Some(1000));
        assert_eq!(time.after(staged, 900, Some(1000)), Some(1000));
        time.committed(staged);
        assert_eq!(time.after(None, 900, None), None);
        assert_eq!(time.after(None, 1001, None), Some(1001));
    }

    #[test]
    fn an_event_from_the_future_does_not_move_it() {
        let time = StreamTime::default();
        let year_2099 = 4_070_908_800_000;
        assert_eq!(time.after(Some(5), year_2099, Some(1_750_000_000_000)), Some(5));
        assert_eq!(time.after(Some(5), 300_000, Some(0)), Some(300_000));
        assert_eq!(time.after(Some(5), 300_001, Some(0)), Some(5));
    }

    #[test]
    fn limits_count_from_the_record_in_hand_while_there_is_no_stream_time() {
        let mut time = StreamTime::default();
        assert_eq!((time.clock(None, Some(9)), time.clock(Some(7), Some(9))), (9, 7));
        time.committed(Some(8));
        assert_eq!(time.clock(None, Some(9)), 8);
    }

    #[test]
    fn nothing_expires_before_the_task_has_caught_up() {
        let mut time = StreamTime::default();
        time.committed(Some(7));
        assert_eq!(time.for_expiry(Some(9)), None);
        time.allow_expiry();
        assert_eq!((time.for_expiry(None), time.for_expiry(Some(9))), (Some(7), Some(9)));
    }

    #[test]
    fn it_is_read_back_with_the_state() {
        let mut writes = WriteBatch::default();
        let time = StreamTime::default();
        time.stage(Some(77), &mut writes);
        let mut store = MemoryStore::default();
        store.apply(&writes, None).unwrap();
        let mut restored = StreamTime::default();
        restored.read(&store).unwrap();
        assert_eq!(restored.now_ms, Some(77));
        let mut again = WriteBatch::default();
        restored.stage(Some(78), &mut again);
        assert!(again.is_empty(), "not written for every step");
    }
}
