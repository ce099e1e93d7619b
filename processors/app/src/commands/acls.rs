// SPDX-License-Identifier: Apache-2.0

//! `acls`: the ACLs that a principal needs for a purpose, as commands of Kafka's own tool.

use std::fmt::Write as _;
use std::io::Write as _;

use super::rights::{Kind, Right, rights};
use crate::cli::{AclsArgs, Global};
use crate::config::Config;
use crate::exit::Failure;

/// Prints the commands.
pub fn run(global: &Global, args: &AclsArgs, config: &Config) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for right in rights(args.purpose, config, &global.group) {
        writeln!(out, "{}", command(&right, &global.bootstrap, &args.principal))?;
    }
    Ok(())
}

fn command(right: &Right, bootstrap: &str, principal: &str) -> String {
    let mut line =
        format!("kafka-acls.sh --bootstrap-server {bootstrap} --add --allow-principal {}", quoted(principal));
    // Writing to a String cannot fail.
    for operation in right.operations {
        let _ = write!(line, " --operation {operation}");
    }
    let flag = match right.kind {
        Kind::Topic => "topic",
        Kind::Group => "group",
        Kind::TransactionalId => "transactional-id",
    };
    for name in &right.names {
        let _ = write!(line, " --{flag} {}", quoted(name));
    }
    if right.is_prefix {
        line.push_str(" --resource-pattern-type prefixed");
    }
    line
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:=@".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Purpose;

    fn lines(purpose: Purpose) -> Vec<String> {
        let config = Config::load(None, "g", None).unwrap();
        let rights = rights(purpose, &config, "g");
        rights.iter().map(|right| command(right, "b:1", "User:ann")).collect()
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
            rights.iter().map(|right| command(right, "kafka:9093", "User:cx-timelines")).collect();
        assert_eq!(listed, commands);
    }

    #[test]
    fn a_principal_with_spaces_is_one_word_of_the_shell() {
        assert_eq!(quoted("User:CN=cx, O=Example"), "'User:CN=cx, O=Example'");
        assert_eq!(quoted("User:it's"), r"'User:it'\''s'");
    }
}
