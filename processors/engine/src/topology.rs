// SPDX-License-Identifier: Apache-2.0

//! The processors and the topics they may write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Decode, Format, JsonDecode, JsonFormat};

use crate::deadletter::LetterTopic;
use crate::form::StateForm;
use crate::letter_headers::LetterHeaders;
use crate::processor::Processor;
use crate::product::Product;
use crate::topic::{Output, TopicId};

/// A processor in the topology with its outputs, in the order of topics.yaml.
pub struct Node {
    pub(crate) processor: Box<dyn Processor>,
    /// `None` if it runs only because another one follows it.
    pub(crate) writes: Option<Vec<Output>>,
    /// Indexes of its upstream nodes.
    pub(crate) leaders: Vec<usize>,
    pub(crate) is_followed: bool,
}

/// The topics that every topology needs.
#[derive(Debug, Clone, Copy)]
pub struct InnerTopics<'n> {
    /// Topic of dead letters.
    pub dead_letters: &'n str,
    /// Changelog topic.
    pub changelog: &'n str,
    /// Topic for work between partitions.
    pub repartition: &'n str,
    /// Topic of erasure requests, if any.
    pub erasures: Option<&'n str>,
}

/// An invalid topology.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopologyError {
    /// Two processors have the same namespace. Programming error: change one of them.
    #[error("processors {0} and {1} share the state namespace {2:?}")]
    NamespaceTaken(String, String, char),
    /// The number of outputs in topics.yaml differs from what the processor needs.
    #[error("processor {processor} writes {needed} topic(s), topics.yaml gives it {given}")]
    Outputs {
        /// The processor's name.
        processor: String,
        /// Number of outputs it has.
        needed: usize,
        /// Number of declared outputs.
        given: usize,
    },
    /// A processor must come after those it follows.
    #[error(
        "processor {follower} follows {leader}, which does not come before it; list {leader} first in topics.yaml"
    )]
    NotBefore {
        /// The downstream processor.
        follower: String,
        /// The upstream processor.
        leader: String,
    },
}

/// The processors and topics of one program. Shared by all tasks and immutable, except for the maximum size of a dead letter:
/// it is determined again when their topic rejects one.
pub struct Topology {
    topics: Vec<String>,
    nodes: Vec<Node>,
    dead_letters: TopicId,
    changelog: TopicId,
    repartition: TopicId,
    erasures: Option<String>,
    /// Where agents' states come from.
    agent_states: Vec<String>,
    decoder: Arc<dyn Decode>,
    state_form: Option<StateForm>,
    /// Maximum size of a dead letter.
    letter_bytes_max: AtomicUsize,
    letter_headers: LetterHeaders,
}

impl Topology {
    /// A topology with its internal topics and no processor.
    #[must_use]
    pub fn new(inner: InnerTopics<'_>) -> Self {
        let InnerTopics { dead_letters, changelog, repartition, erasures } = inner;
        Self {
            topics: [dead_letters, changelog, repartition].map(str::to_owned).to_vec(),
            nodes: Vec::new(),
            dead_letters: TopicId(0),
            changelog: TopicId(1),
            repartition: TopicId(2),
            erasures: erasures.map(str::to_owned),
            agent_states: Vec::new(),
            decoder: Arc::new(JsonDecode),
            state_form: None,
            letter_bytes_max: AtomicUsize::new(usize::MAX),
            letter_headers: LetterHeaders::default(),
        }
    }

    /// Sets the maximum size of a dead letter in bytes, as accepted by its topic and the client. Unlimited by default.
    pub fn limit_letters(&self, bytes: usize) {
        self.letter_bytes_max.store(bytes, Ordering::Release);
    }

    /// The maximum size of a dead letter in bytes, including Kafka's overhead.
    #[must_use]
    pub fn letter_bytes_max(&self) -> usize {
        self.letter_bytes_max.load(Ordering::Acquire)
    }

    /// Sets the headers that dead letters have besides our own. By default there are none.
    pub fn set_letter_headers(&mut self, headers: LetterHeaders) {
        self.letter_headers = headers;
    }

    /// Where dead letters go, and how they are written.
    pub(crate) fn letter_topic(&self) -> LetterTopic {
        LetterTopic {
            topic: self.dead_letters,
            bytes_max: self.letter_bytes_max(),
            headers: self.letter_headers,
        }
    }

    /// Adds a processor with the topics that it writes.
    ///
    /// # Errors
    /// The outputs do not match the processor, or its namespace is taken: correct topics.yaml or the processor.
    pub fn add(&mut self, processor: Box<dyn Processor>, writes: &[&str]) -> Result<(), TopologyError> {
        let products = processor.products();
        if products.len() != writes.len() {
            return Err(TopologyError::Outputs {
                processor: processor.name().to_owned(),
                needed: products.len(),
                given: writes.len(),
            });
        }
        let outputs = products.iter().zip(writes);
        let writes = outputs.map(|(product, topic)| self.output(product, topic)).collect();
        self.place(processor, Some(writes))
    }

    /// Adds a processor only because others follow it: its output is discarded.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_silent(&mut self, processor: Box<dyn Processor>) -> Result<(), TopologyError> {
        self.place(processor, None)
    }

    fn place(
        &mut self,
        processor: Box<dyn Processor>,
        writes: Option<Vec<Output>>,
    ) -> Result<(), TopologyError> {
        let namespace = processor.namespace();
        if let Some(other) = self.nodes.iter().find(|node| node.processor.namespace() == namespace) {
            return Err(TopologyError::NamespaceTaken(
                other.processor.name().to_owned(),
                processor.name().to_owned(),
                char::from(namespace),
            ));
        }
        let mut leaders = Vec::new();
        for leader in processor.follows() {
            let Some(index) = self.nodes.iter().position(|node| node.processor.name() == *leader) else {
                let (follower, leader) = (processor.name().to_owned(), (*leader).to_owned());
                return Err(TopologyError::NotBefore { follower, leader });
            };
            leaders.push(index);
        }
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.is_followed |= leaders.contains(&index);
        }
        self.nodes.push(Node { processor, writes, leaders, is_followed: false });
        Ok(())
    }

    /// Sets the format of a topic's records, for all processors added so far that write it. The default is JSON.
    pub fn set_format(&mut self, topic: &str, format: &Arc<dyn Format>) {
        let topic = self.topics.iter().position(|name| name == topic).map(TopicId);
        let outputs = self.nodes.iter_mut().filter_map(|node| node.writes.as_mut()).flatten();
        for output in outputs.filter(|output| Some(output.topic) == topic) {
            output.format = Arc::clone(format);
        }
    }

    /// Sets the decoder of the input topics. The default is JSON.
    pub fn set_decoder(&mut self, decoder: Arc<dyn Decode>) {
        self.decoder = decoder;
    }

    /// Says from which topics agents' states come (contract section 6.1). Until it is said there are none.
    pub fn set_agent_states(&mut self, topics: Vec<String>) {
        self.agent_states = topics;
    }

    /// Sets the format of the processors' state. It is stored with the state, and a state of another format is rejected. By
    /// default, nothing is stored and nothing rejected.
    pub fn set_state_form(&mut self, form: StateForm) {
        self.state_form = Some(form);
    }

    /// The format of the processors' state.
    #[must_use]
    pub fn state_form(&self) -> Option<&StateForm> {
        self.state_form.as_ref()
    }

    /// The schema that must be fetched before a value of this topic can be parsed, if any.
    #[must_use]
    pub fn unknown_schema(&self, topic: &str, value: &[u8]) -> Option<u32> {
        self.decoder.unknown_schema(topic, value)
    }

    pub(crate) fn decoder(&self) -> &Arc<dyn Decode> {
        &self.decoder
    }

    fn output(&mut self, product: &Product, topic: &str) -> Output {
        Output { topic: self.topic(topic), schema: product.schema, format: Arc::new(JsonFormat) }
    }

    fn topic(&mut self, name: &str) -> TopicId {
        let known = self.topics.iter().position(|topic| topic == name);
        TopicId(known.unwrap_or_else(|| {
            self.topics.push(name.to_owned());
            self.topics.len() - 1
        }))
    }

    /// All topics that can be written, by index.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// The name of a topic.
    #[must_use]
    pub fn name(&self, topic: TopicId) -> &str {
        self.topics.get(topic.0).map_or("", String::as_str)
    }

    /// Topic of dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> TopicId {
        self.dead_letters
    }

    /// Changelog topic.
    #[must_use]
    pub fn changelog(&self) -> TopicId {
        self.changelog
    }

    /// Topic for work between partitions.
    #[must_use]
    pub fn repartition(&self) -> TopicId {
        self.repartition
    }

    /// Whether erasure requests come from this topic.
    #[must_use]
    pub fn is_erasures(&self, topic: &str) -> bool {
        self.erasures.as_deref() == Some(topic)
    }

    /// The topics from which agents' states come.
    #[must_use]
    pub fn agent_states(&self) -> &[String] {
        &self.agent_states
    }

    /// Whether agents' states come from this topic.
    #[must_use]
    pub fn is_agent_states(&self, topic: &str) -> bool {
        self.agent_states.iter().any(|name| name == topic)
    }

    /// Names of the processors with state: a state belongs to those that made it.
    pub(crate) fn signature(&self) -> String {
        let stateful =
            self.nodes.iter().map(|node| &node.processor).filter(|processor| processor.keeps_state());
        let mut names: Vec<&str> = stateful.map(|processor| processor.name()).collect();
        names.sort_unstable();
        names.join(", ")
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}
