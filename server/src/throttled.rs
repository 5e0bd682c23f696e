//! Throttled warnings: what anybody from outside can bring about is one line a minute, so that nobody fills the disk.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long it stays at one line.
const PAUSE: Duration = Duration::from_mins(1);

/// A warning that may be due very often.
#[derive(Debug, Default)]
pub(crate) struct ThrottledWarning(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    since: u64,
}

impl ThrottledWarning {
    /// It is due once more: how often it was since the last line, where it is time for one.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().expect("nobody panics with it");
        state.since += 1;
        if state.said.is_some_and(|said| now.saturating_duration_since(said) < PAUSE) {
            return None;
        }
        state.said = Some(now);
        Some(std::mem::take(&mut state.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_minute_and_its_number() {
        let (warning, start) = (ThrottledWarning::default(), Instant::now());
        assert_eq!(warning.due(start), Some(1));
        (0..9).for_each(|_| assert_eq!(warning.due(start + Duration::from_secs(59)), None));
        assert_eq!(warning.due(start + PAUSE), Some(10));
    }
}
