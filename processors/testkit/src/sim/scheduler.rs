// SPDX-License-Identifier: Apache-2.0

//! Chooses the next step by the seed alone: of a worker, the broker, a disk, time, or a fault.

use engine::Budget;
use std::collections::{BTreeMap, BTreeSet};

use super::broker::{Broker, PartitionId, Record};
use super::disk::Disk;
use super::faults::{Fault, Faults};
use super::inputs::{self, Input, Inputs};
use super::instance::Instance;
use super::rng::Rng;
use super::topology::Topics;
use super::trace::Trace;
use super::worker::Worker;
use super::world::World;
use super::{Options, Report, verdict};

/// A run that has not come to rest after this many rounds without faults never will.
const ROUNDS_MAX: usize = 20_000;
/// Rounds of reading clocks: expiry needs a commit, and so the second round.
const CLOCK_ROUNDS: usize = 3;
/// How much faster the workers' clocks run.
const WALL_SPEED: u64 = 10;
/// The maximum of consecutive store failures.
const LASTING_USES: usize = 6;
/// The maximum jump of clocks, forward or back.
const JUMP_MS: usize = 10_000;
/// The name of the producer whose records are aborted.
const UPSTREAM: &str = "upstream";

/// Faults that the scheduler injects itself, with equal frequency.
const FAULTS: [Fault; 15] = [
    Fault::Crash,
    Fault::Zombie,
    Fault::Rebalance,
    Fault::DuplicateInput,
    Fault::StoreFailure,
    Fault::LastingFailure,
    Fault::OtherForm,
    Fault::Compaction,
    Fault::Pause,
    Fault::AbortedInput,
    Fault::Retention,
    Fault::UnreadRemoved,
    Fault::AddedPartition,
    Fault::Truncation,
    Fault::ClockJump,
];

/// Mostly so small that expiry takes several commits.
fn budget(rng: &mut Rng) -> Budget {
    if rng.chance(200) { Budget::default() } else { Budget::new(rng.between(1, 40), 1 << rng.between(6, 14)) }
}

/// One run.
pub(super) struct Scheduler {
    world: World,
    instances: Vec<Instance>,
    inputs: Inputs,
    /// Inputs that may be produced again.
    repeatable: Vec<Input>,
    steps: u64,
}

impl Scheduler {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        let mut rng = Rng::new(seed);
        let own_topics = inputs::own_topics(&mut rng);
        let partitions = i32::try_from(rng.between(1, 4)).unwrap_or(1);
        let topics = Topics::new(partitions, &own_topics);
        let inputs = Inputs::new(topics.clone(), &mut rng);
        let aligned = (0..partitions).map(|partition| PartitionId { topic: topics.input, partition });
        let unaligned = topics.unaligned().map(|topic| PartitionId { topic, partition: 0 });
        let mut world = World {
            faults: Faults::new(&mut rng),
            trace: Trace::new(options.trace),
            broker: Broker::new(aligned.chain(unaligned).collect()),
            topics,
            defect: options.defect,
            marks: 0,
            metadata: Vec::new(),
            may_be_truncated: rng.chance(150),
            is_truncated: false,
            held: BTreeMap::new(),
            tails: BTreeMap::new(),
            wall_ms: inputs::T0,
            removed: BTreeSet::new(),
            removed_first: BTreeSet::new(),
            said: BTreeSet::new(),
            keeps_stores: rng.chance(700),
            budget: budget(&mut rng),
            rng,
        };
        let mut instances = Vec::new();
        for number in 0..world.rng.between(1, 3) {
            let size = world.rng.between(1, 2);
            instances.push(Instance::new(format!("instance-{number}"), size, &mut world));
        }
        Self { world, instances, inputs, repeatable: Vec::new(), steps: 0 }
    }

    /// Runs to the end, and judges the result.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let steps = self.world.rng.between(200, 1_500);
        self.trouble(steps)?;
        self.come_to_rest()?;
        if self.inputs.erases {
            self.erase_a_conversation()?;
        }
        if self.inputs.expires {
            self.read_clocks()?;
        }
        let disks: Vec<(i32, Disk)> = self
            .instances
            .iter()
            .flat_map(|instance| instance.workers.iter().map(|worker| (worker, &instance.disk)))
            .flat_map(|(worker, disk)| worker.live().map(|partition| (partition, disk.clone())))
            .collect();
        verdict::judge(&mut self.world, &self.inputs, &disks)
    }

    pub(super) fn into_report(self) -> Report {
        Report {
            hash: self.world.trace.hash(),
            steps: self.steps,
            inputs: self.inputs.produced.len(),
            faults: self.world.faults.counts().clone(),
            lines: self.world.trace.into_lines(),
        }
    }

    /// Erases a conversation, and produces some of its records again.
    fn erase_a_conversation(&mut self) -> Result<(), String> {
        self.repeatable.clear();
        let (request, late) = self.inputs.erasure(&mut self.world.rng);
        for waiting in [vec![request], late] {
            self.inputs.waiting = waiting;
            let steps = self.world.rng.between(50, 500);
            self.trouble(steps)?;
            self.come_to_rest()?;
        }
        Ok(())
    }

    /// A day passes; without further faults, everything due expires.
    fn read_clocks(&mut self) -> Result<(), String> {
        self.repeatable.clear();
        for round in 0..CLOCK_ROUNDS {
            self.inputs.waiting = self.inputs.clocks(round);
            if round == 0 {
                let steps = self.world.rng.between(50, 500);
                self.trouble(steps)?;
            }
            self.come_to_rest()?;
        }
        Ok(())
    }

    fn trouble(&mut self, steps: usize) -> Result<(), String> {
        self.world.faults.switch(true);
        for _ in 0..steps {
            let passed_ms = u64::try_from(self.world.rng.between(0, 2)).unwrap_or(0);
            self.pass(passed_ms);
            match self.world.rng.below(100) {
                0..70 => self.let_somebody_work()?,
                70..80 => self.write_marker()?,
                80..84 => self.produce_next(),
                84..86 => self.flush_some_disk(),
                86..89 => self.deliver_late(),
                _ => self.let_something_go_wrong(),
            }
        }
        Ok(())
    }

    /// Ends all faults, and waits until everything is processed.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.world.faults.switch(false);
        self.world.note(format_args!("nothing goes wrong any more"));
        self.world.wall_ms = inputs::AT_LAST;
        while !self.inputs.waiting.is_empty() {
            self.produce_next();
        }
        self.instances.iter().for_each(|instance| instance.disk.repair());
        for worker in self.instances.iter_mut().flat_map(|instance| &mut instance.workers) {
            worker.stop_waiting();
        }
        for _ in 0..ROUNDS_MAX {
            self.pass(1);
            self.deliver_late();
            self.write_marker()?;
            self.flush_some_disk();
            for worker in self.instances.iter_mut().flat_map(|instance| &mut instance.workers) {
                worker.step(&mut self.world)?;
                self.steps += 1;
            }
            if self.is_at_rest() {
                self.inputs.end_phase();
                return Ok(());
            }
        }
        Err("it does not come to rest".to_owned())
    }

    fn is_at_rest(&self) -> bool {
        let world = &self.world;
        let workers = || self.instances.iter().flat_map(|instance| &instance.workers);
        world.broker.is_quiet()
            && self.instances.iter().all(Instance::is_up)
            && workers().all(|worker| worker.is_at_rest(world))
            // A partition of a dead member does not count, which the group does not know yet.
            && workers().map(Worker::held).sum::<usize>() == world.broker.read_places()
    }

    /// Lets time pass.
    fn pass(&mut self, passed_ms: u64) {
        self.world.broker.now_ms += passed_ms;
        // The events span some seconds, so in a run their timers become due one after another.
        self.world.wall_ms = self.world.wall_ms.saturating_add_unsigned(passed_ms * WALL_SPEED);
        let World { broker, faults, .. } = &mut self.world;
        if let Some(what) = broker.tick(faults) {
            self.world.note(format_args!("{what}"));
        }
        for instance in &mut self.instances {
            instance.follow_time(&mut self.world);
        }
    }

    fn let_somebody_work(&mut self) -> Result<(), String> {
        let now_ms = self.world.broker.now_ms;
        let workers = self.instances.iter_mut().flat_map(|instance| &mut instance.workers);
        let mut awake: Vec<_> = workers.filter(|worker| worker.pauses_until_ms <= now_ms).collect();
        let chosen = self.world.rng.below(awake.len());
        if let Some(worker) = awake.get_mut(chosen) {
            worker.step(&mut self.world)?;
            self.steps += 1;
        }
        Ok(())
    }

    fn write_marker(&mut self) -> Result<(), String> {
        let World { broker, rng, .. } = &mut self.world;
        if let Some(what) = broker.write_marker(rng)? {
            self.world.note(format_args!("{what}"));
            self.world.release();
        }
        Ok(())
    }

    fn deliver_late(&mut self) {
        let World { broker, rng, faults, .. } = &mut self.world;
        if let Some(what) = broker.deliver_late(rng, faults) {
            self.world.note(format_args!("{what}"));
        }
    }

    fn flush_some_disk(&mut self) {
        let chosen = self.world.rng.below(self.instances.len());
        if let Some(instance) = self.instances.get(chosen) {
            instance.disk.flush(&mut self.world.rng);
        }
    }

    fn produce_next(&mut self) {
        if let Some(input) = self.inputs.next() {
            self.repeatable.push(input.clone());
            self.produce(input);
        }
    }

    fn produce(&mut self, input: Input) {
        self.inputs.note_produced(&input);
        let place = input.place;
        self.world.note(format_args!("{place:?} gets a record: {}", input.record.excerpt()));
        match self.world.held.get_mut(&place) {
            Some(held) => held.push(input.record),
            None => self.world.broker.append(place, input.record),
        }
        self.world.tails.remove(&place);
    }

    fn let_something_go_wrong(&mut self) {
        let Some(fault) = self.world.rng.pick(&FAULTS).copied() else { return };
        if self.world.strikes(fault) {
            self.let_happen(fault);
        }
    }

    fn let_happen(&mut self, fault: Fault) {
        let world = &mut self.world;
        let chosen = world.rng.below(self.instances.len());
        let Some(instance) = self.instances.get_mut(chosen) else { return };
        match fault {
            Fault::Crash if instance.is_up() => instance.crash(world),
            Fault::Rebalance => instance.stop(world),
            Fault::Zombie => {
                let sleeper = world.rng.below(instance.workers.len());
                if let Some(worker) = instance.workers.get_mut(sleeper) {
                    let pause_ms = u64::try_from(world.rng.between(100, 1000)).unwrap_or(100);
                    worker.pauses_until_ms = world.broker.now_ms + pause_ms;
                    let name = &worker.name;
                    world.note(format_args!("{name} pauses for {pause_ms} ms"));
                }
            }
            Fault::StoreFailure => {
                if let Some(partition) = instance.disk.fail(1, &mut world.rng) {
                    world.note(format_args!("the store of {partition} will fail"));
                }
            }
            Fault::LastingFailure => {
                let uses = world.rng.between(2, LASTING_USES);
                if let Some(partition) = instance.disk.fail(uses, &mut world.rng) {
                    world.note(format_args!("the store of {partition} will fail {uses} times"));
                }
            }
            // In an empty changelog it would write its own format, and the others could never continue.
            Fault::OtherForm if world.all_forms_are_known() => instance.stop_for_another(world),
            Fault::DuplicateInput => {
                if let Some(input) = world.rng.pick(&self.repeatable).cloned() {
                    self.produce(input);
                }
            }
            Fault::Compaction => {
                let places = world.broker.places_of(world.topics.changelog());
                if let Some(place) = world.rng.pick(&places) {
                    world.broker.compact(*place);
                    world.note(format_args!("{place:?} is compacted"));
                }
            }
            Fault::Pause => {
                let passed_ms = u64::try_from(world.rng.between(50, 500)).unwrap_or(50);
                self.pass(passed_ms);
            }
            Fault::AbortedInput => self.abort_some_input(),
            Fault::Retention => {
                self.remove_some(false);
            }
            Fault::UnreadRemoved => {
                self.remove_some(true);
            }
            Fault::AddedPartition => {
                let place = PartitionId { topic: world.topics.input, partition: world.topics.partitions };
                world.broker.add_to_group(place);
                world.note(format_args!("{place:?} is added"));
            }
            Fault::Truncation if world.may_be_truncated => {
                self.truncate_some();
            }
            Fault::ClockJump => {
                let jump_ms = i64::try_from(world.rng.between(0, 2 * JUMP_MS)).unwrap_or(0);
                world.wall_ms += jump_ms - i64::try_from(JUMP_MS).unwrap_or(0);
                let now_ms = world.wall_ms;
                world.note(format_args!("the clocks say {now_ms}"));
            }
            _ => {}
        }
    }

    /// Removes records that the group has read; with `unread`, also some new ones that no worker has read. Those are
    /// tombstones, which change no output: the report of the loss is what counts.
    fn remove_some(&mut self, unread: bool) -> Option<()> {
        let World { broker, rng, topics, held, .. } = &mut self.world;
        let inputs = std::iter::once(topics.input).chain(topics.unaligned());
        // Dead letters' records are needed for the verdict, and losing messages in the repartition topic would change outputs.
        let topics: Vec<usize> = inputs.collect();
        let places: Vec<PartitionId> = topics.into_iter().flat_map(|topic| broker.places_of(topic)).collect();
        let place = rng.pick(&places).filter(|place| !held.contains_key(place)).copied()?;
        let committed = broker.committed(&[place]).ok()?;
        let committed = committed.first().copied().flatten();
        let next = committed.map_or(0, |offset| offset.next);
        if !unread {
            broker.remove_below(place, next);
            self.world.note(format_args!("{place:?} is removed up to {next}"));
            return Some(());
        }
        if broker.fetch(place, next).is_some() || broker.log(place).stable_end() < broker.log(place).end() {
            return None;
        }
        for _ in 0..rng.between(1, 3) {
            let record = Record { key: None, value: None, headers: Vec::new(), timestamp_ms: inputs::T0 };
            broker.append(place, record);
        }
        let end = broker.log(place).end();
        broker.remove_below(place, end);
        let removed =
            if committed.is_some() { &mut self.world.removed } else { &mut self.world.removed_first };
        removed.insert((place, next, end));
        self.world.note(format_args!("{place:?} is removed up to {end}, unread from {next}"));
        Some(())
    }

    /// An input partition loses its last records after all were committed. Those are tombstones, which change no output.
    fn truncate_some(&mut self) -> Option<()> {
        let World { broker, rng, topics, tails, held, is_truncated, .. } = &mut self.world;
        let place = *rng.pick(&broker.places_of(topics.input))?;
        let committed = broker.committed(&[place]).ok()?.first().copied().flatten()?;
        let (begin, end) = (broker.log(place).begin(), broker.log(place).end());
        if committed.next != end || held.contains_key(&place) || !broker.log(place).is_settled() {
            return None;
        }
        let tail = tails.entry(place).or_insert(end);
        if *tail < end && begin <= *tail {
            broker.truncate(place, *tail);
            *is_truncated = true;
            held.entry(place).or_default();
            let tail = *tail;
            self.world.note(format_args!("{place:?} has lost its end: it ended at {end}, now at {tail}"));
        } else {
            let record = Record { key: None, value: None, headers: Vec::new(), timestamp_ms: inputs::T0 };
            broker.append(place, record);
            *tail = end;
        }
        Some(())
    }

    /// Another producer's transaction in the input, which is aborted.
    fn abort_some_input(&mut self) {
        let World { broker, rng, topics, tails, held, .. } = &mut self.world;
        let Ok(epoch) = broker.init_producer(UPSTREAM) else { return };
        let partition =
            i32::try_from(rng.below(usize::try_from(topics.partitions).unwrap_or(1))).unwrap_or(0);
        let value = Some(b"aborted".to_vec());
        let record = Record { key: None, value, headers: Vec::new(), timestamp_ms: 0 };
        let place = PartitionId { topic: topics.input, partition };
        if held.contains_key(&place) {
            return;
        }
        tails.remove(&place);
        let written = broker.produce((UPSTREAM, epoch), place, vec![record]);
        let ended = written.and_then(|_| broker.end((UPSTREAM, epoch), false));
        self.world.note(format_args!("an aborted record in the input: {ended:?}"));
    }
}
