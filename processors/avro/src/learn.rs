//! From the registry to the plans: what an id is.

use std::sync::Arc;

use crate::read::Plans;
use crate::registry::{Registry, RegistryError};

/// What was learnt of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learnt {
    /// Records of it can be read.
    Readable,
    /// No event can be read with it, for this reason: records of it are refused.
    Unreadable(String),
    /// The registry says that it does not know it. One of its nodes may have heard of it a moment later than the one that gave it:
    /// nothing is decided by that.
    NotRegistered,
}

/// Learns schemas that records were written with.
pub struct Learner {
    registry: Arc<Registry>,
    plans: Arc<Plans>,
}

impl Learner {
    /// Asks this registry, and tells these plans.
    #[must_use]
    pub fn new(registry: Arc<Registry>, plans: Arc<Plans>) -> Self {
        Learner { registry, plans }
    }

    /// Learns what there is to know of an id.
    ///
    /// # Errors
    /// The registry does not answer, or not as one should; nothing was learnt. Ask again later.
    pub fn learn(&self, id: u32) -> Result<Learnt, RegistryError> {
        match self.registry.by_id(id) {
            Ok(schema) => Ok(match self.plans.learn(id, &schema) {
                Ok(()) => Learnt::Readable,
                Err(problem) => Learnt::Unreadable(problem.to_string()),
            }),
            Err(RegistryError::NotFound { .. }) => Ok(Learnt::NotRegistered),
            // The record's fault, not the registry's: it was written with something else than Avro.
            Err(error @ RegistryError::NotAvro { .. }) => {
                self.plans.learn_foreign(id, &error);
                Ok(Learnt::Unreadable(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// From now on records of an id are refused: the registry does not know it.
    pub fn deny(&self, id: u32) {
        self.plans.learn_nothing(id);
    }

    /// They are not any more, unless something else was learnt meanwhile.
    pub fn allow(&self, id: u32) {
        self.plans.forget_nothing(id);
    }

    /// How many schemas are known, those that cannot be read too.
    #[must_use]
    pub fn known(&self) -> usize {
        self.plans.len()
    }
}
