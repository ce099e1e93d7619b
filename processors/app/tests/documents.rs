// SPDX-License-Identifier: Apache-2.0

//! The documents of this repository: every link leads somewhere, the book has every page, README.md is short.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Folders of other people's and of built files.
const SKIPPED: [&str; 5] = [".git", "target", "corpus", "artifacts", "node_modules"];

const README_LINES: usize = 180;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// A page: where it links to, and its anchors.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

/// The anchor of a heading, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        c if c.is_alphanumeric() || "-_".contains(c) => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    heading.trim().to_lowercase().chars().filter_map(kept).collect()
}

fn page(path: &Path) -> Page {
    let text = std::fs::read_to_string(path).unwrap();
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let heading = heading.take().unwrap();
                let first = anchor(&heading);
                let before = times.entry(first.clone()).or_default();
                page.anchors.insert(if *before == 0 { first } else { format!("{first}-{before}") });
                *before += 1;
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            _ => {}
        }
    }
    page
}

/// Every Markdown file, by its path from the top of the repository.
fn pages() -> BTreeMap<PathBuf, Page> {
    let top = repository();
    let mut paths = Vec::new();
    collect(&top, &mut paths);
    let parsed = paths.iter().map(|path| (path.strip_prefix(&top).unwrap().to_owned(), page(path)));
    parsed.collect()
}

/// A path without `.` and `..`; `None` when it leaves the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => normal.push(part),
            Component::CurDir => {}
            Component::ParentDir => normal.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

/// What is wrong with a link of a page; `None` when it leads somewhere.
fn fault(pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Option<String> {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
        return None;
    }
    let fault = |text: &str| Some(format!("{}: {link}: {text}", from.display()));
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let joined = if path.is_empty() { from.to_owned() } else { from.parent().unwrap().join(path) };
    let Some(target) = normal(&joined) else {
        return fault("it leaves the repository");
    };
    if !repository().join(&target).exists() {
        return fault("there is no such file");
    }
    match (anchor, pages.get(&target)) {
        (None, _) => None,
        (Some(anchor), Some(page)) if page.anchors.contains(anchor) => None,
        (Some(_), _) => fault("there is no such heading"),
    }
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let pages = pages();
    let links: Vec<(&Path, &str)> = pages
        .iter()
        .flat_map(|(path, page)| page.links.iter().map(move |link| (path.as_path(), link.as_str())))
        .collect();
    assert!(links.len() >= 400, "only {} links were found", links.len());
    let faults: Vec<String> = links.iter().filter_map(|(from, link)| fault(&pages, from, link)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let pages = pages();
    let fault = |link| fault(&pages, Path::new("docs/reference/topics.md"), link);
    assert_eq!(fault("topics.md#output-topics"), None);
    assert_eq!(fault("#output-topics"), None);
    assert!(fault("#no-such-heading").is_some());
    assert!(fault("no-such-page.md").is_some());
    assert!(fault("../../../outside.md").is_some());
}

#[test]
fn the_book_has_every_page_below_docs_once() {
    let pages = pages();
    let summary = Path::new("docs/SUMMARY.md");
    let below: BTreeSet<&Path> = pages
        .keys()
        .map(PathBuf::as_path)
        .filter(|path| path.starts_with("docs") && *path != summary)
        .collect();
    let mut listed = BTreeSet::new();
    for link in &pages[summary].links {
        let path = normal(&Path::new("docs").join(link)).unwrap();
        assert!(listed.insert(path.clone()), "docs/SUMMARY.md lists {} twice", path.display());
    }
    for page in below {
        assert!(listed.contains(page), "docs/SUMMARY.md does not list {}", page.display());
    }
}

#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(repository().join("README.md")).unwrap().lines().count();
    assert!(
        lines <= README_LINES,
        "README.md has {lines} lines, and at most {README_LINES} are allowed: move text into docs/"
    );
}

/// The words of a page that stand in code: names of fields among them.
fn words_in_code(path: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    let mut words = BTreeSet::new();
    let mut is_in_block = false;
    let mut add = |code: &str| {
        let parts = code.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.extend(parts.map(str::to_owned));
    };
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_in_block = true,
            Event::End(TagEnd::CodeBlock) => is_in_block = false,
            Event::Text(text) if is_in_block => add(&text),
            Event::Code(code) => add(&code),
            _ => {}
        }
    }
    words
}

/// The page of a topic in the reference, as the table of topics links it.
fn page_of(topic: &str) -> String {
    let table = std::fs::read_to_string(repository().join("docs/reference/topics.md")).unwrap();
    let start = format!("| [`{topic}`](");
    let row = table.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
    format!("docs/reference/{}", row.split(')').next().unwrap())
}

#[test]
fn every_field_of_every_schema_is_named_on_the_page_of_its_topic() {
    // Actors, channels and bodies are described once for all topics.
    let for_all = words_in_code("schemas/README.md");
    let common = ["Actor", "Channel"];
    for (_, product) in folds::products() {
        let (page, schema) = (page_of(product.topic), avro::Schema::of_header(product.schema).unwrap());
        let words = words_in_code(&page);
        for record in avro::Outline::parse(schema.text).unwrap().records() {
            for field in &record.fields {
                let is_common = common.contains(&record.name.as_str()) && for_all.contains(&field.name);
                assert!(
                    words.contains(&field.name) || is_common,
                    "{page}: name the field `{}` of {} (schemas/{}.avsc)",
                    field.name,
                    record.name,
                    schema.name
                );
            }
        }
    }
}
