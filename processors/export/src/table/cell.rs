// SPDX-License-Identifier: Apache-2.0

//! Values of a record, read from JSON by their types.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::slot::{Member, Node, Slot};

/// A value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    Long(i64),
    Double(f64),
    Text(String),
    List(Vec<Cell>),
    Map(Vec<(String, Cell)>),
    Record(Vec<Cell>),
}

/// A record's values; `None` when the JSON is of other types.
pub(super) fn record(members: &[Member], json: &[u8]) -> Option<Vec<Cell>> {
    // Texts are taken out of it as they are, so it has to be UTF-8.
    let text = std::str::from_utf8(json).ok()?;
    let mut source = serde_json::Deserializer::from_str(text);
    let cells = source.deserialize_map(Members(members)).ok()?;
    source.end().ok()?;
    Some(cells)
}

/// One value; `None` when the JSON is of another type.
pub(super) fn of_slot(slot: &Slot, json: &[u8]) -> Option<Cell> {
    let mut source = serde_json::Deserializer::from_str(std::str::from_utf8(json).ok()?);
    let cell = slot.deserialize(&mut source).ok()?;
    source.end().ok()?;
    Some(cell)
}

impl<'de> DeserializeSeed<'de> for &Slot {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Cell, D::Error> {
        match self.node {
            Node::Text => text(self, <&RawValue>::deserialize(source)?.get()),
            _ => source.deserialize_any(self),
        }
    }
}

/// A text. An object or a list is its JSON, as in Avro: what a message says is an object.
fn text<E: serde::de::Error>(slot: &Slot, json: &str) -> Result<Cell, E> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map(Cell::Text).map_err(E::custom),
        Some(b'{' | b'[') => Ok(Cell::Text(json.to_owned())),
        Some(b'n') => Ok(absent(slot)),
        _ => Err(E::custom("another type")),
    }
}

/// What null is: of a type that is never null, what Avro has for it.
fn absent(slot: &Slot) -> Cell {
    match (&slot.node, slot.is_nullable) {
        (Node::Text, false) => Cell::Text(String::new()),
        (Node::List(_), false) => Cell::List(Vec::new()),
        (Node::Map(_), false) => Cell::Map(Vec::new()),
        _ => Cell::Null,
    }
}

impl<'de> Visitor<'de> for &Slot {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the schema's type")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Cell, E> {
        match absent(self) {
            Cell::Null if !self.is_nullable => Err(E::custom("null")),
            cell => Ok(cell),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Cell, E> {
        match self.node {
            Node::Boolean => Ok(Cell::Boolean(value)),
            _ => Err(E::custom("a boolean")),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Cell, E> {
        match self.node {
            Node::Long | Node::Instant => Ok(Cell::Long(value)),
            #[expect(clippy::cast_precision_loss, reason = "a number of a column of this precision")]
            Node::Double => Ok(Cell::Double(value as f64)),
            _ => Err(E::custom("a whole number")),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Cell, E> {
        match (i64::try_from(value), &self.node) {
            (Ok(value), _) => self.visit_i64(value),
            #[expect(clippy::cast_precision_loss, reason = "a number of a column of this precision")]
            (Err(_), Node::Double) => Ok(Cell::Double(value as f64)),
            (Err(_), _) => Err(E::custom("a very large number")),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Cell, E> {
        match self.node {
            Node::Double => Ok(Cell::Double(value)),
            _ => Err(E::custom("a number with a fraction")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
        let Node::List(slot) = &self.node else { return Err(A::Error::custom("a list")) };
        let mut cells = Vec::new();
        while let Some(cell) = items.next_element_seed(&**slot)? {
            cells.push(cell);
        }
        Ok(Cell::List(cells))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Cell, A::Error> {
        match &self.node {
            Node::Record(members) => Members(members).visit_map(entries).map(Cell::Record),
            Node::Map(slot) => {
                // A key that comes twice counts once: no map of Parquet has it twice.
                let mut cells = BTreeMap::new();
                while let Some(key) = entries.next_key::<String>()? {
                    cells.insert(key, entries.next_value_seed(&**slot)?);
                }
                Ok(Cell::Map(cells.into_iter().collect()))
            }
            _ => Err(A::Error::custom("an object")),
        }
    }
}

/// The fields of a record.
struct Members<'m>(&'m [Member]);

impl Members<'_> {
    /// The field with this name; the one after the last is looked at first, since fields come in the schema's order.
    fn index(&self, name: &str, likely: usize) -> Option<usize> {
        let is_it = |member: &Member| member.name == name;
        if self.0.get(likely).is_some_and(is_it) {
            return Some(likely);
        }
        self.0.iter().position(is_it)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<Cell>, A::Error> {
        let mut cells: Vec<Option<Cell>> = vec![None; self.0.len()];
        let mut likely = 0;
        while let Some(name) = entries.next_key::<std::borrow::Cow<'de, str>>()? {
            let index = self.index(&name, likely);
            let (Some(index), Some(member)) = (index, index.and_then(|index| self.0.get(index))) else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let cell = entries.next_value_seed(&member.slot)?;
            if let Some(place) = cells.get_mut(index) {
                *place = Some(cell);
            }
            likely = index + 1;
        }
        let cells = cells.into_iter().zip(self.0);
        cells
            .map(|(cell, member)| {
                cell.or_else(|| member.default.clone()).ok_or_else(|| A::Error::custom("a missing field"))
            })
            .collect()
    }
}
