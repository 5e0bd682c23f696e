//! When a device looks whether to contribute: at the beginning of slots that the clock makes, and that begin at a time of
//! each device's own. And when it sends: at a moment that is drawn. What the user does is no argument of anything here.

const DAY_MS: f64 = 24.0 * 3_600_000.0;
/// Timers take no more than 31 bits.
const LONGEST_TIMER_MS: f64 = 2_147_483_647.0;

/// Of what a session finished by the clock, the upload leaves within so long.
pub(crate) const HOUR_MS: f64 = 3_600_000.0;

/// How long the work before a drawn moment may take, and how long the span is that the moment is drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    pub(crate) longest_ms: f64,
    pub(crate) span_ms: f64,
}

/// What an earlier session left unsent leaves within a minute, and not before a profile of any size is read.
pub(crate) const OPENING: Window = Window { longest_ms: 5000.0, span_ms: 60_000.0 };

/// The slots of one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slots {
    /// How long each is.
    ms: f64,
    /// When the first began. Drawn once for each device, so that not all devices send at once.
    offset_ms: f64,
}

impl Slots {
    /// A week between contributions makes slots of a day: what one slot refuses the next may allow. `part` is where in a slot
    /// this device begins.
    pub(crate) fn of(interval_ms: f64, part: f64) -> Self {
        let ms = (interval_ms / 7.0).clamp(1000.0, 365.0 * DAY_MS);
        Self { ms, offset_ms: (part * ms).floor() }
    }

    pub(crate) fn at(self, wall_ms: f64) -> i64 {
        ((wall_ms - self.offset_ms) / self.ms).floor() as i64
    }

    /// How long until the next slot begins.
    pub(crate) fn until_next(self, wall_ms: f64) -> f64 {
        let begins = (self.at(wall_ms) + 1) as f64 * self.ms + self.offset_ms;
        (begins - wall_ms).min(LONGEST_TIMER_MS)
    }
}

/// How long it is from now until a moment that is drawn (`part` of 1) in the span after the longest that the work since
/// `start_ms` may have taken. How long it took tells how much there was to make it from: work that took longer still is told
/// in steps of that length, and not in milliseconds.
pub(crate) fn until_drawn(start_ms: f64, window: Window, now_ms: f64, part: f64) -> f64 {
    let due = start_ms + window.longest_ms + part * window.span_ms;
    let late = ((now_ms - due) / window.longest_ms).ceil().max(0.0);
    due + late * window.longest_ms - now_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_makes_slots_of_a_day_that_begin_at_a_time_of_each_devices_own() {
        let slots = Slots::of(7.0 * DAY_MS, 0.25);
        assert_eq!(slots, Slots { ms: DAY_MS, offset_ms: DAY_MS / 4.0 });
        let begins = 20_000.0 * DAY_MS + DAY_MS / 4.0;
        assert_eq!((slots.at(begins - 1.0), slots.at(begins)), (19_999, 20_000));
        assert_eq!((slots.until_next(begins), slots.until_next(begins - 1.0)), (DAY_MS, 1.0));
    }

    #[test]
    fn no_timer_is_longer_than_a_host_takes_and_no_slot_shorter_than_a_second() {
        assert_eq!(Slots::of(365.0 * DAY_MS, 0.0).until_next(0.0), LONGEST_TIMER_MS);
        assert_eq!(Slots::of(0.0, 0.5), Slots { ms: 1000.0, offset_ms: 500.0 });
        assert!(Slots::of(u64::MAX as f64, 0.5).until_next(1.8e12) > 0.0, "an interval that never ends");
    }

    /// What the work took is not to be read off the moment: up to the longest that is reckoned with it makes no difference.
    #[test]
    fn the_moment_is_the_same_however_long_the_work_took() {
        let window = Window { longest_ms: 1000.0, span_ms: 5000.0 };
        for took in [0.0, 1.0, 999.0, 1000.0] {
            assert_eq!(100.0 + took + until_drawn(100.0, window, 100.0 + took, 0.5), 3600.0);
        }
        let moment = |took: f64| took + until_drawn(0.0, window, took, 0.0);
        assert_eq!([1000.0, 1001.0, 1999.0, 2000.0, 2001.0].map(moment), [1000.0, 2000.0, 2000.0, 2000.0, 3000.0]);
    }
}
