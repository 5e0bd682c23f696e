//! How many blind tokens one core verifies: `cargo run --release -p privet-server --example redeem`.
#![expect(clippy::print_stdout, reason = "a figure is printed")]

use std::{fs, time::Instant};

use privet::{Mode, Operator, Pins, Round, TokenContext};
use privet_server::{IssuerKey, Task, verify_token};
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PSS_SHA384};

const TOKENS: usize = 200;
const ROUNDS: usize = 50;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("issuer.key");
    let key = IssuerKey::open(&path).expect("it can be made").public();
    let pair = KeyPair::from_pkcs8(&fs::read(&path).expect("it is there")).expect("our own file");
    let (task, _) = Task::demo(Mode::Split, 100).expect("the demo's numbers fit");
    let operator = || Operator::new("someone", [0; 32]);
    let round = Round { token_key: Some(key), ..task.round(1, [0; 32], 1, operator(), Some(operator())) };
    let pins = Pins { leader: [1; 32], helper: Some([2; 32]) };
    let context = TokenContext::new(&key, &round.task, &pins);
    let token = |n: usize| {
        let (message, mut signature) = (context.message(&[n as u8; 32]), [0; 256]);
        pair.sign(&RSA_PSS_SHA384, &SystemRandom::new(), &message, &mut signature).expect("it signs");
        [&message[..], &signature].concat()
    };
    let tokens: Vec<Vec<u8>> = (0..TOKENS).map(token).collect();
    let mut each: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            assert!(tokens.iter().all(|token| verify_token(&round, &pins, token).is_ok()));
            start.elapsed().as_secs_f64() / TOKENS as f64
        })
        .collect();
    each.sort_by(f64::total_cmp);
    let [tenth, median, ninetieth] = [10, 50, 90].map(|percent| each[ROUNDS * percent / 100].recip());
    println!("tokens that one core verifies in a second: median {median:.0} ({ninetieth:.0} to {tenth:.0})");
}
