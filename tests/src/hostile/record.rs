// SPDX-License-Identifier: Apache-2.0

//! A record that is sent, and what must become of it: known where it is made, without asking the program.

use serde_json::{Map, Value, json};

/// The topic of all events that have none of their own.
pub(super) const INPUT: &str = "cx.events";
/// Requests to erase.
pub(super) const REQUESTS: &str = "cx.erasures";

/// What must become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is folded, or said before: it is no dead letter.
    Taken,
    /// It is a dead letter with this reason, once.
    Letter(&'static str),
    /// It waits, and is a dead letter with this reason, once, when the time of the events has gone on.
    LetterInTheEnd(&'static str),
    /// It is folded, or a dead letter `erased` without its value: that depends on when its conversation was erased.
    TakenOrErased,
}

/// Where it is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placement {
    /// The partition of this conversation, or of whatever else it is keyed by.
    Of(String),
    /// Any other partition than that, by chance: it has to be moved.
    NotOf(String),
}

/// A record that is sent.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Its topic.
    pub(super) topic: String,
    /// Its key.
    pub(super) key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub(super) value: Option<Vec<u8>>,
    /// Its own headers.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// Its Kafka timestamp, in epoch milliseconds.
    pub(super) timestamp_ms: i64,
    /// Its partition.
    pub(super) place: Placement,
    /// What must become of it.
    pub(super) fate: Fate,
}

impl Record {
    /// How many bytes it is.
    pub(super) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers
    }
}

/// What a final record must be, besides what `fold` makes of the same events.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// The record's topic.
    pub(super) topic: &'static str,
    /// The record's key.
    pub(super) key: String,
    /// What is said of it.
    pub(super) is: Is,
}

/// What is said of a final record.
#[derive(Debug, Clone)]
pub(super) enum Is {
    /// There is none, or it was removed.
    Gone,
    /// What lies at this JSON pointer is this.
    At(&'static str, Value),
    /// The list at this JSON pointer has so many items.
    Long(&'static str, usize),
    /// The text at this JSON pointer has at most so many bytes.
    TextUpTo(&'static str, usize),
    /// It holds these bytes nowhere.
    Without(String),
}

/// Records of one kind that belong together, to be sent in this order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// What is bad about them, in a word or two.
    pub(super) what: &'static str,
    /// The records.
    pub(super) records: Vec<Record>,
    /// What must come of them.
    pub(super) claims: Vec<Claim>,
    /// `fold` says nothing of them: the order of arrival in several partitions decides, or they are erased.
    pub(super) is_beyond_fold: bool,
    /// Conversations of which nothing is known any more in the end.
    pub(super) conversations: Vec<String>,
}

/// What one batch is made of: names that no other batch has, and the time.
#[derive(Debug)]
pub(super) struct Maker {
    /// No other batch's ids begin with it.
    pub(super) prefix: String,
    /// The time that it is, in epoch milliseconds.
    pub(super) now_ms: i64,
    count: i64,
    /// Every so many records lie in a wrong partition; 0: none.
    misplaced_every: usize,
    pub(super) batch: Batch,
}

impl Maker {
    pub(super) fn new(prefix: String, now_ms: i64, misplaced_every: usize) -> Self {
        Self { prefix, now_ms, count: 0, misplaced_every, batch: Batch::default() }
    }

    /// An id that no other batch has.
    pub(super) fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// An id of exactly so many bytes, all but its beginning this character.
    pub(super) fn long_id(&self, name: &str, fill: char, bytes: usize) -> String {
        let mut id = self.id(name);
        while id.len() + fill.len_utf8() <= bytes {
            id.push(fill);
        }
        while id.len() < bytes {
            id.push('x');
        }
        id
    }

    /// The next event's time: each is a little later, all are a little ago.
    pub(super) fn next_at(&mut self) -> i64 {
        self.count += 1;
        self.now_ms - 60_000 + self.count
    }

    /// An event of a conversation; `fields` are laid over those that every event has.
    pub(super) fn event(&mut self, id: &str, name: &str, conversation: Option<&str>, fields: Value) -> Value {
        let at = self.next_at();
        let mut event = json!({"id": id, "name": name, "timestamp": at});
        if let Some(conversation) = conversation {
            event["conversationId"] = conversation.into();
        }
        let Value::Object(fields) = fields else { panic!("an event has fields") };
        event.as_object_mut().unwrap().extend(fields);
        event
    }

    /// Sends what is not an event, or not any more, to this conversation's partition.
    pub(super) fn raw(&mut self, home: &str, value: Option<Vec<u8>>, fate: Fate) -> &mut Record {
        let number = self.batch.records.len() + 1;
        let is_misplaced = self.misplaced_every > 0 && number.is_multiple_of(self.misplaced_every);
        let place =
            if is_misplaced { Placement::NotOf(home.to_owned()) } else { Placement::Of(home.to_owned()) };
        self.batch.records.push(Record {
            topic: INPUT.to_owned(),
            key: Some(home.as_bytes().to_vec()),
            value,
            headers: Vec::new(),
            timestamp_ms: self.now_ms,
            place,
            fate,
        });
        self.batch.records.last_mut().unwrap()
    }

    /// Sends an event to its conversation's partition.
    pub(super) fn send(&mut self, home: &str, event: &Value, fate: Fate) -> &mut Record {
        self.raw(home, Some(event.to_string().into_bytes()), fate)
    }

    /// Sends a valid event.
    pub(super) fn good(&mut self, home: &str, event: &Value) -> &mut Record {
        self.send(home, event, Fate::Taken)
    }

    /// Sends valid events.
    pub(super) fn all_good(&mut self, home: &str, events: &[Value]) {
        for event in events {
            self.good(home, event);
        }
    }

    /// A valid event of a conversation, made and sent.
    pub(super) fn tell(&mut self, conversation: &str, id: &str, name: &str, data: Value) -> &mut Record {
        let fields = Map::from_iter([("data".to_owned(), data)]);
        let event = self.event(id, name, Some(conversation), Value::Object(fields));
        self.good(conversation, &event)
    }

    /// Says something of a final record.
    pub(super) fn claim(&mut self, topic: &'static str, key: String, is: Is) {
        self.batch.claims.push(Claim { topic, key, is });
    }

    /// No record of it may lie in a wrong partition: the order counts.
    pub(super) fn in_order(&mut self) {
        self.misplaced_every = 0;
    }
}

/// A customer's message.
pub(super) fn message(id: &str, text: &str) -> Value {
    json!({"id": id, "header": {"sender": {"type": "CONNECTOR", "id": "web", "senderName": "Web"}},
        "body": {"type": "PLAIN", "markdownText": text}})
}

/// An agent's message.
pub(super) fn by_agent(id: &str, agent: &str, text: &str) -> Value {
    json!({"id": id, "header": {"sender": {"type": "AGENT", "id": agent, "senderName": "Ann"}},
        "body": {"type": "PLAIN", "markdownText": text}})
}

/// A text of so many bytes.
pub(super) fn text_of(bytes: usize) -> String {
    "lorem ipsum dolor sit amet, ".chars().cycle().take(bytes).collect()
}

/// The event's JSON, made exactly so long by spaces at its end.
pub(super) fn filled_up(event: &Value, bytes: usize) -> Vec<u8> {
    let mut value = event.to_string().into_bytes();
    assert!(value.len() <= bytes, "{} bytes are more than {bytes}", value.len());
    value.resize(bytes, b' ');
    value
}
