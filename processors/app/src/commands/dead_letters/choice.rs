// SPDX-License-Identifier: Apache-2.0

//! Which dead letters the flags select.

use super::letter::Letter;
use crate::cli::dead_letters::Choice;

impl Choice {
    /// Whether it is selected.
    pub fn takes(&self, letter: &Letter) -> bool {
        let is_of_reason =
            self.reasons.is_empty() || self.reasons.iter().any(|r| r.as_str() == letter.reason);
        let is_in_time = match letter.at_ms {
            Some(at) => self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to),
            // A letter without a time is in no range.
            None => self.from.is_none() && self.to.is_none(),
        };
        is_of_reason && is_in_time
    }
}

#[cfg(test)]
mod tests {
    use model::Reason;

    use super::*;
    use crate::commands::dead_letters::letter::tests::letter;

    #[test]
    fn without_flags_every_letter_is_chosen() {
        assert!(Choice::default().takes(&letter("malformed", Some(5))));
        assert!(Choice::default().takes(&letter("a-reason-of-the-future", None)));
    }

    #[test]
    fn any_of_the_reasons_will_do() {
        let choice = Choice { reasons: vec![Reason::Malformed, Reason::NoKey], ..Choice::default() };
        assert!(choice.takes(&letter("no-key", None)) && choice.takes(&letter("malformed", None)));
        assert!(!choice.takes(&letter("erased", None)));
    }

    #[test]
    fn from_is_inside_and_to_is_not() {
        let choice = Choice { from: Some(10), to: Some(20), ..Choice::default() };
        let taken = [9, 10, 19, 20].map(|at| choice.takes(&letter("malformed", Some(at))));
        assert_eq!(taken, [false, true, true, false]);
        assert!(!choice.takes(&letter("malformed", None)), "it says no time");
    }
}
