// SPDX-License-Identifier: Apache-2.0

//! `demo`: a temporary broker, generated conversations, the pipeline and the growing timelines, on a machine with nothing but
//! the toolchain.

mod broker;
mod player;
mod steps;
mod words;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use edge::Stop;
use rdkafka::ClientConfig;
use rdkafka::metadata::Metadata;

use self::broker::Broker;
use self::player::Player;
use self::words::Played;
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
use crate::trial::{self, AgentState, Roster};
use crate::{kafka, signals};

/// With `--exit`, the demo ends after this time without output.
const QUIET: Duration = Duration::from_secs(3);
/// Events per second of conversations without an end: about 50 are open at a time.
const RATE: u32 = 5;
/// Events per second of a number of conversations, which are over.
const RATE_OF_NUMBER: u32 = 20;

/// Plays until Ctrl-C.
pub fn run(global: &Global, args: &DemoArgs, config: &Config) -> Result<(), Failure> {
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    anstream::eprintln!("{}", words::before(trial::kafka::is_fetched(), args.conversations == 0));
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
    if let Some(played) = result? {
        anstream::eprintln!("{}", words::after(&played));
    }
    Ok(())
}

/// `None` when a stop was requested before anything was played.
fn play(
    global: &Global,
    args: &DemoArgs,
    config: &Config,
    broker: &Broker,
    stop: &Stop,
) -> Result<Option<Played>, Failure> {
    let client = kafka::client(global)?;
    let Some(metadata) = prepare(&client, global, config, broker, stop)? else { return Ok(None) };
    // The texts are generated, so they may be shown.
    let web = WebArgs { show_text: true, ..WebArgs::default() };
    let run_args = RunArgs { no_create_topics: !broker.has_admin(), web, ..RunArgs::default() };
    let Some(running) = run::start(global, &run_args, config, stop)? else { return Ok(None) };
    anstream::eprintln!("{}", words::during(&running.url, &global.bootstrap, &broker.name()));
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
    played.map(Some)
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

/// Several conversations at a time, in event order, at the requested rate.
fn play_conversations(
    client: &ClientConfig,
    config: &Config,
    metadata: &Metadata,
    args: &DemoArgs,
    stop: &Stop,
) -> Result<Played, Failure> {
    let number = (args.conversations > 0).then_some(args.conversations);
    let rate = args.rate.unwrap_or(if number.is_some() { RATE_OF_NUMBER } else { RATE });
    let mut player = Player::new(args.seed, number, now_ms());
    let mut loader = Loader::new(client, config, metadata, stop.clone())?;
    let mut agents = Agents::of(config);
    let begun = Instant::now();
    let mut ticks = 0_u32;
    while !stop.is_requested() {
        let now_ms = now_ms();
        let Some(event) = player.next(now_ms) else { break };
        agents.follow(&event);
        agents.send(&mut loader, now_ms)?;
        loader.send(&InputLine { value: Some(event.value.into_bytes()), ..InputLine::default() })?;
        ticks = ticks.saturating_add(1);
        let due = begun + Duration::from_secs(1).mul_f64(f64::from(ticks) / f64::from(rate));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    agents.send(&mut loader, now_ms())?;
    let (events, conversations) = (loader.sent, player.begun());
    loader.finish()?;
    Ok(Played { events, conversations, took: begun.elapsed() })
}

/// The states of the agents in the conversations, each sent when it begins.
struct Agents<'c> {
    topic: Option<&'c str>,
    roster: Roster,
    coming: VecDeque<AgentState>,
}

impl<'c> Agents<'c> {
    fn of(config: &'c Config) -> Self {
        let topic = config.agent_states().first().copied();
        Self { topic, roster: Roster::new(), coming: VecDeque::new() }
    }

    fn follow(&mut self, event: &trial::Planned) {
        if self.topic.is_some() {
            self.coming.extend(self.roster.follow(event));
        }
    }

    /// Sends those that have begun.
    fn send(&mut self, loader: &mut Loader<'_>, now_ms: i64) -> Result<(), Failure> {
        while let Some(state) = self.coming.pop_front_if(|state| state.at_ms <= now_ms) {
            let (topic, value) = (self.topic.map(str::to_owned), Some(state.value.into_bytes()));
            loader.send(&InputLine { topic, value, ..InputLine::default() })?;
        }
        Ok(())
    }
}
