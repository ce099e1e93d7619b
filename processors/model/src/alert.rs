// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.alerts`: waits beyond their target.

use serde::Serialize;

use crate::kinds::words;

words! {
    /// The kind of wait.
    AlertKind {
        /// The customer of a channel session is silent.
        CustomerInactive = 1 => "customer-inactive",
        /// An agent response is due soon.
        AgentResponseDue = 2 => "agent-response-due",
        /// An agent response is overdue.
        AgentResponseBreached = 3 => "agent-response-breached",
        /// A customer waits in a queue.
        QueueWaitOverTarget = 4 => "queue-wait-over-target",
        /// A conversation is open without activity.
        LeftOpen = 5 => "left-open",
    }
}

words! {
    /// Whether the wait continues.
    AlertState {
        /// It continues.
        Raised = 1 => "raised",
        /// An event has ended it, after its target.
        Resolved = 2 => "resolved",
    }
}

/// A wait beyond its target. The key is [`crate::alert_key`]'s. The record is derived from events alone, so it has no detection
/// time. All times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRecord<'a> {
    /// The conversation.
    pub conversation_id: &'a str,
    /// The kind of wait.
    pub kind: AlertKind,
    /// Whether it continues.
    pub state: AlertState,
    /// When it started.
    pub started_at: i64,
    /// The event that started it.
    pub started_by: &'a str,
    /// Its target duration.
    pub target_ms: i64,
    /// When it was due: `startedAt` plus `targetMs`.
    pub due_at: i64,
    /// When it ended; `None` while it continues.
    pub resolved_at: Option<i64>,
    /// The event that ended it.
    pub resolved_by: Option<&'a str>,
    /// That event's name.
    pub resolution: Option<&'a str>,
    /// The channel session, for `customer-inactive`.
    pub channel_session_id: Option<&'a str>,
    /// That session's channel type.
    pub channel_type: Option<&'a str>,
    /// The agents present when it started, sorted; for `agent-response-…`.
    pub agents: &'a [Box<str>],
    /// The task, for `queue-wait-over-target`.
    pub task_id: Option<&'a str>,
    /// Its queue.
    pub queue: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};

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
