// SPDX-License-Identifier: Apache-2.0

//! Fetching of unknown writer schemas. A worker only notes the schema that it waits for and keeps polling; one thread asks the
//! registry until it answers.
//!
//! An id that the registry does not know is refused after some seconds, and only for some time: records with it become dead
//! letters meanwhile, without a request. So data that is not Avro does not delay its partition at each record.

mod book;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::stop::Stop;
use book::{Book, Next, Verdict};

/// How often the thread checks for shutdown.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// One in this many repeated messages is logged.
const LOG_EVERY: u64 = 20;

/// A source of schemas.
pub trait SchemaSource: Send + Sync {
    /// Fetches the schema of an id. May block.
    ///
    /// # Errors
    /// The answer is unknown for this reason, which no record has caused. Retried later.
    fn learn(&self, id: u32) -> Result<Learnt, SchemaUnavailable>;

    /// Refuses records with this id from now on: the schema does not exist.
    fn deny(&self, id: u32);

    /// Accepts these ids again: the next record with one requests it again.
    fn allow(&self, id: u32);

    /// The number of known schemas, those of outputs included.
    fn known(&self) -> usize;
}

/// The answer for an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learnt {
    /// Records with this id can be decoded from now on.
    Readable,
    /// No event can be read with it, for this reason; records with it are refused from now on.
    Unreadable(String),
    /// The registry reports that the id is unknown. This decides nothing yet.
    NotRegistered,
}

/// A schema cannot be fetched now. The text gives the reason and what to check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaUnavailable(pub String);

/// The schemas that workers wait for. Clones share one state.
#[derive(Clone)]
pub struct Schemas {
    source: Option<Arc<dyn SchemaSource>>,
    book: Arc<(Mutex<Book>, Condvar)>,
    start: Instant,
}

/// How often a message occurred, logged or not.
#[derive(Default)]
struct LogCounts {
    failures: u64,
    denials: u64,
}

impl Schemas {
    /// Creates an empty list with its source; `None` when no input needs schemas.
    #[must_use]
    pub fn new(source: Option<Arc<dyn SchemaSource>>) -> Self {
        Self { source, book: Arc::default(), start: Instant::now() }
    }

    /// Whether the thread has anything to do.
    pub(crate) fn is_needed(&self) -> bool {
        self.source.is_some()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: fetches schemas until shutdown.
    pub(crate) fn serve(&self, metrics: &Metrics, stop: &Stop) {
        let Some(source) = self.source.as_deref() else { return };
        let mut counts = LogCounts::default();
        while !stop.is_requested() {
            let over = self.book().take_over(self.start.elapsed());
            over.into_iter().for_each(|id| source.allow(id));
            let Some(id) = self.next() else { continue };
            metrics.schemas_awaited(self.book().awaited());
            let answer = source.learn(id);
            metrics.registry_asked(answer.is_ok());
            self.take(source, id, answer, &mut counts);
            metrics.schemas_awaited(self.book().awaited());
            metrics.schemas_known(source.known());
        }
    }

    /// Handles an answer.
    fn take(
        &self,
        source: &dyn SchemaSource,
        id: u32,
        answer: Result<Learnt, SchemaUnavailable>,
        counts: &mut LogCounts,
    ) {
        let now = self.start.elapsed();
        match answer {
            Ok(Learnt::NotRegistered) => {
                let Verdict::Deny { wait, forget } = self.book().unknown(id, now) else { return };
                source.deny(id);
                forget.into_iter().for_each(|id| source.allow(id));
                self.book().settled(id);
                if counts.denials.is_multiple_of(LOG_EVERY) {
                    tracing::warn!(
                        id,
                        denied = counts.denials + 1,
                        "the schema registry knows no schema of this id: records that bear it become dead letters; it is asked again \
                         with the first of them after {} s",
                        wait.as_secs()
                    );
                }
                counts.denials += 1;
            }
            Ok(learnt) => {
                self.book().known(id);
                counts.failures = 0;
                match learnt {
                    Learnt::Unreadable(why) => tracing::warn!(
                        id,
                        "no event can be read with this schema; records with it become dead letters: {why}"
                    ),
                    _ => tracing::info!(id, "the schema is known now"),
                }
            }
            Err(problem) => {
                self.book().unavailable(id, now);
                if counts.failures.is_multiple_of(LOG_EVERY) {
                    tracing::warn!(
                        id,
                        "a schema cannot be fetched and its partitions wait: {problem}; retrying"
                    );
                }
                counts.failures += 1;
            }
        }
    }

    /// The next schema to fetch; waits a little for one.
    fn next(&self) -> Option<u32> {
        let book = self.book();
        let wait = match book.next(self.start.elapsed()) {
            Next::Ask(id) => return Some(id),
            Next::Rest(None) => LOOK_EVERY,
            Next::Rest(Some(at)) => at.saturating_sub(self.start.elapsed()).min(LOOK_EVERY),
        };
        // A new request ends the wait.
        let waited = self.book.1.wait_timeout(book, wait);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        None
    }
}

impl driver::Schemas for Schemas {
    fn request(&self, id: u32) {
        self.book().await_id(id, self.start.elapsed());
        self.book.1.notify_one();
    }

    fn request_ahead(&self, id: u32) -> bool {
        let is_taken = self.book().expect_id(id, self.start.elapsed());
        self.book.1.notify_one();
        is_taken
    }

    fn is_awaited(&self, id: u32) -> bool {
        self.book().is_awaited(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Labels;
    use driver::Schemas as _;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    /// Does not answer at first.
    struct Late {
        asked: AtomicUsize,
        stop: Stop,
    }

    impl SchemaSource for Late {
        fn learn(&self, id: u32) -> Result<Learnt, SchemaUnavailable> {
            assert_eq!(id, 7);
            if self.asked.fetch_add(1, Ordering::AcqRel) < 2 {
                return Err(SchemaUnavailable("not yet".to_owned()));
            }
            self.stop.request();
            Ok(Learnt::Readable)
        }

        fn deny(&self, _id: u32) {
            panic!("it is known");
        }

        fn allow(&self, _id: u32) {
            panic!("it was never denied");
        }

        fn known(&self) -> usize {
            1
        }
    }

    #[test]
    fn a_schema_is_asked_for_until_there_is_an_answer() {
        let stop = Stop::default();
        let source = Arc::new(Late { asked: AtomicUsize::new(0), stop: stop.clone() });
        let schemas = Schemas::new(Some(Arc::clone(&source) as Arc<dyn SchemaSource>));
        let metrics = Metrics::new(&Labels::default()).unwrap();
        schemas.clone().request(7);
        assert!(schemas.is_awaited(7));
        schemas.serve(&metrics, &stop);
        assert!(!schemas.is_awaited(7));
        assert_eq!(source.asked.load(Ordering::Acquire), 3);
        let text = metrics.render();
        for line in [
            "cx_timelines_schema_registry_requests_total{outcome=\"answered\"} 1",
            "cx_timelines_schema_registry_requests_total{outcome=\"failed\"} 2",
            "cx_timelines_schemas_known 1",
            "cx_timelines_schemas_awaited 0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_thread_ends_with_the_stop_though_nobody_asks() {
        let stop = Stop::default();
        let source = Arc::new(Late { asked: AtomicUsize::new(0), stop: stop.clone() });
        let schemas = Schemas::new(Some(source as Arc<dyn SchemaSource>));
        let metrics = Metrics::new(&Labels::default()).unwrap();
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || schemas.serve(&metrics, &stop)
        });
        stop.request();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !thread.is_finished() {
            assert!(Instant::now() < deadline, "it goes on");
            std::thread::yield_now();
        }
    }
}
