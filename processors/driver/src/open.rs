// SPDX-License-Identifier: Apache-2.0

//! Opening stores. A task begins with its store and ends with it. A process opens each partition's store once, so a worker may
//! have to wait until another one closes it.

use std::fmt::Display;
use std::sync::Arc;

use engine::{StateStore, StoreError, Task};

use crate::Driver;
use crate::action::Action;
use crate::assigned::AssignedTask;
use crate::error::DriverError;
use crate::event::Event;
use crate::job::{Job, Outcome, Pending, Unopened};

impl<E: Display> Driver<E> {
    /// Opens stores, except for damaged states that have to wait.
    pub(crate) fn open(&mut self) -> Outcome<E> {
        let now_ms = self.elapsed_ms();
        let unopened = std::mem::take(&mut self.unopened);
        let (ready, waiting): (Vec<Unopened>, Vec<Unopened>) =
            unopened.into_iter().partition(|unopened| self.damages.may_restore(unopened.partition, now_ms));
        self.unopened = waiting;
        self.do_first(ready.into_iter().map(Job::OpenStore).collect::<Vec<_>>());
        Ok(None)
    }

    pub(crate) fn open_store(&mut self, unopened: Unopened) -> Outcome<E> {
        self.ask(Action::OpenStore(unopened.partition), Pending::Store(unopened))
    }

    pub(crate) fn opened(
        &mut self,
        unopened: Unopened,
        store: Result<Option<Box<dyn StateStore>>, StoreError>,
    ) -> Result<(), DriverError<E>> {
        let partition = unopened.partition;
        let Some(store) = store.map_err(|source| DriverError::Store { partition, source })? else {
            self.unopened.push(unopened);
            return Ok(());
        };
        let topology = Arc::clone(&self.settings.topology);
        let task =
            Task::new(partition, self.settings.partitions, topology, self.settings.limits.clone(), store);
        self.report(Event::Phase { partition, before: None, after: Some(task.phase()) });
        let task = AssignedTask::new(task, &unopened.topic, &self.input_topics.repartition);
        self.tasks.insert(partition, task);
        self.catch_up.begin();
        Ok(())
    }

    /// Prepares to drop a task; the job closes its store afterwards.
    pub(crate) fn close(&mut self, task: &AssignedTask) -> Job<E> {
        let partition = task.partition();
        self.report(Event::Phase { partition, before: Some(task.task.phase()), after: None });
        self.report(Event::Closed { partition });
        Job::Do(Action::CloseStore(partition))
    }

    /// Lets stores do their periodic work.
    pub(crate) fn tend_stores(&mut self) -> Outcome<E> {
        let live = self.tasks.values_mut().filter(|task| task.is_live());
        let errors: Vec<_> = live.filter_map(|task| task.task.tend().err()).collect();
        self.restore_those(errors)?;
        Ok(None)
    }
}
