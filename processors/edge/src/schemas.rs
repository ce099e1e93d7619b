//! Schemas that records were written with and that are not known yet. A worker only says which one it waits for, and goes on
//! polling; one thread asks, as often and as long as it takes.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::metrics::Metrics;
use crate::stop::Stop;

/// The thread looks for a stop so often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Of the questions that fail one after the other, so many are passed over in the log.
const LOG_EVERY: u64 = 20;

/// Who can be asked for a schema.
pub trait SchemaSource: Send + Sync {
    /// Learns what there is to know of an id: from now on records that bear it can be decoded, or refused. May block.
    ///
    /// # Errors
    /// Nothing is known yet, for this reason; it is no record's fault. Asked again later.
    fn learn(&self, id: u32) -> Result<(), SchemaUnavailable>;

    /// How many schemas are known, those of outputs too.
    fn known(&self) -> usize;
}

/// A schema cannot be had now. The text says why, and what to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaUnavailable(pub String);

/// The schemas that workers wait for. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Schemas {
    source: Option<Arc<dyn SchemaSource>>,
    awaited: Arc<(Mutex<BTreeSet<u32>>, Condvar)>,
}

impl Schemas {
    /// None are waited for; this is who is asked. None: no input needs schemas.
    #[must_use]
    pub fn new(source: Option<Arc<dyn SchemaSource>>) -> Self {
        Self { source, awaited: Arc::default() }
    }

    /// Whether there is anything to do for the thread.
    pub(crate) fn is_needed(&self) -> bool {
        self.source.is_some()
    }

    /// Has a schema asked for.
    pub(crate) fn ask(&self, id: u32) {
        self.ids().insert(id);
        self.awaited.1.notify_one();
    }

    /// Whether a schema is still to be learnt.
    pub(crate) fn is_awaited(&self, id: u32) -> bool {
        self.ids().contains(&id)
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.awaited.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: asks until the stop.
    pub(crate) fn serve(&self, metrics: &Metrics, stop: &Stop) {
        let Some(source) = &self.source else { return };
        let (mut failures, mut last) = (0, 0);
        let mut pause = FIRST_PAUSE;
        while !stop.is_requested() {
            let Some(id) = self.next(last) else { continue };
            last = id;
            metrics.schemas_awaited(self.ids().len());
            let answer = source.learn(id);
            metrics.registry_asked(answer.is_ok());
            match answer {
                Ok(()) => {
                    tracing::info!(id, "the schema is known now");
                    self.ids().remove(&id);
                    metrics.schemas_awaited(self.ids().len());
                    metrics.schemas_known(source.known());
                    (failures, pause) = (0, FIRST_PAUSE);
                }
                Err(problem) => {
                    if u64::is_multiple_of(failures, LOG_EVERY) {
                        tracing::warn!(
                            id,
                            "a schema cannot be had, its partitions wait for it: {problem}; trying on"
                        );
                    }
                    failures += 1;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// A schema that is waited for; waits a little for one. One after the other: none keeps the others from being asked for.
    fn next(&self, last: u32) -> Option<u32> {
        let waited = self.awaited.1.wait_timeout_while(self.ids(), LOOK_EVERY, |ids| ids.is_empty());
        let (ids, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let after = ids.range((Bound::Excluded(last), Bound::Unbounded)).next();
        after.or_else(|| ids.first()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Labels;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    /// Does not answer at first.
    struct Late {
        asked: AtomicUsize,
        stop: Stop,
    }

    impl SchemaSource for Late {
        fn learn(&self, id: u32) -> Result<(), SchemaUnavailable> {
            assert_eq!(id, 7);
            if self.asked.fetch_add(1, Ordering::AcqRel) < 2 {
                return Err(SchemaUnavailable("not yet".to_owned()));
            }
            self.stop.request();
            Ok(())
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
        schemas.clone().ask(7);
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
