// SPDX-License-Identifier: Apache-2.0

//! What a schema says: its records with their fields and descriptions, for documents and code that are made of it.

use crate::shape::{Field, SchemaError, Shape, Type, TypeId, Unit};

/// A schema's records. No record is within itself, so they can be written one within another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    records: Vec<RecordOutline>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordOutline {
    /// Its name, without the namespace.
    pub name: String,
    /// What it is; empty where the schema does not say.
    pub doc: String,
    /// Its fields, in their order.
    pub fields: Vec<FieldOutline>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldOutline {
    /// Its name.
    pub name: String,
    /// What it is; empty where the schema does not say.
    pub doc: String,
    /// Whether it may be null.
    pub is_nullable: bool,
    /// What it is in records that were written before it was added; `None` where all have it.
    pub default: Option<serde_json::Value>,
    /// Its type, where it is not null.
    pub kind: Kind,
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// A whole number of 64 bits.
    Long,
    /// A time in epoch milliseconds.
    Time,
    /// A number.
    Double,
    /// Text.
    Text,
    /// A list of one type.
    List(Box<Kind>),
    /// Values of one type by text.
    Map(Box<Kind>),
    /// The record of this name.
    Record(String),
    /// One of several types.
    OneOf(Vec<Kind>),
}

impl Outline {
    /// Reads a schema.
    ///
    /// # Errors
    /// It is no schema, is no record's, has a type that neither an event nor a record has, or a record within itself.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let shape = Shape::parse(text)?;
        let mut walk = Walk { shape: &shape, open: Vec::new(), records: Vec::new() };
        match walk.kind(shape.root())? {
            Kind::Record(_) => Ok(Self { records: walk.records }),
            _ => Err(SchemaError::Unreadable("it is not the schema of a record".to_owned())),
        }
    }

    /// All records; those within others come before these, and the schema's own is the last.
    #[must_use]
    pub fn records(&self) -> &[RecordOutline] {
        &self.records
    }

    /// The schema's own record.
    #[must_use]
    pub fn root(&self) -> Option<&RecordOutline> {
        self.records.last()
    }

    /// The record of this name.
    #[must_use]
    pub fn record(&self, name: &str) -> Option<&RecordOutline> {
        self.records.iter().find(|record| record.name == name)
    }
}

struct Walk<'s> {
    shape: &'s Shape,
    /// The records around the current place.
    open: Vec<TypeId>,
    records: Vec<RecordOutline>,
}

impl Walk<'_> {
    fn kind(&mut self, id: TypeId) -> Result<Kind, SchemaError> {
        Ok(match self.shape.get(id) {
            Type::Boolean => Kind::Boolean,
            Type::Int | Type::Long(Unit::None) => Kind::Long,
            Type::Long(Unit::Millis) => Kind::Time,
            Type::Double => Kind::Double,
            Type::Text => Kind::Text,
            Type::Array(of) => Kind::List(Box::new(self.kind(*of)?)),
            Type::Map(of) => Kind::Map(Box::new(self.kind(*of)?)),
            Type::Record { name, fields } => self.record(id, &name.name, &name.doc, fields)?,
            Type::Union(branches) => {
                Kind::OneOf(branches.iter().map(|branch| self.kind(*branch)).collect::<Result<_, _>>()?)
            }
            Type::Null => return Err(unexpected("null, other than as the first type of a field's union")),
            Type::Long(_) => return Err(unexpected("a time in another unit than milliseconds")),
            Type::Float => return Err(unexpected("float: use double")),
            Type::Bytes | Type::Fixed { .. } => return Err(unexpected("bytes")),
            Type::Enum { .. } => return Err(unexpected("an enum: use string")),
        })
    }

    fn record(&mut self, id: TypeId, name: &str, doc: &str, fields: &[Field]) -> Result<Kind, SchemaError> {
        if self.open.contains(&id) {
            return Err(unexpected(&format!("the record {name} within itself")));
        }
        if self.records.iter().all(|known| known.name != name) {
            self.open.push(id);
            let fields = fields.iter().map(|field| self.field(field)).collect::<Result<_, _>>()?;
            self.open.pop();
            self.records.push(RecordOutline { name: name.to_owned(), doc: doc.to_owned(), fields });
        }
        Ok(Kind::Record(name.to_owned()))
    }

    fn field(&mut self, field: &Field) -> Result<FieldOutline, SchemaError> {
        let (is_nullable, kind) = match self.shape.get(field.of) {
            Type::Union(branches) => match branches.as_slice() {
                [null, of] if *self.shape.get(*null) == Type::Null => (true, self.kind(*of)?),
                [null, several @ ..] if *self.shape.get(*null) == Type::Null => {
                    let kinds = several.iter().map(|branch| self.kind(*branch)).collect::<Result<_, _>>()?;
                    (true, Kind::OneOf(kinds))
                }
                _ => (false, self.kind(field.of)?),
            },
            _ => (false, self.kind(field.of)?),
        };
        let (name, doc, default) = (field.name.clone(), field.doc.clone(), field.default.clone());
        Ok(FieldOutline { name, doc, is_nullable, default, kind })
    }
}

fn unexpected(what: &str) -> SchemaError {
    SchemaError::Unreadable(format!("nothing is made of a schema with {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Schema;

    #[test]
    fn every_schema_has_an_outline_in_which_all_fields_are_described() {
        for schema in Schema::ALL {
            let outline =
                Outline::parse(schema.text).unwrap_or_else(|error| panic!("{}: {error}", schema.name));
            assert_eq!(outline.root().map(|root| root.name.as_str()), schema.record.rsplit('.').next());
            for record in outline.records() {
                assert!(!record.doc.is_empty(), "{}: {} has no doc", schema.name, record.name);
                for field in &record.fields {
                    assert!(
                        !field.doc.is_empty(),
                        "{}: {}.{} has no doc",
                        schema.name,
                        record.name,
                        field.name
                    );
                }
            }
        }
    }

    #[test]
    fn records_come_before_those_that_hold_them_and_only_once() {
        let text = r#"{"type":"record","name":"Outer","fields":[
            {"name":"first","type":["null",{"type":"record","name":"Inner","doc":"Within.","fields":[
                {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When."}]}]},
            {"name":"more","type":{"type":"array","items":"Inner"}}]}"#;
        let outline = Outline::parse(text).unwrap();
        let names: Vec<&str> = outline.records().iter().map(|record| record.name.as_str()).collect();
        assert_eq!(names, ["Inner", "Outer"]);
        let inner = Kind::Record("Inner".to_owned());
        let fields = &outline.root().unwrap().fields;
        assert_eq!((fields[0].is_nullable, &fields[0].kind), (true, &inner));
        assert_eq!((fields[1].is_nullable, &fields[1].kind), (false, &Kind::List(Box::new(inner))));
        let at = &outline.record("Inner").unwrap().fields[0];
        assert_eq!((at.doc.as_str(), &at.kind), ("When.", &Kind::Time));
    }

    #[test]
    fn a_record_within_itself_and_types_that_no_record_has_are_refused() {
        for of in [
            r#"["null","R"]"#,
            r#""bytes""#,
            r#"["string","null"]"#,
            r#"{"type":"long","logicalType":"timestamp-micros"}"#,
        ] {
            let text = format!(r#"{{"type":"record","name":"R","fields":[{{"name":"x","type":{of}}}]}}"#);
            let error = Outline::parse(&text).unwrap_err().to_string();
            assert!(error.contains("nothing is made of a schema with"), "{of}: {error}");
        }
        assert!(Outline::parse(r#""string""#).is_err());
    }
}
