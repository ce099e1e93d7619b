// SPDX-License-Identifier: Apache-2.0

//! The subjects of an erasure, and whether a record belongs to them. Independent of Kafka.

use std::borrow::Cow;
use std::collections::BTreeSet;

use folds::owner::Owner;
use folds::owners;
use model::{Event, Home, Limits};
use serde::Deserialize;

/// The identifiers in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Named {
    /// The conversation.
    pub conversation_id: Option<String>,
    /// The channel session of an activity, an entry, an event.
    pub channel_session_id: Option<String>,
    /// The customer.
    pub customer_id: Option<String>,
    /// The actor: what a customer did belongs to the customer (contract section 9).
    pub actor: Option<NamedActor>,
    /// The sessions of a summary.
    sessions: Vec<Session>,
    /// The conversations of a customer's record.
    conversations: Vec<Listed>,
}

/// An actor, which may be a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NamedActor {
    #[serde(rename = "type")]
    actor_type: Option<String>,
    id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Session {
    channel_session_id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Listed {
    conversation_id: Option<String>,
}

impl Named {
    /// The identifiers of an output record. All outputs use the same field names.
    pub fn of_output(value: &[u8]) -> Self {
        serde_json::from_slice(value).unwrap_or_default()
    }

    /// The identifiers of an event; `None` when it is no event.
    pub fn of_event(value: &[u8], topic_conversation: Option<&str>) -> Option<Self> {
        Some(Self::of(&decode(value, topic_conversation)?))
    }

    fn of(event: &Event<'_>) -> Self {
        let owned = |id: Option<&str>| id.map(str::to_owned);
        Self {
            conversation_id: owned(event.conversation_id.as_deref()),
            channel_session_id: owned(event.channel_session_id.as_deref()),
            customer_id: owned(event.customer_id.as_deref()),
            actor: event.actor.as_ref().map(|actor| NamedActor {
                actor_type: owned(actor.actor_type.as_deref()),
                id: owned(actor.id.as_deref()),
            }),
            sessions: Vec::new(),
            conversations: Vec::new(),
        }
    }

    /// The customers that the record belongs to.
    fn customers(&self) -> impl Iterator<Item = &String> {
        let is_customer = |actor: &&NamedActor| actor.actor_type.as_deref() == Some("CUSTOMER");
        let actor = self.actor.as_ref().filter(is_customer);
        self.customer_id.iter().chain(actor.and_then(|actor| actor.id.as_ref()))
    }

    /// The conversation that it is about, or those that it lists.
    fn all_conversations(&self) -> impl Iterator<Item = &String> {
        let listed = self.conversations.iter().filter_map(|listed| listed.conversation_id.as_ref());
        self.conversation_id.iter().chain(listed)
    }

    fn all_sessions(&self) -> impl Iterator<Item = &String> {
        let listed = self.sessions.iter().filter_map(|session| session.channel_session_id.as_ref());
        self.channel_session_id.iter().chain(listed)
    }
}

/// Converts a topic's record to JSON.
type Json<'j> = dyn for<'v> Fn(&str, Option<&'v [u8]>) -> anyhow::Result<Option<Cow<'v, [u8]>>> + 'j;

/// Limits on input do not apply: a record that is too large belongs to a subject as well.
fn decode<'v>(value: &'v [u8], topic_conversation: Option<&'v str>) -> Option<Event<'v>> {
    model::decode(value, topic_conversation, &Limits { value_bytes_max: usize::MAX, ..Limits::default() })
        .ok()
}

/// The conversations and customers, and what was learnt about them.
#[derive(Debug, Default)]
pub struct Subjects {
    /// The named conversations, and those of the customers.
    pub conversations: BTreeSet<String>,
    /// The customers.
    pub customers: BTreeSet<String>,
    /// The channel sessions of the conversations.
    sessions: BTreeSet<String>,
    /// Conversations that some record names.
    known: BTreeSet<String>,
    /// All ids as JSON strings, for records that cannot be decoded.
    words: Vec<String>,
}

impl Subjects {
    /// The named subjects.
    pub fn new(conversations: &[String], customers: &[String]) -> Self {
        let mut subjects = Self {
            conversations: conversations.iter().cloned().collect(),
            customers: customers.iter().cloned().collect(),
            ..Self::default()
        };
        subjects.write_words();
        subjects
    }

    /// Learns the customers' conversations.
    pub fn learn_conversations(&mut self, named: &Named) {
        if !self.are_customers(named) {
            return;
        }
        let new =
            named.all_conversations().filter(|conversation| !self.conversations.contains(*conversation));
        let new: Vec<String> = new.cloned().collect();
        if !new.is_empty() {
            self.conversations.extend(new);
            self.write_words();
        }
    }

    fn are_customers(&self, named: &Named) -> bool {
        named.customers().any(|customer| self.customers.contains(customer))
    }

    /// Learns the conversations' sessions, once all conversations are known.
    pub fn learn_sessions(&mut self, named: &Named) {
        let theirs =
            named.all_conversations().filter(|conversation| self.conversations.contains(*conversation));
        self.known.extend(theirs.cloned());
        if !named.conversation_id.as_ref().is_some_and(|conversation| self.has(conversation)) {
            return;
        }
        let new: Vec<String> =
            named.all_sessions().filter(|session| !self.sessions.contains(*session)).cloned().collect();
        if !new.is_empty() {
            self.sessions.extend(new);
            self.write_words();
        }
    }

    /// Conversations that no record names.
    pub fn unknown(&self) -> impl Iterator<Item = &String> {
        self.conversations.difference(&self.known)
    }

    /// Whether an output record belongs to the subjects.
    pub fn own_output(&self, value: &[u8]) -> bool {
        let named = Named::of_output(value);
        match &named.conversation_id {
            Some(conversation) => self.conversations.contains(conversation),
            // A customer's record.
            None if !named.conversations.is_empty() => {
                named.all_conversations().any(|conversation| self.has(conversation))
            }
            // An activity without a conversation, or the trace of an event that names only its session.
            None => {
                let session = named.channel_session_id.as_ref();
                self.are_customers(&named) || session.is_some_and(|session| self.sessions.contains(session))
            }
        }
    }

    /// Whether an input record or a dead letter belongs to the subjects. A record that cannot be decoded does if its key or
    /// topic does, or if it contains one of their ids as a JSON string.
    pub fn own_event(&self, key: Option<&[u8]>, value: &[u8], topic_conversation: Option<&str>) -> bool {
        let is_key = key.and_then(|key| std::str::from_utf8(key).ok()).is_some_and(|key| self.has(key));
        let is_theirs = match decode(value, topic_conversation) {
            Some(event) => self.own_decoded(&event),
            None => topic_conversation.is_some_and(|id| self.has(id)) || self.is_worded(value),
        };
        is_key || is_theirs
    }

    fn own_decoded(&self, event: &Event<'_>) -> bool {
        let is_home = match event.home() {
            Home::Conversation(id) => self.has(id),
            Home::Session(id) => self.sessions.contains(id),
            // A note without a target belongs to no conversation.
            Home::Activity(_) => false,
        };
        is_home || self.are_customers(&Named::of(event))
    }

    /// Whether a changelog record belongs to the subjects and has to be erased.
    pub fn own_state(&self, key: &[u8], value: &[u8]) -> bool {
        owners::of_state(key, value).is_some_and(|owned| !owned.stays && self.are(&owned.owner))
    }

    /// Whether a repartition message belongs to the subjects. `json` converts a topic's record to JSON.
    ///
    /// # Errors
    /// The carried record cannot be decoded now.
    pub fn own_message(&self, value: &[u8], json: &Json<'_>) -> anyhow::Result<bool> {
        if let Some(carried) = engine::Carried::of_message(value) {
            let record = carried.record();
            let value = json(record.topic, record.value)?.unwrap_or_default();
            return Ok(self.own_event(record.key, &value, record.conversation));
        }
        Ok(owners::of_message(value).is_some_and(|owner| self.are(&owner)))
    }

    /// Whether the owner is one of the subjects.
    pub fn are(&self, owner: &Owner<'_>) -> bool {
        match owner {
            Owner::Conversation(id) => self.has(id),
            Owner::Session(id) => self.sessions.contains(&**id),
            Owner::Customer(id) => self.customers.contains(&**id),
        }
    }

    fn has(&self, conversation: &str) -> bool {
        self.conversations.contains(conversation)
    }

    fn is_worded(&self, value: &[u8]) -> bool {
        self.words.iter().any(|word| contains(value, word.as_bytes()))
    }

    fn write_words(&mut self) {
        let ids = self.conversations.iter().chain(&self.customers).chain(&self.sessions);
        // Writing plain data into memory cannot fail.
        self.words = ids.map(|id| serde_json::to_string(id).unwrap_or_default()).collect();
    }
}

/// Whether the bytes contain these.
pub fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects() -> Subjects {
        let mut subjects = Subjects::new(&["c\"1".to_owned()], &["cus".to_owned()]);
        let summary = br#"{"conversationId":"c2","customerId":"cus","sessions":[{"channelSessionId":"s2"}]}"#;
        let others = br#"{"conversationId":"d","customerId":"other","channelSessionId":"s9"}"#;
        for named in [Named::of_output(summary), Named::of_output(others)] {
            subjects.learn_conversations(&named);
        }
        for named in [Named::of_output(summary), Named::of_output(others)] {
            subjects.learn_sessions(&named);
        }
        subjects
    }

    fn event(rest: &str) -> Vec<u8> {
        format!(r#"{{"id":"e","name":"X","timestamp":1750000000000,{rest}}}"#).into_bytes()
    }

    fn own(value: &[u8]) -> bool {
        subjects().own_event(None, value, None)
    }

    #[test]
    fn a_customers_conversations_and_their_sessions_are_learnt() {
        let subjects = subjects();
        assert_eq!(subjects.conversations.iter().collect::<Vec<_>>(), ["c\"1", "c2"]);
        assert_eq!(subjects.sessions.iter().collect::<Vec<_>>(), ["s2"]);
        assert_eq!(subjects.unknown().collect::<Vec<_>>(), ["c\"1"]);
    }

    #[test]
    fn an_event_belongs_to_its_conversation_and_only_without_one_to_its_session() {
        assert!(own(&event(r#""conversationId":"c2""#)));
        assert!(own(&event(r#""channelSession":{"id":"s2"}"#)));
        assert!(!own(&event(r#""conversationId":"d","channelSession":{"id":"s2"}"#)));
        assert!(own(&event(
            r#""conversationId":"new","channelSession":{"id":"s","customer":{"_id":"cus"}}"#
        )));
        assert!(!own(&event(r#""conversationId":"d","data":{"text":"c2"}"#)), "it only speaks of it");
    }

    #[test]
    fn a_customers_is_also_what_he_did_and_a_note_of_his_that_stands_alone() {
        let by = |actor: &str| {
            format!(
                r#""conversationId":"new","data":{{"header":{{"sender":{{"type":"{actor}","id":"cus"}}}}}}"#
            )
        };
        assert!(own(&event(&by("CUSTOMER"))) && !own(&event(&by("AGENT"))));
        let by_channel = r#""conversationId":"new","data":{"header":{"sender":{"type":"CUSTOMER","id":"x"},"channelData":{"channelCustomerIdentifier":"cus"}}}"#;
        assert!(own(&event(by_channel)));
        let note = br#"{"id":"e","name":"THIRD_PARTY_ACTIVITY","timestamp":1750000000000,"data":{"id":"n","body":{"type":"NOTE"},"customer":{"_id":"cus"}}}"#;
        assert!(own(note));
        assert!(subjects().own_output(br#"{"activityId":"n","conversationId":null,"customerId":"cus"}"#));
        let mut subjects = subjects();
        let entry = br#"{"conversationId":"c7","actor":{"type":"CUSTOMER","id":"cus","name":null}}"#;
        subjects.learn_conversations(&Named::of_output(entry));
        assert!(subjects.conversations.contains("c7"));
    }

    #[test]
    fn what_cannot_be_read_belongs_to_whom_it_names_as_a_text() {
        assert!(own(br#"{"conversationId":"c2","#));
        assert!(own(br#"["c\"1""#));
        assert!(!own(br#"{"conversationId":"c22","#));
        assert!(!own(b"c2"));
        assert!(subjects().own_event(None, b"not json", Some("c2")), "by its topic");
        assert!(subjects().own_event(Some(b"c2"), b"not json", None), "by its key");
    }

    #[test]
    fn an_output_belongs_to_its_conversation_and_a_trace_without_one_to_its_session() {
        let subjects = subjects();
        assert!(subjects.own_output(br#"{"conversationId":"c\"1","activityId":"m"}"#));
        assert!(subjects.own_output(br#"{"eventId":"e","conversationId":null,"channelSessionId":"s2"}"#));
        assert!(!subjects.own_output(br#"{"conversationId":"d","channelSessionId":"s2"}"#));
        assert!(!subjects.own_output(br#"{"dimension":"agent","id":"c2"}"#));
    }

    #[test]
    fn a_customers_record_is_theirs_while_it_lists_one_of_them_and_tells_which_are_his() {
        let record =
            br#"{"customerId":"cus","conversations":[{"conversationId":"c8"},{"conversationId":"c9"}]}"#;
        let others =
            br#"{"customerId":"other","conversations":[{"conversationId":"c2"},{"conversationId":"d"}]}"#;
        let newer = br#"{"customerId":"other","conversations":[{"conversationId":"d"}]}"#;
        let mut subjects = subjects();
        assert!(!subjects.own_output(record) && subjects.own_output(others) && !subjects.own_output(newer));
        subjects.learn_conversations(&Named::of_output(record));
        subjects.learn_sessions(&Named::of_output(record));
        assert!(subjects.own_output(record) && subjects.conversations.contains("c9"));
        assert!(!subjects.unknown().any(|id| id == "c9") && !subjects.conversations.contains("d"));
    }

    #[test]
    fn messages_and_state_belong_to_their_conversation() {
        let subjects = subjects();
        let own_message =
            |value: &[u8]| subjects.own_message(value, &|_, value| Ok(value.map(Cow::Borrowed))).unwrap();
        assert!(own_message(b"hLc2") && !own_message(b"hLd") && !own_message(b"m??"));
        assert!(subjects.own_state(b"ac2/m", b"x") && !subjects.own_state(b"ad/m", b"x"));
        assert!(!subjects.own_state(b"hps2", b"c2"), "the pair has to stay");
        for (own, others) in
            [("kex/c2", "kex/d"), ("kccus", "kcd"), ("koc2", "kod"), ("kx12345678cus", "kx12345678d")]
        {
            assert!(subjects.own_state(own.as_bytes(), b"x") && !subjects.own_state(others.as_bytes(), b"x"));
        }
    }

    #[test]
    fn bytes_hold_what_stands_in_them() {
        assert!(contains(b"abc", b"bc") && !contains(b"abc", b"ac") && !contains(b"abc", b""));
    }
}
