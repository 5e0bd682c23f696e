//! One shown slate: both orders, how likely each item was to be seen, and what was clicked.

use super::{DEPTH, Kind, Setting, Verdict, quality::Gains, quality::gain};
use crate::{propensity::propensity, stored::stored};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// The interleaving that is shown is one of this many, drawn evenly, so that each item's propensity is an exact mean.
const DRAFTS: usize = 8;

/// What a click weighs at most: always in the report, and in the bet where it speaks against the leading order.
const CLIP: f64 = 20.0;

/// The rank of an item that an order does not hold.
const ABSENT: usize = usize::MAX;

#[derive(Debug, Clone, PartialEq)]
struct Item {
    key: u64,
    /// What a click on it would gain for the server's order and for the personal one.
    gains: (f64, f64),
    /// One over the probability that it was examined; see [`Slate::show`].
    weight: f64,
    /// Whose pick it was in an interleaving.
    team: Option<Verdict>,
    clicked: bool,
}

stored! {
    Item { key, gains, weight, team, clicked }
    Compared { id, lead, items }
}

/// Two orders of the same candidates, by their places among the keys. A place that names no candidate, or one again, is
/// passed over.
pub(crate) struct Orders<'a> {
    pub(crate) keys: &'a [u64],
    pub(crate) server: &'a [u32],
    pub(crate) personal: &'a [u32],
    /// Puts what was drafted from both into an order that the rules allow, as they allow both.
    pub(crate) settle: &'a dyn Fn(Vec<u32>) -> Vec<u32>,
}

/// A slate on which both orders are compared, and which can be clicked once it is shown: at most [`DEPTH`] items of
/// either order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(super) id: u32,
    /// The order that is shown, or would have been, were the slate not interleaved.
    lead: Verdict,
    items: Vec<Item>,
}

impl Compared {
    /// Draws what to show, and remembers how likely each item is to be examined. As many are shown as the longer of the
    /// two orders has.
    ///
    /// An item's propensity is its mean over everything that might have been shown: the leading order, and each of the
    /// possible interleavings (the balance heuristic: Veach and Guibas 1995; for logged rankings Agarwal and others
    /// 2017). An item that the leading order buries is thus weighted by its chance to be seen in an interleaving
    /// rather than by a far smaller one.
    pub(crate) fn new(
        setting: Setting,
        draw: [u8; 16],
        id: u32,
        lead: Verdict,
        orders: &Orders,
    ) -> (Self, Vec<u32>, Kind) {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&draw);
        let mut generator = ChaCha8Rng::from_seed(seed);

        let count = orders.keys.len();
        let server = Ranked::new(orders.server, count);
        let personal = Ranked::new(orders.personal, count);
        let length = server.order.len().max(personal.order.len());
        let leading = match lead {
            Verdict::Personal => [&personal.order[..], &server.order].concat(),
            Verdict::Server => [&server.order[..], &personal.order].concat(),
        };
        let leading = Ranked::new(&leading, count);
        let drafts: Vec<Draft> = (0..DRAFTS).map(|_| Draft::new(&server, &personal, orders, &mut generator)).collect();
        let share = if setting.interleave_every == 0 { 0.0 } else { 1.0 / f64::from(setting.interleave_every) };
        let interleaved = setting.interleave_every > 0 && generator.random_range(0..setting.interleave_every) == 0;
        let draft = interleaved.then(|| &drafts[generator.random_range(0..DRAFTS)]);

        let examined = |rank: usize| if rank < length { propensity(rank as u32 + 1, setting.eta) } else { 0.0 };
        let items = drafts[0].picks.iter().map(|&(candidate, _)| {
            let in_drafts: f64 = drafts.iter().map(|draft| examined(draft.ranked.rank(candidate))).sum();
            let propensity = (1.0 - share) * examined(leading.rank(candidate)) + share * in_drafts / DRAFTS as f64;
            let picked = |draft: &Draft| draft.picks.iter().find(|pick| pick.0 == candidate).map(|pick| pick.1);
            Item {
                key: orders.keys[candidate as usize],
                gains: (gain(server.rank(candidate)), gain(personal.rank(candidate))),
                weight: if propensity > 0.0 { 1.0 / propensity } else { 0.0 },
                team: draft.and_then(picked),
                clicked: false,
            }
        });
        let slate = Self { id, lead, items: items.collect() };

        let mut order = draft.map_or_else(Vec::new, |draft| draft.ranked.order.clone());
        order.extend(&leading.order);
        let mut order = Ranked::new(&order, count).order;
        order.truncate(length);
        let kind = match (interleaved, lead) {
            (true, _) => Kind::Interleaved,
            (false, Verdict::Personal) => Kind::Personal,
            (false, Verdict::Server) => Kind::Server,
        };
        (slate, order, kind)
    }

    pub(super) fn lead(&self) -> Verdict {
        self.lead
    }

    pub(crate) fn fits(&self) -> bool {
        let number = |x: f64| x.is_finite() && x >= 0.0;
        self.items.len() <= 2 * DEPTH
            && self.items.iter().all(|item| number(item.gains.0) && number(item.gains.1) && number(item.weight))
    }

    /// Whether the item is one of this slate's.
    pub(super) fn click(&mut self, key: u64) -> bool {
        let item = self.items.iter_mut().find(|item| item.key == key);
        item.map(|item| item.clicked = true).is_some()
    }

    pub(super) fn gains(&self) -> Gains {
        let clicked = self.items.iter().filter(|item| item.clicked);
        clicked.fold(Gains::default(), |sum, item| {
            let weight = item.weight.min(CLIP);
            Gains {
                server: sum.server + weight * item.gains.0,
                personal: sum.personal + weight * item.gains.1,
                relevant: sum.relevant + weight,
            }
        })
    }

    /// How much more the other order gained than the leading one, and the least that it could have been.
    ///
    /// Only weights that speak against the leading order are clipped, so clipping never accuses it.
    pub(super) fn harm(&self) -> (f64, f64) {
        self.items.iter().fold((0.0, 0.0), |(harm, worst), item| {
            let more = match self.lead {
                Verdict::Personal => item.gains.0 - item.gains.1,
                Verdict::Server => item.gains.1 - item.gains.0,
            };
            let weighted = more * if more > 0.0 { item.weight.min(CLIP) } else { item.weight };
            (harm + if item.clicked { weighted } else { 0.0 }, worst - weighted.min(0.0))
        })
    }

    /// How many clicks each team got, server first, if this was an interleaving.
    pub(super) fn team_clicks(&self) -> Option<(usize, usize)> {
        let of = |team| self.items.iter().filter(|item| item.clicked && item.team == Some(team)).count();
        self.items.first()?.team?;
        Some((of(Verdict::Server), of(Verdict::Personal)))
    }
}

/// An order and each candidate's rank in it. Places that name no candidate, or one again, are passed over.
struct Ranked {
    order: Vec<u32>,
    ranks: Vec<usize>,
}

impl Ranked {
    fn new(order: &[u32], candidates: usize) -> Self {
        let mut ranked = Self { order: Vec::with_capacity(order.len()), ranks: vec![ABSENT; candidates] };
        for &candidate in order {
            if (candidate as usize) < candidates && !ranked.holds(candidate) {
                ranked.push(candidate);
            }
        }
        ranked
    }

    fn push(&mut self, candidate: u32) {
        self.ranks[candidate as usize] = self.order.len();
        self.order.push(candidate);
    }

    fn holds(&self, candidate: u32) -> bool {
        self.rank(candidate) != ABSENT
    }

    fn rank(&self, candidate: u32) -> usize {
        self.ranks[candidate as usize]
    }

    fn top(&self) -> &[u32] {
        &self.order[..self.order.len().min(DEPTH)]
    }
}

/// A team draft: in each round a coin says which order picks first, and each picks its best item that is still free
/// (Radlinski, Kurup and Joachims 2008, algorithm 2). Then the rules have their say.
struct Draft {
    picks: Vec<(u32, Verdict)>,
    ranked: Ranked,
}

impl Draft {
    fn new(server: &Ranked, personal: &Ranked, orders: &Orders, generator: &mut ChaCha8Rng) -> Self {
        let mut ranked = Ranked::new(&[], server.ranks.len());
        let mut picks = Vec::new();
        let mut tops = [(Verdict::Server, server.top().iter()), (Verdict::Personal, personal.top().iter())];
        loop {
            if generator.random_bool(0.5) {
                tops.swap(0, 1);
            }
            let before = picks.len();
            for (team, top) in &mut tops {
                if let Some(&pick) = top.find(|&&candidate| !ranked.holds(candidate)) {
                    ranked.push(pick);
                    picks.push((pick, *team));
                }
            }
            if picks.len() == before {
                let settled = (orders.settle)(ranked.order);
                return Self { picks, ranked: Ranked::new(&settled, server.ranks.len()) };
            }
        }
    }
}
