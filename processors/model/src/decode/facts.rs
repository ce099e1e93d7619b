//! What a fact says of agents, tasks and states (contract, section 4).

use super::actor;
use super::lenient::Object;
use super::raw::DataFields;
use crate::{AgentDetail, Fact, FactDetail, FactKind, TaskDetail};
use std::borrow::Cow;

/// The fact that an event of this name and data is, taken that its name is no primary's and no relation's.
pub(super) fn fact<'a>(name: &str, event_id: &Cow<'a, str>, data: &DataFields<'a>) -> Fact<'a> {
    let kind = FactKind::from_name(name);
    let detail = match kind {
        FactKind::AgentSubscribed | FactKind::AgentUnsubscribed => FactDetail::Agent(agent(data)),
        FactKind::ParticipantRoleChanged => role(data),
        // Without an id of its own, a task that is enqueued is known by the event that says so; one that changes
        // would be none that was enqueued.
        FactKind::TaskEnqueued => task(data, Some(event_id)),
        FactKind::TaskStateChanged => task(data, None),
        FactKind::TopicStateChanged | FactKind::ConversationStateChanged => {
            FactDetail::State(data.state.get())
        }
        _ => FactDetail::None,
    };
    Fact { kind, detail }
}

fn agent<'a>(data: &DataFields<'a>) -> AgentDetail<'a> {
    let reason = data.reason.get();
    let Some(agent) = data.agent_participant.get() else {
        return AgentDetail { reason, ..AgentDetail::default() };
    };
    let participant = agent.participant.get();
    AgentDetail {
        agent_id: participant.and_then(|p| p.id.get()).or_else(|| agent.id.get()),
        role: agent.role.get(),
        name: actor::name(&agent.sender_name, participant),
        reason,
    }
}

fn role<'a>(data: &DataFields<'a>) -> FactDetail<'a> {
    match data.conversation_participant.get() {
        Some(changed) if changed.participant_type.is("AGENT") => FactDetail::Role {
            agent_id: changed.participant.get().and_then(|p| p.id.get()).or_else(|| changed.id.get()),
            role: changed.role.get(),
        },
        _ => FactDetail::None,
    }
}

fn task<'a>(data: &DataFields<'a>, event_id: Option<&Cow<'a, str>>) -> FactDetail<'a> {
    let task = data.task.get();
    let media = task.and_then(|t| t.active_media.get()).and_then(Object::get);
    let media_type = media.and_then(|m| m.media_type.get());
    FactDetail::Task(Box::new(TaskDetail {
        task_id: (task.and_then(|t| t.id.get())).or_else(|| data.id.get()).or_else(|| event_id.cloned()),
        queue: (data.queue.get().and_then(|q| q.name.get())).or_else(|| media?.queue.get()?.name.get()),
        direction: media_type.and_then(|t| t.direction.get()),
        mode: media_type.and_then(|t| t.mode.get()),
        state: task.and_then(|t| t.state.get()).or_else(|| data.state.get()),
    }))
}
