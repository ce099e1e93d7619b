// SPDX-License-Identifier: Apache-2.0

//! Whether the conversation was erased on request. The producers' topics may hold its events for some time; they must not
//! become a conversation again.

use std::collections::BTreeMap;

use engine::SourceRecord;
use model::ErasureRequest;

/// The ingestion time in epoch milliseconds; `None` when unknown.
pub type Came = Option<i64>;

/// The erasure requests that may concern the conversation.
#[derive(Debug)]
pub struct Erased {
    conversation: String,
    is_named: bool,
    /// Customers with an erasure request, and the time of the latest one.
    customers: BTreeMap<String, Came>,
}

impl Erased {
    /// Creates an empty list.
    pub fn new(conversation: &str) -> Self {
        Self { conversation: conversation.to_owned(), is_named: false, customers: BTreeMap::new() }
    }

    /// Takes a record of the topic of erasure requests. Like the pipeline, it ignores records that are no request.
    pub fn take(&mut self, record: &SourceRecord<'_>) {
        let Some(Ok(request)) = record.value.map(ErasureRequest::read) else { return };
        self.is_named |= request.conversation_id.as_deref() == Some(self.conversation.as_str());
        if let Some(customer) = request.customer_id {
            let asked = self.customers.entry(customer).or_default();
            *asked = (*asked).max(record.timestamp_ms);
        }
    }

    /// Whether a request concerns it: one that names it, or one for a customer whom its earlier events named.
    pub fn is_so(&self, customers: &BTreeMap<String, Came>) -> bool {
        let was_known = |(customer, came): (&String, &Came)| match (self.customers.get(customer), came) {
            (None, _) => false,
            (Some(Some(asked)), Some(came)) => came <= asked,
            // Without times, hide the conversation rather than show what must not be shown.
            (Some(_), _) => true,
        };
        self.is_named || customers.iter().any(was_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::NoHeaders;

    fn erased(requests: &[(&str, Came)]) -> Erased {
        let mut erased = Erased::new("c");
        for (value, timestamp_ms) in requests {
            erased.take(&SourceRecord {
                topic: "cx.erasures",
                partition: 0,
                offset: 0,
                timestamp_ms: *timestamp_ms,
                key: None,
                value: Some(value.as_bytes()),
                headers: &NoHeaders,
                conversation: None,
            });
        }
        erased
    }

    fn named(customer: &str, came: Came) -> BTreeMap<String, Came> {
        BTreeMap::from([(customer.to_owned(), came)])
    }

    #[test]
    fn a_request_that_names_it_counts_for_ever() {
        assert!(erased(&[(r#"{"conversationId":"c"}"#, Some(5))]).is_so(&BTreeMap::new()));
        assert!(!erased(&[(r#"{"conversationId":"d"}"#, Some(5)), ("?", None)]).is_so(&BTreeMap::new()));
    }

    #[test]
    fn a_request_for_a_customer_counts_for_conversations_that_were_there() {
        let asked = erased(&[(r#"{"customerId":"u"}"#, Some(3)), (r#"{"customerId":"u"}"#, Some(5))]);
        assert!(asked.is_so(&named("u", Some(5))));
        assert!(!asked.is_so(&named("u", Some(6))), "a later one is folded");
        assert!(!asked.is_so(&named("v", Some(1))));
        assert!(asked.is_so(&named("u", None)));
    }
}
