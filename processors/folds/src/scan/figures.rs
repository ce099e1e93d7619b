// SPDX-License-Identifier: Apache-2.0

//! Contributions of a conversation's activities to its summary, each from its own fold.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// Sums over a conversation's activities. A changed activity's old share is subtracted, and its new share added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActivityFigures {
    /// Activities that were delivered or read.
    pub(crate) delivered: i64,
    /// Activities that were read.
    pub(crate) read: i64,
    /// Activities whose delivery failed.
    pub(crate) failed: i64,
    /// Number of `RESPONSE` reactions shown on survey questions.
    pub(crate) survey_answers: i64,
    /// Total length of call legs with a known length, without hold time.
    pub(crate) talk_ms: i64,
    /// Total hold time within call legs.
    pub(crate) call_hold_ms: i64,
    /// Number of `RESPONSE`s from replies with a known target; each is a reaction without an event of its own.
    pub(crate) reply_reactions: i64,
}

impl ActivityFigures {
    fn combined(self, other: Self, with: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            delivered: with(self.delivered, other.delivered),
            read: with(self.read, other.read),
            failed: with(self.failed, other.failed),
            survey_answers: with(self.survey_answers, other.survey_answers),
            talk_ms: with(self.talk_ms, other.talk_ms),
            call_hold_ms: with(self.call_hold_ms, other.call_hold_ms),
            reply_reactions: with(self.reply_reactions, other.reply_reactions),
        }
    }
}

impl Add for ActivityFigures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.combined(other, i64::saturating_add)
    }
}

impl Sub for ActivityFigures {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.combined(other, i64::saturating_sub)
    }
}

impl AddAssign for ActivityFigures {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for ActivityFigures {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_taken_back_by_subtraction() {
        let some = ActivityFigures {
            delivered: 1,
            read: 2,
            failed: 3,
            survey_answers: 4,
            talk_ms: 5,
            call_hold_ms: 7,
            reply_reactions: 6,
        };
        let mut sum = some + some;
        assert_eq!((sum.delivered, sum.talk_ms, sum.reply_reactions), (2, 10, 12));
        sum -= some;
        assert_eq!(sum, some);
        sum += some;
        assert_eq!(sum - some - some, ActivityFigures::default());
    }
}
