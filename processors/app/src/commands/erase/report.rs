// SPDX-License-Identifier: Apache-2.0

//! The output of `erase`.

use rdkafka::message::Message;

use super::cluster::Cluster;
use super::subjects::Subjects;
use crate::config::Role;
use crate::exit::Failure;
use crate::render::text::{column, count, safe, time};
use crate::topics;

/// The maximum of ids listed.
const NAMED_MAX: usize = 20;
const ID_COLUMNS_MAX: usize = 80;
const TOPIC_COLUMNS: usize = 26;

/// The subjects' records before the erasure.
pub struct ErasureReport {
    /// Records by topic.
    pub counts: Vec<(String, usize)>,
    /// The producers' topics.
    pub inputs: Inputs,
}

impl ErasureReport {
    /// The text for a decision.
    pub fn text(&self, subjects: &Subjects) -> String {
        let mut said = format!("{} to erase\n", conversations(subjects.conversations.len()));
        for id in subjects.conversations.iter().take(NAMED_MAX) {
            said.push_str(&format!("  {}\n", safe(id, ID_COLUMNS_MAX)));
        }
        if subjects.conversations.len() > NAMED_MAX {
            said.push_str(&format!("  and {} more\n", subjects.conversations.len() - NAMED_MAX));
        }
        for id in subjects.unknown().take(NAMED_MAX) {
            said.push_str(&format!(
                "nothing is known of conversation {:?}; it is asked for all the same, so that what still comes is refused\n",
                safe(id, ID_COLUMNS_MAX)
            ));
        }
        if subjects.conversations.is_empty() {
            said.push_str("no conversation is known of this customer; it is asked for all the same\n");
        }
        for (topic, records) in self.counts.iter().filter(|(_, records)| *records > 0) {
            said.push_str(&format!("  {} {}\n", column(topic, TOPIC_COLUMNS), number(*records, "record")));
        }
        for (topic, text) in self.inputs.lines() {
            said.push_str(&format!("  {} {text}\n", column(&topic, TOPIC_COLUMNS)));
        }
        said
    }
}

/// Records of the input that are the subjects': they are the producers', and go when their time is up.
pub struct Inputs(Vec<Input>);

struct Input {
    topic: String,
    records: usize,
    /// Kafka keeps the last of them until then; none where it keeps records for ever.
    until_ms: Option<i64>,
    is_of_one_conversation: bool,
}

impl Inputs {
    /// Looks at all inputs, of the topics of one conversation each at those of the subjects.
    ///
    /// # Errors
    /// A topic cannot be read.
    pub fn look(cluster: &Cluster<'_>, subjects: &Subjects) -> Result<Self, Failure> {
        let exact = cluster.of_role(Role::Input).into_iter().map(str::to_owned);
        let names: Vec<String> =
            exact.chain(cluster.of_conversations(|id| subjects.conversations.contains(id))).collect();
        let settings = topics::settings_of(&cluster.client, names.iter().map(String::as_str))?;
        let mut inputs = Vec::new();
        for topic in names {
            let conversation = cluster.config.conversation_of(&topic);
            let (mut records, mut newest) = (0, None);
            cluster.read(&cluster.all(&topic)?, &mut |message| {
                let Some(value) = cluster.json(&topic, message.payload())? else { return Ok(()) };
                if subjects.own_event(message.key(), &value, conversation) {
                    records += 1;
                    newest = newest.max(message.timestamp().to_millis());
                }
                Ok(())
            })?;
            let retention = settings.get(&topic).and_then(retention_ms);
            let until_ms = retention.and_then(|retention| Some(newest?.saturating_add(retention)));
            let is_of_one_conversation = conversation.is_some();
            inputs.push(Input { topic, records, until_ms, is_of_one_conversation });
        }
        inputs.retain(|input| input.records > 0);
        Ok(Self(inputs))
    }

    /// For each topic what is to be said.
    pub fn lines(&self) -> Vec<(String, String)> {
        self.0.iter().map(|input| (input.topic.clone(), input.text())).collect()
    }
}

impl Input {
    fn text(&self) -> String {
        let records = number(self.records, "record");
        let still = if self.records == 1 { "still holds" } else { "still hold" };
        if self.is_of_one_conversation {
            return format!("{records} {still} it: delete the topic");
        }
        match self.until_ms {
            Some(until) => format!("{records} {still} it, the last until about {} (retention)", time(until)),
            None => {
                format!("{records} {still} it, for ever: set retention.ms, or have its producer delete them")
            }
        }
    }
}

/// How long a topic keeps a record, if not for ever.
pub fn retention_ms(settings: &std::collections::BTreeMap<String, String>) -> Option<i64> {
    let deletes = settings.get("cleanup.policy").is_some_and(|policy| policy.contains("delete"));
    settings.get("retention.ms").and_then(|ms| ms.parse().ok()).filter(|ms: &i64| deletes && *ms >= 0)
}

/// A line of the report.
pub fn line(topic: &str, text: &str) {
    anstream::println!("  {} {text}", column(topic, TOPIC_COLUMNS));
}

/// The result for an output.
pub fn swept(records: usize) -> String {
    match records {
        0 => "no record is left: the pipeline has erased all of them".to_owned(),
        records => format!("{} overwritten, besides what the pipeline has erased", number(records, "record")),
    }
}

/// The result for the dead letters.
pub fn letters(records: usize, moved: usize) -> String {
    match records {
        0 => "no dead letter belongs to them".to_owned(),
        records => {
            let moved = match moved {
                0 => String::new(),
                moved => {
                    format!("; {} before them moved to the end", number(moved, "other"))
                }
            };
            format!("{} deleted{moved}", number(records, "dead letter"))
        }
    }
}

/// The result for the repartition topic.
pub fn cut(partitions: usize) -> String {
    match partitions {
        0 => "no consumed record is left".to_owned(),
        partitions => format!("consumed records deleted, in {}", number(partitions, "partition")),
    }
}

/// A number of conversations, in words.
pub fn conversations(number_of: usize) -> String {
    number(number_of, "conversation")
}

/// A number of things, in words.
pub fn number(number: usize, thing: &str) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX), thing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn settings(policy: &str, retention: &str) -> BTreeMap<String, String> {
        let entries = [("cleanup.policy", policy), ("retention.ms", retention)];
        entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_topic_that_deletes_keeps_a_record_for_its_retention() {
        assert_eq!(retention_ms(&settings("delete", "5")), Some(5));
        assert_eq!(retention_ms(&settings("compact,delete", "5")), Some(5));
        assert_eq!(retention_ms(&settings("compact", "5")), None);
        assert_eq!(retention_ms(&settings("delete", "-1")), None);
    }

    #[test]
    fn of_an_input_it_is_said_until_when_it_holds_the_records_and_what_can_be_done() {
        let text = |records, until_ms, is_of_one_conversation| {
            Input { topic: "t".to_owned(), records, until_ms, is_of_one_conversation }.text()
        };
        let until = text(2, Some(1_750_000_000_000), false);
        assert_eq!(until, "2 records still hold it, the last until about 2025-06-15 15:06:40Z (retention)");
        assert!(text(1, None, false).contains("1 record still holds it, for ever"));
        assert!(text(1, Some(5), true).contains("delete the topic"));
    }

    #[test]
    fn whoever_decides_sees_what_there_is_and_what_is_unknown() {
        let subjects = Subjects::new(&["c\u{1b}".to_owned()], &[]);
        let counts = vec![("cx.activities".to_owned(), 2), ("cx.audit".to_owned(), 0)];
        let text = ErasureReport { counts, inputs: Inputs(Vec::new()) }.text(&subjects);
        assert!(text.starts_with("1 conversation to erase\n  c\\u{1b}\nnothing is known of"), "{text}");
        assert!(
            text.contains("cx.activities              2 records") && !text.contains("cx.audit"),
            "{text}"
        );
    }
}
