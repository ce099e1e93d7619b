// SPDX-License-Identifier: Apache-2.0

//! The client kit in Python: a dataclass for each record, and tables of the current ones.

use std::fmt::Write as _;

use avro::{FieldOutline, Kind, RecordOutline};

use crate::kit::Kit;
use crate::sql::wrapped;
use crate::value::{doc, is_nullable, is_object};
use crate::{Definition, File};

const HEAD: &str = include_str!("python/head.py");
const TAIL: &str = include_str!("python/tail.py");
/// The widest line of a description, without its indentation.
const COLUMNS: usize = 100;
/// Words that cannot be names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The module.
#[must_use]
pub fn module(definition: &Definition) -> File {
    let kit = Kit::new(definition);
    let mut text = HEAD.to_owned();
    for record in &kit.records {
        text.push_str("\n\n");
        text.push_str(&class(&kit, record));
    }
    // Its first line is that of the licence.
    text.push_str(TAIL.split_once('\n').map_or(TAIL, |(_, rest)| rest));
    text.push_str("\n\nRECORDS: Mapping[str, type[Record]] = {\n");
    for topic in &kit.topics {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    \"{}\": {},", topic.name, topic.record);
    }
    text.push_str("}\n\"\"\"The records of the output topics, by topic.\"\"\"\n");
    File { name: "cx_timelines.py".to_owned(), text }
}

fn class(kit: &Kit, record: &RecordOutline) -> String {
    let name = &record.name;
    let mut out = format!("@dataclass(frozen=True, slots=True, kw_only=True)\nclass {name}:\n");
    out.push_str(&docstring(&record.doc));
    out.push('\n');
    // Writing to a String cannot fail.
    if let Some(topic) = kit.topic_of(record) {
        let _ = writeln!(
            out,
            "    TOPIC: ClassVar[str] = \"{}\"\n    \"\"\"The topic of these records.\"\"\"\n",
            topic.name
        );
    }
    for field in &record.fields {
        let _ = writeln!(out, "    {}: {}", snake(&field.name), annotation(record, field));
        out.push_str(&docstring(&doc(record, field)));
    }
    let _ = write!(
        out,
        "\n    @classmethod\n    def from_json(cls, value: Json) -> Self:\n        \"\"\"Reads the JSON object.\"\"\"\n        return cls(\n"
    );
    for field in &record.fields {
        let _ = writeln!(out, "            {}={},", snake(&field.name), reading(record, field));
    }
    out.push_str("        )\n");
    out
}

/// A description below what it describes.
fn docstring(text: &str) -> String {
    let lines = wrapped(&text.replace('\\', "\\\\").replace('"', "'"), COLUMNS);
    format!("    \"\"\"{}\"\"\"\n", lines.join("\n    "))
}

fn annotation(record: &RecordOutline, field: &FieldOutline) -> String {
    let of = if is_object(field) { "Json".to_owned() } else { type_of(&field.kind) };
    if is_nullable(record, field) { format!("{of} | None") } else { of }
}

fn type_of(kind: &Kind) -> String {
    match kind {
        Kind::Boolean => "bool".to_owned(),
        Kind::Long => "int".to_owned(),
        Kind::Time => "datetime".to_owned(),
        Kind::Double => "float".to_owned(),
        Kind::Text => "str".to_owned(),
        Kind::List(of) => format!("list[{}]", type_of(of)),
        Kind::Map(of) => format!("dict[str, {}]", type_of(of)),
        Kind::Record(name) => name.clone(),
        Kind::OneOf(kinds) => kinds.iter().map(type_of).collect::<Vec<_>>().join(" | "),
    }
}

/// How a field is read of the object `value`.
fn reading(record: &RecordOutline, field: &FieldOutline) -> String {
    let name = &field.name;
    let is_null_too = is_nullable(record, field);
    let taken = match &field.default {
        Some(default) if !is_null_too && (default.is_i64() || default.is_string()) => {
            format!("value.get(\"{name}\", {default})")
        }
        Some(_) => format!("value.get(\"{name}\")"),
        None => format!("value[\"{name}\"]"),
    };
    match read_by(&field.kind) {
        Reader::Each(of) => format!("_list({taken}, {of})"),
        Reader::One(of) if is_null_too => format!("_maybe({taken}, {of})"),
        Reader::One(of) if field.default.is_some() => format!("{of}({taken} or {{}})"),
        Reader::One(of) => format!("{of}({taken})"),
        Reader::AsItIs if matches!(field.kind, Kind::List(_)) => format!("{taken} or []"),
        Reader::AsItIs if matches!(field.kind, Kind::Map(_)) => format!("{taken} or {{}}"),
        Reader::AsItIs => taken,
    }
}

enum Reader {
    /// JSON has it as Python does.
    AsItIs,
    /// By this function.
    One(String),
    /// Each item of a list by this function.
    Each(String),
}

fn read_by(kind: &Kind) -> Reader {
    match kind {
        Kind::Time => Reader::One("_time".to_owned()),
        Kind::Record(name) => Reader::One(format!("{name}.from_json")),
        Kind::List(of) => match read_by(of) {
            Reader::One(of) => Reader::Each(of),
            _ => Reader::AsItIs,
        },
        _ => Reader::AsItIs,
    }
}

/// `startedAt` as `started_at`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    if KEYWORDS.contains(&out.as_str()) {
        out.push('_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::definition;

    #[test]
    fn a_record_is_a_frozen_dataclass_with_its_descriptions() {
        let text = module(&definition()).text;
        let class = "@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    \"\"\"A time that a conversation was open.\"\"\"

    started_at: datetime
    \"\"\"When it began.\"\"\"
    closed_at: datetime | None
    \"\"\"When it was closed.\"\"\"
    outcome: str | None
    \"\"\"How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open.\"\"\"

    @classmethod
    def from_json(cls, value: Json) -> Self:
        \"\"\"Reads the JSON object.\"\"\"
        return cls(
            started_at=_time(value[\"startedAt\"]),
            closed_at=_maybe(value.get(\"closedAt\"), _time),
            outcome=value.get(\"outcome\"),
        )
";
        assert!(text.contains(class), "{text}");
    }

    #[test]
    fn the_record_of_a_topic_names_it_and_reads_what_is_within() {
        let text = module(&definition()).text;
        for part in [
            "    TOPIC: ClassVar[str] = \"cx.conversations\"\n",
            "            sessions=_list(value.get(\"sessions\"), Session.from_json),\n",
            "            counts=Counts.from_json(value[\"counts\"]),\n",
            "            omitted=OmittedLists.from_json(value.get(\"omitted\") or {}),\n",
            "            waits=value.get(\"waits\", \"CUSTOMER\"),\n",
            "    body: Json | None\n",
            "    histograms: dict[str, dict[str, int]]\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(text.matches("SPDX-License-Identifier").count(), 1);
    }

    #[test]
    fn names_become_pythons() {
        assert_eq!(snake("repeatsWithin24h"), "repeats_within24h");
        assert_eq!(snake("from"), "from_");
    }
}
