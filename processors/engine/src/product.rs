// SPDX-License-Identifier: Apache-2.0

//! The outputs of processors.

/// An output of a processor: what it publishes to one topic. Declared once, by the processor; topics.yaml only says where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// The topic in the topics.yaml that is shipped; users may name another one.
    pub topic: &'static str,
    /// Value of header `cx.schema`: name and version of the records' schema in `schemas/`.
    pub schema: &'static str,
    /// What has a record each, as the README's table of topics says it.
    pub one_for_each: &'static str,
    /// The key of a record, as that table says it.
    pub key: &'static str,
}

impl Product {
    /// A product that no document describes.
    #[must_use]
    pub const fn new(topic: &'static str, schema: &'static str) -> Self {
        Self { topic, schema, one_for_each: "", key: "" }
    }
}
