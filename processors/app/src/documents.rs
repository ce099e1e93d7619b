// SPDX-License-Identifier: Apache-2.0

//! Every command line of the documents is one that this program accepts.
//!
//! Checked are the lines of `cx-timelines …` and `cargo run … -- …` in fenced blocks of `sh` and `console`, and inline code that
//! begins with `cx-timelines`. Inline code may be a part of a command: a required flag may be missing there, but no flag may be
//! unknown.
//!
//! A placeholder is a word in capitals or one in `<…>`, as `ID`, `DIR` or `HOST:PORT`. Where the program checks a value, the
//! placeholder is replaced by the value that [`PLACEHOLDERS`] has for it; all others are accepted as they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};
use pulldown_cmark::{CodeBlockKind, Event, Options, Tag, TagEnd};

use crate::cli::Cli;

/// Placeholders that are not any text, and a value for each.
const PLACEHOLDERS: [(&str, &str); 11] = [
    ("COMMAND", "run"),
    ("N", "1"),
    ("HOST:PORT", "127.0.0.1:9092"),
    ("ADDR:PORT", "127.0.0.1:9464"),
    ("KEY=VALUE", "session.timeout.ms=6000"),
    ("SIZE", "1GiB"),
    ("TIME", "2026-11-01T00:00:00Z"),
    ("URL", "http://127.0.0.1:8081"),
    ("POSITION", "1:0"),
    ("PARTITION:OFFSET", "1:0"),
    ("REASON", "malformed"),
];

/// A command in a document.
struct Found {
    place: String,
    line: String,
    /// The words after the program's name.
    words: Vec<String>,
    /// It may be a part of a command.
    is_inline: bool,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages_below(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_below(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// The documents that name commands.
fn documents() -> Vec<PathBuf> {
    let top = repository();
    let mut pages: Vec<PathBuf> = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "schemas/README.md"]
        .map(|name| top.join(name))
        .into();
    pages_below(&top.join("docs"), &mut pages);
    pages
}

/// The lines of a block that are commands: all of `sh`, those after a prompt of `console`. A line that ends with a backslash
/// goes on in the next one.
fn lines_of(language: &str, block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    match language {
        "sh" => lines.map(str::to_owned).collect(),
        "console" => lines.filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The calls of this program in a line of a shell: its words after the program's name, up to a pipe, a redirection or the next
/// command.
fn calls(line: &str) -> Vec<Vec<String>> {
    const ENDS: [&str; 10] = ["|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1"];
    if !line.contains("cx-timelines") && !line.starts_with("cargo run") {
        return Vec::new();
    }
    let words = shlex::split(line).unwrap_or_else(|| panic!("quotes are open: {line}"));
    let commands = words.split(|word| ENDS.contains(&word.as_str()));
    commands.filter_map(call).collect()
}

fn call(words: &[String]) -> Option<Vec<String>> {
    let is_setting = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        })
    };
    let settings = words.iter().take_while(is_setting).count();
    let (program, rest) = words.get(settings..)?.split_first()?;
    if program.rsplit('/').next() == Some("cx-timelines") {
        return Some(rest.to_vec());
    }
    let is_ours = program == "cargo" && rest.first().is_some_and(|word| word == "run");
    let dashes = rest.iter().position(|word| word == "--").filter(|_| is_ours)?;
    let cargo = &rest[..dashes];
    let is_other =
        cargo.iter().any(|word| ["-p", "--package", "--bin", "--example"].contains(&word.as_str()));
    (!is_other).then(|| rest[dashes + 1..].to_vec())
}

fn commands_of(page: &Path) -> Vec<Found> {
    let text = std::fs::read_to_string(page).unwrap();
    let place = page.strip_prefix(repository()).unwrap().display().to_string();
    let mut found = Vec::new();
    let mut block = None;
    let mut add = |line: &str, is_inline| {
        for words in calls(line) {
            found.push(Found { place: place.clone(), line: line.to_owned(), words, is_inline });
        }
    };
    for event in pulldown_cmark::Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                block = Some((language, String::new()));
            }
            Event::Text(text) => {
                if let Some((_, lines)) = &mut block {
                    lines.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, lines)) = block.take() {
                    lines_of(&language, &lines).iter().for_each(|line| add(line, false));
                }
            }
            Event::Code(code) if code.starts_with("cx-timelines ") && !code.contains('…') => {
                add(&code, true);
            }
            _ => {}
        }
    }
    found
}

fn substituted(word: &str) -> String {
    let named = word.strip_prefix('<').and_then(|word| word.strip_suffix('>')).unwrap_or(word);
    let (flag, value) = match named.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") => (Some(flag), value),
        _ => (None, named),
    };
    let known = PLACEHOLDERS.iter().find(|(placeholder, _)| placeholder.eq_ignore_ascii_case(value));
    let is_placeholder = word.starts_with('<') || !value.contains(|c: char| c.is_ascii_lowercase());
    let value = known.filter(|_| is_placeholder).map_or(value, |(_, value)| *value);
    flag.map_or_else(|| value.to_owned(), |flag| format!("{flag}={value}"))
}

/// What the program has against a command; `None` when it accepts it.
fn objection(found: &Found) -> Option<String> {
    let words = found.words.iter().map(|word| substituted(word));
    let refusal = Cli::try_parse_from(std::iter::once("cx-timelines".to_owned()).chain(words)).err()?;
    let is_accepted = match refusal.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => true,
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => found.is_inline,
        _ => false,
    };
    (!is_accepted).then(|| format!("{}: `{}`: {refusal}", found.place, found.line))
}

#[test]
fn every_command_of_the_documents_is_one_that_the_program_accepts() {
    let found: Vec<Found> = documents().iter().flat_map(|page| commands_of(page)).collect();
    let in_blocks = found.iter().filter(|one| !one.is_inline).count();
    assert!(in_blocks >= 60, "only {in_blocks} commands were found in blocks");
    let objections: Vec<String> = found.iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

/// The long names of all flags that are not hidden, of a command and those below it.
fn flags(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let own =
        own.filter_map(|argument| argument.get_long()).filter(|name| !["help", "version"].contains(name));
    own.map(|name| format!("--{name}")).chain(command.get_subcommands().flat_map(flags)).collect()
}

#[test]
fn every_flag_of_the_program_is_in_the_reference() {
    let pages = ["reference/commands.md", "reference/configuration.md", "reference/api.md", "security.md"];
    let read = |name: &str| std::fs::read_to_string(repository().join("docs").join(name)).unwrap();
    let text: String = pages.map(read).concat();
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let documented: BTreeSet<&str> = text.split(|c| !is_in_name(c)).collect();
    for flag in flags(&Cli::command()) {
        assert!(documented.contains(flag.as_str()), "none of {pages:?} describes {flag}");
    }
}

#[test]
fn a_flag_that_does_not_exist_is_found() {
    let refused = |line: &str| {
        let words = calls(line).pop().unwrap();
        objection(&Found { place: String::new(), line: line.to_owned(), words, is_inline: false }).is_some()
    };
    assert!(refused("cx-timelines run --no-such-flag"));
    assert!(refused("CX_GROUP=g target/release/cx-timelines fold FILE --rate N | head"));
    assert!(refused("cargo run --release -- tail --rate 3"));
    assert!(!refused("CX_GROUP=g target/release/cx-timelines load FILE --rate N | head"));
    assert!(!refused("cx-timelines run --workers <n> --http ADDR:PORT    # a comment"));
}
