// SPDX-License-Identifier: Apache-2.0

//! Fetches writer schemas from the registry and makes plans of them.

use std::sync::Arc;

use crate::read::Plans;
use crate::registry::{Registry, RegistryError};

/// The result for an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learnt {
    /// Records of it can be read.
    Readable,
    /// No event can be read with it, for this reason: its records are rejected.
    Unreadable(String),
    /// The registry does not know it. One of its nodes may learn an id slightly later than the one that assigned it, so this
    /// decides nothing yet.
    NotRegistered,
}

/// Fetches writer schemas.
pub struct Learner {
    registry: Arc<Registry>,
    plans: Arc<Plans>,
}

impl Learner {
    /// Fetches from this registry into these plans.
    #[must_use]
    pub fn new(registry: Arc<Registry>, plans: Arc<Plans>) -> Self {
        Learner { registry, plans }
    }

    /// Fetches the schema of an id.
    ///
    /// # Errors
    /// The registry does not answer properly, and nothing was learnt. Retry later.
    pub fn learn(&self, id: u32) -> Result<Learnt, RegistryError> {
        match self.registry.by_id(id) {
            Ok(schema) => Ok(match self.plans.learn(id, &schema) {
                Ok(()) => Learnt::Readable,
                Err(problem) => Learnt::Unreadable(problem.to_string()),
            }),
            Err(RegistryError::NotFound { .. }) => Ok(Learnt::NotRegistered),
            // The record has an id that is not Avro; the registry works.
            Err(error @ RegistryError::NotAvro { .. }) => {
                self.plans.learn_foreign(id, &error);
                Ok(Learnt::Unreadable(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Rejects records with this id from now on: the registry does not know it.
    pub fn deny(&self, id: u32) {
        self.plans.learn_nothing(id);
    }

    /// Accepts the id again, unless its schema was learnt meanwhile.
    pub fn allow(&self, id: u32) {
        self.plans.forget_nothing(id);
    }

    /// The number of known schemas, unreadable ones included.
    #[must_use]
    pub fn known(&self) -> usize {
        self.plans.len()
    }
}
