//! `acls`: the rights on the cluster that somebody needs for what he does, as commands of Kafka's own tool. They follow from
//! topics.yaml and the group, so they are listed nowhere else.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{conversation, tail};
use crate::cli::{AclsArgs, Global, Purpose};
use crate::config::{Config, Role, Topic};
use crate::exit::Failure;

/// Prints the commands.
pub fn run(global: &Global, args: &AclsArgs, config: &Config) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for right in rights(args.purpose, config, &global.group) {
        writeln!(out, "{}", right.command(&global.bootstrap, &args.principal))?;
    }
    Ok(())
}

/// What may be done with some resources of one kind. `Describe` is part of `Read` and of `Write`.
#[derive(Debug, PartialEq, Eq)]
struct Right {
    operations: &'static [&'static str],
    kind: &'static str,
    names: Vec<String>,
    /// The names are only the beginnings of those that are meant.
    is_prefix: bool,
}

impl Right {
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

/// A word of a shell's.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:=@".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// What is needed, and nothing more.
fn rights(purpose: Purpose, config: &Config, group: &str) -> Vec<Right> {
    let topics = |roles: &[Role], operations| {
        let wanted = config.topics.iter().filter(|topic| roles.contains(&topic.role));
        let names: Vec<String> = wanted.filter_map(Topic::exact).map(str::to_owned).collect();
        Right { operations, kind: "topic", names, is_prefix: false }
    };
    let patterns = |operations| {
        let names = config.beginnings();
        // What may begin with anything is everything, which Kafka writes so.
        let is_prefix = !names.iter().any(String::is_empty);
        let names = if is_prefix { names } else { vec!["*".to_owned()] };
        Right { operations, kind: "topic", names, is_prefix }
    };
    let groups =
        |operations, names: Vec<String>| Right { operations, kind: "group", names, is_prefix: false };
    let rights = match purpose {
        Purpose::Run => vec![
            topics(&[Role::Input, Role::Erasures], &["Read"]),
            patterns(&["Read"]),
            topics(&[Role::Output, Role::DeadLetters], &["Write"]),
            topics(&[Role::Changelog, Role::Repartition], &["Read", "Write"]),
            groups(&["Read"], vec![group.to_owned()]),
            Right {
                operations: &["Write"],
                kind: "transactional-id",
                names: vec![format!("{group}-")],
                is_prefix: true,
            },
        ],
        Purpose::Topics => vec![topics(&Role::ALL, &["Create", "Describe", "DescribeConfigs"])],
        Purpose::Load => vec![topics(&[Role::Input], &["Write"]), patterns(&["Write"])],
        Purpose::Look => vec![
            topics(&[Role::Input, Role::Output, Role::DeadLetters, Role::Erasures], &["Read"]),
            patterns(&["Read"]),
            groups(&["Describe"], vec![conversation::reader::GROUP.to_owned(), tail::GROUP.to_owned()]),
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
        let expected = [
            "--operation Read --topic cx.events --topic cx.erasures",
            "--operation Read --topic cx.conversation. --resource-pattern-type prefixed",
            "--operation Write --topic cx.activities --topic cx.timelines --topic cx.conversations --topic cx.metrics \
             --topic cx.audit --topic cx.bot-training --topic cx.alerts --topic cx.dead-letters",
            "--operation Read --operation Write --topic g-changelog --topic g-repartition",
            "--operation Read --group g",
            "--operation Write --transactional-id g- --resource-pattern-type prefixed",
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
