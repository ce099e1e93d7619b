// SPDX-License-Identifier: Apache-2.0

//! Deletes consumed records of the repartition topic, as Kafka Streams does: no task reads them again, and they contain whole
//! events. Records that cannot be deleted, because a permission is missing or the brokers do not answer, are removed by the
//! topic's retention.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::settings::Settings;
use crate::stop::Stop;

/// The interval of delete requests, for all partitions of this process together.
const EVERY: Duration = Duration::from_secs(30);
/// The longest time that shutdown waits for this thread.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The committed positions of this process in the repartition topic. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Consumed(Arc<Mutex<BTreeMap<i32, ConsumedProgress>>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ConsumedProgress {
    /// Records below this offset were taken in committed transactions.
    committed: i64,
    /// Records below this offset were deleted.
    deleted: i64,
}

impl Consumed {
    /// Notes a committed position.
    pub(crate) fn note(&self, partition: i32, committed: i64) {
        let mut partitions = self.partitions();
        let progress = partitions.entry(partition).or_default();
        progress.committed = progress.committed.max(committed);
    }

    /// Forgets a partition that was revoked.
    pub(crate) fn forget(&self, partition: i32) {
        self.partitions().remove(&partition);
    }

    /// Partitions with consumed records to delete, and the offset up to which.
    fn open(&self) -> Vec<(i32, i64)> {
        let partitions = self.partitions();
        let open = partitions.iter().filter(|(_, progress)| progress.committed > progress.deleted);
        open.map(|(partition, progress)| (*partition, progress.committed)).collect()
    }

    fn deleted(&self, partition: i32, offset: i64) {
        if let Some(progress) = self.partitions().get_mut(&partition) {
            progress.deleted = progress.deleted.max(offset);
        }
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<i32, ConsumedProgress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the consumed records of the repartition topic periodically until shutdown.
    pub(crate) fn delete(&self, settings: &Settings, topic: &str, stop: &Stop) {
        let mut admin: Option<AdminClient<DefaultClientContext>> = None;
        let mut asked_at = Instant::now();
        let mut warned = false;
        while !stop.is_requested() {
            std::thread::sleep(LOOK_EVERY);
            if asked_at.elapsed() < EVERY {
                continue;
            }
            asked_at = Instant::now();
            let open = self.open();
            if open.is_empty() {
                continue;
            }
            let deleted = client(&mut admin, settings).and_then(|admin| delete(admin, topic, &open));
            match deleted {
                Ok(deleted) => {
                    warned = false;
                    deleted.into_iter().for_each(|(partition, offset)| self.deleted(partition, offset));
                }
                Err(error) if warned => tracing::debug!(%error, topic, "consumed records cannot be deleted"),
                Err(error) => {
                    warned = true;
                    tracing::warn!(
                        %error,
                        topic,
                        "what was taken of the topic cannot be deleted, and goes with its retention; it needs cleanup.policy=delete, \
                         and the principal the right to DELETE: `cx-timelines acls run` prints what it needs"
                    );
                }
            }
        }
    }
}

fn client<'a>(
    admin: &'a mut Option<AdminClient<DefaultClientContext>>,
    settings: &Settings,
) -> Result<&'a AdminClient<DefaultClientContext>, KafkaError> {
    let made = match admin.take() {
        Some(made) => made,
        None => settings.admin("consumed").create()?,
    };
    Ok(admin.insert(made))
}

/// Sends the delete requests. Returns the partitions whose records are deleted.
fn delete(
    admin: &AdminClient<DefaultClientContext>,
    topic: &str,
    open: &[(i32, i64)],
) -> Result<Vec<(i32, i64)>, KafkaError> {
    let mut places = TopicPartitionList::new();
    for (partition, offset) in open {
        places.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    let options =
        AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT)).operation_timeout(Some(ANSWER_TIMEOUT));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|_| KafkaError::AdminOp(RDKafkaErrorCode::Fail))?;
    let answered = runtime.block_on(admin.delete_records(&places, &options))?;
    let mut deleted = Vec::new();
    for element in answered.elements() {
        element.error()?;
        let asked = open.iter().find(|(partition, _)| *partition == element.partition());
        deleted.extend(asked.copied());
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_committed_and_is_not_deleted_yet_is_to_be_deleted() {
        let taken = Consumed::default();
        assert_eq!(taken.open(), []);
        taken.note(0, 5);
        taken.note(1, 0);
        assert_eq!(taken.open(), [(0, 5)], "nothing was taken of the other");
        taken.note(0, 9);
        taken.deleted(0, 5);
        assert_eq!(taken.open(), [(0, 9)]);
        taken.deleted(0, 9);
        assert_eq!(taken.open(), []);
    }

    #[test]
    fn of_a_partition_that_went_elsewhere_nothing_is_deleted_any_more() {
        let taken = Consumed::default();
        taken.note(0, 5);
        taken.forget(0);
        taken.deleted(0, 5);
        assert_eq!(taken.open(), []);
    }
}
