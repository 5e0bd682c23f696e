//! The whole way: 200 devices, a leader and a helper, one round, a better head, and a device that takes it.

use privet::{AggregateShare, Head, Mode, Role, SealingKey, Share, Signed, Upload, hex};
use privet_server::store::RoundStore;

use super::{
    pair::{NOW_S, Pair, contribution},
    residual::assert_only_noise,
};

const DEVICES: u8 = 200;

#[test]
fn two_hundred_devices_make_a_head_that_a_plain_recomputation_makes_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = Pair::start(&folder, Mode::Split, |task| {
        (task.min_cohort, task.goal) = (100, DEVICES.into());
        task.optimiser = privet_server::Optimiser::Sgd { rate: 0.5, momentum: 0.0 };
    });
    let round = pair.round();
    assert_eq!(round.min_cohort, 100);
    let first = pair.get(&format!("/v1/heads/{}", hex(&round.head))).bytes;
    let uploads: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let send = |n: u8| {
            let bytes = contribution(&mut pair.device(), [n; 16]);
            assert_eq!(pair.upload(1, [n; 16], &bytes).status, 201, "device {n}");
            bytes
        };
        let workers: Vec<_> = (0..4)
            .map(|worker| scope.spawn(move || (worker..DEVICES).step_by(4).map(send).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("every upload is taken")).collect()
    });
    pair.turn_at(NOW_S).expect("the goal is reached");
    let next = pair.round();
    assert_eq!(next.number, 2);
    assert_ne!(next.head, round.head);

    // By hand, with both secrets: all shares of one aggregator, then of the other, then the mean, then the step.
    // What each has added is noise, and the head is what both noised sums come to.
    let sums = [Role::Leader, Role::Helper].map(|role| {
        let name = if role == Role::Leader { "leader.keys" } else { "helper.keys" };
        let store = if role == Role::Leader {
            pair.leader.store()
        } else {
            pair.helper.as_ref().expect("a split pair").store()
        };
        let seeds = std::fs::read(folder.path().join(name)).expect("a key file");
        let key = SealingKey::from_seed(&seeds[32..].try_into().expect("32 bytes"));
        let mut sum = Share::zero(round.dimension);
        for bytes in &uploads {
            let upload = Upload::decode(bytes, &round).expect("our own bytes");
            sum.add(&upload.open(&round, role, &key).expect("sealed to it"));
        }
        let stored = pair.runtime.block_on(store.numbered("demo", 1)).expect("it answers").expect("it was begun");
        let noised =
            AggregateShare::decode(&stored.sum.expect("it is closed"), round.dimension).expect("our own bytes");
        assert_only_noise(&noised, &sum, &round);
        noised
    });
    let mean = sums[0].mean(Some(&sums[1]), &round).expect("200 of 100");
    let first = Head::decode(&first).expect("a head");
    let moved = first.parameters().iter().zip(&mean).map(|(&w, g)| (f64::from(w) - 0.5 * g) as f32);
    let plain = first.with_parameters(moved.collect()).expect("as many as before").encode();
    let served = pair.get(&format!("/v1/heads/{}", hex(&next.head))).bytes;
    assert_eq!(served, plain);

    let manifest = pair.get(&format!("/v1/heads/{}/manifest", hex(&next.head))).bytes;
    let manifest = Signed::decode(&manifest).and_then(|signed| signed.verify_manifest(&pair.pins(), Mode::Split));
    let manifest = manifest.expect("signed by both");
    assert_eq!((manifest.head, manifest.previous, manifest.count), (next.head, round.head, DEVICES.into()));
    assert_eq!((manifest.task.as_str(), manifest.round), ("demo", 1));

    // A device verifies and applies it: it ranks by it, and contributes to the round that names it.
    let mut device = pair.device();
    assert_eq!(device.round().head, Head::hash(&served));
    let again = contribution(&mut device, [7; 16]);
    assert_eq!(pair.upload(2, [7; 16], &again).count(), (201, 1));
    pair.stop();
}
