// SPDX-License-Identifier: Apache-2.0

//! `fold` gives what the contract's cases expect: in their own order, reversed, and shuffled with every line doubled.

use std::path::Path;

use cx_timelines_tests::{Records, differences, fold, of_lines, run_to_end, shuffled};

/// The topics that the cases speak of.
const TOPICS: [&str; 6] =
    ["cx.activities", "cx.agents", "cx.conversations", "cx.customers", "cx.metrics", "cx.timelines"];

struct Case {
    name: String,
    /// The first line of the records form, if it is one.
    head: Option<String>,
    lines: Vec<Vec<u8>>,
    expected: Records,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| case(&path))
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(cases.len(), 36);
    cases
}

fn case(folder: &Path) -> Case {
    let input = std::fs::read(folder.join("events.ndjson")).unwrap();
    let mut lines: Vec<Vec<u8>> =
        input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    let records_form = lines[0].starts_with(b"{\"#records\"");
    let head = records_form.then(|| String::from_utf8(lines.remove(0)).unwrap());
    let expected = of_lines(&std::fs::read_to_string(folder.join("expected.ndjson")).unwrap()).only(&TOPICS);
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    Case { name, head, lines, expected }
}

fn check(case: &Case, how: &str, lines: &[Vec<u8>], times: usize) {
    let mut input = case.head.clone().map(|head| head + "\n").unwrap_or_default().into_bytes();
    for line in lines {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    let actual = of_lines(&fold(&input)).only(&TOPICS);
    let mut expected =
        Records { finals: case.expected.finals.clone(), reasons: case.expected.reasons.clone() };
    // Each record that cannot be folded is a dead letter of its own, repeated or not.
    expected.reasons.values_mut().for_each(|count| *count *= times);
    let found = differences(&expected, &actual);
    assert!(found.is_empty(), "{} ({how}):\n{}", case.name, found.join("\n"));
}

#[test]
fn every_case_folds_to_what_it_expects_in_its_own_order() {
    for case in cases() {
        check(&case, "its own order", &case.lines, 1);
    }
}

#[test]
fn every_case_folds_to_what_it_expects_in_reverse() {
    for case in cases() {
        let reversed: Vec<Vec<u8>> = case.lines.iter().rev().cloned().collect();
        check(&case, "reversed", &reversed, 1);
    }
}

#[test]
fn every_case_folds_to_what_it_expects_shuffled_and_doubled() {
    for case in cases() {
        let doubled: Vec<Vec<u8>> = case.lines.iter().chain(&case.lines).cloned().collect();
        for seed in 1..=3 {
            check(&case, &format!("shuffled and doubled, seed {seed}"), &shuffled(&doubled, seed), 2);
        }
    }
}

#[test]
fn every_emission_can_be_seen_and_the_last_of_each_key_is_the_final_record() {
    let input =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/edits-and-deletions/events.ndjson"))
            .unwrap();
    let output = run_to_end(&["fold", "-", "--as-emitted"], &input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let emitted = String::from_utf8(output.stdout).unwrap();
    let finals = fold(&input);
    assert!(emitted.lines().count() > finals.lines().count(), "{emitted}");
    assert_eq!(differences(&of_lines(&finals), &of_lines(&emitted)), Vec::<String>::new());
}

#[test]
fn an_event_too_far_past_the_timestamp_of_its_line_is_a_dead_letter() {
    let line = |id: &str, at: i64, timestamp: &str| {
        let value =
            format!(r#"{{\"id\":\"{id}\",\"name\":\"X\",\"timestamp\":{at},\"conversationId\":\"c\"}}"#);
        format!(r#"{{"topic":"cx.events","key":"c","value":"{value}"{timestamp}}}"#)
    };
    let (at, day) = (1_750_000_000_000, 86_400_000);
    let lines = [
        r##"{"#records":true}"##.to_owned(),
        line("in time", at, &format!(r#","timestamp":{}"#, at - day)),
        line("ahead", at, &format!(r#","timestamp":{}"#, at - day - 1)),
        // Of a clock in 2099 nothing is known here.
        line("without", 4_070_908_800_000, ""),
    ];
    let output = fold(lines.join("\n").as_bytes());
    let letters: Vec<&str> = output.lines().filter(|line| line.contains("cx.dead-letters")).collect();
    assert_eq!(letters.len(), 1, "{output}");
    assert!(letters[0].contains("bad-timestamp") && letters[0].contains("limits.ahead"), "{}", letters[0]);
    let entries = of_lines(&output).only(&["cx.timelines"]).finals;
    assert_eq!(entries.len(), 2, "{output}");
}
