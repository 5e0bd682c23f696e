//! How many connections there may be, of one address and in all.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::sleep};

use super::group;
use crate::{metrics::ConnectionMetrics, throttled::ThrottledWarning};

/// The limits of a listener, and what became of them.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    each: usize,
    held: Mutex<Held>,
    refused: ThrottledWarning,
    late: ThrottledWarning,
    metrics: ConnectionMetrics,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    of: HashMap<u128, usize>,
    /// Those without a request under way, the longest idle first.
    idle: BTreeMap<u64, Arc<Notify>>,
    last: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Self::new(Self::MOST, Self::EACH)
    }
}

impl Connections {
    /// As many as are of use to one process: a kept one costs about 20 KB.
    pub const MOST: usize = 16_384;
    /// Of one address: a carrier's network has many devices behind one, each with one connection for some seconds.
    pub const EACH: usize = 256;
    /// Beyond the limit, while those that were told to leave are still on their way out.
    const LEAVING: usize = 64;
    /// So many milliseconds are waited for them at most.
    const MOMENTS: usize = 100;

    /// At most so many in all, and so many of one address (of IPv6: its 64 bits). `each` is 0 where they all come from a
    /// proxy.
    pub fn new(most: usize, each: usize) -> Self {
        let (held, refused, late) = (Mutex::default(), ThrottledWarning::default(), ThrottledWarning::default());
        Self(Arc::new(Shared { most, each, held, refused, late, metrics: ConnectionMetrics::default() }))
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &ConnectionMetrics {
        &self.0.metrics
    }

    /// A place for a connection of this address; none where the address has too many. Where there are too many in all, it
    /// gets the place of the one that is idle the longest: whoever asks for something is not kept out by those who do not.
    pub(super) fn enter(&self, who: IpAddr) -> Option<Place> {
        let (shared, who) = (&self.0, group(who));
        let full = {
            let mut held = shared.held.lock().expect("nobody panics with it");
            if shared.each > 0 && held.of.get(&who).is_some_and(|&held| held >= shared.each) {
                "address"
            } else if held.all >= shared.most && !held.make_room(shared.most) {
                "all"
            } else {
                held.all += 1;
                *held.of.entry(who).or_default() += 1;
                shared.metrics.open.inc();
                let place = Place { of: self.clone(), who, idle: AtomicU64::new(0), leave: Arc::default() };
                held.rest(&place);
                return Some(place);
            }
        };
        shared.metrics.refuse(full);
        if let Some(refused) = shared.refused.due(Instant::now()) {
            let limit = if full == "all" { shared.most } else { shared.each };
            tracing::warn!(refused, limit, of = full, "connections are refused: there are too many at a time");
        }
        None
    }

    /// Waits a moment while too many that were told to leave are on their way out: whoever comes then is no attacker for it.
    pub(super) async fn let_out(&self) {
        let crowded = || {
            let held = self.0.held.lock().expect("nobody panics with it");
            held.all >= self.0.most.saturating_add(Self::LEAVING)
        };
        for _ in 0..Self::MOMENTS {
            if !crowded() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// A connection kept its place for nothing.
    pub(super) fn late(&self, what: &'static str) {
        self.0.metrics.late(what);
        if let Some(late) = self.0.late.due(Instant::now()) {
            tracing::warn!(late, what, "connections are closed: they take too long");
        }
    }
}

impl Held {
    /// Tells the longest idle to leave; whether there is one.
    fn make_room(&mut self, most: usize) -> bool {
        if self.all >= most.saturating_add(Connections::LEAVING) {
            return false;
        }
        let longest = self.idle.pop_first();
        longest.map(|(_, leave)| leave.notify_one()).is_some()
    }

    fn rest(&mut self, place: &Place) {
        self.last += 1;
        place.idle.store(self.last, Ordering::Relaxed);
        self.idle.insert(self.last, place.leave.clone());
    }
}

/// A place among the connections, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Connections,
    who: u128,
    /// Its name among the idle.
    idle: AtomicU64,
    leave: Arc<Notify>,
}

impl Place {
    /// What is counted, and logged.
    pub(super) fn connections(&self) -> &Connections {
        &self.of
    }

    /// A request has begun.
    pub(super) fn busy(&self) {
        self.held().idle.remove(&self.idle.load(Ordering::Relaxed));
    }

    /// It is answered.
    pub(super) fn rest(&self) {
        self.held().rest(self);
    }

    /// When somebody else gets the place.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.of.0.held.lock().expect("nobody panics with it")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held();
        held.idle.remove(&self.idle.load(Ordering::Relaxed));
        held.all -= 1;
        if let Some(of) = held.of.get_mut(&self.who) {
            *of -= 1;
            if *of == 0 {
                held.of.remove(&self.who);
            }
        }
        self.of.0.metrics.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_has_its_share_and_all_have_theirs() {
        let connections = Connections::new(5, 2);
        let enter = |who: &str| connections.enter(address(who));
        let held: Vec<_> = (0..2).map(|_| enter("192.0.2.1").expect("a place")).collect();
        assert!(enter("192.0.2.1").is_none() && enter("::ffff:192.0.2.1").is_none());
        let others: Vec<_> = ["2001:db8::1", "2001:db8::2"].map(enter).into_iter().flatten().collect();
        assert_eq!(others.len(), 2);
        assert!(enter("2001:db8::3").is_none(), "a household is one address");
        let last = enter("192.0.2.2").expect("a place");
        held.iter().chain(&others).chain([&last]).for_each(Place::busy);
        assert!(enter("192.0.2.3").is_none(), "all are taken");
        drop((held, others, last));
        assert!(enter("192.0.2.1").is_some());
        let held = connections.0.held.lock().expect("no panic");
        assert!(held.of.is_empty() && held.idle.is_empty() && held.all == 0, "nobody is remembered");
    }

    #[test]
    fn behind_a_proxy_only_all_of_them_count() {
        let connections = Connections::new(3, 0);
        let enter = || connections.enter(address("192.0.2.1")).inspect(Place::busy);
        let held: Vec<_> = (0..4).map(|_| enter()).collect();
        assert_eq!(held.iter().flatten().count(), 3);
    }

    #[tokio::test]
    async fn who_is_idle_the_longest_makes_room() {
        let connections = Connections::new(2, 0);
        let enter = || connections.enter(address("192.0.2.1")).expect("a place");
        let (busy, idle) = (enter(), enter());
        busy.busy();
        let third = enter();
        idle.told_to_leave().await;
        drop(idle);
        busy.rest();
        let _fourth = enter();
        third.told_to_leave().await;
        assert!(tokio::time::timeout(Duration::ZERO, busy.told_to_leave()).await.is_err(), "it came later");
    }

    #[test]
    fn those_on_their_way_out_are_bounded() {
        let connections = Connections::new(2, 0);
        let held: Vec<_> = (0..200).filter_map(|_| connections.enter(address("192.0.2.1"))).collect();
        assert_eq!(held.len(), 2 + Connections::LEAVING);
    }
}
