// SPDX-License-Identifier: Apache-2.0

//! State of a processor, both while it takes a record ([`crate::Context`]) and during the flush ([`crate::Emitter`]).

use std::ops::ControlFlow;

use model::{Format, JsonFormat};

use crate::asked;
use crate::budget::Budget;
use crate::error::ProcessError;
use crate::overlay;
use crate::partitioner::partition_of;
use crate::store::{StateStore, WriteBatch};
use crate::tally::{Notice, Tally};
use crate::topic::Output;

/// A processor's state in one partition: staged changes on top of the committed state. Keys are the processor's own, without
/// its namespace.
pub struct State<'t> {
    pub(crate) namespace: u8,
    pub(crate) processor: &'static str,
    /// The topics of its outputs; `None` if its output is not published.
    pub(crate) outputs: Option<&'t [Output]>,
    pub(crate) partition: i32,
    pub(crate) partitions: i32,
    pub(crate) stream_time_ms: Option<i64>,
    pub(crate) clock_ms: i64,
    pub(crate) store: &'t dyn StateStore,
    pub(crate) writes: &'t mut WriteBatch,
    pub(crate) budget: &'t mut Budget,
    pub(crate) tally: &'t mut Tally,
    pub(crate) scratch: &'t mut Vec<u8>,
}

impl<'t> State<'t> {
    /// Passes the value of a key to `read`; `None` if there is none.
    ///
    /// # Errors
    /// The store failed; propagate the error.
    pub fn read<R>(&mut self, key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, ProcessError> {
        self.read_in(self.namespace, key, read)
    }

    /// Like [`read`](Self::read), as of the last commit.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_committed<R>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        self.read_committed_in(self.namespace, key, read)
    }

    /// Passes each key that begins with `prefix` and its value to `visit`, in ascending order, until it breaks.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn scan(
        &mut self,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let full = overlay::full_key(self.scratch, self.namespace, prefix);
        overlay::scan(self.store, self.writes, full, full, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value)
        })?;
        Ok(())
    }

    /// Like [`scan`](Self::scan), for all keys.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn scan_all(
        &mut self,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), ProcessError> {
        self.scan(prefix, |key, value| {
            visit(key, value);
            ControlFlow::Continue(())
        })
    }

    /// Like [`scan`](Self::scan), without the keys before `from`, which must begin with `prefix`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn scan_from(
        &mut self,
        prefix: &[u8],
        from: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        self.scan_in(self.namespace, (prefix, from), visit)
    }

    /// Like [`scan`](Self::scan), as of the last commit.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn scan_committed(
        &mut self,
        prefix: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        self.scan_committed_in(self.namespace, prefix, visit)
    }

    /// Sets the value of a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.budget.spend(key.len() + value.len());
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.put(full, value);
    }

    /// Sets the value of a key without copying a buffer that has no spare capacity.
    pub fn put_owned(&mut self, key: &[u8], value: Vec<u8>) {
        self.budget.spend(key.len() + value.len());
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.put_owned(full, value);
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        self.budget.spend(key.len());
        let full = overlay::full_key(self.scratch, self.namespace, key);
        self.writes.delete(full);
    }

    /// Whether the state of this partition key is in this task.
    #[must_use]
    pub fn is_here(&self, key: &[u8]) -> bool {
        partition_of(key, self.partitions) == self.partition
    }

    /// The stream time (contract section 9) if state may expire, else `None`.
    #[must_use]
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.stream_time_ms
    }

    /// The stream time, whether or not state may expire yet; 0 if there is none.
    #[must_use]
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// Adds 1 to a counter once this is committed.
    pub fn notice(&mut self, notice: impl Into<Notice>) {
        self.notice_many(notice, 1);
    }

    /// Adds `count` to a counter; does nothing if it is 0.
    pub fn notice_many(&mut self, notice: impl Into<Notice>, count: u64) {
        if count > 0 {
            self.tally.notice(notice.into(), count);
        }
    }

    /// The format of the records of output number `output`.
    #[must_use]
    pub fn format(&self, output: usize) -> &'t dyn Format {
        let output = self.outputs.and_then(|outputs| outputs.get(output));
        // What is not published may have any format.
        output.map_or(&JsonFormat, |output| &*output.format)
    }

    /// Whether this processor's output is published. It is not if the processor runs only because another one follows it.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.outputs.is_some()
    }

    pub(crate) fn is_customer_asked(&self, customer: &str, at_ms: i64) -> Result<bool, ProcessError> {
        Ok(asked::is_asked(self.store, self.writes, customer, at_ms)?)
    }

    pub(crate) fn read_in<R>(
        &mut self,
        namespace: u8,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, namespace, key);
        Ok(overlay::read(self.store, self.writes, full, read)?)
    }

    pub(crate) fn read_committed_in<R>(
        &mut self,
        namespace: u8,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ProcessError> {
        let full = overlay::full_key(self.scratch, namespace, key);
        Ok(overlay::read_committed(self.store, full, read)?)
    }

    pub(crate) fn scan_in(
        &mut self,
        namespace: u8,
        (prefix, from): (&[u8], &[u8]),
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let full_from = [&[namespace], from].concat();
        let full = overlay::full_key(self.scratch, namespace, prefix);
        overlay::scan(self.store, self.writes, full, &full_from, &mut |key, value| {
            visit(key.get(1..).unwrap_or_default(), value)
        })?;
        Ok(())
    }

    pub(crate) fn scan_committed_in(
        &mut self,
        namespace: u8,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ProcessError> {
        let full = overlay::full_key(self.scratch, namespace, prefix);
        self.store.scan(full, &mut |key, value| visit(key.get(1..).unwrap_or_default(), value))?;
        Ok(())
    }
}
