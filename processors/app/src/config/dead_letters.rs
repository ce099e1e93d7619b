// SPDX-License-Identifier: Apache-2.0

//! The section `dead_letters`: the headers of dead letters besides our own.

use engine::LetterHeaders;
use serde_json::Value;

use super::tree::{Errors, Node};

const STREAMS: &str = "streams";
const CONNECT: &str = "connect";

pub(super) fn headers(value: Option<&Value>, errors: &mut Errors) -> LetterHeaders {
    let mut headers = LetterHeaders::default();
    let Some(value) = value else { return headers };
    let mut node = Node::new("dead_letters", value, errors);
    let place = node.place("headers");
    for (index, name) in node.texts("headers", errors).iter().enumerate() {
        match name.as_str() {
            STREAMS => headers.streams = true,
            CONNECT => headers.connect = true,
            _ => errors.add(
                &format!("{place}[{index}]"),
                format_args!("{name:?} is none of: {STREAMS}, {CONNECT}; cx.error.* is always there"),
            ),
        }
    }
    node.finish(errors);
    headers
}
