// SPDX-License-Identifier: Apache-2.0

//! Standby copies of other instances' state (`--standbys`). A thread continuously reads their changelogs into the stores that a
//! task uses when this instance takes a partition over, so that only about the last second is left to restore.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use engine::WriteBatch;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::clients;
use crate::errors::{self, EdgeError, Remedy};
use crate::members;
use crate::reading::ReadsToTheEnd;
use crate::shared::Shared;
use crate::stores::Warm;

/// The interval of checking the assignment.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);
/// The number of bytes buffered before they are written to a store.
const BATCH_BYTES: usize = 1 << 20;

/// Records of one changelog partition that are not in its store yet.
struct Copying {
    next: i64,
    batch: WriteBatch,
}

/// All standby copies of one process.
pub(crate) struct Standby {
    shared: Shared,
    copies: usize,
    reader: BaseConsumer<ReadsToTheEnd>,
    changelog: String,
    input: String,
    copying: BTreeMap<i32, Copying>,
    look_at: Instant,
}

impl Standby {
    /// Keeps `copies` standby copies of each partition over all instances, until shutdown.
    ///
    /// # Errors
    /// An error without a remedy: a store or the cluster refuses.
    pub(crate) fn run(shared: Shared, copies: usize) -> Result<(), EdgeError> {
        let reader = shared.settings.reader("standby", true);
        let reader = clients::consumer(&reader, ReadsToTheEnd).map_err(EdgeError::Settings)?;
        let changelog = shared.topology.name(shared.topology.changelog()).to_owned();
        let Some(input) = shared.inputs.first().cloned() else { return Ok(()) };
        let copying = BTreeMap::new();
        let mut standby = Self { shared, copies, reader, changelog, input, copying, look_at: Instant::now() };
        while !standby.shared.stop.is_requested() {
            if Instant::now() >= standby.look_at {
                standby.look()?;
                standby.look_at = Instant::now() + LOOK_EVERY;
            }
            standby.read()?;
        }
        standby.put_away_all()
    }

    /// Follows the assignment, and starts and ends copies.
    fn look(&mut self) -> Result<(), EdgeError> {
        let settings = &self.shared.settings;
        let Some(members) = members::ask(&self.reader, &settings.group) else { return Ok(()) };
        let me = (settings.group.as_str(), settings.instance.as_str());
        let mut wanted = members::wanted(&members, me, &self.input, self.copies);
        // Partitions added to the input later have no state.
        wanted.retain(|partition| *partition < self.shared.partitions);
        self.put_away_all()?;
        let warm = self.shared.stores.keep_warm(&wanted).map_err(EdgeError::WarmCopies)?;
        let before: BTreeSet<i32> = self.copying.keys().copied().collect();
        let now: BTreeSet<i32> = warm.iter().map(|warm| warm.partition).collect();
        if before == now {
            return Ok(());
        }
        tracing::info!(partitions = ?now, "keeping standby copies");
        self.shared.metrics.standbys(now.len());
        self.copying = warm
            .into_iter()
            .map(|Warm { partition, next }| (partition, Copying { next, batch: WriteBatch::default() }))
            .collect();
        self.point_reader()
    }

    fn point_reader(&self) -> Result<(), EdgeError> {
        let refused = |error| EdgeError::kafka("cannot read the changelog for standby copies", error);
        let mut places = TopicPartitionList::new();
        for (partition, copying) in &self.copying {
            places
                .add_partition_offset(&self.changelog, *partition, Offset::Offset(copying.next))
                .map_err(refused)?;
        }
        if places.count() == 0 { self.reader.unassign() } else { self.reader.assign(&places) }
            .map_err(refused)
    }

    /// Reads available records for a moment.
    fn read(&mut self) -> Result<(), EdgeError> {
        let deadline = Instant::now() + POLL;
        while let Some(next) = self.reader.poll(deadline.saturating_duration_since(Instant::now())) {
            match next {
                Ok(message) => {
                    let partition = message.partition();
                    let (offset, key) = (message.offset(), message.key().unwrap_or_default());
                    let Some(copying) = self.copying.get_mut(&partition) else { continue };
                    if offset < copying.next {
                        // The client went back to the beginning: the changelog is a different one.
                        tracing::warn!(
                            partition,
                            "a standby copy belongs to another changelog and starts again"
                        );
                        copying.batch.clear();
                        let wiped = self.shared.stores.wipe_warm(partition);
                        wiped.map_err(|source| EdgeError::Store { partition, source })?;
                    }
                    copying.next = offset + 1;
                    match message.payload() {
                        Some(value) => copying.batch.put(key, value),
                        None => copying.batch.delete(key),
                    }
                    if copying.batch.bytes() >= BATCH_BYTES {
                        self.put_away(partition)?;
                    }
                }
                Err(KafkaError::PartitionEOF(partition)) => self.put_away(partition)?,
                Err(error) => match errors::of_poll(&error) {
                    Remedy::Stop => return Err(EdgeError::kafka("cannot read the changelog", error)),
                    Remedy::Retry | Remedy::Abort | Remedy::Rebuild => {
                        tracing::debug!(%error, "reading changelogs for standby copies");
                        return Ok(());
                    }
                },
            }
        }
        Ok(())
    }

    fn put_away_all(&mut self) -> Result<(), EdgeError> {
        let all: Vec<i32> = self.copying.keys().copied().collect();
        all.into_iter().try_for_each(|partition| self.put_away(partition))
    }

    /// Writes buffered records to the store, unless a task holds it by now.
    fn put_away(&mut self, partition: i32) -> Result<(), EdgeError> {
        let Some(copying) = self.copying.get_mut(&partition) else { return Ok(()) };
        if copying.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut copying.batch);
        let is_there = self.shared.stores.bring_on(partition, batch, copying.next);
        if !is_there.map_err(|source| EdgeError::Store { partition, source })? {
            self.copying.remove(&partition);
        }
        Ok(())
    }
}
