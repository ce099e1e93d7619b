// SPDX-License-Identifier: Apache-2.0

//! What came out against what had to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::clock::now_ms;
use super::hash;
use super::input::{Input, SentRecord};
use super::outputs::{Letter, SeenOutputs};
use super::record::{Claim, Fate, Is};
use crate::{DEAD_LETTERS, OUTPUTS};

/// The number of mistakes reported per kind.
const TOLD_MAX: usize = 3;
/// A window that is older may have left the state before a change of it came.
const WINDOWS_SINCE_MS: i64 = 80 * 86_400_000;

/// The topic of the windows.
const WINDOWS: &str = "cx.metrics";

/// What was compared.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) records: BTreeMap<&'static str, usize>,
    pub(super) letters: BTreeMap<String, usize>,
    pub(super) claims: usize,
    pub(super) largest: BTreeMap<String, usize>,
}

/// Mistakes, by what they are about.
#[derive(Default)]
struct Mistakes(BTreeMap<String, Vec<String>>);

impl Mistakes {
    fn add(&mut self, about: impl Into<String>, mistake: String) {
        self.0.entry(about.into()).or_default().push(mistake);
    }

    fn tell(self, found: &mut Vec<String>) {
        for (about, mistakes) in self.0 {
            let first = mistakes.iter().take(TOLD_MAX).map(|mistake| format!("    {mistake}"));
            found.push(format!(
                "{about}: {} mistakes\n{}",
                mistakes.len(),
                first.collect::<Vec<_>>().join("\n")
            ));
        }
    }
}

/// Adds what is wrong.
pub(super) fn check(
    input: &Input,
    mut seen: std::sync::MutexGuard<'_, SeenOutputs>,
    found: &mut Vec<String>,
) -> Compared {
    let mut mistakes = Mistakes::default();
    let mut compared =
        Compared { largest: seen.largest.clone(), claims: input.claims.len(), ..Compared::default() };
    check_letters(input, &seen, &mut mistakes, &mut compared);
    for (what, claim) in &input.claims {
        if let Err(mistake) = holds(claim, &seen) {
            mistakes.add(format!("{what}, {} {:.60}", claim.topic, claim.key), mistake);
        }
    }
    if seen.without_headers > 0 {
        mistakes.add("headers", format!("{} records without them", seen.without_headers));
    }
    let since_ms = now_ms() - WINDOWS_SINCE_MS;
    let mut windows = Windows::default();
    for file in &input.files {
        compare_with_fold(file, since_ms, (&mut seen, &mut windows), &mut mistakes, &mut compared);
    }
    windows.compare(&mut seen, &mut mistakes, &mut compared);
    let is_beyond_fold =
        |key: &str| input.beyond_fold.iter().any(|prefix| key.contains(&format!("{prefix}-")));
    for (topic, key) in seen.finals.keys().filter(|(_, key)| !is_beyond_fold(key)) {
        if !is_old_window(topic, key, since_ms) {
            mistakes.add(format!("{topic} against fold"), format!("one too many: {key:.200}"));
        }
    }
    mistakes.tell(found);
    compared
}

fn check_letters(input: &Input, seen: &SeenOutputs, mistakes: &mut Mistakes, compared: &mut Compared) {
    let mut known = 0;
    for sent in &input.sent {
        let (partition, offset) = sent.place.unwrap();
        let letters =
            seen.letters.get(&(sent.topic.clone(), partition, offset)).map_or(&[][..], Vec::as_slice);
        known += letters.len();
        for letter in letters {
            *compared.letters.entry(letter.reason.clone()).or_default() += 1;
        }
        let reasons: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
        let expected: &[&str] = match sent.fate {
            Fate::Taken => &[],
            Fate::Letter(reason) | Fate::LetterInTheEnd(reason) => &[reason],
            Fate::TakenOrErased if reasons.is_empty() => &[],
            Fate::TakenOrErased => &["erased"],
        };
        if reasons != expected {
            let place = format!("{}/{partition}@{offset}", sent.topic);
            mistakes.add(
                format!("{}, dead letters", sent.what),
                format!("{place}: {expected:?} expected, {reasons:?} found"),
            );
        }
        for letter in letters {
            if let Err(mistake) = is_as_it_came(sent, letter) {
                mistakes.add(
                    format!("{}, a dead letter as it came", sent.what),
                    format!("{partition}@{offset} {}: {mistake}", letter.reason),
                );
            }
        }
    }
    let all: usize = seen.letters.values().map(Vec::len).sum();
    if known != all {
        mistakes.add("dead letters", format!("{} of records that were not sent", all - known));
    }
}

/// A letter is its record as it came, but for an erased one, and one that was too large to be written.
fn is_as_it_came(sent: &SentRecord, letter: &Letter) -> Result<(), String> {
    if letter.key != sent.key {
        return Err("another key".to_owned());
    }
    if letter.own_headers != sent.headers {
        return Err(format!("{} headers instead of {}", letter.own_headers, sent.headers));
    }
    match &letter.truncated {
        _ if letter.reason == "erased" => {
            (letter.value.is_none()).then_some(()).ok_or("an erased one has a value")?;
        }
        Some(bytes) if *bytes != sent.value_bytes.to_string() || letter.value.is_some() => {
            return Err(format!("{bytes} bytes left out of {}", sent.value_bytes));
        }
        None if letter.value != sent.value => return Err("another value".to_owned()),
        _ => {}
    }
    if letter.record_timestamp != Some(sent.timestamp_ms.to_string()) {
        return Err(format!(
            "cx.error.timestamp is {:?} instead of {}",
            letter.record_timestamp, sent.timestamp_ms
        ));
    }
    // Its own time is that of the letter.
    let written = letter.timestamp_ms.unwrap_or_default();
    if (written - now_ms()).abs() > 86_400_000 {
        return Err(format!("its timestamp is {written}"));
    }
    Ok(())
}

fn holds(claim: &Claim, seen: &SeenOutputs) -> Result<(), String> {
    let value = seen.kept.get(&(claim.topic, claim.key.clone()));
    let value = match (&claim.is, value) {
        (Is::Gone, None) => return Ok(()),
        (Is::Gone, Some(_)) => return Err("there is a record".to_owned()),
        (_, None) => return Err("there is no record".to_owned()),
        (_, Some(value)) => value,
    };
    let json: Value = serde_json::from_slice(value).unwrap();
    let at = |pointer: &str| json.pointer(pointer).ok_or_else(|| format!("{pointer} is not there"));
    match &claim.is {
        Is::Gone => Ok(()),
        Is::At(pointer, wanted) => {
            let is = at(pointer)?;
            if is == wanted {
                Ok(())
            } else {
                Err(format!("{pointer} is {:.80} instead of {:.80}", is.to_string(), wanted.to_string()))
            }
        }
        Is::Long(pointer, wanted) => {
            let is = at(pointer)?.as_array().map_or(0, Vec::len);
            if is == *wanted { Ok(()) } else { Err(format!("{pointer} has {is} items instead of {wanted}")) }
        }
        Is::TextUpTo(pointer, most) => {
            let is = at(pointer)?.as_str().map_or(usize::MAX, str::len);
            if is <= *most { Ok(()) } else { Err(format!("{pointer} has {is} bytes, more than {most}")) }
        }
        Is::Without(text) => {
            let is_there = String::from_utf8_lossy(value).contains(text.as_str());
            if is_there { Err(format!("it holds {text:?}")) } else { Ok(()) }
        }
    }
}

#[derive(Deserialize)]
struct Line<'l> {
    topic: String,
    key: Option<String>,
    #[serde(borrow)]
    value: &'l RawValue,
}

/// The windows that `fold` gives of each part of the input: one subject may be in several parts, and its figures
/// and the counts of its histograms are sums.
#[derive(Default)]
struct Windows(BTreeMap<String, Value>);

impl Windows {
    fn add(&mut self, key: String, value: &str) {
        let value: Value = serde_json::from_str(value).unwrap();
        let Some(known) = self.0.get_mut(&key) else {
            self.0.insert(key, value);
            return;
        };
        add_numbers(&mut known["figures"], &value["figures"]);
        let Some(histograms) = value.get("histograms") else { return };
        let known = known.as_object_mut().unwrap().entry("histograms").or_insert_with(|| json!({}));
        for (figure, counts) in histograms.as_object().unwrap() {
            let known = known.as_object_mut().unwrap().entry(figure).or_insert_with(|| json!({}));
            add_numbers(known, counts);
        }
    }

    fn compare(self, seen: &mut SeenOutputs, mistakes: &mut Mistakes, compared: &mut Compared) {
        for (key, value) in self.0 {
            let wanted = hash::of_output(WINDOWS, value.to_string().as_bytes());
            compare(&(WINDOWS, key), wanted, seen, mistakes, compared);
        }
    }
}

/// Adds each number of an object to that of the same name.
fn add_numbers(sums: &mut Value, numbers: &Value) {
    let sums = sums.as_object_mut().unwrap();
    for (name, number) in numbers.as_object().unwrap() {
        let sum = sums.get(name).and_then(Value::as_i64).unwrap_or(0) + number.as_i64().unwrap();
        sums.insert(name.clone(), sum.into());
    }
}

fn compare(
    key: &(&'static str, String),
    wanted: hash::Hash,
    seen: &mut SeenOutputs,
    mistakes: &mut Mistakes,
    compared: &mut Compared,
) {
    let topic = key.0;
    *compared.records.entry(topic).or_default() += 1;
    match seen.finals.remove(key) {
        None => mistakes.add(format!("{topic} against fold"), format!("missing: {:.200}", key.1)),
        Some(is) if is != wanted => {
            mistakes.add(format!("{topic} against fold"), format!("another one: {:.200}", key.1));
        }
        Some(_) => {}
    }
}

/// Takes out of what was seen all that `fold` gives of the same events; its windows are gathered.
fn compare_with_fold(
    file: &Path,
    since_ms: i64,
    (seen, windows): (&mut SeenOutputs, &mut Windows),
    mistakes: &mut Mistakes,
    compared: &mut Compared,
) {
    let mut folded = tempfile::tempfile().unwrap();
    crate::fold_file(file, &folded);
    folded.rewind().unwrap();
    for line in BufReader::with_capacity(1 << 20, folded).lines() {
        let line = line.unwrap();
        let line: Line<'_> = serde_json::from_str(&line).unwrap();
        let topic = OUTPUTS.iter().copied().find(|topic| *topic == line.topic).unwrap();
        let key = (topic, line.key.unwrap_or_default());
        if topic == DEAD_LETTERS || topic == "cx.alerts" || is_old_window(topic, &key.1, since_ms) {
            continue;
        }
        if topic == WINDOWS {
            windows.add(key.1, line.value.get());
        } else {
            let wanted = hash::of_output(topic, line.value.get().as_bytes());
            compare(&key, wanted, seen, mistakes, compared);
        }
    }
}

/// `dimension/id/size/windowStart`.
fn is_old_window(topic: &str, key: &str, since_ms: i64) -> bool {
    let start = || key.rsplit('/').next().and_then(|start| start.parse::<i64>().ok());
    topic == WINDOWS && start().is_some_and(|start| start < since_ms)
}
