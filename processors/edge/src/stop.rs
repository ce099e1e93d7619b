// SPDX-License-Identifier: Apache-2.0

//! Shutdown of the pipeline.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a worker may try to finish its transaction after the stop request.
const GRACE: Duration = Duration::from_secs(3);

/// A stop request, which cannot be withdrawn. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requested: AtomicBool,
    since: OnceLock<Instant>,
}

impl Stop {
    /// Requests the stop.
    pub fn request(&self) {
        self.0.since.get_or_init(Instant::now);
        self.0.requested.store(true, Ordering::Release);
    }

    /// Whether the stop was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Whether the request is so old that workers should stop waiting.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.is_requested() && self.0.since.get().is_some_and(|since| since.elapsed() > GRACE)
    }
}
