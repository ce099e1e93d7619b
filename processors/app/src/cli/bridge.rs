// SPDX-License-Identifier: Apache-2.0

//! Flags of `bridge`.

use std::path::PathBuf;

use bridge::broker::Address;
use clap::Args;

/// The variable of the password.
pub const PASSWORD: &str = "CX_ACTIVEMQ_PASSWORD";

/// Flags of `bridge`.
#[derive(Debug, Clone, Args)]
pub struct BridgeArgs {
    /// ActiveMQ's AMQP connector: amqp://HOST:PORT, or amqps:// for TLS.
    ///
    /// Several with commas are tried in turn.
    #[arg(
        long,
        env = "CX_ACTIVEMQ",
        default_value = "amqp://127.0.0.1:5672",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub activemq: Vec<Address>,
    /// JMS topics, with durable subscriptions; several with commas.
    ///
    /// Wildcards as the broker has them: `>` and `*` in ActiveMQ Classic, `#` and `*` in Artemis. Default, unless --queue is given:
    /// the topics of ExpertFlow CX, conversation-topic and STATE_CHANNEL.
    #[arg(long = "topic", env = "CX_BRIDGE_TOPICS", value_delimiter = ',', value_name = "NAME", value_parser = destination)]
    pub topics: Vec<String>,
    /// JMS queues; several with commas.
    #[arg(long = "queue", env = "CX_BRIDGE_QUEUES", value_delimiter = ',', value_name = "NAME", value_parser = destination)]
    pub queues: Vec<String>,
    /// The JMS client id; it names the durable subscriptions.
    #[arg(long, env = "CX_BRIDGE_CLIENT_ID", default_value = "cx-timelines-bridge", value_name = "NAME")]
    pub client_id: String,
    /// Print the waiting messages as records; send and accept none.
    ///
    /// It subscribes as the bridge does, so the broker keeps messages for the durable subscriptions from then on.
    #[arg(long)]
    pub dry_run: bool,
    /// The maximum of unsettled messages of each topic or queue.
    #[arg(
        long,
        env = "CX_BRIDGE_MAX_IN_FLIGHT",
        default_value_t = 500,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        hide_short_help = true
    )]
    pub max_in_flight: u32,
    /// The timeout of the first connection, in seconds.
    #[arg(
        long,
        env = "CX_BRIDGE_CONNECT_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3_600),
        hide_short_help = true
    )]
    pub connect_timeout: u32,
    /// A connection without any sign of the broker for so many seconds is replaced.
    #[arg(
        long,
        env = "CX_BRIDGE_IDLE_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(2..=3_600),
        hide_short_help = true
    )]
    pub idle_timeout: u32,
    /// How it authenticates. Last, because its heading applies to everything after it.
    #[command(flatten)]
    pub security: ActiveMqArgs,
}

/// Security flags for ActiveMQ. The password comes from a file or the environment.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "ActiveMQ security")]
pub struct ActiveMqArgs {
    /// The user. The password comes from CX_ACTIVEMQ_PASSWORD or --activemq-password-file.
    #[arg(long, env = "CX_ACTIVEMQ_USER", value_name = "NAME", hide_short_help = true)]
    pub activemq_user: Option<String>,
    /// A file with the user's password.
    #[arg(long, env = "CX_ACTIVEMQ_PASSWORD_FILE", value_name = "FILE", hide_short_help = true)]
    pub activemq_password_file: Option<PathBuf>,
    /// A PEM file with trusted CA certificates; default: the system's.
    #[arg(long, env = "CX_ACTIVEMQ_CA", value_name = "FILE", hide_short_help = true)]
    pub activemq_ca: Option<PathBuf>,
    /// A PEM file with the client certificate and its chain, for mutual TLS.
    #[arg(
        long,
        env = "CX_ACTIVEMQ_CERT",
        value_name = "FILE",
        requires = "activemq_key",
        hide_short_help = true
    )]
    pub activemq_cert: Option<PathBuf>,
    /// A PEM file with the client certificate's private key.
    #[arg(
        long,
        env = "CX_ACTIVEMQ_KEY",
        value_name = "FILE",
        requires = "activemq_cert",
        hide_short_help = true
    )]
    pub activemq_key: Option<PathBuf>,
}

/// The name of a topic or queue. Options after `?` would change the subscription.
fn destination(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['?', '\n']) || name.contains("://") {
        return Err(
            "write the bare name of a JMS topic or queue, without topic:// and without options".to_owned()
        );
    }
    Ok(name.to_owned())
}
