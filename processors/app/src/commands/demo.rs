//! `demo`: a temporary broker, generated conversations, the pipeline and the growing timelines, on a machine with nothing but
//! the toolchain.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::load::Loader;
use super::run;
use super::tail::{Plan, Tail};
use crate::cli::security::SecurityArgs;
use crate::cli::{DemoArgs, Global, RunArgs, WebArgs};
use crate::clock::now_ms;
use crate::config::Config;
use crate::exit::Failure;
use crate::records::InputLine;
use crate::topics;
use crate::trial::{self, Conversations, Kafka, Options, Planned, Roster, Size};
use crate::{kafka, signals};

/// The number of concurrent conversations.
const AT_A_TIME: usize = 8;
/// With `--exit`, the demo ends after this time without output.
const QUIET: Duration = Duration::from_secs(3);

/// Plays until Ctrl-C.
pub fn run(global: &Global, args: &DemoArgs, config: &Config) -> Result<(), Failure> {
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    let broker = Broker::start(config)?;
    let global = Global {
        bootstrap: broker.address(),
        http: global.http.or(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))),
        state_dir: None,
        // Temporary data needs no protection.
        security: SecurityArgs::default(),
        ..global.clone()
    };
    let result = play(&global, args, config, &broker, &stop);
    stop.request();
    broker.stop();
    result
}

fn play(
    global: &Global,
    args: &DemoArgs,
    config: &Config,
    broker: &Broker,
    stop: &Stop,
) -> Result<(), Failure> {
    let client = kafka::client(global)?;
    let Some(metadata) = prepare(&client, global, config, broker, stop)? else { return Ok(()) };
    // The texts are generated, so they may be shown.
    let web = WebArgs { show_text: true, ..WebArgs::default() };
    let run_args = RunArgs { no_create_topics: !broker.has_admin(), web, ..RunArgs::default() };
    let Some(running) = run::start(global, &run_args, config, stop)? else { return Ok(()) };
    explain(&global.bootstrap, &running.url, broker);
    let mut tail = Tail::new(&client, &metadata, Plan::all_timelines(config)?, config)?;
    let played = std::thread::scope(|scope| {
        let player = scope.spawn(|| play_conversations(&client, config, &metadata, args, stop));
        let mut quiet_since = Instant::now();
        while !stop.is_requested() {
            running.pipeline.watch(Duration::ZERO)?;
            if tail.print_some(u64::MAX)? > 0 || !player.is_finished() {
                quiet_since = Instant::now();
            }
            if args.exit && quiet_since.elapsed() > QUIET {
                stop.request();
            }
        }
        player.join().map_err(|_| anyhow!("the player panicked"))?
    });
    running.end()?;
    played
}

fn prepare(
    client: &ClientConfig,
    global: &Global,
    config: &Config,
    broker: &Broker,
    stop: &Stop,
) -> Result<Option<Metadata>, Failure> {
    let stopped = || stop.is_requested();
    loop {
        let Some(metadata) = kafka::wait_for_cluster(client, &global.bootstrap, &stopped)? else {
            return Ok(None);
        };
        if topics::missing(config, &metadata).is_empty() {
            return Ok(Some(metadata));
        }
        if broker.has_admin() {
            topics::create_missing(client, config, &metadata, 1)?;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn explain(bootstrap: &str, url: &str, broker: &Broker) {
    anstream::eprintln!(
        "\n  broker    {bootstrap}  ({})\n  live page {url}/\n  metrics   {url}/metrics\n  look      kcat -b {bootstrap} -t cx.activities -C \
         -X isolation.level=read_committed -f '%k %s\\n'\n            cx-timelines tail --bootstrap {bootstrap} --from-beginning\n  \
         stop      Ctrl-C\n",
        broker.name()
    );
}

/// Several conversations at a time, in event order, at the requested rate.
fn play_conversations(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
    args: &DemoArgs,
    stop: &Stop,
) -> Result<(), Failure> {
    let options = Options {
        seed: args.seed,
        start_ms: now_ms(),
        size: Size::Slim,
        session_keyed: false,
        ..Options::default()
    };
    let limit = if args.conversations == 0 { usize::MAX } else { usize::try_from(args.conversations)? };
    let mut coming = Conversations::new(options).take(limit);
    let mut open: BinaryHeap<Reverse<Next>> = BinaryHeap::new();
    let mut loader = Loader::new(client, config, metadata, stop.clone())?;
    let mut roster = Roster::new();
    let agent_states = config.agent_states().first().map(|topic| (*topic).to_owned());
    let begun = Instant::now();
    while !stop.is_requested() {
        while open.len() < AT_A_TIME
            && let Some(conversation) = coming.next()
        {
            open.extend(Next::of(conversation.into_iter()));
        }
        let Some(Reverse(Next { event, rest, .. })) = open.pop() else { break };
        if let Some(topic) = &agent_states {
            for state in roster.follow(&event) {
                let (topic, value) = (Some(topic.clone()), Some(state.value.into_bytes()));
                loader.send(&InputLine { topic, value, ..InputLine::default() })?;
            }
        }
        loader.send(&InputLine { value: Some(event.value.into_bytes()), ..InputLine::default() })?;
        open.extend(Next::of(rest));
        let due = begun
            + Duration::from_secs(1).mul_f64(f64::from(u32::try_from(loader.sent)?) / f64::from(args.rate));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    loader.finish()
}

/// A conversation ordered by its next event.
struct Next {
    at_ms: i64,
    event: Planned,
    rest: std::vec::IntoIter<Planned>,
}

impl Next {
    fn of(mut rest: std::vec::IntoIter<Planned>) -> Option<Reverse<Self>> {
        let event = rest.next()?;
        Some(Reverse(Self { at_ms: event.at_ms, event, rest }))
    }

    fn order(&self) -> (i64, &str) {
        (self.at_ms, &self.event.value)
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// The demo's broker.
enum Broker {
    Kafka(Box<Kafka>),
    Mock(MockCluster<'static, DefaultProducerContext>),
}

impl Broker {
    fn start(config: &Config) -> Result<Self, Failure> {
        if let Err(missing) = trial::kafka::available() {
            anstream::eprintln!(
                "{missing}\n\nWithout it the demo runs on the Kafka client's mock cluster: timelines grow, but transactions have no \
                 effect there (no exactly-once), it holds little data, and topics cannot be checked."
            );
            return Self::mock(config);
        }
        let kafka =
            Kafka::start(trial::kafka::Options::default(), &mut |step| anstream::eprintln!("{step}"))?;
        Ok(Self::Kafka(Box::new(kafka)))
    }

    fn mock(config: &Config) -> Result<Self, Failure> {
        let cluster = MockCluster::new(1)?;
        for topic in config.topics.iter().filter_map(crate::config::Topic::exact) {
            cluster.create_topic(topic, 4, 1)?;
        }
        Ok(Self::Mock(cluster))
    }

    fn address(&self) -> String {
        match self {
            Broker::Kafka(kafka) => kafka.bootstrap().to_owned(),
            Broker::Mock(cluster) => cluster.bootstrap_servers(),
        }
    }

    fn name(&self) -> String {
        match self {
            Broker::Kafka(_) => format!("Apache Kafka {}, removed at the end", trial::kafka::VERSION),
            Broker::Mock(_) => "mock cluster: no exactly-once".to_owned(),
        }
    }

    fn has_admin(&self) -> bool {
        matches!(self, Broker::Kafka(_))
    }

    fn stop(self) {
        if let Broker::Kafka(kafka) = self {
            kafka.stop();
        }
    }
}
