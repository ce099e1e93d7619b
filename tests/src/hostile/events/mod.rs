// SPDX-License-Identifier: Apache-2.0

//! The worst events there can be, within the limits and beyond them. Each function makes one batch; a run goes through all of
//! them again and again, in an order that its seed decides.

mod activities;
mod clocks;
mod conversations;
mod duplicates;
mod erasures;
mod garbage;
mod ids;
mod sizes;
mod waiting;

use rand_chacha::ChaCha8Rng;

use super::record::Maker;

/// Makes one batch.
pub(super) type Make = fn(&mut Maker, &mut ChaCha8Rng);

/// All that is known to be bad, each with its name.
pub(super) const ALL: &[(&str, Make)] = &[
    ("ids at the limit", ids::at_the_limit),
    ("ids beyond the limit", ids::beyond_the_limit),
    ("ids that are numbers", ids::numbers),
    ("names of 1 MB", sizes::names),
    ("values at the limit", sizes::values),
    ("keys and headers", sizes::keys_and_headers),
    ("values that are larger than letters can be", sizes::larger_than_letters),
    ("fields by the thousand", sizes::fields),
    ("edits of 1 MB", activities::large_edits),
    ("relations by the hundred", activities::many_relations),
    ("suggestions by the thousand", activities::many_items),
    ("suggestions of 1 MB", activities::large_items),
    ("answers to one message", activities::many_answers),
    ("one message many times", activities::one_message_many_times),
    ("texts that are deleted", activities::deleted_texts),
    ("data of 1 MB", activities::large_data),
    ("a long conversation", conversations::long),
    ("a conversation that is full", conversations::full),
    ("agents by the hundred", conversations::many_agents),
    ("visits by the hundred", conversations::many_visits),
    ("sessions by the hundred", conversations::many_sessions),
    ("wrap-ups by the hundred", conversations::many_wrap_ups),
    ("closed and opened", conversations::closed_and_opened),
    ("clocks", clocks::wrong),
    ("stays since 2000", clocks::long_stays),
    ("sessions that never resolve", waiting::for_sessions),
    ("sessions that resolve late", waiting::for_late_sessions),
    ("relations without a target", waiting::for_targets),
    ("conflicting duplicates", duplicates::conflicting),
    ("duplicates", duplicates::the_same),
    ("one id in two conversations", duplicates::in_two_conversations),
    ("one session in many conversations", duplicates::one_session),
    ("garbage", garbage::bytes),
    ("nearly JSON", garbage::nearly_json),
    ("no events", garbage::no_events),
    ("relations that cannot be read", garbage::relations),
    ("nesting", garbage::nesting),
    ("tombstones", garbage::tombstones),
    ("a topic for one conversation", garbage::own_topic),
    ("conversations that are erased", erasures::conversations),
    ("customers who are erased", erasures::customers),
    ("requests of other programs", erasures::strange_requests),
];
