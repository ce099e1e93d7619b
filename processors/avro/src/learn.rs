//! From the registry to the plans: what an id is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::read::Plans;
use crate::registry::{Registry, RegistryError};

/// So often the registry has to say that it does not know an id: one of its nodes may have heard of it a moment later than
/// the one that gave it.
const DENIALS: u32 = 3;

/// Learns schemas that records were written with.
pub struct Learner {
    registry: Arc<Registry>,
    plans: Arc<Plans>,
    /// How often each id was said to be unknown.
    denials: Mutex<HashMap<u32, u32>>,
}

impl Learner {
    /// Asks this registry, and tells these plans.
    #[must_use]
    pub fn new(registry: Arc<Registry>, plans: Arc<Plans>) -> Self {
        Learner { registry, plans, denials: Mutex::default() }
    }

    /// Learns what there is to know of an id: afterwards records of it can be read, or refused.
    ///
    /// # Errors
    /// The registry does not answer, or not as one should; nothing was learnt. Ask again later.
    pub fn learn(&self, id: u32) -> Result<(), RegistryError> {
        match self.registry.by_id(id) {
            Ok(schema) => {
                // That no event can be written with it is known from now on, too.
                let _ = self.plans.learn(id, &schema);
                Ok(())
            }
            Err(error @ RegistryError::NotFound { .. }) => {
                let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
                let times = denials.entry(id).or_default();
                *times += 1;
                if *times < DENIALS {
                    return Err(error);
                }
                denials.remove(&id);
                self.plans.learn_nothing(id);
                Ok(())
            }
            // The record's fault, not the registry's: it was written with something else than Avro.
            Err(error @ RegistryError::NotAvro { .. }) => {
                self.plans.learn_foreign(id, &error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// How many schemas are known, those that cannot be read too.
    #[must_use]
    pub fn known(&self) -> usize {
        self.plans.len()
    }
}
