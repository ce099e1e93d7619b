// SPDX-License-Identifier: Apache-2.0

//! Identity of reactions: which reactions are the same one (rule A5).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::stored::StoredActor;

/// The reacting actor; all customers of a conversation are one actor.
pub(super) type Who<'a> = (Option<&'a str>, Option<&'a str>);

/// Identity of a reaction. The last event of an identity decides.
pub(super) type Identity<'a> = (Who<'a>, u8, Cow<'a, str>);

/// The reacting actor; `None` if unknown.
pub(super) fn who(actor: Option<StoredActor<'_>>, of_conversation: bool) -> Option<Who<'_>> {
    let actor = actor?;
    let id = actor.id?;
    let is_one = of_conversation && actor.is_customer();
    Some((actor.actor_type(), if is_one { None } else { Some(id) }))
}

/// Normalizes a value: without variation selectors, in Unicode NFC.
pub(super) fn spelling(value: &str) -> Cow<'_, str> {
    if value.is_ascii() {
        return Cow::Borrowed(value);
    }
    let bare = value.chars().filter(|c| !matches!(c, '\u{fe0e}' | '\u{fe0f}'));
    Cow::Owned(bare.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_is_one_with_and_without_a_variation_selector_and_an_accent_however_it_is_composed() {
        assert_eq!(spelling("\u{2764}\u{fe0f}"), spelling("\u{2764}"));
        assert_eq!(spelling("e\u{301}"), spelling("\u{e9}"));
        assert_ne!(spelling("\u{1f44d}"), spelling("\u{1f44e}"));
        assert!(matches!(spelling("LIKE"), Cow::Borrowed("LIKE")));
    }
}
