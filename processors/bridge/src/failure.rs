// SPDX-License-Identifier: Apache-2.0

//! What can go wrong between the bridge and ActiveMQ, with the remedy.

use crate::broker::Address;
use crate::settings::Destination;

/// Why there is no connection, or none any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing listens there.
    #[error(
        "no broker answers at {address} ({why}): is ActiveMQ running, and is --activemq (or CX_ACTIVEMQ) the address of its AMQP connector?"
    )]
    Unreachable {
        /// The broker's address.
        address: Address,
        /// The system's reason.
        why: String,
    },
    /// It accepts connections, and says nothing.
    #[error(
        "{address} accepts the connection and then does not answer ({step}, {seconds} s): is it the port of the AMQP connector (5672 by \
         default), and does a proxy or firewall lie between?"
    )]
    Silent {
        /// The broker's address.
        address: Address,
        /// The step that was waited for.
        step: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// Another protocol.
    #[error("{address} does not speak AMQP 1.0{}: give the port of ActiveMQ's AMQP connector (5672 by default)", said(.seems))]
    NotAmqp {
        /// The broker's address.
        address: Address,
        /// What it seems to be.
        seems: Option<&'static str>,
    },
    /// No TLS, or a certificate that is not accepted.
    #[error(
        "TLS with {address} fails: {why}; is it a port with TLS (amqps://, 5671 by default), does --activemq-ca have the CA of its \
         certificate, and does the certificate name the host?"
    )]
    Tls {
        /// The broker's address.
        address: Address,
        /// What OpenSSL says.
        why: String,
    },
    /// A file for TLS cannot be used.
    #[error("{flag} cannot be used: {why}")]
    TlsFile {
        /// The flag that names it.
        flag: &'static str,
        /// What OpenSSL says.
        why: String,
    },
    /// A wrong user or password, or none.
    #[error(
        "{address} refuses {who}: check --activemq-user and its password (CX_ACTIVEMQ_PASSWORD or --activemq-password-file)"
    )]
    Denied {
        /// The broker's address.
        address: Address,
        /// The user, or that there is none.
        who: String,
    },
    /// Another client has our id.
    #[error(
        "{address} has a client {client_id} already: does another bridge run? Each needs its own --client-id; after a broken connection the \
         broker may take a while to notice"
    )]
    ClientIdTaken {
        /// The broker's address.
        address: Address,
        /// The id.
        client_id: String,
    },
    /// A topic or queue that cannot be subscribed to.
    #[error(
        "{address} refuses the subscription to {destination} ({why}): check its name, and the user's rights to read it and to create it"
    )]
    Destination {
        /// The broker's address.
        address: Address,
        /// The destination.
        destination: Destination,
        /// What the broker says.
        why: String,
    },
    /// The connection ended.
    #[error("the connection to {address} ended: {why}")]
    Lost {
        /// The broker's address.
        address: Address,
        /// Why, as far as it is known.
        why: String,
    },
    /// The Kafka client is not usable any more.
    #[error("the Kafka client failed for good ({why}); a new one is made")]
    Kafka {
        /// What it says.
        why: String,
    },
}

impl Failure {
    /// Whether waiting cannot help, so that the first connection is not tried again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::NotAmqp { .. }
            | Self::Tls { .. }
            | Self::TlsFile { .. }
            | Self::Denied { .. }
            | Self::Destination { .. } => true,
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::ClientIdTaken { .. }
            | Self::Lost { .. }
            | Self::Kafka { .. } => false,
        }
    }
}

fn said(seems: &Option<&'static str>) -> String {
    seems.map(|seems| format!(" ({seems})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_waiting_may_resolve_is_tried_again() {
        let address: Address = "amqp://127.0.0.1:1".parse().unwrap();
        let unreachable =
            Failure::Unreachable { address: address.clone(), why: "Connection refused".to_owned() };
        assert!(!unreachable.is_final() && unreachable.to_string().contains("--activemq"));
        let other = Failure::NotAmqp { address, seems: Some("it speaks HTTP") };
        assert!(other.is_final() && other.to_string().contains("(it speaks HTTP)"), "{other}");
    }
}
