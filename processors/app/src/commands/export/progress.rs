// SPDX-License-Identifier: Apache-2.0

//! The progress of a topic's export, on a terminal.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use export::Extent;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const DRAWN_PER_SECOND: u8 = 8;
/// After this time it is known how long the rest takes.
const KNOWN_AFTER: Duration = Duration::from_secs(2);

/// The bar; nothing when standard error is no terminal.
pub struct Progress {
    bar: ProgressBar,
    /// By partition: where reading begins, and how much has been read.
    read: RefCell<BTreeMap<i32, (i64, u64)>>,
    is_writing: Cell<bool>,
}

impl Progress {
    /// Shows it, with as many steps as there are offsets to read.
    pub fn new(topic: String, extents: &[Extent]) -> Self {
        let length = |extent: &Extent| u64::try_from(extent.end - extent.first).unwrap_or_default();
        let read = extents.iter().map(|extent| (extent.partition, (extent.first, 0))).collect();
        // Not shown before it is complete, so that it does not flicker.
        let bar = ProgressBar::with_draw_target(
            Some(extents.iter().map(length).sum()),
            ProgressDrawTarget::hidden(),
        );
        if let Ok(style) = ProgressStyle::with_template(
            "{prefix}  {wide_bar} {msg} {human_pos} of {human_len}, {elapsed}{left}",
        ) {
            bar.set_style(style.with_key("left", left));
            bar.set_prefix(topic);
            bar.set_message("reading");
            if std::io::stderr().is_terminal() {
                bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND));
            }
        }
        Self { bar, read: RefCell::new(read), is_writing: Cell::new(false) }
    }

    /// A record was read. Compacted records count with the next one.
    pub fn read(&self, partition: i32, offset: i64) {
        if let Some((first, read)) = self.read.borrow_mut().get_mut(&partition) {
            let now = u64::try_from(offset + 1 - *first).unwrap_or_default();
            self.bar.inc(now.saturating_sub(*read));
            *read = now;
        }
    }

    /// `done` of `total` changes of the files have been written.
    pub fn written(&self, done: u64, total: u64) {
        if !self.is_writing.replace(true) {
            // The pace of reading says nothing about that of writing.
            self.bar.reset_eta();
        }
        self.bar.update(|state| {
            state.set_len(total);
            state.set_pos(done);
        });
        self.bar.set_message("writing");
    }
}

/// How long the rest takes, once that is known.
fn left(state: &ProgressState, out: &mut dyn Write) {
    if state.elapsed() >= KNOWN_AFTER {
        // What cannot be written is left out.
        let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
