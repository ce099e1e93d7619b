//! The schemas of `schemas/`, embedded in the program.

use crate::compatibility::{Conflict, conflicts};
use crate::shape::SchemaError;

/// A schema with its name and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its name: of the file, and in header `cx.schema` before the version.
    pub name: &'static str,
    /// The full name of its record.
    pub record: &'static str,
    /// The content of `schemas/<name>.avsc`.
    pub text: &'static str,
    /// Released versions, oldest first: `schemas/released/<name>/<number>.avsc`.
    pub released: &'static [&'static str],
}

// The constants `Schema::ACTIVITY` and so on, and `Schema::ALL`: one for each file of schemas/ (build.rs).
include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

impl Schema {
    /// The schema with this name, for example `activity`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Schema> {
        Schema::ALL.iter().find(|schema| schema.name == name).copied()
    }

    /// Incompatibilities with released versions; empty if it may be released and registered.
    ///
    /// # Errors
    /// One of them is no valid schema.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, SchemaError> {
        let each = self.released.iter().map(|released| conflicts(self.text, released));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The schema of a record with this value in header `cx.schema`: the name, `/` and the version.
    #[must_use]
    pub fn of_header(header: &str) -> Option<Schema> {
        Schema::by_name(header.split_once('/')?.0)
    }

    /// The value of header `cx.schema` for what is written with this schema: the newest released version, or, where the schema has
    /// changed since, the next one.
    #[must_use]
    pub fn header(&self) -> String {
        let is_released = self.released.last().is_some_and(|released| *released == self.text);
        format!("{}/{}", self.name, self.released.len() + usize::from(!is_released))
    }
}
