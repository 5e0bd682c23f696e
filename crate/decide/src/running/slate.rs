//! One shown slate: which order's picks stand where, and what was clicked.

use super::{DEPTH, Kind, Verdict};
use privet_base::{Draws, stored};

#[derive(Debug, Clone, PartialEq)]
struct Item {
    key: u64,
    /// What a click on it says: under 0 for the server's order, over 0 for the personal one.
    credit: i16,
    clicked: bool,
}

stored! {
    Item { key, credit, clicked }
    Compared { id, interleaved, items }
}

/// Two orders of the same candidates, by their places among the keys. A place that names no candidate, or one again, is
/// passed over.
pub struct Orders<'a> {
    /// Of the candidates.
    pub keys: &'a [u64],
    /// The server's, the best first.
    pub server: &'a [u32],
    /// This device's.
    pub personal: &'a [u32],
    /// Puts what was drafted from both into an order that the rules allow, as they allow both.
    pub settle: &'a dyn Fn(Vec<u32>) -> Vec<u32>,
}

/// A slate that can be clicked once it is shown, by its first [`DEPTH`] items. Both orders are compared on it where it
/// is an interleaving.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    pub(super) id: u32,
    interleaved: bool,
    items: Vec<Item>,
}

impl Compared {
    /// Draws what to show: one slate in `every` is an interleaving, none where that is 0, and else it is the order that
    /// leads. As many are shown as the longer of the two orders has.
    ///
    /// An interleaving is shown as one list of two, and its mirror is the other: the same draft, every coin turned
    /// round. Which of the two is shown is a fair coin itself. A place credits the order whose pick stands there, less
    /// the order whose pick the mirror has there; so the mirror's credits are these ones, each with the other sign.
    /// Whoever clicks by place alone, whatever the places and however many, thus credits either order with the same
    /// probability, and so the same number of clicks on average: also where items are cut off by a limit, and where
    /// rules move them about.
    pub fn new(every: u32, draw: [u8; 16], id: u32, lead: Verdict, orders: &Orders) -> (Self, Vec<u32>, Kind) {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&draw);
        let mut generator = Draws::of_bytes(seed);
        let count = orders.keys.len();
        let (server, personal) = (distinct(orders.server, count), distinct(orders.personal, count));
        let length = server.len().max(personal.len());
        let (kind, leading) = match lead {
            Verdict::Personal => (Kind::Personal, [&personal[..], &server].concat()),
            Verdict::Server => (Kind::Server, [&server[..], &personal].concat()),
        };
        let interleaved = every > 0 && generator.below(every) == 0;
        let pairs = if interleaved { draft(&server, &personal, count) } else { Vec::new() };
        let shown = |coins: u64| {
            let pair = |(n, &(one, other)): (usize, &(u32, u32))| {
                if coins >> n & 1 == 0 { [one, other] } else { [other, one] }
            };
            let drafted: Vec<u32> = pairs.iter().enumerate().flat_map(pair).collect();
            let mut settled = distinct(&drafted, count);
            if interleaved {
                settled = (orders.settle)(settled);
            }
            let mut order = distinct(&[&settled[..], &leading].concat(), count);
            order.truncate(length);
            order
        };
        let coins = generator.coins();
        let (order, mirror) = (shown(coins), shown(!coins));
        let mut teams = vec![0; count];
        for &(one, other) in pairs.iter().filter(|(one, other)| one != other) {
            teams[one as usize] = -1;
            teams[other as usize] = 1;
        }
        let items = order.iter().zip(mirror).take(DEPTH).map(|(&candidate, other)| Item {
            key: orders.keys[candidate as usize],
            credit: teams[candidate as usize] - teams[other as usize],
            clicked: false,
        });
        let slate = Self { id, interleaved, items: items.collect() };
        (slate, order, if interleaved { Kind::Interleaved } else { kind })
    }

    /// What a click at each place says.
    #[cfg(test)]
    pub(super) fn credits(&self) -> impl Iterator<Item = i16> {
        self.items.iter().map(|item| item.credit)
    }

    /// Whether its numbers can be gone on with.
    pub fn fits(&self) -> bool {
        self.items.len() <= DEPTH && self.items.iter().all(|item| (-2..=2).contains(&item.credit))
    }

    /// Whether the item is one of this slate's.
    pub(super) fn click(&mut self, key: u64) -> bool {
        let item = self.items.iter_mut().find(|item| item.key == key);
        item.map(|item| item.clicked = true).is_some()
    }

    /// What the clicks say if this was an interleaving: under 0 for the server's order, over 0 for the personal one.
    pub(super) fn balance(&self) -> Option<i16> {
        let clicked = self.items.iter().filter(|item| item.clicked);
        self.interleaved.then(|| clicked.map(|item| item.credit).sum())
    }
}

/// The order without places that name no candidate, or one again.
fn distinct(order: &[u32], candidates: usize) -> Vec<u32> {
    let mut free = vec![true; candidates];
    order.iter().copied().filter(|&it| free.get_mut(it as usize).is_some_and(core::mem::take)).collect()
}

/// What the server's order and the personal one pick in turn, each its best that is still free: two picks, or twice the
/// same where they agree or one of them has none left. A team draft (Radlinski, Kurup and Joachims 2008) in which a
/// common pick is nobody's; the coin of a pair only says which of the two stands first, as in fair pairs (Radlinski and
/// Joachims 2006), so nothing below depends on it.
fn draft(server: &[u32], personal: &[u32], candidates: usize) -> Vec<(u32, u32)> {
    let mut free = vec![true; candidates];
    let mut tops = [server.iter(), personal.iter()];
    let mut pairs = Vec::new();
    while pairs.len() < DEPTH {
        let [one, other] = tops.each_mut().map(|top| top.copied().find(|&it| free[it as usize]));
        let Some(pick) = one.or(other) else { break };
        let pair = (pick, other.unwrap_or(pick));
        free[pair.0 as usize] = false;
        free[pair.1 as usize] = false;
        pairs.push(pair);
    }
    pairs
}
