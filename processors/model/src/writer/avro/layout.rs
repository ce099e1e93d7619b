// SPDX-License-Identifier: Apache-2.0

//! How the values of a record are encoded: its schema, with what a writer needs of it.

/// A type within its [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LayoutId(usize);

/// A type as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// Only null.
    Null,
    /// A boolean.
    Boolean,
    /// An integer.
    Long,
    /// A floating-point number of 64 bits.
    Double,
    /// A string. A null is written as an empty one, and free-form JSON as its text.
    Text,
    /// The union of null, its first branch, and this type.
    Nullable(LayoutId),
    /// A list of items of this type.
    Array(LayoutId),
    /// A map from strings to this type.
    Map(LayoutId),
    /// Fields by name, in the order in which they are written.
    Record(Vec<(String, LayoutId)>),
}

/// The type of a map's keys.
pub(super) const KEY: LayoutId = LayoutId(0);

/// The types of a record's schema. Built once for each topic.
#[derive(Debug, Clone)]
pub struct Layout {
    types: Vec<Encoded>,
    root: LayoutId,
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}

impl Layout {
    /// The layout of a string, for [`add`](Self::add) and [`set_root`](Self::set_root).
    #[must_use]
    pub fn new() -> Self {
        Self { types: vec![Encoded::Text], root: KEY }
    }

    /// Adds a type.
    pub fn add(&mut self, encoded: Encoded) -> LayoutId {
        self.types.push(encoded);
        LayoutId(self.types.len() - 1)
    }

    /// Replaces a type, which may thus refer to itself.
    pub fn replace(&mut self, id: LayoutId, encoded: Encoded) {
        if let Some(known) = self.types.get_mut(id.0) {
            *known = encoded;
        }
    }

    /// Says which type the whole value has.
    pub fn set_root(&mut self, root: LayoutId) {
        self.root = root;
    }

    pub(super) fn root(&self) -> LayoutId {
        self.root
    }

    pub(super) fn get(&self, id: LayoutId) -> &Encoded {
        // Ids come only from `add`.
        self.types.get(id.0).unwrap_or(&Encoded::Null)
    }
}
