// SPDX-License-Identifier: Apache-2.0

//! Turns the driver's events into logs, metrics, spans, readiness and updates for listeners.

use std::collections::BTreeMap;

use driver::{AssignedTask, Driver, Event, Outcome, Remedy, TopicPartition, UnalignedLags};
use engine::{Notice, Tally};
use tracing::Span;
use tracing::span::EnteredSpan;

use super::epoch_ms;
use crate::errors::Error;
use crate::metrics::{self, Rebalance};
use crate::queries::{QueryServer, TaskStatus};
use crate::shared::Shared;
use crate::spans;

/// The maximum of partitions in a log line.
const LISTED_MAX: usize = 64;

/// Observes one worker's driver.
pub(super) struct Observer {
    worker: String,
    shared: Shared,
    query_server: Option<QueryServer>,
    commit: Option<Span>,
    rebalance: Option<EnteredSpan>,
    restores: BTreeMap<i32, Span>,
}

impl Observer {
    pub(super) fn new(worker: &str, shared: &Shared) -> Self {
        let query_server = shared.queries.as_ref().map(|queries| queries.server(worker));
        let (worker, shared) = (worker.to_owned(), shared.clone());
        Self { worker, shared, query_server, commit: None, rebalance: None, restores: BTreeMap::new() }
    }

    pub(super) fn query_server(&mut self) -> Option<&mut QueryServer> {
        self.query_server.as_mut()
    }

    /// Takes all pending events.
    pub(super) fn follow(&mut self, driver: &mut Driver<Error>) {
        let mut is_reported = false;
        while let Some(event) = driver.next_event() {
            is_reported |= matches!(event, Event::Readiness { .. });
            self.take(event);
        }
        if is_reported {
            self.report_tasks(driver);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Readiness { is_ready, detail } => {
                self.shared.health.set_worker(&self.worker, is_ready, &detail);
            }
            Event::Assigned(partitions) => self.rebalance_begins(Rebalance::Assigned, &partitions),
            Event::Revoked { partitions, is_lost } => {
                self.rebalance_begins(
                    if is_lost { Rebalance::Lost } else { Rebalance::Revoked },
                    &partitions,
                );
                let of_agents =
                    partitions.iter().filter(|left| self.shared.topology.is_agent_states(&left.topic));
                of_agents.for_each(|left| self.shared.metrics.forget_lag(&left.topic, left.partition));
            }
            Event::Rebalanced => self.rebalance = None,
            Event::Phase { before, after, .. } => self.shared.metrics.task_moved(before, after),
            Event::Closed { partition } => self.closed(partition),
            Event::Applied { partition, tally, changes } => {
                if let Some(query_server) = &mut self.query_server {
                    query_server.committed(partition, changes);
                }
                self.count(&tally);
            }
            Event::Repartitioned(tally) => self.count(&tally),
            Event::Lag { partition: TopicPartition { topic, partition }, records } => {
                self.shared.metrics.lag(&topic, partition, records);
            }
            Event::Polled { latency } => self.shared.metrics.processing_latency(latency),
            Event::CaughtUp => tracing::info!(worker = self.worker, "caught up"),
            event => self.take_transaction(event),
        }
    }

    fn take_transaction(&mut self, event: Event) {
        let metrics = &self.shared.metrics;
        match event {
            Event::TransactionBegan => self.commit = Some(spans::commit(&self.worker)),
            Event::TransactionCommitted { latency } => {
                if let Some(span) = self.commit.take() {
                    spans::committed(&span);
                }
                metrics.commit_latency(latency);
            }
            Event::TransactionFailed { error, remedy, in_doubt } => {
                self.not_committed();
                transaction_failed(&error, remedy, in_doubt);
            }
            Event::TransactionEnded(outcome) => {
                metrics.transaction(match outcome {
                    Outcome::Committed => metrics::Outcome::Committed,
                    Outcome::Aborted => metrics::Outcome::Aborted,
                    Outcome::Ambiguous => metrics::Outcome::Ambiguous,
                });
                self.not_committed();
            }
            Event::Decided { is_committed } => {
                tracing::info!(is_committed, "the committed offsets decided a transaction without an answer");
            }
            Event::AbortFailed { error } => tracing::warn!(error, "cannot abort the transaction"),
            Event::ProducerRebuilt => metrics.producer_rebuilt(),
            Event::LettersLimited { bytes } => {
                let topology = &self.shared.topology;
                let topic = topology.name(topology.dead_letters());
                tracing::warn!(
                    topic,
                    bytes,
                    "dead letters exceed the limit of their topic and are shortened"
                );
            }
            event => self.take_restore(event),
        }
    }

    /// Closes the span of a transaction that was not committed.
    fn not_committed(&mut self) {
        if let Some(span) = self.commit.take() {
            spans::not_committed(&span);
        }
    }

    fn take_restore(&mut self, event: Event) {
        let metrics = &self.shared.metrics;
        match event {
            Event::RestoreBegan { partition } => {
                self.restores.insert(partition, spans::restore(partition));
            }
            Event::RestoreRead { records } => metrics.restored(u64::try_from(records).unwrap_or(u64::MAX)),
            Event::Restored { partition, read, records } => {
                if let Some(span) = self.restores.remove(&partition) {
                    spans::restored(&span, read);
                }
                metrics.restore_remaining(partition, 0);
                tracing::info!(worker = self.worker, partition, records, "restored");
            }
            Event::RestoreDropped { partition } => drop(self.restores.remove(&partition)),
            Event::StoreStale { partition } => {
                tracing::warn!(partition, "the store belongs to another changelog and is rebuilt");
            }
            Event::RestoreBlocked { partition, offset } => tracing::error!(
                topic = self.shared.topology.name(self.shared.topology.changelog()),
                partition,
                offset,
                "the state of this partition cannot be read on: a transaction stays open, longer than it may; \
                 docs/runbook/hanging-transactions.md tells what to do"
            ),
            Event::LeaderBehind { partition, next, end } => {
                tracing::info!(
                    partition,
                    next,
                    end,
                    "a new leader of the changelog does not know its end yet"
                );
            }
            Event::StateDamaged { partition, cause, wait_ms } => {
                metrics.state_unreadable();
                tracing::warn!(
                    partition,
                    cause,
                    wait_ms,
                    "the state of a partition cannot be read and is restored"
                );
            }
            Event::WrongPhase { partition, is, wanted } => {
                tracing::error!(
                    partition,
                    ?is,
                    ?wanted,
                    "invalid phase transition of a task: please report this"
                );
            }
            event => self.take_position(&event),
        }
    }

    fn take_position(&self, event: &Event) {
        match event {
            Event::Gap { partition, from, to } => self.gap(partition, *from, *to),
            Event::Began { partition: TopicPartition { topic, partition }, begin } => tracing::info!(
                topic = &**topic,
                partition,
                begin,
                "the group reads this partition for the first time; records before this offset were removed earlier"
            ),
            Event::ReadAnew(TopicPartition { topic, partition }) => tracing::warn!(
                topic = &**topic,
                partition,
                "the topic was recreated, or has lost records: it is read from its beginning"
            ),
            Event::WentBack { partition: TopicPartition { topic, partition }, offset } => {
                tracing::debug!(topic = &**topic, partition, offset, "the client went back");
            }
            Event::Unreadable { partition, is_held } => self.unreadable(partition, *is_held),
            Event::PartitionCount { topic, count } => tracing::error!(
                topic = &**topic,
                partitions = count,
                state_partitions = self.shared.partitions,
                "the topic has another number of partitions than the state: the next start will refuse it; \
                 docs/runbook/alerts/CxTimelinesPartitionsUnread.md tells what to do"
            ),
            Event::Unanswered { what } => tracing::debug!(what, "no answer; retrying"),
            _ => {}
        }
    }

    fn rebalance_begins(&mut self, kind: Rebalance, partitions: &[TopicPartition]) {
        self.shared.metrics.rebalance(kind);
        self.rebalance = Some(spans::rebalance(&self.worker, kind.label(), partitions.len()).entered());
        let partitions = listed(partitions);
        match kind {
            Rebalance::Assigned => tracing::info!(worker = self.worker, partitions, "assigned"),
            Rebalance::Revoked => tracing::info!(worker = self.worker, partitions, lost = false, "revoked"),
            Rebalance::Lost => tracing::info!(worker = self.worker, partitions, lost = true, "revoked"),
        }
    }

    /// Removes all traces of a task.
    fn closed(&mut self, partition: i32) {
        if let Some(query_server) = &mut self.query_server {
            query_server.closed(partition);
        }
        if let Some(consumed) = &self.shared.consumed {
            consumed.forget(partition);
        }
        self.shared.metrics.forget_partition(partition);
    }

    fn unreadable(&self, TopicPartition { topic, partition }: &TopicPartition, is_held: bool) {
        self.shared.metrics.partitions_unread(topic, if is_held { 1 } else { -1 });
        if is_held {
            tracing::error!(
                topic = &**topic,
                partition,
                state_partitions = self.shared.partitions,
                "this partition was added to the input after the state was made, which cannot follow: its records are not read; \
                 the other partitions are. docs/runbook/alerts/CxTimelinesPartitionsUnread.md tells what to do"
            );
        }
    }

    /// Reports and counts lost records.
    fn gap(&self, TopicPartition { topic, partition }: &TopicPartition, from: i64, to: i64) {
        let lost = u64::try_from(to - from).unwrap_or(0);
        self.shared.metrics.input_gap(self.shared.counted_as(topic), lost);
        let Loss { is_worse, words } = self.loss(topic);
        let runbook = "docs/runbook/alerts/CxTimelinesInputLost.md explains what to do";
        if is_worse {
            tracing::error!(topic = &**topic, partition, from, to, lost, "{words}; {runbook}");
        } else {
            tracing::warn!(topic = &**topic, partition, from, to, lost, "{words}; {runbook}");
        }
    }

    fn loss(&self, topic: &str) -> Loss {
        let topology = &self.shared.topology;
        let is_inner = |inner| topic == topology.name(inner);
        let (is_worse, words) = if is_inner(topology.repartition()) {
            (
                true,
                "records on their way between partitions were removed before they were read: figures of windows and moved \
                 events are lost for good, though the input was read",
            )
        } else if is_inner(topology.changelog()) {
            (true, "the changelog has lost records: the state of this partition is incomplete")
        } else if self.shared.patterns.erasures.as_deref() == Some(topic) {
            (true, "erasure requests were removed before they were read: they are not carried out")
        } else {
            (false, "events were removed from the input before they were read: they are lost")
        };
        Loss { is_worse, words }
    }

    fn count(&self, tally: &Tally) {
        let metrics = &self.shared.metrics;
        for (class, count) in tally.events() {
            metrics.events(class.as_str(), count);
        }
        for (reason, count) in tally.dead_letters() {
            metrics.dead_letters(reason.as_str(), *count);
        }
        for (topic, count) in tally.outputs() {
            if let Some(name) = self.shared.topology.topics().get(topic) {
                metrics.outputs(name, count);
            }
        }
        for (notice, count) in tally.notices() {
            if let Notice::Violation(rule) = notice {
                tracing::error!(rule, count, "an invariant was violated: please report this");
            }
            metrics.notice(notice, count);
        }
        metrics.end_to_end_latency(epoch_ms(), tally.timestamps_ms.iter().copied());
    }

    /// Updates the gauges that change continuously.
    pub(super) fn show(&self, driver: &Driver<Error>) {
        let metrics = &self.shared.metrics;
        for task in driver.tasks() {
            let state = task.task().state();
            let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            metrics.state_size(task.partition(), size(state.records), size(state.bytes));
        }
        for (partition, remaining) in driver.restoring() {
            metrics.restore_remaining(partition, remaining);
        }
        let UnalignedLags { events, erasures } = driver.unaligned_lags();
        let patterns = &self.shared.patterns;
        let events = patterns.subscriptions.first().zip(events);
        let erasures = patterns.erasures.as_ref().zip(erasures);
        events.into_iter().chain(erasures).for_each(|(topic, lag)| metrics.lag(topic, 0, lag));
        self.report_tasks(driver);
    }

    /// Reports the tasks to interactive queries.
    pub(super) fn report_tasks(&self, driver: &Driver<Error>) {
        let Some(query_server) = &self.query_server else { return };
        let status = |task: &AssignedTask| {
            let state = task.task().state();
            TaskStatus {
                partition: task.partition(),
                worker: self.worker.clone(),
                phase: task.task().phase(),
                records: state.records,
                bytes: state.bytes,
                lags: task.lags().map(|(topic, lag)| (topic.to_owned(), lag)).collect(),
            }
        };
        query_server.report(driver.tasks().map(status).collect());
    }
}

struct Loss {
    /// Whether the loss does not show in the input.
    is_worse: bool,
    words: &'static str,
}

fn transaction_failed(error: &str, remedy: Remedy, in_doubt: bool) {
    match remedy {
        Remedy::Abort => tracing::warn!(error, "the transaction is aborted and its records are taken again"),
        Remedy::Rebuild => tracing::warn!(error, in_doubt, "the producer is rebuilt"),
        Remedy::Retry => {
            tracing::warn!(error, "stopping without an answer; the next start goes by the committed offsets");
        }
        // The worker ends with this error, and its caller reports it.
        Remedy::Stop => tracing::debug!(error, "the transaction failed"),
    }
}

fn listed(partitions: &[TopicPartition]) -> String {
    let mut each: Vec<String> = partitions.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    if partitions.len() > LISTED_MAX {
        each.push(format!("and {} more", partitions.len() - LISTED_MAX));
    }
    each.join(" ")
}
