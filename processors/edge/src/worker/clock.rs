//! The clocks, as the driver is told of them.

use std::time::Instant;

use driver::{Now, Stop as Wanted};

use super::epoch_ms;
use crate::stop::Stop;

/// The clocks of one worker, and whether it is to stop.
pub(super) struct Clock {
    started: Instant,
    stop: Stop,
}

impl Clock {
    pub(super) fn new(stop: &Stop) -> Self {
        Self { started: Instant::now(), stop: stop.clone() }
    }

    /// Now.
    pub(super) fn read(&self) -> Now {
        let stop = match self.stop.is_requested() {
            false => Wanted::No,
            true if self.stop.is_overdue() => Wanted::Overdue,
            true => Wanted::Requested,
        };
        Now { elapsed: self.started.elapsed(), epoch_ms: epoch_ms(), stop }
    }
}
