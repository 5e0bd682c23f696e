//! What a leader that lies is refused. Each test plays one against a real helper, beside the honest one that opened round 1.
//! What it gets by filling a round with devices of its own is measured in `noise.rs`.

use privet::{
    AggregateShare, Agreed, Batch, Closing, Error, Forward, Head, Mode, Operator, Round, Share, Signed, Terms, Upload,
    UploadId, noise_sum, refusal,
};
use privet::{Backend, Device, Policy};
use privet_server::{
    Ask, Refusal, Verdict,
    store::{HeadStore, RoundStore, StoredHead},
};

use super::pair::{NOW_S, Pair, contribution};

type Devices = Vec<(UploadId, Vec<u8>)>;

struct Liar {
    pair: Pair,
    round: Round,
    _folder: tempfile::TempDir,
}

impl Liar {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::start(&folder, Mode::Split, |_| {});
        Self { round: pair.round(), pair, _folder: folder }
    }

    fn ask(&self, ask: Ask, body: &[u8]) -> privet::Result<Vec<u8>> {
        let helper = self.pair.helper.as_ref().expect("there is one");
        self.pair.runtime.block_on(helper.answer(ask, body))
    }

    fn devices(&self, ids: &[u8]) -> Devices {
        ids.iter().map(|&n| ([n; 16], contribution(&mut self.pair.device(), [n; 16]))).collect()
    }

    fn sealed(&self, bytes: &[u8]) -> Vec<u8> {
        Upload::decode(bytes, &self.round).expect("our own bytes").shares()[1].clone()
    }

    fn forward(&self, id: UploadId, sealed: &[u8]) -> Verdict {
        let forward = Forward::new(self.round.hash(), [(id, sealed)]).expect("its size");
        let said = self.ask(Ask::Shares, &forward.encode()).expect("the round is open");
        Verdict::of(said[0]).expect("a verdict")
    }

    /// The helper holds these devices' shares and agrees on a batch of them.
    fn agreed(&self, number: u32, ids: &[u8]) -> Agreed {
        for (id, bytes) in self.devices(ids) {
            assert_eq!(self.forward(id, &self.sealed(&bytes)), Verdict::Held);
        }
        let batch = self.batch(number, ids);
        let digest = batch.digest();
        assert_eq!(self.ask(Ask::Batch, &batch.encode()), Ok(digest.to_vec()));
        Agreed { number, count: ids.len() as u32, digest }
    }

    fn batch(&self, number: u32, ids: &[u8]) -> Batch {
        Batch::new(self.round.hash(), number, ids.iter().map(|&n| [n; 16]).collect())
    }

    fn close(&self, batches: &[Agreed]) -> privet::Result<Vec<u8>> {
        self.ask(Ask::Closing, &Closing::new(self.round.hash(), batches.to_vec()).encode())
    }

    /// What a device says to a round that the leader made up and signed twice itself.
    fn device_says(&self, round: &Round) -> Error {
        let ours = self.pair.leader.identity().sign_round(round);
        let signed = Signed::round(round, ours, Some(ours)).encode();
        let head = self.pair.runtime.block_on(self.pair.leader.head(self.round.head)).expect("it is published");
        let policy = Policy { min_cohort: 1, ..Policy::at_once() };
        let terms = Terms { task: "demo".into(), pins: self.pair.pins(), policy };
        Device::new(terms, &signed, &head.body, &[], Backend::Scalar).err().expect("it is refused")
    }
}

#[test]
fn another_key_in_the_helpers_place_is_not_signed() {
    let liar = Liar::new();
    let mine = Operator::new("the helper", liar.round.leader.sealing_key());
    let swapped = Round { number: 2, helper: Some(mine), ..liar.round.clone() };
    assert_eq!(liar.ask(Ask::Round, &swapped.encode()).map_err(|error| error.code()), Err("round-refused"));
    assert_eq!(liar.device_says(&swapped), refusal::Wire::SignatureWrong { signer: "helper" }.into());
    liar.pair.stop();
}

#[test]
fn a_lower_cohort_for_one_device_is_not_signed() {
    let liar = Liar::new();
    for lower in [
        Round { number: 2, min_cohort: 1, ..liar.round.clone() },
        Round { number: 2, noise_multiplier: 1.0, ..liar.round.clone() },
        Round { number: 2, clip_norm: 9.0, ..liar.round.clone() },
        Round { number: 2, part_multiplier: 0.5, ..liar.round.clone() },
        Round { number: 2, task: "other".into(), ..liar.round.clone() },
    ] {
        assert_eq!(liar.ask(Ask::Round, &lower.encode()), Err(Refusal::TaskNotAdmitted.into()));
        assert_eq!(liar.device_says(&lower), refusal::Wire::SignatureWrong { signer: "helper" }.into());
    }
    liar.pair.stop();
}

#[test]
fn two_configurations_under_one_number_are_not_signed() {
    let liar = Liar::new();
    let later = Round { deadline_s: NOW_S + 90, ..liar.round.clone() };
    assert_eq!(liar.ask(Ask::Round, &later.encode()), Err(Refusal::RoundConflict { number: 1 }.into()));
    // Nor over another head, when it is one that the helper signed as well.
    let helper = liar.pair.helper.as_ref().expect("there is one");
    let first = liar.pair.runtime.block_on(helper.store().head("demo", liar.round.head));
    let made = StoredHead { hash: [8; 32], round: 1, ..first.expect("it answers").expect("it is there") };
    liar.pair.runtime.block_on(helper.store().put_head(&made)).expect("it answers");
    let moved = Round { head: made.hash, ..liar.round.clone() };
    assert_eq!(liar.ask(Ask::Round, &moved.encode()), Err(Refusal::RoundConflict { number: 1 }.into()));
    let own = liar.ask(Ask::Round, &liar.round.encode()).expect("the same again");
    assert_eq!(liar.ask(Ask::Round, &liar.round.encode()), Ok(own));
    liar.pair.stop();
}

#[test]
fn a_head_that_the_helper_has_not_signed_is_not_named() {
    let liar = Liar::new();
    let invented = Round { number: 2, head: [9; 32], ..liar.round.clone() };
    assert_eq!(liar.ask(Ask::Round, &invented.encode()), Err(refusal::Terms::HeadStale { round: 2 }.into()));
    // Not even when it came as the first head of another task of the same name: that one is not admitted.
    let body = liar.pair.runtime.block_on(liar.pair.leader.head(liar.round.head)).expect("it is published").body;
    let other = Head::decode(&body)
        .and_then(|head| head.with_parameters(vec![0.5; head.parameters().len()]))
        .expect("as many")
        .encode();
    let task = privet_server::Task { head: privet::hex(&Head::hash(&other)), ..liar.pair.task.clone() };
    let proposal = privet_server::Proposal { task: task.text(), head: privet::hex(&other) };
    let standing = liar.ask(Ask::Task, &serde_json::to_vec(&proposal).expect("JSON")).expect("it is noted");
    let standing: privet_server::Standing = serde_json::from_slice(&standing).expect("JSON");
    assert!(!standing.admitted);
    let named = Round { number: 2, head: Head::hash(&other), ..liar.round.clone() };
    assert_eq!(liar.ask(Ask::Round, &named.encode()), Err(refusal::Terms::HeadStale { round: 2 }.into()));
    liar.pair.stop();
}

#[test]
fn two_heads_out_of_one_round_are_not_signed() {
    let liar = Liar::new();
    let list = [liar.agreed(1, &[1, 2, 3])];
    let theirs = liar.close(&list).expect("three of three");
    let theirs = AggregateShare::decode(&theirs, liar.round.dimension).expect("the helper's sum");
    let closing = Closing::new(liar.round.hash(), list.to_vec());
    let before = liar.pair.runtime.block_on(liar.pair.leader.head(liar.round.head)).expect("it is published").body;
    let before = Head::decode(&before).expect("a head");
    let asked = |share: &AggregateShare, head: [u8; 32]| {
        liar.ask(Ask::Head, &[&liar.round.hash()[..], &head, &share.encode()].concat())
    };
    let made = |entry: u32| {
        let mut bytes = vec![0; 4 * liar.round.dimension as usize];
        bytes[..4].copy_from_slice(&entry.to_le_bytes());
        let share = Share::from_bytes(&bytes, liar.round.dimension).expect("as many entries");
        let share = AggregateShare::new(&closing, noise_sum(share, &liar.round).expect("a plain round"));
        let mean = share.mean(Some(&theirs), &liar.round).expect("three of three");
        let moved = before.parameters().iter().zip(mean).map(|(&w, g)| (f64::from(w) - g) as f32).collect();
        (share, Head::hash(&before.with_parameters(moved).expect("as many").encode()))
    };
    let ((five, head), (many, other)) = (made(5), made(1 << 20));
    assert_eq!(asked(&five, other), Err(Refusal::TaskNotAdmitted.into()), "no admitted terms make it of these sums");
    let first = asked(&five, head).expect("whatever the leader's sum is, once");
    assert_eq!(asked(&five, head), Ok(first));
    assert_eq!(asked(&many, other), Err(Refusal::RoundConflict { number: 1 }.into()));
    liar.pair.stop();
}

#[test]
fn two_lists_that_differ_by_one_upload_are_not_both_answered() {
    let liar = Liar::new();
    let (three, more) = (liar.agreed(1, &[1, 2, 3]), liar.agreed(2, &[4, 5, 6]));
    let sum = liar.close(&[three, more]).expect("six of three");
    assert_eq!(liar.close(&[three, more]), Ok(sum), "the same list again is the same bytes");
    assert_eq!(liar.close(&[three]), Err(Refusal::BatchSpent { number: 1 }.into()));
    let late = liar.batch(3, &[4, 5, 6]).encode();
    assert_eq!(liar.ask(Ask::Batch, &late).map_err(|error| error.code()), Err("round-closed"));
    liar.pair.stop();
}

#[test]
fn a_restart_forgets_no_spent_list() {
    let liar = Liar::new();
    let (three, more) = (liar.agreed(1, &[1, 2, 3]), liar.agreed(2, &[4, 5, 6]));
    let sum = liar.close(&[three, more]).expect("six of three");
    let Liar { pair, round, _folder: folder } = liar;
    pair.stop();
    let liar = Liar { pair: Pair::start(&folder, Mode::Split, |_| {}), round, _folder: folder };
    assert_eq!(liar.close(&[three, more]), Ok(sum));
    assert_eq!(liar.close(&[three]), Err(Refusal::BatchSpent { number: 1 }.into()));
    liar.pair.stop();
}

#[test]
fn one_upload_is_in_one_batch() {
    let liar = Liar::new();
    liar.agreed(1, &[1, 2, 3]);
    let again = liar.ask(Ask::Batch, &liar.batch(2, &[3, 8, 9]).encode());
    assert_eq!(again, Err(Refusal::BatchDisagreed { number: 2, named: 3, held: 0 }.into()));
    let grown = liar.ask(Ask::Batch, &liar.batch(1, &[1, 2, 4]).encode()).map_err(|error| error.code());
    assert_eq!(grown, Err("batch-disagreed"), "nor is an agreed batch another one later");
    liar.pair.stop();
}

#[test]
fn a_replay_is_held_once_and_opens_nowhere_else() {
    let liar = Liar::new();
    let devices = liar.devices(&[1, 2]);
    let (one, two) = (liar.sealed(&devices[0].1), liar.sealed(&devices[1].1));
    assert_eq!(liar.forward([1; 16], &one), Verdict::Held);
    assert_eq!(liar.forward([1; 16], &one), Verdict::Held);
    assert_eq!(liar.forward([9; 16], &one), Verdict::Broken, "under another id");
    let alone = liar.ask(Ask::Batch, &liar.batch(1, &[1, 8, 9]).encode());
    assert_eq!(alone, Err(Refusal::BatchDisagreed { number: 1, named: 3, held: 1 }.into()));
    assert_eq!(liar.forward([1; 16], &two), Verdict::Broken);
    let other = contribution(&mut liar.pair.device(), [1; 16]);
    assert_eq!(liar.forward([1; 16], &liar.sealed(&other)), Verdict::Conflict, "another share under a known id");
    let elsewhere = Forward::new([7; 32], [([1; 16], &one[..])]).expect("its size");
    assert_eq!(liar.ask(Ask::Shares, &elsewhere.encode()), Err(refusal::Release::ConfigurationMismatch.into()));
    liar.pair.stop();
}

#[test]
fn dropping_uploads_opens_no_sum_under_the_least_cohort() {
    let liar = Liar::new();
    let (three, more) = (liar.agreed(1, &[1, 2, 3]), liar.agreed(2, &[4, 5, 6]));
    assert_eq!(liar.close(&[]), Err(refusal::Aggregate::CohortTooSmall { count: 0, least: 3 }.into()));
    assert!(liar.close(&[three, more]).is_ok(), "what was refused spent nothing");
    liar.pair.stop();
}

/// A sum over so few would say too much of each, wherever it is kept.
#[test]
fn a_batch_of_few_is_not_agreed_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |task| (task.min_cohort, task.goal) = (20, 20));
    let liar = Liar { round: pair.round(), pair, _folder: folder };
    let seven: Vec<u8> = (1..=7).collect();
    for (id, bytes) in liar.devices(&seven) {
        assert_eq!(liar.forward(id, &liar.sealed(&bytes)), Verdict::Held);
    }
    let refused = liar.ask(Ask::Batch, &liar.batch(1, &seven).encode());
    assert_eq!(refused, Err(Refusal::BatchTooSmall { number: 1, named: 7, least: 8 }.into()));
    liar.agreed(1, &[8, 9, 10, 11, 12, 13, 14, 15]);
    liar.pair.stop();
}

#[test]
fn forged_batches_are_not_summed() {
    let liar = Liar::new();
    let three = liar.agreed(1, &[1, 2, 3]);
    for forged in [Agreed { count: 4, ..three }, Agreed { digest: [0; 32], ..three }, Agreed { number: 2, ..three }] {
        let refused = liar.close(&[forged]).map_err(|error| error.code());
        assert_eq!(refused, Err("batch-disagreed"), "{forged:?}");
    }
    let unheld = liar.ask(Ask::Batch, &liar.batch(2, &[7, 8, 9]).encode());
    assert_eq!(unheld, Err(Refusal::BatchDisagreed { number: 2, named: 3, held: 0 }.into()));
    liar.pair.stop();
}

#[test]
fn a_next_round_ends_the_one_before_with_nothing() {
    let liar = Liar::new();
    let three = liar.agreed(1, &[1, 2, 3]);
    let next = Round { number: 2, ..liar.round.clone() };
    liar.ask(Ask::Round, &next.encode()).expect("it is the task's");
    assert_eq!(liar.close(&[three]).map_err(|error| error.code()), Err("round-closed"));
    let helper = liar.pair.helper.as_ref().expect("there is one");
    let ended = liar.pair.runtime.block_on(helper.store().numbered("demo", 1)).expect("it answers").expect("it was");
    assert_eq!(ended.sum, None);
    let back = liar.ask(Ask::Round, &liar.round.encode()).map_err(|error| error.code());
    assert_eq!(back, Err("round-closed"), "and it does not come back");
    liar.pair.stop();
}

#[test]
fn nobody_but_the_pinned_leader_is_answered() {
    let liar = Liar::new();
    let helper = liar.pair.helper.clone().expect("there is one");
    let key = helper.identity().public();
    let (listener, address) = liar.pair.runtime.block_on(super::pair::bound());
    let app = privet_server::helper_app(helper, liar.pair.leader.identity().public());
    liar.pair.runtime.spawn(async { axum::serve(listener, app).await });
    let body = liar.round.encode();
    let post = |path: &str, signature: Option<String>| {
        let request = super::pair::agent().post(format!("http://{address}{path}")).header("privet-time", NOW_S);
        let request = signature.into_iter().fold(request, |request, text| request.header("privet-signature", text));
        request.send(&body[..]).expect("it answers").status().as_u16()
    };
    let signed = |identity: &privet::Identity, ask, to| {
        privet::hex(&privet_server::sign_request(identity, ask, &to, NOW_S, &body))
    };
    let leader = liar.pair.leader.identity();
    let stranger = privet::Identity::from_seed(&[9; 32]);
    assert_eq!(post("/v1/peer/round", Some(signed(leader, Ask::Round, key))), 200);
    assert_eq!(post("/v1/peer/round", None), 401);
    assert_eq!(post("/v1/peer/round", Some("00".into())), 401);
    assert_eq!(post("/v1/peer/round", Some(signed(&stranger, Ask::Round, key))), 401);
    assert_eq!(post("/v1/peer/batch", Some(signed(leader, Ask::Round, key))), 401, "signed for something else");
    assert_eq!(post("/v1/peer/round", Some(signed(leader, Ask::Round, [3; 32]))), 401, "signed for someone else");
    assert_eq!(post("/v1/peer/other", Some(signed(leader, Ask::Round, key))), 404);
    liar.pair.stop();
}

#[test]
fn an_unadmitted_task_opens_no_round_until_it_is_admitted() {
    let liar = Liar::new();
    let changed = privet_server::Task { goal: 50, ..liar.pair.task.clone() };
    let head = liar.pair.runtime.block_on(liar.pair.leader.head(liar.round.head)).expect("it is published").body;
    let (leader, runtime) = (&liar.pair.leader, &liar.pair.runtime);
    runtime
        .block_on(leader.serve(privet_server::Task { name: "new".into(), ..changed.clone() }, &head))
        .expect("whole");
    assert_eq!(runtime.block_on(leader.advance_round("new", NOW_S)), Err(Refusal::TaskNotAdmitted.into()));
    let store = liar.pair.helper.as_ref().expect("there is one").store().clone();
    let proposed = runtime.block_on(store.tasks()).expect("it answers");
    let proposed = proposed.into_iter().find(|task| task.name == "new").expect("it was proposed");
    assert!(!proposed.admitted);
    let admitted = privet_server::store::StoredTask { admitted: true, ..proposed };
    runtime.block_on(store.put_task(&admitted)).expect("it answers");
    assert_eq!(runtime.block_on(leader.advance_round("new", NOW_S)), Ok(()));
    liar.pair.stop();
}
