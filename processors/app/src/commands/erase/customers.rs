// SPDX-License-Identifier: Apache-2.0

//! Customer records that still list an erased conversation, of customers who have left the state, so that the pipeline does not
//! write them again. The command writes them without the conversation, with the pipeline's own function.

use avro::{AvroFormat, Schema};
use engine::HEADER_SCHEMA;
use model::{CustomerRecord, Format, JsonFormat};
use rdkafka::message::{Headers, Message};

/// The value of a customer's record, given as JSON, without the erased conversations; `None` for a tombstone, if no other
/// conversation is listed or the record has another format.
pub fn without(message: &impl Message, json: &[u8], is_erased: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
    let of_schema = |schema: &[u8]| schema == folds::customers::PRODUCT.schema.as_bytes();
    let mut headers = message.headers().into_iter().flat_map(Headers::iter);
    headers.find(|header| header.key == HEADER_SCHEMA && header.value.is_some_and(of_schema))?;
    let CustomerRecord { customer_id, mut conversations, .. } = serde_json::from_slice(json).ok()?;
    conversations.retain(|listed| !is_erased(&listed.conversation_id));
    if conversations.is_empty() {
        return None;
    }
    let record = folds::customers::record_of(&customer_id, conversations);
    let mut value = Vec::new();
    // Encode it as the record was, with its schema id.
    match message.payload().and_then(avro::split) {
        Some((schema_id, _)) => {
            AvroFormat::new(schema_id, &Schema::CUSTOMER).ok()?.write(&record, &mut value);
        }
        None => JsonFormat.write(&record, &mut value),
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    const RECORD: &str = r#"{"customerId":"cus","conversations":[{"conversationId":"a","startedAt":1,"closedAt":2,"lastEventAt":3,"outcome":"HANDLED","channel":"WEB","queue":"q","agentId":"ann","sincePreviousMs":null},{"conversationId":"b","startedAt":5,"closedAt":null,"lastEventAt":5,"outcome":null,"channel":null,"queue":null,"agentId":null,"sincePreviousMs":2}],"count":2,"repeatsWithin24h":1,"repeatsWithin72h":1}"#;

    fn message(schema: &str) -> OwnedMessage {
        let headers = OwnedHeaders::new().insert(Header { key: HEADER_SCHEMA, value: Some(schema) });
        let payload = Some(RECORD.as_bytes().to_vec());
        OwnedMessage::new(payload, None, "t".to_owned(), Timestamp::NotAvailable, 0, 0, Some(headers))
    }

    fn left(schema: &str, erased: &[&str]) -> Option<String> {
        let value = without(&message(schema), RECORD.as_bytes(), |id| erased.contains(&id))?;
        Some(String::from_utf8(value).unwrap())
    }

    #[test]
    fn the_others_stay_and_are_counted_anew() {
        assert_eq!(left("customer/1", &[]).as_deref(), Some(RECORD));
        let of_b = r#"{"customerId":"cus","conversations":[{"conversationId":"b","startedAt":5,"closedAt":null,"lastEventAt":5,"outcome":null,"channel":null,"queue":null,"agentId":null,"sincePreviousMs":null}],"count":1,"repeatsWithin24h":0,"repeatsWithin72h":0}"#;
        assert_eq!(left("customer/1", &["a"]).as_deref(), Some(of_b));
        assert_eq!(left("customer/1", &["a", "b"]), None);
    }

    #[test]
    fn a_record_of_another_form_goes_as_a_whole() {
        assert_eq!(left("customer/2", &["a"]), None);
    }
}
