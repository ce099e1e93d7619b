// SPDX-License-Identifier: Apache-2.0

//! The client kit in TypeScript: an interface for each record, and tables of the current ones.

use std::fmt::Write as _;

use avro::{FieldOutline, Kind, RecordOutline};

use crate::kit::Kit;
use crate::sql::wrapped;
use crate::value::{doc, is_nullable, is_object};
use crate::{Definition, File};

const HEAD: &str = include_str!("typescript/head.ts");
const TAIL: &str = include_str!("typescript/tail.ts");
/// The widest line of a description, without its indentation.
const COLUMNS: usize = 100;

/// The module.
#[must_use]
pub fn module(definition: &Definition) -> File {
    let kit = Kit::new(definition);
    let mut text = HEAD.to_owned();
    for record in &kit.records {
        text.push('\n');
        text.push_str(&interface(record));
    }
    text.push_str("\n/** The records of the output topics, by topic. */\nexport interface Topics {\n");
    for topic in &kit.topics {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  \"{}\": {};", topic.name, topic.record);
    }
    text.push_str("}\n");
    // Its first line is that of the licence.
    text.push_str(TAIL.split_once('\n').map_or(TAIL, |(_, rest)| rest));
    File { name: "cx-timelines.ts".to_owned(), text }
}

fn interface(record: &RecordOutline) -> String {
    let mut out = comment(&record.doc, "");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "export interface {} {{", record.name);
    for field in &record.fields {
        out.push_str(&comment(&doc(record, field), "  "));
        let _ = writeln!(out, "  readonly {}: {};", field.name, annotation(record, field));
    }
    out.push_str("}\n");
    out
}

/// A description above what it describes.
fn comment(text: &str, indent: &str) -> String {
    // What would end the comment.
    let lines = wrapped(&text.replace("*/", "* /"), COLUMNS);
    match lines.as_slice() {
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let lines: String = lines.iter().map(|line| format!("{indent} * {line}\n")).collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
    }
}

fn annotation(record: &RecordOutline, field: &FieldOutline) -> String {
    let of = if is_object(field) { "JsonObject".to_owned() } else { type_of(&field.kind) };
    if is_nullable(record, field) { format!("{of} | null") } else { of }
}

fn type_of(kind: &Kind) -> String {
    match kind {
        Kind::Boolean => "boolean".to_owned(),
        Kind::Long | Kind::Double => "number".to_owned(),
        Kind::Time => "EpochMillis".to_owned(),
        Kind::Text => "string".to_owned(),
        Kind::List(of) => format!("readonly {}[]", type_of(of)),
        Kind::Map(of) => format!("{{ readonly [name: string]: {} }}", type_of(of)),
        Kind::Record(name) => name.clone(),
        Kind::OneOf(kinds) => kinds.iter().map(type_of).collect::<Vec<_>>().join(" | "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::definition;

    #[test]
    fn a_record_is_an_interface_with_its_descriptions() {
        let text = module(&definition()).text;
        let interface = "/** A time that a conversation was open. */
export interface Cycle {
  /** When it began. */
  readonly startedAt: EpochMillis;
  /** When it was closed. */
  readonly closedAt: EpochMillis | null;
  /** How it ended: HANDLED, ABANDONED, NO_AGENT or CONTAINED; null while it is open. */
  readonly outcome: string | null;
}
";
        assert!(text.contains(interface), "{text}");
        assert_eq!(text.matches("SPDX-License-Identifier").count(), 1);
    }

    #[test]
    fn each_topic_has_its_record() {
        let text = module(&definition()).text;
        for (topic, record) in [("cx.conversations", "Conversation"), ("cx.metrics", "MetricsWindow")] {
            assert!(text.contains(&format!("  \"{topic}\": {record};\n")), "{topic}");
        }
        for part in [
            "  readonly histograms: { readonly [name: string]: { readonly [name: string]: number } };\n",
            "  readonly body: JsonObject | null;\n",
            "  readonly sessions: readonly Session[];\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
