// SPDX-License-Identifier: Apache-2.0

//! What topics and their keys are, in words.

use crate::{Name, Role, Topic};

/// What a topic is for.
pub(super) fn about(topic: &Topic) -> String {
    match &topic.role {
        Role::Events if matches!(topic.name, Name::Pattern(_)) => {
            "Events of contact-centre systems, in one topic for each conversation.".to_owned()
        }
        Role::Events => "Events of contact-centre systems.".to_owned(),
        Role::AgentStates => "Agents' states, as the routing engine publishes them.".to_owned(),
        Role::Erasures => "Requests to erase conversations and customers.".to_owned(),
        Role::Output(output) => format!("One record for each {}.", output.one_for_each),
        Role::DeadLetters => {
            "Records that cannot be folded, unchanged, with the reason in their headers.".to_owned()
        }
        Role::Internal => "Only the program itself uses it.".to_owned(),
    }
}

/// The key of a topic's records.
pub(super) fn key(topic: &Topic) -> String {
    match &topic.role {
        Role::Output(output) => {
            format!("{}. In a key of several parts, % and / within an id are %25 and %2F.", output.key_text())
        }
        Role::Events => "The conversation's id.".to_owned(),
        Role::AgentStates => "The agent's id.".to_owned(),
        Role::Erasures => "The conversation's or the customer's id.".to_owned(),
        Role::DeadLetters | Role::Internal => "The key of the record that it was.".to_owned(),
    }
}
