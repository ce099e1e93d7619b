// SPDX-License-Identifier: Apache-2.0

//! Flags of `generate strimzi`.

use clap::{Args, ValueEnum};

use super::{Purpose, replication};

/// What Strimzi's resources need besides topics.yaml.
#[derive(Debug, Clone, Args)]
pub struct StrimziArgs {
    /// The name of the Kafka resource: the label strimzi.io/cluster.
    #[arg(long, value_name = "NAME", value_parser = label)]
    pub cluster: String,
    /// The namespace that the operators watch; without it kubectl decides.
    #[arg(long, value_name = "NAME", value_parser = label)]
    pub namespace: Option<String>,
    /// The replicas of each partition; -1 for the brokers' default.
    #[arg(long, default_value_t = 3, allow_negative_numbers = true, value_name = "N", value_parser = replication)]
    pub replication: i32,
    /// For which purposes to make users, with commas.
    ///
    /// The user of `run` is named as --group, that of another purpose --group and the purpose.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "run", value_name = "PURPOSE")]
    pub users: Vec<Purpose>,
    /// How they authenticate. The operator makes a Secret for `tls` and `scram-sha-512`.
    #[arg(long, value_enum, default_value_t = UserAuthentication::Tls, value_name = "METHOD")]
    pub authentication: UserAuthentication,
}

impl StrimziArgs {
    /// Namespace and cluster.
    pub fn place(&self) -> (Option<&str>, &str) {
        (self.namespace.as_deref(), &self.cluster)
    }
}

/// How a KafkaUser authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UserAuthentication {
    /// A certificate that the operator issues.
    Tls,
    /// A certificate that another authority issues.
    TlsExternal,
    /// A password that the operator generates.
    #[value(name = "scram-sha-512")]
    ScramSha512,
    /// Otherwise, as by OAuth.
    None,
}

fn label(text: &str) -> Result<String, String> {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_inner = |c: char| is_end(Some(c)) || c == '-';
    if text.len() > 63
        || !is_end(text.chars().next())
        || !is_end(text.chars().last())
        || !text.chars().all(is_inner)
    {
        return Err("a name in Kubernetes is 1 to 63 of the characters a-z 0-9 and, in between, -".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kubernetes() {
        for name in ["main", "a", "my-cluster-1"] {
            assert_eq!(label(name).as_deref(), Ok(name));
        }
        for name in ["", "-a", "a-", "Main", "a_b", "a.b", &"x".repeat(64)] {
            assert!(label(name).unwrap_err().contains("a-z 0-9"), "{name}");
        }
    }
}
