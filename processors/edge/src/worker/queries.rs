//! Interactive queries, answered between two turns.

use driver::{Answer, AssignedTask};

use super::{Error, Worker};

impl Worker {
    /// Answers what was asked, and sends listeners a slice of the states that they do not know yet.
    pub(super) fn answer_queries(&mut self) -> Answer<'static, Error> {
        let Self { driver, observer, .. } = self;
        let Some(counter) = observer.counter() else {
            return Answer::Queries { has_more: false, errors: Vec::new() };
        };
        let mut errors = Vec::new();
        errors.extend(counter.answer(|partition| driver.task(partition).map(AssignedTask::task)).err());
        for task in driver.tasks().filter(|task| task.is_live()) {
            errors.extend(counter.tell_some(task.task()).err());
        }
        Answer::Queries { has_more: counter.has_more_to_tell(), errors }
    }
}
