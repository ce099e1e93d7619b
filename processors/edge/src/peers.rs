// SPDX-License-Identifier: Apache-2.0

//! Other instances of the group, to forward queries for partitions that this instance does not own. The group's coordinator
//! knows each owner, and the members' client ids carry the addresses. The coordinator is the only source: it knows all owners
//! and removes dead members, and a list of our own would have to follow it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clients;
use crate::errors::EdgeError;
use crate::members::{self, Instance};
use crate::reading::ReadsToTheEnd;
use crate::settings::Settings;
use crate::stop::Stop;

/// The interval of requests to the coordinator.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOK_FOR_STOP_EVERY: Duration = Duration::from_millis(100);

/// The instances of the group, as last reported. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Peers(Arc<Mutex<Vec<Instance>>>);

impl Peers {
    /// All instances, this one included; empty before the first answer, and when interactive queries are disabled.
    #[must_use]
    pub fn all(&self) -> Vec<Instance> {
        self.locked().clone()
    }

    /// The owner of a partition.
    #[must_use]
    pub fn owner_of(&self, partition: i32) -> Option<Instance> {
        self.locked().iter().find(|instance| instance.partitions.contains(&partition)).cloned()
    }

    /// Follows the group until shutdown: the owners of the input topic's partitions.
    ///
    /// # Errors
    /// The client's configuration is invalid.
    pub(crate) fn look(&self, settings: &Settings, input: &str, stop: &Stop) -> Result<(), EdgeError> {
        let client =
            clients::consumer(&settings.reader("peers", true), ReadsToTheEnd).map_err(EdgeError::Settings)?;
        let group = &settings.group;
        let mut look_at = Instant::now();
        while !stop.is_requested() {
            if Instant::now() >= look_at {
                clients::attend(&client);
                if let Some(members) = members::ask(&client, group) {
                    *self.locked() = members::instances(&members, group, input);
                }
                look_at = Instant::now() + LOOK_EVERY;
            }
            std::thread::sleep(LOOK_FOR_STOP_EVERY);
        }
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Instance>> {
        // A panic while the lock was held left no partial change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
