// SPDX-License-Identifier: Apache-2.0

//! DDL for Apache Flink SQL: a table for each topic, and two views as examples.

mod statement;
mod views;

use avro::Kind;
use model::Schema;

use crate::definition::{LETTER_HEADERS, RECORD_HEADERS, outline};
use crate::sql::{self, KEY, Types as _};
use crate::{Definition, GenerateError, Output, Role, Topic};
pub use statement::Connection;
use statement::{FlinkTypes, column, format, source, statement};

/// Behind the name of a field with a time: the column with the same time as a timestamp.
const AS_TIME: &str = "_time";

/// The statements, in an order in which they can be run.
///
/// # Errors
/// Two topics would have one table, or an Avro topic has no registry.
pub fn ddl(definition: &Definition, connection: &Connection<'_>) -> Result<String, GenerateError> {
    definition.check_identifiers()?;
    let mut out = sql::comment(&format!(
        "Tables of Apache Flink SQL over the topics of cx-timelines {}, made by `cx-timelines generate flink`.\n\
         The tables of output topics are upserts by the record's key: a tombstone deletes the row. Only committed records are \
         read. Times are epoch milliseconds, as in the records; the columns that end in {AS_TIME} are the same as TIMESTAMP_LTZ(3). \
         Bodies are objects as JSON text.",
        definition.version
    ));
    for topic in definition.public() {
        out.push('\n');
        out.push_str(&table(topic, connection)?);
    }
    for view in [views::open_alerts(definition), views::by_hour(definition)].into_iter().flatten() {
        out.push('\n');
        out.push_str(&view);
    }
    Ok(out)
}

fn table(topic: &Topic, connection: &Connection<'_>) -> Result<String, GenerateError> {
    match &topic.role {
        Role::Output(output) => records(topic, output, connection),
        Role::DeadLetters => Ok(letters(topic, connection)),
        Role::Erasures => Ok(requests(topic, connection)),
        Role::Events | Role::AgentStates if topic.is_avro => events(topic, connection),
        Role::Events | Role::AgentStates | Role::Internal => Ok(plain(topic, connection)),
    }
}

/// An output. Its columns may all be null, because in the row of a tombstone they are.
fn records(topic: &Topic, output: &Output, connection: &Connection<'_>) -> Result<String, GenerateError> {
    let fields = output.fields();
    let mut columns = vec![column(KEY, "STRING", &output.key_text())];
    for field in fields {
        if let Some(of) = FlinkTypes.of(&output.outline, &field.kind) {
            columns.push(column(&field.name, &of, &field.doc));
        }
    }
    for field in fields.iter().filter(|field| field.kind == Kind::Time) {
        let (name, time) = (sql::name(&field.name), sql::name(&format!("{}{AS_TIME}", field.name)));
        columns.push(format!("{time} AS TO_TIMESTAMP_LTZ({name}, 3)"));
    }
    columns.push(format!("PRIMARY KEY ({}) NOT ENFORCED", sql::name(KEY)));
    let mut options = source(topic, "upsert-kafka", connection);
    options.extend(format(topic, connection)?);
    let about = format!("One record for each {}.", output.one_for_each);
    Ok(statement(topic, &about, &columns, &options))
}

fn requests(topic: &Topic, connection: &Connection<'_>) -> String {
    let columns = [
        column(KEY, "STRING", "The conversation's or the customer's id."),
        column("conversationId", "STRING", "The conversation to erase."),
        column(
            "customerId",
            "STRING",
            "The customer to erase, with all conversations known of the customer.",
        ),
        format!("PRIMARY KEY ({}) NOT ENFORCED", sql::name(KEY)),
    ];
    let mut options = source(topic, "upsert-kafka", connection);
    options.push(("value.format", "json".to_owned()));
    statement(topic, "Requests to erase.", &columns, &options)
}

/// Dead letters: the record as it came, and the headers with the reason.
fn letters(topic: &Topic, connection: &Connection<'_>) -> String {
    let mut columns = vec![
        column(KEY, "BYTES", "The record's key, as it came."),
        column("record_value", "BYTES", "The record's value, as it came."),
        "`headers` MAP<STRING, BYTES> METADATA VIRTUAL".to_owned(),
        "`timestamp` TIMESTAMP_LTZ(3) METADATA VIRTUAL".to_owned(),
    ];
    for (header, _) in
        LETTER_HEADERS.iter().filter(|header| !RECORD_HEADERS.iter().any(|of| of.0 == header.0))
    {
        let name = header.trim_start_matches("cx.").replace('.', "_");
        columns.push(format!("{} AS CAST(`headers`[{}] AS STRING)", sql::name(&name), sql::text(header)));
    }
    let mut options = source(topic, "kafka", connection);
    options.push(("value.format", "raw".to_owned()));
    statement(topic, "Records that cannot be folded.", &columns, &options)
}

/// JSON of several forms: one column with its text.
fn plain(topic: &Topic, connection: &Connection<'_>) -> String {
    let (key, about) = input(topic);
    let columns = [
        column(KEY, "STRING", key),
        column("record_value", "STRING", "The event's JSON text: JSON_VALUE takes fields from it."),
        "`timestamp` TIMESTAMP_LTZ(3) METADATA VIRTUAL".to_owned(),
    ];
    let mut options = source(topic, "kafka", connection);
    options.push(("value.format", "raw".to_owned()));
    statement(topic, &format!("{about}, as JSON text."), &columns, &options)
}

/// What the key of an input is, and what its records are.
fn input(topic: &Topic) -> (&'static str, &'static str) {
    match topic.role {
        Role::AgentStates => ("The agent's id.", "Agents' states"),
        _ => ("The conversation's id.", "Events"),
    }
}

/// Events in Avro. Fields that may be of several types are left out: Flink has no such type.
fn events(topic: &Topic, connection: &Connection<'_>) -> Result<String, GenerateError> {
    let outline = outline(&Schema::CIM_EVENT)?;
    let (key, about) = input(topic);
    let mut columns = vec![column(KEY, "STRING", key)];
    for field in outline.root().map(|root| root.fields.as_slice()).unwrap_or_default() {
        if let Some(of) = FlinkTypes.of(&outline, &field.kind) {
            columns.push(column(&field.name, &of, &field.doc));
        }
    }
    columns.push("`record_timestamp` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL".to_owned());
    let mut options = source(topic, "kafka", connection);
    options.extend(format(topic, connection)?);
    Ok(statement(
        topic,
        &format!("{about}, without the fields that may be of several types."),
        &columns,
        &options,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{definition, in_avro};

    const CONNECTION: Connection<'_> =
        Connection { bootstrap: "kafka:9092", registry: Some("http://registry:8081") };

    fn statement_of<'d>(ddl: &'d str, table: &str) -> &'d str {
        let start = ddl.find(&format!("CREATE TABLE `{table}`")).unwrap();
        let rest = &ddl[start..];
        &rest[..rest.find(";\n").unwrap()]
    }

    #[test]
    fn every_public_topic_has_a_table_and_internal_ones_have_none() {
        let definition = definition();
        let ddl = ddl(&definition, &CONNECTION).unwrap();
        assert_eq!(ddl.matches("CREATE TABLE ").count(), definition.public().count());
        for topic in definition.public() {
            assert!(ddl.contains(&format!("CREATE TABLE `{}` (", topic.identifier())), "{}", topic.name());
        }
        assert!(!ddl.contains("changelog"), "{ddl}");
        assert_eq!(ddl.matches("CREATE VIEW ").count(), 2);
    }

    #[test]
    fn an_output_is_an_upsert_table_with_the_key_as_its_first_column() {
        let ddl = ddl(&definition(), &CONNECTION).unwrap();
        let table = statement_of(&ddl, "cx_metrics");
        assert_eq!(
            table,
            "CREATE TABLE `cx_metrics` (
  `record_key` STRING COMMENT 'dimension/id/size/windowStart',
  `dimension` STRING COMMENT 'What the figures are of: queue, agent, channel, bot or queue-agent.',
  `id` STRING COMMENT 'Which one: a queue''s name, an agent''s or bot''s id, a channel''s type; of queue-agent QUEUE/AGENT, each escaped.',
  `windowStart` BIGINT COMMENT 'The window''s first instant.',
  `windowEnd` BIGINT COMMENT 'The first instant after it.',
  `figures` MAP<STRING, BIGINT> COMMENT 'The figures by name; those that are 0 are left out.',
  `revision` BIGINT COMMENT 'The number of changes folded in. It depends on how they came.',
  `histograms` MAP<STRING, MAP<STRING, BIGINT>> COMMENT 'Counts of values by upper bound, by name of the histogram; counts of 0 are left out.',
  `windowStart_time` AS TO_TIMESTAMP_LTZ(`windowStart`, 3),
  `windowEnd_time` AS TO_TIMESTAMP_LTZ(`windowEnd`, 3),
  PRIMARY KEY (`record_key`) NOT ENFORCED
) COMMENT 'One record for each window of a queue, agent, agent at a queue, channel or bot.' WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'cx.metrics',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.isolation.level' = 'read_committed',
  'key.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'json'
)"
        );
    }

    #[test]
    fn an_avro_topic_names_the_registry_and_has_the_same_columns() {
        let (json, avro) = (definition(), in_avro(definition()));
        let (json, avro) = (ddl(&json, &CONNECTION).unwrap(), ddl(&avro, &CONNECTION).unwrap());
        for table in ["cx_activities", "cx_conversations", "cx_audit"] {
            let (json, avro) = (statement_of(&json, table), statement_of(&avro, table));
            let columns = |statement: &str| statement.split(" WITH (").next().unwrap().to_owned();
            assert_eq!(columns(json), columns(avro));
            assert!(avro.ends_with(
                "'value.format' = 'avro-confluent',\n  'value.avro-confluent.url' = 'http://registry:8081'\n)"
            ));
        }
        for table in ["cx_events", "cx_agent_states"] {
            assert!(statement_of(&avro, table).contains("`data` STRING COMMENT"), "{table}");
            assert!(statement_of(&json, table).contains("`record_value` STRING COMMENT"), "{table}");
        }
    }

    #[test]
    fn an_avro_topic_without_a_registry_is_refused_with_the_remedy() {
        let connection = Connection { bootstrap: "kafka:9092", registry: None };
        let error = ddl(&in_avro(definition()), &connection).unwrap_err().to_string();
        assert!(
            error.starts_with("topic cx.events has `format: avro`") && error.contains("; name its"),
            "{error}"
        );
    }

    #[test]
    fn a_dead_letters_headers_are_columns() {
        let ddl = ddl(&definition(), &CONNECTION).unwrap();
        let table = statement_of(&ddl, "cx_dead_letters");
        assert!(table.contains("`error_reason` AS CAST(`headers`['cx.error.reason'] AS STRING)"), "{table}");
    }
}
