// SPDX-License-Identifier: Apache-2.0

//! The progress of a topic's export, on a terminal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IsTerminal;

use export::Extent;
use indicatif::{ProgressBar, ProgressStyle};

/// The bar; nothing when standard error is no terminal.
pub struct Progress {
    bar: ProgressBar,
    /// By partition: where reading begins, and how much has been read.
    read: RefCell<BTreeMap<i32, (i64, u64)>>,
}

impl Progress {
    /// Shows it, with as many steps as there are offsets to read.
    pub fn new(topic: &str, extents: &[Extent]) -> Self {
        let length = |extent: &Extent| u64::try_from(extent.end - extent.first).unwrap_or_default();
        let read = extents.iter().map(|extent| (extent.partition, (extent.first, 0))).collect();
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::new(extents.iter().map(length).sum()),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template(
            "{prefix} {bar:30} {msg} {human_pos}/{human_len} {elapsed} (eta {eta})",
        );
        let bar = style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style));
        bar.set_prefix(topic.to_owned());
        bar.set_message("reading");
        Self { bar, read: RefCell::new(read) }
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
        self.bar.set_message("writing");
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
