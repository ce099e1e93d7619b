// SPDX-License-Identifier: Apache-2.0

//! The table of a schema: its records as rows, and rows as Arrow's columns. Pure.
//!
//! A field of the schema is a column: a string is text, a long is a whole number of 64 bits, a `timestamp-millis` a timestamp in
//! UTC, a record a struct, an array a list, a map a map; what may be null is nullable. Before them are the record's key and place
//! in the topic.

mod cell;
mod columns;
mod slot;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

pub(crate) use cell::Cell;
use slot::{Member, Node, Slot};

use crate::error::Error;

/// The columns of the record itself, before the fields of its value.
pub(crate) const KEY: &str = "_key";
pub(crate) const PARTITION: &str = "_partition";
pub(crate) const OFFSET: &str = "_offset";
const TIMESTAMP: &str = "_timestamp";

/// The field that says to which day a record belongs, by schema. Records of other schemas belong to the day of their Kafka
/// timestamp: a customer has no time of its own.
const TIME_FIELDS: [(&str, &str); 8] = [
    ("activity", "occurredAt"),
    ("agent", "lastChangeAt"),
    ("alert", "startedAt"),
    ("audit", "at"),
    ("bot-training", "occurredAt"),
    ("conversation", "startedAt"),
    ("metrics-window", "windowStart"),
    ("timeline-entry", "at"),
];
/// Schemas of which only final records are exported: an erasure takes a conversation out of its customer's record without a
/// tombstone, so older versions of that record would still list it.
const FINAL_ONLY: [&str; 1] = ["customer"];

/// A record as a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The record's key.
    pub key: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its Kafka timestamp, in epoch milliseconds.
    pub timestamp_ms: Option<i64>,
    /// The value's fields, in the schema's order.
    pub(crate) cells: Vec<Cell>,
}

/// The table of the records of one schema.
#[derive(Debug, Clone)]
pub struct Table {
    schema: model::Schema,
    members: Vec<Member>,
    columns: SchemaRef,
    time: Option<usize>,
}

impl Table {
    /// The table of a schema.
    ///
    /// # Errors
    /// It is no record, or has a type that no column can have.
    pub fn of(schema: model::Schema) -> Result<Self, Error> {
        let wrong = |problem| Error::NoTable { schema: schema.name, problem };
        let members = slot::members(schema.text).map_err(wrong)?;
        let named = TIME_FIELDS.iter().find(|(name, _)| *name == schema.name);
        let time = named.and_then(|(_, field)| members.iter().position(|member| member.name == *field));
        let columns = Arc::new(Schema::new(fields(&members)));
        Ok(Self { schema, members, columns, time })
    }

    /// The schema with its version, as in the header `cx.schema`.
    #[must_use]
    pub fn header(&self) -> &'static str {
        self.schema.header
    }

    /// The field whose time decides a record's day; `None`: the record's Kafka timestamp.
    #[must_use]
    pub fn time_field(&self) -> Option<&str> {
        self.time.and_then(|index| self.members.get(index)).map(|member| member.name.as_str())
    }

    /// Whether only the final record of each key may be exported.
    #[must_use]
    pub fn is_final_only(&self) -> bool {
        FINAL_ONLY.contains(&self.schema.name)
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    /// The cells of a record's value, which is JSON; `None` when it is no record of this schema. Fields that are absent have their
    /// default, others than the schema's are left out.
    #[must_use]
    pub(crate) fn read(&self, json: &[u8]) -> Option<Vec<Cell>> {
        cell::record(&self.members, json)
    }

    /// A record as a row; `None` when its value is no record of this schema.
    #[must_use]
    pub fn row(
        &self,
        key: &str,
        partition: i32,
        offset: i64,
        timestamp_ms: Option<i64>,
        json: &[u8],
    ) -> Option<Row> {
        let cells = self.read(json)?;
        Some(Row { key: key.to_owned(), partition, offset, timestamp_ms, cells })
    }

    /// The time of a row that decides its day, in epoch milliseconds.
    #[must_use]
    pub fn time_ms(&self, row: &Row) -> Option<i64> {
        match self.time {
            None => row.timestamp_ms,
            Some(index) => match row.cells.get(index) {
                Some(Cell::Long(time)) => Some(*time),
                _ => None,
            },
        }
    }

    /// Rows as columns.
    ///
    /// # Errors
    /// The rows are of another table.
    pub fn batch(&self, rows: &[Row]) -> Result<RecordBatch, Error> {
        Ok(RecordBatch::try_new(Arc::clone(&self.columns), columns::of(&self.members, rows)?)?)
    }
}

fn fields(members: &[Member]) -> Vec<Field> {
    let own = [
        Field::new(KEY, DataType::Utf8, false),
        Field::new(PARTITION, DataType::Int32, false),
        Field::new(OFFSET, DataType::Int64, false),
        Field::new(TIMESTAMP, columns::instant(), true),
    ];
    own.into_iter().chain(members.iter().map(columns::field)).collect()
}
