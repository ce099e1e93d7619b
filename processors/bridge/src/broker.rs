// SPDX-License-Identifier: Apache-2.0

//! What is known of a broker: its address, how it names topics and queues, and what its first bytes say.

use std::fmt;
use std::str::FromStr;

/// A broker's address: `amqp://HOST:PORT`, or `amqps://` with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether it uses TLS.
    pub tls: bool,
    /// The host's name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme.
    #[error(
        "write amqp://HOST:PORT, or amqps://HOST:PORT with TLS (OpenWire's tcp:// and failover:// are another protocol)"
    )]
    Scheme,
    /// A user or password would be seen by others.
    #[error("leave the user and the password out: they have --activemq-user and CX_ACTIVEMQ_PASSWORD")]
    User,
    /// No host, no port, or more than these.
    #[error("write HOST:PORT, and nothing after it")]
    Host,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let tls = match scheme {
            "amqp" => false,
            "amqps" => true,
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains('@') {
            return Err(AddressError::User);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| AddressError::Host)?)
            }
            _ => (rest, if tls { 5671 } else { 5672 }),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || port == 0 || !host.chars().all(is_host) {
            return Err(AddressError::Host);
        }
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, host, port } = self;
        let scheme = if *tls { "amqps" } else { "amqp" };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// How a broker tells topics from queues in an address.
///
/// ActiveMQ Classic announces prefixes (`topic://`, `queue://`) in its Open frame, and takes an address without one for a queue.
/// Artemis announces none, and goes by the capability `topic` or `queue` of the source. The bridge gives both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Naming {
    topic_prefix: String,
    queue_prefix: String,
}

impl Naming {
    /// Reads the prefixes from the first bytes that the broker sent, which include its Open frame.
    #[must_use]
    pub fn of(first_bytes: &[u8]) -> Self {
        let prefix = |name| property(first_bytes, name).unwrap_or_default();
        Self { topic_prefix: prefix("topic-prefix"), queue_prefix: prefix("queue-prefix") }
    }

    /// The address of a topic.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The address of a queue.
    #[must_use]
    pub fn queue(&self, name: &str) -> String {
        format!("{}{name}", self.queue_prefix)
    }
}

/// The text of a property of the Open frame: after its name as a symbol, a string of up to 255 bytes (AMQP 1.0, 1.6.20).
fn property(bytes: &[u8], name: &str) -> Option<String> {
    const STRING_8: u8 = 0xa1;
    let at = bytes.windows(name.len()).position(|window| window == name.as_bytes())?;
    let [code, length, text @ ..] = bytes.get(at + name.len()..)? else { return None };
    let text = text.get(..usize::from(*length)).filter(|_| *code == STRING_8)?;
    String::from_utf8(text.to_vec()).ok()
}

/// What a listener that does not speak AMQP seems to be, by the first bytes that it sent.
#[must_use]
pub fn seems(first_bytes: &[u8]) -> Option<&'static str> {
    let is = |beginning: &[u8]| first_bytes.starts_with(beginning);
    if is(b"HTTP/") {
        return Some("it speaks HTTP");
    }
    if is(&[0x15, 3]) {
        return Some("it speaks TLS: write amqps://");
    }
    if is(b"ERROR") {
        return Some("it speaks STOMP");
    }
    if first_bytes.windows(8).any(|window| window == b"ActiveMQ") {
        return Some("it speaks OpenWire");
    }
    None
}

/// Whether these bytes begin as AMQP 1.0 does.
#[must_use]
pub fn is_amqp(first_bytes: &[u8]) -> bool {
    const HEADER: &[u8] = b"AMQP";
    let length = first_bytes.len().min(HEADER.len());
    length > 0 && first_bytes.get(..length) == HEADER.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(tls: bool, host: &str, port: u16) -> Result<Address, AddressError> {
        Ok(Address { tls, host: host.to_owned(), port })
    }

    #[test]
    fn an_address_has_a_scheme_a_host_and_a_port() {
        assert_eq!("amqp://broker:5673".parse(), address(false, "broker", 5673));
        assert_eq!("amqps://broker.example/".parse(), address(true, "broker.example", 5671));
        assert_eq!("amqp://[::1]:5672".parse(), address(false, "::1", 5672));
        assert_eq!("amqp://[::1]".parse(), address(false, "::1", 5672));
        assert_eq!(address(true, "::1", 1).unwrap().to_string(), "amqps://[::1]:1");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_remedy() {
        let refused = |text: &str| text.parse::<Address>().unwrap_err();
        for text in ["broker:5672", "tcp://broker:61616", "failover://(tcp://a:1,tcp://b:1)"] {
            assert_eq!(refused(text), AddressError::Scheme, "{text}");
        }
        assert_eq!(refused("amqp://cx:secret@broker"), AddressError::User);
        for text in
            ["amqp://", "amqp://:5672", "amqp://broker:0", "amqp://broker:x", "amqp://broker/x", "amqp://a b"]
        {
            assert_eq!(refused(text), AddressError::Host, "{text}");
        }
    }

    #[test]
    fn classic_announces_its_prefixes_and_artemis_none() {
        let classic = b"\0AMQP....\xa3\x0ctopic-prefix\xa1\x08topic://\xa3\x0cqueue-prefix\xa1\x08queue://";
        let naming = Naming::of(classic);
        assert_eq!(
            (naming.topic("a.>"), naming.queue("q")),
            ("topic://a.>".to_owned(), "queue://q".to_owned())
        );
        for other in
            [&b"apache-activemq-artemis"[..], b"", b"topic-prefix\xa1", b"topic-prefix\xa1\x09topic://"]
        {
            assert_eq!(Naming::of(other).topic("a"), "a");
        }
    }

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        assert_eq!(seems(b"HTTP/1.1 400 Bad Request"), Some("it speaks HTTP"));
        assert_eq!(seems(&[0x15, 3, 3, 0, 2, 2, 40]), Some("it speaks TLS: write amqps://"));
        assert_eq!(seems(b"\0\0\x01\x3d\x01ActiveMQ"), Some("it speaks OpenWire"));
        assert_eq!(seems(b"220 mail"), None);
        assert!(is_amqp(b"AMQP\x03\x01\0\0") && is_amqp(b"AM") && !is_amqp(b"") && !is_amqp(b"HTTP/1"));
    }
}
