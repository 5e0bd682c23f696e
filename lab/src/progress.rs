//! How far a run is, on stderr: the table on stdout stays clean.
#![expect(clippy::print_stderr, reason = "a command speaks there")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

/// Steps of about the same length, some of them done.
pub(crate) struct Progress {
    command: &'static str,
    start: Instant,
    steps: usize,
    done: AtomicUsize,
}

impl Progress {
    /// Nothing is done yet of an evaluation.
    pub(crate) fn new(steps: usize) -> Self {
        Self::of("evaluate", steps)
    }

    /// Nothing is done yet of what this command does.
    pub(crate) fn of(command: &'static str, steps: usize) -> Self {
        Self { command, start: Instant::now(), steps, done: AtomicUsize::new(0) }
    }

    /// How long it has taken.
    pub(crate) fn spent_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Says that `steps` more are done, the last of them `what`.
    pub(crate) fn done(&self, steps: usize, what: &str) {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        let spent_s = self.spent_s();
        let left_s = spent_s * self.steps.saturating_sub(done) as f64 / done.max(1) as f64;
        let percent = 100 * done / self.steps.max(1);
        eprintln!("{}: {percent:>3}%, {spent_s:.0} s spent, about {left_s:.0} s left: {what}", self.command);
    }
}
