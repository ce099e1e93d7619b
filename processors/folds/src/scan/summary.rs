// SPDX-License-Identifier: Apache-2.0

//! Summary of a conversation, from the scan after its last entry (contract section 5).

use std::borrow::Cow;

use model::{
    AgentStay, ConversationState, ConversationSummary, Counts, DeliveryCounts, Finality, OmittedLists,
    QueueVisit, SessionSummary, Waits, WrapUp,
};

use super::sessions::Session;
use super::stays::Stay;
use super::visits::{CONSULT, TRANSFERS, Visit};
use super::{ActivityFigures, LISTED, Scan};
use crate::stored::channel;

/// The directions of visits that are conferences.
const CONFERENCES: [&str; 2] = ["DIRECT_CONFERENCE", "CONSULT_CONFERENCE"];

impl Scan {
    /// The record of the conversation. `activities` is the contribution of its activities, `wrap_ups` those of
    /// [`Scan::wrap_ups`] that are not deleted; `forgotten` says that the summary is final.
    pub(crate) fn summary<'s>(
        &'s self,
        conversation_id: &'s str,
        activities: &ActivityFigures,
        wrap_ups: Vec<WrapUp<'s>>,
        forgotten: bool,
    ) -> ConversationSummary<'s> {
        let closed = self.cycles.last_closed();
        let closed_at = closed.map(|(at, _)| at);
        let started_at = self.profile.started_at();
        let omitted = left_out(self.sessions.listed().count());
        ConversationSummary {
            conversation_id: Cow::Borrowed(conversation_id),
            started_at,
            last_event_at: self.profile.last_event_at(),
            closed_at,
            duration_ms: closed_at.map(|at| at - started_at),
            state: if closed_at.is_some() { ConversationState::Closed } else { ConversationState::Open },
            finality: match closed_at {
                _ if forgotten => Finality::Final,
                Some(_) => Finality::Provisional,
                None => Finality::Open,
            },
            outcome: closed.map(|(_, outcome)| outcome),
            direction: self.profile.direction().map(Cow::Borrowed),
            customer_id: self.profile.customer().map(Cow::Borrowed),
            revision: self.profile.revision(),
            channels: self.profile.channels().map(Cow::Borrowed).collect(),
            sessions: self.sessions.listed().skip(omitted).map(session).collect(),
            agents: last(self.stays.list()).iter().map(stay).collect(),
            queue_visits: last(self.visits.list()).iter().map(visit).collect(),
            wrap_ups,
            counts: self.all_counts(activities),
            delivery: DeliveryCounts {
                delivered: activities.delivered,
                read: activities.read,
                failed: activities.failed,
            },
            first_response_ms: self.turns.first_response_ms(),
            first_agent_response_ms: self.turns.first_agent_response_ms(),
            agent_responses: self.turns.by_agents().clone(),
            bot_responses: self.turns.by_bots().clone(),
            hold_ms: self.hold.held_ms(),
            talk_ms: activities.talk_ms,
            wait_ms: {
                let of_customer = self.visits.list().iter().filter(|visit| visit.waits() == Waits::Customer);
                of_customer.filter_map(Visit::wait_ms).sum()
            },
            mode: self.profile.mode(),
            room_id: self.profile.room().map(Cow::Borrowed),
            cycles: self.cycles.shown(left_out(self.cycles.count())),
            tasks: self.tasks.shown(left_out(self.tasks.count())),
            agent_requested_at: self.turns.requested_at(),
            first_agent_response_from_request_ms: self.turns.first_from_request_ms(),
            call_hold_ms: activities.call_hold_ms,
            omitted: OmittedLists {
                sessions: omitted as u64,
                agents: left_out(self.stays.list().len()) as u64,
                queue_visits: left_out(self.visits.list().len()) as u64,
                wrap_ups: 0,
                cycles: left_out(self.cycles.count()) as u64,
                tasks: left_out(self.tasks.count()) as u64,
            },
        }
    }

    /// The counts of single entries and those derived from turns, visits and activities.
    fn all_counts(&self, activities: &ActivityFigures) -> Counts {
        let visits = || self.visits.list().iter();
        let in_direction = |directions: &[&str]| {
            let is_one =
                |visit: &Visit| visit.direction.as_deref().is_some_and(|of| directions.contains(&of));
            visits().map(|visit| i64::from(is_one(visit))).sum()
        };
        Counts {
            reactions: self.counts.reactions + activities.reply_reactions,
            responses: self.turns.by_agents().count + self.turns.by_bots().count,
            survey_answers: activities.survey_answers,
            transfers: in_direction(&TRANSFERS),
            conferences: in_direction(&CONFERENCES),
            consults: in_direction(&[CONSULT]),
            ronas: visits().map(|visit| visit.ronas).sum(),
            unanswered_turns: self.turns.unanswered(),
            ..self.counts.clone()
        }
    }
}

/// Number of elements of a list that are left out: the first ones.
fn left_out(length: usize) -> usize {
    length.saturating_sub(LISTED)
}

fn last<T>(list: &[T]) -> &[T] {
    list.get(left_out(list.len())..).unwrap_or_default()
}

fn session(session: &Session) -> SessionSummary<'_> {
    SessionSummary {
        channel_session_id: Cow::Borrowed(&session.id),
        channel: session.channel().map(channel),
        started_at: session.started_at,
        ended_at: session.ended_at(),
        ended_by: session.ended_by(),
    }
}

fn stay(stay: &Stay) -> AgentStay<'_> {
    let times = stay.times();
    AgentStay {
        agent_id: Cow::Borrowed(&stay.agent),
        name: stay.name.as_deref().map(Cow::Borrowed),
        joined_at: stay.joined_at,
        left_at: stay.left_at(),
        reason: stay.reason().map(Cow::Borrowed),
        engaged_ms: times.map(|times| times.engaged_ms),
        wrap_up_ms: times.map(|times| times.wrap_up_ms),
        messages: stay.messages,
        responses: stay.responses,
        response_ms_total: stay.response_ms,
        role: stay.role.as_deref().map(Cow::Borrowed),
        agent_response_ms_total: stay.agent_response_ms,
    }
}

fn visit(visit: &Visit) -> QueueVisit<'_> {
    QueueVisit {
        task_id: Cow::Borrowed(visit.task()),
        queue: visit.queue().map(Cow::Borrowed),
        direction: visit.direction.as_deref().map(Cow::Borrowed),
        mode: visit.mode.as_deref().map(Cow::Borrowed),
        enqueued_at: visit.enqueued_at,
        ended_at: visit.ended_at(),
        wait_ms: visit.wait_ms(),
        outcome: visit.outcome(),
        channel_session_id: visit.session.as_deref().map(Cow::Borrowed),
        agent_id: visit.agent().map(Cow::Borrowed),
        ronas: visit.ronas,
        waits: visit.waits(),
    }
}
