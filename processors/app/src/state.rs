// SPDX-License-Identifier: Apache-2.0

//! The state's location: memory, or --state-dir.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use disk::care::{self, StateCheck};
use disk::{Budget, Home, HomeError, OpenedState, Stamp};
use edge::Stores;
use edge::metrics::Metrics;
use engine::{MemoryStore, StateStore, StoreError};

/// The subfolder of --state-dir with the stores.
const FOLDER: &str = "state";
const CLUSTER: &str = "cluster";
const GROUP: &str = "group";
const FORMAT: &str = "format";

/// The origin of a state on disk: a state of another origin cannot be used.
pub struct Origin<'o> {
    /// The cluster's id.
    pub cluster: &'o str,
    /// The consumer group.
    pub group: &'o str,
    /// The changelog topic.
    pub changelog: &'o str,
    /// The partition count, which determines each key's partition.
    pub partitions: i32,
    /// How long the changelog keeps tombstones.
    pub removals_known: Duration,
}

impl Origin<'_> {
    fn stamp(&self) -> Stamp {
        Stamp::default()
            .with(CLUSTER, self.cluster)
            .with(GROUP, self.group)
            .with("changelog", self.changelog)
            .with("partitions", self.partitions)
            .with(FORMAT, folds::STATE_FORMAT)
    }
}

fn home(state_dir: &Path) -> PathBuf {
    state_dir.join(FOLDER)
}

/// Compares the partitions of a state directory with this origin; changes nothing.
///
/// # Errors
/// It contains other files, or cannot be read.
pub fn look(state_dir: &Path, origin: &Origin<'_>) -> Result<BTreeMap<i32, StateCheck>, HomeError> {
    care::look(&home(state_dir), &origin.stamp())
}

/// Whether a difference shows that the state has another owner, rather than an older version.
pub fn is_of_another(fact: Option<&str>) -> bool {
    matches!(fact, Some(CLUSTER | GROUP))
}

/// Whether a difference shows that the state has another format than this program's.
pub fn is_of_another_form(fact: Option<&str>) -> bool {
    fact == Some(FORMAT)
}

/// Deletes the state of all partitions; returns their number.
///
/// # Errors
/// An instance uses it, it contains other files, or the disk fails.
pub fn wipe(state_dir: &Path) -> Result<usize, HomeError> {
    care::wipe(&home(state_dir))
}

/// The stores of this process, within `memory_bytes` if they are on disk.
///
/// # Errors
/// The directory cannot be used: the message has the reason and the remedy.
pub fn stores(
    state_dir: Option<&Path>,
    memory_bytes: u64,
    origin: &Origin<'_>,
    metrics: &Metrics,
) -> anyhow::Result<Stores> {
    let Some(folder) = state_dir else {
        return Ok(Stores::new(Arc::new(|_| Ok(Box::new(MemoryStore::default())))));
    };
    let home = Home::open(&home(folder), Budget { memory_bytes }).context("--state-dir cannot be used")?;
    let stamp = origin.stamp();
    let metrics = metrics.clone();
    // Half of it, because this machine's clock and the brokers' may differ.
    let age_max = origin.removals_known / 2;
    Ok(Stores::new(Arc::new(move |partition| open(&home, partition, (&stamp, age_max), &metrics))))
}

fn open(
    home: &Home,
    partition: i32,
    (stamp, age_max): (&Stamp, Duration),
    metrics: &Metrics,
) -> Result<Box<dyn StateStore>, StoreError> {
    let (store, found) = home.store_within(partition, stamp, age_max).map_err(as_store_error)?;
    match found {
        OpenedState::Nothing => {}
        OpenedState::State { changelog_offset } => {
            tracing::debug!(partition, changelog_offset, "the state on disk is used");
        }
        OpenedState::Discarded { why } => {
            tracing::warn!(partition, "the state on disk cannot be used ({why}): it is restored completely");
            metrics.state_discarded();
        }
    }
    Ok(Box::new(store))
}

fn as_store_error(error: HomeError) -> StoreError {
    match error {
        HomeError::Io { source, .. } | HomeError::NotWritable { source, .. } => StoreError::Io(source),
        other => StoreError::Io(std::io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge::metrics::Labels;

    const ORIGIN: Origin<'static> = Origin {
        cluster: "k",
        group: "g",
        changelog: "g-changelog",
        partitions: 8,
        removals_known: Duration::MAX,
    };

    fn metrics() -> Metrics {
        Metrics::new(&Labels::default()).unwrap()
    }

    #[test]
    fn a_folder_that_is_not_ours_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
        std::fs::write(folder.path().join(FOLDER).join("thesis.txt"), "precious").unwrap();
        let refused = stores(Some(folder.path()), 1 << 26, &ORIGIN, &metrics()).err().unwrap();
        assert!(format!("{refused:#}").contains("empty directory"), "{refused:#}");
        assert!(folder.path().join(FOLDER).join("thesis.txt").exists());
    }

    #[test]
    fn without_a_folder_the_state_is_in_memory() {
        assert!(stores(None, 1 << 26, &ORIGIN, &metrics()).is_ok());
    }
}
