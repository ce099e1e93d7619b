// SPDX-License-Identifier: Apache-2.0

//! Records of topic `cx.customers` (contract, section 6.2): a customer's conversations and repeat contacts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// A customer with the last conversations whose summary names the customer. The key is the plain customer id, without escapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerRecord<'a> {
    /// The customer.
    pub customer_id: Cow<'a, str>,
    /// The last 100 conversations, by start, then by id.
    pub conversations: Vec<CustomerConversation<'a>>,
    /// Number of listed conversations.
    pub count: u64,
    /// Number of them that began at most 24 hours after the customer's previous events.
    pub repeats_within_24h: u64,
    /// Number of them that began at most 72 hours after those.
    pub repeats_within_72h: u64,
}

/// A conversation as its customer's record lists it. All times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerConversation<'a> {
    /// The conversation.
    pub conversation_id: Cow<'a, str>,
    /// Time of its earliest event.
    pub started_at: i64,
    /// When it was last closed, if it is closed.
    pub closed_at: Option<i64>,
    /// Time of its latest event.
    pub last_event_at: i64,
    /// How it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// The first channel type of its events.
    pub channel: Option<Cow<'a, str>>,
    /// The queue of the customer's last visit.
    pub queue: Option<Cow<'a, str>>,
    /// The agent of the last stay that served.
    pub agent_id: Option<Cow<'a, str>>,
    /// Time from the last event of the conversations listed before it to its start, in milliseconds; 0 if they overlap, `None`
    /// for the first one.
    pub since_previous_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, text};

    #[test]
    fn a_customer_has_all_fields_in_order() {
        let record = CustomerRecord {
            customer_id: "cus".into(),
            conversations: vec![CustomerConversation {
                conversation_id: "c".into(),
                started_at: 1,
                closed_at: Some(3),
                last_event_at: 4,
                outcome: Some(Outcome::Handled),
                channel: Some("WEB".into()),
                queue: None,
                agent_id: Some("ann".into()),
                since_previous_ms: None,
            }],
            count: 1,
            repeats_within_24h: 0,
            repeats_within_72h: 0,
        };
        let written = text(|out| record.write_json(out));
        assert_eq!(serde_json::from_str::<CustomerRecord<'_>>(&written).unwrap(), record);
        assert_eq!(
            written,
            r#"{"customerId":"cus","conversations":[{"conversationId":"c","startedAt":1,"closedAt":3,"lastEventAt":4,"outcome":"HANDLED","channel":"WEB","queue":null,"agentId":"ann","sincePreviousMs":null}],"count":1,"repeatsWithin24h":0,"repeatsWithin72h":0}"#
        );
    }
}
