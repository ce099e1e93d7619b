// SPDX-License-Identifier: Apache-2.0

//! The commit: one Kafka transaction with the outputs, the changelog, the dead letters and the offsets of all tasks of the worker;
//! and what puts it right when it fails.
//!
//! ```text
//! begin ─▶ send ─▶ flush ─▶ membership ─▶ offsets ─▶ commit ─▶ apply to the tasks
//!   │       │        │          │            │          │
//!   ▼       ▼        ▼          ▼            ▼          ▼ no answer
//! abort, drop what is staged, take the records     new producer; the committed offsets decide
//! again; without an answer: new producer
//! ```

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use engine::{OutputRecord, Sink, SinkError, SourceOffset, TaskError, TopicId};

use crate::action::{Action, Answer, Failure, GroupOffsets, Position, Remedy, TopicPartition};
use crate::error::{Damaged, DriverError, damaged_by};
use crate::event::{Event, Outcome as Ending};
use crate::job::{Job, Outcome, Pending, Step};
use crate::letters::{self, SentSizes, Smaller};
use crate::{Driver, Now, Stop};

/// What follows an abort.
enum After<E> {
    Nothing,
    Restore(Damaged),
    Batches,
    Fail(DriverError<E>),
}

/// Why sending stopped.
enum Unsent<E> {
    Sink,
    Restore(Damaged),
    Fail(DriverError<E>),
}

/// The transaction that is being committed, and the producer.
pub(crate) struct Transaction<E> {
    number: u128,
    /// The offsets to commit with it.
    offsets: Vec<SourceOffset>,
    began: Duration,
    /// The number of attempts of the current call, and the time of the first one.
    calls: u32,
    called_at: Duration,
    abort_until: Duration,
    /// Whether the offsets were sent once and answered before the client would have retried.
    are_offsets_sent_once: bool,
    /// The end offset of each changelog partition after it.
    changelog_ends: BTreeMap<i32, i64>,
    unsent: Option<Unsent<E>>,
    after: After<E>,
    has_producer: bool,
    /// The producer's batch size.
    batch_bytes: usize,
    letters: SentSizes,
    /// Why dead letters were refused.
    refusal: Option<E>,
}

impl<E> Transaction<E> {
    pub(crate) fn new(number: u128) -> Self {
        Self {
            number,
            offsets: Vec::new(),
            began: Duration::ZERO,
            calls: 0,
            called_at: Duration::ZERO,
            abort_until: Duration::ZERO,
            are_offsets_sent_once: false,
            changelog_ends: BTreeMap::new(),
            unsent: None,
            after: After::Nothing,
            has_producer: false,
            batch_bytes: usize::MAX,
            letters: SentSizes::default(),
            refusal: None,
        }
    }

    /// Notes the first attempt of a call.
    fn calls_begin(&mut self, now: Now) {
        self.calls = 0;
        self.called_at = now.elapsed;
    }
}

/// A sink that notes the sizes of dead letters.
struct Measured<'s> {
    sink: &'s mut dyn Sink,
    dead_letters: TopicId,
    letters: &'s mut SentSizes,
}

impl Sink for Measured<'_> {
    fn send(&mut self, record: OutputRecord<'_>) -> Result<(), SinkError> {
        if record.topic == self.dead_letters {
            self.letters.add(record.framed_bytes());
        }
        self.sink.send(record)
    }
}

impl<E: Display> Driver<E> {
    /// Creates a producer, for as long as it takes.
    pub(crate) fn init_producer(&mut self) -> Outcome<E> {
        let detail = "reaching the cluster".to_owned();
        self.report(Event::Readiness { is_ready: false, detail });
        // The old producer's changelog ends are unknown now; a store is then restored from its previous position.
        self.transaction.changelog_ends.clear();
        self.ask(Action::InitProducer, Pending::Producer)
    }

    fn producer(&mut self, result: Result<usize, Failure<E>>) -> Result<(), DriverError<E>> {
        match result {
            Ok(batch_bytes) => {
                self.transaction.batch_bytes = batch_bytes;
                if std::mem::replace(&mut self.transaction.has_producer, true) {
                    self.do_first([Job::Readiness]);
                }
            }
            Err(Failure { remedy: Remedy::Rebuild | Remedy::Stop, error, .. }) => {
                return Err(DriverError::Caller(error));
            }
            Err(_) if !self.transaction.has_producer && self.now.stop != Stop::No => {
                // The worker never started.
                self.jobs.clear();
                self.jobs.push_back(Job::Finish);
            }
            // The next owner decides about the transaction.
            Err(_) if self.now.stop == Stop::Overdue => {}
            Err(_) => self.do_first([Job::InitProducer]),
        }
        Ok(())
    }

    /// Rebuilds the producer under the same transactional id, which fences the old one and ends its open transaction.
    fn rebuild_producer(&mut self) -> [Job<E>; 2] {
        [Job::Report(Event::ProducerRebuilt), Job::InitProducer]
    }

    /// Commits what is staged. Recovers from failures where a remedy is known.
    pub(crate) fn commit(&mut self) -> Outcome<E> {
        self.turn.staged_since = None;
        if self.is_clean() {
            self.turn.batch = 0;
            return Ok(None);
        }
        self.report(Event::TransactionBegan);
        self.transaction.number += 1;
        self.transaction.began = self.now.elapsed;
        self.transaction.letters = SentSizes::default();
        self.transaction.changelog_ends.clear();
        self.do_first([Job::Transaction(Step::Begin)]);
        Ok(None)
    }

    pub(crate) fn go_on_with_transaction(&mut self, step: Step) -> Outcome<E> {
        match step {
            Step::Begin => self.ask(Action::BeginTransaction, Pending::Begin),
            Step::Send => self.ask(Action::Send, Pending::Sent),
            Step::Flush => self.ask(Action::Flush, Pending::Flushed),
            Step::Membership => self.ask(Action::FetchMembership, Pending::Membership),
            Step::Offsets => {
                self.transaction.calls += 1;
                let (offsets, metadata) = (self.offsets_of_transaction(), self.mark());
                self.ask(Action::SendOffsets { offsets, metadata }, Pending::Offsets)
            }
            Step::Commit => {
                self.transaction.calls += 1;
                self.ask(Action::CommitTransaction, Pending::Commit)
            }
            Step::Abort => {
                self.transaction.calls += 1;
                self.ask(Action::AbortTransaction, Pending::Abort)
            }
            Step::NotCommitted => self.not_committed(),
            Step::Doubt => self.doubt(),
            Step::RecordLimit => self.ask(Action::FetchRecordLimit, Pending::RecordLimit),
            Step::Batches => {
                if self.transaction.batch_bytes > self.settings.topology.letter_bytes_max() {
                    let jobs = self.rebuild_producer();
                    self.do_first(jobs);
                }
                Ok(None)
            }
        }
    }

    pub(crate) fn take_transaction_answer(
        &mut self,
        pending: Pending,
        answer: Answer<'_, E>,
    ) -> Result<(), DriverError<E>> {
        match (pending, answer) {
            (Pending::Producer, Answer::Producer(result)) => self.producer(result),
            (Pending::Begin, Answer::Transaction(result)) => self.after_step(result, Step::Send),
            (Pending::Sent, Answer::Sent(result)) => self.sent(result),
            (Pending::Flushed, Answer::Flushed(result)) => self.flushed(result),
            (Pending::Membership, Answer::Membership { is_known, is_lost }) => {
                self.membership_known(is_known, is_lost)
            }
            (Pending::Offsets, Answer::Transaction(result)) => self.offsets_sent(result),
            (Pending::Commit, Answer::Ended { result, is_broken }) => self.commit_answered(result, is_broken),
            (Pending::Abort, Answer::Ended { result, is_broken }) => self.abort_answered(result, is_broken),
            (Pending::RecordLimit, Answer::RecordLimit(limit)) => {
                self.make_letters_smaller(limit);
                Ok(())
            }
            // The answer belongs to another action and is ignored.
            _ => Ok(()),
        }
    }

    fn after_step(&mut self, result: Result<(), Failure<E>>, next: Step) -> Result<(), DriverError<E>> {
        match result {
            Ok(()) => {
                self.do_first([Job::Transaction(next)]);
                Ok(())
            }
            Err(failure) => self.put_right(failure, false),
        }
    }

    /// Passes everything staged to the producer, during [`Action::Send`]. The answer reports failures.
    pub fn send_to(&mut self, sink: &mut dyn Sink) {
        let topology = &self.settings.topology;
        let mut sink =
            Measured { sink, dead_letters: topology.dead_letters(), letters: &mut self.transaction.letters };
        let mut budget = self.effort.budget(&self.settings.budget);
        let mut left = self.tasks.values().filter(|task| !task.task.is_clean()).count();
        for task in self.tasks.values_mut().filter(|task| !task.task.is_clean()) {
            let mut part = budget.share(left);
            left -= 1;
            if let Err(error) = task.task.prepare_within(&mut sink, &mut part) {
                self.transaction.unsent = Some(match error {
                    TaskError::Abort { .. } => Unsent::Sink,
                    error => damaged_by(error).map_or_else(Unsent::Fail, Unsent::Restore),
                });
                return;
            }
            budget.give_back(&part);
        }
        if self.unaligned.repartitioner.prepare(&mut sink).is_err() {
            self.transaction.unsent = Some(Unsent::Sink);
            return;
        }
        let of_tasks = self.tasks.values().flat_map(|task| task.task.offsets()).cloned();
        self.transaction.offsets = of_tasks.chain(self.unaligned.offsets()).collect();
    }

    fn sent(&mut self, result: Result<(), Failure<E>>) -> Result<(), DriverError<E>> {
        let unsent = self.transaction.unsent.take();
        if let Err(failure) = result {
            return self.put_right(failure, false);
        }
        match unsent {
            None => self.do_first([Job::Transaction(Step::Flush)]),
            Some(Unsent::Restore(damaged)) => self.give_up(After::Restore(damaged)),
            Some(Unsent::Fail(error)) => self.give_up(After::Fail(error)),
            Some(Unsent::Sink) => self.abort_because("a record could not be handed over"),
        }
        Ok(())
    }

    fn flushed(&mut self, result: Result<BTreeMap<i32, i64>, Failure<E>>) -> Result<(), DriverError<E>> {
        let ends = match result {
            Ok(ends) => ends,
            Err(failure) => return self.put_right(failure, false),
        };
        self.transaction.changelog_ends = ends;
        self.do_first([Job::Transaction(Step::Membership)]);
        Ok(())
    }

    /// Takes the consumer's membership. The client clears member id and generation only when it notices that its partitions are
    /// lost. Without them the coordinator would accept the commit of a stranger unchecked.
    fn membership_known(&mut self, is_known: bool, is_lost: bool) -> Result<(), DriverError<E>> {
        #[cfg(feature = "defects")]
        let is_lost = is_lost && !self.has(crate::defect::Defect::CommitsWhenLost);
        if !is_known {
            self.abort_because("the consumer has no group");
        } else if is_lost {
            self.abort_because("the group has taken the partitions away");
        } else {
            self.transaction.calls_begin(self.now);
            self.do_first([Job::Transaction(Step::Offsets)]);
        }
        Ok(())
    }

    fn offsets_sent(&mut self, result: Result<(), Failure<E>>) -> Result<(), DriverError<E>> {
        match result {
            Ok(()) => {
                let took = self.now.elapsed.saturating_sub(self.transaction.called_at);
                self.transaction.are_offsets_sent_once =
                    self.transaction.calls == 1 && took < self.settings.pace.offsets_retried_after;
                self.transaction.calls_begin(self.now);
                #[cfg(feature = "defects")]
                if self.has(crate::defect::Defect::StoreBeforeCommit) {
                    for task in self.tasks.values_mut().filter(|task| !task.task.is_clean()) {
                        let end = self.transaction.changelog_ends.get(&task.partition()).copied();
                        let _ = task.task.committed(end);
                    }
                }
                self.do_first([Job::Transaction(Step::Commit)]);
                Ok(())
            }
            Err(failure) if self.is_retried(&failure) => {
                self.do_first([Job::Transaction(Step::Offsets)]);
                Ok(())
            }
            Err(failure) => self.put_right(failure, false),
        }
    }

    /// Whether to retry the same call.
    fn is_retried(&self, failure: &Failure<E>) -> bool {
        failure.remedy == Remedy::Retry && self.now.stop != Stop::Overdue
    }

    fn commit_answered(
        &mut self,
        result: Result<(), Failure<E>>,
        is_broken: bool,
    ) -> Result<(), DriverError<E>> {
        if let Err(failure) = result {
            if self.is_retried(&failure) {
                self.do_first([Job::Transaction(Step::Commit)]);
                return Ok(());
            }
            return self.put_right(failure, true);
        }
        // When a request was sent more than once, an older copy may still be in flight and act on a later transaction of this
        // producer. A new producer fences it.
        let is_sent_once =
            self.transaction.calls == 1 && self.transaction.are_offsets_sent_once && !is_broken;
        #[cfg(feature = "defects")]
        let is_sent_once = is_sent_once || self.has(crate::defect::Defect::TrustsOneCall);
        self.turn.committed_at = self.now.elapsed;
        let latency = self.now.elapsed.saturating_sub(self.transaction.began);
        self.report(Event::TransactionCommitted { latency });
        self.report(Event::TransactionEnded(Ending::Committed));
        if !is_sent_once {
            let jobs = self.rebuild_producer();
            self.do_first(jobs);
        }
        self.apply(true)
    }

    /// The offsets of the transaction.
    fn offsets_of_transaction(&self) -> Vec<Position> {
        let offsets = self.transaction.offsets.iter();
        offsets
            .map(|SourceOffset { topic, partition, next }| {
                (TopicPartition::new(topic.as_str(), *partition), *next)
            })
            .collect()
    }

    /// Metadata unique to this transaction.
    fn mark(&self) -> String {
        format!("{} {:x}", self.settings.name, self.transaction.number)
    }

    /// Applies the outcome of the transaction to the tasks.
    fn apply(&mut self, is_committed: bool) -> Result<(), DriverError<E>> {
        let batch = std::mem::take(&mut self.turn.batch);
        if !is_committed {
            self.effort.failed(batch);
            self.unaligned.rewind();
            for task in self.tasks.values_mut().filter(|task| !task.task.is_clean()) {
                #[cfg(feature = "defects")]
                if self.defect == Some(crate::defect::Defect::StaysAfterAbort) {
                    task.task.aborted();
                    continue;
                }
                task.rewind();
            }
            return Ok(());
        }
        self.effort.succeeded();
        let tally = self.unaligned.committed();
        self.report(Event::Repartitioned(tally));
        let ends = std::mem::take(&mut self.transaction.changelog_ends);
        let mut errors = Vec::new();
        for (partition, task) in self.tasks.iter_mut().filter(|(_, task)| !task.task.is_clean()) {
            let offsets = task.task.offsets().to_vec();
            let watched = self.settings.watched.as_deref();
            let changes = watched.into_iter().flat_map(|prefix| task.task.staged_under(prefix));
            let changes = changes.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect();
            match task.task.committed(ends.get(partition).copied()) {
                Ok(tally) => {
                    task.committed_to(&offsets);
                    self.events.push_back(Event::Applied { partition: *partition, tally, changes });
                }
                Err(error) => errors.push(error),
            }
        }
        self.restore_those(errors)
    }

    /// Aborts for a reason that is no client error.
    fn abort_because(&mut self, why: &str) {
        self.report(Event::TransactionFailed {
            error: why.to_owned(),
            remedy: Remedy::Abort,
            in_doubt: false,
        });
        self.give_up(After::Nothing);
    }

    /// Aborts and takes the records again.
    fn give_up(&mut self, after: After<E>) {
        self.report(Event::TransactionEnded(Ending::Aborted));
        self.transaction.after = after;
        self.transaction.calls_begin(self.now);
        self.transaction.abort_until = self.now.elapsed + self.settings.pace.abort_timeout;
        self.do_first([Job::Transaction(Step::Abort)]);
    }

    fn abort_answered(
        &mut self,
        result: Result<(), Failure<E>>,
        is_broken: bool,
    ) -> Result<(), DriverError<E>> {
        let is_certain = match result {
            Ok(()) => self.transaction.calls == 1 && !is_broken,
            Err(Failure { remedy: Remedy::Retry, .. }) if self.now.elapsed < self.transaction.abort_until => {
                self.do_first([Job::Transaction(Step::Abort)]);
                return Ok(());
            }
            Err(Failure { error, .. }) => {
                self.report(Event::AbortFailed { error: error.to_string() });
                false
            }
        };
        #[cfg(feature = "defects")]
        let is_certain = is_certain || self.has(crate::defect::Defect::TrustsOneCall);
        let mut jobs = Vec::new();
        if !is_certain {
            jobs.extend(self.rebuild_producer());
        }
        jobs.push(Job::Do(Action::Sleep(self.settings.pace.failure_backoff)));
        jobs.extend(match std::mem::replace(&mut self.transaction.after, After::Nothing) {
            After::Nothing => None,
            After::Restore(damaged) => Some(Job::Damaged(damaged)),
            After::Batches => Some(Job::Transaction(Step::Batches)),
            After::Fail(error) => Some(Job::Fail(error)),
        });
        self.do_first(jobs);
        self.apply(false)
    }

    /// Recovers from a failed call.
    fn put_right(&mut self, failure: Failure<E>, in_doubt: bool) -> Result<(), DriverError<E>> {
        let Failure { remedy, error, letters_too_large } = failure;
        if letters_too_large {
            self.transaction.refusal = Some(error);
            self.do_first([Job::Transaction(Step::RecordLimit)]);
            return Ok(());
        }
        self.report(Event::TransactionFailed { error: error.to_string(), remedy, in_doubt });
        match remedy {
            Remedy::Abort => self.give_up(After::Nothing),
            Remedy::Stop => self.give_up(After::Fail(DriverError::Caller(error))),
            // Only an overdue stop ends the retries. The next owner reads the outcome from the committed offsets.
            Remedy::Retry => return self.apply(false),
            Remedy::Rebuild => {
                #[cfg(feature = "defects")]
                if in_doubt && self.has(crate::defect::Defect::TrustsCommit) {
                    return self.apply(true);
                }
                #[cfg(feature = "defects")]
                if in_doubt && self.has(crate::defect::Defect::KeepsProducer) {
                    self.do_first([Job::Transaction(Step::Commit)]);
                    return Ok(());
                }
                let then = if in_doubt { Step::Doubt } else { Step::NotCommitted };
                let [report, init] = self.rebuild_producer();
                self.do_first([report, init, Job::Transaction(then)]);
            }
        }
        Ok(())
    }

    fn not_committed(&mut self) -> Outcome<E> {
        self.report(Event::TransactionEnded(Ending::Aborted));
        self.back_off();
        self.apply(false)?;
        Ok(None)
    }

    fn back_off(&mut self) {
        self.do_first([Job::Do(Action::Sleep(self.settings.pace.failure_backoff))]);
    }

    /// Fetches the group's offsets. No transaction of this worker is open, so the answer is final.
    fn doubt(&mut self) -> Outcome<E> {
        if self.now.stop == Stop::Overdue {
            // The next owner decides.
            self.report(Event::TransactionEnded(Ending::Ambiguous));
            self.apply(false)?;
            return Ok(None);
        }
        let partitions = self.offsets_of_transaction().into_iter().map(|(partition, _)| partition).collect();
        self.ask(Action::FetchCommitted(partitions), Pending::CommittedInDoubt)
    }

    /// Decides whether the transaction in doubt was committed: whether the group's offsets carry its metadata. Equal offsets
    /// alone prove nothing, because another member may have reached them after the transaction was aborted. One match is
    /// enough, since a transaction commits as a whole and others may have continued from there. Without a match, every offset
    /// has to be known.
    pub(crate) fn decide(&mut self, offsets: Option<GroupOffsets>) -> Result<(), DriverError<E>> {
        let offsets = offsets.unwrap_or_default();
        let mark = self.mark();
        let ours = self.offsets_of_transaction();
        #[cfg(feature = "defects")]
        if self.has(crate::defect::Defect::TrustsOffsets) && offsets.len() == ours.len() {
            let is_there = |(partition, next): &Position| {
                offsets.get(partition).and_then(Option::as_ref).is_some_and(|offset| offset.next == *next)
            };
            return self.decided(ours.iter().all(is_there));
        }
        if offsets.values().flatten().any(|offset| offset.metadata == mark) {
            return self.decided(true);
        }
        if ours.iter().all(|(partition, _)| offsets.contains_key(partition)) {
            return self.decided(false);
        }
        self.report(Event::Unanswered { what: "committed offsets" });
        self.do_first([Job::Transaction(Step::Doubt)]);
        self.back_off();
        Ok(())
    }

    fn decided(&mut self, is_committed: bool) -> Result<(), DriverError<E>> {
        self.report(Event::TransactionEnded(Ending::Ambiguous));
        self.report(Event::Decided { is_committed });
        self.back_off();
        self.apply(is_committed)
    }

    /// Reduces the size of dead letters after their topic refused some. The records are taken again.
    fn make_letters_smaller(&mut self, takes: Option<usize>) {
        let Some(refusal) = self.transaction.refusal.take() else { return };
        let limit = self.settings.topology.letter_bytes_max();
        match letters::smaller(limit, self.transaction.letters, self.transaction.batch_bytes, takes) {
            Smaller::Limit(bytes) => {
                self.report(Event::LettersLimited { bytes });
                self.settings.topology.limit_letters(bytes);
            }
            Smaller::Batches => {}
            Smaller::Hopeless => {
                self.give_up(After::Fail(DriverError::Caller(refusal)));
                return;
            }
        }
        self.give_up(After::Batches);
    }
}
