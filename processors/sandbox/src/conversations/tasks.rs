// SPDX-License-Identifier: Apache-2.0

//! Tasks as ExpertFlow's routing publishes them: created, offered, not answered, answered, closed.

use rand::RngExt as _;
use serde_json::{Value, json};

use super::cast::{Agent, Queue, pick};
use super::script::{Component, Script, Stay};
use super::{Size, shapes};

/// One task of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Task {
    id: String,
    queue: Option<Queue>,
    direction: &'static str,
    mode: &'static str,
    /// Tasks of one request share its timer.
    timer: String,
}

/// The task state in an event.
#[derive(Debug, Clone, Copy)]
struct State<'s> {
    task: &'s str,
    reason: Option<&'s str>,
    media: &'s str,
    assigned: Option<&'s Agent>,
}

const QUEUED: State<'static> = State { task: "ACTIVE", reason: None, media: "QUEUED", assigned: None };
const RESERVED: State<'static> = State { media: "RESERVED", ..QUEUED };

impl Script<'_> {
    /// A task waits in a queue.
    pub(super) fn queue_task(&mut self, direction: &'static str) -> Task {
        let queue = pick(&mut self.rng, &self.cast.queues);
        let task =
            Task { id: self.new_id(), queue: Some(queue), direction, mode: "QUEUE", timer: self.new_id() };
        self.enqueue_task(&task);
        task
    }

    /// A task for one agent, without a queue.
    pub(super) fn direct_task(&mut self, direction: &'static str) -> Task {
        let task = Task { id: self.new_id(), queue: None, direction, mode: "AGENT", timer: self.new_id() };
        self.enqueue_task(&task);
        task
    }

    fn enqueue_task(&mut self, task: &Task) {
        let mut data = self.data_of(task, QUEUED);
        if let (Some(queue), Some(data)) = (&task.queue, data.as_object_mut()) {
            data.insert("queue".to_owned(), json!({"id": queue.id, "name": queue.name}));
        }
        self.fact("TASK_ENQUEUED", Component::Router, data);
    }

    /// The task is offered to an agent, and the agent desktop rings.
    pub(super) fn offer(&mut self, task: &Task, stay: &Stay) {
        self.wait(100, 900);
        let mut data = self.data_of(task, RESERVED);
        if let Some(data) = data.as_object_mut() {
            data.insert("ccUser".to_owned(), json!({"participantType": "CCUser", "id": stay.agent.id}));
        }
        self.fact("AGENT_RESERVED", Component::Router, data);
    }

    /// The agent does not answer (RONA): the task is closed, and another one is queued instead.
    pub(super) fn rings_out(&mut self, task: &Task) -> Task {
        self.wait(12_000, 20_000);
        self.closes(task, "RONA");
        self.wait(20, 300);
        let next = Task { id: self.new_id(), ..task.clone() };
        self.enqueue_task(&next);
        next
    }

    /// The agent answers the task and joins.
    pub(super) fn answers(&mut self, task: &Task, stay: &Stay) {
        self.wait(1_500, 9_000);
        self.takes(task, stay);
        self.wait(20, 120);
        self.subscribes(stay);
    }

    /// The task is assigned to the agent, who may have joined already.
    pub(super) fn takes(&mut self, task: &Task, stay: &Stay) {
        self.task_changes(task, State { media: "ACTIVE", assigned: Some(&stay.agent), ..QUEUED });
    }

    /// The conversation is over; the wrap-up begins.
    pub(super) fn wraps_up(&mut self, task: &Task, stay: &Stay) {
        self.task_changes(task, State { media: "WRAP_UP", assigned: Some(&stay.agent), ..QUEUED });
    }

    pub(super) fn closes(&mut self, task: &Task, reason: &'static str) {
        self.task_changes(task, State { task: "CLOSED", reason: Some(reason), media: "CLOSED", ..QUEUED });
    }

    fn task_changes(&mut self, task: &Task, state: State<'_>) {
        let mut data = self.data_of(task, state);
        if let Some(data) = data.as_object_mut() {
            data.insert("taskStateChanged".to_owned(), json!(state.task == "CLOSED"));
            data.insert("mediaStateChanges".to_owned(), json!([format!("{}-m", task.id)]));
        }
        self.fact("TASK_STATE_CHANGED", Component::Router, data);
    }

    fn data_of(&mut self, task: &Task, state: State<'_>) -> Value {
        let queue = task.queue.as_ref().map(|queue| json!({"id": queue.id, "name": queue.name}));
        let assigned = state.assigned.map(|agent| json!({"id": agent.id, "name": agent.username}));
        let mut media = json!({"id": format!("{}-m", task.id), "taskId": task.id, "queue": queue,
            "type": {"direction": task.direction, "mode": task.mode}, "state": state.media});
        if self.size == Size::Real
            && let Some(media) = media.as_object_mut()
        {
            media.insert("mrdId".to_owned(), json!(self.cast.media_domain));
            media.insert("priority".to_owned(), json!(self.rng.random_range(1..=10)));
            media.insert("requestSession".to_owned(), self.session_of_the_conversation());
            media.insert("enqueueTime".to_owned(), json!(self.now));
            media.insert("answerTime".to_owned(), json!(0));
        }
        json!({"task": {"id": task.id, "conversationId": self.conversation(),
            "state": {"name": state.task, "reasonCode": state.reason}, "assignedTo": assigned,
            "agentRequestTtlTimerId": task.timer, "activeMedia": [media]}})
    }

    fn session_of_the_conversation(&self) -> Value {
        json!({"participantType": "ChannelSession", "id": self.session.id,
            "conversationId": self.conversation(), "roomInfo": shapes::room(&self.session)})
    }
}
