// SPDX-License-Identifier: Apache-2.0

//! Interactive queries, answered between two turns.

use driver::{Answer, AssignedTask};

use super::Worker;
use crate::errors::Error;

impl Worker {
    /// Answers pending queries and sends listeners a slice of the states that they have not received.
    pub(super) fn answer_queries(&mut self) -> Answer<'static, Error> {
        let Self { driver, observer, .. } = self;
        let Some(query_server) = observer.query_server() else {
            return Answer::Queries { has_more: false, errors: Vec::new() };
        };
        let mut errors = Vec::new();
        errors.extend(query_server.answer(|partition| driver.task(partition).map(AssignedTask::task)).err());
        for task in driver.tasks().filter(|task| task.is_live()) {
            errors.extend(query_server.send_some(task.task()).err());
        }
        Answer::Queries { has_more: query_server.has_more_to_send(), errors }
    }
}
