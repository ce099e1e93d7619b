// SPDX-License-Identifier: Apache-2.0

//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait.
pub const FIRST: Duration = Duration::from_millis(250);
/// The longest wait.
pub const LONGEST: Duration = Duration::from_secs(15);

/// The wait before attempt `number` (from 1): it doubles up to [`LONGEST`]. `chance`, from 0 to 1, shortens it by up to a half,
/// so that several bridges do not return to a broker at the same moment.
#[must_use]
pub fn wait(number: u32, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let waits: Vec<u128> = (1..9).map(|number| wait(number, 0.0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
        assert_eq!(wait(u32::MAX, 0.0), LONGEST);
    }

    #[test]
    fn chance_shortens_it_by_a_half_at_most() {
        assert_eq!(wait(1, 1.0), FIRST / 2);
        assert_eq!(wait(1, 7.0), FIRST / 2);
        assert_eq!(wait(3, 0.5), Duration::from_millis(750));
    }
}
