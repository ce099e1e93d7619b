// SPDX-License-Identifier: Apache-2.0

//! Columns back as JSON, and the rows of a directory.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};

/// A value of a column.
fn value(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let items = |items: &dyn Array| (0..items.len()).map(|item| value(items, item)).collect::<Vec<_>>();
    match column.data_type() {
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Int32 => json!(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(_, Some(zone)) => {
            assert_eq!(&**zone, "UTC");
            json!(column.as_primitive::<TimestampMillisecondType>().value(row))
        }
        DataType::List(_) => Value::Array(items(&column.as_list::<i32>().value(row))),
        DataType::Map(_, _) => {
            let pairs = column.as_map().value(row);
            let (keys, values) = (items(pairs.column(0)), items(pairs.column(1)));
            let pairs = keys.iter().map(|key| key.as_str().unwrap().to_owned()).zip(values);
            Value::Object(pairs.collect())
        }
        DataType::Struct(_) => Value::Object(fields(column.as_struct(), row)),
        other => panic!("a column of type {other}"),
    }
}

fn fields(record: &StructArray, row: usize) -> Map<String, Value> {
    let names = record.fields().iter().map(|field| field.name().clone());
    names.zip(record.columns().iter().map(|column| value(column, row))).collect()
}

/// The rows of a batch, as objects.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<Value> {
    let record = StructArray::from(batch.clone());
    (0..batch.num_rows()).map(|row| Value::Object(fields(&record, row))).collect()
}

/// The files of a topic: day and path, by day.
pub(crate) fn files(topic: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(topic) else { return Vec::new() };
    let days = entries.map(|entry| entry.unwrap());
    let mut files: Vec<(String, PathBuf)> = days
        .map(|day| {
            let name = day.file_name().into_string().unwrap();
            (name.strip_prefix("day=").unwrap().to_owned(), day.path().join(export::FILE_NAME))
        })
        .collect();
    files.sort();
    files
}

/// The rows of a file.
pub(crate) fn rows_of_file(file: &Path) -> Vec<Value> {
    let opened = std::fs::File::open(file).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened).unwrap().build().unwrap();
    reader.flat_map(|batch| rows(&batch.unwrap())).collect()
}
