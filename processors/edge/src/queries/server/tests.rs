// SPDX-License-Identifier: Apache-2.0

//! Interactive queries as a whole: callers and listeners on one side, a worker with a task on the other.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use engine::{InnerTopics, MemoryStore, StateStore, Topology, WriteBatch};

use super::super::UPDATES_MAX;
use super::*;

const INNER: InnerTopics<'static> =
    InnerTopics { dead_letters: "dead", changelog: "changelog", repartition: "again", erasures: None };

/// A running task with records `w0`, `w1`, … and one that is not watched.
fn task(watched: usize) -> Task {
    let mut store = MemoryStore::default();
    let mut batch = WriteBatch::default();
    (0..watched).for_each(|n| batch.put(format!("w{n:06}").as_bytes(), b"value"));
    batch.put(b"x", b"other");
    store.apply(&batch, None).unwrap();
    let mut task = Task::new(3, 8, Arc::new(Topology::new(INNER)), model::Limits::default(), Box::new(store));
    assert!(task.become_phase(Phase::Restoring));
    task.restored(0).unwrap();
    task
}

fn status(task: &Task) -> TaskStatus {
    let lags = BTreeMap::new();
    TaskStatus { partition: 3, worker: "w".to_owned(), phase: task.phase(), records: 0, bytes: 0, lags }
}

fn open() -> (InteractiveQueries, Receiver<Update>, QueryServer) {
    let (queries, updates) = InteractiveQueries::open(b"w".to_vec());
    let server = queries.server("w");
    (queries, updates, server)
}

fn transfers(updates: &Receiver<Update>) -> Vec<Update> {
    updates.try_iter().collect()
}

/// Sends a query while the worker answers.
fn asked(
    queries: &InteractiveQueries,
    server: &mut QueryServer,
    task: &Task,
    places: Vec<Place>,
    bytes_max: usize,
) -> Result<Entries, QueryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let answer = async {
            tokio::task::yield_now().await;
            server.answer(|partition| (partition == 3).then_some(task)).unwrap();
        };
        tokio::join!(queries.ask(3, places, bytes_max), answer).0
    })
}

#[test]
fn a_question_is_answered_from_the_store_of_its_task() {
    let (queries, _news, mut server) = open();
    let task = task(3);
    server.report(vec![status(&task)]);
    let places = vec![Place::Key(b"x".to_vec()), Place::Under(b"w00000".to_vec()), Place::Key(b"y".to_vec())];
    let keys: Vec<Vec<u8>> = asked(&queries, &mut server, &task, places.clone(), 1 << 20)
        .unwrap()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, [b"x".to_vec(), b"w000000".to_vec(), b"w000001".to_vec(), b"w000002".to_vec()]);
    assert_eq!(asked(&queries, &mut server, &task, places, 20), Err(QueryError::TooLarge));
}

#[test]
fn what_is_not_here_or_not_ready_is_said_at_once() {
    let (queries, _news, mut server) = open();
    let task = task(0);
    let ask = |queries: &InteractiveQueries, server: &mut QueryServer| {
        asked(queries, server, &task, vec![Place::Key(b"x".to_vec())], 9)
    };
    assert_eq!(ask(&queries, &mut server), Err(QueryError::NotHere));
    server.report(vec![TaskStatus { phase: Phase::Restoring, ..status(&task) }]);
    assert_eq!(ask(&queries, &mut server), Err(QueryError::NotReady));
    server.report(vec![]);
    assert_eq!(ask(&queries, &mut server), Err(QueryError::NotHere));
}

#[test]
fn a_worker_that_does_not_come_to_answer_is_not_asked_without_end() {
    let (queries, _news, server) = open();
    server.report(vec![status(&task(0))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut waiting = Vec::new();
        for _ in 0..super::super::QUERIES_MAX {
            let mut query = Box::pin(queries.ask(3, Vec::new(), 1));
            tokio::select! { biased; _ = &mut query => panic!("no answer"), () = async {} => {} }
            waiting.push(query);
        }
        assert_eq!(queries.ask(3, Vec::new(), 1).await, Err(QueryError::Busy));
    });
}

#[test]
fn all_that_is_watched_is_told_in_slices_and_then_what_is_committed() {
    let (_desk, updates, mut server) = open();
    let task = task(SLICE_RECORDS + 1);
    server.send_some(&task).unwrap();
    assert!(server.has_more_to_send());
    server.send_some(&task).unwrap();
    assert!(!server.has_more_to_send());
    server.send_some(&task).unwrap();
    server.committed(3, vec![(b"w".to_vec(), None)]);
    let sizes: Vec<Option<(usize, bool)>> = transfers(&updates)
        .into_iter()
        .map(|updates| match updates {
            Update::Records { records, is_whole, .. } => Some((records.len(), is_whole)),
            Update::Reset { .. } => None,
            Update::Closed { .. } => panic!("it is there"),
        })
        .collect();
    assert_eq!(sizes, [None, Some((SLICE_RECORDS, false)), Some((1, true)), Some((1, true))]);
}

#[test]
fn a_listener_that_cannot_follow_is_told_to_begin_anew() {
    let (_desk, updates, mut server) = open();
    let task = task(1);
    server.send_some(&task).unwrap();
    for n in 0..UPDATES_MAX {
        server.committed(3, vec![(n.to_string().into_bytes(), None)]);
    }
    assert!(server.has_more_to_send());
    assert_eq!(transfers(&updates).len(), UPDATES_MAX);
    server.committed(3, vec![(b"while it waits".to_vec(), None)]);
    server.send_some(&task).unwrap();
    let records = vec![(b"w000000".to_vec(), Some(b"value".to_vec()))];
    let whole = Update::Records { partition: 3, records, is_whole: true };
    assert_eq!(transfers(&updates), [Update::Reset { partition: 3 }, whole]);
}

#[test]
fn a_task_that_was_given_up_is_gone_and_never_comes_before_it_went() {
    let (_desk, updates, mut server) = open();
    let task = task(1);
    server.closed(3);
    assert_eq!(transfers(&updates), []);
    server.send_some(&task).unwrap();
    while server.queries.0.updates.try_send(Update::Closed { partition: 9 }).is_ok() {}
    server.closed(3);
    server.send_some(&task).unwrap();
    assert_eq!(transfers(&updates).len(), UPDATES_MAX);
    server.send_some(&task).unwrap();
    let after: Vec<Update> = transfers(&updates).into_iter().take(2).collect();
    assert_eq!(after, [Update::Closed { partition: 3 }, Update::Reset { partition: 3 }]);
}

#[test]
fn what_another_worker_has_by_now_is_not_told_to_be_gone() {
    let (queries, updates, mut server) = open();
    let task = task(1);
    server.report(vec![status(&task)]);
    server.send_some(&task).unwrap();
    while server.queries.0.updates.try_send(Update::Closed { partition: 9 }).is_ok() {}
    server.closed(3);
    transfers(&updates);
    let mut other = queries.server("other");
    other.report(vec![TaskStatus { worker: "other".to_owned(), ..status(&task) }]);
    other.send_some(&task).unwrap();
    server.report(vec![]);
    assert!(server.has_more_to_send());
    server.closed(7);
    assert!(!server.has_more_to_send());
    let transfers = transfers(&updates);
    assert!(!transfers.contains(&Update::Closed { partition: 3 }), "{transfers:?}");
    assert_eq!(queries.tasks().len(), 1);
}
