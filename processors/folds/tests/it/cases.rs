// SPDX-License-Identifier: Apache-2.0

//! The contract's cases on the real tasks: in one partition and in several, with records in any partition, in any order and
//! duplicated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::driver_of;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use testkit::Driver;

/// The topics that are compared.
const TOPICS: [&str; 5] = ["cx.activities", "cx.conversations", "cx.customers", "cx.metrics", "cx.timelines"];

type Finals = BTreeMap<(String, String), Value>;

struct Case {
    name: String,
    lines: Vec<Vec<u8>>,
    expected: Finals,
    letters: BTreeMap<String, usize>,
}

/// All cases whose lines are values. (`fold` is tested with the other cases too.)
fn cases() -> Vec<Case> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases"));
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    let cases: Vec<Case> = folders.iter().filter_map(|folder| case(folder)).collect();
    assert!(cases.len() >= 34, "{}", cases.len());
    cases
}

fn case(folder: &Path) -> Option<Case> {
    let input = std::fs::read(folder.join("events.ndjson")).unwrap();
    if input.starts_with(b"{\"#records\"") {
        return None;
    }
    let lines = input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut case = Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        lines: lines.map(<[u8]>::to_vec).collect(),
        expected: Finals::new(),
        letters: BTreeMap::new(),
    };
    for line in std::fs::read_to_string(folder.join("expected.ndjson")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let topic = line["topic"].as_str().unwrap();
        if topic == "cx.dead-letters" {
            *case.letters.entry(line["value"]["reason"].as_str().unwrap().to_owned()).or_default() += 1;
        } else if TOPICS.contains(&topic) {
            let key = (topic.to_owned(), line["key"].as_str().unwrap().to_owned());
            case.expected.insert(key, line["value"].clone());
        }
    }
    Some(case)
}

fn finals(driver: &Driver) -> Finals {
    let mut finals = driver.finals().clone();
    finals.retain(|(topic, _), _| TOPICS.contains(&topic.as_str()));
    for ((topic, _), value) in &mut finals {
        if topic == "cx.metrics" {
            value.as_object_mut().unwrap().remove("revision");
        }
    }
    finals
}

fn check(case: &Case, lines: &[Vec<u8>], times: usize, partitions: i32, how: &str) {
    let mut driver = driver_of(partitions);
    // The lines have no Kafka timestamps, so none of them is ahead of its own.
    driver.set_clock(model::AT_MAX);
    for (number, line) in lines.iter().enumerate() {
        driver.push(line.clone());
        if number % 3 == 0 {
            driver.step();
        }
        if number % 7 == 0 {
            driver.commit();
        }
    }
    driver.finish();
    let mut letters: BTreeMap<String, usize> = BTreeMap::new();
    for letter in driver.letters() {
        *letters.entry(letter.reason.clone()).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> =
        case.letters.iter().map(|(reason, count)| (reason.clone(), count * times)).collect();
    assert_eq!(letters, expected, "{} ({how})", case.name);
    let (actual, expected) = (finals(&driver), &case.expected);
    for (key, value) in expected {
        assert_eq!(actual.get(key), Some(value), "{} ({how}): {key:?}", case.name);
    }
    assert!(actual.keys().all(|key| expected.contains_key(key)), "{} ({how}): one too many", case.name);
    assert_eq!(driver.violations(), Vec::<&str>::new());
}

/// Another order of the lines, the same for the same seed.
fn shuffled(lines: &[Vec<u8>], seed: u64) -> Vec<Vec<u8>> {
    let mut lines = lines.to_vec();
    lines.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    lines
}

#[test]
fn every_case_comes_out_as_expected_and_reversed_in_one_partition_and_in_several() {
    for case in cases() {
        let reversed: Vec<Vec<u8>> = case.lines.iter().rev().cloned().collect();
        for partitions in [1, 2, 5] {
            check(&case, &case.lines, 1, partitions, &format!("{partitions} partitions"));
            check(&case, &reversed, 1, partitions, &format!("{partitions} partitions, reversed"));
        }
    }
}

#[test]
fn every_case_comes_out_as_expected_in_any_order_and_doubled() {
    for case in cases() {
        let doubled: Vec<Vec<u8>> = case.lines.iter().chain(&case.lines).cloned().collect();
        for seed in 1..=4 {
            let partitions = i32::try_from(seed).unwrap();
            check(
                &case,
                &shuffled(&doubled, seed),
                2,
                partitions,
                &format!("shuffled and doubled, seed {seed}"),
            );
        }
    }
}
