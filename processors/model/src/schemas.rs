// SPDX-License-Identifier: Apache-2.0

//! The schemas of `schemas/`, embedded in the program.

/// A schema with its name and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its name: of the file, and in header `cx.schema` before the version.
    pub name: &'static str,
    /// The value of header `cx.schema` for what is written with this schema: its name and the newest released version, or, where the
    /// schema has changed since, the next one.
    pub header: &'static str,
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

    /// The schema of a record with this value in header `cx.schema`: the name, `/` and the version.
    #[must_use]
    pub fn of_header(header: &str) -> Option<Schema> {
        Schema::by_name(header.split_once('/')?.0)
    }
}
