//! Entries made by hand.

use std::borrow::Cow;

use model::{Actor, Category, Kind};

use super::super::Entry;
use super::super::entry::{StoredAgent, StoredDetail, StoredTask, What};
use crate::stored::StoredActor;

/// An entry of this name that says nothing.
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
    let task = StoredTask { task_id, queue, direction: Some("INBOUND"), mode: Some("QUEUE"), state: None };
    Entry { what: What::Fact(StoredDetail::Task(task)), ..fact(id, at, "TASK_ENQUEUED") }
}

pub(super) fn task<'a>(id: &'a str, at: i64, task_id: Option<&'a str>, state: Option<&'a str>) -> Entry<'a> {
    let task = StoredTask { task_id, queue: None, direction: None, mode: None, state };
    Entry { what: What::Fact(StoredDetail::Task(task)), ..fact(id, at, "TASK_STATE_CHANGED") }
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

/// All who act by hand.
static ACTORS: [Actor<'static>; 4] = [somebody("ann"), somebody("ben"), somebody("cy/1"), somebody("bot")];

const fn somebody(id: &'static str) -> Actor<'static> {
    Actor { actor_type: None, id: Some(Cow::Borrowed(id)), name: None }
}

/// The one of this id.
pub(super) fn actor(id: Option<&str>) -> Option<StoredActor<'static>> {
    let of_id = |id: &str| ACTORS.iter().find(|actor| actor.id.as_deref() == Some(id)).unwrap();
    id.map(|id| StoredActor::of(of_id(id)))
}
