// SPDX-License-Identifier: Apache-2.0

//! `erase --verify`: what can still be read of the subjects, topic by topic from the first record to the last, including
//! uncommitted and overwritten records; and when it will be gone.

use std::collections::BTreeMap;
use std::io::Write;

use folds::owner::Owner;
use folds::owners;
use rdkafka::message::{BorrowedMessage, Message};
use serde::Serialize;

use super::cluster::Cluster;
use super::letters;
use super::report::{number, retention_ms};
use super::resolve;
use super::subjects::{Named, Subjects, contains};
use crate::cli::{EraseArgs, Global};
use crate::config::{Config, Role};
use crate::exit::Failure;
use crate::render::text::{column, duration, safe, time};
use crate::topics;

const TOPIC_COLUMNS: usize = 26;
const ID_COLUMNS_MAX: usize = 80;
/// The maximum of other owners listed.
const OTHERS_MAX: usize = 5;

/// Checks every topic. Fails if anything can still be read.
pub fn run(global: &Global, args: &EraseArgs, config: &Config) -> Result<(), Failure> {
    let cluster = Cluster::open(global, config)?;
    let subjects = resolve::subjects(&cluster, args)?;
    let look = Search { cluster: &cluster, subjects: &subjects, texts: texts(&args.text) };
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
                &Line {
                    topic: name,
                    records: tally.records,
                    text_only: tally.text_only,
                    current: tally.current(),
                    goes,
                },
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

/// All topics that may hold subjects' records; inputs last, because they belong to others.
fn topics_of(cluster: &Cluster<'_>) -> Vec<(String, Role)> {
    let roles =
        [Role::Output, Role::DeadLetters, Role::Changelog, Role::Repartition, Role::Erasures, Role::Input];
    let exact = roles
        .into_iter()
        .flat_map(|role| cluster.of_role(role).into_iter().map(move |name| (name.to_owned(), role)));
    let of_conversations = cluster.of_conversations(|_| true).into_iter().map(|name| (name, Role::Input));
    exact.chain(of_conversations).collect()
}

/// The search texts as they may appear in a record: literally, and as JSON strings.
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

/// What to look for.
struct Search<'l> {
    cluster: &'l Cluster<'l>,
    subjects: &'l Subjects,
    texts: Vec<Vec<u8>>,
}

/// Why a record counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Hit {
    /// It belongs to the subjects; an erasure removes it.
    Theirs,
    /// It belongs to the subjects and remains after the erasure; it contains a search text.
    Stays,
    /// It contains a search text and belongs to this conversation or session, which was not named.
    Others(String),
    /// It contains a search text and belongs to no conversation.
    Unowned,
}

/// The result for a topic.
#[derive(Debug, Default)]
struct Tally {
    /// Records with a value.
    records: usize,
    /// Those that only contain a search text: they belong to others, or remain.
    text_only: usize,
    /// Their latest timestamp.
    newest_ms: Option<i64>,
    /// For each key in its partition, why its latest record counts; `None` when it does not.
    last: BTreeMap<(i32, Vec<u8>), Option<Hit>>,
    /// The number of records by reason, overwritten ones included.
    hits: BTreeMap<Hit, usize>,
}

impl Tally {
    fn take(&mut self, message: &impl Message, hit: Option<Hit>) {
        let place = (message.partition(), message.key().unwrap_or_default().to_vec());
        let Some(hit) = hit else {
            if let Some(last) = self.last.get_mut(&place) {
                *last = None;
            }
            return;
        };
        self.records += 1;
        self.text_only += usize::from(hit != Hit::Theirs);
        self.newest_ms = self.newest_ms.max(message.timestamp().to_millis());
        *self.hits.entry(hit.clone()).or_default() += 1;
        self.last.insert(place, Some(hit));
    }

    /// The number of keys whose latest record counts, by reason.
    fn standing(&self) -> BTreeMap<Hit, usize> {
        let mut standing = BTreeMap::new();
        for hit in self.last.values().flatten() {
            *standing.entry(hit.clone()).or_default() += 1;
        }
        standing
    }

    /// The number of keys whose latest record counts.
    fn current(&self) -> usize {
        self.last.values().flatten().count()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'l> {
    topic: &'l str,
    records: usize,
    text_only: usize,
    current: usize,
    goes: Option<String>,
}

impl Search<'_> {
    fn at(&self, topic: &str, role: Role) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        self.cluster.read_everything(&self.cluster.all(topic)?, &mut |message| {
            tally.take(message, self.hit(topic, role, message)?);
            Ok(())
        })?;
        Ok(tally)
    }

    fn hit(&self, topic: &str, role: Role, message: &BorrowedMessage<'_>) -> anyhow::Result<Option<Hit>> {
        let Some(value) = message.payload() else { return Ok(None) };
        let json = self.cluster.json(topic, Some(value))?.unwrap_or_default();
        if self.is_theirs(topic, role, message, &json)? {
            return Ok(Some(Hit::Theirs));
        }
        let is_text = self.texts.iter().any(|text| contains(value, text) || contains(&json, text));
        if is_text { self.whose(topic, role, message, &json).map(Some) } else { Ok(None) }
    }

    fn is_theirs(
        &self,
        topic: &str,
        role: Role,
        message: &BorrowedMessage<'_>,
        json: &[u8],
    ) -> anyhow::Result<bool> {
        let (config, subjects) = (self.cluster.config, self.subjects);
        let (key, value) = (message.key(), message.payload().unwrap_or_default());
        Ok(match role {
            Role::Output => subjects.own_output(json),
            Role::DeadLetters => letters::is_theirs(self.cluster, subjects, message)?,
            Role::Changelog => subjects.own_state(key.unwrap_or_default(), value),
            Role::Repartition => {
                subjects.own_message(value, &|topic, value| self.cluster.json(topic, value))?
            }
            // The requests remain, because the pipeline needs them to reject later events. Agents are no customers.
            Role::Erasures | Role::AgentStates => false,
            Role::Input => subjects.own_event(key, json, config.conversation_of(topic)),
        })
    }

    /// The owner of a record that contains a search text and is not to be erased.
    fn whose(
        &self,
        topic: &str,
        role: Role,
        message: &BorrowedMessage<'_>,
        json: &[u8],
    ) -> anyhow::Result<Hit> {
        let value = message.payload().unwrap_or_default();
        let owner = match role {
            Role::Output => OwnerName::named(&Named::of_output(json)),
            Role::DeadLetters => {
                let conversation = letters::conversation_of(self.cluster.config, message);
                let json = letters::json_of(self.cluster, message)?.unwrap_or_default();
                Named::of_event(&json, conversation.as_deref()).and_then(|named| OwnerName::named(&named))
            }
            Role::Input => {
                let conversation = self.cluster.config.conversation_of(topic);
                Named::of_event(json, conversation).and_then(|named| OwnerName::named(&named))
            }
            Role::Changelog => {
                let owned = owners::of_state(message.key().unwrap_or_default(), value);
                if owned.as_ref().is_some_and(|owned| owned.stays && self.subjects.are(&owned.owner)) {
                    return Ok(Hit::Stays);
                }
                owned.map(|owned| OwnerName::of(&owned.owner))
            }
            Role::Repartition => owners::of_message(value).map(|owner| OwnerName::of(&owner)),
            Role::Erasures => return Ok(Hit::Stays),
            Role::AgentStates => None,
        };
        Ok(owner.map_or(Hit::Unowned, |OwnerName(owner)| Hit::Others(owner)))
    }
}

/// The owner of a record, for people.
struct OwnerName(String);

impl OwnerName {
    fn named(named: &Named) -> Option<Self> {
        let conversation = named.conversation_id.as_deref().map(Self::conversation);
        conversation.or_else(|| named.channel_session_id.as_deref().map(Self::session))
    }

    fn of(owner: &Owner<'_>) -> Self {
        match owner {
            Owner::Conversation(id) => Self::conversation(id),
            Owner::Session(id) => Self::session(id),
            Owner::Customer(id) => Self(format!("customer {:?}", safe(id, ID_COLUMNS_MAX))),
        }
    }

    fn conversation(id: &str) -> Self {
        Self(format!("conversation {:?}", safe(id, ID_COLUMNS_MAX)))
    }

    fn session(id: &str) -> Self {
        Self(format!("session {:?}", safe(id, ID_COLUMNS_MAX)))
    }
}

/// When the records will be gone, or what to do.
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
    let or_for_ever = || by_retention.clone().unwrap_or_else(|| "kept for ever: set retention.ms".to_owned());
    match role {
        Role::Output | Role::Changelog | Role::Erasures if is_compacted => Some(match tally.current() {
            0 => overwritten(settings),
            _ => {
                let theirs = "not overwritten: run `cx-timelines erase`";
                advice(&tally.standing(), "key", theirs, by_retention.as_deref())
            }
        }),
        // Consumed records are deleted whatever they contain.
        Role::Repartition => Some("run `cx-timelines erase`, which deletes them".to_owned()),
        Role::DeadLetters => {
            let theirs = "to be deleted: run `cx-timelines erase`";
            Some(advice(&tally.hits, "letter", theirs, Some(&or_for_ever())))
        }
        _ => Some(or_for_ever()),
    }
}

/// What to do, once for each kind of hit. Unowned records expire as `retention` says, if at all.
fn advice(hits: &BTreeMap<Hit, usize>, thing: &str, theirs: &str, retention: Option<&str>) -> String {
    let of = |hit: &Hit| hits.get(hit).copied().unwrap_or_default();
    let mut said = Vec::new();
    if of(&Hit::Theirs) > 0 {
        said.push(format!("{} {theirs}", number(of(&Hit::Theirs), thing)));
    }
    let others = hits.iter().filter_map(|(hit, count)| match hit {
        Hit::Others(owner) => Some((owner.as_str(), count)),
        _ => None,
    });
    let (owners, counts): (Vec<&str>, Vec<usize>) = others.unzip();
    if !owners.is_empty() {
        let named: Vec<&str> = owners.iter().take(OTHERS_MAX).copied().collect();
        let more = owners.len() - named.len();
        let more = if more > 0 { format!(", and {more} others") } else { String::new() };
        said.push(format!(
            "{} with the text, owned by others and not removed by this erasure: {}{more}",
            number(counts.iter().sum(), thing),
            named.join(", ")
        ));
    }
    if of(&Hit::Stays) > 0 {
        said.push(format!(
            "{} with the text, not removed by any erasure because later events are rejected by it: ids and times only",
            number(of(&Hit::Stays), thing)
        ));
    }
    if of(&Hit::Unowned) > 0 {
        let goes = retention.unwrap_or("kept until it is overwritten");
        said.push(format!(
            "{} with the text, owned by no conversation and not removed by any erasure: {goes}",
            number(of(&Hit::Unowned), thing)
        ));
    }
    said.join("; ")
}

/// When compaction removes overwritten records.
fn overwritten(settings: &BTreeMap<String, String>) -> String {
    let lag = settings.get("max.compaction.lag.ms").and_then(|ms| ms.parse::<i64>().ok());
    match lag.filter(|lag| *lag < i64::MAX) {
        Some(lag) => format!(
            "all overwritten; compaction removes them about {} after the last write (max.compaction.lag.ms)",
            duration(lag)
        ),
        None => {
            "all overwritten; compaction removes them at some time: set max.compaction.lag.ms, as topics.yaml does"
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
        records
            .iter()
            .for_each(|(key, is_theirs)| tally.take(&record(key), is_theirs.then_some(Hit::Theirs)));
        tally
    }

    fn tally_of(hits: &[Hit]) -> Tally {
        let mut tally = Tally::default();
        hits.iter().enumerate().for_each(|(n, hit)| tally.take(&record(&n.to_string()), Some(hit.clone())));
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
    fn what_only_holds_the_text_is_never_said_to_go_by_erasing_the_same_again() {
        let others = || Hit::Others("conversation \"d\"".to_owned());
        let compacted = settings("compact", "86400000");
        for role in [Role::Output, Role::Changelog] {
            let said = goes(&tally_of(&[others(), others()]), role, false, &compacted).unwrap();
            assert!(!said.contains("run `cx-timelines erase`"), "{said}");
            assert!(
                said.contains("2 keys with the text, owned by others")
                    && said.contains(": conversation \"d\""),
                "{said}"
            );
        }
        let said = goes(&tally_of(&[Hit::Theirs, others(), Hit::Stays]), Role::Changelog, false, &compacted)
            .unwrap();
        assert!(
            said.starts_with(
                "1 key not overwritten: run `cx-timelines erase`; 1 key with the text, owned by others"
            ),
            "{said}"
        );
        assert!(said.ends_with("1 key with the text, not removed by any erasure because later events are rejected by it: ids and times only"), "{said}");

        let said = goes(&tally_of(&[others()]), Role::DeadLetters, false, &settings("delete", "1")).unwrap();
        assert!(
            !said.contains("run `cx-timelines erase`") && said.contains(": conversation \"d\""),
            "{said}"
        );
        let said =
            goes(&tally_of(&[Hit::Unowned]), Role::DeadLetters, false, &settings("delete", "1")).unwrap();
        assert_eq!(
            said,
            "1 letter with the text, owned by no conversation and not removed by any erasure: by retention, at about 2025-06-15 15:06:41Z"
        );
        let said =
            goes(&tally_of(&[Hit::Unowned]), Role::Output, false, &settings("compact,delete", "1")).unwrap();
        assert!(
            said.ends_with("by retention, at about 2025-06-15 15:06:41Z"),
            "windows go with their retention: {said}"
        );
        let said = goes(&tally_of(&[Hit::Stays]), Role::Erasures, false, &compacted).unwrap();
        assert!(
            !said.contains("run `cx-timelines erase`") && said.contains("later events are rejected by it"),
            "{said}"
        );
    }

    #[test]
    fn of_many_others_some_are_named() {
        let hits: Vec<Hit> = (0..9).map(|n| Hit::Others(format!("conversation {n}"))).collect();
        let said = goes(&tally_of(&hits), Role::Output, false, &settings("compact", "1")).unwrap();
        assert!(said.starts_with("9 keys ") && said.ends_with(": conversation 0, conversation 1, conversation 2, conversation 3, conversation 4, and 4 others"), "{said}");
    }

    #[test]
    fn two_letters_of_one_key_count_each() {
        let mut tally = Tally::default();
        tally.take(&record("k"), Some(Hit::Theirs));
        tally.take(&record("k"), None);
        let said = goes(&tally, Role::DeadLetters, false, &settings("delete", "1")).unwrap();
        assert_eq!(said, "1 letter to be deleted: run `cx-timelines erase`");
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
