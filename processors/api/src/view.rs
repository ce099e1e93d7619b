// SPDX-License-Identifier: Apache-2.0

//! The conversations of this instance, one row each: a bounded copy of the state.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use edge::queries::{Change, Update};
use folds::look;

use crate::current::Current;
use crate::row::Row;

/// The approximate overhead of a row: its nodes in three indexes, its key, and the allocator's rounding.
const ROW_EXTRA: usize = 256;

/// The sort key of the list: the latest started conversation comes first.
pub(crate) type SortKey = (Reverse<i64>, Arc<str>);

/// A change of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Its new row.
    Stands(Arc<Row>),
    /// It left this instance.
    Gone(Arc<str>),
    /// Too many changes to list them.
    All,
}

struct CachedRow {
    row: Arc<Row>,
    partition: i32,
}

/// All rows that fit into the memory limit. Beyond it, conversations closed first are removed, then those started first.
pub(crate) struct View {
    bytes_max: usize,
    /// The memory of the rows.
    bytes: usize,
    rows: HashMap<Arc<str>, CachedRow>,
    /// All rows, latest started first.
    order: BTreeSet<SortKey>,
    /// Closed conversations, by closing time.
    closed: BTreeSet<(i64, Arc<str>)>,
    /// For each partition, whether all of its rows were received.
    whole: BTreeMap<i32, bool>,
    /// Whether rows were removed for memory.
    is_cut: bool,
    current: Current,
}

impl View {
    /// A view with about this much memory, whose rows these gauges count.
    pub(crate) fn up_to(bytes_max: usize, current: Current) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            rows: HashMap::new(),
            order: BTreeSet::new(),
            closed: BTreeSet::new(),
            whole: BTreeMap::new(),
            is_cut: false,
            current,
        }
    }

    /// Takes an update.
    pub(crate) fn take(&mut self, updates: Update, mut changed: impl FnMut(Changed)) {
        match updates {
            Update::Reset { partition } => {
                self.whole.insert(partition, false);
                self.drop_partition(partition);
                changed(Changed::All);
            }
            Update::Closed { partition } => {
                self.whole.remove(&partition);
                self.drop_partition(partition);
                changed(Changed::All);
            }
            Update::Records { partition, records, is_whole } => {
                for record in records {
                    let Some(change) = self.record(partition, record) else { continue };
                    changed(change);
                }
                self.whole.insert(partition, is_whole);
                self.cut(changed);
            }
        }
    }

    /// Removes rows until the limit is met.
    fn cut(&mut self, mut changed: impl FnMut(Changed)) {
        while self.bytes > self.bytes_max {
            let Some(id) = self.first_to_go() else { break };
            self.remove(&id);
            self.is_cut = true;
            changed(Changed::Gone(id));
        }
    }

    fn record(&mut self, partition: i32, (key, value): Change) -> Option<Changed> {
        let Some(value) = value else {
            let id: Arc<str> = look::standing_of(&key)?.into();
            return self.remove(&id).then_some(Changed::Gone(id));
        };
        match look::with_standing(&key, &value, Row::of) {
            Ok(row) => {
                let row = Arc::new(row?);
                self.insert(partition, Arc::clone(&row));
                Some(Changed::Stands(row))
            }
            Err(error) => {
                tracing::warn!(%error, "a conversation cannot be listed");
                None
            }
        }
    }

    fn insert(&mut self, partition: i32, row: Arc<Row>) {
        let id: Arc<str> = row.conversation_id.as_str().into();
        self.remove(&id);
        self.order.insert((Reverse(row.started_at), Arc::clone(&id)));
        if let Some(closed_at) = row.closed_at {
            self.closed.insert((closed_at, Arc::clone(&id)));
        }
        self.bytes += bytes_of(&row);
        self.current.enter(&row);
        self.rows.insert(id, CachedRow { row, partition });
    }

    fn remove(&mut self, id: &Arc<str>) -> bool {
        let Some(CachedRow { row, .. }) = self.rows.remove(id) else { return false };
        self.bytes -= bytes_of(&row);
        self.current.leave(&row);
        self.order.remove(&(Reverse(row.started_at), Arc::clone(id)));
        if let Some(closed_at) = row.closed_at {
            self.closed.remove(&(closed_at, Arc::clone(id)));
        }
        true
    }

    fn drop_partition(&mut self, partition: i32) {
        let of_it = self.rows.iter().filter(|(_, kept)| kept.partition == partition);
        let gone: Vec<Arc<str>> = of_it.map(|(id, _)| Arc::clone(id)).collect();
        gone.iter().for_each(|id| {
            self.remove(id);
        });
    }

    fn first_to_go(&self) -> Option<Arc<str>> {
        let closed = self.closed.first().map(|(_, id)| Arc::clone(id));
        closed.or_else(|| self.order.last().map(|(_, id)| Arc::clone(id)))
    }

    /// The rows after a sort key, latest started first.
    pub(crate) fn after(&self, place: Option<&SortKey>) -> impl Iterator<Item = &Arc<Row>> {
        let from = place.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let places = self.order.range::<SortKey, _>((from, std::ops::Bound::Unbounded));
        places.filter_map(|(_, id)| self.rows.get(id).map(|kept| &kept.row))
    }

    /// Whether it has all conversations of this number of partitions.
    pub(crate) fn is_complete(&self, partitions: Option<i32>) -> bool {
        let whole = self.whole.values().filter(|whole| **whole).count();
        !self.is_cut && partitions.is_some_and(|all| usize::try_from(all) == Ok(whole))
    }
}

/// The approximate memory of a row.
fn bytes_of(row: &Row) -> usize {
    ROW_EXTRA + row.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, started_at: i64, closed_at: Option<i64>) -> Arc<Row> {
        Arc::new(Row {
            conversation_id: id.to_owned(),
            state: if closed_at.is_some() { "CLOSED" } else { "OPEN" },
            stage: "AGENT",
            outcome: None,
            started_at,
            last_event_at: started_at,
            closed_at,
            direction: None,
            customer_id: None,
            channels: Vec::new(),
            agents: Vec::new(),
            queue_visits: Vec::new(),
            customer_messages: 0,
            agent_messages: 0,
            bot_messages: 0,
            awaits_reply_since: None,
            is_private: false,
        })
    }

    fn view() -> View {
        let metrics = edge::metrics::Metrics::new(&edge::metrics::Labels::default()).unwrap();
        View::up_to(usize::MAX, Current::new(metrics.current(&[])))
    }

    fn ids(view: &View, place: Option<&SortKey>) -> Vec<String> {
        view.after(place).map(|row| row.conversation_id.clone()).collect()
    }

    fn nothing(partition: i32) -> Update {
        Update::Records { partition, records: Vec::new(), is_whole: true }
    }

    #[test]
    fn those_that_began_last_come_first_and_a_list_goes_on_after_a_place() {
        let mut view = view();
        for (id, at) in [("a", 10), ("b", 30), ("c", 20), ("d", 20)] {
            view.insert(0, row(id, at, None));
        }
        assert_eq!(ids(&view, None), ["b", "c", "d", "a"]);
        assert_eq!(ids(&view, Some(&(Reverse(20), "c".into()))), ["d", "a"]);
        view.insert(0, row("c", 40, None));
        assert_eq!(ids(&view, None), ["c", "b", "d", "a"]);
    }

    #[test]
    fn what_a_partition_told_goes_with_it() {
        let mut view = view();
        view.insert(0, row("a", 1, None));
        view.insert(1, row("b", 2, Some(3)));
        view.take(nothing(0), |_| {});
        view.take(nothing(1), |_| {});
        assert!(view.is_complete(Some(2)) && !view.is_complete(Some(3)) && !view.is_complete(None));
        let mut changes = Vec::new();
        view.take(Update::Closed { partition: 1 }, |change| changes.push(change));
        assert_eq!((ids(&view, None), changes), (vec!["a".to_owned()], vec![Changed::All]));
        assert!(!view.is_complete(Some(2)) && view.closed.is_empty());
        view.take(Update::Reset { partition: 0 }, |_| {});
        assert_eq!(ids(&view, None), Vec::<String>::new());
        assert!(!view.is_complete(Some(1)));
    }

    #[test]
    fn of_too_many_those_go_that_were_closed_first_then_those_that_began_first() {
        let mut view = view();
        for (id, at, closed) in [("a", 1, None), ("b", 2, Some(9)), ("c", 3, Some(8)), ("d", 4, None)] {
            view.insert(0, row(id, at, closed));
        }
        view.bytes_max = bytes_of(&row("d", 4, None));
        let mut gone = Vec::new();
        view.take(nothing(0), |change| gone.push(change));
        let gone_are = ["c", "b", "a"].map(|id| Changed::Gone(id.into()));
        assert_eq!((gone, ids(&view, None)), (gone_are.to_vec(), vec!["d".to_owned()]));
        assert_eq!(view.bytes, view.bytes_max);
        assert!(!view.is_complete(Some(1)));
    }
}
