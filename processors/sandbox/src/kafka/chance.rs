// SPDX-License-Identifier: Apache-2.0

//! Values that need not be reproducible: free ports and cluster ids.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::KafkaError;
use super::properties::Ports;

/// Below the range of ephemeral ports: a client that connects to a stopped broker must not connect to itself by chance, and no
/// process may take the port while the broker restarts.
pub(crate) const PORT_RANGE: std::ops::Range<u16> = 20_000..32_000;
/// The maximum number of ports tried.
const LOOKS: usize = 1_000;

fn chance() -> ChaCha8Rng {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(std::process::id()) ^ (now.as_secs() << 32));
    rng.set_stream(u64::from(now.subsec_nanos()));
    rng
}

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Two free ports for each node, all different.
pub(super) fn free_ports(nodes: usize) -> Result<Vec<Ports>, KafkaError> {
    let mut rng = chance();
    let mut found: Vec<u16> = Vec::new();
    for _ in 0..LOOKS {
        if found.len() == nodes * 2 {
            break;
        }
        let port = rng.random_range(PORT_RANGE);
        if !found.contains(&port) && is_free(port) {
            found.push(port);
        }
    }
    let (pairs, rest) = found.as_chunks();
    if pairs.len() < nodes || !rest.is_empty() {
        return Err(KafkaError::NoPorts);
    }
    Ok(pairs.iter().map(|&[clients, controller]| Ports { clients, controller }).collect())
}

/// A free port.
pub(crate) fn free_port() -> Option<u16> {
    let mut rng = chance();
    (0..LOOKS).map(|_| rng.random_range(PORT_RANGE)).find(|port| is_free(*port))
}

/// An id in Kafka's format: 16 bytes in URL-safe base 64, not beginning with a dash.
pub(super) fn id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = chance();
    let mut id: String = (0..21)
        .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
        .map(|letter| char::from(*letter))
        .collect();
    // Only two bits of the last letter are used; the others must be 0.
    id.push('A');
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_sixteen_bytes_and_begins_with_a_letter_or_digit() {
        let id = id();
        assert_eq!(id.len(), 22);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn no_port_is_given_twice() {
        let ports = free_ports(3).unwrap();
        let all: std::collections::BTreeSet<u16> =
            ports.iter().flat_map(|ports| [ports.clients, ports.controller]).collect();
        assert_eq!(all.len(), 6);
    }
}
