//! A task: all processors on one state partition. The unit that is assigned, restored, committed and closed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use model::{Action, Event, Home, Limits, NotDecoded, Reason};

use crate::carried::Carried;
use crate::committed::Committed;
use crate::context::{Context, EVENT, Local};
use crate::deadletter::DeadLetter;
use crate::emitter::{Emitter, Leader, News, Said};
use crate::erasure::{self, ERASURE, Erasure};
use crate::outbox::Message;
use crate::partitioner::partition_of;
use crate::phase::Phase;
use crate::processor::{Outcome, ProcessError, Rejection};
use crate::record::{OutputRecord, Route, Sink, SourceRecord};
use crate::requests::{Request, Retracted};
use crate::staged::{SourceOffset, Staged};
use crate::store::{Place, StateStore, StoreStats, Visit, WriteBatch};
use crate::stream_time::StreamTime;
use crate::tally::{EventClass, Tally};
use crate::topology::{Node, Topology};

/// Who refuses a record that cannot even be read.
const DECODER: &str = "decode";

/// A task cannot go on. Named by remedy.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its state cannot be trusted: drop what is staged, wipe the store, restore it from the changelog.
    #[error("the state of partition {partition} is damaged: {source}")]
    StateDamaged {
        /// The task's partition.
        partition: i32,
        /// What was found.
        source: ProcessError,
    },
    /// The records could not be handed to the transaction: abort it, take the records again.
    #[error("the transaction of partition {partition} could not be written: {source}")]
    Abort {
        /// The task's partition.
        partition: i32,
        /// What failed.
        source: ProcessError,
    },
    /// A record was written with a schema that is not known yet: drop what is staged, since the record may have left a part
    /// of its effects there; have the schema learnt; take the records again.
    #[error("a record for partition {partition} was written with a schema that is not known yet, of id {id}")]
    UnknownSchema {
        /// The task's partition.
        partition: i32,
        /// The schema's id.
        id: u32,
    },
    /// The program is wrong: stop.
    #[error("partition {partition}: {source}")]
    Fatal {
        /// The task's partition.
        partition: i32,
        /// What is wrong.
        source: ProcessError,
    },
}

/// All processors on one state partition.
pub struct Task {
    partition: i32,
    /// How many state partitions there are: a key belongs to one of them.
    partitions: i32,
    phase: Phase,
    topology: Arc<Topology>,
    limits: Limits,
    store: Box<dyn StateStore>,
    staged: Staged,
    /// Work left for this very task by the record being taken.
    local: VecDeque<Local>,
    stream_time: StreamTime,
    /// The last time that was told, for dead letters made at the commit.
    now_ms: i64,
    restoring: WriteBatch,
    scratch: Vec<u8>,
    /// Room for the decoder's work. An event borrows from it while the other scratch is used.
    decoding: Vec<u8>,
}

/// Restored records are applied to the store in batches of about this many bytes.
const RESTORE_BATCH_BYTES: usize = 1 << 20;

impl Task {
    /// A task over a store, which may hold what an earlier life left there. `partitions` is the number of partitions that
    /// the input and the repartition topic have.
    #[must_use]
    pub fn new(
        partition: i32,
        partitions: i32,
        topology: Arc<Topology>,
        limits: Limits,
        store: Box<dyn StateStore>,
    ) -> Self {
        let staged = Staged::new(topology.nodes().len());
        Self {
            partition,
            partitions,
            phase: Phase::Created,
            topology,
            limits,
            store,
            staged,
            local: VecDeque::new(),
            stream_time: StreamTime::default(),
            now_ms: 0,
            restoring: WriteBatch::default(),
            scratch: Vec::new(),
            decoding: Vec::new(),
        }
    }

    /// The state partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Where in its life the task stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Goes to another phase; `false`, and no change, where the life of a task has no such step.
    pub fn become_phase(&mut self, next: Phase) -> bool {
        let allowed = self.phase.can_become(next);
        if allowed {
            self.phase = next;
        }
        allowed
    }

    /// Takes one record of the input or of the repartition topic: its effects are staged, nothing is visible yet. `now_ms`
    /// is the time for a dead letter's header.
    ///
    /// # Errors
    /// The state cannot be read, or the record's schema is not known yet; the record is not taken. See [`TaskError`] for the
    /// remedy.
    pub fn process(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), TaskError> {
        self.now_ms = now_ms;
        let taken = if record.topic == self.topology.name(self.topology.repartition()) {
            self.take_message(record, now_ms)
        } else if self.topology.is_erasures(record.topic) {
            self.take_request(record, now_ms)
        } else {
            self.take_event(record, now_ms)
        };
        taken.and_then(|()| self.take_local(now_ms)).map_err(|source| self.error(source))?;
        self.staged.took(record);
        Ok(())
    }

    /// A record of the repartition topic: an event that belongs here, or a processor's message to itself.
    fn take_message(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), ProcessError> {
        match record.value {
            Some([EVENT, carried @ ..]) => self.take_carried(carried, now_ms),
            Some([ERASURE, payload @ ..]) => self.take_erasure(record.key.unwrap_or_default(), payload),
            Some([namespace, payload @ ..]) => {
                self.receive(*namespace, record.key.unwrap_or_default(), payload)
            }
            Some([]) | None => Err(ProcessError::UnknownMessage("it is empty".to_owned())),
        }
    }

    /// A request to erase: to those that may know something, this task among them.
    fn take_request(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), ProcessError> {
        let class = match record.value.map(|value| erasure::messages(value, self.partitions)) {
            None => EventClass::Tombstone,
            Some(Ok(messages)) => {
                for message in messages {
                    if message.partition(self.partitions) == self.partition {
                        let (key, value) = message.parts();
                        self.take_erasure(key, value.get(1..).unwrap_or_default())?;
                    } else {
                        self.staged.outbox.message(message);
                    }
                }
                EventClass::Erasure
            }
            Some(Err(detail)) => {
                let rejection = Rejection { reason: Reason::Malformed, detail };
                self.reject(record, DECODER, rejection, now_ms)
            }
        };
        self.staged.tally.event(class);
        Ok(())
    }

    fn take_erasure(&mut self, key: &[u8], payload: &[u8]) -> Result<(), ProcessError> {
        let erasure = Erasure::read(key, payload)
            .ok_or_else(|| ProcessError::UnknownMessage("it erases nothing".to_owned()))?;
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            if let Some(mut context) = self.context(index, node) {
                node.processor.asked_to_erase(&erasure, &mut context)?;
            }
        }
        Ok(())
    }

    fn take_carried(&mut self, carried: &[u8], now_ms: i64) -> Result<(), ProcessError> {
        let carried =
            Carried::unpack(carried).map_err(|problem| ProcessError::UnknownMessage(problem.to_string()))?;
        self.take_event(&carried.record(), now_ms)
    }

    /// What the record leaves to be done by this very task.
    fn take_local(&mut self, now_ms: i64) -> Result<(), ProcessError> {
        while let Some(local) = self.local.pop_front() {
            match local {
                Local::Event(carried) => self.take_carried(&carried, now_ms)?,
                Local::Message { namespace, key, payload } => self.receive(namespace, &key, &payload)?,
            }
        }
        Ok(())
    }

    fn take_event(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), ProcessError> {
        let mut decoding = std::mem::take(&mut self.decoding);
        let class = self.decode_and_place(record, &mut decoding, now_ms);
        self.decoding = decoding;
        self.staged.tally.event(class?);
        self.staged.tally.timestamp(record.timestamp_ms);
        Ok(())
    }

    fn decode_and_place(
        &mut self,
        record: &SourceRecord<'_>,
        decoding: &mut Vec<u8>,
        now_ms: i64,
    ) -> Result<EventClass, ProcessError> {
        let Some(value) = record.value else { return Ok(EventClass::Tombstone) };
        let topology = Arc::clone(&self.topology);
        let decoded =
            topology.decoder().decode(record.topic, value, record.conversation, &self.limits, decoding);
        match decoded {
            Ok(event) => self.place(&event, record, now_ms),
            Err(NotDecoded::Invalid(invalid)) => {
                let rejection = Rejection { reason: invalid.reason, detail: invalid.detail };
                Ok(self.reject(record, DECODER, rejection, now_ms))
            }
            Err(NotDecoded::UnknownSchema(id)) => Err(ProcessError::UnknownSchema(id)),
        }
    }

    /// Folds an event where it belongs: here, or in another partition, where it is sent whole (contract section 7).
    fn place(
        &mut self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        now_ms: i64,
    ) -> Result<EventClass, ProcessError> {
        let (Home::Conversation(key) | Home::Session(key) | Home::Activity(key)) = event.home();
        if partition_of(key.as_bytes(), self.partitions) != self.partition {
            let carried = Carried::pack(record, None);
            self.staged.outbox.message(Message::new(EVENT, key.as_bytes(), &carried));
            return Ok(EventClass::Moved);
        }
        self.staged.stream_time_ms =
            self.stream_time.after(self.staged.stream_time_ms, event.at, record.timestamp_ms);
        self.fold(event, record, now_ms)
    }

    fn reject(
        &mut self,
        record: &SourceRecord<'_>,
        processor: &'static str,
        rejection: Rejection,
        now_ms: i64,
    ) -> EventClass {
        self.staged.reject(DeadLetter::new(record, processor, rejection.reason, rejection.detail, now_ms));
        EventClass::Invalid
    }

    fn fold(
        &mut self,
        event: &Event<'_>,
        record: &SourceRecord<'_>,
        now_ms: i64,
    ) -> Result<EventClass, ProcessError> {
        let mut class = match event.action {
            Action::Primary(_) => EventClass::Primary,
            Action::Relation(_) => EventClass::Relation,
            Action::Fact(_) => EventClass::Fact,
        };
        let home = event.home();
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            let is_known = class == EventClass::Duplicate;
            if !node.processor.wants(&home) || (is_known && !node.processor.wants_duplicates()) {
                continue;
            }
            let Some(mut context) = self.context(index, node) else { continue };
            match node.processor.process(event, record, &mut context)? {
                Outcome::Folded | Outcome::Ignored => {}
                Outcome::Held => class = EventClass::Held,
                Outcome::Duplicate => class = EventClass::Duplicate,
                // Nobody after it has anything to do with the event.
                Outcome::PassedOn => return Ok(EventClass::Moved),
                Outcome::Rejected(rejection) => {
                    return Ok(self.reject(record, node.processor.name(), rejection, now_ms));
                }
            }
        }
        Ok(class)
    }

    fn receive(&mut self, namespace: u8, key: &[u8], payload: &[u8]) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        let mut nodes = topology.nodes().iter().enumerate();
        let Some((index, node)) = nodes.find(|(_, node)| node.processor.namespace() == namespace) else {
            let namespace = char::from(namespace);
            return Err(ProcessError::UnknownMessage(format!(
                "it is for the processor of {namespace:?}, which is not here"
            )));
        };
        match self.context(index, node) {
            Some(mut context) => node.processor.receive(key, payload, &mut context),
            None => Ok(()),
        }
    }

    fn context<'t>(&'t mut self, index: usize, node: &'t Node) -> Option<Context<'t>> {
        let Staged { writes, marks, outbox, tally, stream_time_ms, erased, .. } = &mut self.staged;
        Some(Context {
            namespace: node.processor.namespace(),
            processor: node.processor.name(),
            outputs: node.writes.as_deref(),
            partition: self.partition,
            partitions: self.partitions,
            stream_time_ms: self.stream_time.for_expiry(*stream_time_ms),
            clock_ms: self.stream_time.clock(*stream_time_ms),
            store: &*self.store,
            writes,
            marks: marks.get_mut(index)?,
            outbox,
            local: &mut self.local,
            erased,
            tally,
            scratch: &mut self.scratch,
        })
    }

    /// Hands everything staged to the transaction: what the processors say, messages to other partitions, the changelog,
    /// dead letters.
    ///
    /// # Errors
    /// See [`TaskError`]; the caller aborts the transaction in every case.
    pub fn prepare(&mut self, sink: &mut dyn Sink) -> Result<(), TaskError> {
        self.hand_over(sink).map_err(|source| self.error(source))
    }

    fn hand_over(&mut self, sink: &mut dyn Sink) -> Result<(), ProcessError> {
        let Staged { outbox, tally, .. } = &mut self.staged;
        // First: whatever a processor takes back at the commit has to come after it.
        outbox.send(self.topology.repartition(), sink, tally)?;
        self.settle(sink)?;
        self.stream_time.stage(self.staged.stream_time_ms, &mut self.staged.writes);
        let Staged { writes, dead_letters, tally, .. } = &mut self.staged;
        let changelog = self.topology.changelog();
        for (key, value) in writes.iter() {
            let route = Route::Partition(self.partition);
            tally.output(changelog.index());
            sink.send(OutputRecord {
                topic: changelog,
                route,
                key: Some(key),
                value,
                timestamp_ms: None,
                headers: &[],
            })?;
        }
        for letter in dead_letters.iter() {
            tally.output(self.topology.dead_letters().index());
            letter.send(self.topology.dead_letters(), sink)?;
        }
        Ok(())
    }

    /// Lets each processor say what is new, in the order of the topology: those that follow hear it. Then what is to be
    /// forgotten is forgotten, in the opposite order.
    fn settle(&mut self, sink: &mut dyn Sink) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let erased = std::mem::take(&mut self.staged.erased);
        // What is being erased must not become a dead letter just before: everything else can wait for the next commit.
        let now_ms = self.stream_time.for_expiry(self.staged.stream_time_ms).filter(|_| erased.is_empty());
        let rings_ms = self.staged.rings_ms.filter(|_| erased.is_empty());
        let marks = std::mem::take(&mut self.staged.marks);
        let unmarked = BTreeSet::new();
        let mut said: Vec<Vec<Said>> = Vec::with_capacity(nodes.len());
        let mut requests: Vec<Request> = erased.iter().cloned().map(Request::Erase).collect();
        for (index, node) in nodes.iter().enumerate() {
            let leaders = leaders_of(node, nodes, &said);
            let news = News { marked: marks.get(index).unwrap_or(&unmarked), leaders: &leaders };
            let mut says = Vec::new();
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut requests), sink);
            if let Some(now) = now_ms {
                node.processor.expire(now, &mut emitter)?;
            }
            if !news.is_empty() {
                node.processor.settle(&news, &mut emitter)?;
            }
            if let Some(now) = rings_ms {
                node.processor.ring(now, &mut emitter)?;
            }
            drop(leaders);
            said.push(says);
        }
        self.staged.marks = marks;
        self.staged.erased = erased;
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        for node in nodes.iter().rev() {
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), sink);
            for request in &requests {
                match request {
                    Request::Forget(scope) => node.processor.forget(&scope.scope(), &mut emitter)?,
                    Request::Erase(scope) => node.processor.erase(&scope.scope(), &mut emitter)?,
                    Request::Retract(scope, event_id) => {
                        let event = Retracted { scope: scope.scope(), event_id };
                        node.processor.retract(&event, &mut emitter)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn emitter<'t>(
        &'t mut self,
        node: &'t Node,
        leaders: &'t [Leader<'t>],
        (said, requests): (&'t mut Vec<Said>, &'t mut Vec<Request>),
        sink: &'t mut dyn Sink,
    ) -> Emitter<'t> {
        let Staged { writes, tally, stream_time_ms, dead_letters, .. } = &mut self.staged;
        Emitter {
            namespace: node.processor.namespace(),
            processor: node.processor.name(),
            partition: self.partition,
            partitions: self.partitions,
            stream_time_ms: self.stream_time.for_expiry(*stream_time_ms),
            leaders,
            store: &*self.store,
            writes,
            outputs: node.writes.as_deref(),
            repartition: self.topology.repartition(),
            said,
            requests,
            dead_letters,
            now_ms: self.now_ms,
            is_followed: node.is_followed,
            sink,
            tally,
            scratch: &mut self.scratch,
        }
    }

    fn error(&self, source: ProcessError) -> TaskError {
        let partition = self.partition;
        match source {
            ProcessError::Store(_) | ProcessError::Corrupt { .. } => {
                TaskError::StateDamaged { partition, source }
            }
            ProcessError::UnknownSchema(id) => TaskError::UnknownSchema { partition, id },
            ProcessError::Sink(_) => TaskError::Abort { partition, source },
            ProcessError::UndeclaredOutput(_)
            | ProcessError::NotFollowed(_)
            | ProcessError::SettingsChanged { .. }
            | ProcessError::UnknownMessage(_) => TaskError::Fatal { partition, source },
        }
    }

    /// The offsets that belong into the transaction.
    #[must_use]
    pub fn offsets(&self) -> &[SourceOffset] {
        &self.staged.offsets
    }

    /// Bytes staged.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.staged.bytes()
    }

    /// Whether nothing is staged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.staged.is_empty()
    }

    /// The transaction is committed: what was staged becomes the state. `changelog_offset` is the offset after the last
    /// record that the transaction wrote to the task's changelog, where that is known; a store that survives the process
    /// is restored from there. Gives the counts of it.
    ///
    /// # Errors
    /// The store failed; its content is then behind the changelog: wipe and restore.
    pub fn committed(&mut self, changelog_offset: Option<i64>) -> Result<Tally, TaskError> {
        let staged = self.take_staged();
        self.stream_time.committed(staged.stream_time_ms);
        let applied = self.store.take(staged.writes, changelog_offset);
        let purged = applied.and_then(|()| match staged.erased.is_empty() {
            true => Ok(()),
            false => self.store.purge(),
        });
        purged.map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(staged.tally)
    }

    /// The transaction is aborted: what was staged is dropped. The records come again.
    pub fn aborted(&mut self) {
        self.take_staged();
        self.local.clear();
    }

    fn take_staged(&mut self) -> Staged {
        std::mem::replace(&mut self.staged, Staged::new(self.topology.nodes().len()))
    }

    /// The task has reached the end that its input had when it was assigned: from now on things may expire (contract
    /// section 9). Until then stream time only runs.
    pub fn caught_up(&mut self) {
        self.stream_time.allow_expiry();
    }

    /// The stream time, where things may expire; none where nothing may.
    #[must_use]
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.stream_time.for_expiry(self.staged.stream_time_ms)
    }

    /// The time on the wall at which something is due though nothing comes; none: nothing is.
    ///
    /// # Errors
    /// The state cannot be read: see [`TaskError`] for the remedy.
    pub fn next_due(&self) -> Result<Option<i64>, TaskError> {
        let mut next: Option<i64> = None;
        for node in self.topology.nodes() {
            let state = Committed { namespace: node.processor.namespace(), store: &*self.store };
            let due = node.processor.next_due(&state).map_err(|source| self.error(source))?;
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Lets what is due at this time on the wall be done with the next commit. Whoever calls it has to know that everything
    /// which lay in the task's input at that time was taken, and committed: what would have ended a timer may not lie there
    /// unread. `place` is where the input is committed to, and goes into the transaction.
    pub fn ring(&mut self, now_ms: i64, place: SourceOffset) {
        self.staged.ring(now_ms, place);
    }

    /// Takes one changelog record into the store while restoring; a restore that is cut off goes on from there.
    ///
    /// # Errors
    /// The store failed: wipe it and begin anew.
    pub fn restore(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), TaskError> {
        match value {
            Some(value) => self.restoring.put(key, value),
            None => self.restoring.delete(key),
        }
        if self.restoring.bytes() >= RESTORE_BATCH_BYTES {
            return self.apply_restored(offset + 1);
        }
        Ok(())
    }

    /// The store now stands at this changelog offset: the task can run.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        self.apply_restored(changelog_offset)?;
        let read = self.stream_time.read(&*self.store);
        read.map_err(|source| self.error(ProcessError::Store(source)))?;
        self.become_phase(Phase::Running);
        Ok(())
    }

    fn apply_restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        let batch = std::mem::take(&mut self.restoring);
        self.store
            .take(batch, Some(changelog_offset))
            .map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// Forgets the state and all that is staged; the task has to be restored.
    ///
    /// # Errors
    /// The store cannot even be emptied: close the task.
    pub fn wipe(&mut self) -> Result<(), TaskError> {
        self.aborted();
        self.restoring.clear();
        self.store.wipe().map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// From which changelog offset the store has to be restored; 0 where it knows nothing.
    ///
    /// # Errors
    /// The store cannot be read: wipe and restore.
    pub fn restore_from(&self) -> Result<i64, TaskError> {
        let offset =
            self.store.changelog_offset().map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(offset.unwrap_or(0))
    }

    /// Lets `visit` see what is committed in a place, from a key on and in the order of the keys' bytes, until it breaks: for
    /// whoever looks at a running task from outside. `from` lies in the place.
    ///
    /// # Errors
    /// The store cannot be read: wipe and restore.
    pub fn look(&self, place: &Place, from: &[u8], visit: Visit<'_>) -> Result<(), TaskError> {
        let looked = match place {
            Place::Under(prefix) => self.store.scan_from(prefix, from, visit),
            Place::Key(key) => self.store.with(key, &mut |value| {
                // The only key there is: whether to go on is no question.
                let _ = value.map(|value| visit(key, value));
            }),
        };
        looked.map_err(|source| self.error(ProcessError::Store(source)))
    }

    /// What is staged under a prefix; `None`: it goes. With the commit it becomes the state.
    pub fn staged_under<'t>(
        &'t self,
        prefix: &'t [u8],
    ) -> impl Iterator<Item = (&'t [u8], Option<&'t [u8]>)> {
        self.staged.writes.under(prefix, prefix)
    }

    /// How much state there is.
    #[must_use]
    pub fn state(&self) -> StoreStats {
        self.store.stats()
    }
}

fn leaders_of<'t>(node: &Node, nodes: &[Node], said: &'t [Vec<Said>]) -> Vec<Leader<'t>> {
    let leader = |index: &usize| {
        let processor = &nodes.get(*index)?.processor;
        Some(Leader { name: processor.name(), namespace: processor.namespace(), said: said.get(*index)? })
    };
    node.leaders.iter().filter_map(leader).collect()
}
