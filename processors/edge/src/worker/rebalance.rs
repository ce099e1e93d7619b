//! Partitions come and go. The reference is librdkafka's own example of a transactional consumer; here the decisions are
//! carried out after the poll, by the worker itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use engine::Phase;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::gaps::{Gap, tell_gap};
use super::siding::{Divided, divided};
use super::{Lane, Worker};
use crate::consumer::Rebalanced;
use crate::errors::{self, EdgeError};
use crate::metrics::Rebalance;
use crate::reading::committed_offset;
use crate::restore::Restored;
use crate::spans;

const OFFSETS_TIMEOUT: Duration = Duration::from_millis(300);
const LISTED_MAX: usize = 64;
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The coordinator has answered, with an error that may stay.
const ASK_AGAIN_AFTER_ERROR: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) fn follow_group(&mut self) -> Result<(), EdgeError> {
        let rebalances = self.consumer.context().take_rebalances();
        self.carry_out(rebalances)
    }

    pub(super) fn carry_out(&mut self, rebalances: Vec<Rebalanced>) -> Result<(), EdgeError> {
        for rebalanced in rebalances {
            match rebalanced {
                Rebalanced::Assigned(partitions) => self.assigned(&partitions)?,
                Rebalanced::Revoked { partitions, lost } => self.revoked(&partitions, lost)?,
            }
        }
        Ok(())
    }

    /// New lanes stand still until their state is there.
    fn assigned(&mut self, partitions: &TopicPartitionList) -> Result<(), EdgeError> {
        self.joined = true;
        self.shared.metrics.rebalance(Rebalance::Assigned);
        let _span = spans::rebalance(&self.name, Rebalance::Assigned.label(), partitions.count()).entered();
        tracing::info!(worker = self.name, partitions = %listed(partitions), "assigned");
        let Divided { lanes, siding, strange, misfits } = divided(partitions, &self.shared);
        let taken = at_an_offset(&self.with_repartition(partitions, &lanes));
        let answered = taken.and_then(|taken| self.consumer.incremental_assign(&taken));
        answered.map_err(|error| EdgeError::kafka("cannot take the assignment", error))?;
        for standing_still in [&self.with_repartition(&lanes, &lanes), &siding, &strange, &misfits] {
            if standing_still.count() > 0 {
                let paused = self.consumer.pause(standing_still);
                paused.map_err(|error| EdgeError::kafka("cannot pause the new partitions", error))?;
            }
        }
        for element in lanes.elements() {
            self.unopened.push((element.partition(), element.topic().to_owned()));
        }
        self.open_lanes()?;
        siding.elements().iter().for_each(|element| self.siding.assigned(element));
        self.misfits_assigned(&misfits);
        self.ask_offsets_at = Instant::now();
        self.tell_health();
        Ok(())
    }

    /// What goes away is committed first, unless it is lost already.
    fn revoked(&mut self, partitions: &TopicPartitionList, lost: bool) -> Result<(), EdgeError> {
        let kind = if lost { Rebalance::Lost } else { Rebalance::Revoked };
        self.shared.metrics.rebalance(kind);
        let _span = spans::rebalance(&self.name, kind.label(), partitions.count()).entered();
        tracing::info!(worker = self.name, partitions = %listed(partitions), lost, "revoked");
        // Who lost its partitions is no member any more, until the group answers again: not ready, though nothing is missing.
        self.joined &= !lost;
        if !lost {
            self.commit()?;
        } else if !self.siding.mover.is_clean() {
            // Nothing of what was lost may be committed; what was not is taken again.
            self.siding.rewind();
        }
        let Divided { lanes, siding, misfits, .. } = divided(partitions, &self.shared);
        siding.elements().iter().for_each(|element| self.siding.revoked(element));
        self.misfits_revoked(&misfits);
        let given_up: Vec<i32> = lanes.elements().iter().map(TopicPartitionListElem::partition).collect();
        self.restorer.forget(given_up);
        for element in lanes.elements() {
            self.unopened.retain(|(partition, _)| *partition != element.partition());
            if let Some(mut lane) = self.lanes.remove(&element.partition()) {
                lane.task.aborted();
                self.close_lane(lane);
            }
        }
        let answered = self.consumer.incremental_unassign(&self.with_repartition(partitions, &lanes));
        answered.map_err(|error| EdgeError::kafka("cannot give partitions back", error))?;
        self.tell_health();
        Ok(())
    }

    /// Partitions of the input, and with each the same one of the repartition topic. The group knows only the input:
    /// no assignor of the client keeps two topics together. So what belongs together is assigned together here, in the one
    /// call that answers the group.
    fn with_repartition(
        &self,
        partitions: &TopicPartitionList,
        lanes: &TopicPartitionList,
    ) -> TopicPartitionList {
        let mut all = partitions.clone();
        for element in lanes.elements() {
            all.add_partition(self.repartition(), element.partition());
        }
        all
    }

    /// Before the consumer closes: the group would give back only what is its own, and wait for the rest.
    pub(super) fn give_back_repartition(&self) {
        let mut ours = TopicPartitionList::new();
        for partition in self.lanes.keys() {
            ours.add_partition(self.repartition(), *partition);
        }
        if ours.count() > 0
            && let Err(error) = self.consumer.incremental_unassign(&ours)
        {
            tracing::debug!(%error, "giving the repartition topic back");
        }
    }

    fn repartition(&self) -> &str {
        self.shared.topology.name(self.shared.topology.repartition())
    }

    /// Opens the lanes whose stores can be had by now.
    pub(super) fn open_lanes(&mut self) -> Result<(), EdgeError> {
        let now_ms = self.running_ms();
        for (partition, input) in std::mem::take(&mut self.unopened) {
            if !self.damages.may_restore(partition, now_ms) {
                self.unopened.push((partition, input));
                continue;
            }
            match self.new_task(partition)? {
                Some(task) => {
                    let lane = Lane::new(task, &input, self.repartition(), self.shared.metrics.clone());
                    self.lanes.insert(partition, lane);
                    self.catch_up.begin();
                }
                None => self.unopened.push((partition, input)),
            }
        }
        Ok(())
    }

    /// Lets go of a lane, and then of its store.
    pub(super) fn close_lane(&mut self, lane: Lane) {
        let partition = lane.partition();
        if let Some(counter) = &mut self.counter {
            counter.closed(partition);
        }
        lane.close();
        if let Some(consumed) = &self.shared.consumed {
            consumed.forget(partition);
        }
        self.shared.stores.closed(partition);
    }

    /// Brings lanes from assigned to live: the committed offset, the state, the consumer's place.
    pub(super) fn bring_lanes_up(&mut self) -> Result<(), EdgeError> {
        let waits = self.any_lane_waits();
        self.begin_siding();
        if !waits {
            return self.place();
        }
        let schemas = &self.shared.schemas;
        self.lanes.values_mut().for_each(|lane| lane.take_again(|id| schemas.is_awaited(id)));
        self.open_lanes()?;
        self.ask_committed_offsets()?;
        self.restore_some()?;
        self.place()?;
        self.tell_health();
        Ok(())
    }

    /// The group's offsets are told only when no transaction that could still change them is open. So an answer also
    /// means that the former owner is done.
    fn ask_committed_offsets(&mut self) -> Result<(), EdgeError> {
        let created = |lane: &&mut Lane| lane.task.phase() == Phase::Created;
        if Instant::now() < self.ask_offsets_at {
            return Ok(());
        }
        let mut question = TopicPartitionList::new();
        for lane in self.lanes.values_mut().filter(created) {
            for element in lane.places().elements() {
                question.add_partition(element.topic(), element.partition());
            }
        }
        if question.count() == 0 {
            return Ok(());
        }
        let offsets = match self.consumer.committed_offsets(question, OFFSETS_TIMEOUT) {
            Ok(offsets) => offsets,
            Err(error) => {
                tracing::debug!(%error, "the committed offsets are not known yet");
                self.ask_offsets_at = Instant::now() + ASK_AGAIN_AFTER;
                return Ok(());
            }
        };
        let mut unknown = BTreeSet::new();
        for element in offsets.elements() {
            let Some(lane) = self.lanes.get_mut(&element.partition()) else { continue };
            match committed_offset(&element) {
                Ok(committed) => lane.set_committed(element.topic(), committed),
                Err(error) => {
                    tracing::warn!(
                        %error,
                        topic = element.topic(),
                        partition = element.partition(),
                        "the group's offset of this partition cannot be told; asking on"
                    );
                    unknown.insert(element.partition());
                    self.ask_offsets_at = Instant::now() + ASK_AGAIN_AFTER_ERROR;
                }
            }
        }
        let mut damaged = Vec::new();
        let known = |(partition, lane): &(&i32, &mut Lane)| {
            lane.task.phase() == Phase::Created && !unknown.contains(*partition)
        };
        for (partition, lane) in self.lanes.iter_mut().filter(known) {
            match lane.task.restore_from() {
                Ok(from) => {
                    lane.become_phase(Phase::Restoring);
                    self.restorer.begin(*partition, from);
                }
                Err(error) => damaged.push(errors::of_task(error)?),
            }
        }
        damaged.into_iter().try_for_each(|damaged| self.restore_anew(damaged))
    }

    fn restore_some(&mut self) -> Result<(), EdgeError> {
        if self.restorer.is_idle() {
            return Ok(());
        }
        let Self { restorer, lanes, shared, name, .. } = self;
        let mut records = 0;
        let mut damaged = Vec::new();
        let result = restorer.turn(&mut |restored| {
            match restored {
                Restored::Record { partition, offset, key, value } => {
                    records += 1;
                    if let Some(lane) = lanes.get_mut(&partition)
                        && let Err(error) = lane.task.restore(offset, key, value)
                    {
                        damaged.push(errors::of_task(error)?);
                    }
                }
                Restored::Stale { partition } => {
                    tracing::warn!(partition, "the store belongs to another changelog, it is rebuilt");
                    if let Some(lane) = lanes.get_mut(&partition)
                        && let Err(error) = lane.task.wipe()
                    {
                        damaged.push(errors::of_task(error)?);
                    }
                }
                Restored::Gone { partition, from, to } => {
                    let topic = shared.topology.name(shared.topology.changelog());
                    tell_gap(shared, &Gap { place: &(topic.to_owned(), partition), from, to });
                }
                Restored::Done { partition, offset } => {
                    shared.metrics.restore_remaining(partition, 0);
                    if let Some(lane) = lanes.get_mut(&partition) {
                        match lane.restored(offset) {
                            Ok(()) => {
                                let state = lane.task.state();
                                tracing::info!(worker = name, partition, records = state.records, "restored");
                            }
                            Err(error) => damaged.push(errors::of_task(error)?),
                        }
                    }
                }
            }
            Ok(())
        });
        self.shared.metrics.restored(records);
        result?;
        damaged.into_iter().try_for_each(|damaged| self.restore_anew(damaged))
    }

    /// A record of this partition was written with a schema that is not known yet: the partition stands still until it is.
    /// The others go on, and so does the polling, which keeps the group.
    pub(super) fn await_schema(&mut self, partition: i32, schema: u32) -> Result<(), EdgeError> {
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        self.shared.schemas.ask(schema);
        lane.await_schema(schema);
        self.tell_health();
        Ok(())
    }

    /// Has nothing fetched of a lane's partitions until it is put in its place.
    pub(super) fn pause(&mut self, partition: i32) -> Result<(), EdgeError> {
        let Some(lane) = self.lanes.get(&partition) else { return Ok(()) };
        self.consumer
            .pause(&lane.places())
            .map_err(|error| EdgeError::kafka("cannot pause a partition that waits for a schema", error))
    }

    pub(super) fn tell_health(&self) {
        let live = self.lanes.values().filter(|lane| lane.is_live()).count();
        let all = self.lanes.len() + self.unopened.len();
        let awaits_schema = self.siding.awaits_schema() || self.lanes.values().any(Lane::awaits_schema);
        let is_placed = !self.unplaced.is_any() && !self.siding.is_beginning();
        let damaged = self.damaged_again();
        let is_whole = damaged.is_empty() && !self.misfits.holds_unreadable();
        let ready = self.joined && live == all && !awaits_schema && is_placed && is_whole;
        let mut detail = format!("{live} of {all} tasks running");
        if awaits_schema {
            detail.push_str(", waiting for the schema registry");
        }
        if !is_placed {
            detail.push_str(", finding out where partitions begin");
        }
        detail.push_str(&damaged);
        if let Some(problem) = self.misfits.problem() {
            detail.push_str("; ");
            detail.push_str(problem);
        }
        self.shared.health.set_worker(&self.name, ready, &detail);
        self.report_tasks();
    }
}

/// Assigned with an offset of its own a partition is not looked up by the client. Where a consumer is put in its place while such a
/// look-up is on its way, the client drops the answer, looks up once more half a second later, and goes on there, without a word.
/// Where to begin is decided when the consumer is put in its place: until then nothing is taken.
fn at_an_offset(partitions: &TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    let mut partitions = partitions.clone();
    partitions.set_all_offsets(Offset::Offset(0))?;
    Ok(partitions)
}

/// For the log; of thousands of topics only the first.
fn listed(partitions: &TopicPartitionList) -> String {
    let elements = partitions.elements();
    let mut each: Vec<String> =
        elements.iter().take(LISTED_MAX).map(|p| format!("{}/{}", p.topic(), p.partition())).collect();
    if elements.len() > LISTED_MAX {
        each.push(format!("and {} more", elements.len() - LISTED_MAX));
    }
    each.join(" ")
}
