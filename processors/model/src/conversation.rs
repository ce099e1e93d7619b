// SPDX-License-Identifier: Apache-2.0

//! The records of topic `cx.conversations` (contract, section 5).
//!
//! These types define only how a record is written and read: every field is always present, in the contract's order, null or `[]`
//! when empty. The fold computes the content. All times are epoch milliseconds, all durations milliseconds.
//!
//! Records of earlier versions are read, too: what their schema does not have takes the default of the newest schema.

use std::borrow::Cow;

use crate::kinds::words;
use crate::{Channel, Counts, DeliveryCounts, Json, ResponseFigures, RoomMode};
use serde::{Deserialize, Serialize};

/// The summary of a conversation. Its key is the conversation's id without escapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationSummary<'a> {
    /// The conversation.
    pub conversation_id: Cow<'a, str>,
    /// The earliest time of its events.
    pub started_at: i64,
    /// The latest time of its events.
    pub last_event_at: i64,
    /// When it was closed last, if it is closed.
    pub closed_at: Option<i64>,
    /// From its start to its close.
    pub duration_ms: Option<i64>,
    /// Whether it is closed.
    pub state: ConversationState,
    /// Whether its figures can still change.
    pub finality: Finality,
    /// How it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// The direction of the first event that has one.
    pub direction: Option<Cow<'a, str>>,
    /// The last event's customer.
    pub customer_id: Option<Cow<'a, str>>,
    /// The number of distinct valid events.
    pub revision: u64,
    /// The channel types, sorted: the first 100 of them.
    pub channels: Vec<Cow<'a, str>>,
    /// The channel sessions that began or ended, by first appearance: the last 100, as in all following lists.
    pub sessions: Vec<SessionSummary<'a>>,
    /// The agents' stays, in the order of joining.
    pub agents: Vec<AgentStay<'a>>,
    /// The visits of queues, in the order of opening.
    pub queue_visits: Vec<QueueVisit<'a>>,
    /// The wrap-ups that are not deleted, by time, then by activity. If they are too long together, the bodies of the oldest
    /// are left out.
    pub wrap_ups: Vec<WrapUp<'a>>,
    /// Counts.
    pub counts: Counts,
    /// Deliveries of its activities.
    pub delivery: DeliveryCounts,
    /// The duration of the first closed turn.
    pub first_response_ms: Option<i64>,
    /// From the customer's first message to the next agent message.
    pub first_agent_response_ms: Option<i64>,
    /// The turns that agents closed.
    pub agent_responses: ResponseFigures,
    /// The turns that bots closed.
    pub bot_responses: ResponseFigures,
    /// The time on hold.
    pub hold_ms: i64,
    /// The time in call legs, excluding holds.
    pub talk_ms: i64,
    /// The time in queues, excluding open visits.
    pub wait_ms: i64,
    /// The room's purpose, from the first event that has one.
    pub mode: Option<RoomMode>,
    /// The room of the first event that names one.
    pub room_id: Option<Cow<'a, str>>,
    /// From each opening to the next close.
    #[serde(default)]
    pub cycles: Vec<Cycle>,
    /// The tasks of the routing, in the order of their first appearance.
    #[serde(default)]
    pub tasks: Vec<Task<'a>>,
    /// When an agent was first requested.
    pub agent_requested_at: Option<i64>,
    /// From that request to the next agent message.
    pub first_agent_response_from_request_ms: Option<i64>,
    /// The time on hold within call legs.
    #[serde(default)]
    pub call_hold_ms: i64,
    /// The numbers of list entries left out. All figures include them.
    #[serde(default)]
    pub omitted: OmittedLists,
}

/// The numbers of entries left out of a summary's lists, which have at most 100 each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OmittedLists {
    /// The oldest sessions.
    pub sessions: u64,
    /// The oldest stays.
    pub agents: u64,
    /// The oldest visits.
    pub queue_visits: u64,
    /// The oldest wrap-ups.
    pub wrap_ups: u64,
    /// The oldest cycles.
    pub cycles: u64,
    /// The oldest tasks.
    pub tasks: u64,
}

impl OmittedLists {
    /// The numbers by the names of their fields.
    #[must_use]
    pub fn numbers(&self) -> [(&'static str, u64); 6] {
        let Self { sessions, agents, queue_visits, wrap_ups, cycles, tasks } = *self;
        [
            ("sessions", sessions),
            ("agents", agents),
            ("queueVisits", queue_visits),
            ("wrapUps", wrap_ups),
            ("cycles", cycles),
            ("tasks", tasks),
        ]
    }
}

/// A cycle: a period in which a conversation was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cycle {
    /// When it began: with the first event, or one that reopened the conversation.
    pub started_at: i64,
    /// When it was closed.
    pub closed_at: Option<i64>,
    /// How it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
}

/// A task of the routing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task<'a> {
    /// The task.
    pub task_id: Cow<'a, str>,
    /// The queue's name.
    pub queue: Option<Cow<'a, str>>,
    /// `INBOUND`, `DIRECT_TRANSFER`, …: unchanged.
    pub direction: Option<Cow<'a, str>>,
    /// `QUEUE`, `AGENT`, …: unchanged.
    pub mode: Option<Cow<'a, str>>,
    /// When it was first queued.
    pub enqueued_at: Option<i64>,
    /// When it was first reserved.
    pub reserved_at: Option<i64>,
    /// The agent of its last reservation or assignment.
    pub agent_id: Option<Cow<'a, str>>,
    /// When an agent first answered.
    pub answered_at: Option<i64>,
    /// When the wrap-up first began.
    pub wrap_up_at: Option<i64>,
    /// When it was last closed.
    pub closed_at: Option<i64>,
    /// The reason of the last close.
    pub disposition: Option<Cow<'a, str>>,
    /// From the reservation to the answer or the close.
    pub ring_ms: Option<i64>,
    /// The handle time: from the answer to the wrap-up or the close.
    pub handle_ms: Option<i64>,
    /// The wrap-up time: from its beginning to the close.
    pub wrap_up_ms: Option<i64>,
}

/// A channel session that began or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary<'a> {
    /// The session.
    pub channel_session_id: Cow<'a, str>,
    /// The channel of the session's first event that has one.
    #[serde(default, deserialize_with = "crate::event::owned_channel")]
    pub channel: Option<Channel<'a>>,
    /// When it first began.
    pub started_at: Option<i64>,
    /// When it last ended.
    pub ended_at: Option<i64>,
    /// How it last ended.
    pub ended_by: Option<SessionEnd>,
}

/// An agent's stay in a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStay<'a> {
    /// The agent.
    pub agent_id: Cow<'a, str>,
    /// The agent's name when joining.
    pub name: Option<Cow<'a, str>>,
    /// When the agent joined.
    pub joined_at: i64,
    /// When the agent left.
    pub left_at: Option<i64>,
    /// Why the agent left.
    pub reason: Option<Cow<'a, str>>,
    /// The time of the stay in serving roles, excluding wrap-up; `None` while the stay is open.
    pub engaged_ms: Option<i64>,
    /// The time of the stay in wrap-up; `None` while the stay is open.
    pub wrap_up_ms: Option<i64>,
    /// The agent's messages during the stay.
    pub messages: i64,
    /// The number of turns they closed.
    pub responses: i64,
    /// The total duration of these turns.
    pub response_ms_total: i64,
    /// The role in which the agent joined.
    pub role: Option<Cow<'a, str>>,
    /// The total duration of these turns, each counted from the agent's joining if that was later.
    #[serde(default)]
    pub agent_response_ms_total: i64,
}

/// A queue visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueVisit<'a> {
    /// The first of its tasks.
    pub task_id: Cow<'a, str>,
    /// The queue's name.
    pub queue: Option<Cow<'a, str>>,
    /// `INBOUND`, `DIRECT_TRANSFER`, …: unchanged.
    pub direction: Option<Cow<'a, str>>,
    /// `QUEUE`, `AGENT`, …: unchanged.
    pub mode: Option<Cow<'a, str>>,
    /// When it was opened.
    pub enqueued_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Its wait time; `None` while it is open.
    pub wait_ms: Option<i64>,
    /// Its outcome; `None` while it is open.
    pub outcome: Option<VisitOutcome>,
    /// Its channel session.
    pub channel_session_id: Option<Cow<'a, str>>,
    /// The agent who answered.
    pub agent_id: Option<Cow<'a, str>>,
    /// The number of RONAs (reservations that were not answered).
    #[serde(default)]
    pub ronas: i64,
    /// Who is waiting.
    #[serde(default)]
    pub waits: Waits,
}

/// A wrap-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrapUp<'a> {
    /// The wrap-up's activity.
    pub activity_id: Cow<'a, str>,
    /// The activity's time.
    pub at: i64,
    /// The actor's id.
    pub agent_id: Option<Cow<'a, str>>,
    /// The activity's body.
    pub body: Option<Json<'a>>,
}

words! {
    /// Whether a conversation is closed.
    ConversationState {
        /// It is open.
        Open = 1 => "OPEN",
        /// It is closed.
        Closed = 2 => "CLOSED",
    }
}

words! {
    /// Whether a summary's figures can still change.
    Finality {
        /// The conversation is open.
        Open = 1 => "OPEN",
        /// It is closed; late events may change it, or reopen it.
        Provisional = 2 => "PROVISIONAL",
        /// It is expired: nothing changes any more.
        Final = 3 => "FINAL",
    }
}

words! {
    /// How a conversation ended.
    Outcome {
        /// An agent served.
        Handled = 1 => "HANDLED",
        /// It was queued, and no agent served it.
        Abandoned = 2 => "ABANDONED",
        /// It needed no agent.
        Contained = 3 => "CONTAINED",
        /// It was queued, and no agent was available.
        NoAgent = 4 => "NO_AGENT",
    }
}

words! {
    /// Who is waiting in a queue.
    Waits {
        /// The customer.
        Customer = 1 => "CUSTOMER",
        /// An agent who needs another one.
        Agent = 2 => "AGENT",
    }
}

/// Visits of contract 1 were customers'.
impl Default for Waits {
    fn default() -> Self {
        Waits::Customer
    }
}

words! {
    /// How a channel session ended.
    SessionEnd {
        /// A participant ended it.
        Ended = 1 => "ENDED",
        /// It expired.
        Expired = 2 => "EXPIRED",
    }
}

words! {
    /// The outcome of a queue visit.
    VisitOutcome {
        /// An agent joined.
        Answered = 1 => "ANSWERED",
        /// The customer left before.
        Abandoned = 2 => "ABANDONED",
        /// No agent was available.
        NoAgent = 3 => "NO_AGENT",
        /// The task was closed.
        Cancelled = 4 => "CANCELLED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};

    fn bare<'a>() -> ConversationSummary<'a> {
        ConversationSummary {
            conversation_id: "c".into(),
            started_at: 1,
            last_event_at: 2,
            closed_at: None,
            duration_ms: None,
            state: ConversationState::Open,
            finality: Finality::Open,
            outcome: None,
            direction: None,
            customer_id: None,
            revision: 3,
            channels: vec![],
            sessions: vec![],
            agents: vec![],
            queue_visits: vec![],
            wrap_ups: vec![],
            counts: Counts::default(),
            delivery: DeliveryCounts::default(),
            first_response_ms: None,
            first_agent_response_ms: None,
            agent_responses: ResponseFigures::default(),
            bot_responses: ResponseFigures::default(),
            hold_ms: 0,
            talk_ms: 0,
            wait_ms: 0,
            mode: None,
            room_id: None,
            cycles: vec![],
            tasks: vec![],
            agent_requested_at: None,
            first_agent_response_from_request_ms: None,
            call_hold_ms: 0,
            omitted: OmittedLists::default(),
        }
    }

    #[test]
    fn a_bare_summary_has_all_its_fields_in_the_contracts_order() {
        assert_eq!(
            text(|out| bare().write_json(out)),
            r#"{"conversationId":"c","startedAt":1,"lastEventAt":2,"closedAt":null,"durationMs":null,"state":"OPEN","finality":"OPEN","outcome":null,"direction":null,"customerId":null,"revision":3,"channels":[],"sessions":[],"agents":[],"queueVisits":[],"wrapUps":[],"counts":{"customerMessages":0,"agentMessages":0,"botMessages":0,"whispers":0,"edits":0,"deletions":0,"reactions":0,"suggestions":0,"responses":0,"callLegs":0,"recordings":0,"notes":0,"surveyQuestions":0,"surveyAnswers":0,"transfers":0,"conferences":0,"agentSlaBreaches":0,"customerSlaBreaches":0,"botTimeouts":0,"other":0,"systemMessages":0,"calls":0,"campaignResponses":0,"hides":0,"ronas":0,"consults":0,"unansweredTurns":0},"delivery":{"delivered":0,"read":0,"failed":0},"firstResponseMs":null,"firstAgentResponseMs":null,"agentResponses":{"count":0,"totalMs":0,"maxMs":null},"botResponses":{"count":0,"totalMs":0,"maxMs":null},"holdMs":0,"talkMs":0,"waitMs":0,"mode":null,"roomId":null,"cycles":[],"tasks":[],"agentRequestedAt":null,"firstAgentResponseFromRequestMs":null,"callHoldMs":0,"omitted":{"sessions":0,"agents":0,"queueVisits":0,"wrapUps":0,"cycles":0,"tasks":0}}"#
        );
    }

    #[test]
    fn bare_parts_have_all_their_fields_in_the_contracts_order() {
        let summary = ConversationSummary {
            sessions: vec![SessionSummary {
                channel_session_id: "s".into(),
                channel: None,
                started_at: None,
                ended_at: None,
                ended_by: None,
            }],
            agents: vec![AgentStay {
                agent_id: "a".into(),
                name: None,
                joined_at: 1,
                left_at: None,
                reason: None,
                engaged_ms: None,
                wrap_up_ms: None,
                messages: 0,
                responses: 0,
                response_ms_total: 0,
                role: None,
                agent_response_ms_total: 0,
            }],
            queue_visits: vec![QueueVisit {
                task_id: "t".into(),
                queue: None,
                direction: None,
                mode: None,
                enqueued_at: 1,
                ended_at: None,
                wait_ms: None,
                outcome: None,
                channel_session_id: None,
                agent_id: None,
                ronas: 0,
                waits: Waits::Customer,
            }],
            wrap_ups: vec![WrapUp { activity_id: "w".into(), at: 1, agent_id: None, body: None }],
            cycles: vec![Cycle { started_at: 1, closed_at: None, outcome: None }],
            tasks: vec![Task {
                task_id: "t".into(),
                queue: None,
                direction: None,
                mode: None,
                enqueued_at: None,
                reserved_at: None,
                agent_id: None,
                answered_at: None,
                wrap_up_at: None,
                closed_at: None,
                disposition: None,
                ring_ms: None,
                handle_ms: None,
                wrap_up_ms: None,
            }],
            ..bare()
        };
        let written = text(|out| summary.write_json(out));
        for part in [
            r#""sessions":[{"channelSessionId":"s","channel":null,"startedAt":null,"endedAt":null,"endedBy":null}]"#,
            r#""agents":[{"agentId":"a","name":null,"joinedAt":1,"leftAt":null,"reason":null,"engagedMs":null,"wrapUpMs":null,"messages":0,"responses":0,"responseMsTotal":0,"role":null,"agentResponseMsTotal":0}]"#,
            r#""queueVisits":[{"taskId":"t","queue":null,"direction":null,"mode":null,"enqueuedAt":1,"endedAt":null,"waitMs":null,"outcome":null,"channelSessionId":null,"agentId":null,"ronas":0,"waits":"CUSTOMER"}]"#,
            r#""cycles":[{"startedAt":1,"closedAt":null,"outcome":null}]"#,
            r#""tasks":[{"taskId":"t","queue":null,"direction":null,"mode":null,"enqueuedAt":null,"reservedAt":null,"agentId":null,"answeredAt":null,"wrapUpAt":null,"closedAt":null,"disposition":null,"ringMs":null,"handleMs":null,"wrapUpMs":null}]"#,
            r#""wrapUps":[{"activityId":"w","at":1,"agentId":null,"body":null}]"#,
        ] {
            assert!(written.contains(part), "{part} is not in {written}");
        }
    }

    /// The expected record of a public case.
    const CASE: &str = r#"{"conversationId":"c","startedAt":1750000000000,"lastEventAt":1750000092000,"closedAt":1750000092000,"durationMs":92000,"state":"CLOSED","outcome":"HANDLED","finality":"PROVISIONAL","direction":"INBOUND","customerId":"cus","revision":17,"channels":["WEB"],"sessions":[{"channelSessionId":"s","channel":{"type":"WEB","serviceIdentifier":"1"},"startedAt":1750000000000,"endedAt":1750000091000,"endedBy":"ENDED"}],"agents":[{"agentId":"ann","name":"Ann","joinedAt":1750000022000,"leftAt":1750000090000,"reason":"WRAP_UP_DONE","engagedMs":38000,"wrapUpMs":30000,"messages":1,"responses":1,"responseMsTotal":20000,"role":"PRIMARY","agentResponseMsTotal":20000}],"queueVisits":[{"taskId":"task-1","queue":"web","direction":"INBOUND","mode":"QUEUE","enqueuedAt":1750000007500,"endedAt":1750000022000,"waitMs":14500,"outcome":"ANSWERED","channelSessionId":"s","agentId":"ann","ronas":0,"waits":"CUSTOMER"}],"wrapUps":[{"activityId":"m-e14","at":1750000080000,"agentId":"ann","body":{"type":"WRAPUP","wrapups":[{"categoryName":"Parcels","value":"Where is it"}]}}],"counts":{"customerMessages":4,"agentMessages":1,"botMessages":1,"whispers":0,"edits":0,"deletions":0,"reactions":0,"suggestions":0,"responses":2,"callLegs":0,"recordings":0,"notes":0,"surveyQuestions":0,"surveyAnswers":0,"transfers":0,"conferences":0,"agentSlaBreaches":0,"customerSlaBreaches":0,"botTimeouts":0,"other":0,"systemMessages":0,"calls":0,"campaignResponses":0,"hides":0,"ronas":0,"consults":0,"unansweredTurns":0},"delivery":{"delivered":0,"read":0,"failed":0},"firstResponseMs":1000,"firstAgentResponseMs":45000,"agentResponses":{"count":1,"totalMs":20000,"maxMs":20000},"botResponses":{"count":1,"totalMs":1000,"maxMs":1000},"holdMs":0,"talkMs":0,"waitMs":14500,"mode":"CONTACT_CENTER","roomId":"r","cycles":[{"startedAt":1750000000000,"closedAt":1750000092000,"outcome":"HANDLED"}],"tasks":[],"agentRequestedAt":1750000007500,"firstAgentResponseFromRequestMs":39500,"callHoldMs":0,"omitted":{"sessions":1,"agents":2,"queueVisits":3,"wrapUps":4,"cycles":0,"tasks":0}}"#;

    #[test]
    fn a_full_summary_is_written_as_the_public_cases_have_it() {
        let body = Json::from_compact(Cow::Borrowed(
            r#"{"type":"WRAPUP","wrapups":[{"categoryName":"Parcels","value":"Where is it"}]}"#,
        ));
        let summary = ConversationSummary {
            started_at: 1_750_000_000_000,
            last_event_at: 1_750_000_092_000,
            closed_at: Some(1_750_000_092_000),
            duration_ms: Some(92_000),
            state: ConversationState::Closed,
            finality: Finality::Provisional,
            outcome: Some(Outcome::Handled),
            direction: Some("INBOUND".into()),
            customer_id: Some("cus".into()),
            revision: 17,
            channels: vec!["WEB".into()],
            sessions: vec![SessionSummary {
                channel_session_id: "s".into(),
                channel: Some(Channel {
                    channel_type: Some("WEB".into()),
                    service_identifier: Some("1".into()),
                }),
                started_at: Some(1_750_000_000_000),
                ended_at: Some(1_750_000_091_000),
                ended_by: Some(SessionEnd::Ended),
            }],
            agents: vec![AgentStay {
                agent_id: "ann".into(),
                name: Some("Ann".into()),
                joined_at: 1_750_000_022_000,
                left_at: Some(1_750_000_090_000),
                reason: Some("WRAP_UP_DONE".into()),
                engaged_ms: Some(38_000),
                wrap_up_ms: Some(30_000),
                messages: 1,
                responses: 1,
                response_ms_total: 20_000,
                role: Some("PRIMARY".into()),
                agent_response_ms_total: 20_000,
            }],
            queue_visits: vec![QueueVisit {
                task_id: "task-1".into(),
                queue: Some("web".into()),
                direction: Some("INBOUND".into()),
                mode: Some("QUEUE".into()),
                enqueued_at: 1_750_000_007_500,
                ended_at: Some(1_750_000_022_000),
                wait_ms: Some(14_500),
                outcome: Some(VisitOutcome::Answered),
                channel_session_id: Some("s".into()),
                agent_id: Some("ann".into()),
                ronas: 0,
                waits: Waits::Customer,
            }],
            wrap_ups: vec![WrapUp {
                activity_id: "m-e14".into(),
                at: 1_750_000_080_000,
                agent_id: Some("ann".into()),
                body: Some(body),
            }],
            counts: Counts {
                customer_messages: 4,
                agent_messages: 1,
                bot_messages: 1,
                responses: 2,
                ..Counts::default()
            },
            first_response_ms: Some(1_000),
            first_agent_response_ms: Some(45_000),
            agent_responses: ResponseFigures { count: 1, total_ms: 20_000, max_ms: Some(20_000) },
            bot_responses: ResponseFigures { count: 1, total_ms: 1_000, max_ms: Some(1_000) },
            wait_ms: 14_500,
            mode: Some(RoomMode::ContactCenter),
            room_id: Some("r".into()),
            cycles: vec![Cycle {
                started_at: 1_750_000_000_000,
                closed_at: Some(1_750_000_092_000),
                outcome: Some(Outcome::Handled),
            }],
            agent_requested_at: Some(1_750_000_007_500),
            first_agent_response_from_request_ms: Some(39_500),
            omitted: OmittedLists {
                sessions: 1,
                agents: 2,
                queue_visits: 3,
                wrap_ups: 4,
                cycles: 0,
                tasks: 0,
            },
            ..bare()
        };
        // Cases are compared as JSON; in these two fields, this one has not the contract's order.
        let (swapped, ordered) = (
            r#""outcome":"HANDLED","finality":"PROVISIONAL""#,
            r#""finality":"PROVISIONAL","outcome":"HANDLED""#,
        );
        assert!(CASE.contains(swapped));
        let written = text(|out| summary.write_json(out));
        assert_eq!(written, CASE.replace(swapped, ordered));
        assert_eq!(serde_json::from_str::<ConversationSummary<'_>>(&written).unwrap(), summary);
    }

    #[test]
    fn codes_in_stored_state_stay_what_they_were() {
        macro_rules! codes {
            ($type:ty) => {{
                for word in <$type>::ALL {
                    assert_eq!(<$type>::from_code(word.code()), Some(*word));
                }
                let codes = <$type>::ALL.iter().map(|w| format!("{}={}", w.code(), w.as_str()));
                codes.collect::<Vec<_>>().join(" ")
            }};
        }
        assert_eq!(codes!(ConversationState), "1=OPEN 2=CLOSED");
        assert_eq!(codes!(Finality), "1=OPEN 2=PROVISIONAL 3=FINAL");
        assert_eq!(codes!(Outcome), "1=HANDLED 2=ABANDONED 3=CONTAINED 4=NO_AGENT");
        assert_eq!(codes!(Waits), "1=CUSTOMER 2=AGENT");
        assert_eq!(codes!(SessionEnd), "1=ENDED 2=EXPIRED");
        assert_eq!(codes!(VisitOutcome), "1=ANSWERED 2=ABANDONED 3=NO_AGENT 4=CANCELLED");
    }
}
