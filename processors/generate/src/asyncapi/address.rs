// SPDX-License-Identifier: Apache-2.0

//! The address of a channel: a topic's name, or what a pattern of names has in common.

use crate::Name;
use crate::json::{Json, object};

/// The address of a channel, and its parameters. That of a pattern is null, unless it is plain text with one group.
pub(super) fn address(name: &Name) -> (Json, Option<Json>) {
    match name {
        Name::Exact(name) => (name.as_str().into(), None),
        Name::Pattern(pattern) => match template(pattern) {
            Some((address, parameter)) => {
                let about = object().with("description", format!("A name by the pattern {pattern}"));
                (address.into(), Some(object().with(&parameter, about)))
            }
            None => (Json::Null, None),
        },
    }
}

/// `^cx\.conversation\.(?<conversation>.+)$` is `cx.conversation.{conversation}`.
fn template(pattern: &str) -> Option<(String, String)> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let (before, group) = inner.split_once("(?<")?;
    let (name, _) = group.strip_suffix(')')?.split_once('>')?;
    let before = before.replace("\\.", ".").replace("\\-", "-");
    let is_plain = before.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    (is_plain && !group.contains("(?<")).then(|| (format!("{before}{{{name}}}"), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_plain_text_and_one_group_is_an_address_with_a_parameter() {
        let found = template(r"^cx\.conversation\.(?<conversation>.+)$");
        assert_eq!(found, Some(("cx.conversation.{conversation}".to_owned(), "conversation".to_owned())));
        assert_eq!(template(r"^cx\.(a|b)\.(?<conversation>.+)$"), None);
        assert_eq!(template("cx.conversation"), None);
    }
}
