// SPDX-License-Identifier: Apache-2.0

//! Call legs (rule A9): start, end and hold time, derived from the leg's events.

use std::borrow::Cow;

use super::state::{Events, Stored, StoredLeg, StoredPrimary, What};

/// A call leg in short, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Leg<'a> {
    pub(super) agent: Option<&'a str>,
    pub(super) ended_at: Option<i64>,
    /// `None` until an end is known.
    pub(super) duration_ms: Option<i64>,
    pub(super) hold_ms: i64,
}

/// Starts (`true`) and ends (`false`) of holds with their times, in the total order.
pub(super) type Holds = [(i64, bool)];

/// The leg of this id, of its events.
pub(super) fn of<'a>(events: &'a Events<'a>, leg_id: &'a str) -> Option<Leg<'a>> {
    let primary = events.primary()?;
    let What::Primary(fields) = &primary.what else { return None };
    let legs: Vec<(&Stored<'_>, StoredLeg<'_>)> = events.list.iter().filter_map(leg_of).collect();
    let holds: Vec<(i64, bool)> = events.list.iter().filter_map(hold_of).collect();
    let call = call(&legs, &holds, leg_id, (primary, fields))?;
    Some(Leg {
        agent: agent(leg_id, primary),
        ended_at: call.ended_at,
        duration_ms: call.duration_ms,
        hold_ms: call.hold_ms,
    })
}

fn leg_of<'s, 'a>(event: &'s Stored<'a>) -> Option<(&'s Stored<'a>, StoredLeg<'a>)> {
    match &event.what {
        What::Primary(fields) => Some((event, fields.leg?)),
        _ => None,
    }
}

/// Time at which an event starts (`true`) or ends a hold.
pub(super) fn hold_of(event: &Stored<'_>) -> Option<(i64, bool)> {
    match event.what {
        What::Hold { begins, sent_at } => Some((sent_at.unwrap_or(event.at), begins)),
        _ => None,
    }
}

/// The call of a leg, or `None` if the primary is not a call leg. `legs` are the leg's started and ended events in the total
/// order, `holds` its holds.
pub(super) fn call<'a>(
    legs: &[(&'a Stored<'a>, StoredLeg<'a>)],
    holds: &Holds,
    leg_id: &'a str,
    (first, primary): (&Stored<'a>, &StoredPrimary<'a>),
) -> Option<model::Call<'a>> {
    let call_id = primary.leg?.call_id.or(primary.session);
    let started = || legs.iter().filter(|(_, leg)| !leg.ended);
    let ended = || legs.iter().filter(|(_, leg)| leg.ended);
    let time =
        |own: Option<i64>, event: &Stored<'_>, leg: &StoredLeg<'_>| own.or(leg.sent_at).unwrap_or(event.at);
    let begun = started().map(|(event, leg)| time(leg.start_time, event, leg)).min();
    let started_at = begun.or_else(|| ended().filter_map(|(_, leg)| leg.start_time).min());
    let ended_at = ended().map(|(event, leg)| time(leg.end_time, event, leg)).max();
    let duration_ms = match (started_at, ended_at) {
        (Some(start), Some(end)) => Some((end - start).max(0)),
        _ => None,
    };
    Some(model::Call {
        leg_id: Cow::Borrowed(leg_id),
        call_id: call_id.map(Cow::Borrowed),
        agent_id: agent(leg_id, first).map(Cow::Borrowed),
        direction: started().next().and_then(|(_, leg)| leg.reason).map(Cow::Borrowed),
        started_at,
        ended_at,
        duration_ms,
        hold_ms: hold_ms(holds, started_at, ended_at),
        reason: ended().next_back().and_then(|(_, leg)| leg.reason).map(Cow::Borrowed),
    })
}

/// The agent of a leg: the one in its id, else the actor of its first event.
fn agent<'a>(leg_id: &'a str, first: &Stored<'a>) -> Option<&'a str> {
    let actor = first.actor.filter(|actor| actor.actor_type() == Some("AGENT"));
    agent_in(leg_id).or_else(|| actor?.id)
}

/// The agent in a leg's id, `EXTENSION:AGENT:DIALOG`.
fn agent_in(leg_id: &str) -> Option<&str> {
    let mut parts = leg_id.split(':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(extension), Some(agent), Some(dialog), None)
            if !extension.is_empty() && !agent.is_empty() && !dialog.is_empty() =>
        {
            Some(agent)
        }
        _ => None,
    }
}

/// Time on hold in milliseconds, within the leg only. A hold without an end ends with the leg.
fn hold_ms(holds: &Holds, started_at: Option<i64>, ended_at: Option<i64>) -> i64 {
    let within = |from: i64, to: i64| {
        let from = started_at.map_or(from, |start| from.max(start));
        let to = ended_at.map_or(to, |end| to.min(end));
        (to - from).max(0)
    };
    let mut held = 0;
    let mut since = None;
    for (at, begins) in holds {
        match (begins, since) {
            (true, None) => since = Some(*at),
            (false, Some(from)) => {
                held += within(from, *at);
                since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    match (since, ended_at) {
        (Some(from), Some(end)) => held + within(from, end),
        _ => held,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_count_within_their_leg_and_one_without_an_end_ends_with_it() {
        let holds = [(5, true), (7, true), (20, false), (25, false), (90, true)];
        assert_eq!(hold_ms(&holds, Some(10), Some(100)), 10 + 10);
        assert_eq!(hold_ms(&holds, Some(10), None), 10);
        assert_eq!(hold_ms(&holds, None, Some(100)), 15 + 10);
        assert_eq!(hold_ms(&[(50, true), (40, false)], Some(10), Some(100)), 0);
    }

    #[test]
    fn a_legs_id_names_its_agent_only_where_it_has_three_parts() {
        assert_eq!(agent_in("1106:ann:dialog"), Some("ann"));
        for other in ["", "ann", "1106:ann", "1106::dialog", ":ann:dialog", "1106:ann:", "1:2:3:4"] {
            assert_eq!(agent_in(other), None, "{other}");
        }
    }
}
