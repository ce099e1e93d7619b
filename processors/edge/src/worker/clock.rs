//! The clocks, as the driver is told of them.

use std::time::Instant;

use driver::{Now, Stop as Wanted};

use super::epoch_ms;
use crate::stop::Stop;

/// For so many records that lie there one after the other the clocks are read once: that is less than a millisecond, and to read
/// them costs as much as a tenth of a record.
const RECORDS_MAX: u32 = 32;

/// The clocks of one worker.
pub(super) struct Clock {
    started: Instant,
    stop: Stop,
    last: Now,
    /// Records that came since they were read.
    records: u32,
}

impl Clock {
    pub(super) fn new(stop: &Stop) -> Self {
        Self { started: Instant::now(), stop: stop.clone(), last: Now::default(), records: 0 }
    }

    /// Now.
    pub(super) fn read(&mut self) -> Now {
        let stop = match self.stop.is_requested() {
            false => Wanted::No,
            true if self.stop.is_overdue() => Wanted::Overdue,
            true => Wanted::Requested,
        };
        self.records = 0;
        self.last = Now { elapsed: self.started.elapsed(), epoch_ms: epoch_ms(), stop };
        self.last
    }

    /// Now, or a little earlier: a record lay there, so nothing was waited for.
    pub(super) fn read_for_record(&mut self) -> Now {
        self.records += 1;
        if self.records < RECORDS_MAX { self.last } else { self.read() }
    }
}
