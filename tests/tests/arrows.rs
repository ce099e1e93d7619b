//! The arrows between modules: which module of a crate uses which other one. Modules of a circle cannot be understood, tested or
//! moved one by one, so there is none in the crates that are listed. ARCHITECTURE.md holds the drawing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

/// Crates without a circle.
const CRATES: &[&str] = &["api", "engine", "folds", "model", "sandbox", "testkit"];

/// By module, those that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../processors").join(name).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

/// The arrows of a crate, without its tests and its root.
fn arrows(name: &str) -> Arrows {
    let root = folder(name);
    let uses = Regex::new(r"crate::(?:\{([^}]*)\}|(\w+))").unwrap();
    let mut arrows = Arrows::new();
    for file in files(&root) {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let parts: Vec<String> =
            path.iter().map(|part| part.to_str().unwrap().to_owned()).filter(|part| part != "mod").collect();
        if parts.iter().any(|part| part == "tests") || ["lib", "main"].contains(&parts[0].as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let used = arrows.entry(parts[0].clone()).or_default();
        for found in uses.captures_iter(&code) {
            let names = found.get(1).or(found.get(2)).unwrap().as_str();
            let names = names.split(',').map(|name| name.trim().split("::").next().unwrap().to_owned());
            used.extend(names.filter(|name| *name != parts[0]));
        }
    }
    let modules: BTreeSet<String> = arrows.keys().cloned().collect();
    arrows.values_mut().for_each(|used| used.retain(|name| modules.contains(name)));
    arrows
}

/// What is left when modules that use only modules already taken away are taken away: the circles, and what leads to them.
fn in_circles(mut arrows: Arrows) -> Arrows {
    loop {
        let free: Vec<String> =
            arrows.iter().filter(|(_, used)| used.is_empty()).map(|(name, _)| name.clone()).collect();
        if free.is_empty() {
            return arrows;
        }
        for name in &free {
            arrows.remove(name);
            arrows.values_mut().for_each(|used| {
                used.remove(name);
            });
        }
    }
}

#[test]
fn no_module_of_these_crates_is_in_a_circle() {
    for name in CRATES {
        let arrows = arrows(name);
        assert!(arrows.values().any(|used| !used.is_empty()), "{name}: no arrow was found");
        let circles = in_circles(arrows);
        assert!(circles.is_empty(), "{name}: {circles:#?}");
    }
}

#[test]
fn a_circle_is_found() {
    let used = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let arrows: Arrows = [("a", used(&["b"])), ("b", used(&["c"])), ("c", used(&["a"])), ("d", used(&[]))]
        .map(|(name, used)| (name.to_owned(), used))
        .into();
    assert_eq!(in_circles(arrows).len(), 3);
}
