// SPDX-License-Identifier: Apache-2.0

//! `run`: the pipeline on a cluster, until it is stopped.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use edge::health::Health;
use edge::http::HttpHandle;
use edge::metrics::{Labels, Metrics};
use edge::{
    Consumed, Ended, Membership, OutputTopics, Overrides, Patterns, Pipeline, Schemas, Settings, Shared,
    Stop, Stores, worker_names,
};
use engine::{EventClass, Topology};
use model::Reason;
use rdkafka::metadata::Metadata;

use crate::cli::{Global, MembershipFlag, RunArgs};
use crate::config::{Config, Role, TopicName};
use crate::exit::Failure;
use crate::formats::{self, Retries};
use crate::instance::Instance;
use crate::memory::Shares;
use crate::state::{self, Origin};
use crate::topics;
use crate::{kafka, memory, rules, serving, signals, wiring};

/// The longest time of a stop (contract: within 5 s).
const STOP_TIME_MAX: Duration = Duration::from_millis(3_900);
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// Runs until a signal.
pub fn run(global: &Global, args: &RunArgs, config: &Config) -> Result<(), Failure> {
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    if args.ends_with_parent {
        signals::listen_for_parents_end()?;
    }
    let Some(running) = start(global, args, config, &stop)? else { return Ok(()) };
    while !stop.is_requested() {
        running.pipeline.watch(WATCH_INTERVAL)?;
    }
    tracing::info!("stopping");
    running.end()
}

/// A pipeline with its HTTP server.
pub struct Running {
    /// The workers.
    pub pipeline: Pipeline,
    /// The URL of the live page and the other routes.
    pub url: String,
    http: HttpHandle,
    _instance: Instance,
}

impl Running {
    /// Waits for the workers after a stop.
    pub fn end(self) -> Result<(), Failure> {
        let ended = self.pipeline.wait(STOP_TIME_MAX);
        self.http.stop();
        match ended {
            Ended::InOrder => {
                tracing::info!("stopped");
                return Ok(());
            }
            Ended::WithoutFarewell => {
                tracing::warn!(
                    "stopped; the group is rebalancing and did not answer, it notices when the session ends"
                );
                return Ok(());
            }
            Ended::Overdue => {}
        }
        Err(Failure::from(anyhow!(
            "the cluster did not answer in time; the open transaction is aborted and its records are taken again at the next start"
        )))
    }
}

/// Starts the pipeline; `None` when a stop was requested before the cluster answered.
pub fn start(
    global: &Global,
    args: &RunArgs,
    config: &Config,
    stop: &Stop,
) -> Result<Option<Running>, Failure> {
    let mut topology = wiring::topology(config, &global.processors).map_err(Failure::usage)?;
    let registry = formats::registry(config, Retries::None)?;
    check_flags(global, args).map_err(Failure::usage)?;
    let instance = Instance::claim(global.state_dir.as_deref()).map_err(Failure::usage)?;
    let reasons: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let kinds: Vec<&str> = EventClass::ALL.iter().map(|class| class.as_str()).collect();
    let metrics = Metrics::new(&Labels {
        dead_letter_reasons: &reasons,
        event_kinds: &kinds,
        rules: &folds::rules(),
        counters: &folds::counters(),
        listed_queues: &config.folds.prometheus_queues,
    })?;
    if let Some(folder) = &global.state_dir {
        metrics.watch_disk(folder);
    }
    let names = worker_names(usize::from(args.workers));
    let health = Health::new(names.clone());
    let served = (&metrics, &health);
    let web = serving::start(global.http, args, &instance.name, served, stop, &config.folds)
        .map_err(Failure::usage)?;

    if registry.is_some() {
        names.iter().for_each(|name| health.set_worker(name, false, "asking the schema registry"));
    }
    let known = formats::outputs::set_formats(&mut topology, config, registry.as_deref(), &metrics, stop)?;
    let Some(outputs_known) = known else { return Ok(None) };
    let reading = formats::inputs::reading(config, registry.as_ref(), outputs_known);
    metrics.schemas_known(outputs_known);
    let source = reading.map(|(decoder, source)| {
        topology.set_decoder(decoder);
        source
    });
    let topology = Arc::new(topology);
    let client = kafka::client(global)?;
    let shares = memory::share_out(args.memory, args.workers, global.state_dir.is_some());
    let Some(metadata) = cluster(&client, global, config, args, stop)? else { return Ok(None) };
    let cluster_id = kafka::wait_for_cluster_id(&client, &|| stop.is_requested())?;
    let Some(cluster_id) = cluster_id else { return Ok(None) };
    let described = topics::require(&client, config, &metadata)?;
    let settings =
        Settings { advertised: web.advertised, ..settings(global, args, config, (&instance.name, shares))? };
    let letters = described.get(config.name_of(Role::DeadLetters));
    topology.limit_letters(rules::largest_record(letters).min(settings.record_bytes_max()));
    let shared = Shared {
        settings,
        partitions: partitions(config, &metadata)?,
        outputs: outputs(&topology, &metadata)?,
        topology,
        limits: config.limits.clone(),
        stores: stores(&cluster_id, global, shares, config, &metadata, &metrics)?,
        inputs: config.exact_inputs().into_iter().map(str::to_owned).collect(),
        patterns: patterns(config),
        schemas: Schemas::new(source),
        metrics: metrics.clone(),
        health: health.clone(),
        stop: stop.clone(),
        queries: web.queries,
        peers: web.peers,
        consumed: consumed(&client),
        leaving: Arc::default(),
    };
    for topic in config.published() {
        metrics.declare_topic(topic);
    }
    metrics.declare_topic(config.name_of(Role::Changelog));
    metrics.declare_topic(config.name_of(Role::Repartition));
    let pipeline = Pipeline::start(shared, usize::from(args.workers), usize::from(args.standbys))?;
    Ok(Some(Running { pipeline, url: web.url, http: web.http, _instance: instance }))
}

/// Tracks consumed records of the repartition topic for deletion; `None` when the client cannot delete records.
fn consumed(client: &rdkafka::ClientConfig) -> Option<Consumed> {
    match kafka::security::check_admin(client) {
        Ok(()) => Some(Consumed::default()),
        Err(_) => {
            tracing::info!(
                "clients with a token cannot delete records: consumed records of the repartition topic are removed by its retention"
            );
            None
        }
    }
}

/// Checks incompatible flags.
pub fn check_flags(global: &Global, args: &RunArgs) -> anyhow::Result<()> {
    if args.membership == MembershipFlag::Static && global.state_dir.is_none() {
        bail!("--membership static needs --state-dir, which keeps the instance's name over restarts");
    }
    let least = memory::least(args.workers);
    if args.memory < least {
        bail!("--memory is too little for {} worker(s): give at least {}MiB", args.workers, least >> 20);
    }
    if args.membership == MembershipFlag::Broker && args.standbys > 0 {
        bail!(
            "--standbys does not work with --membership broker, whose clients cannot list the group's members: give --membership \
             classic or static"
        );
    }
    Ok(())
}

/// The cluster's metadata, once all topics exist.
fn cluster(
    client: &rdkafka::ClientConfig,
    global: &Global,
    config: &Config,
    args: &RunArgs,
    stop: &Stop,
) -> Result<Option<Metadata>, Failure> {
    let stopped = || stop.is_requested();
    let Some(metadata) = kafka::wait_for_cluster(client, &global.bootstrap, &stopped)? else {
        return Ok(None);
    };
    let missing = topics::missing(config, &metadata);
    if missing.is_empty() {
        return Ok(Some(metadata));
    }
    topics::check_rights(client, &missing)?;
    if args.no_create_topics {
        let problem = anyhow!(
            "missing topics at {}: {}; create them with `cx-timelines topics apply`, or leave out --no-create-topics",
            global.bootstrap,
            missing.join(", ")
        );
        return Err(Failure::usage(problem));
    }
    topics::create_missing(client, config, &metadata, -1)?;
    tracing::info!("created topics: {}", missing.join(", "));
    // New topics take a moment to reach all brokers.
    while !stopped() {
        let Some(metadata) = kafka::wait_for_cluster(client, &global.bootstrap, &stopped)? else {
            return Ok(None);
        };
        if topics::missing(config, &metadata).is_empty() {
            return Ok(Some(metadata));
        }
        std::thread::sleep(WATCH_INTERVAL);
    }
    Ok(None)
}

/// The stores of this process, bound to this cluster, group and partition count.
fn stores(
    cluster: &str,
    global: &Global,
    shares: Shares,
    config: &Config,
    metadata: &Metadata,
    metrics: &Metrics,
) -> Result<Stores, Failure> {
    let changelog = config.name_of(Role::Changelog);
    let partitions = partitions(config, metadata)?;
    let removals_known = config.removals_known(Role::Changelog);
    let origin = Origin { cluster, group: &global.group, changelog, partitions, removals_known };
    state::stores(global.state_dir.as_deref(), shares.state_bytes, &origin, metrics).map_err(Failure::usage)
}

fn settings(
    global: &Global,
    args: &RunArgs,
    config: &Config,
    (instance, shares): (&str, Shares),
) -> Result<Settings, Failure> {
    Ok(Settings {
        bootstrap: global.bootstrap.clone(),
        group: global.group.clone(),
        instance: instance.to_owned(),
        overrides: Overrides(kafka::properties(global)?),
        commit_interval: Duration::from_millis(config.commit.interval_ms),
        commit_bytes_max: config.commit.bytes_max.min(shares.staged_bytes),
        queues: shares.queues,
        transaction_timeout: Duration::from_millis(config.transaction_timeout_ms),
        membership: match args.membership {
            MembershipFlag::Classic => Membership::Classic,
            MembershipFlag::Static => Membership::Static,
            MembershipFlag::Broker => Membership::Broker,
        },
        advertised: None,
    })
}

fn patterns(config: &Config) -> Patterns {
    let names = config.topics.iter().filter_map(|topic| match &topic.name {
        TopicName::Pattern(pattern) => Some(pattern.clone()),
        TopicName::Exact(_) => None,
    });
    let names: Vec<regex::Regex> = names.collect();
    let conversation_of = move |topic: &str| {
        names.iter().find_map(|name| Some(name.captures(topic)?.name("conversation")?.as_str().to_owned()))
    };
    Patterns {
        subscriptions: config.subscriptions(),
        conversation_of: Arc::new(conversation_of),
        erasures: config.erasures().map(str::to_owned),
    }
}

/// The partition count of the input. Co-partitioned topics have the same count.
pub fn partitions(config: &Config, metadata: &Metadata) -> Result<i32, Failure> {
    let count = |name: &str| kafka::partitions(metadata, name).unwrap_or(0);
    let input = config.name_of(Role::Input);
    let wanted = count(input);
    for role in [Role::Changelog, Role::Repartition] {
        let name = config.name_of(role);
        if count(name) != wanted {
            return Err(Failure::usage(anyhow!(
                "topic {name} has {} partitions and {input} has {wanted}: they need the same number. Were partitions \
                 added to the input? State cannot follow; begin with a new --group, which reads all input again",
                count(name)
            )));
        }
    }
    Ok(wanted)
}

fn outputs(topology: &Topology, metadata: &Metadata) -> Result<OutputTopics, Failure> {
    let mut topics = Vec::new();
    for name in topology.topics() {
        let partitions = kafka::partitions(metadata, name)
            .with_context(|| format!("topic {name} does not exist; run `cx-timelines topics apply`"))
            .map_err(Failure::usage)?;
        topics.push((name.clone(), partitions));
    }
    Ok(OutputTopics::new(topics))
}
