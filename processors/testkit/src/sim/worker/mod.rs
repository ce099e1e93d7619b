//! A worker as the edge runs it: the same steps in the same order, cut into pieces between any two of which anything may
//! happen. The tasks in its hands are the real ones.

mod catch_up;
mod client;
mod collected;
mod commit;
mod gaps;
mod lane;
mod rebalance;
mod restore;
mod siding;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use engine::{Damages, Effort, SourceRecord, Task, TaskError, UnknownSchema};
use model::Limits;

use super::broker::{Offset, Place, Record};
use super::defect::Defect;
use super::disk::Disk;
use super::faults::Fault;
use super::world::World;
use catch_up::CatchUp;
use client::Client;
use lane::Lane;
use siding::Siding;

/// The time that dead letters carry; the direct fold's too.
const NOW_MS: i64 = 1_750_000_000_000;
/// How many records are taken in one step.
const A_STEP: usize = 4;
/// In a thousand: how often a commit comes although there is more to take.
const EARLY_COMMITS: usize = 250;

/// What the worker will do next.
enum Stage {
    /// Ask for an epoch; whatever was open under this name is aborted by it.
    Init(Next),
    Turn(Part),
    /// Send what was staged, partition by partition.
    Send(VecDeque<(Place, Vec<Record>)>),
    Offsets,
    End,
    Doubt,
    Settle(bool),
    Abort,
    Gone,
}

/// What comes after a new epoch.
enum Next {
    Turn,
    /// The group's committed offsets say whether the last transaction was committed.
    Doubt,
    /// The last transaction was not committed.
    Aborted,
    /// Whatever was to come after the transaction.
    GoOn,
}

/// The parts of a turn.
#[derive(Clone, Copy)]
enum Part {
    Group,
    Lanes,
    Poll,
}

/// What comes after the transaction.
#[derive(Default)]
enum After {
    #[default]
    Nothing,
    GiveUp(BTreeSet<Place>),
    Leave,
}

pub(super) struct Worker {
    pub(super) name: String,
    /// It stands still until then.
    pub(super) pauses_until_ms: u64,
    epoch: i32,
    stage: Stage,
    after: After,
    client: Client,
    lanes: BTreeMap<i32, Lane>,
    siding: Siding,
    /// Partitions whose store another worker of this instance has not let go of yet, or whose state was damaged and has to wait.
    unopened: BTreeSet<i32>,
    damages: Damages,
    /// Whether it is a program that keeps its state in another form than the others.
    is_foreign: bool,
    /// Whether it has met a state of another form than its own.
    has_refused: bool,
    catch_up: CatchUp,
    disk: Disk,
    /// The offsets of the transaction that is being committed.
    offsets: Vec<(Place, Offset)>,
    /// Where the changelogs end with what the producer has sent in this transaction.
    changelog_ends: BTreeMap<i32, i64>,
    /// Whether the coordinator knows of the transaction.
    has_sent: bool,
    /// How many records were taken since the last commit.
    batch: usize,
    /// How much goes into one transaction.
    effort: Effort,
    /// The producer has sent the end of its last transaction more than once.
    is_suspect: bool,
    /// The client stands somewhere where there is nothing any more.
    is_displaced: bool,
    /// Partitions whose state has to be restored, and why.
    damaged: BTreeMap<i32, String>,
    is_leaving: bool,
}

impl Worker {
    pub(super) fn new(name: String, disk: Disk, is_foreign: bool, world: &World) -> Self {
        Self {
            name,
            pauses_until_ms: 0,
            epoch: -1,
            stage: Stage::Init(Next::Turn),
            after: After::Nothing,
            client: Client::default(),
            lanes: BTreeMap::new(),
            siding: Siding::new(&world.topics.topology, world.topics.partitions),
            unopened: BTreeSet::new(),
            damages: Damages::default(),
            is_foreign,
            has_refused: false,
            catch_up: CatchUp::done(),
            disk,
            changelog_ends: BTreeMap::new(),
            offsets: Vec::new(),
            has_sent: false,
            batch: 0,
            effort: Effort::default(),
            is_suspect: false,
            is_displaced: false,
            damaged: BTreeMap::new(),
            is_leaving: false,
        }
    }

    /// Asks it to commit once more and to leave.
    pub(super) fn stop(&mut self) {
        self.is_leaving = true;
    }

    /// Whether it has to end, and the instance with it.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// Nothing that it waits for takes any longer.
    pub(super) fn stop_waiting(&mut self) {
        self.pauses_until_ms = 0;
        self.damages = Damages::default();
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Gone)
    }

    /// The next step.
    ///
    /// # Errors
    /// A rule was broken.
    pub(super) fn step(&mut self, world: &mut World) -> Result<(), String> {
        self.client.heartbeat(&mut world.broker);
        match std::mem::replace(&mut self.stage, Stage::Turn(Part::Group)) {
            Stage::Init(next) => self.init(next, world)?,
            Stage::Turn(part) => self.turn(part, world)?,
            Stage::Send(batches) => self.send(batches, world),
            Stage::Offsets => self.send_offsets(world)?,
            Stage::End => self.end(world)?,
            Stage::Doubt => self.doubt(world)?,
            Stage::Settle(committed) => self.settle(committed, world)?,
            Stage::Abort => self.abort(world),
            Stage::Gone => self.stage = Stage::Gone,
        }
        Ok(())
    }

    fn turn(&mut self, part: Part, world: &mut World) -> Result<(), String> {
        if self.is_leaving {
            self.after = After::Leave;
            return self.begin_commit(world);
        }
        match part {
            Part::Group => {
                self.stage = Stage::Turn(Part::Lanes);
                self.client.follow(&mut world.broker);
                self.carry_out(world)
            }
            Part::Lanes => {
                self.stage = Stage::Turn(Part::Poll);
                self.find_places(world);
                self.bring_lanes_up(world)
            }
            Part::Poll => {
                self.stage = Stage::Turn(Part::Poll);
                self.poll(world)
            }
        }
    }

    /// Takes some records of one partition; commits when there are none, or earlier.
    fn poll(&mut self, world: &mut World) -> Result<(), String> {
        self.follow_catching_up(world);
        if let Some((partition, cause)) = self.look_at_clock(world)? {
            return self.restore_anew(partition, &cause, world);
        }
        let places = self.readable(world);
        let Some(place) = world.rng.pick(&places).copied() else {
            self.go_on(world);
            return self.begin_commit(world);
        };
        if world.strikes(Fault::Redelivery) {
            let back = i64::try_from(world.rng.between(1, 3)).unwrap_or(1);
            self.client.fall_back(place, back);
        }
        for _ in 0..world.rng.between(1, A_STEP) {
            self.take(place, world)?;
            if self.effort.is_enough(self.batch) {
                break;
            }
        }
        if self.is_displaced && matches!(self.stage, Stage::Turn(_)) {
            return self.begin_commit(world);
        }
        self.client.follow(&mut world.broker);
        self.carry_out(world)?;
        let is_due = world.rng.chance(EARLY_COMMITS) || self.effort.is_enough(self.batch);
        if matches!(self.stage, Stage::Turn(_)) && is_due {
            self.go_on(world);
            return self.begin_commit(world);
        }
        Ok(())
    }

    /// What the last commit has left goes on with the next one, or without any record.
    fn go_on(&mut self, world: &World) {
        self.lanes.values_mut().for_each(|lane| lane.go_on(&world.topics));
    }

    /// The partitions that have something for a lane that is live, or for the siding.
    fn readable(&self, world: &World) -> Vec<Place> {
        let of_lanes = self.lanes.values().filter(|lane| lane.is_live()).flat_map(Lane::places);
        let all = of_lanes.chain(self.siding.places());
        let is_readable = |place: &Place| {
            let position = self.client.position(*place);
            world.broker.fetch(*place, position).is_some() || position < world.broker.log(*place).begin()
        };
        all.filter(is_readable).collect()
    }

    fn take(&mut self, place: Place, world: &mut World) -> Result<(), String> {
        if self.is_off(place, world) {
            return Ok(());
        }
        let until_unknown = world.strikes(Fault::UnknownSchema).then(|| world.rng.between(0, 1));
        world.topics.schemas.forget_after(until_unknown);
        let Some((offset, record)) = world.broker.fetch(place, self.client.position(place)) else {
            return Ok(());
        };
        self.client.advance(place, offset + 1);
        self.batch += 1;
        let source = SourceRecord {
            topic: world.topics.name(place.topic),
            partition: place.partition,
            offset,
            timestamp_ms: Some(record.timestamp_ms),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record,
            conversation: world.topics.conversation_of(place.topic),
        };
        let name = &self.name;
        if world.topics.of_siding().contains(&place.topic) {
            if self.siding.expects(place, offset) {
                let moved = self.siding.mover.process(&source, NOW_MS);
                match moved {
                    Ok(()) => {
                        self.siding.took(place, offset);
                        world.note(format_args!("{name}: moves {place:?} offset {offset}"));
                    }
                    Err(UnknownSchema(_)) => {
                        self.siding.await_schema(place, offset);
                        world.faults.count(Fault::UnreadRecord);
                        world.note(format_args!("{name}: cannot read {place:?} offset {offset} yet"));
                    }
                }
            }
            return Ok(());
        }
        let Some(lane) = self.lanes.get_mut(&place.partition) else { return Ok(()) };
        if !lane.expects(place, offset) {
            return Ok(());
        }
        match lane.task.process(&source, NOW_MS) {
            Ok(()) => {
                lane.took(place, offset);
                world.note(format_args!("{name}: takes {place:?} offset {offset}"));
                Ok(())
            }
            Err(TaskError::UnknownSchema { .. }) => {
                self.await_schema(place, offset, world);
                Ok(())
            }
            Err(TaskError::StateDamaged { partition, source }) => {
                world.note(format_args!("{name}: the state of {partition} is damaged"));
                self.restore_anew(partition, &source.to_string(), world)
            }
            Err(error) => Err(format!("{name}: {error}")),
        }
    }

    /// A record cannot be read before a schema is known: its lane stands still until it is.
    fn await_schema(&mut self, place: Place, offset: i64, world: &mut World) {
        let Some(lane) = self.lanes.get_mut(&place.partition) else { return };
        if world.has(Defect::KeepsHalfARecord) {
            self.client.fall_back(place, 1);
        } else {
            lane.await_schema();
        }
        world.faults.count(Fault::UnreadRecord);
        let name = &self.name;
        world.note(format_args!("{name}: cannot read {place:?} offset {offset} yet"));
    }

    /// Lets things expire once the group has caught up.
    fn follow_catching_up(&mut self, world: &World) {
        if self.catch_up.turn(world) {
            self.lanes.values_mut().for_each(|lane| lane.task.caught_up());
        }
    }

    /// Lets be done what is due though nothing comes. Gives the partition whose state turned out to be damaged.
    fn look_at_clock(&mut self, world: &World) -> Result<Option<(i32, String)>, String> {
        for lane in self.lanes.values_mut() {
            let end_of = |place| world.broker.log(place).end();
            match lane.ask_for_ends(world.wall_ms, end_of) {
                Ok(()) => {}
                Err(TaskError::StateDamaged { partition, source }) => {
                    return Ok(Some((partition, source.to_string())));
                }
                Err(error) => return Err(format!("{}: {error}", self.name)),
            }
            let client = &self.client;
            lane.ring_when_read(&world.topics, |place| {
                let is_drained = world.broker.fetch(place, client.position(place)).is_none();
                (world.broker.log(place).stable_end(), is_drained)
            });
        }
        Ok(None)
    }

    /// A task with its store; none while another worker has the store.
    fn new_task(&self, partition: i32, world: &mut World) -> Option<Task> {
        // The stamp of what lies on the disk names the form.
        let is_kept = world.keeps_stores && !self.is_foreign;
        let store = self.disk.open(partition, is_kept, &mut world.faults)?;
        let topics = &world.topics;
        let topology = Arc::clone(if self.is_foreign { &topics.of_another_form } else { &topics.topology });
        Some(Task::new(partition, world.topics.partitions, topology, Limits::default(), Box::new(store)))
    }

    fn is_clean(&self) -> bool {
        self.siding.mover.is_clean() && self.lanes.values().all(|lane| lane.task.is_clean())
    }

    /// Whether it has nothing more to do.
    pub(super) fn is_at_rest(&self, world: &World) -> bool {
        matches!(self.stage, Stage::Turn(_))
            && self.client.is_settled()
            && self.unopened.is_empty()
            && !self.is_displaced
            && self.catch_up.is_done()
            && self.lanes.values().all(Lane::is_live)
            && self.siding.is_live()
            && self.is_clean()
            && !self.lanes.values().any(|lane| lane.is_due(world.wall_ms).unwrap_or(true))
            && !self.lanes.values().any(Lane::has_more)
            && self.readable(world).is_empty()
    }

    /// How many partitions of the group it holds.
    pub(super) fn held(&self) -> usize {
        self.client.held()
    }

    /// The partitions whose tasks are live here.
    pub(super) fn live(&self) -> impl Iterator<Item = i32> {
        self.lanes.keys().copied()
    }
}
