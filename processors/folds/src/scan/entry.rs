// SPDX-License-Identifier: Apache-2.0

//! State of one event of a conversation: all that the timeline, the summary and the metrics need, without message texts.

use model::{Action, Category, Event, FactDetail, FactKind, Kind, Order, Primary, Relation, Targets};
use serde::{Deserialize, Serialize};

use super::form;
use crate::stored::{StoredActor, StoredChannel};

/// Format versions of an entry; the first byte of every stored entry. Another version is rejected, and the state is rebuilt.
/// Many events have neither targets nor a room: their entries have no fields for them.
const VERSION: u8 = 5;
const VERSION_WITH_MORE: u8 = 6;

/// An event as the scan reads it. It borrows from the event or from the stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry<'a> {
    pub(crate) id: &'a str,
    pub(crate) at: i64,
    pub(crate) name: &'a str,
    /// The channel session.
    #[serde(borrow)]
    pub(crate) session: Option<&'a str>,
    pub(crate) customer: Option<&'a str>,
    pub(crate) channel: Option<StoredChannel<'a>>,
    pub(crate) actor: Option<StoredActor<'a>>,
    pub(crate) direction: Option<&'a str>,
    pub(crate) what: What<'a>,
    /// Target times in the event.
    #[serde(skip)]
    pub(crate) targets: Targets,
    /// The room.
    #[serde(skip)]
    pub(crate) room: Option<&'a str>,
    /// Code of the room's [`model::RoomMode`].
    #[serde(skip)]
    pub(crate) mode: Option<u8>,
}

/// Fields that only some entries have.
type More<'a> = (Targets, Option<&'a str>, Option<u8>);

/// The role of an event. Append new variants at the end: the state stores their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum What<'a> {
    /// The first event of an activity, or a candidate for it.
    Primary { activity_id: &'a str, kind: u8 },
    /// A change of an activity; the category says which.
    Relation { target: &'a str, category: u8 },
    /// Any other event; its name determines the fact.
    #[serde(borrow)]
    Fact(StoredDetail<'a>),
}

/// Details of a fact. Append new variants at the end: the state stores their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum StoredDetail<'a> {
    None,
    #[serde(borrow)]
    Agent(StoredAgent<'a>),
    Role {
        agent_id: Option<&'a str>,
        role: Option<&'a str>,
    },
    Task(StoredTask<'a>),
    State(Option<&'a str>),
    Request {
        direction: Option<&'a str>,
    },
}

/// An agent who joins or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredAgent<'a> {
    #[serde(borrow)]
    pub(crate) agent_id: Option<&'a str>,
    pub(crate) role: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
}

/// A task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredTask<'a> {
    #[serde(borrow)]
    pub(crate) task_id: Option<&'a str>,
    pub(crate) queue: Option<&'a str>,
    pub(crate) direction: Option<&'a str>,
    pub(crate) mode: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) agent_id: Option<&'a str>,
    pub(crate) timer_id: Option<&'a str>,
    pub(crate) session_id: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// The stored fields of the event.
    pub(crate) fn of(event: &'a Event<'_>) -> Self {
        Self {
            id: &event.id,
            at: event.at,
            name: &event.name,
            session: event.channel_session_id.as_deref(),
            customer: event.customer_id.as_deref(),
            channel: event
                .channel
                .as_ref()
                .map(|channel| (channel.channel_type.as_deref(), channel.service_identifier.as_deref())),
            actor: event.actor.as_ref().map(StoredActor::of),
            direction: event.direction.as_deref(),
            what: What::of(&event.action),
            targets: event.targets,
            room: event.room_id.as_deref(),
            mode: event.mode.map(model::RoomMode::code),
        }
    }

    /// Serializes the entry for the state.
    ///
    /// # Errors
    ///
    /// The entry cannot be serialized, which does not occur.
    pub(crate) fn write(&self) -> Result<Vec<u8>, String> {
        let more: More<'_> = (self.targets, self.room, self.mode);
        if more == More::default() {
            form::write(self, VERSION)
        } else {
            form::write(&(self, more), VERSION_WITH_MORE)
        }
    }

    /// Parses what [`Entry::write`] wrote.
    ///
    /// # Errors
    ///
    /// The bytes have another version or are not an entry; returns why.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        const WHAT: &str = "an entry of the timeline";
        if bytes.first() == Some(&VERSION_WITH_MORE) {
            let (entry, (targets, room, mode)): (Entry<'a>, More<'a>) =
                form::read(bytes, VERSION_WITH_MORE, WHAT)?;
            return Ok(Self { targets, room, mode, ..entry });
        }
        form::read(bytes, VERSION, WHAT)
    }

    /// The entry's position in the total order.
    pub(crate) fn order(&self) -> Order<'a> {
        (self.at, self.rank(), self.id)
    }

    /// Sorts entries of the same millisecond.
    pub(crate) fn rank(&self) -> u8 {
        match self.what {
            What::Fact(StoredDetail::Task(task)) => model::rank(self.name, task.state, task.reason),
            What::Fact(StoredDetail::State(state)) => model::rank(self.name, state, None),
            _ => model::rank(self.name, None, None),
        }
    }

    /// The activity: a primary's own, or a relation's target; `None` for facts.
    pub(crate) fn activity_id(&self) -> Option<&'a str> {
        match self.what {
            What::Primary { activity_id, .. } => Some(activity_id),
            What::Relation { target, .. } => Some(target),
            What::Fact(_) => None,
        }
    }

    /// The entry's category (contract section 4).
    pub(crate) fn category(&self) -> Category {
        match self.what {
            What::Primary { kind, .. } => Kind::from_code(kind).map_or(Category::Other, Category::of_primary),
            What::Relation { category, .. } => Category::from_code(category).unwrap_or(Category::Other),
            What::Fact(_) => Category::of_fact(self.fact()),
        }
    }

    /// The fact kind; `None` for other entries.
    pub(crate) fn fact_kind(&self) -> Option<FactKind> {
        matches!(self.what, What::Fact(_)).then(|| self.fact())
    }

    /// The fact kind of an entry with this name.
    pub(super) fn fact(&self) -> FactKind {
        FactKind::from_name(self.name)
    }

    /// The actor's id.
    pub(crate) fn actor_id(&self) -> Option<&'a str> {
        self.actor.and_then(|actor| actor.id)
    }

    /// The channel's type.
    pub(super) fn channel_type(&self) -> Option<&'a str> {
        self.channel.and_then(|(channel_type, _)| channel_type)
    }
}

impl<'a> What<'a> {
    fn of(action: &'a Action<'_>) -> Self {
        match action {
            Action::Primary(Primary { activity_id, kind, .. }) => {
                What::Primary { activity_id, kind: kind.code() }
            }
            Action::Relation(Relation { target, .. }) => {
                What::Relation { target, category: Category::of(action).code() }
            }
            Action::Fact(fact) => What::Fact(StoredDetail::of(&fact.detail)),
            // A signal has no entry.
            Action::Signal => What::Fact(StoredDetail::None),
        }
    }
}

impl<'a> StoredDetail<'a> {
    fn of(detail: &'a FactDetail<'_>) -> Self {
        match detail {
            FactDetail::None => StoredDetail::None,
            FactDetail::Agent(agent) => StoredDetail::Agent(StoredAgent {
                agent_id: agent.agent_id.as_deref(),
                role: agent.role.as_deref(),
                name: agent.name.as_deref(),
                reason: agent.reason.as_deref(),
            }),
            FactDetail::Role { agent_id, role } => {
                StoredDetail::Role { agent_id: agent_id.as_deref(), role: role.as_deref() }
            }
            FactDetail::Task(task) => StoredDetail::Task(StoredTask {
                task_id: task.task_id.as_deref(),
                queue: task.queue.as_deref(),
                direction: task.direction.as_deref(),
                mode: task.mode.as_deref(),
                state: task.state.as_deref(),
                reason: task.reason.as_deref(),
                agent_id: task.agent_id.as_deref(),
                timer_id: task.timer_id.as_deref(),
                session_id: task.session_id.as_deref(),
            }),
            FactDetail::State(state) => StoredDetail::State(state.as_deref()),
            FactDetail::Request { direction } => StoredDetail::Request { direction: direction.as_deref() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_place_for_targets_and_rooms_only_where_its_event_names_some() {
        let plain = Entry {
            id: "e",
            at: 7,
            name: "ANYTHING",
            session: None,
            customer: None,
            channel: None,
            actor: None,
            direction: None,
            what: What::Fact(StoredDetail::None),
            targets: Targets::default(),
            room: None,
            mode: None,
        };
        let targets = Targets { customer_activity: Some(120), ..Targets::default() };
        let with_targets = Entry { targets, ..plain };
        let (short, long) = (plain.write().unwrap(), with_targets.write().unwrap());
        assert_eq!((short[0], long[0]), (VERSION, VERSION_WITH_MORE));
        assert!(short.len() < long.len());
        assert_eq!((Entry::read(&short), Entry::read(&long)), (Ok(plain), Ok(with_targets)));
        assert!(Entry::read(&long[..long.len() - 1]).is_err());
    }
}
