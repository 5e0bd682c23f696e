//! What every store has to hold. `run` takes a function that makes an empty one.

use std::fmt::Debug;

use privet::{Agreed, Batch, Mode, Operator, Round, Share, UploadId};

use super::{Added, Addend, BatchState, Held, Room, Spent, State, Store, StoredHead, StoredRound, StoredTask};
use crate::Refusal;

const ROOM: Room = Room { round: 5, batch: 3 };

pub(super) fn round(number: u32) -> Round {
    Round {
        task: "demo".into(),
        number,
        mode: Mode::Split,
        dimension: 2,
        clip_norm: 1.0,
        grid_scale: 1 << 12,
        noise_multiplier: 4.0,
        part_multiplier: 0.25,
        min_cohort: 2,
        n_max: 100,
        delta: 1e-6,
        deadline_s: 1000,
        head: [7; 32],
        leader: Operator::new("a", [1; 32]),
        helper: Some(Operator::new("b", [2; 32])),
        token_key: None,
    }
}

pub(super) fn head(n: u8, held: Option<&str>) -> StoredHead {
    StoredHead {
        hash: [n; 32],
        task: "demo".into(),
        round: n.into(),
        previous: [n - 1; 32],
        count: 9,
        body: vec![n],
        memory: vec![n, n],
        manifest: None,
        held: held.map(str::to_owned),
    }
}

fn share(entries: [u32; 2]) -> Share {
    Share::from_bytes(entries.map(u32::to_le_bytes).as_flattened(), 2).expect("two entries")
}

fn addend(n: u8) -> Addend {
    Addend { id: [n; 16], digest: [n; 32], share: share([n.into(), u32::MAX]) }
}

fn held(n: u8) -> Held {
    Held { id: [n; 16], digest: [n; 32], seed: [n; 32], token: None }
}

async fn open(store: &impl Store, number: u32) -> StoredRound {
    let begun = store.begin(&round(number), 10).await.expect("a free number");
    store.publish(begun.id, b"signed").await.expect("it answers");
    store.round(&round(number).hash()).await.expect("it answers").expect("it was begun")
}

/// Each part over a store of its own.
pub(super) async fn run<S: Store, Guard>(fresh: impl AsyncFn() -> (Guard, S)) {
    let (_guard, store) = fresh().await;
    tasks_keep_their_admission(&store).await;
    let (_guard, store) = fresh().await;
    a_held_head_is_not_current_nor_published(&store).await;
    let (_guard, store) = fresh().await;
    a_number_has_one_configuration(&store).await;
    let (_guard, store) = fresh().await;
    an_upload_is_added_once_and_in_one_batch(&store).await;
    let (_guard, store) = fresh().await;
    a_token_is_one_uploads(&store).await;
    let (_guard, store) = fresh().await;
    a_closing_round_takes_nothing(&store).await;
    let (_guard, store) = fresh().await;
    a_short_tail_joins_the_batch_before(&store).await;
    let (_guard, store) = fresh().await;
    sums_are_gone_when_one_is_given(&store).await;
    let (_guard, store) = fresh().await;
    held_shares_are_gathered_once(&store).await;
    let (_guard, store) = fresh().await;
    what_is_spent_stays_spent(&store).await;
    let (_guard, store) = fresh().await;
    an_ended_round_keeps_nothing(&store).await;
    let (_guard, store) = fresh().await;
    many_at_a_time_are_counted_once(&store).await;
}

async fn tasks_keep_their_admission(store: &impl Store) {
    let task = |admitted| StoredTask { hash: "h".into(), name: "demo".into(), text: "{}".into(), admitted };
    for (put, admitted) in [(false, false), (true, true), (false, true)] {
        store.put_task(&task(put)).await.expect("it answers");
        assert_eq!(store.tasks().await, Ok(vec![task(admitted)]));
    }
    store.withdraw("other").await.expect("it answers");
    assert_eq!(store.tasks().await, Ok(vec![task(true)]));
    store.withdraw("h").await.expect("it answers");
    assert_eq!(store.tasks().await, Ok(vec![task(false)]));
    // Back to earlier terms: they come last again.
    let other = StoredTask { hash: "i".into(), ..task(true) };
    store.put_task(&other).await.expect("it answers");
    assert_eq!(store.tasks().await, Ok(vec![task(false), other.clone()]));
    store.put_task(&task(false)).await.expect("it answers");
    assert_eq!(store.tasks().await, Ok(vec![other, task(false)]));
}

async fn a_held_head_is_not_current_nor_published(store: &impl Store) {
    let open = open(store, 1).await;
    store.put_head(&head(1, None)).await.expect("it answers");
    store.set_current("demo", [1; 32]).await.expect("it answers");
    assert_eq!(store.finish(open.id, b"sum", &head(3, None)).await, Err(Refusal::StoreFailed.into()), "it is open");
    assert_eq!(store.head("demo", [3; 32]).await, Ok(None));
    store.close(open.id, 2).await.expect("it answers");
    store.finish(open.id, b"sum", &head(2, Some("odd"))).await.expect("it answers");
    assert_eq!(store.current("demo").await, Ok(Some([1; 32])));
    assert_eq!(store.published([2; 32]).await, Ok(None));
    assert_eq!(store.head("demo", [2; 32]).await, Ok(Some(head(2, Some("odd")))));
    let promoted = StoredHead { manifest: Some(vec![5]), ..head(2, None) };
    store.put_head(&promoted).await.expect("it answers");
    assert_eq!(store.published([2; 32]).await, Ok(Some(promoted.clone())));
    assert_eq!(store.heads("demo").await, Ok(vec![head(1, None), promoted]));
    assert_eq!(store.current("other").await, Ok(None));
    let closed = store.numbered("demo", 1).await.expect("it answers").expect("it was begun");
    assert_eq!((closed.state, closed.sum.as_deref()), (State::Closed, Some(&b"sum"[..])));
}

async fn a_number_has_one_configuration(store: &impl Store) {
    assert_eq!(store.latest("demo").await, Ok(None));
    let draft = store.begin(&round(1), 10).await.expect("a free number");
    assert_eq!(draft.state, State::Draft);
    assert_eq!(store.begin(&round(1), 11).await, Ok(draft.clone()), "the same again is the same");
    let other = Round { head: [8; 32], ..round(1) };
    assert_eq!(store.begin(&other, 10).await, Err(Refusal::RoundConflict { number: 1 }.into()));
    let added = store.add(draft.id, ROOM, &[addend(1)]).await;
    assert_eq!(added, Ok((vec![Added::Over], 0)), "a draft takes nothing");
    store.publish(draft.id, b"signed").await.expect("it answers");
    let open = StoredRound { state: State::Open, signed: Some(b"signed".to_vec()), ..draft };
    assert_eq!(store.latest("demo").await, Ok(Some(open.clone())));
    assert_eq!(store.numbered("demo", 1).await, Ok(Some(open.clone())));
    assert_eq!(store.round(&round(1).hash()).await, Ok(Some(open)));
    assert_eq!(store.round(&other.hash()).await, Ok(None));
    assert_eq!(store.last_number("demo").await, Ok(1));
    store.withdraw_draft(1).await.expect("it answers");
    assert_eq!(store.last_number("demo").await, Ok(1), "it is no draft any more");
    let second = store.begin(&round(2), 20).await.expect("a free number");
    assert_eq!(second.begun_s, 20);
    store.withdraw_draft(second.id).await.expect("it answers");
    assert_eq!(store.last_number("demo").await, Ok(1), "the number is free again");
}

async fn an_upload_is_added_once_and_in_one_batch(store: &impl Store) {
    use Added::{Conflict, Full, Known, New};
    let id = open(store, 1).await.id;
    assert_eq!(store.add(id, ROOM, &[addend(1), addend(1)]).await, Ok((vec![New, Known], 1)));
    let other = Addend { digest: [9; 32], ..addend(1) };
    assert_eq!(store.add(id, ROOM, &[other.clone(), addend(2)]).await, Ok((vec![Conflict, New], 2)));
    assert_eq!(store.add(id, ROOM, &[addend(3), addend(4)]).await, Ok((vec![New, New], 4)));
    assert_eq!(store.add(id, ROOM, &[addend(5), addend(6), addend(1)]).await, Ok((vec![New, Full, Known], 5)));
    let batches = store.batches(id).await.expect("it answers");
    let short: Vec<_> = batches.iter().map(|batch| (batch.number, batch.count, batch.state)).collect();
    assert_eq!(short, [(1, 4, BatchState::Sealed), (2, 1, BatchState::Filling)], "a full batch is sealed");
    assert_eq!(store.count(id).await, Ok(5));
    assert_eq!(store.known(id, [1; 16]).await, Ok(Some([1; 32])));
    assert_eq!(store.known(id, [6; 16]).await, Ok(None));
    assert_eq!(sorted(store.ids(id, 1).await), [[1; 16], [2; 16], [3; 16], [4; 16]]);
    assert_eq!(sorted(store.ids(id, 2).await), [[5; 16]]);
    let sum = |numbers: &'static [u32]| async { store.sum(id, &round(1), numbers).await.expect("it answers") };
    assert_eq!(sum(&[1, 2]).await, share([15, u32::MAX - 4]), "the second entries wrap around");
    assert_eq!(sum(&[2]).await, share([5, u32::MAX]));
    assert_eq!(sum(&[]).await, share([0, 0]));
}

async fn a_token_is_one_uploads(store: &impl Store) {
    let id = open(store, 1).await.id;
    let (one, other) = ([1; 32], [3; 32]);
    let wanted = [(one, [1; 16]), (one, [2; 16]), (other, [2; 16]), (one, [1; 16])];
    assert_eq!(store.reserve(id, &wanted).await, Ok(vec![true, false, true, true]));
    assert_eq!(store.reserve(id, &wanted[..2]).await, Ok(vec![true, false]), "the same again is the same");
    let with = |n: u8, token: u8| Held { token: Some([token; 32]), ..held(n) };
    let verdicts = store.hold(id, 9, &[with(1, 1), with(4, 1), with(5, 5), with(6, 5), with(5, 7)]).await;
    assert_eq!(verdicts, Ok(vec![Added::New, Added::Spent, Added::New, Added::Spent, Added::Known]));
    store.end(id).await.expect("it answers");
    for number in 2..=4 {
        let later = open(store, number).await.id;
        store.forget_before("demo", number).await.expect("it answers");
        assert_eq!(store.reserve(later, &wanted).await, Ok(vec![false; 4]), "a token is spent for ever");
    }
}

async fn a_short_tail_joins_the_batch_before(store: &impl Store) {
    let id = open(store, 1).await.id;
    store.add(id, ROOM, &[addend(1), addend(2), addend(3)]).await.expect("it answers");
    store.add(id, ROOM, &[addend(4)]).await.expect("it answers");
    store.close(id, 2).await.expect("it answers");
    let batches = store.batches(id).await.expect("it answers");
    let short: Vec<_> = batches.iter().map(|batch| (batch.number, batch.count, batch.state)).collect();
    assert_eq!(short, [(1, 4, BatchState::Sealed)]);
    assert_eq!(sorted(store.ids(id, 1).await), [[1; 16], [2; 16], [3; 16], [4; 16]]);
    assert_eq!(store.sum(id, &round(1), &[1]).await, Ok(share([10, u32::MAX - 3])));
    let alone = open(store, 2).await.id;
    store.add(alone, ROOM, &[addend(1)]).await.expect("it answers");
    store.close(alone, 2).await.expect("it answers");
    assert_eq!(store.count(alone).await, Ok(1), "there is none before");
    let agreed = open(store, 3).await.id;
    store.add(agreed, ROOM, &[addend(1), addend(2), addend(3)]).await.expect("it answers");
    store.agree(agreed, Agreed { number: 1, count: 3, digest: [4; 32] }).await.expect("it answers");
    store.add(agreed, ROOM, &[addend(4)]).await.expect("it answers");
    store.close(agreed, 2).await.expect("it answers");
    let batches = store.batches(agreed).await.expect("it answers");
    assert_eq!(batches.iter().map(|batch| batch.count).collect::<Vec<_>>(), [3, 1], "what is agreed stays so");
}

/// With them goes what the aggregators' own noise would be worth nothing beside.
async fn sums_are_gone_when_one_is_given(store: &impl Store) {
    let gathered = open(store, 1).await.id;
    store.hold(gathered, 9, &[held(1), held(2)]).await.expect("it answers");
    let batch = Batch::new(round(1).hash(), 1, vec![[1; 16], [2; 16]]);
    assert_eq!(store.gather(gathered, &batch, &share([5, 6])).await, Ok(true));
    store.spend(gathered, &Spent { closing: vec![1], sum: vec![2] }).await.expect("it answers");
    assert!(store.sum(gathered, &round(1), &[1]).await.is_err());
    let added = open(store, 2).await.id;
    store.add(added, ROOM, &[addend(1), addend(2)]).await.expect("it answers");
    store.close(added, 2).await.expect("it answers");
    store.finish(added, b"sum", &head(1, None)).await.expect("it answers");
    assert!(store.sum(added, &round(2), &[1]).await.is_err());
    assert_eq!(store.known(added, [1; 16]).await, Ok(Some([1; 32])), "replays are known");
}

async fn a_closing_round_takes_nothing(store: &impl Store) {
    let id = open(store, 1).await.id;
    store.add(id, ROOM, &[addend(1), addend(2)]).await.expect("it answers");
    store.close(id, 2).await.expect("it answers");
    assert_eq!(store.add(id, ROOM, &[addend(1), addend(3)]).await, Ok((vec![Added::Known, Added::Over], 2)));
    let batch = store.batches(id).await.expect("it answers")[0];
    assert_eq!((batch.count, batch.state, batch.digest), (2, BatchState::Sealed, None));
    store.agree(id, Agreed { number: 1, count: 2, digest: [4; 32] }).await.expect("it answers");
    let batch = store.batches(id).await.expect("it answers")[0];
    assert_eq!((batch.state, batch.digest), (BatchState::Agreed, Some([4; 32])), "what is agreed stays so");
}

async fn held_shares_are_gathered_once(store: &impl Store) {
    let id = open(store, 1).await.id;
    let verdicts = store.hold(id, 3, &[held(1), held(2), held(1), held(3), held(4)]).await;
    assert_eq!(verdicts, Ok(vec![Added::New, Added::New, Added::Known, Added::New, Added::Full]));
    let other = Held { digest: [9; 32], ..held(1) };
    assert_eq!(store.hold(id, 3, &[other]).await, Ok(vec![Added::Conflict]));
    let batch = |number, ids: &[u8]| Batch::new(round(1).hash(), number, ids.iter().map(|&n| [n; 16]).collect());
    assert_eq!(sorted(store.seeds(id, &batch(1, &[2, 3, 8])).await), [([2; 16], [2; 32]), ([3; 16], [3; 32])]);
    assert_eq!(store.gather(id, &batch(1, &[2, 8]), &share([1, 1])).await, Ok(false), "one of them is not held");
    assert_eq!(store.batches(id).await, Ok(vec![]));
    assert_eq!(store.gather(id, &batch(1, &[1, 2]), &share([5, 6])).await, Ok(true));
    assert_eq!(store.seeds(id, &batch(1, &[1, 2, 3])).await, Ok(vec![([3; 16], [3; 32])]), "the shares are gone");
    assert_eq!(store.gather(id, &batch(2, &[2, 3]), &share([1, 1])).await, Ok(false), "one is in a batch");
    assert_eq!(store.gather(id, &batch(1, &[3]), &share([1, 1])).await, Ok(false), "the number is taken");
    assert_eq!(store.hold(id, 3, &[held(1)]).await, Ok(vec![Added::Known]), "an id stays known");
    assert_eq!(store.gather(id, &batch(2, &[3]), &share([1, 1])).await, Ok(true));
    assert_eq!(store.sum(id, &round(1), &[1, 2]).await, Ok(share([6, 7])));
    let stored = store.batches(id).await.expect("it answers")[0];
    assert_eq!((stored.count, stored.state, stored.digest), (2, BatchState::Agreed, Some(batch(1, &[1, 2]).digest())));
}

async fn what_is_spent_stays_spent(store: &impl Store) {
    let id = open(store, 1).await.id;
    store.hold(id, 9, &[held(1), held(2)]).await.expect("it answers");
    let batch = Batch::new(round(1).hash(), 1, vec![[1; 16]]);
    assert_eq!(store.gather(id, &batch, &share([5, 6])).await, Ok(true));
    assert_eq!(store.spent(id).await, Ok(None));
    let first = Spent { closing: vec![1], sum: vec![2] };
    assert_eq!(store.spent_count().await, Ok(0));
    assert_eq!(store.spend(id, &first).await, Ok(first.clone()));
    assert_eq!(store.spend(id, &Spent { closing: vec![3], sum: vec![4] }).await, Ok(first.clone()));
    assert_eq!(store.spent_count().await, Ok(1));
    store.end(id).await.expect("it answers");
    assert_eq!(store.spent(id).await, Ok(Some(first.clone())), "it cannot be ended any more");
    // A leader's: it has its own sum before it asks the other aggregator for one, and makes its head after that.
    let closing = open(store, 2).await.id;
    store.add(closing, ROOM, &[addend(1), addend(2)]).await.expect("it answers");
    store.close(closing, 2).await.expect("it answers");
    assert_eq!(store.spend(closing, &first).await, Ok(first.clone()));
    assert!(store.sum(closing, &round(2), &[1]).await.is_err(), "without noise it is gone");
    store.finish(closing, &first.sum, &head(2, None)).await.expect("it is closing still");
    assert_eq!((store.spent(closing).await, store.spent_count().await), (Ok(Some(first)), Ok(2)));
    assert_eq!(store.hold(id, 9, &[held(3)]).await, Ok(vec![Added::Over]));
    assert_eq!(store.known(id, [2; 16]).await, Ok(None), "what no batch named is deleted");
    let late = Batch::new(round(1).hash(), 2, vec![[2; 16]]);
    assert_eq!(store.gather(id, &late, &share([0, 0])).await, Ok(false));
}

async fn an_ended_round_keeps_nothing(store: &impl Store) {
    let (first, second) = (open(store, 1).await, open(store, 2).await);
    for id in [first.id, second.id] {
        store.add(id, ROOM, &[addend(1)]).await.expect("it answers");
    }
    store.end(first.id).await.expect("it answers");
    assert_eq!(store.known(first.id, [1; 16]).await, Ok(None));
    assert_eq!(store.batches(first.id).await, Ok(vec![]));
    assert_eq!(store.numbered("demo", 1).await.map(|round| round.map(|round| round.state)), Ok(Some(State::Ended)));
    assert_eq!(store.known(second.id, [1; 16]).await, Ok(Some([1; 32])));
    store.forget_before("demo", 2).await.expect("it answers");
    assert_eq!(store.count(second.id).await, Ok(1));
    store.forget_before("demo", 3).await.expect("it answers");
    assert_eq!(store.count(second.id).await, Ok(0));
}

async fn many_at_a_time_are_counted_once(store: &impl Store) {
    let id = open(store, 1).await.id;
    let room = Room { round: 2000, batch: 1000 };
    let upload = |n: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_le_bytes());
        Addend { id, digest: [0; 32], share: share([n, 1]) }
    };
    let all: Vec<Addend> = (0..1500).map(upload).collect();
    let (first, second) = (store.clone(), store.clone());
    let (ours, theirs) = (all.clone(), all);
    let one = tokio::spawn(async move { first.add(id, room, &ours).await });
    let two = tokio::spawn(async move { second.add(id, room, &theirs).await });
    one.await.expect("no panic").expect("it answers");
    two.await.expect("no panic").expect("it answers");
    assert_eq!(store.count(id).await, Ok(1500));
    assert_eq!(store.sum(id, &round(1), &[1]).await, Ok(share([1499 * 750, 1500])));
}

fn sorted<T: Ord + Debug>(list: privet::Result<Vec<T>>) -> Vec<T> {
    let mut list = list.expect("it answers");
    list.sort_unstable();
    list
}

/// Fills a store with one of everything.
pub(super) async fn filled(store: &impl Store) -> String {
    an_upload_is_added_once_and_in_one_batch(store).await;
    let second = open(store, 2).await;
    store.hold(second.id, 9, &[held(1), held(2)]).await.expect("it answers");
    store.reserve(second.id, &[([3; 32], [3; 16])]).await.expect("it answers");
    store.add(second.id, ROOM, &[addend(3)]).await.expect("it answers");
    store.spend(second.id, &Spent { closing: vec![1], sum: vec![2] }).await.expect("it answers");
    store.put_head(&head(1, None)).await.expect("it answers");
    store.set_current("demo", [1; 32]).await.expect("it answers");
    let task = StoredTask { hash: "h".into(), name: "demo".into(), text: "{}".into(), admitted: true };
    store.put_task(&task).await.expect("it answers");
    contents(store).await
}

/// All that can be read of it.
pub(super) async fn contents(store: &impl Store) -> String {
    let mut all =
        vec![format!("{:?} {:?} {:?}", store.tasks().await, store.heads("demo").await, store.current("demo").await)];
    for number in 1..=store.last_number("demo").await.expect("it answers") {
        let round = store.numbered("demo", number).await.expect("it answers").expect("it was begun");
        let ids: Vec<UploadId> = sorted(store.ids(round.id, 1).await);
        let sum = store.sum(round.id, &round.round, if ids.is_empty() { &[] } else { &[1] }).await;
        let (batches, spent) = (store.batches(round.id).await, store.spent(round.id).await);
        all.push(format!("{round:?} {ids:?} {sum:?} {batches:?} {spent:?}"));
    }
    all.join("\n")
}
