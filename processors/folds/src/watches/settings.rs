// SPDX-License-Identifier: Apache-2.0

//! Target times, as configured.

/// Settings of alerts. A target that is `None` is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSettings {
    /// Maximum customer inactivity if the channel's configuration has none; all times are in milliseconds.
    pub customer_inactive_ms: Option<i64>,
    /// Maximum response time of agents if no event has one.
    pub agent_response_ms: Option<i64>,
    /// Share of the response time after which a warning is due, in percent.
    pub response_warning_percent: i64,
    /// Maximum wait of a customer in a queue.
    pub queue_wait_ms: Option<i64>,
    /// Maximum time that a conversation is open without an event.
    pub left_open_ms: Option<i64>,
    /// Unit of integers in events.
    pub units: AlertUnits,
    /// Delay between the due time and the alert, for late events that end a span in time.
    pub grace_ms: i64,
}

impl Default for AlertSettings {
    /// The values in topics.yaml.
    fn default() -> Self {
        Self {
            customer_inactive_ms: None,
            agent_response_ms: Some(2 * 60 * 1000),
            response_warning_percent: 80,
            queue_wait_ms: Some(60 * 1000),
            left_open_ms: Some(60 * 60 * 1000),
            units: AlertUnits::Auto,
            grace_ms: 2_000,
        }
    }
}

/// Unit of integer times in events, which differs between producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertUnits {
    /// Milliseconds if the number is a multiple of 1000 and at least 10,000, else seconds.
    Auto,
    /// Always seconds.
    Seconds,
    /// Always milliseconds.
    Milliseconds,
}

/// Producers that write whole seconds in milliseconds write three zeros at the end; usual times in seconds do not end so.
const THOUSAND: i64 = 1000;
/// Anything less would be a few seconds, which is no realistic target for a customer.
const LEAST_MS: i64 = 10 * THOUSAND;

impl AlertUnits {
    /// Converts a time in an event to milliseconds.
    pub(crate) fn ms(self, number: i64) -> i64 {
        let is_ms = match self {
            AlertUnits::Auto => number >= LEAST_MS && number % THOUSAND == 0,
            AlertUnits::Seconds => false,
            AlertUnits::Milliseconds => true,
        };
        if is_ms { number } else { number.saturating_mul(THOUSAND) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_kinds_of_producers_are_told_apart() {
        let seconds = [40, 120, 300, 3600, 7200, 86_400, 172_800];
        assert_eq!(seconds.map(|number| AlertUnits::Auto.ms(number)), seconds.map(|number| number * 1000));
        let milliseconds = [10_000, 30_000, 60_000, 3_600_000];
        assert_eq!(milliseconds.map(|number| AlertUnits::Auto.ms(number)), milliseconds);
    }

    #[test]
    fn a_unit_that_is_configured_is_not_guessed() {
        assert_eq!(AlertUnits::Seconds.ms(60_000), 60_000_000);
        assert_eq!(AlertUnits::Milliseconds.ms(120), 120);
        assert_eq!(AlertUnits::Seconds.ms(i64::MAX), i64::MAX);
    }
}
