// SPDX-License-Identifier: Apache-2.0

//! Takes records: of the input, of the repartition topic, and erasure requests.

use std::sync::Arc;

use model::{Action, AgentNews, Event, Home, NotDecoded, Reason};

use super::Task;
use crate::asked::{self, Look};
use crate::carried::Carried;
use crate::context::{Context, Local};
use crate::deadletter::{DECODER, DeadLetter};
use crate::erasure::{self, ERASURE, Erasure};
use crate::error::{ProcessError, TaskError};
use crate::outbox::{EVENT, Message};
use crate::outcome::{Outcome, Rejection};
use crate::partitioner::partition_of;
use crate::phase::Phase;
use crate::record::SourceRecord;
use crate::staged::Staged;
use crate::state::State;
use crate::tally::{EventClass, Notice};
use crate::topology::Node;

impl Task {
    /// Takes one record of the input or of the repartition topic: its effects are staged, nothing is visible yet. `now_ms` is
    /// the time for a dead letter's header.
    ///
    /// # Errors
    /// The state cannot be read or is not restored yet, or the record's schema is not known yet; the record is not taken. See
    /// [`TaskError`] for the remedy.
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

    /// Takes a record of the repartition topic: a repartitioned event, or a processor's message to itself.
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

    /// Sends an erasure request to the tasks that may have the data, including this one.
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

    /// Takes an erasure requested at this time.
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
            if let Some(erasures) = node.processor.as_handle_erasures()
                && let Some(mut context) = self.context(index, node)
            {
                erasures.asked_to_erase(conversation, &mut context)?;
            }
        }
        Ok(())
    }

    /// Stores the request for later events, and starts the search for the customer's data with the next commit.
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

    fn take_carried(&mut self, carried: &[u8], now_ms: i64) -> Result<(), ProcessError> {
        let carried =
            Carried::unpack(carried).map_err(|problem| ProcessError::UnknownMessage(problem.to_string()))?;
        self.take_event(&carried.record(), now_ms)
    }

    /// Does the work that the record left for this task.
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
        let (decoder, origin) = (topology.decoder(), record.origin());
        let placed = if topology.is_agent_states(record.topic) {
            let decoded = decoder.decode_agent(record.topic, value, origin, &self.limits, decoding);
            decoded.map(|news| self.place_agent(&news, record))
        } else {
            let decoded = decoder.decode(record.topic, value, origin, &self.limits, decoding);
            decoded.map(|event| self.place(&event, record, now_ms))
        };
        match placed {
            Ok(placed) => placed,
            Err(NotDecoded::Invalid(invalid)) => {
                let rejection = Rejection { reason: invalid.reason, detail: invalid.detail };
                Ok(self.reject(record, DECODER, rejection, now_ms))
            }
            Err(NotDecoded::UnknownSchema(id)) => Err(ProcessError::UnknownSchema(id)),
        }
    }

    /// Folds an event in its own partition: here, or by sending the whole record to another one (contract section 7).
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
                // Which of the two is folded first is not determined. The conflict is noticed only because this partition saw
                // both.
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

    /// An agent's state belongs to the partition of the agent's id. It does not move the stream time, by which conversations expire.
    fn place_agent(
        &mut self,
        news: &AgentNews<'_>,
        record: &SourceRecord<'_>,
    ) -> Result<EventClass, ProcessError> {
        let key = news.agent_id.as_bytes();
        if partition_of(key, self.partitions) != self.partition {
            let carried = Carried::pack(record, None, self.limits.value_bytes_max);
            self.staged.outbox.message(Message::new(EVENT, key, &carried));
            return Ok(EventClass::Moved);
        }
        let mut class = EventClass::AgentState;
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            if let Some(agents) = node.processor.as_take_agents()
                && let Some(mut context) = self.context(index, node)
                && agents.process_agent(news, &mut context)? == Outcome::Duplicate
            {
                class = EventClass::Duplicate;
            }
        }
        Ok(class)
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
                // No further processor sees the event.
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

    /// Notifies all processors of an event that is rejected because it was to be erased.
    fn refuse(&mut self, event: &Event<'_>) -> Result<(), ProcessError> {
        let topology = Arc::clone(&self.topology);
        for (index, node) in topology.nodes().iter().enumerate() {
            if let Some(erasures) = node.processor.as_handle_erasures()
                && let Some(mut context) = self.context(index, node)
            {
                erasures.refused(event, &mut context)?;
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
        let state = State {
            namespace: node.processor.namespace(),
            processor: node.processor.name(),
            outputs: node.writes.as_deref(),
            partition: self.partition,
            partitions: self.partitions,
            stream_time_ms: self.stream_time.for_expiry(*stream_time_ms),
            clock_ms: self.stream_time.clock(*stream_time_ms, self.record_ms),
            store: &*self.store,
            writes,
            budget: &mut self.unbounded,
            tally,
            scratch: &mut self.scratch,
        };
        Some(Context {
            state,
            marks: marks.get_mut(index)?,
            outbox,
            local: &mut self.local,
            asked_ms: self.asked.ms(*asked_ms),
            beside_bytes_max: self.limits.value_bytes_max,
            recent: &mut self.recent,
        })
    }
}
