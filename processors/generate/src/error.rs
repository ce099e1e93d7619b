// SPDX-License-Identifier: Apache-2.0

//! Why something cannot be made.

use avro::SchemaError;

/// Why a document cannot be made of a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// A schema cannot be used.
    #[error("schema {name}: {source}")]
    Schema {
        /// The schema's name.
        name: String,
        /// What is wrong with it.
        source: SchemaError,
    },
    /// The names of two topics become one name.
    #[error(
        "topics {first} and {second} would both be called {name} there; rename one of them in topics.yaml"
    )]
    OneName {
        /// The name of both.
        name: String,
        /// A topic.
        first: String,
        /// The other one.
        second: String,
    },
    /// A topic has Avro values, and where their schemas are is not known.
    #[error(
        "topic {topic} has `format: avro`, and there is no schema registry; name its `url` under `schema_registry` in topics.yaml, or \
         give --schema-registry"
    )]
    NoRegistry {
        /// The topic.
        topic: String,
    },
}
