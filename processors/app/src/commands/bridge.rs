// SPDX-License-Identifier: Apache-2.0

//! `bridge`: from JMS topics and queues of ActiveMQ to the input topics, until it is stopped.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bridge::route::{Rules, Topic};
use bridge::{Destination, DryRunError, Encode, Ended, Figures, Outbox, Security, Settings, Tools};
use edge::Stop;
use edge::health::Health;
use rdkafka::metadata::Metadata;

use crate::cli::Global;
use crate::cli::bridge::{ActiveMqArgs, BridgeArgs, PASSWORD};
use crate::config::Config;
use crate::exit::Failure;
use crate::formats::inputs::Writer;
use crate::{kafka, signals, topics};

/// The default address of metrics and health; `run` has the port before.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9465);
/// The topics of ExpertFlow CX: conversations' events, and the routing engine's states of agents.
const TOPICS: [&str; 2] = ["conversation-topic", "STATE_CHANNEL"];

/// Runs until a signal.
pub fn run(global: &Global, args: &BridgeArgs, config: &Config) -> Result<(), Failure> {
    let security = security(&args.security, &|name| std::env::var(name).ok()).map_err(Failure::usage)?;
    warn_of_openness(args, &security);
    let stop = Stop::default();
    signals::listen(stop.clone())?;
    let client = kafka::client(global)?;
    let metadata = topics::reach(&client, global)?;
    let settings = settings(args, security, rules(config, &metadata)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if args.dry_run {
        return preview(&runtime, &settings, &stop);
    }
    let figures = Arc::new(Figures::new()?);
    let health = Health::new(["activemq"]);
    let listener = edge::http::bind(global.http.unwrap_or(HTTP)).map_err(Failure::usage)?;
    let http = edge::http::spawn_routes(listener, bridge::routes(Arc::clone(&figures), &health))?;
    tracing::info!("metrics and health at http://{}/", http.address());
    let encode = Formats { writer: Writer::open(config)? };
    encode.check(&settings.rules)?;
    let tools = Tools {
        outbox: &|| Outbox::open(&client),
        encode: &encode,
        figures: &figures,
        health: &health,
        stop: &stop,
    };
    let ended = runtime.block_on(bridge::run(&settings, &tools));
    http.stop();
    ended.map_err(|ended| match ended {
        Ended::NeverConnected(failure) if failure.is_final() => Failure::usage(failure),
        other => Failure::from(other),
    })?;
    tracing::info!("stopped");
    Ok(())
}

fn preview(runtime: &tokio::runtime::Runtime, settings: &Settings, stop: &Stop) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let shown = runtime.block_on(bridge::dry_run(settings, stop, &mut out)).map_err(|error| match error {
        DryRunError::Broker(failure) if failure.is_final() => Failure::usage(failure),
        DryRunError::Output(error) => Failure::from(error),
        other => Failure::from(other),
    })?;
    out.flush()?;
    tracing::info!("{shown} messages wait; none was sent or accepted");
    Ok(())
}

/// Values as their topics want them.
struct Formats<'c> {
    writer: Writer<'c>,
}

impl Formats<'_> {
    /// Asks the registry for the schemas of Avro topics, so that no message has to wait for it.
    fn check(&self, rules: &Rules) -> anyhow::Result<()> {
        for topic in [Some(&rules.events), rules.agent_states.as_ref()].into_iter().flatten() {
            self.writer.value(&topic.name, b"")?;
        }
        Ok(())
    }
}

impl Encode for Formats<'_> {
    fn encode(&self, topic: &str, json: &[u8]) -> Option<Vec<u8>> {
        self.writer.value(topic, json).unwrap_or_else(|error| {
            // The schema's id is known since the start.
            tracing::warn!("{error:#}; a message goes to {topic} unchanged");
            None
        })
    }
}

fn settings(args: &BridgeArgs, security: Security, rules: Rules) -> Settings {
    let mut topics = args.topics.clone();
    if topics.is_empty() && args.queues.is_empty() {
        topics = TOPICS.map(str::to_owned).into();
    }
    let queues = args.queues.iter().cloned().map(Destination::Queue);
    let mut destinations: Vec<Destination> =
        topics.into_iter().map(Destination::Topic).chain(queues).collect();
    let mut seen = std::collections::BTreeSet::new();
    destinations.retain(|destination| seen.insert(destination.to_string()));
    Settings {
        brokers: args.activemq.clone(),
        security,
        client_id: args.client_id.clone(),
        destinations,
        in_flight_max: args.max_in_flight,
        connect_timeout: Duration::from_secs(args.connect_timeout.into()),
        idle_timeout: Duration::from_secs(args.idle_timeout.into()),
        rules,
    }
}

/// The topics on Kafka that messages go to: the first of each role that has a name.
fn rules(config: &Config, metadata: &Metadata) -> Result<Rules, Failure> {
    let topic = |name: &str| -> Result<Topic, Failure> {
        let partitions = kafka::partitions(metadata, name)
            .ok_or_else(|| Failure::usage(anyhow!(topics::no_such_topic(config, name))))?;
        Ok(Topic { name: name.to_owned(), partitions })
    };
    let events = config.exact_inputs().first().copied().unwrap_or_default();
    let agent_states = config.agent_states().first().map(|name| topic(name)).transpose()?;
    Ok(Rules { events: topic(events)?, agent_states, limits: config.limits.clone() })
}

/// User, password and certificates.
fn security(args: &ActiveMqArgs, variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Security> {
    let file = args.activemq_password_file.as_deref();
    let value = variable(PASSWORD).filter(|password| !password.is_empty());
    let password = match (file, value) {
        (Some(_), Some(_)) => bail!("both --activemq-password-file and {PASSWORD} are given: leave one out"),
        (Some(file), None) => Some(kafka::security::secret("--activemq-password-file", file)?),
        (None, value) => value,
    };
    let user = match (&args.activemq_user, password) {
        (Some(user), Some(password)) => Some((user.clone(), password)),
        (Some(_), None) => {
            bail!(
                "--activemq-user needs a password: put it into {PASSWORD}, or name a file by --activemq-password-file"
            )
        }
        (None, Some(_)) if file.is_some() => {
            bail!("--activemq-password-file has no effect without --activemq-user")
        }
        // A variable that is not needed may be meant for another program.
        (None, _) => None,
    };
    for (flag, file) in [
        ("--activemq-ca", &args.activemq_ca),
        ("--activemq-cert", &args.activemq_cert),
        ("--activemq-key", &args.activemq_key),
    ] {
        if let Some(file) = file {
            std::fs::File::open(file).with_context(|| format!("{flag} {} cannot be read", file.display()))?;
        }
    }
    let certificate = args.activemq_cert.clone().zip(args.activemq_key.clone());
    Ok(Security { user, ca: args.activemq_ca.clone(), certificate })
}

fn warn_of_openness(args: &BridgeArgs, security: &Security) {
    let is_open = |address: &&bridge::broker::Address| {
        !address.tls && !matches!(address.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    };
    if security.user.is_some()
        && let Some(address) = args.activemq.iter().find(is_open)
    {
        tracing::warn!("the password is sent to {address} without encryption: use amqps://");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn args(user: Option<&str>, file: Option<&Path>) -> ActiveMqArgs {
        ActiveMqArgs {
            activemq_user: user.map(str::to_owned),
            activemq_password_file: file.map(Path::to_owned),
            ..ActiveMqArgs::default()
        }
    }

    #[test]
    fn a_password_comes_from_the_environment_or_a_file_but_not_from_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "geheim\n").unwrap();
        let set = |_: &str| Some("other".to_owned());
        let unset = |_: &str| None;
        let user = |secured: Security| secured.user.map(|(_, password)| password);
        assert_eq!(
            user(security(&args(Some("cx"), Some(&file)), &unset).unwrap()).as_deref(),
            Some("geheim")
        );
        assert_eq!(user(security(&args(Some("cx"), None), &set).unwrap()).as_deref(), Some("other"));
        assert_eq!(user(security(&args(None, None), &set).unwrap()), None);
        for (given, variable) in [
            (args(Some("cx"), Some(&file)), &set as &dyn Fn(&str) -> Option<String>),
            (args(Some("cx"), None), &unset),
            (args(None, Some(&file)), &unset),
            (args(Some("cx"), Some(Path::new("/nowhere/at/all"))), &unset),
        ] {
            let refused = security(&given, variable).unwrap_err().to_string();
            assert!(refused.contains("--activemq-") && !refused.contains("geheim"), "{refused}");
        }
    }
}
