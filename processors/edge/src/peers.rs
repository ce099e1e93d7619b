//! Who else there is, for whoever is asked about a partition that is not here: the group's coordinator knows who has which,
//! and the members' client ids say where to ask. It alone is the truth of who owns what, and forgets who is dead; a list of
//! our own would have to be kept in step with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clients;
use crate::errors::EdgeError;
use crate::members::{self, Instance};
use crate::reading::ReadsToTheEnd;
use crate::worker::Shared;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOK_FOR_STOP_EVERY: Duration = Duration::from_millis(100);

/// The instances of the group, as last told. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Peers(Arc<Mutex<Vec<Instance>>>);

impl Peers {
    /// All of them, this one too; none before the first look, and where nobody looks.
    #[must_use]
    pub fn all(&self) -> Vec<Instance> {
        self.locked().clone()
    }

    /// Who has a partition.
    #[must_use]
    pub fn owner_of(&self, partition: i32) -> Option<Instance> {
        self.locked().iter().find(|instance| instance.partitions.contains(&partition)).cloned()
    }

    /// Looks every now and then, until the stop.
    ///
    /// # Errors
    /// The client's settings are refused.
    pub(crate) fn look(shared: &Shared, peers: &Self) -> Result<(), EdgeError> {
        let client = clients::consumer(&shared.settings.reader("peers", true), ReadsToTheEnd)
            .map_err(EdgeError::Settings)?;
        let Some(input) = shared.inputs.first() else { return Ok(()) };
        let group = &shared.settings.group;
        let mut look_at = Instant::now();
        while !shared.stop.is_requested() {
            if Instant::now() >= look_at {
                clients::attend(&client);
                if let Some(members) = members::ask(&client, group) {
                    *peers.locked() = members::instances(&members, group, input);
                }
                look_at = Instant::now() + LOOK_EVERY;
            }
            std::thread::sleep(LOOK_FOR_STOP_EVERY);
        }
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Instance>> {
        // Whoever panicked with it left no half-made change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
