// SPDX-License-Identifier: Apache-2.0

//! What a principal needs for a purpose, derived from topics.yaml and the group. `acls` prints it as commands of Kafka's own tool,
//! `generate strimzi` as KafkaUsers.

use super::dead_letters::replay;
use super::{erase, tail};
use crate::cli::Purpose;
use crate::config::{Config, Role, Topic};
use crate::kafka::reader;

/// Operations on resources of one type. `Read` and `Write` imply `Describe`.
#[derive(Debug, PartialEq, Eq)]
pub struct Right {
    /// Kafka's names of the operations.
    pub operations: &'static [&'static str],
    /// Of what the resources are.
    pub kind: Kind,
    /// The resources.
    pub names: Vec<String>,
    /// Whether the names are prefixes.
    pub is_prefix: bool,
}

/// A type of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A transactional id.
    TransactionalId,
}

impl Right {
    fn to(kind: Kind, operations: &'static [&'static str], names: Vec<String>) -> Self {
        Self { operations, kind, names, is_prefix: false }
    }
}

/// What a principal needs for a purpose, and no more.
pub fn rights(purpose: Purpose, config: &Config, group: &str) -> Vec<Right> {
    let topics = |roles: &[Role], operations| {
        let wanted = config.topics.iter().filter(|topic| roles.contains(&topic.role));
        Right::to(Kind::Topic, operations, wanted.filter_map(Topic::exact).map(str::to_owned).collect())
    };
    let patterns = |operations| {
        let names = config.beginnings();
        // An empty prefix matches everything, which Kafka writes as `*`.
        if names.iter().any(String::is_empty) {
            return Right::to(Kind::Topic, operations, vec!["*".to_owned()]);
        }
        Right { is_prefix: true, ..Right::to(Kind::Topic, operations, names) }
    };
    let groups = |operations, names: &[&str]| {
        Right::to(Kind::Group, operations, names.iter().map(|name| (*name).to_owned()).collect())
    };
    let transactions = |id| Right::to(Kind::TransactionalId, &["Write"], vec![id]);
    let rights = match purpose {
        Purpose::Run => vec![
            topics(&[Role::Input, Role::AgentStates, Role::Erasures], &["Read"]),
            patterns(&["Read"]),
            topics(&[Role::Output, Role::DeadLetters], &["Write"]),
            topics(&[Role::Changelog], &["Read", "Write"]),
            topics(&[Role::Repartition], &["Read", "Write", "Delete"]),
            topics(&Role::ALL, &["DescribeConfigs"]),
            groups(&["Read"], &[group]),
            Right { is_prefix: true, ..transactions(format!("{group}-")) },
        ],
        Purpose::Topics => vec![topics(&Role::ALL, &["Create", "Describe", "DescribeConfigs"])],
        Purpose::Load => {
            vec![topics(&[Role::Input, Role::AgentStates], &["Write"]), patterns(&["Write"])]
        }
        Purpose::Look => vec![
            topics(&[Role::Input, Role::Output, Role::DeadLetters, Role::Erasures], &["Read"]),
            patterns(&["Read"]),
            // How long tombstones are kept, for `export`.
            topics(&[Role::Output], &["DescribeConfigs"]),
            groups(&["Describe"], &[reader::GROUP, tail::GROUP]),
        ],
        Purpose::Replay => vec![
            topics(&[Role::DeadLetters], &["Read"]),
            topics(&[Role::Input, Role::AgentStates], &["Write"]),
            patterns(&["Write"]),
            Right::to(Kind::Topic, &["Create", "Read", "Write"], vec![replay::marks_topic(group)]),
            groups(&["Describe"], &[reader::GROUP]),
            transactions(replay::transactional_id(group)),
        ],
        Purpose::Erase => vec![
            topics(&Role::ALL, &["Read", "DescribeConfigs"]),
            patterns(&["Read", "DescribeConfigs"]),
            topics(&[Role::Output, Role::DeadLetters, Role::Erasures], &["Write"]),
            topics(&[Role::DeadLetters, Role::Repartition], &["Delete"]),
            groups(&["Describe"], &[group, reader::GROUP]),
            transactions(erase::transactional_id(group)),
        ],
    };
    rights.into_iter().filter(|right| !right.names.is_empty()).collect()
}
