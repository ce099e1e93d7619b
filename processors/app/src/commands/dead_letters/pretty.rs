// SPDX-License-Identifier: Apache-2.0

//! Indented JSON with every name and number as it was written; a parser would normalize them.

use serde::de::IgnoredAny;

/// The indented text; `None` when it is not JSON.
pub(super) fn json(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut chars = text.chars().filter(|c| !c.is_control()).peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                out.push(c);
                while chars.next_if_eq(&' ').is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_numbers_their_digits() {
        let pretty = json("{\"b\":1.50, \"a\" : [12345678901234567890123 ,\n{}],\"c\":[ \t]}").unwrap();
        assert_eq!(
            pretty,
            "{\n  \"b\": 1.50,\n  \"a\": [\n    12345678901234567890123,\n    {}\n  ],\n  \"c\": []\n}"
        );
    }

    #[test]
    fn what_stands_in_a_string_is_left_alone() {
        let text = r#"{"a":"x, {\"y\": [1]}\\","b":"\\\""}"#;
        assert_eq!(json(text).unwrap(), "{\n  \"a\": \"x, {\\\"y\\\": [1]}\\\\\",\n  \"b\": \"\\\\\\\"\"\n}");
    }

    #[test]
    fn what_is_no_json_is_not_touched() {
        assert_eq!(json("not json"), None);
        assert_eq!(json("{\"a\":1"), None);
        assert_eq!(json("5").as_deref(), Some("5"));
    }
}
