// SPDX-License-Identifier: Apache-2.0

//! What the demo says: before it starts, once the page is there, and at the end.

use std::time::Duration;

use crate::trial;

/// What will happen and how long it takes, before anything starts.
pub(super) fn before(is_fetched: bool, plays_on: bool) -> String {
    let version = trial::kafka::VERSION;
    let fetched = if is_fetched {
        "It takes about 10 seconds until the live page is there".to_owned()
    } else {
        format!(
            "Apache Kafka {version} is fetched first (54 MB, only this once).\nThe live page is there about 10 seconds later"
        )
    };
    let until = if plays_on { "It plays until Ctrl-C" } else { "It plays the conversations that you chose" };
    format!(
        "cx-timelines demo: a temporary Kafka broker, the pipeline and generated\nconversations, all on this machine. Nothing is \
         kept.\n{fetched}.\n{until}.\n"
    )
}

/// Where to look, once everything runs.
pub(super) fn during(url: &str, bootstrap: &str, broker: &str) -> String {
    format!(
        "\n  live page  {url}/\n  metrics    {url}/metrics\n  broker     {bootstrap} ({broker})\n  tail       cx-timelines tail \
         --bootstrap {bootstrap}\n  kcat       kcat -b {bootstrap} -t cx.activities -C \\\n             -X \
         isolation.level=read_committed -f '%k %s\\n'\n  stop       Ctrl-C\n"
    )
}

/// What was played, and what to do next.
pub(super) fn after(played: &Played) -> String {
    let Played { events, conversations, took } = played;
    format!(
        "\nPlayed {events} events of {conversations} conversations in {:.0} s.\nThe broker and its data are removed.\n\nWhat to do \
         next:\n  your events    cx-timelines fold FILE\n  your cluster   cx-timelines doctor --bootstrap HOST:PORT\n                 \
         cx-timelines run --bootstrap HOST:PORT --state-dir ./state\n  more           cx-timelines --help\n",
        took.as_secs_f64()
    )
}

/// What the demo played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Played {
    /// Events sent, agents' states included.
    pub(super) events: u64,
    /// Conversations that began.
    pub(super) conversations: u64,
    /// For how long.
    pub(super) took: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_a_terminal() {
        let played = Played { events: 123_456, conversations: 6_543, took: Duration::from_secs(3_600) };
        let all = [
            before(true, true),
            before(true, false),
            before(false, true),
            before(false, false),
            during("http://127.0.0.1:45678", "127.0.0.1:23456", "Apache Kafka 4.2.1, removed at the end"),
            after(&played),
        ];
        for text in all {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn the_page_comes_first_and_the_next_step_last() {
        let during = during("http://127.0.0.1:1", "127.0.0.1:2", "a broker");
        assert!(during.trim_start().starts_with("live page  http://127.0.0.1:1/\n"), "{during}");
        let played = Played { events: 5, conversations: 1, took: Duration::from_secs(2) };
        let after = after(&played);
        assert!(after.contains("Played 5 events of 1 conversations in 2 s."), "{after}");
        assert!(after.contains("cx-timelines run --bootstrap"), "{after}");
    }
}
