// SPDX-License-Identifier: Apache-2.0

//! A record as a value that any serde serializer writes like the record itself: with the same calls, struct by struct and field
//! by field. The records that a fold writes are behind a trait, which only this workspace's writers can write.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{LazyLock, Mutex};

use model::Json;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::value::RawValue;

/// The fields whose values are JSON text that is passed through.
const VERBATIM: [&str; 2] = ["body", "confidence"];

/// A value.
pub(crate) enum Node {
    Null,
    Flag(bool),
    Whole(i64),
    Double(f64),
    Text(String),
    Verbatim(Json<'static>),
    List(Vec<Node>),
    /// Names as static as those of a struct.
    Struct(Vec<(&'static str, Node)>),
}

impl Node {
    /// The value of a record's JSON.
    pub(crate) fn of(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_none(),
            Node::Flag(flag) => serializer.serialize_bool(*flag),
            Node::Whole(number) => serializer.serialize_i64(*number),
            Node::Double(number) => serializer.serialize_f64(*number),
            Node::Text(text) => serializer.serialize_str(text),
            Node::Verbatim(json) => json.serialize(serializer),
            Node::List(items) => serializer.collect_seq(items),
            Node::Struct(fields) => {
                let mut written = serializer.serialize_struct("Record", fields.len())?;
                for (name, value) in fields {
                    written.serialize_field(name, value)?;
                }
                written.end()
            }
        }
    }
}

/// The one copy of a name, for the benchmark's whole life.
fn kept(name: &str) -> &'static str {
    static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut names = NAMES.lock().unwrap();
    if let Some(name) = names.get(name) {
        return name;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name);
    name
}

/// Reads the value of a field; one that is passed through as text.
struct Field(&'static str);

impl<'de> DeserializeSeed<'de> for Field {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if !VERBATIM.contains(&self.0) {
            return Node::deserialize(deserializer);
        }
        let text = <&RawValue>::deserialize(deserializer)?.get().to_owned();
        Ok(if text == "null" { Node::Null } else { Node::Verbatim(Json::from_compact(Cow::Owned(text))) })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        number.try_into().map(Node::Whole).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Double(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let name = kept(&name);
            fields.push((name, map.next_value_seed(Field(name))?));
        }
        Ok(Node::Struct(fields))
    }
}
