//! The records of topic `cx.customers` (contract, section 6.2): a customer's conversations, and how soon he came back.

use serde::Serialize;

use crate::Outcome;

/// A customer, with the last conversations whose summary names him. Its key is the customer's id as it is, without escapes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerRecord<'a> {
    /// The customer.
    pub customer_id: &'a str,
    /// The last 100 of his conversations, by start, then by id.
    pub conversations: Vec<CustomerConversation<'a>>,
    /// How many are listed.
    pub count: u64,
    /// How many of them began at most 24 hours after the customer's events before.
    pub repeats_within_24h: u64,
    /// How many began at most 72 hours after them.
    pub repeats_within_72h: u64,
}

/// A conversation as its customer's record lists it. All times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerConversation<'a> {
    /// The conversation.
    pub conversation_id: &'a str,
    /// The least time of its events.
    pub started_at: i64,
    /// When it was closed last, if it is closed.
    pub closed_at: Option<i64>,
    /// The greatest time of its events.
    pub last_event_at: i64,
    /// How it ended; none while it is open.
    pub outcome: Option<Outcome>,
    /// The first channel type of its events.
    pub channel: Option<&'a str>,
    /// The queue of the customer's last visit.
    pub queue: Option<&'a str>,
    /// The agent of the last stay that served.
    pub agent_id: Option<&'a str>,
    /// From the last event of those listed before it to its start, in milliseconds, 0 where they overlap; none for the first one.
    pub since_previous_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::text;

    #[test]
    fn a_customer_has_all_fields_in_order() {
        let record = CustomerRecord {
            customer_id: "cus",
            conversations: vec![CustomerConversation {
                conversation_id: "c",
                started_at: 1,
                closed_at: Some(3),
                last_event_at: 4,
                outcome: Some(Outcome::Handled),
                channel: Some("WEB"),
                queue: None,
                agent_id: Some("ann"),
                since_previous_ms: None,
            }],
            count: 1,
            repeats_within_24h: 0,
            repeats_within_72h: 0,
        };
        assert_eq!(
            text(|out| record.write_json(out)),
            r#"{"customerId":"cus","conversations":[{"conversationId":"c","startedAt":1,"closedAt":3,"lastEventAt":4,"outcome":"HANDLED","channel":"WEB","queue":null,"agentId":"ann","sincePreviousMs":null}],"count":1,"repeatsWithin24h":0,"repeatsWithin72h":0}"#
        );
    }
}
