// SPDX-License-Identifier: Apache-2.0

//! What the bridge is started with.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::broker::Address;
use crate::route::Rules;

/// What is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A topic, with a durable subscription; its name may have the broker's wildcards.
    Topic(String),
    /// A queue.
    Queue(String),
}

impl Destination {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Topic(name) | Self::Queue(name) => name,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Queue(name) => write!(f, "queue {name}"),
        }
    }
}

/// Who the bridge is, and whom it trusts.
#[derive(Clone, Default)]
pub struct Security {
    /// User and password; anonymous without.
    pub user: Option<(String, String)>,
    /// Trusted CA certificates (PEM); the system's without.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain and private key (PEM).
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Without the password.
impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|(user, _)| user);
        f.debug_struct("Security").field("user", &user).field("ca", &self.ca).finish_non_exhaustive()
    }
}

/// Everything that the bridge needs beside its Kafka client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The brokers, tried in this order.
    pub brokers: Vec<Address>,
    /// User and certificates.
    pub security: Security,
    /// The client id, which names the durable subscriptions together with the topic.
    pub client_id: String,
    /// What is subscribed to.
    pub destinations: Vec<Destination>,
    /// How many messages of each destination may be unsettled.
    pub in_flight_max: u32,
    /// For how long the first connection is tried. An attempt has at most ten seconds for each of its steps.
    pub connect_timeout: Duration,
    /// A connection on which the broker sends nothing for this time is given up. The broker is asked to send something in time.
    pub idle_timeout: Duration,
    /// Where messages go.
    pub rules: Rules,
}

impl Settings {
    /// How long a step of an attempt to connect may take.
    #[must_use]
    pub fn step_timeout(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(10);
        self.connect_timeout.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_printed() {
        let security = Security { user: Some(("cx".to_owned(), "geheim".to_owned())), ..Security::default() };
        let said = format!("{security:?}");
        assert!(said.contains("cx") && !said.contains("geheim"), "{said}");
    }
}
