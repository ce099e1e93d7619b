//! Clocks for the driver.

use std::time::Instant;

use driver::{Now, Stop as Wanted};

use super::epoch_ms;
use crate::stop::Stop;

/// The clocks of one worker, and the stop request.
pub(super) struct Clock {
    started: Instant,
    stop: Stop,
}

impl Clock {
    pub(super) fn new(stop: &Stop) -> Self {
        Self { started: Instant::now(), stop: stop.clone() }
    }

    /// The current time.
    pub(super) fn read(&self) -> Now {
        let stop = match self.stop.is_requested() {
            false => Wanted::No,
            true if self.stop.is_overdue() => Wanted::Overdue,
            true => Wanted::Requested,
        };
        Now { elapsed: self.started.elapsed(), epoch_ms: epoch_ms(), stop }
    }
}
