// SPDX-License-Identifier: Apache-2.0

//! Flags for authentication and trust of Kafka clients.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The password's variable.
pub const PASSWORD: &str = "CX_KAFKA_PASSWORD";

/// Security flags. Passwords come from a file or the environment.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Kafka security")]
pub struct SecurityArgs {
    /// The security protocol.
    ///
    /// Default: sasl_ssl with --kafka-user or --kafka-token-file, ssl with --kafka-ca or --kafka-cert, else plaintext.
    #[arg(long, global = true, env = "CX_KAFKA_SECURITY", value_name = "PROTOCOL", hide_short_help = true)]
    pub kafka_security: Option<Protocol>,
    /// A PEM file with trusted CA certificates; default: the system's.
    #[arg(long, global = true, env = "CX_KAFKA_CA", value_name = "FILE", hide_short_help = true)]
    pub kafka_ca: Option<PathBuf>,
    /// A PEM file with the client certificate and its chain, for mutual TLS.
    #[arg(long, global = true, env = "CX_KAFKA_CERT", value_name = "FILE", hide_short_help = true)]
    pub kafka_cert: Option<PathBuf>,
    /// A PEM file with the client certificate's private key. Its password, if any, comes from CX_KAFKA_KEY_PASSWORD or
    /// --kafka-key-password-file.
    #[arg(long, global = true, env = "CX_KAFKA_KEY", value_name = "FILE", hide_short_help = true)]
    pub kafka_key: Option<PathBuf>,
    /// A file with the private key's password.
    #[arg(
        long,
        global = true,
        env = "CX_KAFKA_KEY_PASSWORD_FILE",
        value_name = "FILE",
        hide_short_help = true
    )]
    pub kafka_key_password_file: Option<PathBuf>,
    /// The SASL mechanism. Default: oauthbearer with --kafka-token-file, scram-sha-512 with --kafka-user.
    #[arg(long, global = true, env = "CX_KAFKA_SASL", value_name = "MECHANISM", hide_short_help = true)]
    pub kafka_sasl: Option<Mechanism>,
    /// The user name. The password comes from CX_KAFKA_PASSWORD or --kafka-password-file.
    #[arg(long, global = true, env = "CX_KAFKA_USER", value_name = "NAME", hide_short_help = true)]
    pub kafka_user: Option<String>,
    /// A file with the user's password.
    #[arg(long, global = true, env = "CX_KAFKA_PASSWORD_FILE", value_name = "FILE", hide_short_help = true)]
    pub kafka_password_file: Option<PathBuf>,
    /// A file with an OAuth token that another process keeps current: it is read again whenever the token expires.
    #[arg(long, global = true, env = "CX_KAFKA_TOKEN_FILE", value_name = "FILE", hide_short_help = true)]
    pub kafka_token_file: Option<PathBuf>,
}

/// Security protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Protocol {
    /// Without encryption or authentication.
    Plaintext,
    /// TLS, with a client certificate or without authentication.
    Ssl,
    /// SASL without encryption.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

impl Protocol {
    /// As the client writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Plaintext => "plaintext",
            Protocol::Ssl => "ssl",
            Protocol::SaslPlaintext => "sasl_plaintext",
            Protocol::SaslSsl => "sasl_ssl",
        }
    }

    /// Whether it uses TLS.
    pub fn has_tls(self) -> bool {
        matches!(self, Protocol::Ssl | Protocol::SaslSsl)
    }

    /// Whether it uses SASL.
    pub fn has_sasl(self) -> bool {
        matches!(self, Protocol::SaslPlaintext | Protocol::SaslSsl)
    }
}

/// SASL mechanisms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mechanism {
    /// User and password in clear text.
    Plain,
    /// SCRAM, SHA-256: the broker never receives the password.
    #[value(name = "scram-sha-256")]
    ScramSha256,
    /// SCRAM, SHA-512.
    #[value(name = "scram-sha-512")]
    ScramSha512,
    /// An OAuth token.
    Oauthbearer,
}

impl Mechanism {
    /// As the client writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
            Mechanism::Oauthbearer => "OAUTHBEARER",
        }
    }
}
