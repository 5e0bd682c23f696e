//! Many trials on all processors, until there are enough or somebody stops.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::progress::Progress;

/// How often the progress is told.
const TOLD: Duration = Duration::from_secs(5);

/// Runs `trial` for each number below `count` and gives the results in order: of fewer numbers where `stop` was set. What
/// was done is told now and then; a trial counts for `weight` steps.
pub(crate) fn run<T: Send>(
    count: u64,
    threads: usize,
    stop: &AtomicBool,
    (progress, weight): (&Progress, usize),
    what: &str,
    trial: impl Fn(u64) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    let (next, trouble) = (AtomicU64::new(0), AtomicBool::new(false));
    let told = Mutex::new((Instant::now(), 0));
    let tell = |last: bool| {
        let mut told = told.lock().expect("telling does not panic");
        if last || told.0.elapsed() >= TOLD {
            let begun = next.load(Ordering::Relaxed).min(count);
            progress.done((begun - told.1) as usize * weight, what);
            *told = (Instant::now(), begun);
        }
    };
    let work = || {
        let mut done = Vec::new();
        while !stop.load(Ordering::Relaxed) && !trouble.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            match trial(number) {
                Ok(result) => done.push((number, result)),
                Err(error) => {
                    trouble.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            tell(false);
        }
        Ok(done)
    };
    let mut all: Vec<(u64, T)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let all: Result<Vec<_>, String> =
            threads.into_iter().map(|thread| thread.join().expect("a panic has been printed")).collect();
        all.map(|all| all.into_iter().flatten().collect())
    })?;
    tell(true);
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress::of("test", 100)
    }

    #[test]
    fn trials_are_in_order_and_an_error_ends_them() {
        let stop = AtomicBool::new(false);
        assert_eq!(run(100, 3, &stop, (&progress(), 1), "", Ok), Ok((0..100).collect()));
        let odd = |number| if number == 50 { Err("no".to_owned()) } else { Ok(number) };
        assert_eq!(run(100, 3, &stop, (&progress(), 1), "", odd), Err("no".to_owned()));
    }

    #[test]
    fn whoever_stops_has_what_is_done() {
        let stop = AtomicBool::new(false);
        let until = |number| {
            stop.store(number >= 9, Ordering::Relaxed);
            Ok(number)
        };
        assert_eq!(run(100, 1, &stop, (&progress(), 1), "", until), Ok((0..10).collect()));
    }
}
