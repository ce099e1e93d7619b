// SPDX-License-Identifier: Apache-2.0

//! Cells as Arrow's columns.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{
    ArrayRef, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
    TimestampMillisecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};

use super::{Cell, Member, Node, Row, Slot, TimeUnit};

const UTC: &str = "UTC";
/// Names within lists and maps, as the Parquet format has them.
const ELEMENT: &str = "element";
const ENTRIES: &str = "key_value";
const NULL: &Cell = &Cell::Null;

/// A timestamp in milliseconds, in UTC.
pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into()))
}

/// The column of a field.
pub(super) fn field(member: &Member) -> Field {
    Field::new(&member.name, type_of(&member.slot.node), member.slot.is_nullable)
}

fn type_of(node: &Node) -> DataType {
    match node {
        Node::Text => DataType::Utf8,
        Node::Boolean => DataType::Boolean,
        Node::Long => DataType::Int64,
        Node::Instant => instant(),
        Node::Double => DataType::Float64,
        Node::List(slot) => DataType::List(element(slot)),
        Node::Map(slot) => DataType::Map(entries(slot), false),
        Node::Record(members) => DataType::Struct(members.iter().map(field).collect()),
    }
}

fn element(slot: &Slot) -> Arc<Field> {
    Arc::new(Field::new(ELEMENT, type_of(&slot.node), slot.is_nullable))
}

fn entries(slot: &Slot) -> Arc<Field> {
    Arc::new(Field::new(ENTRIES, DataType::Struct(pair(slot)), false))
}

fn pair(slot: &Slot) -> Fields {
    let key = Field::new("key", DataType::Utf8, false);
    let value = Field::new("value", type_of(&slot.node), slot.is_nullable);
    Fields::from(vec![key, value])
}

/// The columns of rows: those of the records, then those of their values.
pub(super) fn of(members: &[Member], rows: &[Row]) -> Result<Vec<ArrayRef>, ArrowError> {
    let times = rows.iter().map(|row| row.timestamp_ms).collect::<TimestampMillisecondArray>();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.key.as_str())).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.partition).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|row| row.offset).collect::<Int64Array>()),
        Arc::new(times.with_timezone(UTC)),
    ];
    for (index, member) in members.iter().enumerate() {
        let cells: Vec<&Cell> = rows.iter().map(|row| row.cells.get(index).unwrap_or(NULL)).collect();
        columns.push(column(&member.slot.node, &cells)?);
    }
    Ok(columns)
}

fn column(node: &Node, cells: &[&Cell]) -> Result<ArrayRef, ArrowError> {
    Ok(match node {
        Node::Text => {
            let mut column = StringBuilder::new();
            cells.iter().for_each(|cell| column.append_option(text(cell)));
            Arc::new(column.finish())
        }
        Node::Boolean => {
            let mut column = BooleanBuilder::with_capacity(cells.len());
            cells.iter().for_each(|cell| column.append_option(boolean(cell)));
            Arc::new(column.finish())
        }
        Node::Long => {
            let mut column = Int64Builder::with_capacity(cells.len());
            cells.iter().for_each(|cell| column.append_option(long(cell)));
            Arc::new(column.finish())
        }
        Node::Instant => {
            let column = cells.iter().map(|cell| long(cell)).collect::<TimestampMillisecondArray>();
            Arc::new(column.with_timezone(UTC))
        }
        Node::Double => {
            let mut column = Float64Builder::with_capacity(cells.len());
            cells.iter().for_each(|cell| column.append_option(double(cell)));
            Arc::new(column.finish())
        }
        Node::List(slot) => list(slot, cells)?,
        Node::Map(slot) => map(slot, cells)?,
        Node::Record(members) => record(members, cells)?,
    })
}

fn list(slot: &Slot, cells: &[&Cell]) -> Result<ArrayRef, ArrowError> {
    let lists = || cells.iter().map(|cell| if let Cell::List(items) = cell { items.as_slice() } else { &[] });
    let items: Vec<&Cell> = lists().flatten().collect();
    let offsets = OffsetBuffer::try_from_lengths(lists().map(<[Cell]>::len)).map_err(too_long)?;
    let items = column(&slot.node, &items)?;
    Ok(Arc::new(ListArray::try_new(element(slot), offsets, items, nulls(cells))?))
}

fn map(slot: &Slot, cells: &[&Cell]) -> Result<ArrayRef, ArrowError> {
    let maps = || cells.iter().map(|cell| if let Cell::Map(pairs) = cell { pairs.as_slice() } else { &[] });
    let keys: ArrayRef =
        Arc::new(maps().flatten().map(|(key, _)| Some(key.as_str())).collect::<StringArray>());
    let values: Vec<&Cell> = maps().flatten().map(|(_, value)| value).collect();
    let values = column(&slot.node, &values)?;
    let offsets = OffsetBuffer::try_from_lengths(maps().map(<[(String, Cell)]>::len)).map_err(too_long)?;
    let pairs = StructArray::try_new(pair(slot), vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(entries(slot), offsets, pairs, nulls(cells), false)?))
}

fn record(members: &[Member], cells: &[&Cell]) -> Result<ArrayRef, ArrowError> {
    let mut columns = Vec::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        let of_field: Vec<&Cell> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Record(cells) => cells.get(index).unwrap_or(NULL),
                _ => NULL,
            })
            .collect();
        columns.push(column(&member.slot.node, &of_field)?);
    }
    let fields: Fields = members.iter().map(field).collect();
    Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls(cells), cells.len())?))
}

/// No batch is so large.
fn too_long(error: impl std::fmt::Display) -> ArrowError {
    ArrowError::ComputeError(error.to_string())
}

/// Which cells are null; `None` when none is.
fn nulls(cells: &[&Cell]) -> Option<NullBuffer> {
    let is_null = |cell: &&Cell| matches!(cell, Cell::Null);
    cells.iter().any(is_null).then(|| cells.iter().map(|cell| !is_null(cell)).collect())
}

fn text(cell: &Cell) -> Option<&str> {
    if let Cell::Text(text) = cell { Some(text) } else { None }
}

fn boolean(cell: &Cell) -> Option<bool> {
    if let Cell::Boolean(value) = cell { Some(*value) } else { None }
}

fn long(cell: &Cell) -> Option<i64> {
    if let Cell::Long(value) = cell { Some(*value) } else { None }
}

fn double(cell: &Cell) -> Option<f64> {
    if let Cell::Double(value) = cell { Some(*value) } else { None }
}
