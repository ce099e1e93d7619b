// SPDX-License-Identifier: Apache-2.0

//! An instance of the program: its workers, and its disk, which outlives them.

use super::disk::Disk;
use super::worker::Worker;
use super::world::World;

pub(super) struct Instance {
    name: String,
    size: usize,
    pub(super) disk: Disk,
    pub(super) workers: Vec<Worker>,
    /// When it restarts.
    starts_at_ms: Option<u64>,
    /// Whether it then is a program with another format, once.
    changes_form: bool,
}

impl Instance {
    pub(super) fn new(name: String, size: usize, world: &mut World) -> Self {
        let mut instance = Self {
            name,
            size,
            disk: Disk::default(),
            workers: Vec::new(),
            starts_at_ms: Some(0),
            changes_form: false,
        };
        instance.start(world);
        instance
    }

    pub(super) fn start(&mut self, world: &mut World) {
        if self.starts_at_ms.take().is_some() {
            let names = (0..self.size).map(|number| format!("{}-worker-{number}", self.name));
            let is_foreign = std::mem::take(&mut self.changes_form);
            self.workers =
                names.map(|name| Worker::new(name, self.disk.clone(), is_foreign, world)).collect();
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.starts_at_ms.is_none()
    }

    /// Starts when it is time, and stops when all workers have left.
    pub(super) fn follow_time(&mut self, world: &mut World) {
        if self.starts_at_ms.is_some_and(|at_ms| at_ms <= world.broker.now_ms) {
            let name = &self.name;
            world.note(format_args!("{name} starts"));
            self.start(world);
        }
        if self.workers.iter().any(Worker::has_failed) {
            self.stop_workers(world.broker.now_ms);
        }
        if self.is_up() && self.workers.iter().all(Worker::is_gone) {
            self.go_down(world);
        }
    }

    fn go_down(&mut self, world: &mut World) {
        self.workers.clear();
        self.disk.close_all();
        let pause_ms = u64::try_from(world.rng.between(1, 500)).unwrap_or(1);
        self.starts_at_ms = Some(world.broker.now_ms + pause_ms);
    }

    /// Crashes.
    pub(super) fn crash(&mut self, world: &mut World) {
        let name = &self.name;
        world.note(format_args!("{name} crashes"));
        self.go_down(world);
        self.disk.crash(&mut world.rng, &mut world.faults);
    }

    /// Leaves the group, and restarts as a program with another format.
    pub(super) fn stop_for_another(&mut self, world: &mut World) {
        self.changes_form = true;
        self.stop(world);
    }

    /// Leaves the group properly.
    pub(super) fn stop(&mut self, world: &mut World) {
        let name = &self.name;
        world.note(format_args!("{name} stops"));
        self.stop_workers(world.broker.now_ms);
    }

    fn stop_workers(&mut self, now_ms: u64) {
        self.workers.iter_mut().for_each(|worker| worker.stop(now_ms));
    }
}
