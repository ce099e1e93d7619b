// SPDX-License-Identifier: Apache-2.0

//! Compatibility of schema versions: readers of each version can read the records of all others (`FULL_TRANSITIVE`).
//!
//! apache-avro can check whether one schema reads another, but it does not report where it fails, and it does not notice a
//! timestamp with a different unit. The tests use it as a reference.

use std::collections::HashSet;
use std::fmt;

use crate::shape::{Field, Named, SchemaError, Shape, Type, TypeId};

/// The direction of an incompatibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Readers with the new version, records of the old one.
    NewReadsOld,
    /// Readers with the old version, records of the new one.
    OldReadsNew,
}

/// An incompatibility between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its direction.
    pub direction: Direction,
    /// The record and the field, for example `record Activity, field actor.id`.
    pub place: String,
    /// The problem, and the remedy.
    pub what: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.direction {
            Direction::NewReadsOld => "readers of the new version could not read older records",
            Direction::OldReadsNew => "readers of an older version could not read new records",
        };
        write!(f, "{}: {} ({who})", self.place, self.what)
    }
}

/// All incompatibilities of a new version with an old one; empty when they are fully compatible.
///
/// # Errors
/// One of them is no valid schema.
pub fn conflicts(new: &str, old: &str) -> Result<Vec<Conflict>, SchemaError> {
    let (new, old) = (Shape::parse(new)?, Shape::parse(old)?);
    let mut all = conflicts_of(Direction::NewReadsOld, &new, &old);
    all.extend(conflicts_of(Direction::OldReadsNew, &old, &new));
    Ok(all)
}

fn conflicts_of(direction: Direction, reader: &Shape, writer: &Shape) -> Vec<Conflict> {
    let mut check =
        Check { direction, reader, writer, path: Vec::new(), seen: HashSet::new(), found: Vec::new() };
    check.types(reader.root(), writer.root());
    check.found
}

struct Check<'s> {
    direction: Direction,
    reader: &'s Shape,
    writer: &'s Shape,
    /// The root record, then the fields.
    path: Vec<&'s str>,
    /// Pairs already visited: types may be recursive.
    seen: HashSet<(TypeId, TypeId)>,
    found: Vec<Conflict>,
}

impl<'s> Check<'s> {
    fn conflict(&mut self, what: String) {
        let place = match self.path.split_first() {
            None => "the schema".to_owned(),
            Some((record, [])) => format!("record {record}"),
            Some((record, fields)) => format!("record {record}, field {}", fields.join(".")),
        };
        self.found.push(Conflict { direction: self.direction, place, what });
    }

    fn types(&mut self, reader: TypeId, writer: TypeId) {
        if !self.seen.insert((reader, writer)) {
            return;
        }
        match (self.reader.get(reader), self.writer.get(writer)) {
            (_, Type::Union(branches)) => branches.iter().for_each(|branch| self.types(reader, *branch)),
            (Type::Union(branches), of) => self.one_of(branches, of, writer),
            (Type::Record { name, fields }, Type::Record { name: written, fields: all }) => {
                self.records((name, fields), (written, all));
            }
            (Type::Array(items), Type::Array(written)) | (Type::Map(items), Type::Map(written)) => {
                self.types(*items, *written);
            }
            (Type::Enum { name, symbols, has_default }, Type::Enum { name: written, symbols: all, .. }) => {
                self.names(name, written);
                let unknown = all.iter().find(|symbol| !symbols.contains(symbol));
                if let Some(symbol) = unknown.filter(|_| !has_default) {
                    self.conflict(format!(
                        "the symbol {symbol} is not known to all; use a string instead of an enum"
                    ));
                }
            }
            (Type::Fixed { name, size }, Type::Fixed { name: written, size: other }) => {
                self.names(name, written);
                if size != other {
                    self.conflict(
                        "the size has changed; set it back, or add a field of another name".to_owned(),
                    );
                }
            }
            (reads, writes) if is_read_as(writes, reads) => {}
            (reads, writes) => {
                let (reads, writes) = (word(reads), word(writes));
                self.conflict(format!(
                    "{reads} cannot be read from {writes}; keep the type, or add a field of another name"
                ));
            }
        }
    }

    /// A union can be read if one of its branches can.
    fn one_of(&mut self, branches: &'s [TypeId], of: &Type, writer: TypeId) {
        let fits = branches.iter().any(|branch| {
            let mut check =
                Check { path: self.path.clone(), found: Vec::new(), seen: self.seen.clone(), ..*self };
            check.types(*branch, writer);
            check.found.is_empty()
        });
        if fits {
            return;
        }
        // If a branch has the same kind, the problem within it explains more than "no branch".
        let same = |branch: &&TypeId| {
            std::mem::discriminant(self.reader.get(**branch)) == std::mem::discriminant(of)
        };
        match branches.iter().find(same) {
            Some(branch) => self.types(*branch, writer),
            None => {
                let what = format!("no branch of the union reads {}; keep all branches, add none", word(of));
                self.conflict(what);
            }
        }
    }

    fn records(
        &mut self,
        (name, fields): (&'s Named, &'s [Field]),
        (written, all): (&'s Named, &'s [Field]),
    ) {
        let is_root = self.path.is_empty();
        if is_root {
            self.path.push(&name.name);
        }
        self.names(name, written);
        for field in fields {
            self.path.push(&field.name);
            match written_as(field, all) {
                Some(written) => self.types(field.of, written.of),
                None if field.default.is_some() => {}
                None => self.conflict(self.missing()),
            }
            self.path.pop();
        }
        if is_root {
            self.path.pop();
        }
    }

    fn missing(&self) -> String {
        match self.direction {
            Direction::NewReadsOld => "it is new and has no default; give it one".to_owned(),
            Direction::OldReadsNew => {
                "it has been removed, and older versions have no default for it; put it back".to_owned()
            }
        }
    }

    fn names(&mut self, reader: &Named, writer: &Named) {
        if reader.name != writer.name && !reader.aliases.contains(&writer.name) {
            self.conflict(format!("{} was called {}; keep the name", reader.name, writer.name));
        }
    }
}

/// The field that a reader's field is read from: by name, else by alias.
fn written_as<'f>(field: &Field, all: &'f [Field]) -> Option<&'f Field> {
    let mut names = std::iter::once(&field.name).chain(&field.aliases);
    names.find_map(|name| all.iter().find(|written| written.name == *name))
}

/// The promotions of the specification; timestamps keep their unit.
fn is_read_as(writer: &Type, reader: &Type) -> bool {
    match (writer, reader) {
        (Type::Long(written), Type::Long(read)) => written == read,
        (Type::Int, Type::Long(_) | Type::Float | Type::Double)
        | (Type::Long(_), Type::Float | Type::Double)
        | (Type::Float, Type::Double)
        | (Type::Text, Type::Bytes)
        | (Type::Bytes, Type::Text) => true,
        _ => writer == reader,
    }
}

fn word(of: &Type) -> &'static str {
    match of {
        Type::Null => "null",
        Type::Boolean => "boolean",
        Type::Int => "int",
        Type::Long(unit) => match unit {
            crate::shape::Unit::None => "long",
            crate::shape::Unit::Millis => "timestamp-millis",
            crate::shape::Unit::Micros => "timestamp-micros",
            crate::shape::Unit::Nanos => "timestamp-nanos",
            crate::shape::Unit::Local => "local-timestamp",
        },
        Type::Float => "float",
        Type::Double => "double",
        Type::Bytes => "bytes",
        Type::Text => "string",
        Type::Fixed { .. } => "fixed",
        Type::Enum { .. } => "enum",
        Type::Array(_) => "array",
        Type::Map(_) => "map",
        Type::Union(_) => "union",
        Type::Record { .. } => "record",
    }
}
