//! What is remembered of one event of a conversation: all that the timeline, the summary and the figures read of it, and
//! no text of a message.

use model::{Action, Category, Event, FactDetail, FactKind, Kind, Primary, Relation, Targets};
use serde::{Deserialize, Serialize};

use super::form;
use crate::stored::StoredActor;

/// Versions of the entry's form; the first byte of every stored entry. Another version is refused, and so rebuilt. Most events
/// name no targets: their entries have no room for them.
const VERSION: u8 = 1;
const VERSION_WITH_TARGETS: u8 = 2;

/// One event, as the scan reads it. Borrows from the event, or from the bytes that it was read from.
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
    /// Who may take how long, as the event says.
    #[serde(skip)]
    pub(crate) targets: Targets,
}

/// A channel: its type, and the number or name under which the contact centre was reached.
pub(crate) type StoredChannel<'a> = (Option<&'a str>, Option<&'a str>);

/// What the event is. New variants go to the end: the state holds their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum What<'a> {
    /// The first event of an activity, or one that would be.
    Primary { activity_id: &'a str, kind: u8 },
    /// A change of an activity; what it changes is said by its category.
    Relation { target: &'a str, category: u8 },
    /// Anything else: which fact it is follows from the event's name.
    #[serde(borrow)]
    Fact(StoredDetail<'a>),
}

/// What a fact says. New variants go to the end: the state holds their numbers.
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

/// A task in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredTask<'a> {
    #[serde(borrow)]
    pub(crate) task_id: Option<&'a str>,
    pub(crate) queue: Option<&'a str>,
    pub(crate) direction: Option<&'a str>,
    pub(crate) mode: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// What is remembered of the event.
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
        }
    }

    /// The entry's bytes in the state.
    ///
    /// # Errors
    ///
    /// Where the form cannot be written, which no entry causes.
    pub(crate) fn write(&self) -> Result<Vec<u8>, String> {
        if self.targets.is_empty() {
            form::write(self, VERSION)
        } else {
            form::write(&(self, self.targets), VERSION_WITH_TARGETS)
        }
    }

    /// Reads what [`Entry::write`] wrote.
    ///
    /// # Errors
    ///
    /// Of another version, or of bytes that are no entry: what is wrong with them.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        const WHAT: &str = "an entry of the timeline";
        if bytes.first() == Some(&VERSION_WITH_TARGETS) {
            let (entry, targets): (Entry<'a>, Targets) = form::read(bytes, VERSION_WITH_TARGETS, WHAT)?;
            return Ok(Self { targets, ..entry });
        }
        form::read(bytes, VERSION, WHAT)
    }

    /// The entry's place in the total order.
    pub(crate) fn order(&self) -> (i64, &'a str) {
        (self.at, self.id)
    }

    /// The activity: a primary's own, a relation's target; none for facts.
    pub(crate) fn activity_id(&self) -> Option<&'a str> {
        match self.what {
            What::Primary { activity_id, .. } => Some(activity_id),
            What::Relation { target, .. } => Some(target),
            What::Fact(_) => None,
        }
    }

    /// What kind of entry it is (contract section 4).
    pub(crate) fn category(&self) -> Category {
        match self.what {
            What::Primary { kind, .. } => Kind::from_code(kind).map_or(Category::Other, Category::of_primary),
            What::Relation { category, .. } => Category::from_code(category).unwrap_or(Category::Other),
            What::Fact(_) => Category::of_fact(self.fact()),
        }
    }

    /// Which fact the entry is; none for all else.
    pub(crate) fn fact_kind(&self) -> Option<FactKind> {
        matches!(self.what, What::Fact(_)).then(|| self.fact())
    }

    /// Which fact an entry of this name is.
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
            }),
            FactDetail::State(state) => StoredDetail::State(state.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_room_for_targets_only_where_its_event_names_some() {
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
        };
        let targets = Targets { customer_activity: Some(120), ..Targets::default() };
        let with_targets = Entry { targets, ..plain };
        let (short, long) = (plain.write().unwrap(), with_targets.write().unwrap());
        assert_eq!((short[0], long[0]), (VERSION, VERSION_WITH_TARGETS));
        assert!(short.len() < long.len());
        assert_eq!((Entry::read(&short), Entry::read(&long)), (Ok(plain), Ok(with_targets)));
        assert!(Entry::read(&long[..long.len() - 1]).is_err());
    }
}
