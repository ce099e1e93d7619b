// SPDX-License-Identifier: Apache-2.0

//! The workers of one instance.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::errors::EdgeError;
use crate::shared::Shared;
use crate::standby::Standby;
use crate::worker::Worker;

/// The workers' names. They are the same at every start, so that the transactional ids are too.
#[must_use]
pub fn worker_names(workers: usize) -> Vec<String> {
    (0..workers).map(|number| format!("worker-{number}")).collect()
}

/// A running pipeline.
pub struct Pipeline {
    shared: Shared,
    ends: Receiver<(String, Result<(), EdgeError>)>,
    threads: Vec<JoinHandle<()>>,
    workers: usize,
}

impl Pipeline {
    /// Starts the workers, and the thread that keeps standby copies so that each partition has `copies` of them over all
    /// instances. The workers connect to the cluster by themselves and keep trying.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(shared: Shared, workers: usize, copies: usize) -> Result<Self, EdgeError> {
        let (sender, ends) = channel();
        let mut threads = Vec::new();
        if let Some(queries) = &shared.queries {
            queries.set_partitions(shared.partitions);
        }
        shared.read_as().for_each(|topic| shared.metrics.declare_read(topic));
        shared.inputs.iter().for_each(|topic| shared.metrics.partitions_unread(topic, 0));
        for name in worker_names(workers) {
            let shared = shared.clone();
            threads.push(spawn(&name.clone(), &sender, move || Worker::run(name, shared))?);
        }
        if shared.schemas.is_needed() {
            let shared = shared.clone();
            // Shutdown does not wait for it: it may be in a request, and holds nothing.
            spawn("schemas", &sender, move || {
                shared.schemas.serve(&shared.metrics, &shared.stop);
                Ok(())
            })?;
        }
        if copies > 0 {
            let shared = shared.clone();
            threads.push(spawn("standby", &sender, move || Standby::run(shared, copies))?);
        }
        if let Some(consumed) = shared.consumed.clone() {
            let shared = shared.clone();
            // Shutdown does not wait for it: it may be in a request, and holds nothing.
            spawn("consumed", &sender, move || {
                let topic = shared.topology.name(shared.topology.repartition());
                consumed.delete(&shared.settings, topic, &shared.stop);
                Ok(())
            })?;
        }
        if let (Some(peers), Some(input)) = (shared.peers.clone(), shared.inputs.first().cloned()) {
            let shared = shared.clone();
            threads
                .push(spawn("peers", &sender, move || peers.look(&shared.settings, &input, &shared.stop))?);
        }
        Ok(Self { shared, ends, threads, workers })
    }

    /// Waits up to `timeout` for a worker to end, which it does only after an error.
    ///
    /// # Errors
    /// The first error of a worker. The others have been asked to stop.
    pub fn watch(&self, timeout: Duration) -> Result<(), EdgeError> {
        match self.ends.recv_timeout(timeout) {
            Ok((name, Err(error))) => {
                self.shared.health.worker_died(&name, &error.to_string());
                self.shared.stop.request();
                Err(error)
            }
            Ok((_, Ok(()))) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                // Workers end without an error only when the pipeline stops.
                std::thread::sleep(timeout);
                Ok(())
            }
        }
    }

    /// After a stop, waits up to `timeout` for all workers to end.
    #[must_use]
    pub fn wait(self, timeout: Duration) -> Ended {
        let deadline = std::time::Instant::now() + timeout;
        while !self.threads.iter().all(JoinHandle::is_finished) {
            if std::time::Instant::now() >= deadline {
                let leaving = self.shared.leaving.load(Ordering::Acquire);
                return if leaving == self.workers { Ended::WithoutFarewell } else { Ended::Overdue };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ended::InOrder
    }
}

/// Starts a thread that reports how it ended.
fn spawn(
    name: &str,
    ends: &Sender<(String, Result<(), EdgeError>)>,
    run: impl FnOnce() -> Result<(), EdgeError> + Send + 'static,
) -> Result<JoinHandle<()>, EdgeError> {
    let (ends, named) = (ends.clone(), name.to_owned());
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // A panic is a defect. It ends the program like any error, because the pipeline must not continue with a missing
        // worker.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        // A missing listener means that the process is ending.
        let _ = ends.send((named, result.unwrap_or(Err(EdgeError::Panicked))));
    })?;
    Ok(thread)
}

/// How a pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything is committed, and the members have left the group.
    InOrder,
    /// Everything is committed, but the group did not answer because it is rebalancing. The coordinator removes the members
    /// when their sessions time out.
    WithoutFarewell,
    /// Some worker did not finish its last transaction.
    Overdue,
}
