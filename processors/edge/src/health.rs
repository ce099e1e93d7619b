// SPDX-License-Identifier: Apache-2.0

//! Liveness and readiness, as the workers report them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Worker {
    ready: bool,
    alive: bool,
    detail: String,
}

/// The latest reports of the workers. Clones share one state.
///
/// *Live* until a worker dies; then the process should be restarted. *Ready* when every worker has its partitions and their
/// state. Workers report changes only, so nothing here is on the hot path.
#[derive(Clone, Debug)]
pub struct Health {
    workers: Arc<Mutex<BTreeMap<String, Worker>>>,
}

/// An answer for a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// Whether the answer is yes.
    pub ok: bool,
    /// The same with every worker's detail, as a JSON object.
    pub json: String,
}

impl Health {
    /// Creates the state with all worker names: it is not ready until each of them has reported. Without workers it is never
    /// ready.
    pub fn new<N: Into<String>>(workers: impl IntoIterator<Item = N>) -> Self {
        let starting = |name: N| {
            (name.into(), Worker { ready: false, alive: true, detail: "has not reported yet".to_owned() })
        };
        Self { workers: Arc::new(Mutex::new(workers.into_iter().map(starting).collect())) }
    }

    /// Takes a worker's report: whether its partitions are assigned and restored, and a sentence for operators. An unknown
    /// worker is added. A dead worker stays dead.
    pub fn set_worker(&self, worker: &str, ready: bool, detail: &str) {
        let mut workers = self.locked();
        let entry = workers.entry(worker.to_owned()).or_insert_with(|| Worker {
            ready,
            alive: true,
            detail: String::new(),
        });
        if entry.alive {
            entry.ready = ready;
            detail.clone_into(&mut entry.detail);
        }
    }

    /// A worker ended unexpectedly: the process is neither live nor ready any more.
    pub fn worker_died(&self, worker: &str, why: &str) {
        self.locked()
            .insert(worker.to_owned(), Worker { ready: false, alive: false, detail: why.to_owned() });
    }

    /// Whether every worker is assigned and restored.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let workers = self.locked();
        !workers.is_empty() && workers.values().all(|worker| worker.ready && worker.alive)
    }

    /// Whether no worker died.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.locked().values().all(|worker| worker.alive)
    }

    /// [`Health::is_live`] with the reasons.
    #[must_use]
    pub fn live(&self) -> ProbeAnswer {
        self.answer("live", self.is_live())
    }

    /// [`Health::is_ready`] with the reasons.
    #[must_use]
    pub fn ready(&self) -> ProbeAnswer {
        self.answer("ready", self.is_ready())
    }

    fn answer(&self, question: &str, ok: bool) -> ProbeAnswer {
        let mut json = format!("{{\"{question}\":{ok},\"workers\":{{");
        for (index, (name, worker)) in self.locked().iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            quote(&mut json, name);
            // Writing to a string cannot fail.
            let _ = write!(json, ":{{\"alive\":{},\"ready\":{},\"detail\":", worker.alive, worker.ready);
            quote(&mut json, &worker.detail);
            json.push('}');
        }
        json.push_str("}}\n");
        ProbeAnswer { ok, json }
    }

    /// A panic while the lock was held left no partial change.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Worker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends a JSON string.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_worker_has_said_so() {
        let health = Health::new(["worker-0", "worker-1"]);
        assert!(!health.is_ready() && health.is_live());
        health.set_worker("worker-0", true, "2 partitions");
        assert!(!health.is_ready());
        health.set_worker("worker-1", true, "2 partitions");
        assert!(health.is_ready());
        health.clone().set_worker("worker-1", false, "restoring");
        assert!(!health.is_ready() && health.is_live());
    }

    #[test]
    fn a_program_without_workers_is_live_and_never_ready() {
        let health = Health::new(Vec::<String>::new());
        assert!(health.is_live() && !health.is_ready());
    }

    #[test]
    fn a_worker_that_died_makes_it_neither_live_nor_ready_for_good() {
        let health = Health::new(["worker-0"]);
        health.set_worker("worker-0", true, "all is well");
        health.worker_died("worker-0", "fenced");
        health.set_worker("worker-0", true, "a late report");
        assert!(!health.is_live() && !health.is_ready());
        assert!(health.live().json.contains("\"detail\":\"fenced\""), "{}", health.live().json);
    }

    #[test]
    fn the_answer_is_json_whatever_the_detail_holds() {
        let health = Health::new(["w"]);
        health.set_worker("w", false, "say \"no\" \\ \n\t\u{1} µ");
        assert_eq!(
            health.ready().json,
            "{\"ready\":false,\"workers\":{\"w\":{\"alive\":true,\"ready\":false,\
             \"detail\":\"say \\\"no\\\" \\\\ \\u000a\\u0009\\u0001 µ\"}}}\n"
        );
    }
}
