// SPDX-License-Identifier: Apache-2.0

//! Compares a run's results with a direct fold of its inputs.

use std::collections::{BTreeMap, BTreeSet};

use engine::HeaderSource;
use serde_json::Value;

use super::broker::{PartitionId, Record};
use super::disk::{Content, Disk};
use super::inputs::{AT_LAST, Inputs, Produced, What};
use super::topology::{AUDIT, GROWING, METRICS};
use super::world::{Gap, World};
use crate::Driver;

/// The latest value of each key of each output.
type Finals = BTreeMap<(String, String), Value>;
/// The position and value of a key's latest record.
type Last<'r> = (PartitionId, Option<&'r [u8]>);

/// Judges a run at rest. `disks` are those of live tasks, by partition.
pub(super) fn judge(world: &mut World, inputs: &Inputs, disks: &[(i32, Disk)]) -> Result<(), String> {
    let straight = direct_fold(inputs);
    let finals = finals(world)?;
    world.note(format_args!("{finals:?}"));
    compare(&finals, &without_revisions(straight.finals().clone()))?;
    compare_letters(world, inputs, &straight)?;
    count_audits(world, inputs)?;
    nothing_is_left(world)?;
    all_gaps_are_said(world)?;
    stores_are_their_changelogs(world, disks)
}

fn direct_fold(inputs: &Inputs) -> Driver {
    let mut driver = Driver::new(super::topology::topology());
    if inputs.expires {
        driver = driver.with_expiry();
    }
    let mut begin = 0;
    for end in &inputs.phases {
        for Produced { value, timestamp_ms, what, .. } in inputs.produced.get(begin..*end).unwrap_or_default()
        {
            driver.set_clock(*timestamp_ms);
            match what {
                What::Event => driver.push(value.clone()),
                What::Request => driver.push_erasure(value.clone()),
                What::AgentState => driver.push_agent(value.clone()),
            }
        }
        driver.punctuate(AT_LAST);
        begin = *end;
    }
    driver
}

/// A window's revision depends on the order of changes.
fn without_revisions(mut finals: Finals) -> Finals {
    for ((topic, _), value) in &mut finals {
        if let Some(fields) = value.as_object_mut()
            && topic == METRICS
        {
            fields.remove("revision");
        }
    }
    finals
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn finals(world: &World) -> Result<Finals, String> {
    let mut last: BTreeMap<(usize, &[u8]), Last<'_>> = BTreeMap::new();
    for topic in world.topics.outputs() {
        let name = world.topics.name(topic);
        for place in world.broker.places_of(topic) {
            for (_, record) in world.broker.committed_records(place) {
                let key = record.key.as_deref().unwrap_or_default();
                let before = last.insert((topic, key), (place, record.value.as_deref()));
                let Some((before_place, before)) = before else { continue };
                if before_place != place {
                    return Err(format!("{name}: key {} lies in two partitions", text(key)));
                }
                if name == GROWING && goes_back(before, record.value.as_deref()) {
                    let (before, after) = (before.map(text), record.value.as_deref().map(text));
                    return Err(format!("{name}: {} goes back from {before:?} to {after:?}", text(key)));
                }
            }
        }
    }
    let mut finals = Finals::new();
    for ((topic, key), (_, value)) in last {
        let Some(value) = value else { continue };
        let value = serde_json::from_slice(value).unwrap_or(Value::Null);
        finals.insert((world.topics.name(topic).to_owned(), text(key)), value);
    }
    Ok(without_revisions(finals))
}

/// Whether the revision decreases. A tombstone has none.
fn goes_back(before: Option<&[u8]>, after: Option<&[u8]>) -> bool {
    revision(before).zip(revision(after)).is_some_and(|(before, after)| before > after)
}

/// The `revision` of a record.
fn revision(value: Option<&[u8]>) -> Option<u64> {
    const FIELD: &[u8] = b"\"revision\":";
    let value = value?;
    let at = value.windows(FIELD.len()).rposition(|window| window == FIELD)?;
    let digits = value.get(at + FIELD.len()..)?.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

fn compare(found: &Finals, expected: &Finals) -> Result<(), String> {
    let keys: BTreeSet<&(String, String)> = found.keys().chain(expected.keys()).collect();
    for key in keys {
        let (found, expected) = (found.get(key), expected.get(key));
        if found != expected {
            let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            return Err(format!("{key:?} is\n{}\ninstead of\n{}", shown(found), shown(expected)));
        }
    }
    Ok(())
}

/// Each dead letter once, with the original record and position; without the value if its conversation is erased.
fn compare_letters(world: &World, inputs: &Inputs, straight: &Driver) -> Result<(), String> {
    let mut found: Vec<(String, Option<Vec<u8>>)> = Vec::new();
    let mut sources: BTreeSet<(usize, i32, i64)> = BTreeSet::new();
    for place in world.broker.places_of(world.topics.dead_letters()) {
        for (_, letter) in world.broker.committed_records(place) {
            let source = source_of(letter, world).ok_or("a dead letter does not say where it comes from")?;
            let (topic, partition, offset) = source;
            if !sources.insert(source) && !world.is_truncated {
                return Err(format!("two dead letters of {}/{partition} {offset}", world.topics.name(topic)));
            }
            let record = world.broker.log(PartitionId { topic, partition }).record_at(offset);
            if !world.is_truncated && !record.is_some_and(|record| came_as(letter, record)) {
                return Err(format!("a dead letter is not as its record came: {letter:?}"));
            }
            found.push((header(letter, engine::HEADER_REASON), letter.value.clone()));
        }
    }
    found.sort();
    let mut expected: Vec<(String, Option<Vec<u8>>)> = straight
        .letters()
        .iter()
        .map(|letter| (letter.reason.clone(), as_it_came(&letter.value, inputs)))
        .collect();
    expected.sort();
    let is_right = match world.is_truncated {
        // Records read again after expiry or erasure leave dead letters.
        true => expected.iter().all(|letter| found.contains(letter)),
        false => found == expected,
    };
    if !is_right {
        let shown = |letters: &[(String, Option<Vec<u8>>)]| {
            let each =
                letters.iter().map(|(reason, value)| format!("{reason} {:?}", value.as_deref().map(text)));
            each.collect::<Vec<_>>().join("\n")
        };
        return Err(format!("the dead letters are\n{}\ninstead of\n{}", shown(&found), shown(&expected)));
    }
    Ok(())
}

/// A dead letter's value in the direct fold, as it was produced.
fn as_it_came(value: &Option<Vec<u8>>, inputs: &Inputs) -> Option<Vec<u8>> {
    let value = value.as_ref()?;
    let produced = inputs.produced.iter().find(|produced| produced.value == *value);
    Some(produced.map_or(value, |produced| &produced.raw).clone())
}

fn header(record: &Record, wanted: &str) -> String {
    let mut found = String::new();
    record.visit(&mut |name, value| {
        if name == wanted {
            found = text(value.unwrap_or_default());
        }
    });
    found
}

fn source_of(letter: &Record, world: &World) -> Option<(usize, i32, i64)> {
    let topic = world.topics.number(&header(letter, "cx.error.topic"));
    let partition = header(letter, "cx.error.partition").parse().ok()?;
    let offset = header(letter, "cx.error.offset").parse().ok()?;
    Some((topic, partition, offset))
}

fn came_as(letter: &Record, record: &Record) -> bool {
    let is_erased = header(letter, engine::HEADER_REASON) == model::Reason::Erased.as_str();
    letter.key == record.key
        && letter.value == record.value.clone().filter(|_| !is_erased)
        && header(letter, engine::HEADER_TIMESTAMP) == record.timestamp_ms.to_string()
        && header(letter, "cx.error.at") == letter.timestamp_ms.to_string()
        && letter.headers.starts_with(&record.headers)
}

/// Audit has no state: each record taken once leaves one audit record. One that named only its session may leave a second one
/// with its conversation.
fn count_audits(world: &World, inputs: &Inputs) -> Result<(), String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for place in world.broker.places_of(world.topics.number(AUDIT)) {
        // An erasure leaves tombstones.
        let records = world.broker.committed_records(place).filter(|(_, record)| record.value.is_some());
        for (_, record) in records {
            let key = text(record.key.as_deref().unwrap_or_default());
            let (_, event) =
                model::parse_activity_key(&key).ok_or_else(|| format!("audit record {key:?}"))?;
            *counts.entry(event.into_owned()).or_default() += 1;
        }
    }
    for (id, copies) in &inputs.copies {
        let found = counts.remove(id).unwrap_or(0);
        let most = if copies.by_session { 2 * copies.count } else { copies.count };
        if found < copies.count || (found > most && !world.is_truncated) {
            return Err(format!(
                "event {id} came {} times and left {found} audit records: {}",
                copies.count,
                if found < copies.count { "a record was lost" } else { "a record was taken twice" }
            ));
        }
    }
    counts
        .first_key_value()
        .map_or(Ok(()), |(id, _)| Err(format!("an audit record of {id}, which never came")))
}

/// Everything is read and committed.
fn nothing_is_left(world: &World) -> Result<(), String> {
    let topics = [world.topics.input, world.topics.repartition()].into_iter();
    for topic in topics.chain(world.topics.unaligned()) {
        for place in world.broker.places_of(topic) {
            let committed = world.broker.committed(&[place]).map_err(|refused| format!("{refused:?}"))?;
            let next = committed.first().copied().flatten().map_or(0, |offset| offset.next);
            if let Some((offset, _)) = world.broker.fetch(place, next) {
                return Err(format!("{place:?}: committed up to {next}, but there is a record at {offset}"));
            }
            let begin = world.broker.log(place).begin();
            if next < begin {
                return Err(format!(
                    "{place:?}: committed up to {next}, so its lag never ends: it begins at {begin}"
                ));
            }
        }
    }
    Ok(())
}

/// Exactly the records removed before they were read were reported. A topic that is read again may lose records that were read
/// before, which it cannot tell from new ones.
fn all_gaps_are_said(world: &World) -> Result<(), String> {
    let offsets = |gaps: &BTreeSet<Gap>| -> BTreeSet<(PartitionId, i64)> {
        gaps.iter().flat_map(|(place, from, to)| (*from..*to).map(|offset| (*place, offset))).collect()
    };
    let (removed, said) = (offsets(&world.removed), offsets(&world.said));
    if let Some((place, offset)) = removed.difference(&said).next() {
        return Err(format!("{place:?}: {offset} was removed before it was read, without a report"));
    }
    // A worker may have had a position before the first commit, and the records may have come after it.
    let may_be_said = offsets(&world.removed_first);
    let wrong = said
        .difference(&removed)
        .filter(|gone| !may_be_said.contains(gone))
        .find(|(place, _)| !world.is_truncated || place.topic != world.topics.input);
    wrong.map_or(Ok(()), |(place, offset)| {
        Err(format!("{place:?}: {offset} is said to be lost, but it was read"))
    })
}

/// The state of each live task equals its changelog.
fn stores_are_their_changelogs(world: &World, disks: &[(i32, Disk)]) -> Result<(), String> {
    for (partition, disk) in disks {
        let place = PartitionId { topic: world.topics.changelog(), partition: *partition };
        let mut changelog = Content::new();
        for (_, record) in world.broker.committed_records(place) {
            let key = record.key.clone().unwrap_or_default();
            match &record.value {
                Some(value) => changelog.insert(key, value.clone()),
                None => changelog.remove(&key),
            };
        }
        let store = disk.content(*partition);
        let keys: BTreeSet<&Vec<u8>> = store.keys().chain(changelog.keys()).collect();
        for key in keys {
            let (stored, logged) = (store.get(key), changelog.get(key));
            if stored != logged {
                let shown = |value: Option<&Vec<u8>>| value.map_or("nothing".to_owned(), |value| text(value));
                return Err(format!(
                    "the store of partition {partition} has for {:?}\n{}\nand its changelog\n{}",
                    text(key),
                    shown(stored),
                    shown(logged)
                ));
            }
        }
    }
    Ok(())
}
