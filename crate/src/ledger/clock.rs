//! The ledger's own clock: how long it has waited, as far as the host's clock can be believed.
//!
//! Between two looks at the host's clock, which may lie in different sessions, nothing is known but two numbers. So one
//! look counts for at most 13/24 of the span that is waited for: two honest looks are enough, and one jump, however far,
//! never is. A step back takes away what the same step forward would have given, and never more: a clock that jumps
//! and is set right again has gained nothing, and one that stays behind delays by one look and does not block.

/// The state of the clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Clock {
    /// Counts every look, so that of two stored clocks the later one is known.
    pub(super) looks: u64,
    /// How many sessions have started.
    pub(super) sessions: u32,
    /// What the host's clock said when it was last looked at.
    pub(super) seen_ms: u64,
    /// How long the ledger has waited since it was opened.
    pub(super) waited_ms: u64,
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
        self.waited_ms = waited(self.waited_ms, seen_ms, now_ms, wait_ms);
        self.tasks_ms.iter_mut().for_each(|task_ms| *task_ms = waited(*task_ms, seen_ms, now_ms, interval_ms));
        self.seen_ms = now_ms;
        self.looks = self.looks.saturating_add(1);
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
    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const DAY_MS: u64 = 24 * HOUR_MS;
    const YEAR_MS: u64 = 365 * DAY_MS;

    /// How long a clock that starts at ten years has waited for a day, after these looks.
    fn waited_after(looks_ms: &[u64]) -> u64 {
        let mut clock = Clock::new(10 * YEAR_MS);
        looks_ms.iter().for_each(|&now_ms| clock.look(now_ms, DAY_MS, 7 * DAY_MS));
        clock.waited_ms
    }

    #[test]
    fn two_visits_on_two_days_are_a_day() {
        let morning = 10 * YEAR_MS;
        assert_eq!(waited_after(&[morning + 11 * HOUR_MS, morning + DAY_MS]), DAY_MS);
        assert!(waited_after(&[morning + DAY_MS, morning + 2 * DAY_MS]) >= DAY_MS);
    }

    #[test]
    fn one_jump_is_never_enough() {
        for jump_ms in [DAY_MS, YEAR_MS, u64::MAX - 10 * YEAR_MS] {
            assert_eq!(waited_after(&[10 * YEAR_MS + jump_ms]), 13 * HOUR_MS);
        }
        let weekly = [10 * YEAR_MS + 7 * DAY_MS];
        let mut clock = Clock { tasks_ms: vec![0, 5], ..Clock::new(10 * YEAR_MS) };
        weekly.iter().for_each(|&now_ms| clock.look(now_ms, DAY_MS, 7 * DAY_MS));
        assert_eq!(clock.tasks_ms, [91 * HOUR_MS, 91 * HOUR_MS + 5], "13/24 of a week");
    }

    #[test]
    fn a_jump_that_is_set_right_has_gained_nothing() {
        let start = 10 * YEAR_MS;
        for jump_ms in [HOUR_MS, DAY_MS, YEAR_MS] {
            assert_eq!(waited_after(&[start + jump_ms, start]), 0);
            assert_eq!(waited_after(&[start + HOUR_MS, start + HOUR_MS + jump_ms, start + HOUR_MS]), HOUR_MS);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_goes_on_from_there() {
        let then = 5 * YEAR_MS;
        assert_eq!(waited_after(&[then]), 0);
        assert_eq!(waited_after(&[then, then + 12 * HOUR_MS, then + DAY_MS]), DAY_MS);
    }

    #[test]
    fn a_span_of_nothing_is_over_and_a_short_one_ends() {
        let mut clock = Clock::new(0);
        clock.look(1, 1, u64::MAX);
        assert!(clock.waited_ms >= 1);
        assert_eq!(clock.looks, 1);
    }
}
