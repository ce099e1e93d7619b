// SPDX-License-Identifier: Apache-2.0

//! Directories that an export is refused in, and what it leaves out.

use export::{Folder, MANIFEST_NAME, Plan, Record, Selection, Update, Versions};

use crate::update::{DAY_MS, KEPT_MS, Scene, TOPIC};

const ALL: Selection = Selection { versions: Versions::All, since_ms: None, until_ms: None };

fn refused(result: Result<Folder, export::Error>) -> String {
    let error = result.err().expect("it is refused");
    assert!(error.is_usage(), "{error}");
    error.to_string()
}

#[test]
fn a_directory_with_other_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "").unwrap();
    let said = refused(Folder::open(dir.path(), "c", "g", ALL));
    assert!(said.contains("is not empty") && said.contains("name an empty directory"), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn an_export_of_something_else_is_refused_with_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    drop(Folder::open(dir.path(), "c", "g", ALL).unwrap());
    drop(Folder::open(dir.path(), "c", "g", ALL).unwrap());
    let final_ones = Selection { versions: Versions::Final, ..ALL };
    let since = Selection { since_ms: Some(1), ..ALL };
    for (cluster, group, selection, expected) in [
        ("other", "g", ALL, "of the cluster c, not of other"),
        ("c", "other", ALL, "of the group g, not of other"),
        ("c", "g", final_ones, "with --versions all"),
        ("c", "g", since, "without --since"),
    ] {
        let said = refused(Folder::open(dir.path(), cluster, group, selection));
        assert!(said.contains(expected) && said.ends_with("or name another directory"), "{said}");
    }
}

#[test]
fn an_export_of_another_version_is_refused_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(MANIFEST_NAME);
    for (manifest, expected) in [
        ("{\"format\": 2, \"new\": []}", "format 2, this version writes 1"),
        ("{\"format\": 1}", "cannot be understood"),
        ("\n{", "cannot be understood (line 2)"),
    ] {
        std::fs::write(&file, manifest).unwrap();
        let said = refused(Folder::open(dir.path(), "c", "g", ALL));
        assert!(said.contains(expected) && said.contains("remove this one"), "{said}");
    }
}

#[test]
fn two_exports_do_not_write_to_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Folder::open(dir.path(), "c", "g", ALL).unwrap();
    let error = Folder::open(dir.path(), "c", "g", ALL).err().unwrap();
    assert!(!error.is_usage() && error.to_string().contains("wait until it has ended"), "{error}");
    drop(first);
    assert!(Folder::open(dir.path(), "c", "g", ALL).is_ok());
}

#[test]
fn what_a_killed_run_has_left_is_removed() {
    let mut scene = Scene::new(Versions::Final);
    scene.put(0, 0, 0);
    scene.export();
    std::fs::create_dir(scene.dir().join("_work")).unwrap();
    std::fs::write(scene.dir().join("_work/part-0.parquet"), "half").unwrap();
    std::fs::write(scene.dir().join(format!("{MANIFEST_NAME}.aB3")), "{").unwrap();
    scene.export();
    scene.check();
}

#[test]
fn a_topic_of_another_version_of_its_schema_is_refused_with_its_folder() {
    let mut scene = Scene::new(Versions::Final);
    scene.put(0, 0, 0);
    scene.export();
    let file = scene.dir().join(MANIFEST_NAME);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(scene.table.header(), "metrics-window/1")).unwrap();
    let plan = |scene: &Scene| {
        Plan::of(&scene.open().unwrap(), TOPIC, &scene.table, scene.extents(), 0, KEPT_MS).map(|_| ())
    };
    let error = plan(&scene).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("metrics-window/1"), "{error}");
    std::fs::remove_dir_all(scene.dir().join(TOPIC)).unwrap();
    scene.export();
    scene.check();
}

#[test]
fn a_file_that_is_damaged_is_named_with_the_remedy() {
    let mut scene = Scene::new(Versions::Final);
    scene.put(0, 0, 0);
    scene.export();
    let file = scene.dir().join(TOPIC).join("day=1970-01-01").join(export::FILE_NAME);
    std::fs::write(&file, "no Parquet").unwrap();
    scene.put(0, 0, 0);
    let mut folder = scene.open().unwrap();
    let plan = Plan::of(&folder, TOPIC, &scene.table, scene.extents(), 0, KEPT_MS).unwrap();
    let mut update = Update::begin(&mut folder, TOPIC, &scene.table, plan).unwrap();
    let record = Record { partition: 0, offset: 1, timestamp_ms: None, key: Some(b"k0"), value: None };
    update.take(&record).unwrap();
    let said = update.finish(&mut |_, _| {}).unwrap_err().to_string();
    assert!(said.contains("part-0.parquet cannot be read") && said.contains("remove it"), "{said}");
    drop(folder);
    std::fs::remove_file(&file).unwrap();
    scene.export();
    scene.check();
}

#[test]
fn records_that_are_not_of_the_schema_are_counted_and_change_nothing() {
    let mut scene = Scene::new(Versions::Final);
    scene.put(0, 0, 0);
    scene.export();
    let mut folder = scene.open().unwrap();
    let extents = vec![
        export::Extent { partition: 0, first: 0, end: 9 },
        export::Extent { partition: 1, first: 0, end: 0 },
    ];
    let plan = Plan::of(&folder, TOPIC, &scene.table, extents, 0, KEPT_MS).unwrap();
    let mut update = Update::begin(&mut folder, TOPIC, &scene.table, plan).unwrap();
    let late = format!(
        r#"{{"dimension":"","id":"","windowStart":{},"windowEnd":0,"revision":0}}"#,
        4_000_000 * DAY_MS
    );
    type Bytes<'b> = Option<&'b [u8]>;
    let values: [(Bytes<'_>, Bytes<'_>); 5] = [
        (Some(b"k0"), Some(b"{}")),
        (Some(b"k0"), Some(b"\xff")),
        (Some(b"\xff"), None),
        (None, None),
        (Some(b"k0"), Some(late.as_bytes())),
    ];
    for (offset, (key, value)) in (1..).zip(values) {
        update.take(&Record { partition: 0, offset, timestamp_ms: None, key, value }).unwrap();
    }
    let summary = update.finish(&mut |_, _| {}).unwrap();
    assert_eq!((summary.records, summary.unreadable, summary.first_unreadable), (5, 5, Some((0, 1))));
    assert_eq!((summary.rows, summary.written), (1, 0));
    drop(folder);
    scene.check();
}
