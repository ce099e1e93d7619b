// SPDX-License-Identifier: Apache-2.0

//! What the client kits share: the records of all output topics, each under a name of its own.

use std::collections::BTreeMap;

use avro::{FieldOutline, Kind, RecordOutline};

use crate::{Definition, Output};

/// The records and topics of a kit.
pub(crate) struct Kit {
    /// The records; those within others come before these.
    pub(crate) records: Vec<RecordOutline>,
    /// The topics, in the order of topics.yaml.
    pub(crate) topics: Vec<TopicOf>,
}

/// An output topic.
pub(crate) struct TopicOf {
    /// Its name.
    pub(crate) name: String,
    /// The name of its record.
    pub(crate) record: String,
}

impl Kit {
    /// The kit of a definition.
    pub(crate) fn new(definition: &Definition) -> Self {
        let mut kit = Self { records: Vec::new(), topics: Vec::new() };
        for (topic, output) in definition.outputs() {
            if let Some(record) = kit.add(output) {
                kit.topics.push(TopicOf { name: topic.name().to_owned(), record });
            }
        }
        kit
    }

    /// The first topic whose records these are.
    pub(crate) fn topic_of(&self, record: &RecordOutline) -> Option<&TopicOf> {
        self.topics.iter().find(|topic| topic.record == record.name)
    }

    /// Adds the records of an output, and returns the name of its own one.
    fn add(&mut self, output: &Output) -> Option<String> {
        let root = output.outline.root()?;
        let mut names = BTreeMap::new();
        for record in output.outline.records() {
            let record = renamed(record, &names);
            let name = self.name(&root.name, record.clone());
            names.insert(record.name, name);
        }
        names.get(&root.name).cloned()
    }

    /// The name of a record: its own one, unless another record has it; then its schema's name comes first.
    fn name(&mut self, root: &str, mut record: RecordOutline) -> String {
        let known = self.records.iter().find(|known| known.name == record.name);
        match known {
            Some(known) if is_same(known, &record) => return record.name,
            Some(_) => record.name = format!("{root}{}", record.name),
            None => {}
        }
        let name = record.name.clone();
        if self.records.iter().all(|known| known.name != name) {
            self.records.push(record);
        }
        name
    }
}

/// A record with the kit's names of the records within it.
fn renamed(record: &RecordOutline, names: &BTreeMap<String, String>) -> RecordOutline {
    let fields =
        record.fields.iter().map(|field| FieldOutline { kind: kind(&field.kind, names), ..field.clone() });
    RecordOutline { fields: fields.collect(), ..record.clone() }
}

fn kind(of: &Kind, names: &BTreeMap<String, String>) -> Kind {
    match of {
        Kind::List(of) => Kind::List(Box::new(kind(of, names))),
        Kind::Map(of) => Kind::Map(Box::new(kind(of, names))),
        Kind::Record(name) => Kind::Record(names.get(name).unwrap_or(name).clone()),
        Kind::OneOf(kinds) => Kind::OneOf(kinds.iter().map(|of| kind(of, names)).collect()),
        other => other.clone(),
    }
}

/// Whether two records have the same fields, whatever these are described as.
fn is_same(one: &RecordOutline, other: &RecordOutline) -> bool {
    let fields = |record: &RecordOutline| {
        let fields = record.fields.iter().map(|field| FieldOutline { doc: String::new(), ..field.clone() });
        fields.collect::<Vec<_>>()
    };
    fields(one) == fields(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::definition;
    use std::collections::BTreeSet;

    #[test]
    fn records_of_several_topics_are_there_once_and_names_are_unique() {
        let kit = Kit::new(&definition());
        let names: BTreeSet<&str> = kit.records.iter().map(|record| record.name.as_str()).collect();
        assert_eq!(names.len(), kit.records.len());
        assert_eq!(kit.topics.len(), definition().outputs().count());
        assert!(kit.topics.iter().all(|topic| names.contains(topic.record.as_str())));
        assert_eq!(kit.records.iter().filter(|record| record.name.ends_with("Actor")).count(), 1);
    }

    #[test]
    fn a_record_of_other_fields_gets_its_schemas_name_in_front() {
        let mut kit = Kit::new(&definition());
        let actor = kit.records.iter().find(|record| record.name == "Actor").unwrap().clone();
        let other = RecordOutline { fields: Vec::new(), ..actor.clone() };
        assert_eq!(kit.name("Alert", actor), "Actor");
        assert_eq!(kit.name("Alert", other.clone()), "AlertActor");
        assert_eq!(kit.name("Alert", other), "AlertActor");
        assert_eq!(kit.records.iter().filter(|record| record.name == "AlertActor").count(), 1);
    }
}
