//! The ledger's own clock: how long it has waited, as far as the host's clock can be believed.
//!
//! Between two looks at the host's clock, which may lie in different sessions, nothing is known but two numbers. So one
//! look counts for at most 13/24 of the span that is waited for. A step back takes away what the same step forward would
//! have given, and never more: a clock that jumps and is set right again has gained nothing, and one that stays behind
//! delays by one look and does not block.
//!
//! A new ledger's wait goes further: its longest step forward does not count at all. If one of the steps was a jump,
//! it was the longest, or shorter than an honest one that does not count in its place: so one jump, however far,
//! shortens the wait by nothing, and each further one by no more than 13/24 of it.

/// The state of the clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Clock {
    /// Counts every look, so that of two stored clocks the later one is known.
    pub(super) looks: u64,
    /// How many sessions have started.
    pub(super) sessions: u32,
    /// What the host's clock said when it was last looked at.
    pub(super) seen_ms: u64,
    /// How long the ledger has waited since it was opened, the longest step included.
    pub(super) waited_ms: u64,
    /// The longest step of that.
    pub(super) longest_ms: u64,
    /// How long each task has waited since its last contribution, in the order of their first ones.
    pub(super) tasks_ms: Vec<u64>,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { seen_ms: now_ms, ..Self::default() }
    }

    /// Looks at the host's clock.
    pub(super) fn look(&mut self, now_ms: u64, wait_ms: u64, interval_ms: u64) {
        let seen_ms = self.seen_ms;
        self.longest_ms = self.longest_ms.max(waited(0, seen_ms, now_ms, wait_ms));
        self.waited_ms = waited(self.waited_ms, seen_ms, now_ms, wait_ms);
        self.tasks_ms.iter_mut().for_each(|task_ms| *task_ms = waited(*task_ms, seen_ms, now_ms, interval_ms));
        self.seen_ms = now_ms;
        self.looks = self.looks.saturating_add(1);
    }

    /// How long the ledger has waited, whatever one jump may have pretended.
    pub(super) fn waited_surely_ms(&self) -> u64 {
        self.waited_ms.saturating_sub(self.longest_ms)
    }
}

/// What `waited_ms` becomes when the host's clock went from `seen_ms` to `now_ms`.
fn waited(waited_ms: u64, seen_ms: u64, now_ms: u64, span_ms: u64) -> u64 {
    // Twelve twenty-fourths would do for two visits at exactly the same hour; the thirteenth is for people. Rounded up,
    // so that a span of a few milliseconds can be waited for, too.
    let most_ms = span_ms.div_ceil(24).saturating_mul(13);
    let step_ms = seen_ms.abs_diff(now_ms).min(most_ms);
    if now_ms >= seen_ms { waited_ms.saturating_add(step_ms) } else { waited_ms.saturating_sub(step_ms) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const DAY_MS: u64 = 24 * HOUR_MS;
    const YEAR_MS: u64 = 365 * DAY_MS;

    /// How long a clock that starts at ten years has waited for a day, after these looks.
    fn waited_after(looks_ms: &[u64]) -> u64 {
        let mut clock = Clock::new(10 * YEAR_MS);
        looks_ms.iter().for_each(|&now_ms| clock.look(now_ms, DAY_MS, 7 * DAY_MS));
        clock.waited_surely_ms()
    }

    #[test]
    fn three_visits_on_three_days_are_a_day_and_hours_are_hours() {
        let morning = 10 * YEAR_MS;
        let daily = [1, 2, 3].map(|day| morning + day * DAY_MS);
        assert_eq!(waited_after(&daily[..2]), 13 * HOUR_MS);
        assert_eq!(waited_after(&daily), 26 * HOUR_MS);
        let hourly: Vec<u64> = (1..=25).map(|hour| morning + hour * HOUR_MS).collect();
        assert_eq!(waited_after(&hourly), DAY_MS);
    }

    #[test]
    fn one_jump_shortens_the_wait_by_nothing() {
        let honest: Vec<u64> = (0..30).map(|hour| 10 * YEAR_MS + hour * HOUR_MS).collect();
        for jump_ms in [1, HOUR_MS, DAY_MS, YEAR_MS, u64::MAX - 11 * YEAR_MS] {
            for at in 0..honest.len() {
                for looks in 0..honest.len() {
                    let jumped = |place: usize| honest[place] + if place >= at { jump_ms } else { 0 };
                    let looks_ms: Vec<u64> = (0..=looks).map(jumped).collect();
                    let elapsed_ms = looks as u64 * HOUR_MS;
                    assert!(waited_after(&looks_ms) <= elapsed_ms, "a jump of {jump_ms} at look {at} of {looks}");
                }
            }
            assert_eq!(waited_after(&[10 * YEAR_MS + jump_ms]), 0);
        }
    }

    #[test]
    fn a_look_counts_for_thirteen_hours_of_a_day_at_most() {
        let jumps = [1, 2, 3].map(|jump| (10 + jump) * YEAR_MS);
        assert_eq!(waited_after(&jumps[..2]), 13 * HOUR_MS, "the second jump of two");
        assert_eq!(waited_after(&jumps), 26 * HOUR_MS);
        let weekly = [10 * YEAR_MS + 7 * DAY_MS];
        let mut clock = Clock { tasks_ms: vec![0, 5], ..Clock::new(10 * YEAR_MS) };
        weekly.iter().for_each(|&now_ms| clock.look(now_ms, DAY_MS, 7 * DAY_MS));
        assert_eq!(clock.tasks_ms, [91 * HOUR_MS, 91 * HOUR_MS + 5], "13/24 of a week");
    }

    #[test]
    fn a_jump_that_is_set_right_has_gained_nothing() {
        let start = 10 * YEAR_MS;
        for jump_ms in [HOUR_MS, DAY_MS, YEAR_MS] {
            let mut clock = Clock::new(start);
            for now_ms in [start + HOUR_MS, start + HOUR_MS + jump_ms, start + HOUR_MS] {
                clock.look(now_ms, DAY_MS, 7 * DAY_MS);
            }
            assert_eq!((clock.waited_ms, clock.waited_surely_ms()), (HOUR_MS, 0));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_goes_on_from_there() {
        let then = 5 * YEAR_MS;
        assert_eq!(waited_after(&[then]), 0);
        let goes_on = [then, then + 12 * HOUR_MS, then + DAY_MS, then + 36 * HOUR_MS];
        assert_eq!(waited_after(&goes_on), DAY_MS);
    }

    #[test]
    fn a_span_of_nothing_is_over_and_a_short_one_ends() {
        let mut clock = Clock::new(0);
        clock.look(1, 1, u64::MAX);
        assert!(clock.waited_ms >= 1);
        assert_eq!(clock.looks, 1);
    }

    proptest! {
        /// The first jump gains nothing, and each further one at most 13/24 of the span: the rest is honest time.
        #[test]
        fn the_clock_gains_no_more_than_the_jumps_are_worth(
            honest in prop::collection::vec(0..12 * HOUR_MS, 1..40),
            jumps in prop::collection::vec((0..40usize, -1_000_000 * DAY_MS as i64..1_000_000 * DAY_MS as i64), 0..5),
        ) {
            let (start_ms, mut offset_ms, mut elapsed_ms) = (2_000_000 * DAY_MS as i64 * 5, 0, 0);
            let mut clock = Clock::new(start_ms as u64);
            for (at, step_ms) in honest.iter().enumerate() {
                elapsed_ms += *step_ms as i64;
                offset_ms += jumps.iter().filter(|(place, _)| *place == at).map(|(_, jump_ms)| jump_ms).sum::<i64>();
                clock.look((start_ms + elapsed_ms + offset_ms) as u64, DAY_MS, DAY_MS);
            }
            let further = jumps.len().saturating_sub(1) as u64;
            prop_assert!(clock.waited_surely_ms() <= elapsed_ms as u64 + 13 * HOUR_MS * further);
            if jumps.is_empty() {
                prop_assert_eq!(clock.waited_ms, elapsed_ms as u64);
            }
        }
    }
}
