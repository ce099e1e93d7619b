// SPDX-License-Identifier: Apache-2.0

//! Decoding of input topics, some of which are Avro.

use std::sync::Arc;

use model::{AgentNews, Decode, Event, JsonDecode, Limits, NotDecoded, Origin};

use crate::read::Plans;

/// Whether a topic is Avro.
type IsAvro = dyn Fn(&str) -> bool + Send + Sync;

/// Decodes Avro topics, and JSON topics otherwise. It never sends a request; it reports an unknown schema.
pub struct Inputs {
    plans: Arc<Plans>,
    is_avro: Box<IsAvro>,
}

impl Inputs {
    /// Decodes the topics selected by `is_avro` with these plans.
    pub fn new(plans: Arc<Plans>, is_avro: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Inputs { plans, is_avro: Box::new(is_avro) }
    }
}

impl Decode for Inputs {
    fn unknown_schema(&self, topic: &str, value: &[u8]) -> Option<u32> {
        if (self.is_avro)(topic) { self.plans.unknown_id(value) } else { None }
    }

    fn decode<'a>(
        &self,
        topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Event<'a>, NotDecoded> {
        if (self.is_avro)(topic) {
            self.plans.decode(value, origin, limits, scratch)
        } else {
            JsonDecode.decode(topic, value, origin, limits, scratch)
        }
    }

    fn decode_agent<'a>(
        &self,
        topic: &str,
        value: &'a [u8],
        origin: Origin<'a>,
        limits: &Limits,
        scratch: &'a mut Vec<u8>,
    ) -> Result<AgentNews<'a>, NotDecoded> {
        if (self.is_avro)(topic) {
            self.plans.decode_agent(value, origin, limits, scratch)
        } else {
            JsonDecode.decode_agent(topic, value, origin, limits, scratch)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_is_read_as_what_it_is() {
        let inputs = Inputs::new(Arc::default(), |topic| topic == "avro");
        let json = br#"{"id":"e","name":"X","timestamp":1750000000000,"conversationId":"c"}"#;
        let read = |topic, value| {
            let mut scratch = Vec::new();
            inputs
                .decode(topic, value, Origin::default(), &Limits::default(), &mut scratch)
                .map(|event| event.id.to_string())
        };
        assert_eq!(read("json", json.as_slice()).as_deref(), Ok("e"));
        assert!(read("avro", json).unwrap_err().to_string().contains("wire format"));
        assert_eq!(read("avro", b"\0\0\0\0\x07data").unwrap_err(), NotDecoded::UnknownSchema(7));
    }
}
