// SPDX-License-Identifier: Apache-2.0

//! Topics that a topology writes.

use std::sync::Arc;

use model::Format;

/// A topic of the topology, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(pub(crate) usize);

impl TopicId {
    /// The index in [`crate::Topology::topics`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Topic, schema and format of an output.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) topic: TopicId,
    /// Value of header `cx.schema`.
    pub(crate) schema: &'static str,
    pub(crate) format: Arc<dyn Format>,
}
