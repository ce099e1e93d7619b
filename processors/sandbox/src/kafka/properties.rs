//! The broker's own configuration: one node that is broker and controller, tuned to start and stop fast.

use std::fmt::Write as _;
use std::path::Path;

/// The two loopback ports of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// Where clients connect.
    pub(super) clients: u16,
    /// Where the controller listens.
    pub(super) controller: u16,
}

/// The text of `server.properties`. Of a repeated name Kafka takes the last, so `extra` wins.
pub(super) fn server(ports: Ports, logs: &Path, partitions: u32, extra: &[(String, String)]) -> String {
    let Ports { clients, controller } = ports;
    let listeners = format!("PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}");
    let logs = escape(&logs.to_string_lossy());
    let mut text = format!(
        "# One node, both broker and controller, on loopback only.
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners={listeners}
advertised.listeners={listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={logs}
# Topics are declared, never made by a typing error.
auto.create.topics.enable=false
num.partitions={partitions}
# One node can hold one replica.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
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

/// A value as a Java properties file reads it back: a backslash begins an escape there.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The ports written in a `server.properties` that [`server`] made.
pub(super) fn ports(text: &str) -> Option<Ports> {
    let listeners = text.lines().find_map(|line| line.strip_prefix("listeners="))?;
    let mut ports = listeners.split(',').filter_map(|one| one.rsplit(':').next()?.parse().ok());
    Some(Ports { clients: ports.next()?, controller: ports.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_are_read_back_from_the_file() {
        let wanted = Ports { clients: 21_000, controller: 21_001 };
        let text = server(wanted, Path::new("/data"), 3, &[]);
        assert_eq!(ports(&text), Some(wanted));
        assert!(text.contains("num.partitions=3\n"));
    }

    #[test]
    fn an_extra_property_comes_last_and_so_wins() {
        let extra = [("auto.create.topics.enable".to_owned(), "true".to_owned())];
        let text = server(Ports { clients: 1, controller: 2 }, Path::new("/data"), 1, &extra);
        assert_eq!(text.lines().last(), Some("auto.create.topics.enable=true"));
    }
}
