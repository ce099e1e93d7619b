// SPDX-License-Identifier: Apache-2.0

//! The types of a schema, as columns need them.

use avro::{FieldOutline, Kind, Outline, RecordOutline};

use super::cell::{self, Cell};

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Text,
    Boolean,
    Long,
    Instant,
    Double,
    List(Box<Slot>),
    Map(Box<Slot>),
    Record(Vec<Member>),
}

/// A type that may be null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) node: Node,
    pub(crate) is_nullable: bool,
}

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) slot: Slot,
    /// What it is where it is absent; `None` when it must not be.
    pub(crate) default: Option<Cell>,
}

/// The fields of an Avro schema's record.
pub(super) fn members(schema: &str) -> Result<Vec<Member>, String> {
    let outline = Outline::parse(schema).map_err(|error| error.to_string())?;
    of_record(&outline, outline.root())
}

fn of_record(outline: &Outline, record: Option<&RecordOutline>) -> Result<Vec<Member>, String> {
    let record = record.ok_or("it has no such record")?;
    record.fields.iter().map(|field| member(outline, field)).collect()
}

fn member(outline: &Outline, field: &FieldOutline) -> Result<Member, String> {
    let name = &field.name;
    let node = node(outline, &field.kind).map_err(|problem| format!("{name}: {problem}"))?;
    let slot = Slot { node, is_nullable: field.is_nullable };
    let default = match &field.default {
        None if slot.is_nullable => Some(Cell::Null),
        None => None,
        Some(json) => {
            let default = cell::of_slot(&slot, json.to_string().as_bytes());
            Some(default.ok_or_else(|| format!("{name}: its default is not of its type"))?)
        }
    };
    Ok(Member { name: name.clone(), slot, default })
}

fn node(outline: &Outline, kind: &Kind) -> Result<Node, String> {
    let part = |of: &Kind| Ok::<_, String>(Box::new(Slot { node: node(outline, of)?, is_nullable: false }));
    Ok(match kind {
        Kind::Text => Node::Text,
        Kind::Boolean => Node::Boolean,
        Kind::Long => Node::Long,
        Kind::Time => Node::Instant,
        Kind::Double => Node::Double,
        Kind::List(of) => Node::List(part(of)?),
        Kind::Map(of) => Node::Map(part(of)?),
        Kind::Record(name) => Node::Record(of_record(outline, outline.record(name))?),
        Kind::OneOf(_) => return Err("a union of other types than null and one that follows it".to_owned()),
    })
}
