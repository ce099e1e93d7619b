// SPDX-License-Identifier: Apache-2.0

//! The command line: flags and their values. Each command has its own type.

pub mod bench;
pub mod bridge;
pub mod dead_letters;
pub mod generate;
pub mod help;
pub mod security;
pub mod strimzi;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use self::bridge::BridgeArgs;
use crate::config::units;
use crate::memory;
use bench::BenchArgs;
use dead_letters::DeadLettersCommand;
use generate::GenerateCommand;
use security::SecurityArgs;

/// Folds contact-centre events into timelines and figures, exactly once, on Kafka.
#[derive(Debug, Parser)]
#[command(name = "cx-timelines", version, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    /// Flags that all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that all commands share.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The brokers, several with commas.
    #[arg(long, global = true, env = "CX_BOOTSTRAP", default_value = "127.0.0.1:9092", value_name = "HOST:PORT", value_parser = bootstrap)]
    pub bootstrap: String,
    /// The topics and processors; default: topics.yaml here, else the one built in.
    #[arg(long, global = true, env = "CX_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The consumer group.
    ///
    /// It is also the first part of the names of the changelog and the repartition topic.
    #[arg(long, global = true, env = "CX_GROUP", default_value = "cx-timelines", value_name = "NAME", value_parser = group)]
    pub group: String,
    /// The directory for an instance's name and state; a restart continues from it at once.
    #[arg(long, global = true, env = "CX_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// The address of the live page, /api, /metrics and /health; port 0 picks a free port.
    ///
    /// Default: 127.0.0.1:9464 for `run`, 127.0.0.1:9465 for `bridge`, a free port for `demo`.
    #[arg(long, global = true, env = "CX_HTTP", value_name = "ADDR:PORT")]
    pub http: Option<SocketAddr>,
    /// Only these processors, with commas.
    #[arg(long, global = true, env = "CX_PROCESSORS", value_delimiter = ',', value_name = "A,B")]
    pub processors: Vec<String>,
    /// Log more; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Log errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// The format of log lines.
    #[arg(
        long,
        global = true,
        env = "CX_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT",
        help_heading = ADVANCED,
        hide_short_help = true
    )]
    pub log_format: LogFormat,
    /// A librdkafka property for every client; may be given several times.
    #[arg(long = "kafka", global = true, value_name = "KEY=VALUE", value_parser = property, help_heading = ADVANCED, hide_short_help = true)]
    pub kafka: Vec<(String, String)>,
    /// A file of librdkafka properties, one KEY=VALUE per line; the place for secrets.
    #[arg(long, global = true, env = "CX_KAFKA_PROPERTIES", value_name = "FILE", help_heading = ADVANCED, hide_short_help = true)]
    pub kafka_properties: Option<PathBuf>,
    /// The schema registry's URL with the path of its API, several nodes with commas.
    ///
    /// It overrides `schema_registry.url` in topics.yaml.
    #[arg(long, global = true, env = "CX_SCHEMA_REGISTRY", value_name = "URL", help_heading = ADVANCED, hide_short_help = true)]
    pub schema_registry: Option<String>,
    /// How clients connect to the brokers and authenticate. Last, because its heading applies to everything after it.
    #[command(flatten)]
    pub security: SecurityArgs,
}

/// The heading of the flags that few users need; `-h` leaves them out.
pub(crate) const ADVANCED: &str = "Advanced";

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline until it is stopped (SIGTERM, Ctrl-C).
    Run(RunArgs),
    /// Try it all: a temporary broker, generated conversations.
    Demo(DemoArgs),
    /// Print a conversation: summary, timeline, activities.
    Show(ShowArgs),
    /// Print timelines as they grow, or the records of a topic.
    Tail(TailArgs),
    /// Print a conversation as it was, as known at a time.
    AsOf(AsOfArgs),
    /// Print what a record of cx.metrics is made of.
    Explain(ExplainArgs),
    /// Write topics to Parquet files, or bring them up to date.
    Export(ExportArgs),
    /// Produce a file of events into the input topic.
    Load(LoadArgs),
    /// Take events from ActiveMQ (JMS) into the input topics.
    Bridge(BridgeArgs),
    /// Fold a file of events without Kafka; print the records.
    Fold(FoldArgs),
    /// Check all that `run` needs; print problems with remedies.
    ///
    /// It takes the flags of `run`.
    Doctor(DoctorArgs),
    /// Create the declared topics, or compare the cluster's.
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Compare the schemas with the registry's, or register them.
    #[command(subcommand)]
    Schemas(SchemasCommand),
    /// Print documents and code made of the topics and schemas.
    #[command(subcommand)]
    Generate(GenerateCommand),
    /// Print the commands that grant the ACLs for a purpose.
    Acls(AclsArgs),
    /// List, show and replay dead letters.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Erase conversations everywhere, or show what is left.
    Erase(EraseArgs),
    /// Reset the group: the next `run` reads all input again.
    Reset(ResetArgs),
    /// Load-test the pipeline: throughput, cost and latency.
    Bench(BenchArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them.
    Man(ManArgs),
}

/// Flags of `run`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunArgs {
    /// Worker threads, each with its own consumer and producer.
    #[arg(long, env = "CX_WORKERS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
    /// The memory limit of the process.
    ///
    /// At least 104MiB, plus 24MiB for each further worker. About a third is for state in --state-dir; without that flag the state
    /// is in memory and not limited.
    #[arg(long, env = "CX_MEMORY", default_value = memory::DEFAULT, value_name = "SIZE", value_parser = size)]
    pub memory: u64,
    /// Do not create missing declared topics; stop instead.
    #[arg(long, env = "CX_NO_CREATE_TOPICS", value_parser = clap::builder::BoolishValueParser::new())]
    pub no_create_topics: bool,
    /// How many other instances keep a standby copy of each partition's state.
    ///
    /// They take a partition over without a restore.
    #[arg(
        long,
        env = "CX_STANDBYS",
        default_value_t = 0,
        value_name = "N",
        value_parser = clap::value_parser!(u8).range(0..=16),
        help_heading = ADVANCED,
        hide_short_help = true
    )]
    pub standbys: u8,
    /// The group protocol.
    #[arg(
        long,
        env = "CX_MEMBERSHIP",
        value_enum,
        default_value_t = MembershipFlag::Classic,
        value_name = "PROTOCOL",
        help_heading = ADVANCED,
        hide_short_help = true
    )]
    pub membership: MembershipFlag,
    /// The URL of an OpenTelemetry collector (OTLP over HTTP with protobuf).
    ///
    /// Spans cover commits, restores, rebalances and requests, never single events. /v1/traces is appended.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        hide_env_values = true,
        value_name = "URL",
        value_parser = collector,
        help_heading = ADVANCED,
        hide_short_help = true
    )]
    pub otlp_endpoint: Option<String>,
    /// Stop when the parent process is gone (for `bench`).
    #[arg(long, hide = true)]
    pub ends_with_parent: bool,
    /// HTTP settings. Last, because its heading applies to everything after it.
    #[command(flatten)]
    pub web: WebArgs,
}

/// HTTP flags of `run`. The token is not a flag: it comes from a file or from CX_HTTP_TOKEN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "HTTP")]
pub struct WebArgs {
    /// Serve only /metrics and /health, without the API and the live page.
    #[arg(long, env = "CX_NO_API", value_parser = clap::builder::BoolishValueParser::new(), hide_short_help = true)]
    pub no_api: bool,
    /// Show message texts in the API and on the page.
    #[arg(long, env = "CX_SHOW_TEXT", value_parser = clap::builder::BoolishValueParser::new(), hide_short_help = true)]
    pub show_text: bool,
    /// A file with the bearer token that clients of /api must send; CX_HTTP_TOKEN does the same.
    #[arg(long, env = "CX_HTTP_TOKEN_FILE", value_name = "FILE", hide_short_help = true)]
    pub http_token_file: Option<PathBuf>,
    /// Serve the API without a token although --http is not a loopback address, because access is controlled elsewhere.
    #[arg(long, env = "CX_HTTP_OPEN", value_parser = clap::builder::BoolishValueParser::new(), hide_short_help = true)]
    pub http_open: bool,
    /// A PEM file with the certificate chain for HTTPS.
    #[arg(
        long,
        env = "CX_HTTP_TLS_CERT",
        value_name = "FILE",
        requires = "http_tls_key",
        hide_short_help = true
    )]
    pub http_tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key.
    #[arg(
        long,
        env = "CX_HTTP_TLS_KEY",
        value_name = "FILE",
        requires = "http_tls_cert",
        hide_short_help = true
    )]
    pub http_tls_key: Option<PathBuf>,
    /// The address at which clients and other instances reach this instance's API (default: --http, if that is an address).
    #[arg(long, env = "CX_ADVERTISE", value_name = "URL", value_parser = advertised, hide_short_help = true)]
    pub advertise: Option<String>,
}

impl Default for RunArgs {
    fn default() -> Self {
        Self {
            workers: 1,
            membership: MembershipFlag::Classic,
            standbys: 0,
            memory: memory::DEFAULT_MIB << 20,
            ends_with_parent: false,
            no_create_topics: false,
            otlp_endpoint: None,
            web: WebArgs::default(),
        }
    }
}

/// Group protocols.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MembershipFlag {
    /// The classic protocol.
    #[default]
    Classic,
    /// The classic protocol with static membership (KIP-345): an instance that returns in time keeps its partitions; needs
    /// --state-dir, which holds its name.
    Static,
    /// The consumer protocol (KIP-848) of Kafka 4.0 and later.
    Broker,
}

/// Flags of `fold`.
#[derive(Debug, Clone, Args)]
pub struct FoldArgs {
    /// A file of newline-delimited events; `-` is standard input.
    ///
    /// After a first line {"#records":true} each line is a record with its topic, key and timestamp.
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Print every record as it is emitted, not only the last one of each key.
    #[arg(long)]
    pub as_emitted: bool,
    /// Expire records and raise alerts by event time, as `run` does.
    ///
    /// Without this flag nothing expires, and only alerts that an event has resolved are printed.
    #[arg(long)]
    pub expire: bool,
}

/// Flags of `load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// A file of newline-delimited events; `-` is standard input.
    ///
    /// After a first line {"#records":true} each line is a record with its topic, key and timestamp.
    pub file: PathBuf,
    /// The maximum of events per second.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
}

/// Flags of `tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// Topics to print record by record; without any, the timelines and dead letters.
    pub topics: Vec<String>,
    /// Only this conversation.
    #[arg(long, value_name = "ID", conflicts_with = "topics", value_parser = conversation)]
    pub conversation: Option<String>,
    /// Activities instead of timelines.
    #[arg(long, conflicts_with = "topics")]
    pub activities: bool,
    /// Begin with the oldest record.
    #[arg(long)]
    pub from_beginning: bool,
    /// Print {"topic","key","value"} lines, of all output topics unless topics are named.
    ///
    /// Dead letters have their headers, and the value as text.
    #[arg(long)]
    pub json: bool,
    /// Stop after this number of lines.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// Flags of `show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The conversation id, as in the events.
    #[arg(value_parser = conversation)]
    pub conversation: String,
    /// Print one JSON object with the unchanged records.
    ///
    /// {"conversationId","summary","timeline","activities"}
    #[arg(long)]
    pub json: bool,
}

/// Flags of `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The record's key: dimension/id/size/windowStart.
    pub key: String,
    /// Only this figure; without it, all of the record.
    ///
    /// Or a histogram (`histograms.answeredWaitMs`), or one of its counts (`histograms.answeredWaitMs.22`).
    pub figure: Option<String>,
}

/// Flags of `as-of`.
#[derive(Debug, Clone, Args)]
pub struct AsOfArgs {
    /// The conversation id, as in the events.
    #[arg(long, value_name = "ID", value_parser = conversation)]
    pub conversation: String,
    /// Only events up to this time: RFC 3339, or epoch milliseconds.
    ///
    /// A time in seconds, as `show` prints it, includes that whole second.
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub event_time: i64,
    /// Only records ingested up to this time, by their Kafka timestamps.
    ///
    /// Without it, all records.
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub known_at: Option<i64>,
    /// Exit with 0 even if the beginning of the input is gone.
    ///
    /// The answer may be incomplete then.
    #[arg(long, conflicts_with = "file")]
    pub allow_incomplete: bool,
    /// Print one JSON object with the records as they would be.
    ///
    /// {"conversationId","summary","timeline","activities"}
    #[arg(long)]
    pub json: bool,
    /// A file of events, in `fold`'s formats, instead of the input topics; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Flags of `erase`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("whose").required(true).multiple(true).args(["conversations", "customers"]))]
pub struct EraseArgs {
    /// A conversation id; may be given several times.
    #[arg(long = "conversation", value_name = "ID", value_parser = conversation)]
    pub conversations: Vec<String>,
    /// A customer id: all known conversations of this customer; may be given several times.
    #[arg(long = "customer", value_name = "ID", value_parser = customer)]
    pub customers: Vec<String>,
    /// Do not ask for confirmation.
    #[arg(short, long)]
    pub yes: bool,
    /// Only print what would be erased.
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for the pipeline to complete the erasure.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// Erase nothing: print for each topic what can still be read of them.
    ///
    /// Exit code 1 if anything can.
    #[arg(long, conflicts_with_all = ["yes", "dry_run"])]
    pub verify: bool,
    /// Also search every record for this text.
    #[arg(long, value_name = "TEXT", requires = "verify", value_parser = text)]
    pub text: Vec<String>,
    /// Print one JSON object per topic.
    #[arg(long, requires = "verify")]
    pub json: bool,
}

/// Flags of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The directory: created if it is missing, brought up to date if it has an export.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// An output topic; may be given several times [default: all output topics].
    ///
    /// Topics that the directory has already are always brought up to date, so that nothing erased stays in it.
    #[arg(long = "topic", value_name = "TOPIC")]
    pub topics: Vec<String>,
    /// Only records from this time on, by the field that decides their day.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub since: Option<i64>,
    /// Only records up to this time.
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub until: Option<i64>,
    /// The final record of each key, or all versions that the topic still has.
    #[arg(long, value_enum, default_value_t = VersionsFlag::Final, value_name = "WHICH")]
    pub versions: VersionsFlag,
}

/// Versions of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VersionsFlag {
    /// The final record of each key.
    Final,
    /// All versions since the last deletion of the key.
    All,
}

/// Flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Events per second [default: 5; with --conversations 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// Stop after this number of conversations; 0 plays until Ctrl-C.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub conversations: u64,
    /// The same seed plays the same conversations.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Exit once every played event is folded (needs --conversations).
    #[arg(long, requires = "conversations")]
    pub exit: bool,
}

/// Flags of `reset`.
#[derive(Debug, Clone, Args)]
pub struct ResetArgs {
    /// Do not ask for confirmation.
    #[arg(short, long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Only print what would be done. Allowed while instances run.
    #[arg(long)]
    pub dry_run: bool,
    /// Reset even if events were removed by the retention of the input.
    ///
    /// Results of the remaining events overwrite those of all events.
    #[arg(long)]
    pub despite_lost_events: bool,
}

/// Flags of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Also check what requires writing.
    ///
    /// It creates a temporary topic (GROUP-doctor), writes one record to it in a transaction, reads it back and deletes the topic.
    /// This measures the clock difference to the brokers.
    #[arg(long)]
    pub write_probe: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
    /// The flags that `run` will be started with. Last, because of their headings.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `topics apply` and `topics check`.
#[derive(Debug, Clone, Subcommand)]
pub enum TopicsCommand {
    /// Create missing declared topics and report differences; never delete or alter a topic.
    Apply(TopicsArgs),
    /// Only report. Exit code 1 if something is missing or differs.
    Check,
}

/// `schemas check` and `schemas register`.
#[derive(Debug, Clone, Subcommand)]
pub enum SchemasCommand {
    /// Report whether readers of every schema version can read all records.
    ///
    /// Versions are the released and the registered ones. Exit code 1 if some readers cannot.
    Check(SchemasArgs),
    /// Register the schemas of all avro topics, with compatibility FULL_TRANSITIVE.
    Register,
}

/// Flags of `schemas check`.
#[derive(Debug, Clone, Args)]
pub struct SchemasArgs {
    /// Check the schemas in this folder, NAME.avsc, instead of the program's own.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

/// Flags of `topics apply`.
#[derive(Debug, Clone, Args)]
pub struct TopicsArgs {
    /// The replication factor of new topics; -1 is the brokers' default.
    #[arg(long, default_value_t = -1, value_name = "N", allow_negative_numbers = true, value_parser = replication)]
    pub replication: i32,
}

/// Flags of `acls`.
#[derive(Debug, Clone, Args)]
pub struct AclsArgs {
    /// The purpose.
    #[arg(value_enum)]
    pub purpose: Purpose,
    /// The principal, as the brokers know it.
    #[arg(long, value_name = "TYPE:NAME", value_parser = principal)]
    pub principal: String,
}

/// Purposes for which a principal needs ACLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// Run the pipeline on existing topics (`run --no-create-topics`).
    Run,
    /// Create and compare topics (`topics apply`, `topics check`).
    Topics,
    /// Produce events (`load`, and any other producer).
    Load,
    /// Read topics (`show`, `tail`, `as-of`, `export`).
    Look,
    /// Replay dead letters (`dead-letters replay`).
    Replay,
    /// Erase conversations (`erase`).
    Erase,
}

/// Flags of `completions`.
#[derive(Debug, Clone, Copy, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Flags of `man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// The command of the page, for example `dead-letters replay`; without it the program's page.
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Vec<String>,
    /// Write the pages of all commands to this directory, which is created if it is missing.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

fn bootstrap(text: &str) -> Result<String, String> {
    for address in text.split(',') {
        let (host, port) =
            address.rsplit_once(':').ok_or_else(|| format!("{address:?} has no port; write HOST:PORT"))?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(format!("{address:?} has no host; write HOST:PORT"));
        }
        port.parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("{port:?} is no port; a port is a number from 1 to 65535"))?;
    }
    Ok(text.to_owned())
}

fn group(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || text.len() > 200 || !text.chars().all(allowed) {
        return Err(
            "a group is 1 to 200 of the characters a-z A-Z 0-9 . _ - (it is part of a topic's name)".into()
        );
    }
    Ok(text.to_owned())
}

fn principal(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(text.to_owned()),
        _ => Err("write TYPE:NAME, for example User:cx-timelines".to_owned()),
    }
}

fn conversation(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a conversation's id is never empty".to_owned());
    }
    Ok(text.to_owned())
}

fn customer(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a customer's id is never empty".to_owned());
    }
    Ok(text.to_owned())
}

fn text(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("every record holds the empty text".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let ms = units::duration_ms(text)?;
    u64::try_from(ms).map(Duration::from_millis).map_err(|_| "write a time that is not negative".to_owned())
}

/// Parses a point in time to epoch milliseconds.
pub(crate) fn instant(text: &str) -> Result<i64, String> {
    model::parse_time_text(text).ok_or_else(|| {
        "write a time from 2000 to 2100, as 2026-01-31T12:00:00Z or as epoch milliseconds".to_owned()
    })
}

/// The last millisecond of a time: a time in seconds, as it is printed, includes that whole second.
pub(crate) fn until(text: &str) -> Result<i64, String> {
    let at = instant(text)?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let digits = match text.split_once('.') {
        Some((_, fraction)) => fraction.bytes().take_while(u8::is_ascii_digit).count(),
        None => 0,
    };
    Ok(match digits {
        _ if is_number => at,
        0 => at + 999,
        1 => at + 99,
        2 => at + 9,
        _ => at,
    })
}

pub(crate) fn size(text: &str) -> Result<u64, String> {
    units::bytes(text).map(|bytes| bytes as u64)
}

fn advertised(text: &str) -> Result<String, String> {
    let refused = || "write http://HOST:PORT or https://HOST:PORT, without a path".to_owned();
    let url = text.strip_suffix('/').unwrap_or(text);
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).ok_or_else(refused)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if host.is_empty() || !host.chars().all(allowed) { Err(refused()) } else { Ok(url.to_owned()) }
}

fn collector(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match host.map(|rest| rest.split('/').next().unwrap_or_default()) {
        None | Some("") => {
            Err("write http://HOST:PORT or https://HOST:PORT, for example http://127.0.0.1:4318".to_owned())
        }
        Some(host) if host.contains('@') => {
            Err("holds a user or a password: put them into OTEL_EXPORTER_OTLP_HEADERS".to_owned())
        }
        Some(_) => Ok(text.to_owned()),
    }
}

pub(crate) fn replication(text: &str) -> Result<i32, String> {
    let copies =
        text.parse().ok().filter(|copies| *copies == -1 || (1..=i32::from(i16::MAX)).contains(copies));
    copies.ok_or_else(|| "write 1 or more, or -1 for the brokers' default".to_owned())
}

/// Properties that would break the program's guarantees, with the reason.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "use --bootstrap"),
    ("metadata.broker.list", "use --bootstrap"),
    ("group.id", "use --group"),
    ("transactional.id", "it is made of --group and the instance's name"),
    ("transaction.timeout.ms", "use `transaction` in topics.yaml"),
    ("enable.auto.commit", "offsets are committed in transactions"),
    ("enable.auto.offset.store", "offsets are committed in transactions"),
    ("auto.offset.reset", "an event must not be skipped"),
    ("isolation.level", "only committed records may be folded"),
    ("enable.idempotence", "transactions need it"),
    ("acks", "transactions need all"),
    ("request.required.acks", "transactions need all"),
    ("max.in.flight", "transactions set it"),
    ("max.in.flight.requests.per.connection", "transactions set it"),
    ("partitioner", "partitions are chosen as the contract says"),
    ("partition.assignment.strategy", "rebalances are cooperative"),
    ("enable.partition.eof", "the restore needs it"),
    ("message.max.bytes", "a topic's own limit decides"),
    ("delivery.report.only.error", "only a record's offset shows that it was written"),
    ("sasl.oauthbearer.config", "use --kafka-token-file"),
];

/// Checks whether a property may be set.
pub(crate) fn allowed(key: &str) -> Result<(), String> {
    match RESERVED.iter().find(|(reserved, _)| *reserved == key) {
        Some((_, why)) => Err(format!("{key} cannot be set: {why}")),
        None => Ok(()),
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let key = key.trim();
    allowed(key)?;
    if ["password", "secret", "oauthbearer.config", "key.pem"].iter().any(|word| key.contains(word)) {
        return Err(format!(
            "{key} is a secret, which others could read off the command line: put a password into {}, or name a file by \
             --kafka-password-file or --kafka-properties",
            security::PASSWORD
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_without_flags_is_run_as_the_demo_starts_it() {
        let cli = Cli::try_parse_from(["cx-timelines", "run"]).unwrap();
        let Command::Run(args) = cli.command else { panic!("{:?}", cli.command) };
        assert_eq!(args, RunArgs::default());
    }

    #[test]
    fn a_bootstrap_without_a_port_is_refused_with_what_to_write() {
        assert!(bootstrap("localhost").unwrap_err().contains("HOST:PORT"));
        assert!(bootstrap("localhost:0").is_err());
        assert!(bootstrap("localhost:99999").is_err());
        assert!(bootstrap("a:1,b:2").is_ok());
        assert!(bootstrap("[::1]:9092").is_ok());
    }

    #[test]
    fn an_advertised_address_is_a_url_without_a_path() {
        assert_eq!(advertised("http://cx-1.example:9464/").as_deref(), Ok("http://cx-1.example:9464"));
        assert!(advertised("https://[::1]:9464").is_ok());
        for other in ["cx-1:9464", "http://", "http://a@b", "http://a/b", "ftp://a"] {
            assert!(advertised(other).unwrap_err().contains("http://HOST:PORT"), "{other}");
        }
    }

    #[test]
    fn a_time_is_rfc_3339_or_epoch_milliseconds() {
        assert_eq!(instant("2025-06-15T15:06:40Z"), Ok(1_750_000_000_000));
        assert_eq!(instant("1750000000000"), Ok(1_750_000_000_000));
        for other in ["", "yesterday", "2025-06-15", "1750000000"] {
            assert!(instant(other).unwrap_err().contains("epoch milliseconds"), "{other}");
        }
    }

    #[test]
    fn a_time_until_which_something_counts_is_all_of_what_its_digits_name() {
        for (text, last) in [
            ("2025-06-15T15:06:40Z", 1_750_000_000_999),
            ("2025-06-15 15:06:40Z", 1_750_000_000_999),
            ("2025-06-15T17:06:40+02:00", 1_750_000_000_999),
            ("2025-06-15T15:06:40.4Z", 1_750_000_000_499),
            ("2025-06-15T15:06:40.41Z", 1_750_000_000_419),
            ("2025-06-15T15:06:40.412Z", 1_750_000_000_412),
            ("2025-06-15T15:06:40.4129Z", 1_750_000_000_412),
            ("1750000000000", 1_750_000_000_000),
            ("1750000000000.5", 1_750_000_000_000),
        ] {
            assert_eq!(until(text), Ok(last), "{text}");
        }
        assert!(until("1750000000").unwrap_err().contains("epoch milliseconds"));
    }

    #[test]
    fn properties_that_would_break_the_guarantees_are_refused_with_the_reason() {
        for key in ["isolation.level", "enable.auto.commit", "transactional.id", "acks"] {
            assert!(property(&format!("{key}=x")).unwrap_err().contains("cannot be set"), "{key}");
        }
        assert_eq!(property("linger.ms=5").unwrap(), ("linger.ms".to_owned(), "5".to_owned()));
    }

    #[test]
    fn secrets_are_refused_on_the_command_line() {
        assert!(property("sasl.password=x").unwrap_err().contains("--kafka-properties"));
    }
}
