// SPDX-License-Identifier: Apache-2.0

//! Documents and code made of one definition: the topics of topics.yaml, and the schemas of their records. Strings come out;
//! nothing is read or written here.
//!
//! Every target walks the same [`avro::Outline`] of a schema, one file per target.

pub mod asyncapi;
pub mod clickhouse;
mod definition;
mod error;
pub mod flink;
mod json;
pub mod json_schema;
mod kit;
pub mod ksqldb;
pub mod python;
mod sql;
pub mod typescript;
mod value;

pub use definition::{Definition, Name, Output, Role, Topic};
pub use error::GenerateError;

/// A file that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// Its content, which ends with a line break.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Schema;

    fn topic(name: &str, role: Role) -> Topic {
        let cleanup = if matches!(role, Role::Output(_)) { "compact" } else { "delete" };
        Topic {
            name: Name::Exact(name.to_owned()),
            role,
            partitions: Some(8),
            cleanup,
            retention_ms: None,
            settings: std::collections::BTreeMap::new(),
            is_avro: false,
        }
    }

    /// The topics that are shipped, as the program makes a definition of them; only what a test of the program itself compares
    /// with topics.yaml.
    pub(crate) fn definition() -> Definition {
        let output = |name: &str, processor, schema, one, key| {
            topic(name, Role::Output(Box::new(Output::new(processor, schema, one, key).unwrap())))
        };
        let topics = vec![
            topic("cx.events", Role::Events),
            Topic {
                name: Name::Pattern(r"^cx\.conversation\.(?<conversation>.+)$".to_owned()),
                partitions: None,
                ..topic("", Role::Events)
            },
            topic("cx.agent-states", Role::AgentStates),
            output(
                "cx.activities",
                "activities",
                Schema::ACTIVITY,
                "message, call leg, note …",
                "`conversationId/activityId`, or just `activityId` where there is no conversation",
            ),
            output(
                "cx.timelines",
                "timelines",
                Schema::TIMELINE_ENTRY,
                "event of a conversation",
                "`conversationId/eventId`",
            ),
            output(
                "cx.conversations",
                "conversations",
                Schema::CONVERSATION,
                "conversation",
                "`conversationId`, as it is",
            ),
            output("cx.agents", "agents", Schema::AGENT, "agent", "`agentId`, as it is"),
            output("cx.customers", "customers", Schema::CUSTOMER, "customer", "`customerId`, as it is"),
            output(
                "cx.metrics",
                "metrics",
                Schema::METRICS_WINDOW,
                "window of a queue, agent, agent at a queue, channel or bot",
                "`dimension/id/size/windowStart`",
            ),
            output("cx.audit", "audit", Schema::AUDIT, "event", "`conversationId/eventId`"),
            output(
                "cx.bot-training",
                "bot-training",
                Schema::BOT_TRAINING,
                "customer's message",
                "as in `cx.activities`",
            ),
            output(
                "cx.alerts",
                "alerts",
                Schema::ALERT,
                "wait beyond its target",
                "`conversationId/kind/startedBy`",
            ),
            topic("cx.dead-letters", Role::DeadLetters),
            topic("cx.erasures", Role::Erasures),
            topic("cx-timelines-changelog", Role::Internal),
        ];
        Definition { version: "0.1.0".to_owned(), topics, letter_headers: engine::LetterHeaders::default() }
    }

    /// The same with inputs and outputs in Avro.
    pub(crate) fn in_avro(mut definition: Definition) -> Definition {
        for topic in &mut definition.topics {
            topic.is_avro = matches!(topic.role, Role::Output(_) | Role::Events | Role::AgentStates);
        }
        definition
    }
}
