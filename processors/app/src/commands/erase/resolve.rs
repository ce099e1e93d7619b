// SPDX-License-Identifier: Apache-2.0

//! Resolves subjects: a customer's conversations, and a conversation's channel sessions. Reads everything that is still
//! readable, overwritten records included, so that an interrupted erasure finds the same conversations again.

use crate::cli::EraseArgs;
use crate::config::Role;

use super::cluster::Cluster;
use super::letters;
use super::subjects::{Named, Subjects};

/// The subjects of a command.
///
/// # Errors
/// A topic cannot be read.
pub fn subjects(cluster: &Cluster<'_>, args: &EraseArgs) -> anyhow::Result<Subjects> {
    let mut subjects = Subjects::new(&args.conversations, &args.customers);
    if !subjects.customers.is_empty() {
        each(cluster, &[], &mut |named| subjects.learn_conversations(named))?;
    }
    let of_their_own = cluster.of_conversations(|id| subjects.conversations.contains(id));
    each(cluster, &of_their_own, &mut |named| subjects.learn_sessions(named))?;
    Ok(subjects)
}

/// Passes the content of each record to `learn`: of outputs, dead letters, inputs, and the given topics of single
/// conversations.
fn each(cluster: &Cluster<'_>, of_their_own: &[String], learn: &mut dyn FnMut(&Named)) -> anyhow::Result<()> {
    for topic in cluster.outputs() {
        cluster.read_everything(&cluster.all(topic)?, &mut |message| {
            if let Some(value) = cluster.json(topic, rdkafka::Message::payload(message))? {
                learn(&Named::of_output(&value));
            }
            Ok(())
        })?;
    }
    for topic in cluster.of_role(Role::DeadLetters) {
        cluster.read_everything(&cluster.all(topic)?, &mut |message| {
            let conversation = letters::conversation_of(cluster.config, message);
            let value = letters::json_of(cluster, message)?;
            if let Some(named) = value.and_then(|value| Named::of_event(&value, conversation.as_deref())) {
                learn(&named);
            }
            Ok(())
        })?;
    }
    let inputs = cluster.of_role(Role::Input).into_iter().chain(of_their_own.iter().map(String::as_str));
    for topic in inputs {
        let conversation = cluster.config.conversation_of(topic);
        cluster.read_everything(&cluster.all(topic)?, &mut |message| {
            let value = cluster.json(topic, rdkafka::Message::payload(message))?;
            if let Some(named) = value.and_then(|value| Named::of_event(&value, conversation)) {
                learn(&named);
            }
            Ok(())
        })?;
    }
    Ok(())
}
