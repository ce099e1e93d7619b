// SPDX-License-Identifier: Apache-2.0

//! `cx-timelines export`: topics as Parquet files, read by DuckDB.

mod duckdb;
mod ground;
mod large;
mod period;
mod questions;

use std::collections::BTreeSet;

use serde_json::Value;

use ground::Ground;

/// All that the pipeline has written is in the files, JSON and Avro topics alike; and the page's questions have the answers of
/// `cx.metrics`. Then an event comes late, and a customer is erased.
#[test]
fn an_export_answers_an_analyst_as_the_metrics_do_and_follows_corrections_and_an_erasure() {
    let mut ground = Ground::new();
    // One event in twenty comes late.
    let (late, first): (Vec<_>, Vec<_>) =
        ground.events().into_iter().enumerate().partition(|(i, _)| i % 20 == 7);
    let (late, first) = (ground::lines(late), ground::lines(first));
    ground.load(&first);
    for (dir, versions) in [("lake", "final"), ("all", "all")] {
        ground.export(dir, &["--versions", versions]);
    }
    ground.check_final("lake");
    questions::check(&ground);
    let period = period::of(&ground);
    period::check(&ground, &period);
    period::check_ends(&ground, &period);

    ground.load(&late);
    let said = ground.export("lake", &[]);
    assert!(said.contains("new record") && !said.contains("read whole"), "{said}");
    ground.export("all", &["--versions", "all"]);
    ground.check_final("lake");
    questions::check(&ground);
    ground.check_versions("all");
    period::check(&ground, &period);
    let again = ground.export("lake", &[]);
    assert!(again.lines().all(|line| line.contains("; ") && line.contains("no file changed")), "{again}");

    erase(&ground);
    refusals(&ground);
    ground.end();
}

/// Nothing of an erased customer is in any file, and all else is as it was.
fn erase(ground: &Ground) {
    let before = ground.rows("lake");
    let of_customer = |value: &Value| value["customerId"].as_str().map(str::to_owned);
    let customers = before.iter().filter(|((topic, _), _)| topic == "cx.customers");
    let (_, customer) = customers.max_by_key(|(_, value)| value["count"].as_i64()).unwrap();
    let customer = of_customer(customer).unwrap();
    let conversations: BTreeSet<String> = before
        .iter()
        .filter(|(_, value)| of_customer(value).as_ref() == Some(&customer))
        .filter_map(|(_, value)| value["conversationId"].as_str().map(str::to_owned))
        .collect();
    assert!(!conversations.is_empty());
    let names: Vec<&str> = conversations.iter().map(String::as_str).chain([customer.as_str()]).collect();
    assert!(ground.files_with("all", &names) > 0, "the search finds what is there");
    assert!(ground.rows_with("all", &names) > 0);

    ground.ok(&["erase", "--customer", &customer, "--yes"], b"");
    // Whatever is asked for, all that is there is brought up to date.
    ground.export("lake", &["--topic", "cx.metrics"]);
    ground.export("all", &["--topic", "cx.metrics", "--versions", "all"]);
    for dir in ["lake", "all"] {
        assert_eq!((ground.files_with(dir, &names), ground.rows_with(dir, &names)), (0, 0), "{dir}");
    }
    let is_of = |text: &str| names.iter().any(|name| text.contains(name));
    let mut expected = before;
    expected.retain(|(_, key), value| !is_of(key) && !is_of(&value.to_string()));
    // What was emitted since is the same record.
    assert_eq!(ground.rows("lake"), expected);
}

/// What is refused, with its exit code.
fn refusals(ground: &Ground) {
    let lake = ground.dir("lake");
    let lake = lake.to_str().unwrap();
    let other = ground.dir("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("mine.txt"), "").unwrap();
    for (code, flags, expected) in [
        (2, vec!["--dir", lake, "--group", "another"], "of the group cx-timelines, not of another"),
        (2, vec!["--dir", lake, "--versions", "all"], "with --versions final"),
        (2, vec!["--dir", lake, "--since", "2025-06-15T00:00:00Z"], "without --since"),
        (2, vec!["--dir", other.to_str().unwrap()], "is not empty"),
        (2, vec!["--dir", lake, "--topic", "cx.events"], "no output topic"),
        (
            2,
            vec!["--dir", lake, "--since", "2000000000000", "--until", "1000000000000"],
            "--since is after --until",
        ),
        (
            2,
            vec!["--dir", "new", "--since", "yesterday"],
            "'yesterday' for '--since <TIME>': write a time from 2000 to 2100",
        ),
        (
            2,
            vec!["--dir", "new", "--since", "2025-06-15"],
            "'2025-06-15' for '--since <TIME>': write a time from 2000 to 2100, as",
        ),
        (
            2,
            vec!["--dir", "new", "--until", "2025-13-01T00:00:00Z"],
            "for '--until <TIME>': write a time from 2000 to 2100",
        ),
        (2, vec!["--dir", "new", "--until", "1750000000"], "or as epoch milliseconds"),
        (1, vec!["--dir", lake, "--bootstrap", "127.0.0.1:1"], "127.0.0.1:1"),
    ] {
        let output = ground.run(&[&["export"], &flags[..]].concat(), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{flags:?}: {said}");
        assert!(said.contains(expected), "{flags:?}: {said}");
    }
}
