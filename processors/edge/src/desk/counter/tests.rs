//! Of the desk as a whole: who asks and listens on one side, a worker's counter with a task on the other.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use engine::{InnerTopics, MemoryStore, StateStore, Topology, WriteBatch};

use super::super::NEWS_MAX;
use super::*;

const INNER: InnerTopics<'static> =
    InnerTopics { dead_letters: "dead", changelog: "changelog", repartition: "again", erasures: None };

/// A task that runs, with records `w0`, `w1`, … and one that is not watched.
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

fn open() -> (Desk, Receiver<News>, Counter) {
    let (desk, news) = Desk::open(b"w".to_vec());
    let counter = desk.counter("w");
    (desk, news, counter)
}

fn told(news: &Receiver<News>) -> Vec<News> {
    news.try_iter().collect()
}

/// Asks while the counter answers.
fn asked(
    desk: &Desk,
    counter: &mut Counter,
    task: &Task,
    places: Vec<Place>,
    bytes_max: usize,
) -> Result<Found, NoAnswer> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let answer = async {
            tokio::task::yield_now().await;
            counter.answer(|partition| (partition == 3).then_some(task)).unwrap();
        };
        tokio::join!(desk.ask(3, places, bytes_max), answer).0
    })
}

#[test]
fn a_question_is_answered_from_the_store_of_its_task() {
    let (desk, _news, mut counter) = open();
    let task = task(3);
    counter.report(vec![status(&task)]);
    let places = vec![Place::Key(b"x".to_vec()), Place::Under(b"w00000".to_vec()), Place::Key(b"y".to_vec())];
    let keys: Vec<Vec<u8>> = asked(&desk, &mut counter, &task, places.clone(), 1 << 20)
        .unwrap()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, [b"x".to_vec(), b"w000000".to_vec(), b"w000001".to_vec(), b"w000002".to_vec()]);
    assert_eq!(asked(&desk, &mut counter, &task, places, 20), Err(NoAnswer::TooLarge));
}

#[test]
fn what_is_not_here_or_not_ready_is_said_at_once() {
    let (desk, _news, mut counter) = open();
    let task = task(0);
    let ask =
        |desk: &Desk, counter: &mut Counter| asked(desk, counter, &task, vec![Place::Key(b"x".to_vec())], 9);
    assert_eq!(ask(&desk, &mut counter), Err(NoAnswer::NotHere));
    counter.report(vec![TaskStatus { phase: Phase::Restoring, ..status(&task) }]);
    assert_eq!(ask(&desk, &mut counter), Err(NoAnswer::NotReady));
    counter.report(vec![]);
    assert_eq!(ask(&desk, &mut counter), Err(NoAnswer::NotHere));
}

#[test]
fn a_worker_that_does_not_come_to_answer_is_not_asked_without_end() {
    let (desk, _news, counter) = open();
    counter.report(vec![status(&task(0))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut waiting = Vec::new();
        for _ in 0..super::super::QUESTIONS_MAX {
            let mut question = Box::pin(desk.ask(3, Vec::new(), 1));
            tokio::select! { biased; _ = &mut question => panic!("nobody answered"), () = async {} => {} }
            waiting.push(question);
        }
        assert_eq!(desk.ask(3, Vec::new(), 1).await, Err(NoAnswer::Busy));
    });
}

#[test]
fn all_that_is_watched_is_told_in_slices_and_then_what_is_committed() {
    let (_desk, news, mut counter) = open();
    let task = task(SLICE_RECORDS + 1);
    counter.tell_some(&task).unwrap();
    assert!(counter.has_more_to_tell());
    counter.tell_some(&task).unwrap();
    assert!(!counter.has_more_to_tell());
    counter.tell_some(&task).unwrap();
    counter.committed(3, vec![(b"w".to_vec(), None)]);
    let sizes: Vec<Option<(usize, bool)>> = told(&news)
        .into_iter()
        .map(|news| match news {
            News::Records { records, is_whole, .. } => Some((records.len(), is_whole)),
            News::Anew { .. } => None,
            News::Gone { .. } => panic!("it is there"),
        })
        .collect();
    assert_eq!(sizes, [None, Some((SLICE_RECORDS, false)), Some((1, true)), Some((1, true))]);
}

#[test]
fn a_listener_that_cannot_follow_is_told_to_begin_anew() {
    let (_desk, news, mut counter) = open();
    let task = task(1);
    counter.tell_some(&task).unwrap();
    for n in 0..NEWS_MAX {
        counter.committed(3, vec![(n.to_string().into_bytes(), None)]);
    }
    assert!(counter.has_more_to_tell());
    assert_eq!(told(&news).len(), NEWS_MAX);
    counter.committed(3, vec![(b"while it waits".to_vec(), None)]);
    counter.tell_some(&task).unwrap();
    let records = vec![(b"w000000".to_vec(), Some(b"value".to_vec()))];
    let whole = News::Records { partition: 3, records, is_whole: true };
    assert_eq!(told(&news), [News::Anew { partition: 3 }, whole]);
}

#[test]
fn a_task_that_was_given_up_is_gone_and_never_comes_before_it_went() {
    let (_desk, news, mut counter) = open();
    let task = task(1);
    counter.closed(3);
    assert_eq!(told(&news), []);
    counter.tell_some(&task).unwrap();
    while counter.desk.0.news.try_send(News::Gone { partition: 9 }).is_ok() {}
    counter.closed(3);
    counter.tell_some(&task).unwrap();
    assert_eq!(told(&news).len(), NEWS_MAX);
    counter.tell_some(&task).unwrap();
    let after: Vec<News> = told(&news).into_iter().take(2).collect();
    assert_eq!(after, [News::Gone { partition: 3 }, News::Anew { partition: 3 }]);
}

#[test]
fn what_another_worker_has_by_now_is_not_told_to_be_gone() {
    let (desk, news, mut counter) = open();
    let task = task(1);
    counter.report(vec![status(&task)]);
    counter.tell_some(&task).unwrap();
    while counter.desk.0.news.try_send(News::Gone { partition: 9 }).is_ok() {}
    counter.closed(3);
    told(&news);
    let mut other = desk.counter("other");
    other.report(vec![TaskStatus { worker: "other".to_owned(), ..status(&task) }]);
    other.tell_some(&task).unwrap();
    counter.report(vec![]);
    assert!(counter.has_more_to_tell());
    counter.closed(7);
    assert!(!counter.has_more_to_tell());
    let told = told(&news);
    assert!(!told.contains(&News::Gone { partition: 3 }), "{told:?}");
    assert_eq!(desk.tasks().len(), 1);
}
