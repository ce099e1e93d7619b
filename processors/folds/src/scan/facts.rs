// SPDX-License-Identifier: Apache-2.0

//! Effects of facts on the conversation (contract section 4). A fact without the id that its rule needs has no effect.

use model::{Dimension, FactKind, Figure, SessionEnd, Waits};

use super::amount::{Amount, Amounts};
use super::entry::{Entry, StoredAgent, StoredDetail, StoredTask};
use super::tasks::Step;
use super::visits::{At, How, waits_of};
use super::{Scan, ScanSettings, counts};

/// State of a closed task or conversation.
const CLOSED: &str = "CLOSED";
const ACTIVE: &str = "ACTIVE";
const RESERVED: &str = "RESERVED";
const ON_HOLD: &str = "ON_HOLD";
/// Reason of a closed task: the agent let it ring (redirection on no answer).
const RONA: &str = "RONA";
const CANCELLED: &str = "CANCELLED";
const NO_AGENT_AVAILABLE: &str = "NO_AGENT_AVAILABLE";
/// A supervisor who barges in takes no waiting customer.
const BARGE_IN: &str = "BARGE_IN";
/// An agent who is consulted.
const CONSULTED: &str = "CONSULTED";

impl Scan {
    /// Applies a fact.
    pub(super) fn fact(
        &mut self,
        entry: &Entry<'_>,
        detail: &StoredDetail<'_>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let at = entry.at;
        let kind = entry.fact();
        counts::fact(&mut self.counts, kind);
        if let FactKind::FindAgent
        | FactKind::AssignResourceRequested
        | FactKind::TaskEnqueued
        | FactKind::AgentReserved = kind
        {
            self.turns.request(at);
        }
        match (kind, detail) {
            (FactKind::AgentSubscribed, StoredDetail::Agent(agent)) => {
                self.subscribe(at, agent, settings, amounts);
            }
            (FactKind::AgentUnsubscribed, StoredDetail::Agent(agent)) => {
                self.stays.leave(at, agent, settings, amounts);
            }
            (FactKind::ParticipantRoleChanged, StoredDetail::Role { agent_id: Some(agent), role }) => {
                self.change_role(at, agent, *role, settings, amounts);
            }
            (FactKind::TaskEnqueued, StoredDetail::Task(task)) => {
                self.tasks.take(at, Step::Enqueued, task, amounts);
                let to = &mut At { at, settings, cycles: &mut self.cycles, amounts };
                self.visits.enqueue(task, entry.session, to);
            }
            (FactKind::AgentReserved, StoredDetail::Task(task)) => {
                self.tasks.take(at, Step::Reserved, task, amounts);
                if let Some(agent) = task.agent_id {
                    self.visits.offer(task, agent);
                }
            }
            (FactKind::TaskStateChanged, StoredDetail::Task(task)) => {
                self.tasks.take(at, Step::Changed, task, amounts);
                self.task_changed(at, task, settings, amounts);
            }
            (FactKind::NoAgentAvailable, StoredDetail::Request { direction }) => {
                let to = &mut At { at, settings, cycles: &mut self.cycles, amounts };
                self.visits.end_for(waits_of(*direction), How::NoAgent, to);
            }
            (FactKind::ChannelSessionStarted, _) => self.sessions.start(entry),
            (FactKind::ChannelSessionEnded, _) => {
                self.end_session(entry, Some(SessionEnd::Ended), settings, amounts);
            }
            (FactKind::ChannelSessionExpired, _) => {
                self.end_session(entry, Some(SessionEnd::Expired), settings, amounts);
            }
            (FactKind::RemoveChannelSession, _) => self.end_session(entry, None, settings, amounts),
            (FactKind::CustomerLeft, _) => {
                self.sessions.end_all();
                self.visits.end_all(&mut At { at, settings, cycles: &mut self.cycles, amounts });
            }
            (FactKind::ConversationClosed, _) => self.close(at, settings, amounts),
            (FactKind::ConversationStarted, _) => self.open(at, amounts),
            (_, StoredDetail::State(Some(state))) => self.conversation_changed(at, state, settings, amounts),
            (FactKind::ConversationPaused, _) => self.begin_hold(at),
            (FactKind::ConversationResumed, _) => self.hold.end(at),
            (FactKind::BotTimeout, _) => {
                if let Some(bot) = entry.actor_id() {
                    amounts(Amount::one(Dimension::Bot, bot, Figure::Timeouts, at));
                }
            }
            _ => {}
        }
    }

    fn change_role(
        &mut self,
        at: i64,
        agent: &str,
        role: Option<&str>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        if self.stays.set_role(at, agent, role).comes_to_serve && role != Some(BARGE_IN) {
            let to = &mut At { at, settings, cycles: &mut self.cycles, amounts };
            self.visits.answer(agent, Waits::Customer, to);
        }
    }

    fn subscribe(
        &mut self,
        at: i64,
        agent: &StoredAgent<'_>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let Some(id) = agent.agent_id else { return };
        let change = self.stays.join(at, id, agent, amounts);
        let waits = if change.comes_to_serve && agent.role != Some(BARGE_IN) {
            Waits::Customer
        } else if agent.role == Some(CONSULTED) && !change.was_present {
            Waits::Agent
        } else {
            return;
        };
        self.visits.answer(id, waits, &mut At { at, settings, cycles: &mut self.cycles, amounts });
    }

    fn task_changed(
        &mut self,
        at: i64,
        task: &StoredTask<'_>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let to = &mut At { at, settings, cycles: &mut self.cycles, amounts };
        match (task.state, task.agent_id, task.reason) {
            (Some(RESERVED), Some(agent), _) => self.visits.offer(task, agent),
            (Some(ACTIVE), Some(agent), _) => self.visits.end_of(task, How::Answered(agent), to),
            (Some(CLOSED), _, reason) if model::wait_goes_on(reason) => {
                self.visits.go_on(task, reason == Some(RONA), to);
            }
            (Some(CLOSED), _, Some(CANCELLED)) => self.visits.end_of(task, How::Gone, to),
            (Some(CLOSED), _, Some(NO_AGENT_AVAILABLE)) => self.visits.end_of(task, How::NoAgent, to),
            (Some(CLOSED), ..) => self.visits.end_of(task, How::Cancelled, to),
            _ => {}
        }
    }

    fn conversation_changed(
        &mut self,
        at: i64,
        state: &str,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        match model::closes(state) {
            Some(true) => self.close(at, settings, amounts),
            Some(false) => self.open(at, amounts),
            None => {}
        }
        match state {
            ON_HOLD => self.begin_hold(at),
            ACTIVE => self.hold.end(at),
            _ => {}
        }
    }

    /// While the conversation is closed, no hold starts.
    fn begin_hold(&mut self, at: i64) {
        if self.cycles.current().is_some() {
            self.hold.begin(at);
        }
    }

    fn end_session(
        &mut self,
        entry: &Entry<'_>,
        by: Option<SessionEnd>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let Some(session) = entry.session else { return };
        let to = &mut At { at: entry.at, settings, cycles: &mut self.cycles, amounts };
        if self.sessions.end(entry, by) {
            self.visits.end_all(to);
        } else {
            self.visits.end_of_session(session, to);
        }
    }

    /// The conversation opens, or opens again; nothing where it is open.
    fn open(&mut self, at: i64, amounts: &mut Amounts<'_>) {
        if self.cycles.begin(at) {
            self.profile.reopened(at, amounts);
        }
    }

    /// Closes the conversation, which ends everything. A close while closed has no effect.
    fn close(&mut self, at: i64, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        if self.cycles.current().is_none() {
            return;
        }
        self.visits.end_all(&mut At { at, settings, cycles: &mut self.cycles, amounts });
        self.stays.close(at, settings, amounts);
        self.sessions.end_all();
        self.hold.end(at);
        self.turns.close();
        if let Some(outcome) = self.cycles.close(at) {
            self.profile.closed(at, outcome, amounts);
        }
    }
}
