//! `erase --verify`: what can still be read of them, topic by topic, from the first record to the last, also what is not
//! committed or overwritten; and when it goes.

use std::collections::BTreeMap;
use std::io::Write;

use rdkafka::message::{BorrowedMessage, Message};
use serde::Serialize;

use super::cluster::Cluster;
use super::letters;
use super::report::{number, retention_ms};
use super::resolve;
use super::subjects::{Subjects, contains};
use crate::cli::{EraseArgs, Global};
use crate::commands::conversation::text::{column, duration, time};
use crate::commands::topics;
use crate::config::{Config, Role};
use crate::exit::Failure;

const TOPIC_COLUMNS: usize = 26;

/// Looks at every topic. Fails when anything can still be read.
pub fn run(global: &Global, args: &EraseArgs, config: &Config) -> Result<(), Failure> {
    let cluster = Cluster::open(global, config)?;
    let subjects = resolve::subjects(&cluster, args)?;
    let look = Look { cluster: &cluster, subjects: &subjects, texts: texts(&args.text) };
    let topics = topics_of(&cluster);
    let settings = topics::settings_of(&cluster.client, topics.iter().map(|(name, _)| name.as_str()))?;
    let mut out = anstream::stdout().lock();
    let mut is_clean = true;
    for (name, role) in &topics {
        let tally = look.at(name, *role)?;
        is_clean &= tally.records == 0;
        let settings = settings.get(name).cloned().unwrap_or_default();
        let goes = goes(&tally, *role, config.conversation_of(name).is_some(), &settings);
        if args.json {
            serde_json::to_writer(
                &mut out,
                &Line { topic: name, records: tally.records, current: tally.current(), goes },
            )?;
            out.write_all(b"\n")?;
        } else {
            let goes = goes.map(|goes| format!(": {goes}")).unwrap_or_default();
            let records =
                if tally.records == 0 { "nothing".to_owned() } else { number(tally.records, "record") };
            writeln!(out, "{} {records}{goes}", column(name, TOPIC_COLUMNS))?;
        }
    }
    if is_clean { Ok(()) } else { Err(Failure::No) }
}

/// All topics that may hold something, inputs last: they are not ours.
fn topics_of(cluster: &Cluster<'_>) -> Vec<(String, Role)> {
    let roles =
        [Role::Output, Role::DeadLetters, Role::Changelog, Role::Repartition, Role::Erasures, Role::Input];
    let exact = roles
        .into_iter()
        .flat_map(|role| cluster.of_role(role).into_iter().map(move |name| (name.to_owned(), role)));
    let of_conversations = cluster.of_conversations(|_| true).into_iter().map(|name| (name, Role::Input));
    exact.chain(of_conversations).collect()
}

/// Texts as they may stand in a record: as they are, and as JSON writes them.
fn texts(wanted: &[String]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for text in wanted {
        let json = serde_json::to_string(text).unwrap_or_default();
        let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default();
        texts.push(text.as_bytes().to_vec());
        if inner != text {
            texts.push(inner.as_bytes().to_vec());
        }
    }
    texts
}

/// What is looked for, and where.
struct Look<'l> {
    cluster: &'l Cluster<'l>,
    subjects: &'l Subjects,
    texts: Vec<Vec<u8>>,
}

/// What a topic holds of them.
#[derive(Debug, Default)]
struct Tally {
    /// Records with a value.
    records: usize,
    /// The greatest timestamp of them.
    newest_ms: Option<i64>,
    /// Of each key, in its partition, whether its last record is one of them.
    last: BTreeMap<(i32, Vec<u8>), bool>,
}

impl Tally {
    fn take(&mut self, message: &impl Message, is_theirs: bool) {
        let place = (message.partition(), message.key().unwrap_or_default().to_vec());
        if is_theirs {
            self.records += 1;
            self.newest_ms = self.newest_ms.max(message.timestamp().to_millis());
            self.last.insert(place, true);
        } else if let Some(last) = self.last.get_mut(&place) {
            *last = false;
        }
    }

    /// How many keys still stand for them.
    fn current(&self) -> usize {
        self.last.values().filter(|is_theirs| **is_theirs).count()
    }
}

#[derive(Serialize)]
struct Line<'l> {
    topic: &'l str,
    records: usize,
    current: usize,
    goes: Option<String>,
}

impl Look<'_> {
    fn at(&self, topic: &str, role: Role) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        self.cluster.read_everything(&self.cluster.all(topic)?, &mut |message| {
            tally.take(message, self.is_theirs(topic, role, message)?);
            Ok(())
        })?;
        Ok(tally)
    }

    fn is_theirs(&self, topic: &str, role: Role, message: &BorrowedMessage<'_>) -> anyhow::Result<bool> {
        let Some(value) = message.payload() else { return Ok(false) };
        let json = self.cluster.json(topic, Some(value))?.unwrap_or_default();
        let (config, subjects) = (self.cluster.config, self.subjects);
        let key = message.key();
        let belongs = match role {
            Role::Output => subjects.own_output(&json),
            Role::DeadLetters => letters::is_theirs(self.cluster, subjects, message)?,
            Role::Changelog => subjects.own_state(key.unwrap_or_default(), value),
            Role::Repartition => {
                subjects.own_message(value, &|topic, value| self.cluster.json(topic, value))?
            }
            // The requests themselves stay, or nobody would know any more what is to be refused.
            Role::Erasures => false,
            Role::Input => subjects.own_event(key, &json, config.conversation_of(topic)),
        };
        Ok(belongs || self.texts.iter().any(|text| contains(value, text) || contains(&json, text)))
    }
}

/// When what was found goes, or what has to be done.
fn goes(
    tally: &Tally,
    role: Role,
    is_of_one_conversation: bool,
    settings: &BTreeMap<String, String>,
) -> Option<String> {
    if tally.records == 0 {
        return None;
    }
    if is_of_one_conversation {
        return Some("delete the topic".to_owned());
    }
    let is_compacted = settings.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
    let by_retention = retention_ms(settings).map(|retention| match tally.newest_ms {
        Some(newest) => format!("by retention, at about {}", time(newest.saturating_add(retention))),
        None => format!("by retention, after {}", duration(retention)),
    });
    match (role, tally.current()) {
        (Role::Output | Role::Changelog | Role::Erasures, current) if is_compacted => Some(match current {
            0 => overwritten(settings),
            current => format!("{} not overwritten: run `cx-timelines erase`", number(current, "key")),
        }),
        (Role::DeadLetters | Role::Repartition, _) => {
            Some("run `cx-timelines erase`, which cuts them off".to_owned())
        }
        _ => Some(by_retention.unwrap_or_else(|| "kept for ever: set retention.ms".to_owned())),
    }
}

/// When compaction takes what is overwritten.
fn overwritten(settings: &BTreeMap<String, String>) -> String {
    let lag = settings.get("max.compaction.lag.ms").and_then(|ms| ms.parse::<i64>().ok());
    match lag.filter(|lag| *lag < i64::MAX) {
        Some(lag) => format!(
            "all overwritten; compaction takes it about {} after the last (max.compaction.lag.ms)",
            duration(lag)
        ),
        None => {
            "all overwritten; compaction takes it some time: set max.compaction.lag.ms, as topics.yaml does"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    fn record(key: &str) -> OwnedMessage {
        let key = Some(key.as_bytes().to_vec());
        OwnedMessage::new(None, key, "t".to_owned(), Timestamp::CreateTime(1_750_000_000_000), 0, 0, None)
    }

    fn tally(records: &[(&str, bool)]) -> Tally {
        let mut tally = Tally::default();
        records.iter().for_each(|(key, is_theirs)| tally.take(&record(key), *is_theirs));
        tally
    }

    fn settings(policy: &str, lag: &str) -> BTreeMap<String, String> {
        let entries = [("cleanup.policy", policy), ("retention.ms", "1000"), ("max.compaction.lag.ms", lag)];
        entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn what_is_overwritten_counts_but_does_not_stand() {
        let tally = tally(&[("a", true), ("b", true), ("a", true), ("a", false), ("c", false)]);
        assert_eq!((tally.records, tally.current()), (3, 1));
    }

    #[test]
    fn what_is_overwritten_goes_with_compaction_and_what_stands_has_to_be_erased() {
        let of = |records: &[(&str, bool)]| {
            goes(&tally(records), Role::Output, false, &settings("compact", "86400000")).unwrap()
        };
        assert!(of(&[("a", true), ("a", false)]).contains("1 d 0 h after"));
        assert!(of(&[("a", true)]).contains("1 key not overwritten: run"));
        assert_eq!(goes(&tally(&[("a", false)]), Role::Output, false, &settings("compact", "1")), None);
    }

    #[test]
    fn an_input_goes_by_its_retention_or_with_its_topic() {
        let of = |is_of_one| {
            goes(&tally(&[("a", true)]), Role::Input, is_of_one, &settings("delete", "1")).unwrap()
        };
        assert_eq!(of(false), "by retention, at about 2025-06-15 15:06:41Z");
        assert_eq!(of(true), "delete the topic");
    }

    #[test]
    fn a_text_is_looked_for_as_it_is_and_as_json_writes_it() {
        assert_eq!(texts(&["plain".to_owned()]), [b"plain".to_vec()]);
        assert_eq!(texts(&["a\"b".to_owned()]), [b"a\"b".to_vec(), b"a\\\"b".to_vec()]);
    }
}
