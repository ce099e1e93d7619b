// SPDX-License-Identifier: Apache-2.0

//! `acls`: the ACLs that a principal needs for a purpose, as commands of Kafka's own tool. They are derived from topics.yaml
//! and the group.

use std::fmt::Write as _;
use std::io::Write as _;

use super::dead_letters::replay;
use super::{erase, tail};
use crate::cli::{AclsArgs, Global, Purpose};
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;
use crate::kafka::reader;

/// Prints the commands.
pub fn run(global: &Global, args: &AclsArgs, config: &Config) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for right in rights(args.purpose, config, &global.group) {
        writeln!(out, "{}", right.command(&global.bootstrap, &args.principal))?;
    }
    Ok(())
}

/// Operations on resources of one type. `Read` and `Write` imply `Describe`.
#[derive(Debug, PartialEq, Eq)]
struct Right {
    operations: &'static [&'static str],
    kind: &'static str,
    names: Vec<String>,
    /// Whether the names are prefixes.
    is_prefix: bool,
}

impl Right {
    fn to(kind: &'static str, operations: &'static [&'static str], names: Vec<String>) -> Self {
        Self { operations, kind, names, is_prefix: false }
    }

    fn command(&self, bootstrap: &str, principal: &str) -> String {
        let mut line = format!(
            "kafka-acls.sh --bootstrap-server {bootstrap} --add --allow-principal {}",
            quoted(principal)
        );
        // Writing to a String cannot fail.
        for operation in self.operations {
            let _ = write!(line, " --operation {operation}");
        }
        for name in &self.names {
            let _ = write!(line, " --{} {}", self.kind, quoted(name));
        }
        if self.is_prefix {
            line.push_str(" --resource-pattern-type prefixed");
        }
        line
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:=@".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The minimal ACLs.
fn rights(purpose: Purpose, config: &Config, group: &str) -> Vec<Right> {
    let topics = |roles: &[Role], operations| {
        let wanted = config.topics.iter().filter(|topic| roles.contains(&topic.role));
        Right::to("topic", operations, wanted.filter_map(Topic::exact).map(str::to_owned).collect())
    };
    let patterns = |operations| {
        let names = config.beginnings();
        // An empty prefix matches everything, which Kafka writes as `*`.
        if names.iter().any(String::is_empty) {
            return Right::to("topic", operations, vec!["*".to_owned()]);
        }
        Right { is_prefix: true, ..Right::to("topic", operations, names) }
    };
    let groups = |operations, names: &[&str]| {
        Right::to("group", operations, names.iter().map(|name| (*name).to_owned()).collect())
    };
    let transactions = |id| Right::to("transactional-id", &["Write"], vec![id]);
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
            Right::to("topic", &["Create", "Read", "Write"], vec![replay::marks_topic(group)]),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(purpose: Purpose) -> Vec<String> {
        let config = Config::load(None, "g", None).unwrap();
        let rights = rights(purpose, &config, "g");
        rights.iter().map(|right| right.command("b:1", "User:ann")).collect()
    }

    #[test]
    fn who_runs_the_pipeline_may_read_and_write_just_what_it_does() {
        let start = "kafka-acls.sh --bootstrap-server b:1 --add --allow-principal User:ann";
        let outputs: Vec<String> =
            folds::products().map(|(_, product)| format!("--topic {}", product.topic)).collect();
        let outputs = outputs.join(" ");
        let expected = [
            "--operation Read --topic cx.events --topic cx.agent-states --topic cx.erasures".to_owned(),
            "--operation Read --topic cx.conversation. --resource-pattern-type prefixed".to_owned(),
            format!("--operation Write {outputs} --topic cx.dead-letters"),
            "--operation Read --operation Write --topic g-changelog".to_owned(),
            "--operation Read --operation Write --operation Delete --topic g-repartition".to_owned(),
            format!(
                "--operation DescribeConfigs --topic cx.events --topic cx.agent-states {outputs} --topic cx.dead-letters --topic cx.erasures --topic g-changelog --topic g-repartition"
            ),
            "--operation Read --group g".to_owned(),
            "--operation Write --transactional-id g- --resource-pattern-type prefixed".to_owned(),
        ];
        assert_eq!(lines(Purpose::Run), expected.map(|rest| format!("{start} {rest}")));
    }

    #[test]
    fn the_page_about_security_lists_the_rights_as_they_are() {
        let page = include_str!("../../../../docs/security.md");
        let config = Config::load(None, "cx-timelines", None).unwrap();
        let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("kafka-acls.sh")).collect();
        let rights = rights(Purpose::Run, &config, "cx-timelines");
        let commands: Vec<String> =
            rights.iter().map(|right| right.command("kafka:9093", "User:cx-timelines")).collect();
        assert_eq!(listed, commands);
    }

    #[test]
    fn a_principal_with_spaces_is_one_word_of_the_shell() {
        assert_eq!(quoted("User:CN=cx, O=Example"), "'User:CN=cx, O=Example'");
        assert_eq!(quoted("User:it's"), r"'User:it'\''s'");
    }
}
