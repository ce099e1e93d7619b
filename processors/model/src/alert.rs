//! The records of topic `cx.alerts`: somebody has waited for longer than was agreed.

use serde::{Serialize, Serializer};

use crate::kinds::words;

words! {
    /// What somebody has waited for.
    AlertKind {
        /// The customer of a channel session says nothing.
        CustomerInactive = 1 => "customer-inactive",
        /// An agent who is present should answer soon.
        AgentResponseDue = 2 => "agent-response-due",
        /// An agent who is present should have answered.
        AgentResponseBreached = 3 => "agent-response-breached",
        /// A customer waits in a queue.
        QueueWaitOverTarget = 4 => "queue-wait-over-target",
        /// A conversation is open, and nothing happens in it.
        LeftOpen = 5 => "left-open",
    }
}

words! {
    /// Whether it is still so.
    AlertState {
        /// It is.
        Raised = 1 => "raised",
        /// It is not: an event has ended it, too late.
        Resolved = 2 => "resolved",
    }
}

/// Somebody has waited for longer than was agreed. Its key is [`crate::alert_key`]'s. It follows from events alone, so it holds
/// no time at which anything was noticed. All times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRecord<'a> {
    /// The conversation.
    pub conversation_id: &'a str,
    /// What was waited for.
    pub kind: AlertKind,
    /// Whether it is still so.
    pub state: AlertState,
    /// When the time began to run.
    pub started_at: i64,
    /// The event with which it did.
    pub started_by: &'a str,
    /// How long it may take.
    pub target_ms: i64,
    /// Until when it should have ended: `startedAt` and `targetMs`.
    pub due_at: i64,
    /// When it ended; none while it has not.
    pub resolved_at: Option<i64>,
    /// The event that ended it.
    pub resolved_by: Option<&'a str>,
    /// That event's name.
    pub resolution: Option<&'a str>,
    /// The channel session, of `customer-inactive`.
    pub channel_session_id: Option<&'a str>,
    /// That session's type of channel.
    pub channel_type: Option<&'a str>,
    /// The agents who were present when the time began to run, sorted; of `agent-response-…`.
    pub agents: &'a [Box<str>],
    /// The task, of `queue-wait-over-target`.
    pub task_id: Option<&'a str>,
    /// Its queue.
    pub queue: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::text;

    #[test]
    fn an_alert_has_all_its_fields_in_order() {
        let alert = AlertRecord {
            conversation_id: "c",
            kind: AlertKind::AgentResponseDue,
            state: AlertState::Raised,
            started_at: 1,
            started_by: "e",
            target_ms: 2,
            due_at: 3,
            resolved_at: None,
            resolved_by: None,
            resolution: None,
            channel_session_id: None,
            channel_type: None,
            agents: &["ann".into()],
            task_id: None,
            queue: None,
        };
        assert_eq!(
            text(|out| alert.write_json(out)),
            r#"{"conversationId":"c","kind":"agent-response-due","state":"raised","startedAt":1,"startedBy":"e","targetMs":2,"dueAt":3,"resolvedAt":null,"resolvedBy":null,"resolution":null,"channelSessionId":null,"channelType":null,"agents":["ann"],"taskId":null,"queue":null}"#
        );
    }
}
