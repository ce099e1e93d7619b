// SPDX-License-Identifier: Apache-2.0

//! Clocks for the driver.

use std::time::{Duration, Instant};

use driver::{Now, Stop as Wanted};

use super::epoch_ms;
use crate::stop::Stop;

/// The clocks are read for each record; the wall clock is read again once it has gone on.
const WALL_RESOLUTION: Duration = Duration::from_millis(1);

/// The clocks of one worker, and the stop request.
pub(super) struct Clock {
    started: Instant,
    stop: Stop,
    /// The wall clock, and when it was read.
    wall: (i64, Duration),
}

impl Clock {
    pub(super) fn new(stop: &Stop) -> Self {
        Self { started: Instant::now(), stop: stop.clone(), wall: (epoch_ms(), Duration::ZERO) }
    }

    /// The current time.
    pub(super) fn read(&mut self) -> Now {
        let stop = match self.stop.is_requested() {
            false => Wanted::No,
            true if self.stop.is_overdue() => Wanted::Overdue,
            true => Wanted::Requested,
        };
        let elapsed = self.started.elapsed();
        if elapsed.saturating_sub(self.wall.1) >= WALL_RESOLUTION {
            self.wall = (epoch_ms(), elapsed);
        }
        Now { elapsed, epoch_ms: self.wall.0, stop }
    }
}
