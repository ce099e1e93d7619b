//! A task: all processors on one state partition. The unit that is assigned, restored, committed and closed.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use model::{Action, Event, Home, Limits, NotDecoded, Reason};

use crate::asked::{self, Look, Newest};
use crate::budget::Budget;
use crate::carried::Carried;
use crate::committed::Committed;
use crate::context::{Context, EVENT, Local};
use crate::deadletter::DeadLetter;
use crate::emitter::{Emitter, Leader, News, Said};
use crate::ending::{self, ENDING, Ending, How};
use crate::erasure::{self, ERASURE, Erasure};
use crate::form::{self, Found, StateForm};
use crate::marks::Marks;
use crate::outbox::Message;
use crate::overlay;
use crate::partitioner::partition_of;
use crate::phase::Phase;
use crate::processor::{Outcome, ProcessError, Rejection};
use crate::recent::RecentIds;
use crate::record::{OutputRecord, Route, Sink, SourceRecord};
use crate::requests::{OwnedScope, Request, Retracted, Slice};
use crate::staged::{SourceOffset, Staged};
use crate::store::{Place, StateStore, StoreError, StoreStats, Visit, WriteBatch, check_key};
use crate::stream_time::StreamTime;
use crate::tally::{EventClass, Notice, Tally};
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
    /// Kafka's timestamp of the record that was taken last.
    record_ms: Option<i64>,
    /// Whether the state says its form already, or need not.
    has_form: bool,
    recent: RecentIds,
    /// The time of the newest request to erase a customer.
    asked: Newest,
    /// Whether there may be more to be done than the last commit could do, or than anybody has looked at since the state was
    /// restored.
    is_left: bool,
    /// Whether anything is listed that is to be forgotten or erased.
    is_ending: bool,
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
            record_ms: None,
            has_form: false,
            recent: RecentIds::default(),
            asked: Newest::default(),
            is_left: false,
            is_ending: false,
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
    /// remedy. So where the state is not restored yet.
    pub fn process(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), TaskError> {
        self.check_phase(Phase::Running)?;
        self.now_ms = now_ms;
        self.record_ms = record.timestamp_ms;
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
            Some([ERASURE, payload @ ..]) => {
                let at_ms = record.timestamp_ms.unwrap_or(now_ms);
                self.take_erasure(record.key.unwrap_or_default(), payload, at_ms)
            }
            Some([namespace, payload @ ..]) => {
                self.receive(*namespace, record.key.unwrap_or_default(), payload)
            }
            Some([]) | None => Err(ProcessError::UnknownMessage("it is empty".to_owned())),
        }
    }

    /// A request to erase: to those that may know something, this task among them.
    fn take_request(&mut self, record: &SourceRecord<'_>, now_ms: i64) -> Result<(), ProcessError> {
        let at_ms = record.timestamp_ms.unwrap_or(now_ms);
        let class = match record.value.map(|value| erasure::messages(value, at_ms, self.partitions)) {
            None => EventClass::Tombstone,
            Some(Ok(messages)) => {
                for message in messages {
                    if message.partition(self.partitions) == self.partition {
                        let (key, value) = message.parts();
                        self.take_erasure(key, value.get(1..).unwrap_or_default(), at_ms)?;
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

    /// What is to be erased, as asked for up to this time at the latest.
    fn take_erasure(&mut self, key: &[u8], payload: &[u8], at_ms: i64) -> Result<(), ProcessError> {
        let erasure = Erasure::read(key, payload)
            .ok_or_else(|| ProcessError::UnknownMessage("it erases nothing".to_owned()))?;
        match erasure {
            Erasure::Conversation(id) => self.ask_to_erase(id),
            Erasure::Customer(id, asked_ms) => self.ask_for_customer(id, asked_ms.unwrap_or(at_ms)),
        }
    }

    fn ask_to_erase(&mut self, conversation: &str) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            if let Some(mut context) = self.context(index, node) {
                node.processor.asked_to_erase(conversation, &mut context)?;
            }
        }
        Ok(())
    }

    /// The request is kept, for what comes later; and what is known of the customer is looked for, from the next commit on.
    fn ask_for_customer(&mut self, id: &str, asked_ms: i64) -> Result<(), ProcessError> {
        let Staged { writes, asked_ms: staged_ms, .. } = &mut self.staged;
        if asked::is_asked(&*self.store, writes, id, asked_ms)? {
            return Ok(());
        }
        writes.put(&asked::key(id), &asked_ms.to_be_bytes());
        *staged_ms = self.asked.stage(*staged_ms, asked_ms, writes);
        match self.search()? {
            Some(look) if look.is_at_beginning() => {}
            Some(look) => self.staged.writes.put(Look::KEY, &Look { again: true, ..look }.write()),
            None => self.staged.writes.put(Look::KEY, &Look::begin().write()),
        }
        Ok(())
    }

    /// The look for what belongs to customers who are to be erased, as far as it has come; none: nothing is to be looked for.
    fn search(&self) -> Result<Option<Look>, ProcessError> {
        if self.asked.ms(self.staged.asked_ms).is_none() {
            return Ok(None);
        }
        let look = overlay::read(&*self.store, &self.staged.writes, Look::KEY, |look| {
            look.map(Look::read).transpose()
        })?;
        Ok(look?)
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
                Local::Erasure(conversation) => self.ask_to_erase(&conversation)?,
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
        let decoded = topology.decoder().decode(record.topic, value, record.origin(), &self.limits, decoding);
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
            let is_remembered = !matches!(event.home(), Home::Session(_)) && event.action != Action::Signal;
            if is_remembered && self.recent.is_elsewhere(&event.id, &event.home()) {
                // Nobody knows which of the two is folded first. It is found out only because this partition saw both.
                self.staged.tally.notice(Notice::EventIdConflict, 1);
            }
            let carried = Carried::pack(record, None, self.limits.value_bytes_max);
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
        let Rejection { reason, detail } = rejection;
        let bytes_max = self.topology.letter_bytes_max();
        self.staged.reject(DeadLetter::new(record, (processor, reason, detail), now_ms, bytes_max));
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
            Action::Signal => EventClass::Signal,
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
                    if rejection.reason == Reason::Erased {
                        self.refuse(event)?;
                    }
                    return Ok(self.reject(record, node.processor.name(), rejection, now_ms));
                }
            }
        }
        Ok(class)
    }

    /// Tells all processors of an event that is refused because it was to be erased.
    fn refuse(&mut self, event: &Event<'_>) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            if let Some(mut context) = self.context(index, node) {
                node.processor.refused(event, &mut context)?;
            }
        }
        Ok(())
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
        let Staged { writes, marks, outbox, tally, stream_time_ms, asked_ms, .. } = &mut self.staged;
        Some(Context {
            namespace: node.processor.namespace(),
            processor: node.processor.name(),
            outputs: node.writes.as_deref(),
            partition: self.partition,
            partitions: self.partitions,
            stream_time_ms: self.stream_time.for_expiry(*stream_time_ms),
            clock_ms: self.stream_time.clock(*stream_time_ms, self.record_ms),
            store: &*self.store,
            writes,
            marks: marks.get_mut(index)?,
            outbox,
            local: &mut self.local,
            asked_ms: self.asked.ms(*asked_ms),
            beside_bytes_max: self.limits.value_bytes_max,
            recent: &mut self.recent,
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
        self.prepare_within(sink, &mut Budget::default())
    }

    /// The same, with what this commit may do of what no record has caused: of what expires, is forgotten or erased. What is left
    /// goes on in the next one ([`has_more`](Self::has_more)).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_within(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), TaskError> {
        self.hand_over(sink, budget).map_err(|source| self.error(source))
    }

    fn hand_over(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), ProcessError> {
        let Staged { outbox, tally, .. } = &mut self.staged;
        // First: whatever a processor takes back at the commit has to come after it.
        outbox.send(self.topology.repartition(), sink, tally)?;
        self.flush(sink, budget)?;
        self.stream_time.stage(self.staged.stream_time_ms, &mut self.staged.writes);
        self.recent.stage(&mut self.staged.writes);
        if let Some(form) = self.topology.state_form().filter(|_| !self.has_form) {
            let processors = self.topology.signature().into_bytes();
            form.clone().with(form::PROCESSORS, processors).stage(&mut self.staged.writes);
        }
        let Staged { writes, dead_letters, tally, .. } = &mut self.staged;
        let changelog = self.topology.changelog();
        // Before any of it is in the changelog, from where it would come again.
        check_key(writes.longest_key())?;
        writes.arrange();
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
            letter.send(self.topology.dead_letters(), self.topology.letter_bytes_max(), sink)?;
        }
        Ok(())
    }

    /// Lets each processor say what is new, in the order of the topology: those that follow hear it. Then what is to be
    /// forgotten is forgotten, in the opposite order.
    fn flush(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        // What is to be erased must not become a dead letter just before: everything else can wait.
        let is_looking = self.search()?.is_some();
        let now_ms = self.stream_time.for_expiry(self.staged.stream_time_ms).filter(|_| !is_looking);
        let punctuates_ms = self.staged.punctuates_ms;
        let mut marks = std::mem::take(&mut self.staged.marks);
        marks.iter_mut().for_each(Marks::tidy);
        let unmarked = Marks::default();
        let mut said: Vec<Vec<Said>> = Vec::with_capacity(nodes.len());
        let mut requests: Vec<Request> = Vec::new();
        // One half is for what expires, the other for what has to go because of it.
        let mut expiry = budget.share(2);
        let mut caused = Budget::unbounded();
        for (index, node) in nodes.iter().enumerate() {
            let leaders = leaders_of(node, nodes, &said);
            let news = News { marked: marks.get(index).unwrap_or(&unmarked), leaders: &leaders };
            let mut says = Vec::new();
            if now_ms.is_some() || punctuates_ms.is_some() {
                let mut part = expiry.share(nodes.len() - index);
                let mut emitter = self.emitter(node, &leaders, (&mut says, &mut requests), (sink, &mut part));
                if let Some(now) = now_ms {
                    node.processor.expire(now, &mut emitter)?;
                }
                expiry.give_back(&part);
            }
            if !news.is_empty() {
                let mut emitter =
                    self.emitter(node, &leaders, (&mut says, &mut requests), (sink, &mut caused));
                node.processor.flush(&news, &mut emitter)?;
            }
            if let Some(now) = punctuates_ms {
                let mut emitter =
                    self.emitter(node, &leaders, (&mut says, &mut requests), (sink, &mut expiry));
                node.processor.punctuate(now, &mut emitter)?;
            }
            drop(leaders);
            said.push(says);
        }
        self.staged.marks = marks;
        self.retract(&requests, sink)?;
        budget.give_back(&expiry);
        let is_looked = self.look_on(sink, budget)?;
        let is_ended = self.end(sink, budget, is_looking)?;
        self.staged.is_ending = !is_ended;
        self.staged.is_left = !is_looked || !is_ended || budget.was_short();
        Ok(())
    }

    fn retract(&mut self, requests: &[Request], sink: &mut dyn Sink) -> Result<(), ProcessError> {
        if requests.is_empty() {
            return Ok(());
        }
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        let mut caused = Budget::unbounded();
        for node in nodes.iter().rev() {
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), (sink, &mut caused));
            for request in requests {
                let event = Retracted { scope: request.scope.scope(), event_id: &request.event_id };
                node.processor.retract(&event, &mut emitter)?;
            }
        }
        Ok(())
    }

    /// Looks on for what belongs to customers who are to be erased; whether all was looked at. It looks at what was committed, and
    /// so begins in the commit after the request: by then everything is that came before it.
    fn look_on(&mut self, sink: &mut dyn Sink, budget: &mut Budget) -> Result<bool, ProcessError> {
        let Some(mut look) = self.search()? else { return Ok(true) };
        if !overlay::read_committed(&*self.store, Look::KEY, |look| look.is_some())? {
            return Ok(false);
        }
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        let first = nodes.iter().position(|node| node.processor.namespace() == look.next).unwrap_or(0);
        for node in nodes.iter().skip(first) {
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), (sink, budget));
            let slice = match emitter.has_budget() {
                true => node.processor.look_for_asked(&look.from, &mut emitter)?,
                false => Slice::GoesOn(std::mem::take(&mut look.from)),
            };
            if let Slice::GoesOn(from) = slice {
                look = Look { next: node.processor.namespace(), from, ..look };
                self.staged.writes.put(Look::KEY, &look.write());
                return Ok(false);
            }
            look.from.clear();
        }
        match look.again {
            true => self.staged.writes.put(Look::KEY, &Look::begin().write()),
            false => self.staged.writes.delete(Look::KEY),
        }
        Ok(!look.again)
    }

    /// Lets go what is listed to be forgotten or erased, one after the other; whether all is gone. While something is looked for
    /// that is to be erased, nothing is forgotten: it would leave dead letters.
    fn end(
        &mut self,
        sink: &mut dyn Sink,
        budget: &mut Budget,
        only_erase: bool,
    ) -> Result<bool, ProcessError> {
        /// So many are taken from the list at once.
        const AT_ONCE: usize = 256;
        if !self.is_ending && self.staged.writes.under(ENDING, ENDING).next().is_none() {
            return Ok(true);
        }
        loop {
            let listed = self.listed(AT_ONCE, only_erase)?;
            if listed.is_empty() {
                return Ok(!only_erase);
            }
            for (scope, ending) in listed {
                if !budget.has_any() || !self.end_one(&scope, ending, sink, budget)? {
                    return Ok(false);
                }
            }
        }
    }

    /// Some of what is listed.
    fn listed(&mut self, most: usize, only_erase: bool) -> Result<Vec<(OwnedScope, Ending)>, ProcessError> {
        let mut listed = Vec::new();
        let mut problem = None;
        overlay::scan(&*self.store, &mut self.staged.writes, ENDING, ENDING, &mut |key, value| {
            match (ending::scope_of(key), Ending::read(value)) {
                (Some(_), Ok(ending)) if only_erase && ending.how == How::Forget => {}
                (Some(scope), Ok(ending)) => listed.push((scope, ending)),
                (None, Ok(_)) => {
                    problem = Some(StoreError::Corrupt("what is to end is of no known kind".to_owned()));
                }
                (_, Err(what)) => problem = Some(what),
            }
            if listed.len() < most && problem.is_none() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        problem.map_or(Ok(listed), |problem| Err(problem.into()))
    }

    /// Lets one go, as far as the budget goes; whether all of it is gone.
    fn end_one(
        &mut self,
        scope: &OwnedScope,
        ending: Ending,
        sink: &mut dyn Sink,
        budget: &mut Budget,
    ) -> Result<bool, ProcessError> {
        let topology = Arc::clone(&self.topology);
        let nodes = topology.nodes();
        let silence: Vec<Vec<Said>> = nodes.iter().map(|_| Vec::new()).collect();
        let Ending { how, next, mut from } = ending;
        let last = nodes.iter().position(|node| node.processor.namespace() == next);
        let left = last.map_or(nodes.len(), |last| last + 1);
        for node in nodes.iter().take(left).rev() {
            let leaders = leaders_of(node, nodes, &silence);
            let (mut says, mut more) = (Vec::new(), Vec::new());
            let mut emitter = self.emitter(node, &leaders, (&mut says, &mut more), (sink, budget));
            let slice = match how {
                How::Forget => node.processor.forget(&scope.scope(), &from, &mut emitter)?,
                How::Erase => node.processor.erase(&scope.scope(), &from, &mut emitter)?,
            };
            if let Slice::GoesOn(from) = slice {
                let ending = Ending { how, next: node.processor.namespace(), from };
                self.staged.writes.put(&ending::key(&scope.scope()), &ending.write());
                return Ok(false);
            }
            from.clear();
        }
        budget.spend(0);
        self.staged.writes.delete(&ending::key(&scope.scope()));
        self.staged.erases |= how == How::Erase;
        Ok(true)
    }

    fn emitter<'t>(
        &'t mut self,
        node: &'t Node,
        leaders: &'t [Leader<'t>],
        (said, requests): (&'t mut Vec<Said>, &'t mut Vec<Request>),
        (sink, budget): (&'t mut dyn Sink, &'t mut Budget),
    ) -> Emitter<'t> {
        let Staged { writes, tally, stream_time_ms, dead_letters, .. } = &mut self.staged;
        Emitter {
            namespace: node.processor.namespace(),
            processor: node.processor.name(),
            partition: self.partition,
            partitions: self.partitions,
            stream_time_ms: self.stream_time.for_expiry(*stream_time_ms),
            clock_ms: self.stream_time.clock(*stream_time_ms, self.record_ms),
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
            budget,
            is_ending: self.is_ending,
            sink,
            tally,
            scratch: &mut self.scratch,
        }
    }

    fn error(&self, source: ProcessError) -> TaskError {
        let partition = self.partition;
        match source {
            // Of a key that is too long no restore helps: it would come again.
            ProcessError::Store(StoreError::Io(_) | StoreError::Corrupt(_))
            | ProcessError::Corrupt { .. } => TaskError::StateDamaged { partition, source },
            ProcessError::UnknownSchema(id) => TaskError::UnknownSchema { partition, id },
            ProcessError::Sink(_) => TaskError::Abort { partition, source },
            ProcessError::Store(StoreError::KeyTooLong { .. })
            | ProcessError::UndeclaredOutput(_)
            | ProcessError::NotFollowed(_)
            | ProcessError::SettingsChanged { .. }
            | ProcessError::OtherForm { .. }
            | ProcessError::ProcessorsChanged { .. }
            | ProcessError::NotRunning(_)
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
        self.has_form |= StateForm::is_staged(&staged.writes);
        self.recent.committed();
        self.asked.committed(staged.asked_ms);
        self.is_left = staged.is_left;
        self.is_ending = staged.is_ending;
        let applied = self.store.take(staged.writes, changelog_offset);
        let purged = applied.and_then(|()| match staged.erases {
            false => Ok(()),
            true => self.store.purge(),
        });
        purged.map_err(|source| self.error(ProcessError::Store(source)))?;
        Ok(staged.tally)
    }

    /// The transaction is aborted: what was staged is dropped. The records come again.
    pub fn aborted(&mut self) {
        self.take_staged();
        self.recent.aborted();
        self.local.clear();
    }

    fn take_staged(&mut self) -> Staged {
        std::mem::replace(&mut self.staged, Staged::new(self.topology.nodes().len()))
    }

    /// The task has reached the end that its input had when it was assigned: from now on things may expire (contract
    /// section 9). Until then stream time only runs.
    pub fn caught_up(&mut self) {
        self.stream_time.allow_expiry();
        self.is_left |= self.stream_time_ms().is_some();
    }

    /// Whether there is more to be done than the last commit could do: something that expires, is forgotten or erased. Then a
    /// commit is to come soon, though no record does: see [`go_on`](Self::go_on).
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.is_left && self.phase == Phase::Running
    }

    /// Lets the next commit come about though nothing was taken, so that what is left goes on. `place` is where the input is
    /// committed to, and goes into the transaction.
    pub fn go_on(&mut self, place: SourceOffset) {
        self.staged.come_about(place);
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
    pub fn punctuate(&mut self, now_ms: i64, place: SourceOffset) {
        self.now_ms = self.now_ms.max(now_ms);
        self.staged.punctuate(now_ms, place);
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

    /// The store now stands at this changelog offset: the task can run. Only now anything of it is read, and the form first:
    /// a changelog that was reset holds what was, of whatever form, until it is compacted.
    ///
    /// # Errors
    /// As [`restore`](Self::restore); or the task was not being restored; or the state is of another form, or of other processors: stop.
    pub fn restored(&mut self, changelog_offset: i64) -> Result<(), TaskError> {
        self.check_phase(Phase::Restoring)?;
        self.apply_restored(changelog_offset)?;
        self.check_form().map_err(|source| self.error(source))?;
        let read = self.stream_time.read(&*self.store).and_then(|()| self.asked.read(&*self.store));
        let read = read.and_then(|()| self.recent.read(&*self.store));
        let is_left = read.and_then(|()| self.is_anything_listed());
        self.is_left = is_left.map_err(|source| self.error(ProcessError::Store(source)))?;
        self.is_ending = self.is_left;
        self.become_phase(Phase::Running);
        Ok(())
    }

    /// Refuses a state that other programs wrote in another form, or other processors. Those could not go on with it: what one of
    /// them has not folded is missing in it for good, and what one of them has left there nobody looks after.
    fn check_form(&mut self) -> Result<(), ProcessError> {
        let Some(ours) = self.topology.state_form() else { return Ok(()) };
        let mut processors = None;
        let found = match StateForm::of(&*self.store)? {
            Found::Nothing => {
                self.has_form = false;
                return Ok(());
            }
            Found::Unknown => None,
            Found::Form(form) => {
                processors = form.field(form::PROCESSORS).map(<[u8]>::to_vec);
                Some(form.number())
            }
        };
        if found != Some(ours.number()) {
            return Err(ProcessError::OtherForm { found, wanted: ours.number() });
        }
        let is = self.topology.signature();
        if let Some(was) = processors.filter(|was| was.as_slice() != is.as_bytes()) {
            let was = String::from_utf8_lossy(&was).into_owned();
            return Err(ProcessError::ProcessorsChanged { was, is });
        }
        self.has_form = true;
        Ok(())
    }

    /// Whether the last commit before the restore has left anything to be done.
    fn is_anything_listed(&self) -> Result<bool, StoreError> {
        let mut is_any = self.store.get(Look::KEY)?.is_some();
        self.store.scan(ENDING, &mut |_, _| {
            is_any = true;
            ControlFlow::Break(())
        })?;
        Ok(is_any)
    }

    fn check_phase(&self, wanted: Phase) -> Result<(), TaskError> {
        if self.phase == wanted {
            return Ok(());
        }
        Err(self.error(ProcessError::NotRunning(self.phase.as_str())))
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

    /// Lets the store do what is due by the clock: about once a second, while the task runs.
    ///
    /// # Errors
    /// The store failed: wipe it and restore.
    pub fn tend(&mut self) -> Result<(), TaskError> {
        self.store.tend().map_err(|source| self.error(ProcessError::Store(source)))
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
