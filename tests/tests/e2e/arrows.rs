// SPDX-License-Identifier: Apache-2.0

//! The arrows between modules: which module of a crate uses which other one. Modules of a circle cannot be understood, tested or
//! moved one by one, so there is none. ARCHITECTURE.md holds the drawing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

/// The folders of modules without a circle: crates, and the program's commands.
const FOLDERS: &[&str] = &[
    "api/src",
    "app/src",
    "app/src/commands",
    "avro/src",
    "bridge/src",
    "disk/src",
    "driver/src",
    "edge/src",
    "engine/src",
    "export/src",
    "folds/src",
    "generate/src",
    "model/src",
    "sandbox/src",
    "testkit/src",
];

/// By module, those that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn processors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../processors")
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

/// The code of a file, without its comments and the tests at its end.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// The first names of a path's rest: of `{a::b, c::{d, e}}` these are `a` and `c`.
fn first_names(rest: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let first = |path: &str| path.trim_start().chars().take_while(|c| is_name(*c)).collect::<String>();
    if !rest.starts_with('{') {
        return vec![first(rest)];
    }
    let (mut names, mut depth, mut path) = (Vec::new(), 0, String::new());
    for c in rest.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match c {
            '{' if depth == 1 => {}
            ',' if depth == 1 => names.push(first(&std::mem::take(&mut path))),
            '}' if depth == 0 => break,
            c => path.push(c),
        }
    }
    names.push(first(&path));
    names
}

/// The names that the root gives to other modules, with the module that each comes from.
fn given_on(root: &Path) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    let uses = Regex::new(r"use (?:crate::|self::)?(\w+)::(\{[^}]*\}|\w+)\s*;").unwrap();
    let roots = ["lib.rs", "main.rs", "mod.rs"].map(|name| root.join(name));
    for file in roots.iter().filter(|file| file.exists()) {
        for found in uses.captures_iter(&code(file)) {
            given.extend(first_names(&found[2]).into_iter().map(|name| (name, found[1].to_owned())));
        }
    }
    given
}

/// The modules of a folder, each with those that it uses: by `crate::`, by `super::`, and through the root.
fn arrows(folder: &str) -> Arrows {
    let root = processors().join(folder);
    let inner = folder.split_once("src").unwrap().1.replace('/', "::").replacen("::", "", 1);
    let inner = if inner.is_empty() { String::new() } else { inner + "::" };
    let (from_crate, from_super) =
        (Regex::new(&format!(r"crate::{inner}")).unwrap(), Regex::new(r"(?:super::)+").unwrap());
    let mut arrows = Arrows::new();
    for file in files(&root) {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let parts: Vec<String> =
            path.iter().map(|part| part.to_str().unwrap().to_owned()).filter(|part| part != "mod").collect();
        let Some(module) = parts.first().filter(|module| !["lib", "main"].contains(&module.as_str())) else {
            continue;
        };
        if parts.iter().any(|part| part == "tests") {
            continue;
        }
        let code = code(&file);
        let by_crate = from_crate.find_iter(&code);
        // As many steps up as the module is deep lead to the root.
        let by_super =
            from_super.find_iter(&code).filter(|found| found.len() == parts.len() * "super::".len());
        let used = by_crate.chain(by_super).flat_map(|found| first_names(&code[found.end()..]));
        arrows.entry(module.clone()).or_default().extend(used);
    }
    let modules: BTreeSet<String> = arrows.keys().cloned().collect();
    let given = given_on(&root);
    for (module, used) in &mut arrows {
        let through_root = |name: String| {
            if modules.contains(&name) { name } else { given.get(&name).cloned().unwrap_or(name) }
        };
        *used = std::mem::take(used).into_iter().map(through_root).collect();
        used.retain(|name| name != module && modules.contains(name));
    }
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
fn no_module_of_these_folders_is_in_a_circle() {
    for folder in FOLDERS {
        let arrows = arrows(folder);
        assert!(arrows.values().any(|used| !used.is_empty()), "{folder}: no arrow was found");
        let circles = in_circles(arrows);
        assert!(circles.is_empty(), "{folder}: {circles:#?}");
    }
}

#[test]
fn all_crates_are_checked() {
    for entry in std::fs::read_dir(processors()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(FOLDERS.contains(&format!("{name}/src").as_str()), "{name}");
    }
}

/// The program needs the sandbox only for trials.
#[test]
fn the_program_reaches_the_sandbox_by_one_door() {
    let root = processors().join("app/src");
    let users = files(&root).into_iter().filter(|file| code(file).contains("sandbox::"));
    let users: Vec<PathBuf> = users.map(|file| file.strip_prefix(&root).unwrap().to_owned()).collect();
    assert_eq!(users, [Path::new("trial.rs")]);
}

#[test]
fn a_circle_is_found() {
    let used = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let arrows: Arrows = [("a", used(&["b"])), ("b", used(&["c"])), ("c", used(&["a"])), ("d", used(&[]))]
        .map(|(name, used)| (name.to_owned(), used))
        .into();
    assert_eq!(in_circles(arrows).len(), 3);
}

#[test]
fn names_are_found_in_nested_braces() {
    assert_eq!(first_names("{a::{b, c}, d::e, f};"), ["a", "d", "f"]);
    assert_eq!(first_names("a::{b, c};"), ["a"]);
}
