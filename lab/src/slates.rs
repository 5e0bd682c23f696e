//! What is held back from training, and the slates it is ranked in: leave one out among 99, and the last fifth.

use std::collections::BTreeSet;

use ::privet::hex;
use clap::ValueEnum;
use sha2::{Digest, Sha256};

use super::data::{Rating, Set, User};
use super::splitmix::SplitMix64;

const OTHERS: usize = 99;
/// MovieLens-100K as `RecBole` ships it, by its interactions.
const ML100K: &str = "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff";

/// Which events a run is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// To tune on.
    Valid,
    /// To report.
    Test,
}

impl Stage {
    const fn seed(self) -> u64 {
        match self {
            Self::Test => 20_261_121,
            Self::Valid => 20_261_122,
        }
    }

    const fn ml100k_slates(self) -> &'static str {
        match self {
            Self::Test => "f76e873df160d538c0d9e203c469346a2549b13a97541dcca2aaa34ce1a4f787",
            Self::Valid => "bad154c7ec04ebd41546ea579f83a43cce78350ce44adb886d4f27af9cc3a0c9",
        }
    }
}

/// Items to be ranked, and which of them are good.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slate {
    /// Items, by place.
    pub(crate) items: Vec<usize>,
    /// For each of them.
    pub(crate) good: Vec<bool>,
    /// When they are ranked.
    pub(crate) time_s: f64,
}

/// A data set cut in two, user by user.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    /// Each user's events that may be learnt from.
    pub(crate) train: Vec<Vec<Rating>>,
    /// Each user's slate; none where too little is known of the user.
    pub(crate) slates: Vec<Option<Slate>>,
}

/// Whether this is the set whose reference figures are known.
pub(crate) fn is_ml100k(set: &Set) -> bool {
    hex(&set.sha256) == ML100K
}

/// Holds the last event (or the one before it, to tune on) back, among 99 items that the user never rated.
pub(crate) fn leave_one_out(set: &Set, stage: Stage) -> Split {
    let mut train = Vec::new();
    let mut slates = Vec::new();
    for user in &set.users {
        let known = user.events.len().saturating_sub(2);
        train.push(user.events[..known].to_vec());
        let unrated = set.items.len() - rated(user).len();
        slates.push((known > 0 && unrated >= OTHERS).then(|| slate_of(set, user, stage)));
    }
    Split { train, slates }
}

fn slate_of(set: &Set, user: &User, stage: Stage) -> Slate {
    let held_back = match stage {
        Stage::Valid => user.events[user.events.len() - 2],
        Stage::Test => user.events[user.events.len() - 1],
    };
    let rated = rated(user);
    let mut generator = SplitMix64::of(stage.seed(), user.number);
    let mut items = vec![held_back.item];
    items.extend(generator.distinct(OTHERS, set.items.len(), |item| rated.contains(&item)));
    let good = (0..items.len()).map(|place| place == 0).collect();
    Slate { items, good, time_s: held_back.time_s }
}

fn rated(user: &User) -> BTreeSet<usize> {
    user.events.iter().map(|event| event.item).collect()
}

/// Holds the last fifth of each user's events back, and to tune on, the last fifth of what is left.
pub(crate) fn last_fifth(set: &Set, stage: Stage) -> Split {
    let mut train = Vec::new();
    let mut slates = Vec::new();
    for user in &set.users {
        let mut events = &user.events[..];
        if stage == Stage::Valid {
            events = &events[..events.len() - events.len() / 5];
        }
        let (known, held_back) = events.split_at(events.len() - events.len() / 5);
        train.push(known.to_vec());
        let good: Vec<bool> = held_back.iter().map(Rating::is_like).collect();
        let both = good.contains(&true) && good.contains(&false);
        slates.push(both.then(|| Slate {
            items: held_back.iter().map(|event| event.item).collect(),
            good,
            time_s: held_back[0].time_s,
        }));
    }
    Split { train, slates }
}

/// Rebuilds both slate files of a known set and refuses to go on where they are not the protocol's.
pub(crate) fn check(set: &Set) -> Result<(), String> {
    if !is_ml100k(set) {
        return Ok(());
    }
    for stage in [Stage::Test, Stage::Valid] {
        let found = hex(&Sha256::digest(slate_file(set, stage)));
        if found != stage.ml100k_slates() {
            return Err(format!("the slates hash to {found}; the protocol's to {}", stage.ml100k_slates()));
        }
    }
    Ok(())
}

fn slate_file(set: &Set, stage: Stage) -> String {
    let mut lines = Vec::new();
    for (user, slate) in set.users.iter().zip(leave_one_out(set, stage).slates) {
        let ids: Vec<&str> =
            slate.iter().flat_map(|slate| &slate.items).map(|&item| set.items[item].as_str()).collect();
        lines.push(format!("{}\t{}", user.id, ids.join(",")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One user with `events` events a second apart, on items 0, 1, 2 …; every second one is liked.
    fn set(events: usize) -> Set {
        let event = |item: usize| Rating { item, value: [4.0, 3.0][item % 2], time_s: item as f64 };
        let user = User { id: "1".into(), number: 1, events: (0..events).map(event).collect() };
        let items = (1..=1682).map(|id| id.to_string()).collect();
        Set { users: vec![user], items, attributes: Vec::new(), sha256: [0; 32] }
    }

    #[test]
    fn one_is_left_out_among_99_that_were_never_rated() {
        let set = set(10);
        for (stage, item) in [(Stage::Test, 9), (Stage::Valid, 8)] {
            let split = leave_one_out(&set, stage);
            let slate = split.slates[0].as_ref().expect("ten events are enough");
            assert_eq!((slate.items.len(), slate.items[0], slate.time_s), (100, item, item as f64));
            assert!(slate.items[1..].iter().all(|&other| other >= 10), "a rated item is no negative");
            assert_eq!((split.train[0].len(), slate.good.iter().filter(|&&good| good).count()), (8, 1));
        }
        assert_ne!(leave_one_out(&set, Stage::Test).slates[0].as_ref().map(|slate| slate.items[1]), None);
    }

    #[test]
    fn the_first_negative_is_the_protocols() {
        // 0x99e4b7072cf4f75c mod 1682 is 824: the item with id 825.
        let slates = leave_one_out(&set(10), Stage::Test).slates;
        let slate = slates[0].as_ref().expect("ten events are enough");
        assert_eq!(slate.items[1..4], [824, 930, 1142]);
    }

    #[test]
    fn too_little_is_not_measured() {
        assert_eq!(leave_one_out(&set(2), Stage::Test).slates, [None]);
        assert_eq!(last_fifth(&set(4), Stage::Test).slates, [None]);
        assert_eq!(last_fifth(&set(9), Stage::Test).slates, [None], "one event has one label");
    }

    #[test]
    fn the_last_fifth_is_held_back_and_the_fifth_before_it_to_tune_on() {
        let test = last_fifth(&set(50), Stage::Test);
        assert_eq!(test.train[0].len(), 40);
        assert_eq!(test.slates[0].as_ref().map(|slate| slate.items.clone()), Some((40..50).collect()));
        let valid = last_fifth(&set(50), Stage::Valid);
        assert_eq!(
            (valid.train[0].len(), valid.slates[0].as_ref().map(|slate| slate.items.clone())),
            (32, Some((32..40).collect()))
        );
    }

    #[test]
    fn a_known_set_with_other_slates_is_refused() {
        let mut set = set(10);
        assert_eq!(check(&set), Ok(()), "of another set nothing is known");
        set.sha256 = ::privet::unhex(ML100K).expect("it is hexadecimal");
        assert!(check(&set).expect_err("these are not its events").starts_with("the slates hash to"));
    }
}
