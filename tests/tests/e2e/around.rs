// SPDX-License-Identifier: Apache-2.0

//! What is around the program: completions, manual pages, log lines for machines.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use cx_timelines_tests::{Program, run_to_end, wait_until};

fn printed(arguments: &[&str]) -> String {
    let output = run_to_end(arguments, b"");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands, as `--help` lists them: after the groups, above the options.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let list = help.split("<COMMAND>\n\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let columns = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_group = |word: &str| word.starts_with(char::is_uppercase);
    columns.map(|words| words.into_iter().find(|word| !is_group(word)).unwrap().to_owned()).collect()
}

#[test]
fn without_a_command_it_says_what_it_is_and_what_to_try() {
    let output = run_to_end(&[], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    let tries = said.lines().filter(|line| line.starts_with("  cx-timelines ")).count();
    assert_eq!(tries, 3, "{said}");
    assert!(said.lines().count() <= 14 && said.contains("cx-timelines demo"), "{said}");
}

#[test]
fn the_help_of_the_program_is_one_screen_and_security_is_on_that_of_a_command() {
    let (brief, whole) = (printed(&["-h"]), printed(&["--help"]));
    assert!(brief.lines().count() <= 27 && whole.lines().count() <= 40, "{whole}");
    assert!(!whole.contains("--kafka-"), "{whole}");
    let run = printed(&["run", "--help"]);
    assert!(run.contains("Kafka security:") && run.contains("CX_KAFKA_USER"), "{run}");
    assert!(!printed(&["run", "-h"]).contains("--kafka-"));
}

#[test]
fn every_shell_gets_a_script_that_knows_every_command() {
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
        assert!(script.contains("bootstrap"), "{shell}");
    }
}

#[test]
fn bash_completes_a_command_and_its_flags_with_the_script() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cx-timelines.bash");
    std::fs::write(&file, printed(&["completions", "bash"])).unwrap();
    let completed = |words: &str, last: &str, before: &str| {
        let count = words.split(' ').count();
        // Bash knows by which function it is to be asked.
        let script = format!(
            "source {file}; function=$(complete -p cx-timelines); function=${{function##*-F }}; \
             COMP_WORDS=({words} '{last}'); COMP_CWORD={count}; \
             ${{function%% *}} cx-timelines '{last}' {before}; echo \"${{COMPREPLY[@]}}\"",
            file = file.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(completed("cx-timelines", "dead", "cx-timelines").trim(), "dead-letters");
    assert_eq!(completed("cx-timelines run", "--stand", "run").trim(), "--standbys");
}

#[test]
fn a_shell_that_is_not_known_is_wrong_use() {
    let output = run_to_end(&["completions", "tcsh"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bash"));
}

#[test]
fn every_command_has_a_manual_page_with_its_flags() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    printed(&["man", "--dir", pages.to_str().unwrap()]);
    for command in commands() {
        let page = std::fs::read_to_string(pages.join(format!("cx-timelines-{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{command}: {page}");
        assert!(page.contains(r"\-\-bootstrap"), "{command}");
    }
    let whole = std::fs::read_to_string(pages.join("cx-timelines.1")).unwrap();
    assert_eq!(whole, printed(&["man"]));
    assert!(
        whole.contains("cx\\-timelines\\-erase(1)") || whole.contains("cx-timelines-erase(1)"),
        "{whole}"
    );
    let replay = printed(&["man", "dead-letters", "replay"]);
    assert!(replay.contains(r"\-\-again") && replay.contains("PARTITION:OFFSET"), "{replay}");
}

#[test]
fn a_page_of_a_command_that_does_not_exist_is_wrong_use_and_says_which_there_are() {
    let output = run_to_end(&["man", "dead-letters", "burn"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("burn") && said.contains("replay"), "{said}");
}

#[test]
fn neither_asks_for_a_configuration_that_can_be_read() {
    for arguments in [["completions", "fish"].as_slice(), ["man"].as_slice()] {
        printed(&[arguments, &["--config", "/no/such/topics.yaml"]].concat());
    }
}

#[test]
fn log_lines_for_machines_are_one_json_object_each() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("run.log");
    let arguments = ["run", "--bootstrap", &nowhere, "--http", "127.0.0.1:0", "--log-format", "json"];
    let mut instance = Program::start(&arguments, log);
    let text = wait_until("it logs something", Duration::from_secs(30), || {
        let log = instance.log();
        (log.ends_with('\n') && log.contains("metrics and health")).then_some(log)
    });
    for line in text.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "{line}");
        }
        assert!(line["fields"]["message"].is_string(), "{line}");
    }
    let (code, _) = instance.terminate();
    assert_eq!(code, Some(0), "{}", instance.log());
}
