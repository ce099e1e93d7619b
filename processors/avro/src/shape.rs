// SPDX-License-Identifier: Apache-2.0

//! Schemas with resolved names, for reading and for checks of compatibility.

use std::collections::HashMap;

use apache_avro::error::Details;
use apache_avro::schema::{DecimalSchema, InnerDecimalSchema, Name, NamespaceRef, RecordSchema, UuidSchema};

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is no valid schema.
    #[error("this is not an Avro schema: {0}; correct it, or register another one")]
    Unreadable(String),
    /// It refers to a type that it does not define.
    #[error(
        "the schema names the type {0}, which it does not define, and references to other subjects are not followed; register a schema \
         that holds all definitions itself, and write with that"
    )]
    Undefined(String),
}

/// The unit of a long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// No unit.
    None,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
    /// Local time without a time zone, which is no timestamp.
    Local,
}

/// The id of a type within its [`Shape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TypeId(usize);

/// A type. Logical types are their underlying types, except for timestamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Int,
    Long(Unit),
    Float,
    Double,
    Bytes,
    Text,
    Fixed { name: Named, size: usize },
    Enum { name: Named, symbols: Vec<String>, has_default: bool },
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record { name: Named, fields: Vec<Field> },
}

/// A type's name without its namespace, its aliases, and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    /// Empty where the schema does not say.
    pub(crate) doc: String,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    /// What it is; empty where the schema does not say.
    pub(crate) doc: String,
    /// What it is where a writer does not know it.
    pub(crate) default: Option<serde_json::Value>,
    pub(crate) of: TypeId,
}

/// A schema.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    types: Vec<Type>,
    root: TypeId,
}

impl Shape {
    /// Parses a schema.
    pub(crate) fn parse(text: &str) -> Result<Self, SchemaError> {
        let schema = apache_avro::Schema::parse_str(text);
        let schema = schema.map_err(|error| match error.into_details() {
            // An unknown name: mostly of a type in another subject.
            Details::ParsePrimitive(name) | Details::ParsePrimitiveSimilar(name, _) => {
                SchemaError::Undefined(name)
            }
            other => SchemaError::Unreadable(other.to_string()),
        })?;
        let mut builder = Builder::default();
        let root = builder.add(&schema, None)?;
        Ok(Shape { types: builder.types, root })
    }

    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    pub(crate) fn get(&self, id: TypeId) -> &Type {
        // Ids are created only by the builder.
        self.types.get(id.0).unwrap_or(&Type::Null)
    }
}

#[derive(Default)]
struct Builder {
    types: Vec<Type>,
    named: HashMap<String, TypeId>,
}

impl Builder {
    fn push(&mut self, what: Type) -> TypeId {
        self.types.push(what);
        TypeId(self.types.len() - 1)
    }

    fn name(&mut self, name: &Name, namespace: NamespaceRef<'_>) -> TypeId {
        let id = self.push(Type::Null);
        self.named.insert(name.fullname(namespace), id);
        id
    }

    fn set(&mut self, id: TypeId, what: Type) -> TypeId {
        if let Some(place) = self.types.get_mut(id.0) {
            *place = what;
        }
        id
    }

    fn add(
        &mut self,
        schema: &apache_avro::Schema,
        namespace: NamespaceRef<'_>,
    ) -> Result<TypeId, SchemaError> {
        use apache_avro::Schema as S;
        let what = match schema {
            S::Null => Type::Null,
            S::Boolean => Type::Boolean,
            S::Int | S::Date | S::TimeMillis => Type::Int,
            S::Long | S::TimeMicros => Type::Long(Unit::None),
            S::TimestampMillis => Type::Long(Unit::Millis),
            S::TimestampMicros => Type::Long(Unit::Micros),
            S::TimestampNanos => Type::Long(Unit::Nanos),
            S::LocalTimestampMillis | S::LocalTimestampMicros | S::LocalTimestampNanos => {
                Type::Long(Unit::Local)
            }
            S::Float => Type::Float,
            S::Double => Type::Double,
            S::Bytes
            | S::BigDecimal
            | S::Uuid(UuidSchema::Bytes)
            | S::Decimal(DecimalSchema { inner: InnerDecimalSchema::Bytes, .. }) => Type::Bytes,
            S::String | S::Uuid(UuidSchema::String) => Type::Text,
            S::Fixed(fixed)
            | S::Duration(fixed)
            | S::Uuid(UuidSchema::Fixed(fixed))
            | S::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => {
                let id = self.name(&fixed.name, namespace);
                let name = named(&fixed.name, fixed.aliases.as_deref(), fixed.doc.as_deref());
                return Ok(self.set(id, Type::Fixed { name, size: fixed.size }));
            }
            S::Enum(of) => {
                let id = self.name(&of.name, namespace);
                let name = named(&of.name, of.aliases.as_deref(), of.doc.as_deref());
                let (symbols, has_default) = (of.symbols.clone(), of.default.is_some());
                return Ok(self.set(id, Type::Enum { name, symbols, has_default }));
            }
            S::Array(array) => Type::Array(self.add(&array.items, namespace)?),
            S::Map(map) => Type::Map(self.add(&map.types, namespace)?),
            S::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.add(branch, namespace));
                Type::Union(branches.collect::<Result<_, _>>()?)
            }
            S::Record(record) => return self.record(record, namespace),
            S::Ref { name } => {
                let name = name.fullname(namespace);
                return self.named.get(&name).copied().ok_or(SchemaError::Undefined(name));
            }
        };
        Ok(self.push(what))
    }

    /// Its name is registered before its fields, which may be of its own type.
    fn record(&mut self, record: &RecordSchema, namespace: NamespaceRef<'_>) -> Result<TypeId, SchemaError> {
        let id = self.name(&record.name, namespace);
        let full = record.name.fully_qualified_name(namespace).into_owned();
        let fields = record.fields.iter().map(|field| {
            Ok(Field {
                name: field.name.clone(),
                aliases: field.aliases.clone(),
                doc: field.doc.clone().unwrap_or_default(),
                default: field.default.clone(),
                of: self.add(&field.schema, full.namespace())?,
            })
        });
        let fields = fields.collect::<Result<_, _>>()?;
        let name = named(&record.name, record.aliases.as_deref(), record.doc.as_deref());
        Ok(self.set(id, Type::Record { name, fields }))
    }
}

fn named(name: &Name, aliases: Option<&[apache_avro::schema::Alias]>, doc: Option<&str>) -> Named {
    let aliases = aliases.unwrap_or_default().iter().map(|alias| alias.name().to_owned());
    Named {
        name: name.name().to_owned(),
        aliases: aliases.collect(),
        doc: doc.unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_may_be_of_itself_and_be_named_again_in_its_namespace() {
        let text = r#"{"type":"record","name":"a.b.Node","fields":[
            {"name":"next","type":["null","Node"]}, {"name":"same","type":["null","a.b.Node"]}]}"#;
        let shape = Shape::parse(text).unwrap();
        let Type::Record { fields, .. } = shape.get(shape.root()) else { panic!() };
        for field in fields {
            let Type::Union(branches) = shape.get(field.of) else { panic!() };
            assert_eq!(branches[1], shape.root());
        }
    }

    #[test]
    fn logical_types_are_what_they_are_written_as() {
        let kind = |text: &str| {
            let shape = Shape::parse(text).unwrap();
            shape.get(shape.root()).clone()
        };
        assert_eq!(kind(r#"{"type":"long","logicalType":"timestamp-micros"}"#), Type::Long(Unit::Micros));
        assert_eq!(kind(r#"{"type":"int","logicalType":"date"}"#), Type::Int);
        assert_eq!(kind(r#"{"type":"string","logicalType":"uuid"}"#), Type::Text);
        assert_eq!(kind(r#"{"type":"bytes","logicalType":"decimal","precision":4}"#), Type::Bytes);
        assert_eq!(kind(r#"{"type":"string","logicalType":"unknown-type"}"#), Type::Text);
    }

    #[test]
    fn what_is_no_schema_is_said_with_a_remedy() {
        for text in
            ["", "{}", "\"text\"", r#"{"type":"record","name":"R","fields":[{"name":"x","type":"Other"}]}"#]
        {
            let error = Shape::parse(text).unwrap_err().to_string();
            assert!(error.contains("; "), "{error}");
        }
    }
}
