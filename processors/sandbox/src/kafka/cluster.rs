// SPDX-License-Identifier: Apache-2.0

//! Several nodes of one cluster, and their folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::archive;
use super::error::file;
use super::java::Java;
use super::node::Node;
use super::plan::{Founding, Plan, founding};
use super::properties::{Member, Ports};
use super::{KafkaError, Options, VERSION, chance};

/// The number of attempts when another program takes a port between the check and the broker's bind.
const ATTEMPTS: u32 = 3;

/// Where a cluster keeps its files.
#[derive(Debug)]
pub(super) enum Home {
    /// In the caller's folder.
    Kept(PathBuf),
    /// In a temporary folder.
    Thrown(TempDir),
}

impl Home {
    fn new(data_dir: Option<PathBuf>) -> Result<Home, KafkaError> {
        if let Some(folder) = data_dir {
            fs::create_dir_all(&folder).map_err(|source| file("create", &folder, source))?;
            let folder = fs::canonicalize(&folder).map_err(|source| file("find", &folder, source))?;
            return Ok(Home::Kept(folder));
        }
        let folder = tempfile::Builder::new().prefix("cx-kafka-").tempdir();
        folder
            .map(Home::Thrown)
            .map_err(|source| KafkaError::File { what: "create a temporary folder".to_owned(), source })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Home::Kept(path) => path,
            Home::Thrown(folder) => folder.path(),
        }
    }

    /// The folder to remove if this process dies before it can.
    fn scratch(&self) -> Option<&Path> {
        match self {
            Home::Kept(_) => None,
            Home::Thrown(folder) => Some(folder.path()),
        }
    }
}

/// A cluster of several nodes, each both broker and controller. With three nodes every topic has three replicas and needs two
/// in sync, so that any one node may fail.
///
/// Dropping it kills all processes and removes the temporary folder. There is no orderly shutdown of all nodes: the last ones
/// would wait for a quorum that is gone.
/// would wait for a quorum that is gone.
#[derive(Debug)]
pub struct Cluster {
    // Before the folder: fields are dropped in this order, and the processes go first.
    nodes: Vec<Node>,
    home: Home,
    bootstrap: String,
}

impl Cluster {
    /// Starts the nodes (an odd number, for the quorum) and waits until all answer. Reports each step to `progress`.
    ///
    /// # Errors
    /// Something is missing (the message says what to install), the jars cannot be downloaded (check the network), or a node
    /// does not start (the message has the end of its log).
    pub fn start(
        nodes: usize,
        mut options: Options,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Cluster, KafkaError> {
        let home = Home::new(options.data_dir.take())?;
        let folders: Vec<PathBuf> =
            (1..=nodes).map(|number| home.path().join(format!("node-{number}"))).collect();
        let nodes = start(&folders, &options, home.scratch(), progress)?;
        let bootstrap = nodes.iter().map(Node::bootstrap).collect::<Vec<_>>().join(",");
        Ok(Cluster { nodes, home, bootstrap })
    }

    /// The bootstrap servers: `127.0.0.1:PORT` of each node, comma-separated.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes, to kill, stop, pause and restart them.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// The folder with the data, configuration and log of each node.
    pub fn data_dir(&self) -> &Path {
        self.home.path()
    }
}

/// A cluster of one node, with its folder.
pub(super) fn one(mut options: Options, progress: &mut dyn FnMut(&str)) -> Result<(Node, Home), KafkaError> {
    let home = Home::new(options.data_dir.take())?;
    let started = start(&[home.path().to_owned()], &options, home.scratch(), progress)?;
    let node = started.into_iter().next().ok_or(KafkaError::NoNodes)?;
    Ok((node, home))
}

/// Starts a node in each of these folders.
fn start(
    folders: &[PathBuf],
    options: &Options,
    scratch: Option<&Path>,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Node>, KafkaError> {
    let java = archive::add_to(Java::find(progress)?, progress);
    let plans = folders.iter().map(|folder| Plan::new(java.clone(), folder, options, scratch));
    let plans: Vec<Plan> = plans.collect::<Result<_, _>>()?;
    let old: Vec<Option<Ports>> = plans.iter().map(Plan::ports_of_old_data).collect::<Result<_, _>>()?;
    let old: Option<Vec<Ports>> = old.into_iter().collect();
    let mut attempt = 1;
    loop {
        let ports = match &old {
            Some(ports) => ports.clone(),
            None => chance::free_ports(plans.len())?,
        };
        let controllers: Vec<u16> = ports.iter().map(|ports| ports.controller).collect();
        for ((id, plan), ports) in (1..).zip(&plans).zip(&ports) {
            plan.write_properties(&Member { id, ports: *ports, controllers: &controllers })?;
        }
        if old.is_none() {
            progress("formatting the storage of Apache Kafka");
            format(&plans, &founding(&controllers))?;
        }
        let addresses: Vec<String> = ports.iter().map(|ports| ports.clients.to_string()).collect();
        progress(&format!("starting Apache Kafka {VERSION} on 127.0.0.1:{}", addresses.join(", ")));
        match run(&plans, &ports) {
            // Another program bound the port first: the ports are part of the storage, so start again.
            Err(KafkaError::Ended { log, .. })
                if old.is_none() && attempt < ATTEMPTS && log.contains("already in use") =>
            {
                attempt += 1;
                plans.iter().try_for_each(Plan::wipe)?;
            }
            result => return result,
        }
    }
}

/// Formats all in parallel: each takes its own Java process.
fn format(plans: &[Plan], founding: &Founding) -> Result<(), KafkaError> {
    std::thread::scope(|scope| {
        let all: Vec<_> = plans.iter().map(|plan| scope.spawn(|| plan.format(founding))).collect();
        all.into_iter()
            .try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Starts all, then waits for each: none answers without the others.
fn run(plans: &[Plan], ports: &[Ports]) -> Result<Vec<Node>, KafkaError> {
    let spawned = plans.iter().zip(ports).map(|(plan, ports)| Node::start(plan.clone(), *ports));
    let mut nodes: Vec<Node> = spawned.collect::<Result<_, _>>()?;
    nodes.iter_mut().try_for_each(Node::await_start)?;
    Ok(nodes)
}
