//! From candidates to scores and their order.

use crate::{Memory, Refusal};
use privet_base::Result;
use privet_kernels::here as kernels;
use privet_model::{Head, Item, Moment, cpu::ScoringBatch, extend_direction, slot};

/// How many candidates there may be.
const MOST_CANDIDATES: usize = 10_000;
/// So many are looked at together: all that is computed of them stays near the processor.
const TOGETHER: usize = 64;

/// Candidates in the order in which to show them.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Places among the candidates, the best first.
    pub order: Vec<u32>,
    /// The parts of each candidate's score, in the candidates' own order.
    pub scores: Vec<Score>,
}

/// What a score is made of. The parts behind the gate are given as they count: they add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The server's.
    pub server: f32,
    /// What the shared head adds.
    pub shared: f32,
    /// What only this device has learnt: its own copy of the head against the shared one, and the linear part.
    pub personal: f32,
    /// The recent item that is most like the candidate, by its key, and how like it is.
    pub because: Option<(u64, f32)>,
}

impl Score {
    /// What decides the order.
    pub fn total(&self) -> f32 {
        self.server + (self.shared + self.personal)
    }
}

/// The candidates by their scores. Without evidence, and during a rebuild, in the server's order; equal scores keep it.
pub fn rank(head: &Head, memory: &Memory, candidates: &[Item], moment: Moment) -> Result<Ranking> {
    check(head, candidates)?;
    let scores = scores(head, memory, candidates, moment);
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_by(|&a, &b| scores[b as usize].total().total_cmp(&scores[a as usize].total()));
    Ok(Ranking { order, scores })
}

/// The parts of each candidate's score.
pub(crate) fn scores(head: &Head, memory: &Memory, candidates: &[Item], moment: Moment) -> Vec<Score> {
    let profile = memory.profile();
    let gate = head.gate(profile.evidence());
    let server_alone = |item: &Item| Score { server: item.score, shared: 0.0, personal: 0.0, because: None };
    // Not a product with zero: that would turn what overflows into what is no number.
    if gate == 0.0 || memory.rebuilding() {
        return candidates.iter().map(server_alone).collect();
    }
    let (view, learner) = (profile.view(&head.schema, moment, memory.ablation()), memory.learner());
    let (shape, d, width) = (head.shape(0, 0), head.embedding_length(), view.width());
    let (f, h) = (shape.f as usize, shape.h as usize);
    let mut directions = Vec::with_capacity(TOGETHER * d);
    let [mut similarity, mut x, mut z] = [width, f, h].map(|width| vec![0.0; TOGETHER * width]);
    let [mut shared, mut own] = [[0.0; TOGETHER]; 2];
    let mut scores = Vec::with_capacity(candidates.len());
    let mut slots = Vec::new();
    for items in candidates.chunks(TOGETHER) {
        let n = items.len();
        directions.clear();
        items.iter().for_each(|item| extend_direction(&item.embedding, &mut directions));
        view.compare(&directions, &mut similarity);
        for ((item, similarity), x) in items.iter().zip(similarity.chunks_exact(width)).zip(x.chunks_exact_mut(f)) {
            view.features(item, similarity, x);
        }
        for (theta, s) in [(head.parameters(), &mut shared), (learner.theta(), &mut own)] {
            kernels::forward(f, h, &x[..n * f], theta, &mut z, s);
        }
        for (i, item) in items.iter().enumerate() {
            slots.clear();
            slots.extend(item.attributes.iter().map(slot));
            let linear = learner.personal(&directions[i * d..][..d], &slots);
            scores.push(Score {
                server: item.score,
                shared: gate * shared[i],
                personal: gate * (own[i] - shared[i] + linear),
                because: view.reason(&similarity[i * width..][..width]),
            });
        }
    }
    scores
}

/// The candidates as this device is going to see them, for a GPU to score; nothing where there is nothing personal.
pub(crate) fn scoring_batch(head: &Head, memory: &Memory, candidates: &[Item], moment: Moment) -> Option<ScoringBatch> {
    if !memory.personalises(head) || candidates.is_empty() {
        return None;
    }
    let view = memory.profile().view(&head.schema, moment, memory.ablation());
    let thetas = [head.parameters(), memory.learner().theta()].concat();
    Some(view.scoring_batch(candidates, head.shape(0, 0).h, thetas))
}

/// The parts of each candidate's score, where a GPU has scored what [`scoring_batch`] gave it: what the shared net says of each, what
/// the device's own does, and of each which of the recent items speaks for it, and how loudly.
pub(crate) fn scores_by_gpu(head: &Head, memory: &Memory, candidates: &[Item], seen: &[f32]) -> Result<Vec<Score>> {
    let (n, profile) = (candidates.len(), memory.profile());
    if seen.len() != 4 * n || !memory.personalises(head) {
        return Err(privet_model::Refusal::StateDamaged.into());
    }
    let (gate, learner) = (head.gate(profile.evidence()), memory.learner());
    let (shared, rest) = seen.split_at(n);
    let (own, reasons) = rest.split_at(n);
    let (mut direction, mut slots) = (Vec::new(), Vec::new());
    let score = |(i, item): (usize, &Item)| {
        direction.clear();
        extend_direction(&item.embedding, &mut direction);
        slots.clear();
        slots.extend(item.attributes.iter().map(slot));
        let key = profile.recent_key(reasons[2 * i] as usize);
        Score {
            server: item.score,
            shared: gate * shared[i],
            personal: gate * (own[i] - shared[i] + learner.personal(&direction, &slots)),
            because: key.map(|key| (key, reasons[2 * i + 1])),
        }
    };
    Ok(candidates.iter().enumerate().map(score).collect())
}

/// Refuses candidates that the schema does not describe, or that are named twice; says which.
pub(crate) fn check(head: &Head, candidates: &[Item]) -> Result<()> {
    if candidates.len() > MOST_CANDIDATES {
        return Err(Refusal::TooManyCandidates { sent: candidates.len(), most: MOST_CANDIDATES }.into());
    }
    let refuse = |place, why: &dyn ToString| Err(Refusal::CandidateRefused { place, why: why.to_string() }.into());
    for (place, item) in candidates.iter().enumerate() {
        if let Err(error) = item.check(&head.schema) {
            return refuse(place, &error);
        }
    }
    let mut keys: Vec<(u64, usize)> = candidates.iter().map(|item| item.key).zip(0..).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => refuse(pair[1].1, &format!("it has the id of candidate {}", pair[0].1)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use privet_model::{Ablation, Event, Schema, Scratch};
    use privet_testkit::item;

    /// A head whose parameters are all over the place, as if it were well trained.
    fn trained(kappa: f32) -> Head {
        let head = Head::starting(Schema::plain(16), 4, kappa).expect("a plain schema");
        let parameters = (0..head.parameters().len()).map(|i| (i as f32 * 0.618_034).fract() * 8.0 - 4.0).collect();
        head.with_parameters(parameters).expect("as many, and finite")
    }

    fn candidates() -> Vec<Item> {
        vec![item(0, 0.5), item(1, 0.9), item(2, 0.5), item(3, f32::MIN_POSITIVE / 4.0), item(4, -0.0)]
    }

    #[test]
    fn without_evidence_any_head_leaves_the_servers_order_and_its_very_scores() {
        let head = trained(4.0);
        let memory = Memory::new(&head, Ablation::default());
        let ranking = rank(&head, &memory, &candidates(), Moment::default()).expect("plain candidates");
        assert_eq!(ranking.order, [1, 0, 2, 3, 4]);
        for (score, item) in ranking.scores.iter().zip(candidates()) {
            assert_eq!(score.total().to_bits(), (item.score + 0.0).to_bits());
        }
        let open = trained(0.0);
        let memory = Memory::new(&open, Ablation::default());
        let ranking = rank(&open, &memory, &candidates(), Moment::default()).expect("plain candidates");
        assert!(ranking.scores.iter().all(|score| score.shared != 0.0), "kappa 0 gives newcomers the shared head");
    }

    #[test]
    fn what_is_liked_rises_and_is_explained() {
        let head = Head::starting(Schema::plain(16), 4, 4.0).expect("a plain schema");
        let mut memory = Memory::new(&head, Ablation::default());
        for _ in 0..12 {
            memory.record(&head, Event::new(2, item(2, 0.0), Moment::default())).expect("a plain event");
        }
        let ranking = rank(&head, &memory, &candidates(), Moment::default()).expect("plain candidates");
        assert_eq!(ranking.order[0], 2, "{ranking:?}");
        let Score { server, shared, personal, because } = ranking.scores[2];
        assert_eq!((server, because), (0.5, Some((2, 1.0))));
        assert!(shared > 0.5 && personal == 0.0, "nothing was trained yet");
    }

    #[test]
    fn who_stands_beside_a_candidate_changes_no_bit_of_its_score() {
        let head = trained(4.0);
        let mut memory = Memory::new(&head, Ablation::default());
        for i in 0..9 {
            let mut liked = item(i % 5, 0.0);
            liked.embedding[9] = 0.1 * i as f32;
            memory.record(&head, Event::new(2, liked, Moment::default())).expect("a plain event");
        }
        while memory.advance(&head, &mut Scratch::default()) {}
        // Over two of what is looked at together, and an odd one out.
        let one = |i: u64| Item { key: i, score: 0.0, ..item(i as usize % 16, 0.0) };
        let many: Vec<Item> = (0..=2 * TOGETHER as u64)
            .map(|i| Item { embedding: one(i).embedding.iter().map(|x| x + 0.01 * i as f32).collect(), ..one(i) })
            .collect();
        let together = scores(&head, &memory, &many, Moment::default());
        for (item, score) in many.iter().zip(together) {
            assert_eq!(scores(&head, &memory, core::slice::from_ref(item), Moment::default()), [score]);
        }
    }

    #[test]
    fn while_a_forgotten_thing_is_undone_the_servers_order_stands() {
        let head = Head::starting(Schema::plain(16), 4, 4.0).expect("a plain schema");
        let mut memory = Memory::new(&head, Ablation::default());
        for axis in [2, 2, 5] {
            memory.record(&head, Event::new(2, item(axis, 0.0), Moment::default())).expect("a plain event");
        }
        memory.forget(&head, crate::Selector::Item(5));
        let order =
            |memory: &Memory| rank(&head, memory, &candidates(), Moment::default()).expect("plain candidates").order;
        assert_eq!(order(&memory), [1, 0, 2, 3, 4]);
        while memory.advance(&head, &mut Scratch::default()) {}
        assert_ne!(order(&memory), [1, 0, 2, 3, 4]);
    }

    #[test]
    fn odd_candidates_are_refused_by_their_place() {
        let head = trained(4.0);
        let memory = Memory::new(&head, Ablation::default());
        let refused = |change: fn(&mut Vec<Item>)| {
            let mut candidates = candidates();
            change(&mut candidates);
            rank(&head, &memory, &candidates, Moment::default()).expect_err("odd").to_string()
        };
        assert_eq!(refused(|all| all[3].score = f32::NAN), "candidate 3 is refused: number 0 is not finite");
        assert_eq!(refused(|all| all[2].embedding[5] = f32::NAN), "candidate 2 is refused: number 5 is not finite");
        assert_eq!(
            refused(|all| all[0].dense.push(1.0)),
            "candidate 0 is refused: an item has 1 dense numbers; the schema names 0"
        );
        assert_eq!(
            refused(|all| all[2].attributes.push((3, 1))),
            "candidate 2 is refused: the schema names no such attribute"
        );
        assert_eq!(refused(|all| all[4].key = 1), "candidate 4 is refused: it has the id of candidate 1");
        assert_eq!(
            refused(|all| all[1].embedding.push(0.0)),
            "candidate 1 is refused: an embedding has 17 numbers; the head wants 16"
        );
        assert_eq!(
            refused(|all| all.resize(10_001, item(7, 0.0))),
            "10001 candidates are too many; at most 10000 are ranked"
        );
        assert_eq!(rank(&head, &memory, &[], Moment::default()).expect("nothing to rank").order, [0; 0]);
    }
}
