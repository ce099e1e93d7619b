//! What the facts do to the conversation (contract section 4). One that lacks the id that its rule needs does nothing.

use model::{Dimension, FactKind, Figure, SessionEnd, VisitOutcome};

use super::amount::{Amount, Amounts};
use super::entry::{Entry, StoredAgent, StoredDetail, StoredTask};
use super::{Scan, ScanSettings, counts};

/// The state that ends a task, and the one that closes a conversation.
const CLOSED: &str = "CLOSED";
/// Who joins in one of these roles does not take the work from the queue.
const BESIDE: [&str; 3] = ["SILENT_MONITOR", "BARGE_IN", "CONSULTED"];

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
        match (kind, detail) {
            (FactKind::AgentSubscribed, StoredDetail::Agent(agent)) => {
                self.subscribe(at, agent, settings, amounts);
            }
            (FactKind::AgentUnsubscribed, StoredDetail::Agent(agent)) => {
                self.stays.leave(at, agent, settings, amounts);
            }
            (FactKind::ParticipantRoleChanged, StoredDetail::Role { agent_id: Some(agent), role }) => {
                self.stays.set_role(at, agent, *role);
            }
            (FactKind::TaskEnqueued, StoredDetail::Task(task)) => self.visits.enqueue(at, task, amounts),
            (
                FactKind::TaskStateChanged,
                StoredDetail::Task(task @ StoredTask { state: Some(CLOSED), .. }),
            ) => {
                self.visits.end_of(task, at, VisitOutcome::Cancelled, settings, amounts);
            }
            (FactKind::NoAgentAvailable, _) => {
                self.visits.end_all(at, VisitOutcome::NoAgent, settings, amounts);
            }
            (FactKind::ChannelSessionStarted, _) => self.sessions.start(entry),
            (FactKind::ChannelSessionEnded, _) => {
                self.end_session(entry, SessionEnd::Ended, settings, amounts);
            }
            (FactKind::ChannelSessionExpired, _) => {
                self.end_session(entry, SessionEnd::Expired, settings, amounts);
            }
            (FactKind::ConversationClosed, _) => self.close(at, settings, amounts),
            (FactKind::ConversationStarted, _) => self.closing.open(),
            (
                FactKind::TopicStateChanged | FactKind::ConversationStateChanged,
                StoredDetail::State(Some(state)),
            ) => {
                if *state == CLOSED {
                    self.close(at, settings, amounts);
                } else {
                    self.closing.open();
                }
            }
            (FactKind::ConversationPaused, _) => self.closing.pause(at),
            (FactKind::ConversationResumed, _) => self.closing.resume(at),
            (FactKind::BotTimeout, _) => {
                if let Some(bot) = entry.actor_id() {
                    amounts(Amount::one(Dimension::Bot, bot, Figure::Timeouts, at));
                }
            }
            _ => {}
        }
    }

    fn subscribe(
        &mut self,
        at: i64,
        agent: &StoredAgent<'_>,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        let takes_the_work = !agent.role.is_some_and(|role| BESIDE.contains(&role));
        if agent.agent_id.is_some() && takes_the_work {
            self.visits.end_all(at, VisitOutcome::Answered, settings, amounts);
        }
        self.stays.join(at, agent, amounts);
    }

    fn end_session(
        &mut self,
        entry: &Entry<'_>,
        by: SessionEnd,
        settings: &ScanSettings,
        amounts: &mut Amounts<'_>,
    ) {
        if self.sessions.end(entry, by) {
            self.visits.end_all(entry.at, VisitOutcome::Abandoned, settings, amounts);
        }
    }

    /// A close while closed changes nothing.
    fn close(&mut self, at: i64, settings: &ScanSettings, amounts: &mut Amounts<'_>) {
        if self.closing.close(at) {
            self.visits.end_all(at, VisitOutcome::Abandoned, settings, amounts);
        }
    }
}
