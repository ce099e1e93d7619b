//! Under which names schemas are registered.

use crate::schemas::Schema;

/// How the subject of a topic's values is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectStrategy {
    /// `<topic>-value`: a topic has records of one kind, as all of ours have.
    #[default]
    Topic,
    /// The record's full name, whatever the topic.
    Record,
    /// `<topic>-<the record's full name>`.
    TopicRecord,
}

impl SubjectStrategy {
    /// All of them.
    pub const ALL: &[SubjectStrategy] =
        &[SubjectStrategy::Topic, SubjectStrategy::Record, SubjectStrategy::TopicRecord];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SubjectStrategy::Topic => "topic",
            SubjectStrategy::Record => "record",
            SubjectStrategy::TopicRecord => "topic-record",
        }
    }

    /// The strategy of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        SubjectStrategy::ALL.iter().find(|strategy| strategy.as_str() == name).copied()
    }

    /// The subject under which a topic's schema is registered.
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
