// SPDX-License-Identifier: Apache-2.0

//! The content of facts about agents, tasks and states (contract, section 4).

use super::actor;
use super::lenient::{First, NameFields, Object, State, Text};
use super::raw::{Data, DataFields, IdFields, MediaFields, MediaTypeFields};
use crate::{AgentDetail, Fact, FactDetail, FactKind, TaskDetail};
use std::borrow::Cow;

/// The fact of an event with this name and data; the name is no primary's and no relation's. `whole` is the unchanged data,
/// which may be a text.
pub(super) fn fact<'a>(
    name: &str,
    event_id: &Cow<'a, str>,
    data: &DataFields<'a>,
    whole: &Data<'a>,
) -> Fact<'a> {
    let kind = FactKind::from_name(name);
    let detail = match kind {
        FactKind::AgentSubscribed | FactKind::AgentUnsubscribed => FactDetail::Agent(agent(data)),
        FactKind::ParticipantRoleChanged => role(data),
        // A queued task without an id is identified by the event; one that changes would match no queued task.
        FactKind::TaskEnqueued => task(data, Some(event_id), false),
        FactKind::TaskStateChanged => task(data, None, false),
        FactKind::AgentReserved => task(data, None, true),
        FactKind::TopicStateChanged
        | FactKind::TopicStateChangeEvent
        | FactKind::ConversationStateChanged => FactDetail::State(
            (data.state.name().get()).or_else(|| data.topic_state.get()).or_else(|| whole.text().get()),
        ),
        FactKind::NoAgentAvailable => FactDetail::Request {
            direction: data.request_type.get().and_then(|request| request.direction.get()),
        },
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

/// The task object: `data.task`, else `data`.
struct Task<'s, 'a> {
    id: &'s Text<'a>,
    state: &'s State<'a>,
    assigned_to: &'s Object<IdFields<'a>>,
    active_media: &'s First<Object<MediaFields<'a>>>,
    queue: &'s Object<NameFields<'a>>,
    task_type: &'s Object<MediaTypeFields<'a>>,
    timer_id: &'s Text<'a>,
}

impl<'s, 'a> Task<'s, 'a> {
    fn of(data: &'s DataFields<'a>) -> Self {
        if let Some(task) = data.task.get() {
            return Self {
                id: &task.id,
                state: &task.state,
                assigned_to: &task.assigned_to,
                active_media: &task.active_media,
                queue: &task.queue,
                task_type: &task.task_type,
                timer_id: &task.timer_id,
            };
        }
        Self {
            id: &data.id,
            state: &data.state,
            assigned_to: &data.assigned_to,
            active_media: &data.active_media,
            queue: &data.queue,
            task_type: &data.task_type,
            timer_id: &data.timer_id,
        }
    }
}

fn task<'a>(data: &DataFields<'a>, event_id: Option<&Cow<'a, str>>, is_reserved: bool) -> FactDetail<'a> {
    let task = Task::of(data);
    let media = task.active_media.get().and_then(Object::get);
    let media_type = media.and_then(|media| media.media_type.get());
    let own_type = task.task_type.get();
    // Tasks are active from their creation on; only their media change.
    let moved = media.map(|media| &media.state).filter(|_| task.state.name().is("ACTIVE"));
    let (state, reason) = match moved.and_then(|state| Some((state, state.name().get()?))) {
        Some((state, name)) => (Some(name), state.reason().get().or_else(|| task.state.reason().get())),
        None => (task.state.name().get(), task.state.reason().get()),
    };
    let user = data.user.get().filter(|_| is_reserved).and_then(|user| user.id.get());
    FactDetail::Task(Box::new(TaskDetail {
        task_id: task.id.get().or_else(|| event_id.cloned()),
        queue: (data.queue.get().and_then(|queue| queue.name.get()))
            .or_else(|| media?.queue.get()?.name.get())
            .or_else(|| task.queue.get()?.name.get()),
        direction: (media_type.and_then(|of| of.direction.get())).or_else(|| own_type?.direction.get()),
        mode: (media_type.and_then(|of| of.mode.get())).or_else(|| own_type?.mode.get()),
        state,
        reason,
        agent_id: user.or_else(|| task.assigned_to.get()?.id.get()),
        timer_id: task.timer_id.get(),
        session_id: media.and_then(|media| media.request_session.get()?.id.get()),
    }))
}
