// SPDX-License-Identifier: Apache-2.0

//! Passing records to tasks, and what else tasks are asked.

use std::fmt::Display;

use engine::{SourceRecord, TaskError};

use crate::Driver;
use crate::action::{Action, TopicPartition};
use crate::error::DriverError;
use crate::event::Event;
use crate::job::Job;
use crate::unaligned::Taken;

impl<E: Display> Driver<E> {
    /// Takes a record, or skips it when the consumer is off the task's position.
    pub(crate) fn polled(&mut self, record: &SourceRecord<'_>) -> Result<(), DriverError<E>> {
        self.take(record)?;
        self.took_one(record.value.map_or(0, <[u8]>::len));
        Ok(())
    }

    fn take(&mut self, record: &SourceRecord<'_>) -> Result<(), DriverError<E>> {
        let now_ms = self.now.epoch_ms;
        match self.unaligned.take(record, now_ms) {
            Taken::NotHere => {}
            Taken::Done => return Ok(()),
            Taken::Unread(id) => {
                self.schemas.request(id);
                return Ok(());
            }
            Taken::WillNeed(id) => {
                self.schemas.request_ahead(id);
                return Ok(());
            }
        }
        let Some(task) = self.tasks.get_mut(&record.partition) else { return Ok(()) };
        if task.awaits_schema() {
            self.look_ahead(record);
            return Ok(());
        }
        if !task.expects(record.topic, record.offset) {
            self.skip(record);
            return Ok(());
        }
        match task.task.process(record, now_ms) {
            Ok(()) => task.took(record.topic, record.offset),
            Err(TaskError::UnknownSchema { id, .. }) => self.await_schema(record, id),
            Err(error) => self.restore_those(vec![error])?,
        }
        Ok(())
    }

    /// A record has an unknown schema: its task takes nothing until the schema is known. Other tasks continue, and polling
    /// keeps the member in the group.
    fn await_schema(&mut self, record: &SourceRecord<'_>, id: u32) {
        self.schemas.request(id);
        #[cfg(feature = "defects")]
        if self.has(crate::defect::Defect::KeepsHalfARecord) {
            if let Some(task) = self.tasks.get_mut(&record.partition) {
                task.unposition();
            }
            return;
        }
        if let Some(task) = self.tasks.get_mut(&record.partition) {
            task.await_schema(id);
        }
        self.do_first([Job::Readiness]);
    }

    /// Requests the schema of this record for a task that waits.
    fn look_ahead(&mut self, record: &SourceRecord<'_>) {
        let topology = &self.settings.topology;
        let unknown = record.value.and_then(|value| topology.unknown_schema(record.topic, value));
        let unknown = unknown.filter(|id| self.schemas.request_ahead(*id));
        let Some(task) = self.tasks.get_mut(&record.partition) else { return };
        if task.look_ahead(unknown) {
            let partitions = task.partitions().collect();
            self.do_first([Job::Do(Action::Pause(partitions))]);
        }
    }

    /// Skips a record that its task does not expect. At a settled position it precedes the position: the client went back, and
    /// the consumer seeks again.
    fn skip(&mut self, record: &SourceRecord<'_>) {
        let Some(task) = self.tasks.get_mut(&record.partition) else { return };
        if task.is_live() {
            task.rewind();
            let partition = TopicPartition::new(record.topic, record.partition);
            self.report(Event::WentBack { partition, offset: record.offset });
        }
    }

    pub(crate) fn queried(&mut self, has_more: bool, errors: Vec<TaskError>) -> Result<(), DriverError<E>> {
        self.has_more_to_send = has_more;
        self.restore_those(errors)
    }
}
