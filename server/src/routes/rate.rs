//! How often one address may ask: a bucket of tokens each (Turner 1986), filled at a fixed pace.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Mutex,
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName},
};
use privet::{Error, Result};

use crate::listen::Client;

/// An address that was quiet may ask as often at once as it may in this many seconds.
const BURST_S: f64 = 10.0;
/// Addresses that are remembered.
const MOST: usize = 1 << 16;

/// How often one address may ask.
#[derive(Debug, Clone)]
pub struct Rate {
    /// Requests a second, for as long as one likes.
    pub per_s: u32,
    /// The header in which a proxy names the client. Anybody may write it where there is no proxy, so that none is read
    /// unless it is named.
    pub client_header: Option<HeaderName>,
}

/// The addresses of late, and what each may still ask.
pub(super) struct Limiter {
    rate: Rate,
    buckets: Mutex<HashMap<u128, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limiter {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Refuses a request of an address that asks too often.
    pub(super) fn admit(&self, request: &Request, now: Instant) -> Result<()> {
        let peer = request.extensions().get::<ConnectInfo<Client>>().map(|info| info.0.0);
        // A router that is called without a connection has nobody to limit.
        let Some(who) = self.client(request.headers(), peer) else { return Ok(()) };
        self.take(group(who), now)
    }

    /// The address that the nearest proxy saw, where there is one; else the connection's.
    fn client(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let said = self.rate.client_header.as_ref().and_then(|name| headers.get_all(name).iter().next_back());
        // Each proxy adds what it saw at the end; what stands before it is the client's own word.
        let said = said.and_then(|said| said.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        said.or(peer.map(|peer| peer.ip()))
    }

    fn take(&self, who: u128, now: Instant) -> Result<()> {
        let (per_s, burst) = (f64::from(self.rate.per_s), f64::from(self.rate.per_s) * BURST_S);
        let filled = |bucket: &Bucket| {
            let since = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.tokens + since * per_s).min(burst)
        };
        let mut buckets = self.buckets.lock().expect("nobody panics with it");
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| filled(bucket) < burst);
            if buckets.len() >= MOST {
                // So many at once is no longer a matter of single addresses.
                buckets.clear();
            }
        }
        let tokens = buckets.get(&who).map_or(burst, filled);
        let allowed = tokens >= 1.0;
        buckets.insert(who, Bucket { tokens: if allowed { tokens - 1.0 } else { tokens }, at: now });
        if allowed {
            return Ok(());
        }
        Err(Error::RateLimited { limit: self.rate.per_s, wait_s: ((1.0 - tokens) / per_s).ceil() as u32 })
    }
}

/// An address; of IPv6 the network of 64 bits, for a household has all the addresses of one.
fn group(who: IpAddr) -> u128 {
    match who.to_canonical() {
        IpAddr::V4(who) => who.to_bits().into(),
        IpAddr::V6(who) => who.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter(per_s: u32, client_header: Option<&'static str>) -> Limiter {
        Limiter::new(Rate { per_s, client_header: client_header.map(HeaderName::from_static) })
    }

    #[test]
    fn an_address_asks_ten_seconds_worth_at_once_and_its_rate_from_then_on() {
        let (limiter, start) = (limiter(2, None), Instant::now());
        let refused = Err(Error::RateLimited { limit: 2, wait_s: 1 });
        (0..20).for_each(|_| assert_eq!(limiter.take(1, start), Ok(())));
        assert_eq!(limiter.take(1, start), refused);
        assert_eq!(limiter.take(2, start), Ok(()), "another address is another matter");
        let later = start + Duration::from_secs(1);
        assert_eq!([0, 1].map(|_| limiter.take(1, later)), [Ok(()), Ok(())]);
        assert_eq!(limiter.take(1, later), refused, "being refused costs nothing, and gains nothing");
        let day = start + Duration::from_hours(24);
        assert_eq!((0..30).filter(|_| limiter.take(1, day).is_ok()).count(), 20, "a bucket does not run over");
    }

    #[test]
    fn a_slow_rate_says_how_long_to_wait() {
        // One a second: after half of one, half a token is there, and half a second is a whole one when it is rounded up.
        let (limiter, start) = (limiter(1, None), Instant::now());
        (0..10).for_each(|_| assert_eq!(limiter.take(1, start), Ok(())));
        let refused = limiter.take(1, start + Duration::from_millis(500));
        assert_eq!(refused, Err(Error::RateLimited { limit: 1, wait_s: 1 }));
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let (limiter, start) = (limiter(1, None), Instant::now());
        (0..MOST as u128 * 2 + 5).for_each(|who| assert_eq!(limiter.take(who, start), Ok(())));
        assert!(limiter.buckets.lock().expect("no panic").len() <= MOST);
    }

    #[test]
    fn a_header_counts_only_where_it_is_named_and_only_its_end() {
        let peer = Some("10.0.0.1:5".parse().expect("an address"));
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static("x-forwarded-for");
        headers.append(&name, "1.1.1.1, 2.2.2.2".parse().expect("ASCII"));
        let (deaf, hears) = (limiter(1, None), limiter(1, Some("x-forwarded-for")));
        let is = |who: &str| Some(who.parse::<IpAddr>().expect("an address"));
        assert_eq!(deaf.client(&headers, peer), is("10.0.0.1"));
        assert_eq!(hears.client(&headers, peer), is("2.2.2.2"));
        headers.append(&name, "3.3.3.3".parse().expect("ASCII"));
        assert_eq!(hears.client(&headers, peer), is("3.3.3.3"));
        headers.append(&name, "unknown".parse().expect("ASCII"));
        assert_eq!(hears.client(&headers, peer), is("10.0.0.1"), "what is no address is nobody's");
        assert_eq!(hears.client(&HeaderMap::new(), peer), is("10.0.0.1"));
    }

    #[test]
    fn a_household_is_one_address() {
        let of = |who: &str| group(who.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
    }
}
