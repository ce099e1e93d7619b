// SPDX-License-Identifier: Apache-2.0

//! The demo's broker: a real one if this machine can run it, else the Kafka client's mock cluster.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::steps::Steps;
use crate::config::{Config, Topic};
use crate::exit::Failure;
use crate::trial::{self, Kafka};

/// The demo's broker.
pub(super) enum Broker {
    Kafka(Box<Kafka>),
    Mock(MockCluster<'static, DefaultProducerContext>),
}

impl Broker {
    /// Starts it, and shows each step.
    ///
    /// # Errors
    /// It does not start: the message has the end of its log.
    pub(super) fn start(config: &Config) -> Result<Self, Failure> {
        let steps = Steps::begin();
        steps.say("looking for Java and Apache Kafka");
        if let Err(missing) = trial::kafka::available() {
            steps.clear();
            anstream::eprintln!(
                "{missing}\n\nWithout it the demo runs on the Kafka client's mock cluster: timelines grow, but transactions have no \
                 effect there (no exactly-once), it holds little data, and topics cannot be checked."
            );
            return Self::mock(config);
        }
        let kafka = Kafka::start(trial::kafka::Options::default(), &mut |step| steps.say(step))?;
        let took = steps.clear();
        anstream::eprintln!("the broker answers after {:.0} s; the pipeline starts", took.as_secs_f64());
        Ok(Self::Kafka(Box::new(kafka)))
    }

    fn mock(config: &Config) -> Result<Self, Failure> {
        let cluster = MockCluster::new(1)?;
        for topic in config.topics.iter().filter_map(Topic::exact) {
            cluster.create_topic(topic, 4, 1)?;
        }
        Ok(Self::Mock(cluster))
    }

    /// The bootstrap server.
    pub(super) fn address(&self) -> String {
        match self {
            Broker::Kafka(kafka) => kafka.bootstrap().to_owned(),
            Broker::Mock(cluster) => cluster.bootstrap_servers(),
        }
    }

    /// What it is, in words.
    pub(super) fn name(&self) -> String {
        match self {
            Broker::Kafka(_) => format!("Apache Kafka {}, removed at the end", trial::kafka::VERSION),
            Broker::Mock(_) => "mock cluster: no exactly-once".to_owned(),
        }
    }

    /// Whether topics can be created and compared.
    pub(super) fn has_admin(&self) -> bool {
        matches!(self, Broker::Kafka(_))
    }

    /// Ends it, and removes its data.
    pub(super) fn stop(self) {
        if let Broker::Kafka(kafka) = self {
            kafka.stop();
        }
    }
}
