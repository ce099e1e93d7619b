// SPDX-License-Identifier: Apache-2.0

//! A broker's configuration: broker and controller in one process, tuned for quick starts and stops.

use std::fmt::Write as _;
use std::path::Path;

use super::{Listener, Options};

/// The two loopback ports of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// The clients' port.
    pub(super) clients: u16,
    /// The controller's port.
    pub(super) controller: u16,
}

/// A node within its cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// Its number, from 1.
    pub(super) id: u16,
    /// Its ports.
    pub(super) ports: Ports,
    /// The controllers' ports of all nodes.
    pub(super) controllers: &'a [u16],
}

/// The text of `server.properties`. Kafka uses the last of repeated names, so `extra` overrides.
pub(super) fn server(member: &Member<'_>, logs: &Path, options: &Options) -> String {
    let Options { partitions_default: partitions, extra_properties: extra, .. } = options;
    let Member { id, ports: Ports { clients, controller }, controllers } = member;
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}");
    let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
    for Listener { name, protocol, port } in &options.listeners {
        // Writing to a String cannot fail.
        let _ = write!(listeners, ",{name}://127.0.0.1:{port}");
        let _ = write!(protocols, ",{name}:{protocol}");
    }
    let quorum: Vec<String> = controllers.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let quorum = quorum.join(",");
    // With three nodes any one may fail.
    let replicas = controllers.len().min(3);
    let in_sync = replicas.div_ceil(2);
    let logs = escape(&logs.to_string_lossy());
    let mut text = format!(
        "# Both broker and controller, on loopback only.
process.roles=broker,controller
node.id={id}
controller.quorum.bootstrap.servers={quorum}
listeners={listeners}
advertised.listeners={listeners}
listener.security.protocol.map={protocols}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={logs}
# Topics are declared, never made by a typing error.
auto.create.topics.enable=false
num.partitions={partitions}
# One node can hold one replica.
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
# A lost node is noticed and its work taken over within seconds, and comes back to it soon.
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
replica.lag.time.max.ms=5000
replica.fetch.backoff.ms=200
leader.imbalance.check.interval.seconds=5
# Fewer internal partitions load faster.
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
share.coordinator.state.topic.num.partitions=2
# Groups form at once, short sessions are allowed, a killed broker is let in again soon.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# What a crashed producer left open is cleared within seconds.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# Compaction and retention act while a test still watches.
log.cleaner.backoff.ms=500
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.retention.check.interval.ms=5000
log.segment.delete.delay.ms=1000
log.initial.task.delay.ms=1000
# A small machine.
num.network.threads=2
num.io.threads=4
background.threads=4
"
    );
    for (name, value) in extra {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}={}", escape(value));
    }
    text
}

/// A value for a Java properties file, with backslashes escaped.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The ports in a `server.properties` of [`server`].
pub(super) fn ports(text: &str) -> Option<Ports> {
    let listeners = text.lines().find_map(|line| line.strip_prefix("listeners="))?;
    let mut ports = listeners.split(',').filter_map(|one| one.rsplit(':').next()?.parse().ok());
    Some(Ports { clients: ports.next()?, controller: ports.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(ports: Ports) -> Member<'static> {
        Member { id: 1, ports, controllers: &[21_001] }
    }

    #[test]
    fn of_three_nodes_two_have_to_be_in_sync_and_of_one_that_one() {
        let ports = Ports { clients: 1, controller: 2 };
        let of = |member: &Member<'_>| server(member, Path::new("/data"), &Options::default());
        let text = of(&Member { id: 3, ports, controllers: &[2, 4, 6] });
        assert!(text.contains("\nnode.id=3\n"));
        assert!(text.contains("\ncontroller.quorum.bootstrap.servers=127.0.0.1:2,127.0.0.1:4,127.0.0.1:6\n"));
        assert!(text.contains("\ndefault.replication.factor=3\nmin.insync.replicas=2\n"));
        let text = of(&alone(ports));
        assert!(text.contains("\ndefault.replication.factor=1\nmin.insync.replicas=1\n"));
    }

    #[test]
    fn the_ports_are_read_back_from_the_file() {
        let wanted = Ports { clients: 21_000, controller: 21_001 };
        let mutual = Listener { name: "MUTUAL".to_owned(), protocol: "SSL".to_owned(), port: 21_002 };
        let options = Options { partitions_default: 3, listeners: vec![mutual], ..Options::default() };
        let text = server(&alone(wanted), Path::new("/data"), &options);
        assert_eq!(ports(&text), Some(wanted));
        assert!(text.contains("num.partitions=3\n"));
        assert!(text.contains(",MUTUAL://127.0.0.1:21002\n") && text.contains(",MUTUAL:SSL\n"), "{text}");
    }

    #[test]
    fn an_extra_property_comes_last_and_so_wins() {
        let extra_properties = vec![("auto.create.topics.enable".to_owned(), "true".to_owned())];
        let options = Options { extra_properties, ..Options::default() };
        let text = server(&alone(Ports { clients: 1, controller: 2 }), Path::new("/data"), &options);
        assert_eq!(text.lines().last(), Some("auto.create.topics.enable=true"));
    }
}
