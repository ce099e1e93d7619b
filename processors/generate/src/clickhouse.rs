// SPDX-License-Identifier: Apache-2.0

//! DDL for ClickHouse: for each output topic the table of its current records, the queue that reads the topic, and the view that
//! brings each record from there to the table.

use std::fmt::Write as _;

use avro::{FieldOutline, Kind, Outline};

use crate::sql::{self, KEY, Types};
use crate::value::is_nullable;
use crate::{Definition, GenerateError, Output, Topic};

/// The consumer group of a queue is this and the topic's name.
const GROUP: &str = "clickhouse-";
/// Behind the name of a field with a time: the column with the same time as a DateTime64.
const AS_TIME: &str = "_time";

/// The statements, in an order in which they can be run.
///
/// # Errors
/// Two topics would have one table.
pub fn ddl(definition: &Definition, bootstrap: &str) -> Result<String, GenerateError> {
    definition.check_identifiers()?;
    let mut out = sql::comment(&format!(
        "Tables of ClickHouse over the output topics of cx-timelines {}, made by `cx-timelines generate clickhouse`.\n\
         Of each key the record with the greatest offset counts, and none if that is a tombstone: read with FINAL. Rows that a tombstone \
         has deleted stay on disk until they are merged: after an erasure run OPTIMIZE TABLE … FINAL CLEANUP.\n\
         A record within a record is a tuple, which cannot be null: where there is none, its fields are null, empty or 0. Times are epoch \
         milliseconds, as in the records; the columns that end in {AS_TIME} are the same as DateTime64(3). Bodies are objects as JSON text.",
        definition.version
    ));
    for (topic, output) in definition.outputs() {
        out.push('\n');
        if topic.is_avro {
            let why = format!(
                "{}: its values are Avro, of which ClickHouse's queue passes no tombstones on. Use the sink of Kafka Connect.",
                topic.name()
            );
            out.push_str(&sql::comment(&why));
            continue;
        }
        out.push_str(&statements(topic, output, bootstrap));
    }
    Ok(out)
}

struct ClickHouseTypes;

impl Types for ClickHouseTypes {
    fn word(&self, kind: &Kind) -> Option<&'static str> {
        match kind {
            Kind::Boolean => Some("Bool"),
            Kind::Long | Kind::Time => Some("Int64"),
            Kind::Double => Some("Float64"),
            Kind::Text => Some("String"),
            _ => None,
        }
    }

    fn list(&self, of: &str) -> String {
        format!("Array({of})")
    }

    fn map(&self, of: &str) -> String {
        format!("Map(String, {of})")
    }

    fn record(&self, fields: &str) -> String {
        format!("Tuple({fields})")
    }

    /// Neither tuples nor lists can be null.
    fn nullable(&self, of: String, kind: &Kind) -> String {
        match kind {
            Kind::Boolean | Kind::Long | Kind::Time | Kind::Double | Kind::Text => format!("Nullable({of})"),
            _ => of,
        }
    }
}

fn type_of(outline: &Outline, field: &FieldOutline, is_nullable: bool) -> Option<String> {
    let of = ClickHouseTypes.of(outline, &field.kind)?;
    Some(if is_nullable { ClickHouseTypes.nullable(of, &field.kind) } else { of })
}

fn statements(topic: &Topic, output: &Output, bootstrap: &str) -> String {
    let (table, outline) = (topic.identifier(), &output.outline);
    let Some(root) = outline.root() else { return String::new() };
    let columns: Vec<(&FieldOutline, String)> = root
        .fields
        .iter()
        .filter_map(|field| Some((field, type_of(outline, field, is_nullable(root, field))?)))
        .collect();
    let mut out = format!("CREATE TABLE `{table}` (\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  `{KEY}` String COMMENT {},", sql::text(&output.key_text()));
    for (field, of) in &columns {
        let _ = writeln!(out, "  {} {of} COMMENT {},", sql::name(&field.name), sql::text(&field.doc));
    }
    for (field, _) in columns.iter().filter(|(field, _)| field.kind == Kind::Time) {
        let name = &field.name;
        let of = if field.is_nullable { "Nullable(DateTime64(3, 'UTC'))" } else { "DateTime64(3, 'UTC')" };
        let _ = writeln!(out, "  `{name}{AS_TIME}` {of} ALIAS fromUnixTimestamp64Milli(`{name}`, 'UTC'),");
    }
    let _ = write!(
        out,
        "  `record_offset` UInt64 COMMENT 'The record''s offset; that of a newer one is greater.',
  `is_deleted` UInt8 COMMENT '1: a tombstone.'
) ENGINE = ReplacingMergeTree(`record_offset`, `is_deleted`)
ORDER BY `{KEY}`
SETTINGS allow_experimental_replacing_merge_with_cleanup = 1
COMMENT {};

CREATE TABLE `{table}_queue` (`value` String)
ENGINE = Kafka
SETTINGS kafka_broker_list = {}, kafka_topic_list = {}, kafka_group_name = {}, kafka_format = 'RawBLOB';

",
        sql::text(&format!("One record for each {}.", output.one_for_each)),
        sql::text(bootstrap),
        sql::text(topic.name()),
        sql::text(&format!("{GROUP}{}", topic.name())),
    );
    out.push_str(&view(&table, &columns));
    out
}

/// The view takes each field out of a record's text. That of a tombstone is empty.
fn view(table: &str, columns: &[(&FieldOutline, String)]) -> String {
    let fields: Vec<String> = columns
        .iter()
        .map(|(field, of)| {
            let name = sql::text(&field.name);
            format!("  JSONExtract(`value`, {name}, {}) AS {}", sql::text(of), sql::name(&field.name))
        })
        .collect();
    format!(
        "CREATE MATERIALIZED VIEW `{table}_view` TO `{table}` AS
SELECT
  _key AS `{KEY}`,
{},
  _offset AS `record_offset`,
  empty(`value`) AS `is_deleted`
FROM `{table}_queue`;
",
        fields.join(",\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{definition, in_avro};

    #[test]
    fn an_output_has_a_table_a_queue_and_a_view() {
        let definition = definition();
        let ddl = ddl(&definition, "kafka:9092").unwrap();
        for start in [
            "CREATE TABLE `cx_customers` (",
            "CREATE TABLE `cx_customers_queue` (",
            "CREATE MATERIALIZED VIEW `cx_customers_view`",
        ] {
            assert_eq!(ddl.matches(start).count(), 1, "{start}");
        }
        assert_eq!(ddl.matches("ENGINE = Kafka").count(), definition.outputs().count());
        assert!(ddl.contains("kafka_broker_list = 'kafka:9092', kafka_topic_list = 'cx.customers', kafka_group_name = 'clickhouse-cx.customers'"));
        assert!(ddl.contains("  `outcome` Nullable(String) COMMENT 'How it ended: HANDLED"), "{ddl}");
        assert!(
            ddl.contains(
                "Array(Tuple(`conversationId` String, `startedAt` Int64, `closedAt` Nullable(Int64)"
            ),
            "{ddl}"
        );
    }

    #[test]
    fn an_avro_topic_has_a_sentence_instead() {
        let ddl = ddl(&in_avro(definition()), "kafka:9092").unwrap();
        assert!(!ddl.contains("CREATE") && ddl.contains("-- cx.agents: its values are Avro"), "{ddl}");
    }
}
