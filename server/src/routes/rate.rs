//! Rate limits: a token bucket for each address (Turner 1986), filled at a fixed pace.

use std::{collections::HashMap, sync::Mutex, time::Instant};

use privet::Result;

use crate::Refusal;

/// Addresses that are remembered.
const MOST: usize = 1 << 16;
/// An address that was quiet may ask as often at once as it may in this many seconds.
const BURST_S: u32 = 10;

/// The addresses of late, and what each may still do.
pub(super) struct Buckets {
    /// So often within so many seconds.
    times: u32,
    within_s: u32,
    /// At once.
    burst: u32,
    held: Mutex<HashMap<u128, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Buckets {
    /// For requests: so many a second.
    pub(super) fn of_requests(per_s: u32) -> Self {
        Self { times: per_s, within_s: 1, burst: per_s.saturating_mul(BURST_S), held: Mutex::default() }
    }

    /// For guesses at a token: ten, and one every ten seconds from then on.
    pub(super) fn of_guesses() -> Self {
        Self { times: 1, within_s: 10, burst: 10, held: Mutex::default() }
    }

    /// Refuses an address that asks too often.
    pub(super) fn take(&self, who: u128, now: Instant) -> Result<()> {
        let per_s = f64::from(self.times) / f64::from(self.within_s);
        let mut held = self.held.lock().expect("nobody panics with it");
        if held.len() >= MOST && !held.contains_key(&who) {
            self.keep_the_worst(&mut held, now);
        }
        let tokens = held.get(&who).map_or(f64::from(self.burst), |bucket| self.filled(bucket, now));
        let allowed = tokens >= 1.0;
        held.insert(who, Bucket { tokens: if allowed { tokens - 1.0 } else { tokens }, at: now });
        if allowed {
            return Ok(());
        }
        let wait_s = ((1.0 - tokens) / per_s).ceil() as u32;
        Err(Refusal::RateLimited { limit: self.times, within_s: self.within_s, wait_s }.into())
    }

    /// What was taken last was no cause to take it.
    pub(super) fn give_back(&self, who: u128) {
        if let Some(bucket) = self.held.lock().expect("nobody panics with it").get_mut(&who) {
            bucket.tokens = (bucket.tokens + 1.0).min(self.burst.into());
        }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + since * f64::from(self.times) / f64::from(self.within_s)).min(self.burst.into())
    }

    /// Forgets the half that asked least: who uses up its bucket is remembered, however many others are sent to have it
    /// forgotten.
    fn keep_the_worst(&self, held: &mut HashMap<u128, Bucket>, now: Instant) {
        let mut tokens: Vec<f64> = held.values().map(|bucket| self.filled(bucket, now)).collect();
        let (_, &mut middle, _) = tokens.select_nth_unstable_by(MOST / 2, f64::total_cmp);
        held.retain(|_, bucket| self.filled(bucket, now) < middle);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_address_asks_ten_seconds_worth_at_once_and_its_rate_from_then_on() {
        let (buckets, start) = (Buckets::of_requests(2), Instant::now());
        let refused = Err(Refusal::RateLimited { limit: 2, within_s: 1, wait_s: 1 }.into());
        (0..20).for_each(|_| assert_eq!(buckets.take(1, start), Ok(())));
        assert_eq!(buckets.take(1, start), refused);
        assert_eq!(buckets.take(2, start), Ok(()), "another address is another matter");
        let later = start + Duration::from_secs(1);
        assert_eq!([0, 1].map(|_| buckets.take(1, later)), [Ok(()), Ok(())]);
        assert_eq!(buckets.take(1, later), refused, "being refused costs nothing, and gains nothing");
        let day = start + Duration::from_hours(24);
        assert_eq!((0..30).filter(|_| buckets.take(1, day).is_ok()).count(), 20, "a bucket does not run over");
    }

    #[test]
    fn a_slow_rate_says_how_long_to_wait() {
        // One a second: after half of one, half a token is there, and half a second is a whole one when it is rounded up.
        let (buckets, start) = (Buckets::of_requests(1), Instant::now());
        (0..10).for_each(|_| assert_eq!(buckets.take(1, start), Ok(())));
        let refused = buckets.take(1, start + Duration::from_millis(500));
        assert_eq!(refused, Err(Refusal::RateLimited { limit: 1, within_s: 1, wait_s: 1 }.into()));
    }

    #[test]
    fn a_guess_that_was_none_is_given_back() {
        let (buckets, start) = (Buckets::of_guesses(), Instant::now());
        for _ in 0..100 {
            assert_eq!(buckets.take(1, start), Ok(()));
            buckets.give_back(1);
        }
        (0..10).for_each(|_| assert_eq!(buckets.take(1, start), Ok(())));
        let refused = Err(Refusal::RateLimited { limit: 1, within_s: 10, wait_s: 10 }.into());
        assert_eq!(buckets.take(1, start), refused);
        assert_eq!(buckets.take(1, start + Duration::from_secs(10)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let (buckets, start) = (Buckets::of_requests(1), Instant::now());
        (0..MOST as u128 * 2 + 5).for_each(|who| assert_eq!(buckets.take(who, start), Ok(())));
        assert!(buckets.held.lock().expect("no panic").len() <= MOST);
    }

    /// A network of IPv6 has 65,536 networks of 64 bits: each asks once, to have the one forgotten that used up its own.
    #[test]
    fn who_asks_too_often_is_not_forgotten_over_many_who_ask_once() {
        let (buckets, start) = (Buckets::of_requests(2), Instant::now());
        (0..20).for_each(|_| assert_eq!(buckets.take(0, start), Ok(())));
        for who in 1..=MOST as u128 * 3 {
            assert_eq!(buckets.take(who, start), Ok(()), "an address that was quiet");
        }
        assert!(buckets.take(0, start).is_err(), "a fresh bucket for whom none was left");
    }
}
