//! One Kafka transaction: outputs, changelog, dead letters and offsets of all tasks of the worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Budget, Notice, SourceOffset, Tally, TaskError};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::{Worker, now_ms};
use crate::errors::{self, Damaged, EdgeError, Remedy};
use crate::letters::{self, Smaller};
use crate::metrics::Outcome;
use crate::producer::{Aborted, AtOnce, TransactionFailed, TransactionalProducer};
use crate::reading::committed_offset;
use crate::spans;

/// After a failed transaction the records come again; not at once, since what failed may fail again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);
const OFFSETS_TIMEOUT: Duration = Duration::from_millis(500);

impl Worker {
    /// Commits what is staged, if anything is. What fails is put right here, as far as it can be.
    pub(super) fn commit(&mut self) -> Result<(), EdgeError> {
        self.staged_since = None;
        if self.siding.mover.is_clean() && self.lanes.values().all(|lane| lane.task.is_clean()) {
            self.batch = 0;
            return Ok(());
        }
        let began = Instant::now();
        let span = spans::commit(&self.name);
        let result = span.in_scope(|| self.transact());
        if result.is_err() {
            spans::not_committed(&span);
        }
        match result {
            Ok(AtOnce(at_once)) => {
                self.committed_at = Instant::now();
                spans::committed(&span);
                drop(span);
                self.shared.metrics.transaction(Outcome::Committed);
                self.shared.metrics.commit_latency(began.elapsed());
                self.settle(true)?;
                // A new producer shuts out whatever the old one may still have on its way.
                if at_once { Ok(()) } else { self.rebuild_producer() }
            }
            Err(Failed::Damaged(damaged)) => {
                self.give_up()?;
                self.restore_anew(damaged)
            }
            Err(Failed::Task(error)) => {
                self.give_up()?;
                Err(error)
            }
            Err(Failed::Transaction(failed)) => self.put_right(failed),
        }
    }

    fn transact(&mut self) -> Result<AtOnce, Failed> {
        self.producer.begin()?;
        let full = Budget::new(Budget::RECORDS, Budget::BYTES.min(self.shared.settings.commit_bytes_max));
        let mut budget = self.effort.budget(&full);
        let mut left = self.lanes.values().filter(|lane| !lane.task.is_clean()).count();
        for lane in self.lanes.values_mut().filter(|lane| !lane.task.is_clean()) {
            let mut part = budget.share(left);
            left -= 1;
            if let Err(error) = lane.task.prepare_within(&mut self.producer, &mut part) {
                let failed = self.producer.take_send_failure();
                return Err(failed.map_or(Failed::from(error), Failed::Transaction));
            }
            budget.give_back(&part);
        }
        if self.siding.mover.prepare(&mut self.producer).is_err() {
            let failed = self.producer.take_send_failure();
            let canceled =
                || unusable("a record could not be handed over", rdkafka::error::KafkaError::Canceled);
            return Err(Failed::Transaction(failed.unwrap_or_else(canceled)));
        }
        self.transactions += 1;
        let offsets = self
            .marked_offsets()
            .map_err(|error| Failed::Transaction(unusable("cannot list the offsets", error)))?;
        self.producer.drain()?;
        // Read after every poll: an old generation is refused, and so a zombie is fenced.
        let group = self.consumer.group_metadata().ok_or_else(|| {
            Failed::Transaction(unusable("the consumer has no group", rdkafka::error::KafkaError::Canceled))
        })?;
        // Asked after it: the client resets member and generation only when it notes that its partitions are lost, and would be
        // taken for one who commits from outside, whom the coordinator does not check.
        if self.consumer.assignment_lost() {
            let lost = rdkafka::error::KafkaError::Canceled;
            return Err(Failed::Transaction(unusable("the group has taken the partitions away", lost)));
        }
        let stop = self.shared.stop.clone();
        Ok(self.producer.commit(&offsets, &group, &|| stop.is_overdue())?)
    }

    /// The offsets of the transaction, each with the transaction's mark as its text.
    fn marked_offsets(&self) -> KafkaResult<TopicPartitionList> {
        let mark = self.mark();
        let mut offsets = TopicPartitionList::new();
        for source in self.staged_offsets() {
            let mut element = offsets.add_partition(&source.topic, source.partition);
            element.set_offset(Offset::Offset(source.next))?;
            element.set_metadata(&mark);
        }
        Ok(offsets)
    }

    fn staged_offsets(&self) -> impl Iterator<Item = SourceOffset> {
        let of_lanes = self.lanes.values().flat_map(|lane| lane.task.offsets()).cloned();
        of_lanes.chain(self.siding.mover.offsets())
    }

    /// What no other transaction has.
    fn mark(&self) -> String {
        format!("{} {} {:x}", self.shared.settings.instance, self.name, self.transactions)
    }

    /// The transaction is committed, or is not: the tasks follow.
    fn settle(&mut self, committed: bool) -> Result<(), EdgeError> {
        let batch = std::mem::take(&mut self.batch);
        if committed {
            self.effort.succeeded();
        } else {
            self.effort.failed(batch);
        }
        if committed {
            count(&self.shared, &self.siding.committed());
        } else {
            self.siding.rewind();
        }
        let mut damaged = Vec::new();
        let changelog = self.producer.take_changelog_ends();
        for (partition, lane) in self.lanes.iter_mut().filter(|(_, lane)| !lane.task.is_clean()) {
            if !committed {
                lane.rewind();
                continue;
            }
            let offsets = lane.task.offsets().to_vec();
            let changes = self.counter.as_ref().map(|counter| counter.changes_of(&lane.task));
            match lane.task.committed(changelog.get(partition).copied()) {
                Ok(tally) => {
                    lane.committed_to(&offsets);
                    if let (Some(counter), Some(changes)) = (&mut self.counter, changes) {
                        counter.committed(*partition, changes);
                    }
                    count(&self.shared, &tally);
                }
                Err(error) => damaged.push(errors::of_task(error)?),
            }
        }
        damaged.into_iter().try_for_each(|damaged| self.restore_anew(damaged))
    }

    /// Aborts, and takes the records again.
    fn give_up(&mut self) -> Result<(), EdgeError> {
        self.shared.metrics.transaction(Outcome::Aborted);
        let aborted = self.producer.abort();
        self.settle(false)?;
        if aborted == Aborted::InDoubt {
            self.rebuild_producer()?;
        }
        std::thread::sleep(PAUSE_AFTER_FAILURE);
        Ok(())
    }

    fn put_right(&mut self, failed: TransactionFailed) -> Result<(), EdgeError> {
        let TransactionFailed { remedy, error, in_doubt, letters_too_large } = failed;
        if letters_too_large {
            return self.make_letters_smaller(*error);
        }
        match remedy {
            Remedy::Abort => {
                tracing::warn!(%error, "the transaction is aborted, its records are taken again");
                self.give_up()
            }
            Remedy::Stop => {
                self.give_up()?;
                Err(*error)
            }
            // Only a stop that is overdue ends the repetition of a call. What the coordinator made of it is found by the
            // next owner, in the committed offsets.
            Remedy::Retry => {
                tracing::warn!(%error, "stopping without an answer; the next start goes by the committed offsets");
                self.settle(false)
            }
            Remedy::Rebuild => {
                tracing::warn!(%error, in_doubt, "the producer is rebuilt");
                // What the old one had written is known no more: a store is then brought up from where it stood before.
                self.rebuild_producer()?;
                let committed = in_doubt && self.was_committed();
                self.shared.metrics.transaction(if in_doubt { Outcome::Ambiguous } else { Outcome::Aborted });
                self.settle(committed)?;
                std::thread::sleep(PAUSE_AFTER_FAILURE);
                Ok(())
            }
        }
    }

    /// The topic of dead letters refused some as too large. They lose what makes them so, and the records are taken again.
    fn make_letters_smaller(&mut self, error: EdgeError) -> Result<(), EdgeError> {
        let topology = Arc::clone(&self.shared.topology);
        let topic = topology.name(topology.dead_letters());
        let takes = letters::taken_by(&self.shared.settings, topic);
        let limit = topology.letter_bytes_max();
        match self.producer.smaller_letters(limit, takes) {
            Smaller::Limit(bytes) => {
                tracing::warn!(
                    topic,
                    bytes,
                    "dead letters are larger than their topic takes: what makes them so is left out"
                );
                topology.limit_letters(bytes);
            }
            Smaller::Batches => {}
            Smaller::Hopeless => {
                self.give_up()?;
                return Err(error);
            }
        }
        self.give_up()?;
        if self.producer.has_batches_over(topology.letter_bytes_max()) {
            self.rebuild_producer()?;
        }
        Ok(())
    }

    /// A new producer under the same id: its first act fences the old one, and ends the transaction that is open.
    fn rebuild_producer(&mut self) -> Result<(), EdgeError> {
        self.shared.metrics.producer_rebuilt();
        // It waits for the brokers, as long as it takes.
        self.shared.health.set_worker(&self.name, false, "reaching the cluster");
        let stop = self.shared.stop.clone();
        let outputs = self.shared.outputs.clone();
        let started = TransactionalProducer::start(
            &self.shared.settings,
            &self.name,
            (outputs, &self.shared.topology),
            &|| stop.is_overdue(),
        )?;
        if let Some(producer) = started {
            self.producer = producer;
        }
        self.tell_health();
        Ok(())
    }

    /// Whether the offsets of the transaction in doubt are the group's now, with its mark: whoever took the partitions over
    /// may have come to the very same offsets, after this transaction was aborted. One mark is enough, since a transaction is
    /// committed whole, and others may have gone on from there. Called when no transaction of ours is open, so the answer
    /// is final.
    fn was_committed(&mut self) -> bool {
        let mark = self.mark();
        let mut question = TopicPartitionList::new();
        for source in self.staged_offsets() {
            question.add_partition(&source.topic, source.partition);
        }
        while !self.shared.stop.is_overdue() {
            let answer = self.consumer.committed_offsets(question.clone(), OFFSETS_TIMEOUT);
            match answer.and_then(|found| carries(&found, &mark)) {
                Ok(found) => return found,
                Err(error) => tracing::debug!(%error, "the committed offsets are not known yet"),
            }
            std::thread::sleep(PAUSE_AFTER_FAILURE);
        }
        false
    }
}

/// Whether any of the offsets carries the mark. Where none does, all have to be known.
fn carries(found: &TopicPartitionList, mark: &str) -> KafkaResult<bool> {
    let all = found.elements();
    if all.iter().any(|element| element.error().is_ok() && element.metadata() == mark) {
        return Ok(true);
    }
    all.iter().try_for_each(|element| committed_offset(element).map(|_| ()))?;
    Ok(false)
}

fn count(shared: &super::Shared, tally: &Tally) {
    let metrics = &shared.metrics;
    for (class, count) in tally.events() {
        metrics.events(class.as_str(), count);
    }
    for (reason, count) in tally.dead_letters() {
        metrics.dead_letters(reason.as_str(), *count);
    }
    for (topic, count) in tally.outputs() {
        if let Some(name) = shared.topology.topics().get(topic) {
            metrics.outputs(name, count);
        }
    }
    for (notice, count) in tally.notices() {
        if let Notice::Violation(rule) = notice {
            tracing::error!(rule, count, "a rule that always holds did not: please report this");
        }
        metrics.notice(notice, count);
    }
    metrics.end_to_end_latency(now_ms(), tally.timestamps_ms.iter().copied());
}

/// Why a transaction did not come about.
enum Failed {
    Transaction(TransactionFailed),
    /// The state of this partition has to be restored.
    Damaged(Damaged),
    Task(EdgeError),
}

impl From<TransactionFailed> for Failed {
    fn from(failed: TransactionFailed) -> Self {
        Self::Transaction(failed)
    }
}

impl From<TaskError> for Failed {
    fn from(error: TaskError) -> Self {
        match errors::of_task(error) {
            Ok(damaged) => Self::Damaged(damaged),
            Err(error) => Self::Task(error),
        }
    }
}

fn unusable(what: &str, error: rdkafka::error::KafkaError) -> TransactionFailed {
    TransactionFailed {
        remedy: Remedy::Abort,
        error: Box::new(EdgeError::kafka(what, error)),
        in_doubt: false,
        letters_too_large: false,
    }
}
