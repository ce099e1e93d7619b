// SPDX-License-Identifier: Apache-2.0

//! Authentication and trust of Kafka clients, from flags and the environment; secrets only from files or the environment.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{anyhow, bail};
use edge::token::TOKEN_FILE_PROPERTY;
use rdkafka::ClientConfig;

use crate::cli::security::{Mechanism, PASSWORD, Protocol, SecurityArgs};

/// The variable with the private key's password.
const KEY_PASSWORD: &str = "CX_KAFKA_KEY_PASSWORD";

/// The client properties from flags and environment.
///
/// # Errors
/// They are incompatible, a file cannot be read, or `given` sets the same properties: all problems at once.
pub fn properties(
    args: &SecurityArgs,
    given: &[(String, String)],
    variable: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut wanted = Wanted { given, variable, properties: Vec::new(), problems: Vec::new() };
    wanted.protocol(args);
    wanted.tls(args);
    wanted.sasl(args);
    wanted.check_given_once();
    if wanted.problems.is_empty() {
        return Ok(wanted.properties);
    }
    bail!("Kafka security: {}", wanted.problems.join("; "))
}

/// Properties and problems so far.
struct Wanted<'g> {
    given: &'g [(String, String)],
    /// Reads the environment.
    variable: &'g dyn Fn(&str) -> Option<String>,
    properties: Vec<(String, String)>,
    problems: Vec<String>,
}

impl Wanted<'_> {
    fn set(&mut self, key: &str, value: impl Into<String>) {
        self.properties.push((key.to_owned(), value.into()));
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn is_given(&self, key: &str) -> bool {
        self.given.iter().any(|(other, _)| other == key)
    }

    fn protocol(&mut self, args: &SecurityArgs) {
        let with_sasl =
            args.kafka_user.is_some() || args.kafka_token_file.is_some() || args.kafka_sasl.is_some();
        let with_tls = args.kafka_ca.is_some() || args.kafka_cert.is_some() || args.kafka_key.is_some();
        let Some(protocol) = args.kafka_security else {
            if !self.is_given("security.protocol") && (with_sasl || with_tls) {
                let follows = if with_sasl { Protocol::SaslSsl } else { Protocol::Ssl };
                self.set("security.protocol", follows.as_str());
            }
            return;
        };
        let name = protocol.as_str();
        if with_tls && !protocol.has_tls() {
            self.problem(format!(
                "--kafka-ca, --kafka-cert and --kafka-key have no effect with --kafka-security {name}: write ssl or sasl_ssl"
            ));
        }
        if with_sasl && !protocol.has_sasl() {
            self.problem(format!(
                "--kafka-user, --kafka-token-file and --kafka-sasl have no effect with --kafka-security {name}: write sasl_ssl"
            ));
        }
        self.set("security.protocol", name);
    }

    fn tls(&mut self, args: &SecurityArgs) {
        if args.kafka_cert.is_some() != args.kafka_key.is_some() {
            self.problem("--kafka-cert and --kafka-key belong together: give both");
        }
        self.file("--kafka-ca", "ssl.ca.location", args.kafka_ca.as_deref());
        self.file("--kafka-cert", "ssl.certificate.location", args.kafka_cert.as_deref());
        self.file("--kafka-key", "ssl.key.location", args.kafka_key.as_deref());
        let file = args.kafka_key_password_file.as_deref();
        if let Some(password) = self.secret("--kafka-key-password-file", file, KEY_PASSWORD) {
            if args.kafka_key.is_some() || self.is_given("ssl.key.location") {
                self.set("ssl.key.password", password);
            } else if args.kafka_key_password_file.is_some() {
                self.problem("--kafka-key-password-file has no effect without --kafka-key");
            }
        }
    }

    fn sasl(&mut self, args: &SecurityArgs) {
        let file = args.kafka_password_file.as_deref();
        let password = self.secret("--kafka-password-file", file, PASSWORD);
        let has_user = args.kafka_user.is_some() || self.is_given("sasl.username");
        let has_password = password.is_some() || self.is_given("sasl.password");
        let by_token = args.kafka_token_file.is_some();
        if args.kafka_user.is_some() && !has_password && file.is_none() {
            self.problem(format!(
                "--kafka-user needs a password: put it into {PASSWORD}, or name a file by --kafka-password-file"
            ));
        }
        if args.kafka_password_file.is_some() && !has_user {
            self.problem("--kafka-password-file has no effect without --kafka-user");
        }
        if by_token && args.kafka_user.is_some() {
            self.problem("--kafka-token-file and --kafka-user are alternatives: leave one out");
        }
        match args.kafka_sasl {
            Some(Mechanism::Oauthbearer) if !by_token => {
                self.problem("--kafka-sasl oauthbearer needs --kafka-token-file");
            }
            Some(mechanism) if mechanism != Mechanism::Oauthbearer && !has_user => {
                let name = mechanism.as_str().to_lowercase();
                self.problem(format!("--kafka-sasl {name} needs --kafka-user"));
            }
            Some(mechanism) => self.set("sasl.mechanisms", mechanism.as_str()),
            None if by_token => self.set("sasl.mechanisms", Mechanism::Oauthbearer.as_str()),
            None if args.kafka_user.is_some() && !self.mechanism_is_given() => {
                self.set("sasl.mechanisms", Mechanism::ScramSha512.as_str());
            }
            None => {}
        }
        if let Some(user) = &args.kafka_user {
            self.set("sasl.username", user);
        }
        // A variable that is not needed may be meant for another program.
        if let Some(password) = password.filter(|_| has_user) {
            self.set("sasl.password", password);
        }
        self.file("--kafka-token-file", TOKEN_FILE_PROPERTY, args.kafka_token_file.as_deref());
    }

    fn mechanism_is_given(&self) -> bool {
        self.is_given("sasl.mechanisms") || self.is_given("sasl.mechanism")
    }

    /// A file that the client reads itself.
    fn file(&mut self, flag: &str, key: &str, file: Option<&Path>) {
        let Some(file) = file else { return };
        match std::fs::File::open(file) {
            Ok(_) => self.set(key, file.to_string_lossy()),
            Err(error) => self.problem(format!("{flag} {} cannot be read: {error}", file.display())),
        }
    }

    /// A secret from its file or the environment.
    fn secret(&mut self, flag: &str, file: Option<&Path>, name: &str) -> Option<String> {
        let value = (self.variable)(name).filter(|secret| !secret.is_empty());
        let Some(file) = file else { return value };
        if value.is_some() {
            self.problem(format!("both {flag} and {name} are given: leave one out"));
        }
        match secret(flag, file) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                self.problem(problem.to_string());
                None
            }
        }
    }

    fn check_given_once(&mut self) {
        let mut twice = String::new();
        for (key, _) in &self.properties {
            if self.is_given(key) {
                let _ = write!(twice, "{}{key}", if twice.is_empty() { "" } else { ", " });
            }
        }
        if !twice.is_empty() {
            self.problem(format!(
                "{twice}: set by --kafka or --kafka-properties, and by a flag or the environment too: leave one out"
            ));
        }
    }
}

/// The secret in a file, which a flag names.
///
/// # Errors
/// The file cannot be read, or is empty.
pub fn secret(flag: &str, file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow!("{flag} {} cannot be read: {error}", file.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("{flag} {} is empty", file.display());
    }
    Ok(secret.to_owned())
}

/// Whether a configuration uses a token.
fn shows_token(config: &ClientConfig) -> bool {
    let mechanism = config.get("sasl.mechanisms").or_else(|| config.get("sasl.mechanism"));
    mechanism.is_some_and(|mechanism| mechanism.eq_ignore_ascii_case(Mechanism::Oauthbearer.as_str()))
}

/// Whether a configuration uses TLS.
pub fn wants_tls(config: &ClientConfig) -> bool {
    config.get("security.protocol").is_some_and(|protocol| protocol.to_ascii_lowercase().ends_with("ssl"))
}

/// What to check when authentication fails.
pub fn identity_remedy(config: &ClientConfig) -> String {
    if shows_token(config) {
        let file = config.get(TOKEN_FILE_PROPERTY).unwrap_or("none");
        return format!("check the token file ({file}), and the brokers' requirements for tokens");
    }
    let user = config.get("sasl.username").unwrap_or("none");
    let mechanism = config.get("sasl.mechanisms").or_else(|| config.get("sasl.mechanism")).unwrap_or("none");
    format!(
        "check the user ({user}), its password ({PASSWORD} or --kafka-password-file) and --kafka-sasl ({mechanism})"
    )
}

/// The client's admin API cannot be given a token.
///
/// # Errors
/// It would need one.
pub fn check_admin(config: &ClientConfig) -> anyhow::Result<()> {
    if shows_token(config) {
        return Err(anyhow!(
            "topics cannot be created or looked at in detail with a token (OAUTHBEARER), which the Kafka client cannot show for \
             that: do it with a user and password, or a certificate, for example by `cx-timelines topics apply`; `run` needs \
             nothing of it once all topics are there"
        ));
    }
    Ok(())
}

/// Warns about insecure settings.
pub fn warn_of_openness(config: &ClientConfig) {
    let is = |key: &str, value: &str| config.get(key).is_some_and(|set| set.eq_ignore_ascii_case(value));
    let tells_the_secret = is("sasl.mechanisms", Mechanism::Plain.as_str()) || shows_token(config);
    if is("security.protocol", Protocol::SaslPlaintext.as_str()) && tells_the_secret {
        tracing::warn!("the password or token is sent without encryption: use --kafka-security sasl_ssl");
    }
    if is("enable.ssl.certificate.verification", "false") {
        tracing::warn!(
            "the brokers' certificates are not checked: any server on the way can pose as a broker"
        );
    }
    if is("ssl.endpoint.identification.algorithm", "none") {
        tracing::warn!("the names in the brokers' certificates are not checked");
    }
}

#[cfg(test)]
mod tests;
