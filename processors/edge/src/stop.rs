//! Asking the pipeline to stop.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a worker may still try to finish its transaction after a stop was asked for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A stop, once asked for, cannot be taken back. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requested: AtomicBool,
    since: OnceLock<Instant>,
}

impl Stop {
    /// Asks for the stop.
    pub fn request(&self) {
        self.0.since.get_or_init(Instant::now);
        self.0.requested.store(true, Ordering::Release);
    }

    /// Whether the stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Whether it was asked for so long ago that nothing more should be waited for.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.is_requested() && self.0.since.get().is_some_and(|since| since.elapsed() > PATIENCE)
    }
}
