// SPDX-License-Identifier: Apache-2.0

//! The cluster, the instances and the input, and how faults are committed on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sandbox::kafka::Cluster;
use tempfile::TempDir;

use super::faults::{Fault, Visit};
use super::input::Input;
use super::progress::ProgressWatch;
use super::report::Report;
use super::{Options, STALL_MAX, check};
use crate::{Instance, Program, Watch, is_in_sync, partitions_of, run_to_end, wait_until};

/// Instances that are there all the time.
pub(super) const INSTANCES: usize = 2;
/// Brokers.
pub(super) const NODES: usize = 3;
/// The state directory of the instance that comes and goes.
const VISITOR: usize = INSTANCES;
/// No further fault while a partition has been standing still for longer.
const STANDING_MAX: Duration = Duration::from_secs(15);
const GROUP: &str = "cx-timelines";
const INPUT: &str = "cx.events";
/// How long anything may take, but for a stall.
const TIMEOUT: Duration = Duration::from_secs(180);

/// A broker that is down, or is coming back.
struct Absent {
    node: usize,
    /// The number of further faults until it returns.
    faults_left: usize,
    /// Its return, once that has begun.
    return_: Option<JoinHandle<()>>,
}

/// All that takes part.
pub(super) struct Scene {
    // Fields are dropped in this order: the input and the instances before the brokers, the folder last.
    input: Input,
    progress: ProgressWatch,
    instances: Vec<Program>,
    absent: Option<Absent>,
    cluster: Arc<Mutex<Cluster>>,
    bootstrap: String,
    folder: Option<TempDir>,
    /// How many instances have been started; each life has a log of its own.
    lives: usize,
    faults: BTreeMap<&'static str, (usize, usize)>,
    unanswered_stops: usize,
    slowest_stop: Duration,
    seed: u64,
    verbose: bool,
    begun: Instant,
}

impl Scene {
    pub(super) fn new(options: &Options) -> Self {
        let folder = tempfile::Builder::new().prefix("cx-chaos-").tempdir().unwrap();
        let kafka = sandbox::kafka::Options {
            // Kept with the logs when something is found.
            data_dir: Some(folder.path().join("kafka")),
            heap_mb: 192,
            ..sandbox::kafka::Options::default()
        };
        let cluster = Cluster::start(NODES, kafka, &mut |_| {}).unwrap();
        let bootstrap = cluster.bootstrap().to_owned();
        configure(folder.path());
        let applied = run_to_end(&["topics", "apply", "--bootstrap", &bootstrap], b"");
        assert!(applied.status.success(), "topics apply: {}", String::from_utf8_lossy(&applied.stderr));
        let partitions = partitions_of(&bootstrap, INPUT);
        let mut scene = Self {
            input: Input::start(&bootstrap, INPUT, partitions, options.seed, options.rate),
            progress: ProgressWatch::start(&bootstrap, GROUP, INPUT),
            instances: Vec::new(),
            absent: None,
            cluster: Arc::new(Mutex::new(cluster)),
            bootstrap,
            folder: Some(folder),
            lives: 0,
            faults: BTreeMap::new(),
            unanswered_stops: 0,
            slowest_stop: Duration::ZERO,
            seed: options.seed,
            verbose: options.verbose,
            begun: Instant::now(),
        };
        for number in 0..INSTANCES {
            let instance = scene.start(number);
            scene.instances.push(instance);
        }
        scene
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Starts an instance on the state directory of this number.
    fn start(&mut self, number: usize) -> Program {
        self.lives += 1;
        let log = self.folder().join(format!("instance-{number}-life-{:04}.log", self.lives));
        let instance = Instance {
            bootstrap: &self.bootstrap,
            config: &self.folder().join("topics.yaml"),
            state: &self.folder().join(format!("state-{number}")),
            session_timeout: Duration::from_secs(3),
        };
        instance.start(&[], log)
    }

    /// Waits until so many records more are committed, and until no partition has been waiting for long: it is the program's
    /// to recover from a fault, but not from the next one before it had the time. Meanwhile no instance may end by itself.
    pub(super) fn await_committed(&mut self, records: i64) {
        let wanted = self.progress.now(super::progress::GroupProgress::committed) + records;
        self.wait_until("so many records more are committed", |scene| {
            let goes_on = scene
                .progress
                .now(|seen| seen.committed() >= wanted && seen.standing(Instant::now()) < STANDING_MAX);
            goes_on.then_some(())
        });
    }

    fn wait_until<T>(&mut self, what: &str, mut question: impl FnMut(&mut Self) -> Option<T>) -> T {
        wait_until(what, TIMEOUT, || {
            self.look_after();
            question(self)
        })
    }

    fn look_after(&mut self) {
        for (number, instance) in self.instances.iter_mut().enumerate() {
            assert!(
                instance.is_running(),
                "seed {}: instance {number} ended by itself:\n{}",
                self.seed,
                instance.log()
            );
        }
        let (longest, partition) = self.progress.now(|seen| seen.longest);
        assert!(
            longest <= STALL_MAX,
            "seed {}: partition {partition} was blocked for {longest:?}",
            self.seed
        );
    }

    /// Commits a fault.
    pub(super) fn commit(&mut self, fault: &Fault) {
        let in_the_middle = self.progress.now(|seen| seen.committed() < seen.end());
        if self.verbose {
            let (committed, end) = self.progress.now(|seen| (seen.committed(), seen.end()));
            eprintln!("{:>7.1} s  {committed} of {end}  {fault:?}", self.begun.elapsed().as_secs_f64());
        }
        let (count, middle) = self.faults.entry(fault.name()).or_default();
        *count += fault.weight();
        *middle += if in_the_middle { fault.weight() } else { 0 };
        self.let_brokers_return();
        match fault {
            Fault::KillInstance(number) => self.kill_instances(*number..=*number),
            Fault::KillAllInstances => self.kill_instances(0..=INSTANCES - 1),
            Fault::BounceInstance(number) => self.bounce(*number),
            Fault::SuspendInstance(number) => self.suspend(*number),
            Fault::Storm(visits) => visits.iter().for_each(|visit| self.visit(*visit)),
            Fault::KillBroker(node, faults) => self.take_away(*node, *faults, true),
            Fault::BounceBroker(node, faults) => self.take_away(*node, *faults, false),
        }
    }

    fn kill_instances(&mut self, numbers: std::ops::RangeInclusive<usize>) {
        for instance in &mut self.instances[numbers.clone()] {
            instance.kill();
        }
        for number in numbers {
            self.instances[number] = self.start(number);
        }
    }

    fn bounce(&mut self, number: usize) {
        let mut old = self.instances.remove(number);
        self.stop_in_order(&mut old);
        let new = self.start(number);
        self.instances.insert(number, new);
    }

    fn stop_in_order(&mut self, instance: &mut Program) {
        // A process that does not listen to signals yet would just be gone.
        let _ = instance.http_address();
        let (code, took) = instance.terminate();
        self.slowest_stop = self.slowest_stop.max(took);
        if code == Some(0) {
            return;
        }
        // While a broker is away the cluster may be unable to answer in the time that a stop has.
        let unanswered = self.absent.is_some() && instance.log().contains("did not answer in time");
        assert!(unanswered, "seed {}: a stop ended with {code:?}:\n{}", self.seed, instance.log());
        self.unanswered_stops += 1;
    }

    /// What lay there when it fell asleep is committed by others before it wakes up.
    fn suspend(&mut self, number: usize) {
        let ends: Vec<i64> = self.progress.now(|seen| seen.places.iter().map(|place| place.end).collect());
        self.instances[number].signal("STOP");
        self.wait_until("others have taken over the work of the sleeper", |scene| {
            let is_done = scene
                .progress
                .now(|seen| seen.places.iter().zip(&ends).all(|(place, end)| place.committed >= *end));
            is_done.then_some(())
        });
        self.instances[number].signal("CONT");
    }

    fn visit(&mut self, visit: Visit) {
        let mut visitor = self.start(VISITOR);
        if visit.settles {
            self.wait_until("the visitor is ready", |_| {
                (visitor.get("/health/ready").0 == 200).then_some(())
            });
        }
        if visit.is_killed {
            visitor.kill();
        } else {
            self.stop_in_order(&mut visitor);
        }
    }

    /// One broker at most is away, and the others have all records before it goes.
    fn take_away(&mut self, node: usize, faults_left: usize, is_killed: bool) {
        self.await_all_brokers();
        {
            let mut cluster = self.cluster.lock().unwrap();
            let node = &mut cluster.nodes_mut()[node];
            if is_killed { node.kill() } else { node.stop() }
        }
        let return_ = (faults_left == 0).then(|| bring_back(&self.cluster, node));
        self.absent = Some(Absent { node, faults_left, return_ });
    }

    /// Another fault: instances that were down long enough restart.
    fn let_brokers_return(&mut self) {
        let Some(mut absent) = self.absent.take() else { return };
        match absent.return_.take() {
            Some(return_) if return_.is_finished() => return return_.join().unwrap(),
            Some(return_) => absent.return_ = Some(return_),
            None => {
                absent.faults_left -= 1;
                if absent.faults_left == 0 {
                    absent.return_ = Some(bring_back(&self.cluster, absent.node));
                }
            }
        }
        self.absent = Some(absent);
    }

    fn await_all_brokers(&mut self) {
        if let Some(absent) = self.absent.take() {
            let return_ = absent.return_.unwrap_or_else(|| bring_back(&self.cluster, absent.node));
            self.wait_until("the broker is back", |_| return_.is_finished().then_some(()));
            return_.join().unwrap();
        }
        let bootstrap = self.bootstrap.clone();
        self.wait_until("all replicas are in sync", |_| is_in_sync(&bootstrap));
    }

    /// No more faults and no more input: what was sent has to come out.
    pub(super) fn end(mut self, begun: Instant) -> Report {
        self.await_all_brokers();
        let sent = self.input.stop();
        Watch::new(&self.bootstrap, GROUP, INPUT).wait_for_all(TIMEOUT);
        let took = begun.elapsed();
        self.look_after();
        let there = self.progress.now(super::progress::GroupProgress::end);
        for mut instance in std::mem::take(&mut self.instances) {
            self.stop_in_order(&mut instance);
        }
        // An idempotent producer that had to begin a new epoch may have written an event twice; none may be missing. Looked at first:
        // what is not there cannot come out, and the program is not to blame.
        let there = usize::try_from(there).unwrap();
        assert!(there >= sent.len(), "the cluster holds {there} of {} events that were sent", sent.len());
        let compared = check::check(&self.bootstrap, GROUP, &sent);
        Report {
            seed: self.seed,
            faults: std::mem::take(&mut self.faults),
            unanswered_stops: self.unanswered_stops,
            slowest_stop: self.slowest_stop,
            events: sent.len(),
            written_twice: there - sent.len(),
            took,
            longest_stall: self.progress.now(|seen| seen.longest.0),
            records: compared.records,
            dead_letters: compared.dead_letters,
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("seed {}; all logs are kept in {}", self.seed, folder.keep().display());
        }
    }
}

/// Starts a broker again, in a thread of its own: faults go on meanwhile.
fn bring_back(cluster: &Arc<Mutex<Cluster>>, node: usize) -> JoinHandle<()> {
    let cluster = Arc::clone(cluster);
    std::thread::spawn(move || cluster.lock().unwrap().nodes_mut()[node].restart().unwrap())
}

/// Many small transactions, so that faults hit them in the middle; and nothing expires, since `fold` lets nothing expire.
fn configure(folder: &Path) {
    let standard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topics.yaml")).unwrap();
    let changes = [
        ("interval: 100ms", "interval: 1ms"),
        ("waiting: 24h", "waiting: 30d"),
        ("closed: 24h", "closed: 30d"),
        ("idle: 7d", "idle: 30d"),
    ];
    let config = changes.iter().fold(standard, |config, (from, to)| {
        assert!(config.contains(from), "topics.yaml has no {from:?}");
        config.replace(from, to)
    });
    std::fs::write(folder.join("topics.yaml"), config).unwrap();
}
