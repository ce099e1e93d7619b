// SPDX-License-Identifier: Apache-2.0

//! The types of a schema, as columns need them.

use std::collections::HashMap;

use serde_json::Value;

use super::cell::{self, Cell};

/// The depth of types within each other.
const DEPTH_MAX: usize = 16;

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
    let schema: Value = serde_json::from_str(schema).map_err(|error| format!("it is no JSON: {error}"))?;
    let mut types = Types { named: HashMap::new() };
    match types.slot(&schema, 0)?.node {
        Node::Record(members) => Ok(members),
        _ => Err("it is no record".to_owned()),
    }
}

struct Types {
    /// Records by name: a later field may name an earlier record.
    named: HashMap<String, Node>,
}

impl Types {
    fn slot(&mut self, schema: &Value, depth: usize) -> Result<Slot, String> {
        if let Some(branches) = schema.as_array() {
            return match branches.as_slice() {
                [null, of] if *null == "null" => Ok(Slot { is_nullable: true, ..self.slot(of, depth)? }),
                _ => Err("a union of other types than null and one that follows it".to_owned()),
            };
        }
        Ok(Slot { node: self.node(schema, depth)?, is_nullable: false })
    }

    fn node(&mut self, schema: &Value, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(format!("types within each other more than {DEPTH_MAX} times"));
        }
        if let Some(name) = schema.as_str() {
            return self.of_name(name);
        }
        let part = |name: &str| schema.get(name).ok_or_else(|| format!("a type without {name}"));
        if schema.get("logicalType").is_some_and(|logical| *logical == "timestamp-millis") {
            return Ok(Node::Instant);
        }
        match part("type")?.as_str() {
            Some("array") => Ok(Node::List(Box::new(self.slot(part("items")?, depth + 1)?))),
            Some("map") => Ok(Node::Map(Box::new(self.slot(part("values")?, depth + 1)?))),
            // Symbols are text, so that a new one changes no column.
            Some("enum") => self.keep(schema, Node::Text),
            Some("record") => {
                let fields = part("fields")?.as_array().ok_or("fields that are no list")?;
                let members = fields.iter().map(|field| self.member(field, depth + 1));
                let node = Node::Record(members.collect::<Result<_, _>>()?);
                self.keep(schema, node)
            }
            Some(name) => self.of_name(name),
            None => self.node(part("type")?, depth + 1),
        }
    }

    fn keep(&mut self, schema: &Value, node: Node) -> Result<Node, String> {
        let name = schema.get("name").and_then(Value::as_str).ok_or("a record without a name")?;
        self.named.insert(name.to_owned(), node.clone());
        Ok(node)
    }

    fn of_name(&self, name: &str) -> Result<Node, String> {
        Ok(match name {
            "string" => Node::Text,
            "boolean" => Node::Boolean,
            "int" | "long" => Node::Long,
            "double" | "float" => Node::Double,
            other => self.named.get(other).cloned().ok_or_else(|| format!("the type {other}"))?,
        })
    }

    fn member(&mut self, field: &Value, depth: usize) -> Result<Member, String> {
        let name = field.get("name").and_then(Value::as_str).ok_or("a field without a name")?;
        let of = field.get("type").ok_or_else(|| format!("{name} has no type"))?;
        let slot = self.slot(of, depth).map_err(|problem| format!("{name}: {problem}"))?;
        let default = match field.get("default") {
            None if slot.is_nullable => Some(Cell::Null),
            None => None,
            Some(json) => {
                let default = cell::of_slot(&slot, json.to_string().as_bytes());
                Some(default.ok_or_else(|| format!("{name}: its default is not of its type"))?)
            }
        };
        Ok(Member { name: name.to_owned(), slot, default })
    }
}
