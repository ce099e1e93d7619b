// SPDX-License-Identifier: Apache-2.0

//! A hash of a JSON value, independent of its spelling: order of fields, whitespace, escapes and number formats do not matter.
//! Of a repeated field the last counts.

use xxhash_rust::xxh64::xxh64;

use crate::reader::{Reader, Refused};

/// The hash of a JSON text. Text that is not JSON counts as a string.
pub(crate) fn value_hash(text: &str) -> u64 {
    let mut json = Reader::new(text);
    of_value(&mut json).and_then(|hash| json.end().map(|()| hash)).unwrap_or_else(|_| of_text(text))
}

/// The prefix for each type of value, so that types never collide.
#[derive(Clone, Copy)]
enum Shape {
    Null = 1,
    Bool = 2,
    Number = 3,
    Text = 4,
    Array = 5,
    Object = 6,
}

fn of(shape: Shape, bytes: &[u8]) -> u64 {
    xxh64(bytes, shape as u64)
}

fn of_text(text: &str) -> u64 {
    of(Shape::Text, text.as_bytes())
}

/// All numbers as doubles: `1`, `1.0` and `1e0` are equal.
fn of_number(number: f64) -> u64 {
    let number = if number == 0.0 { 0.0 } else { number };
    of(Shape::Number, &number.to_bits().to_le_bytes())
}

fn of_value(json: &mut Reader<'_>) -> Result<u64, Refused> {
    Ok(match json.peek()? {
        b'"' => of_text(&json.string()?.to_text()),
        // The reader has checked that a double can represent it.
        b'-' | b'0'..=b'9' => of_number(json.number()?.text.parse().unwrap_or_default()),
        b'[' => {
            let mut parts = Vec::new();
            json.array(|json| {
                parts.push(of_value(json)?.to_le_bytes());
                Ok(())
            })?;
            of(Shape::Array, parts.as_flattened())
        }
        b'{' => of_object(json)?,
        word => {
            json.skip()?;
            match word {
                b'n' => of(Shape::Null, b""),
                word => of(Shape::Bool, &[u8::from(word == b't')]),
            }
        }
    })
}

fn of_object(json: &mut Reader<'_>) -> Result<u64, Refused> {
    // The hashes of each name and its value. Most objects fit.
    let mut parts: Vec<[[u8; 8]; 2]> = Vec::with_capacity(8);
    json.object(|json, name| {
        let name = of(Shape::Text, &name.to_bytes());
        parts.push([name.to_le_bytes(), of_value(json)?.to_le_bytes()]);
        Ok(())
    })?;
    // Equal names keep their order.
    parts.sort_by_key(|[name, _]| u64::from_le_bytes(*name));
    parts.dedup_by(|later, kept| {
        let is_repeated = later[0] == kept[0];
        if is_repeated {
            kept[1] = later[1];
        }
        is_repeated
    });
    Ok(of(Shape::Object, parts.as_flattened().as_flattened()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn same(a: &str, b: &str) -> bool {
        value_hash(a) == value_hash(b)
    }

    #[test]
    fn the_same_value_has_the_same_number_however_it_is_spelled() {
        assert!(same(r#"{"a":1,"b":[true,null]}"#, r#"{ "b": [true, null], "a": 1.0 }"#));
        assert!(same(r#""\ud83c\uddea""#, "\"🇪\""));
        assert!(same("1e2", "100") && same("-0.0", "0") && same("0.1", "1e-1"));
        assert!(same(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), "of a repeated field the last counts");
    }

    #[test]
    fn other_values_have_other_numbers() {
        let texts = [
            "null",
            "false",
            "true",
            "0",
            "1",
            r#""""#,
            r#""0""#,
            "[]",
            "{}",
            "[0]",
            "[[0]]",
            "[0,1]",
            "[1,0]",
            r#"{"a":0}"#,
            r#"{"a":1}"#,
            r#"{"b":0}"#,
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            r#"{"a":"b","c":"d"}"#,
            r#"{"a":"d","c":"b"}"#,
        ];
        for (place, text) in texts.iter().enumerate() {
            for other in texts.iter().skip(place + 1) {
                assert!(!same(text, other), "{text} {other}");
            }
        }
    }

    #[test]
    fn the_numbers_lie_in_stored_state_and_stay() {
        let text = r#"{"type":"PLAIN","a\n":[1,-2.5e3,[],{}],"a":{"x":null,"x":true},"\u00e9":"\ud83c\uddea","":false}"#;
        assert_eq!(value_hash(text), 5_224_318_910_983_490_649);
    }

    proptest! {
        #[test]
        fn pretty_and_compact_and_shuffled_objects_agree(
            fields in prop::collection::vec(("\\PC{0,4}", any::<i32>()), 0..6),
        ) {
            let object: serde_json::Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
            let backwards: Vec<String> =
                object.iter().rev().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            let backwards = format!("{{{}}}", backwards.join(" ,\n"));
            let pretty = serde_json::to_string_pretty(&object).unwrap();
            prop_assert!(same(&pretty, &backwards));
        }
    }
}
