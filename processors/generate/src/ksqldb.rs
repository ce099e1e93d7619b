// SPDX-License-Identifier: Apache-2.0

//! DDL for ksqlDB: a table for each output topic, a stream for each input and the dead letters.

use avro::Kind;

use crate::definition::{LETTER_HEADERS, RECORD_HEADERS};
use crate::sql::{self, KEY, Types};
use crate::{Definition, GenerateError, Name, Output, Role, Topic};

/// The statements, in an order in which they can be run.
///
/// # Errors
/// Two topics would have one table.
pub fn ddl(definition: &Definition) -> Result<String, GenerateError> {
    definition.check_identifiers()?;
    let mut out = sql::comment(&format!(
        "Tables and streams of ksqlDB over the topics of cx-timelines {}, made by `cx-timelines generate ksqldb`.\n\
         The server has to read committed records only: set ksql.streams.consumer.isolation.level=read_committed there.\n\
         The tables of output topics are upserts by the record's key: a tombstone deletes the row. Names of columns keep their case, so \
         they are in backquotes. Times are epoch milliseconds. Bodies are objects as JSON text.",
        definition.version
    ));
    for topic in definition.public() {
        out.push('\n');
        out.push_str(&statement(topic));
    }
    Ok(out)
}

fn statement(topic: &Topic) -> String {
    let Name::Exact(name) = &topic.name else {
        let why = format!("{}: ksqlDB has no tables or streams over the topics of a pattern.", topic.name());
        return sql::comment(&why);
    };
    match &topic.role {
        Role::Output(output) => table(topic, name, output),
        Role::DeadLetters => letters(topic, name),
        Role::Erasures => {
            let columns = [
                format!("`{KEY}` VARCHAR PRIMARY KEY"),
                "`conversationId` VARCHAR".to_owned(),
                "`customerId` VARCHAR".to_owned(),
            ];
            create("SOURCE TABLE", topic, name, &columns, "JSON")
        }
        Role::Events | Role::AgentStates if topic.is_avro => {
            create("STREAM", topic, name, &[format!("`{KEY}` VARCHAR KEY")], "AVRO")
        }
        Role::Events | Role::AgentStates | Role::Internal => {
            let columns = [format!("`{KEY}` VARCHAR KEY"), "`record_value` VARCHAR".to_owned()];
            create("STREAM", topic, name, &columns, "KAFKA")
        }
    }
}

struct KsqlTypes;

impl Types for KsqlTypes {
    fn word(&self, kind: &Kind) -> Option<&'static str> {
        match kind {
            Kind::Boolean => Some("BOOLEAN"),
            Kind::Long | Kind::Time => Some("BIGINT"),
            Kind::Double => Some("DOUBLE"),
            Kind::Text => Some("VARCHAR"),
            _ => None,
        }
    }

    fn list(&self, of: &str) -> String {
        format!("ARRAY<{of}>")
    }

    fn map(&self, of: &str) -> String {
        format!("MAP<VARCHAR, {of}>")
    }

    fn record(&self, fields: &str) -> String {
        format!("STRUCT<{fields}>")
    }
}

fn create(what: &str, topic: &Topic, name: &str, columns: &[String], format: &str) -> String {
    format!(
        "CREATE {what} `{}` (\n  {}\n) WITH (KAFKA_TOPIC = {}, KEY_FORMAT = 'KAFKA', VALUE_FORMAT = '{format}');\n",
        topic.identifier(),
        columns.join(",\n  "),
        sql::text(name)
    )
}

/// The columns of an Avro topic come from the schema registry.
fn table(topic: &Topic, name: &str, output: &Output) -> String {
    let mut columns = vec![format!("`{KEY}` VARCHAR PRIMARY KEY")];
    if topic.is_avro {
        return create("SOURCE TABLE", topic, name, &columns, "AVRO");
    }
    for field in output.fields() {
        if let Some(of) = KsqlTypes.of(&output.outline, &field.kind) {
            columns.push(format!("{} {of}", sql::name(&field.name)));
        }
    }
    create("SOURCE TABLE", topic, name, &columns, "JSON")
}

fn letters(topic: &Topic, name: &str) -> String {
    let mut columns = vec![format!("`{KEY}` BYTES KEY"), "`record_value` BYTES".to_owned()];
    for (header, _) in
        LETTER_HEADERS.iter().filter(|header| !RECORD_HEADERS.iter().any(|of| of.0 == header.0))
    {
        let column = header.trim_start_matches("cx.").replace('.', "_");
        columns.push(format!("`{column}` BYTES HEADER({})", sql::text(header)));
    }
    create("STREAM", topic, name, &columns, "KAFKA")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{definition, in_avro};

    #[test]
    fn outputs_are_tables_and_inputs_streams() {
        let ddl = ddl(&definition()).unwrap();
        assert!(ddl.contains(
            "CREATE SOURCE TABLE `cx_metrics` (
  `record_key` VARCHAR PRIMARY KEY,
  `dimension` VARCHAR,
  `id` VARCHAR,
  `windowStart` BIGINT,
  `windowEnd` BIGINT,
  `figures` MAP<VARCHAR, BIGINT>,
  `revision` BIGINT,
  `histograms` MAP<VARCHAR, MAP<VARCHAR, BIGINT>>
) WITH (KAFKA_TOPIC = 'cx.metrics', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'JSON');
"
        ));
        assert!(ddl.contains("CREATE STREAM `cx_events` ("), "{ddl}");
        assert!(ddl.contains("`error_reason` BYTES HEADER('cx.error.reason')"), "{ddl}");
        assert!(ddl.contains("ksqlDB has no tables or streams over the topics of a pattern."), "{ddl}");
    }

    #[test]
    fn the_columns_of_an_avro_topic_come_from_the_registry() {
        let ddl = ddl(&in_avro(definition())).unwrap();
        let table = "CREATE SOURCE TABLE `cx_metrics` (\n  `record_key` VARCHAR PRIMARY KEY\n) WITH (";
        assert!(ddl.contains(table), "{ddl}");
    }
}
