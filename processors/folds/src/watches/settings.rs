//! How long who may take, as configured.

/// What alerts depend on. A time that is absent is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSettings {
    /// A customer may be silent so long, where the channel's configuration does not say; in milliseconds, as all.
    pub customer_inactive_ms: Option<i64>,
    /// Agents may take so long to respond, where no event says.
    pub agent_response_ms: Option<i64>,
    /// After this share of the time a response is due; in percent.
    pub response_warning_percent: i64,
    /// A customer may wait so long in a queue.
    pub queue_wait_ms: Option<i64>,
    /// A conversation may be open so long without any event.
    pub left_open_ms: Option<i64>,
    /// What the whole numbers in events are.
    pub units: AlertUnits,
    /// An alert is raised so long after it was due: events that end a timer in time may come a little late.
    pub grace_ms: i64,
}

impl Default for AlertSettings {
    /// What topics.yaml has.
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

/// What the whole numbers are that events have for times: producers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertUnits {
    /// Milliseconds, if it is a multiple of 1000 and at least 10,000; else seconds.
    Auto,
    /// Always seconds.
    Seconds,
    /// Always milliseconds.
    Milliseconds,
}

/// Whoever writes whole seconds in milliseconds writes three zeros at the end; no usual time in seconds ends so.
const THOUSAND: i64 = 1000;
/// Less would be a few seconds, which no customer is given.
const LEAST_MS: i64 = 10 * THOUSAND;

impl AlertUnits {
    /// A time as an event has it, in milliseconds.
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
