// SPDX-License-Identifier: Apache-2.0

//! Hand-made entries.

use std::borrow::Cow;

use model::{Actor, Category, Kind};

use super::super::Entry;
use super::super::entry::{StoredAgent, StoredDetail, StoredTask, What};
use crate::stored::StoredActor;

/// An entry with this name and no data.
pub(super) fn fact<'a>(id: &'a str, at: i64, name: &'a str) -> Entry<'a> {
    Entry {
        id,
        at,
        name,
        session: None,
        customer: None,
        channel: None,
        actor: None,
        direction: None,
        what: What::Fact(StoredDetail::None),
        targets: model::Targets::default(),
        room: None,
        mode: None,
    }
}

pub(super) fn in_session<'a>(id: &'a str, at: i64, name: &'a str, session: Option<&'a str>) -> Entry<'a> {
    Entry { session, ..fact(id, at, name) }
}

pub(super) fn agent<'a>(
    id: &'a str,
    at: i64,
    name: &'a str,
    agent_id: Option<&'a str>,
    role: Option<&'a str>,
) -> Entry<'a> {
    let detail = StoredAgent { agent_id, role, name: agent_id, reason: Some("DONE") };
    Entry { what: What::Fact(StoredDetail::Agent(detail)), ..fact(id, at, name) }
}

pub(super) fn role<'a>(id: &'a str, at: i64, agent_id: Option<&'a str>, role: Option<&'a str>) -> Entry<'a> {
    let what = What::Fact(StoredDetail::Role { agent_id, role });
    Entry { what, ..fact(id, at, "PARTICIPANT_ROLE_CHANGED") }
}

pub(super) fn enqueued<'a>(
    id: &'a str,
    at: i64,
    task_id: Option<&'a str>,
    queue: Option<&'a str>,
) -> Entry<'a> {
    let task = StoredTask {
        task_id,
        queue,
        direction: Some("INBOUND"),
        mode: Some("QUEUE"),
        ..StoredTask::default()
    };
    of_task(id, at, "TASK_ENQUEUED", task)
}

pub(super) fn task<'a>(id: &'a str, at: i64, task_id: Option<&'a str>, state: Option<&'a str>) -> Entry<'a> {
    of_task(id, at, "TASK_STATE_CHANGED", StoredTask { task_id, state, ..StoredTask::default() })
}

/// A task closed for a reason.
pub(super) fn closed<'a>(id: &'a str, at: i64, task_id: &'a str, reason: &'a str) -> Entry<'a> {
    let (task_id, state, reason) = (Some(task_id), Some("CLOSED"), Some(reason));
    of_task(id, at, "TASK_STATE_CHANGED", StoredTask { task_id, state, reason, ..StoredTask::default() })
}

/// A task offered to an agent.
pub(super) fn reserved<'a>(id: &'a str, at: i64, task_id: &'a str, agent: &'a str) -> Entry<'a> {
    let (task_id, agent_id) = (Some(task_id), Some(agent));
    of_task(id, at, "AGENT_RESERVED", StoredTask { task_id, agent_id, ..StoredTask::default() })
}

pub(super) fn of_task<'a>(id: &'a str, at: i64, name: &'a str, task: StoredTask<'a>) -> Entry<'a> {
    Entry { what: What::Fact(StoredDetail::Task(task)), ..fact(id, at, name) }
}

/// No agent is available for a request of this direction.
pub(super) fn no_agent<'a>(id: &'a str, at: i64, direction: Option<&'a str>) -> Entry<'a> {
    let what = What::Fact(StoredDetail::Request { direction });
    Entry { what, ..fact(id, at, "NO_AGENT_AVAILABLE") }
}

pub(super) fn state<'a>(id: &'a str, at: i64, name: &'a str, state: Option<&'a str>) -> Entry<'a> {
    Entry { what: What::Fact(StoredDetail::State(state)), ..fact(id, at, name) }
}

pub(super) fn primary<'a>(
    id: &'a str,
    at: i64,
    kind: Kind,
    activity_id: &'a str,
    actor: Option<&'a str>,
) -> Entry<'a> {
    let what = What::Primary { activity_id, kind: kind.code() };
    Entry { actor: self::actor(actor), what, ..fact(id, at, kind.as_str()) }
}

pub(super) fn relation<'a>(id: &'a str, at: i64, category: Category, target: &'a str) -> Entry<'a> {
    Entry { what: What::Relation { target, category: category.code() }, ..fact(id, at, category.as_str()) }
}

/// All actors of hand-made entries.
static ACTORS: [Actor<'static>; 5] = [
    actor_of(None, "ann"),
    actor_of(None, "ben"),
    actor_of(None, "cy/1"),
    actor_of(None, "bot"),
    actor_of(Some("SYSTEM"), "monitor"),
];

const fn actor_of(actor_type: Option<&'static str>, id: &'static str) -> Actor<'static> {
    let actor_type = match actor_type {
        Some(actor_type) => Some(Cow::Borrowed(actor_type)),
        None => None,
    };
    Actor { actor_type, id: Some(Cow::Borrowed(id)), name: None }
}

/// The actor with this id.
pub(super) fn actor(id: Option<&str>) -> Option<StoredActor<'static>> {
    let of_id = |id: &str| ACTORS.iter().find(|actor| actor.id.as_deref() == Some(id)).unwrap();
    id.map(|id| StoredActor::of(of_id(id)))
}
