//! Which processors there are, and the topics that they may write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Decode, Format, JsonDecode, JsonFormat};

use crate::form::StateForm;
use crate::processor::Processor;
use crate::topic::{Output, TopicId};

/// A processor in its place: what it is, and its outputs in the order that topics.yaml gives.
pub struct Node {
    pub(crate) processor: Box<dyn Processor>,
    /// None: it runs only because another one follows it.
    pub(crate) writes: Option<Vec<Output>>,
    /// The nodes that it follows, by index.
    pub(crate) leaders: Vec<usize>,
    pub(crate) is_followed: bool,
}

/// The topics that every topology needs.
#[derive(Debug, Clone, Copy)]
pub struct InnerTopics<'n> {
    /// Where records go that cannot be folded.
    pub dead_letters: &'n str,
    /// Where the state goes.
    pub changelog: &'n str,
    /// Where work for other partitions goes, and comes from.
    pub repartition: &'n str,
    /// Where requests to erase come from, if anywhere.
    pub erasures: Option<&'n str>,
}

/// A topology that cannot work.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopologyError {
    /// Two processors keep their state under the same byte. A programming error: give one another namespace.
    #[error("processors {0} and {1} share the state namespace {2:?}")]
    NamespaceTaken(String, String, char),
    /// The number of outputs in topics.yaml is not what the processor needs.
    #[error("processor {processor} writes {needed} topic(s), topics.yaml gives it {given}")]
    Outputs {
        /// The processor's name.
        processor: String,
        /// How many outputs it has.
        needed: usize,
        /// How many were declared.
        given: usize,
    },
    /// A processor that another one follows has to come before it.
    #[error(
        "processor {follower} follows {leader}, which does not come before it; list {leader} first in topics.yaml"
    )]
    NotBefore {
        /// Who follows.
        follower: String,
        /// Whom.
        leader: String,
    },
}

/// The processors and topics that one program runs. Shared by all tasks, and immutable, but for how large a dead letter may be:
/// that is found out anew where their topic refuses one.
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
    /// How large a dead letter may be.
    letter_bytes_max: AtomicUsize,
}

impl Topology {
    /// A topology with its inner topics and no processor yet.
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
        }
    }

    /// Lets no dead letter be larger than this, in bytes: what its topic and the client take. Until it is said there is no limit.
    pub fn limit_letters(&self, bytes: usize) {
        self.letter_bytes_max.store(bytes, Ordering::Release);
    }

    /// How large a dead letter may be, in bytes, with all that Kafka writes around it.
    #[must_use]
    pub fn letter_bytes_max(&self) -> usize {
        self.letter_bytes_max.load(Ordering::Acquire)
    }

    /// Adds a processor with the topics that it writes.
    ///
    /// # Errors
    /// The outputs do not fit the processor, or its namespace is taken: mend topics.yaml or the processor.
    pub fn add(&mut self, processor: Box<dyn Processor>, writes: &[&str]) -> Result<(), TopologyError> {
        if processor.outputs() != writes.len() {
            return Err(TopologyError::Outputs {
                processor: processor.name().to_owned(),
                needed: processor.outputs(),
                given: writes.len(),
            });
        }
        let writes = writes.iter().map(|name| self.output(name)).collect();
        self.place(processor, Some(writes))
    }

    /// Adds a processor only because others follow it: what it emits goes nowhere.
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

    /// Says what the records of a topic are written as, by all processors added so far that write it. Those of which nothing
    /// is said are JSON.
    pub fn set_format(&mut self, topic: &str, format: &Arc<dyn Format>) {
        let topic = self.topics.iter().position(|name| name == topic).map(TopicId);
        let outputs = self.nodes.iter_mut().filter_map(|node| node.writes.as_mut()).flatten();
        for output in outputs.filter(|output| Some(output.topic) == topic) {
            output.format = Arc::clone(format);
        }
    }

    /// Says how the input topics are read. Of which nothing is said they are JSON.
    pub fn set_decoder(&mut self, decoder: Arc<dyn Decode>) {
        self.decoder = decoder;
    }

    /// Says from which topics agents' states come (contract section 6.1). Until it is said there are none.
    pub fn set_agent_states(&mut self, topics: Vec<String>) {
        self.agent_states = topics;
    }

    /// Says in which form the processors keep their state. It is written down with the state, and a state of another form is
    /// refused. Where nothing is said, nothing is written and nothing refused.
    pub fn set_state_form(&mut self, form: StateForm) {
        self.state_form = Some(form);
    }

    /// The form in which the processors keep their state.
    #[must_use]
    pub fn state_form(&self) -> Option<&StateForm> {
        self.state_form.as_ref()
    }

    /// The schema that has to be learnt before a value of this topic can be read, if any.
    #[must_use]
    pub fn unknown_schema(&self, topic: &str, value: &[u8]) -> Option<u32> {
        self.decoder.unknown_schema(topic, value)
    }

    pub(crate) fn decoder(&self) -> &Arc<dyn Decode> {
        &self.decoder
    }

    fn output(&mut self, name: &str) -> Output {
        Output { topic: self.topic(name), format: Arc::new(JsonFormat) }
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

    /// Where records go that cannot be folded.
    #[must_use]
    pub fn dead_letters(&self) -> TopicId {
        self.dead_letters
    }

    /// Where the state goes.
    #[must_use]
    pub fn changelog(&self) -> TopicId {
        self.changelog
    }

    /// Where work for other partitions goes.
    #[must_use]
    pub fn repartition(&self) -> TopicId {
        self.repartition
    }

    /// Whether requests to erase come from this topic.
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

    /// The processors that keep a state, by name: a state belongs to those that made it.
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
