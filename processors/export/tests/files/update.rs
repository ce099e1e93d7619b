// SPDX-License-Identifier: Apache-2.0

//! A topic as a log, exported again and again: with corrections, deletions, and runs that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use export::{
    Extent, Folder, MANIFEST_NAME, Plan, Record, Selection, Summary, Table, Update, Versions, Whole,
};
use model::Schema;
use proptest::prelude::*;
use serde_json::json;

use crate::reading::{files, rows_of_file};

pub(crate) const TOPIC: &str = "cx.metrics";
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const KEPT_MS: i64 = DAY_MS;

/// A row of the directory: its day, partition and offset.
pub(crate) type Exported = (i64, i32, i64);

/// A record of the log: partition, key, and the value's day, none for a tombstone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) partition: i32,
    pub(crate) key: u8,
    pub(crate) day: Option<i64>,
}

/// A topic and the directory of its export.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) table: Table,
    pub(crate) log: Vec<Entry>,
    pub(crate) selection: Selection,
    pub(crate) now_ms: i64,
}

impl Scene {
    pub(crate) fn new(versions: Versions) -> Self {
        let table = Table::of(Schema::by_name("metrics-window").unwrap()).unwrap();
        let selection = Selection { versions, since_ms: None, until_ms: None };
        Self { folder: tempfile::tempdir().unwrap(), table, log: Vec::new(), selection, now_ms: 0 }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    pub(crate) fn open(&self) -> Result<Folder, export::Error> {
        Folder::open(&self.dir(), "cluster", "group", self.selection)
    }

    pub(crate) fn extents(&self) -> Vec<Extent> {
        let end = |partition| self.log.iter().filter(|entry| entry.partition == partition).count();
        let end = |partition| i64::try_from(end(partition)).unwrap();
        (0..2).map(|partition| Extent { partition, first: 0, end: end(partition) }).collect()
    }

    pub(crate) fn put(&mut self, partition: i32, key: u8, day: i64) {
        self.log.push(Entry { partition, key, day: Some(day) });
    }

    pub(crate) fn delete(&mut self, partition: i32, key: u8) {
        self.log.push(Entry { partition, key, day: None });
    }

    /// The log with the offsets.
    fn placed(&self) -> Vec<(i64, Entry)> {
        let mut next = BTreeMap::new();
        let place = |entry: &Entry| {
            let next = next.entry(entry.partition).or_insert(0);
            *next += 1;
            (*next - 1, *entry)
        };
        self.log.iter().map(place).collect()
    }

    /// One run.
    pub(crate) fn export(&self) -> (Option<Whole>, Summary) {
        let mut folder = self.open().unwrap();
        let plan = Plan::of(&folder, TOPIC, &self.table, self.extents(), self.now_ms, KEPT_MS).unwrap();
        let (whole, extents) = (plan.whole, plan.extents.clone());
        let mut update = Update::begin(&mut folder, TOPIC, &self.table, plan).unwrap();
        for (offset, entry) in self.placed() {
            let extent = extents.iter().find(|extent| extent.partition == entry.partition).unwrap();
            if offset < extent.first {
                continue;
            }
            let value = entry.day.map(|day| value(entry.key, offset, day).to_string());
            let key = [b'k', b'0' + entry.key];
            update
                .take(&Record {
                    partition: entry.partition,
                    offset,
                    timestamp_ms: None,
                    key: Some(&key),
                    value: value.as_ref().map(String::as_bytes),
                })
                .unwrap();
        }
        (whole, update.finish(&mut |_, _| {}).unwrap())
    }

    /// What the directory has: day, partition and offset of each row. Each row is whole, and there is nothing else.
    pub(crate) fn exported(&self) -> BTreeSet<Exported> {
        let mut found = BTreeSet::new();
        for (day, file) in files(&self.dir().join(TOPIC)) {
            for row in rows_of_file(&file) {
                let number = |name: &str| row[name].as_i64().unwrap();
                let (offset, partition) = (number("_offset"), i32::try_from(number("_partition")).unwrap());
                let of_day = number("windowStart") / DAY_MS;
                assert_eq!(export::Day::of(of_day * DAY_MS).unwrap().to_string(), day);
                let key = row["_key"].as_str().unwrap().as_bytes()[1] - b'0';
                let expected = value(key, offset, of_day);
                expected.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(&row[name], value));
                assert!(found.insert((of_day, partition, offset)), "twice: {row}");
            }
        }
        found
    }

    /// What it should have.
    pub(crate) fn expected(&self) -> BTreeSet<Exported> {
        let mut rows: BTreeMap<(i32, u8), Vec<Exported>> = BTreeMap::new();
        for (offset, Entry { partition, key, day }) in self.placed() {
            let of_key = rows.entry((partition, key)).or_default();
            if self.selection.versions == Versions::Final || day.is_none() {
                of_key.clear();
            }
            let is_selected = |day: &i64| {
                let time = day * DAY_MS;
                self.selection.since_ms.is_none_or(|since| time >= since)
                    && self.selection.until_ms.is_none_or(|until| time <= until)
            };
            of_key.extend(day.filter(is_selected).map(|day| (day, partition, offset)));
        }
        rows.into_values().flatten().collect()
    }

    pub(crate) fn check(&self) {
        assert_eq!(self.exported(), self.expected());
        let names = std::fs::read_dir(self.dir()).unwrap().map(|entry| entry.unwrap().file_name());
        let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
        assert_eq!(names, BTreeSet::from([MANIFEST_NAME, "_cx-timelines.lock", TOPIC].map(str::to_owned)));
    }
}

fn value(key: u8, offset: i64, day: i64) -> serde_json::Value {
    json!({
        "dimension": "queue", "id": format!("q{key}"), "windowStart": day * DAY_MS, "windowEnd": day * DAY_MS + 1,
        "figures": {"offered": offset}, "revision": offset, "histograms": {},
    })
}

/// The files of a topic with what is in them.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(&dir.join(TOPIC))
        .into_iter()
        .map(|(_, file)| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (0..2_i32, 0..5_u8, prop::option::weighted(0.75, 0..4_i64));
    prop::collection::vec(entry, 0..12).prop_map(|entries| {
        let entry = |(partition, key, day)| Entry { partition, key, day };
        entries.into_iter().map(entry).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn after_each_run_the_directory_has_what_the_topic_has(
        runs in prop::collection::vec((entries(), any::<u64>(), any::<bool>()), 1..5),
        is_all in any::<bool>(),
        is_selected in any::<bool>(),
    ) {
        let mut scene = Scene::new(if is_all { Versions::All } else { Versions::Final });
        if is_selected {
            scene.selection.since_ms = Some(DAY_MS);
            scene.selection.until_ms = Some(2 * DAY_MS);
        }
        for (entries, chance, is_killed) in runs {
            let manifest = std::fs::read(scene.dir().join(MANIFEST_NAME)).ok();
            let before = snapshot(&scene.dir());
            scene.log.extend(entries);
            scene.export();
            scene.check();
            // A run that is killed leaves some days as they were, others as they will be, and the old manifest.
            if let (true, Some(manifest)) = (is_killed, manifest) {
                std::fs::write(scene.dir().join(MANIFEST_NAME), manifest).unwrap();
                let after = snapshot(&scene.dir());
                let all: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
                for (number, file) in all.into_iter().enumerate() {
                    match before.get(file) {
                        _ if chance >> (number % 64) & 1 == 0 => {}
                        Some(bytes) => {
                            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                            std::fs::write(file, bytes).unwrap();
                        }
                        None => std::fs::remove_dir_all(file.parent().unwrap()).unwrap(),
                    }
                }
                scene.export();
                scene.check();
            }
        }
    }
}

#[test]
fn only_days_with_changes_are_written_again() {
    let mut scene = Scene::new(Versions::Final);
    (0..3).for_each(|day| scene.put(0, u8::try_from(day).unwrap(), day));
    assert_eq!(scene.export().1.written, 3);
    let before = snapshot(&scene.dir());
    scene.put(0, 1, 1);
    let (whole, summary) = scene.export();
    assert_eq!((whole, summary.records, summary.written, summary.rows, summary.days), (None, 1, 1, 3, 3));
    let changed = snapshot(&scene.dir()).into_iter().filter(|(file, bytes)| before[file] != *bytes);
    assert_eq!(changed.count(), 1);
    let (whole, summary) = scene.export();
    assert_eq!((whole, summary.records, summary.written, summary.rows), (None, 0, 0, 3), "nothing is new");
    scene.check();
}

#[test]
fn a_day_without_rows_has_no_file_any_more() {
    let mut scene = Scene::new(Versions::All);
    scene.put(0, 0, 0);
    scene.put(0, 0, 1);
    scene.put(1, 1, 1);
    scene.export();
    scene.delete(0, 0);
    let summary = scene.export().1;
    assert_eq!((summary.written, summary.removed, summary.days), (1, 1, 1));
    scene.check();
}

#[test]
fn rows_of_other_versions_than_the_topics_are_not_left_when_tombstones_may_be_gone() {
    for versions in [Versions::Final, Versions::All] {
        let mut scene = Scene::new(versions);
        scene.put(0, 0, 0);
        scene.put(0, 1, 0);
        scene.export();
        // The tombstone of key 0 was removed, after the record: only their offsets are left.
        scene.log[0] = Entry { partition: 0, key: 2, day: Some(3) };
        scene.now_ms += KEPT_MS;
        assert_eq!(scene.export().0, Some(Whole::LongAgo));
        scene.check();
    }
}

#[test]
fn records_that_are_gone_unread_and_a_topic_that_was_created_again_are_noticed() {
    let mut scene = Scene::new(Versions::Final);
    scene.put(0, 0, 0);
    scene.put(0, 1, 1);
    scene.export();
    let plan = |scene: &Scene, extents| {
        Plan::of(&scene.open().unwrap(), TOPIC, &scene.table, extents, 0, KEPT_MS).unwrap().whole
    };
    let partition = |first, end| Extent { partition: 0, first, end };
    let other = Extent { partition: 1, first: 0, end: 0 };
    assert_eq!(plan(&scene, vec![partition(2, 9), other]), None, "all were read");
    assert_eq!(plan(&scene, vec![partition(3, 9), other]), Some(Whole::Gone(0)));
    assert_eq!(plan(&scene, vec![partition(0, 1), other]), Some(Whole::Gone(0)));
    assert_eq!(plan(&scene, vec![partition(0, 2)]), Some(Whole::Gone(1)), "fewer partitions");
    scene.log.truncate(1);
    scene.export();
    scene.check();
}

#[test]
fn a_file_that_is_missing_is_written_again_with_all_others() {
    let mut scene = Scene::new(Versions::Final);
    scene.put(0, 0, 0);
    scene.put(0, 1, 1);
    scene.export();
    std::fs::remove_file(&files(&scene.dir().join(TOPIC))[0].1).unwrap();
    assert_eq!(scene.export().0, Some(Whole::Missing("1970-01-01".parse().unwrap())));
    scene.check();
}
