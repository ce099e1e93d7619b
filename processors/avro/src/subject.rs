// SPDX-License-Identifier: Apache-2.0

//! Subject names.

use model::Schema;

/// The naming strategy of a topic's value subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectStrategy {
    /// `<topic>-value`: for topics with one type of record, as all of ours.
    #[default]
    Topic,
    /// The record's full name, for any topic.
    Record,
    /// `<topic>-<the record's full name>`.
    TopicRecord,
}

impl SubjectStrategy {
    /// All strategies.
    pub const ALL: &[SubjectStrategy] =
        &[SubjectStrategy::Topic, SubjectStrategy::Record, SubjectStrategy::TopicRecord];

    /// The strategy's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SubjectStrategy::Topic => "topic",
            SubjectStrategy::Record => "record",
            SubjectStrategy::TopicRecord => "topic-record",
        }
    }

    /// The strategy with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SubjectStrategy::ALL.iter().find(|strategy| strategy.as_str() == name).copied()
    }

    /// The subject of a topic's schema.
    #[must_use]
    pub fn subject(self, topic: &str, schema: &Schema) -> String {
        match self {
            SubjectStrategy::Topic => format!("{topic}-value"),
            SubjectStrategy::Record => schema.record.to_owned(),
            SubjectStrategy::TopicRecord => format!("{topic}-{}", schema.record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_called_after_the_topic_the_record_or_both() {
        let subjects =
            SubjectStrategy::ALL.iter().map(|strategy| strategy.subject("cx.activities", &Schema::ACTIVITY));
        assert_eq!(
            subjects.collect::<Vec<_>>(),
            ["cx.activities-value", "cx.timelines.Activity", "cx.activities-cx.timelines.Activity"]
        );
    }

    #[test]
    fn every_strategy_has_a_word() {
        for strategy in SubjectStrategy::ALL {
            assert_eq!(SubjectStrategy::from_name(strategy.as_str()), Some(*strategy));
        }
        assert_eq!(SubjectStrategy::from_name("other"), None);
    }

    #[test]
    fn a_schemas_record_is_that_of_its_text() {
        for schema in Schema::ALL {
            let parsed = apache_avro::Schema::parse_str(schema.text).unwrap();
            assert_eq!(parsed.name().unwrap().fullname(None), schema.record);
        }
    }
}
