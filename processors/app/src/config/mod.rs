// SPDX-License-Identifier: Apache-2.0

//! topics.yaml: which topics there are and what each processor reads and writes. Two steps: the file as it is, then the
//! configuration as the program uses it, with all errors at once.

mod alerts;
mod customers;
mod dead_letters;
mod metrics;
mod prefixed;
mod read;
mod registry;
mod sizes;
mod tree;
pub mod units;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;

pub use registry::RegistrySpec;

/// The file that is used when none is named and there is none here.
const BUILT_IN: &str = include_str!("../../../../topics.yaml");
/// What brokers do by default.
const DELETE_RETENTION: Duration = Duration::from_secs(24 * 3600);
const DEFAULT_FILE: &str = "topics.yaml";

/// What the program runs from.
#[derive(Debug)]
pub struct Config {
    /// All declared topics.
    pub topics: Vec<Topic>,
    /// All declared processors.
    pub processors: Vec<ProcessorSpec>,
    /// Limits on input.
    pub limits: model::Limits,
    /// When a transaction is committed.
    pub commit: Commit,
    /// The coordinator aborts a transaction that is open for longer, in milliseconds.
    pub transaction_timeout_ms: u64,
    /// What the processors depend on.
    pub folds: folds::Settings,
    /// The headers of dead letters besides our own.
    pub letter_headers: engine::LetterHeaders,
    /// The schema registry, if there is one.
    pub registry: Option<RegistrySpec>,
}

/// A declared topic.
#[derive(Debug)]
pub struct Topic {
    /// Its name, or the pattern of many names.
    pub name: TopicName,
    /// What it is for.
    pub role: Role,
    /// How many partitions it is created with; none: as many as the input has.
    pub partitions: Option<i32>,
    /// `cleanup.policy`.
    pub cleanup: Cleanup,
    /// `retention.ms`; none: the brokers' default.
    pub retention_ms: Option<i64>,
    /// What its records are written as.
    pub format: Format,
    /// Any other settings of the topic.
    pub settings: BTreeMap<String, String>,
}

/// A topic's name, or the pattern of many.
#[derive(Debug)]
pub enum TopicName {
    /// One topic.
    Exact(String),
    /// One topic for each conversation; the capture `conversation` is its id.
    Pattern(Regex),
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicName::Exact(name) => f.write_str(name),
            TopicName::Pattern(pattern) => write!(f, "{pattern}"),
        }
    }
}

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Events come from here.
    Input,
    /// Records go here.
    Output,
    /// Records that cannot be folded go here.
    DeadLetters,
    /// The state goes here.
    Changelog,
    /// Work for other partitions goes here, and comes from here.
    Repartition,
    /// Requests to erase come from here.
    Erasures,
    /// Agents' states come from here.
    AgentStates,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 7] = [
        Role::Input,
        Role::Output,
        Role::DeadLetters,
        Role::Changelog,
        Role::Repartition,
        Role::Erasures,
        Role::AgentStates,
    ];
}

/// What a topic's records are written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    #[default]
    Json,
    /// Avro, in the wire format of the schema registry.
    Avro,
}

/// `cleanup.policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Old records go.
    Delete,
    /// The last record of each key stays.
    Compact,
    /// Both.
    CompactDelete,
}

impl Cleanup {
    /// The broker's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cleanup::Delete => "delete",
            Cleanup::Compact => "compact",
            Cleanup::CompactDelete => "compact,delete",
        }
    }
}

/// A declared processor.
#[derive(Debug)]
pub struct ProcessorSpec {
    /// Its name.
    pub name: String,
    /// The topics that it reads.
    pub reads: Vec<String>,
    /// The topics that it writes, in its own order.
    pub writes: Vec<String>,
}

/// When a transaction is committed, besides when the input runs dry.
#[derive(Debug, Clone, Copy)]
pub struct Commit {
    /// At the latest after this time, in milliseconds.
    pub interval_ms: u64,
    /// At the latest when so many bytes are staged.
    pub bytes_max: usize,
}

/// All that is wrong with the file.
#[derive(Debug)]
pub struct ConfigErrors {
    /// Which file.
    pub file: PathBuf,
    /// One line each: the place, what is wrong, what to do.
    pub errors: Vec<String>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used:", self.file.display())?;
        self.errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads the file: the one named, else topics.yaml here, else the one built in. `registry` is the address of the schema
    /// registry that the command line gives.
    ///
    /// # Errors
    /// Everything that is wrong, at once; correct the file.
    pub fn load(path: Option<&Path>, group: &str, registry: Option<&str>) -> Result<Self, ConfigErrors> {
        let (file, text) = text_of(path)?;
        read::config(&text, group, registry).map_err(|errors| ConfigErrors { file: file.to_owned(), errors })
    }

    /// The file's text with other topics, of which only the load test knows: each name begins with this, all is JSON, and there
    /// are no topics of one conversation each.
    ///
    /// # Errors
    /// As [`load`](Self::load), but for what is in the file: that has been read before.
    pub fn text_with_prefix(path: Option<&Path>, prefix: &str) -> Result<String, ConfigErrors> {
        let (file, text) = text_of(path)?;
        let problem = |error: String| ConfigErrors { file: file.to_owned(), errors: vec![error] };
        prefixed::text(&text, prefix).map_err(problem)
    }

    /// The names of the input topics that have one.
    #[must_use]
    pub fn exact_inputs(&self) -> Vec<&str> {
        self.topics.iter().filter(|topic| topic.role == Role::Input).filter_map(Topic::exact).collect()
    }

    /// What to subscribe to for topics of one conversation each, as librdkafka writes patterns. It knows fewer of them than
    /// topics.yaml may use, so only the beginning that all such names share is given; what else matches is left alone.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        let patterns = self.topics.iter().filter_map(|topic| match &topic.name {
            TopicName::Pattern(pattern) => Some(format!("^{}.*", literal_beginning(pattern.as_str()))),
            TopicName::Exact(_) => None,
        });
        patterns.collect()
    }

    /// What the names of all topics begin with that have a pattern.
    #[must_use]
    pub fn beginnings(&self) -> Vec<String> {
        let patterns = self.topics.iter().filter_map(|topic| match &topic.name {
            TopicName::Pattern(pattern) => Some(literal_beginning(pattern.as_str()).replace('\\', "")),
            TopicName::Exact(_) => None,
        });
        patterns.collect()
    }

    /// The conversation that a topic's name holds, where the topic is one conversation's.
    #[must_use]
    pub fn conversation_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        self.topics.iter().find_map(|topic| match &topic.name {
            TopicName::Pattern(pattern) => Some(pattern.captures(name)?.name("conversation")?.as_str()),
            TopicName::Exact(_) => None,
        })
    }

    /// The names of the topics that agents' states come from.
    #[must_use]
    pub fn agent_states(&self) -> Vec<&str> {
        self.topics.iter().filter(|topic| topic.role == Role::AgentStates).filter_map(Topic::exact).collect()
    }

    /// Whether events come from this topic.
    #[must_use]
    pub fn is_events(&self, name: &str) -> bool {
        self.exact_inputs().contains(&name) || self.conversation_of(name).is_some()
    }

    /// Whether events or agents' states come from this topic.
    #[must_use]
    pub fn is_input(&self, name: &str) -> bool {
        self.is_events(name) || self.agent_states().contains(&name)
    }

    /// Whether a topic's records are Avro.
    #[must_use]
    pub fn is_avro(&self, name: &str) -> bool {
        let is_it = |topic: &&Topic| match &topic.name {
            TopicName::Exact(exact) => exact == name,
            TopicName::Pattern(pattern) => pattern.is_match(name),
        };
        self.topics.iter().find(is_it).is_some_and(|topic| topic.format == Format::Avro)
    }

    /// The name of the one topic of this role; reading the file has made sure that there is one.
    #[must_use]
    pub fn name_of(&self, role: Role) -> &str {
        self.topics.iter().find(|topic| topic.role == role).and_then(Topic::exact).unwrap_or_default()
    }

    /// The topic from which requests to erase come, if there is one.
    #[must_use]
    pub fn erasures(&self) -> Option<&str> {
        Some(self.name_of(Role::Erasures)).filter(|name| !name.is_empty())
    }

    /// How long the brokers remember of a compacted topic that a key was removed (`delete.retention.ms`).
    #[must_use]
    pub fn removals_known(&self, role: Role) -> Duration {
        let topic = self.topics.iter().find(|topic| topic.role == role);
        let declared = topic.and_then(|topic| topic.settings.get("delete.retention.ms")?.parse().ok());
        declared.map_or(DELETE_RETENTION, Duration::from_millis)
    }

    /// The first output topic of a processor; `None` where topics.yaml does not give it one.
    #[must_use]
    pub fn output_of(&self, processor: &str) -> Option<&str> {
        let processor = self.processors.iter().find(|declared| declared.name == processor)?;
        processor.writes.first().map(String::as_str)
    }

    /// All topics that are written for others: outputs and dead letters.
    #[must_use]
    pub fn published(&self) -> Vec<&str> {
        let is_published = |topic: &&Topic| matches!(topic.role, Role::Output | Role::DeadLetters);
        self.topics.iter().filter(is_published).filter_map(Topic::exact).collect()
    }
}

/// The file that is used, and what is in it.
fn text_of(path: Option<&Path>) -> Result<(&Path, String), ConfigErrors> {
    let file = path.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((file, text)),
        Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok((file, BUILT_IN.to_owned()))
        }
        Err(error) => {
            let errors = vec![format!("cannot be read: {error}")];
            Err(ConfigErrors { file: file.to_owned(), errors })
        }
    }
}

/// The characters that every match of a pattern begins with, escaped as they are.
fn literal_beginning(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let mut end = 0;
    let mut characters = pattern.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let is_literal = match character {
            '\\' => matches!(characters.next(), Some((_, '.'))),
            other => other.is_ascii_alphanumeric() || matches!(other, '_' | '-'),
        };
        let next = characters.peek().map_or(pattern.len(), |(next, _)| *next);
        let is_repeated = matches!(characters.peek(), Some((_, '?' | '*' | '+' | '{' | '|')));
        if !is_literal || is_repeated {
            return pattern.get(..start).filter(|_| !pattern.contains('|')).unwrap_or_default();
        }
        end = next;
    }
    pattern.get(..end).unwrap_or_default()
}

impl Topic {
    /// Its name, if it has just one.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        match &self.name {
            TopicName::Exact(name) => Some(name),
            TopicName::Pattern(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
