//! What the policy says of a round at its exact cost, and what a device takes that for that has no `opendp`.

use super::cost;
use privet_accounting::NanoRho;
use privet_base::Result;
use privet_terms::{Policy, least_cost};
use privet_wire::{Bound, Round};

fn admitted(policy: &Policy, round: &Round) -> Result<()> {
    policy.admit(round, cost(round.bound()?)?)
}

#[test]
fn what_the_defaults_allow_is_what_the_design_says() {
    let device = Round { min_cohort: 100, ..Round::example() };
    assert_eq!(admitted(&Policy::default(), &device), Ok(()));
    assert_eq!(cost(device.bound().expect("fits")).expect("fits").trusted, NanoRho(31_250_000));
    assert_eq!(admitted(&Policy::default(), &Round::split_example()), Ok(()));
    let day_ms = 86_400_000;
    let Policy { wait_ms, sessions, interval_ms, alone, interleave_every, .. } = Policy::default();
    assert_eq!((wait_ms, sessions, interval_ms, alone, interleave_every), (day_ms, 2, 7 * day_ms, None, 10));
    let Policy { alone_per_round, part_multiplier, deadline_ms, .. } = Policy::default();
    assert_eq!((alone_per_round.rho(), part_multiplier, deadline_ms), (32.0, 0.25, 14 * day_ms));
    assert_eq!(Policy::default().lifetime, NanoRho(1_052_000_000));
    assert_eq!(Policy { wait_ms, sessions, interval_ms, ..Policy::at_once() }, Policy::default());
}

#[test]
fn the_limits_themselves_are_allowed() {
    let device = Round { min_cohort: 100, grid_scale: 16, ..Round::example() };
    let split = Round { noise_multiplier: 4.0, grid_scale: 1 << 10, ..Round::split_example() };
    for round in [
        Round { min_cohort: 100_000, n_max: 100_000, dimension: 4096, delta: 1e-6, ..device.clone() },
        Round { delta: 1e-9, dimension: 1, ..device },
        split,
    ] {
        assert_eq!(admitted(&Policy::default(), &round), Ok(()), "{round:?}");
    }
}

#[test]
fn a_round_that_asks_for_more_is_refused_with_both_numbers() {
    let split = Round::split_example();
    let device = Round { min_cohort: 100, ..Round::example() };
    let policy = Policy::default();
    let refused = |policy: Policy, round: Round| {
        let error = admitted(&policy, &round).expect_err("asks for too much");
        assert_eq!(error.code(), "policy-refused");
        error.to_string().replace("the round asks for a ", "").replace("; this device allows ", " | ")
    };
    let asked = |round| refused(policy, round);
    assert_eq!(asked(Round { noise_multiplier: 7.9, ..device.clone() }), "rho of 0.032046147 | at most 0.03125");
    assert_eq!(asked(Round { noise_multiplier: 3.9, ..split.clone() }), "rho of 0.03287311 | at most 0.03125");
    assert_eq!(asked(Round { min_cohort: 99, ..device.clone() }), "cohort of 99 | at least 100");
    assert_eq!(
        asked(Round { min_cohort: 100_001, n_max: 100_001, ..device.clone() }),
        "cohort of 100001 | at most 100000"
    );
    assert_eq!(asked(Round { dimension: 4097, ..device.clone() }), "dimension of 4097 | at most 4096");
    assert_eq!(asked(Round { delta: 1e-5, ..device.clone() }), "delta of 0.00001 | at most 0.000001");
    let generous = Policy { per_round: NanoRho(1_000_000_000), ..policy };
    assert_eq!(
        refused(generous, Round { noise_multiplier: 3.9, ..split.clone() }),
        "noise multiplier of 3.9 | at least 4"
    );
    assert_eq!(
        asked(Round { part_multiplier: 0.2, ..split.clone() }),
        "rho where nobody else is honest of 50 | at most 32"
    );
    let open = Policy { alone_per_round: NanoRho(u64::MAX), ..policy };
    assert_eq!(
        refused(open, Round { part_multiplier: 0.2, ..split.clone() }),
        "part multiplier of 0.2 | at least 0.25"
    );
    let capped = Policy { alone: Some(NanoRho(1_000_000_000)), ..policy };
    assert_eq!(refused(capped, split.clone()), "rho where nobody else is honest of 32 | at most 1");
    assert_eq!(refused(Policy { split: false, ..policy }, split.clone()), "mode of split | device");
    assert_eq!(refused(Policy { device: false, ..policy }, device), "mode of device | split");
    assert_eq!(refused(Policy { device: false, split: false, ..policy }, split), "mode of split | none");
}

#[test]
fn a_round_is_refused_by_no_more_than_it_costs_and_hardly_by_less() {
    for part in [None, Some(0.01), Some(0.25), Some(1.0)] {
        for multiplier in [1.0, 3.9, 8.0, 99.0] {
            let bound = match part {
                None => Bound::device(1.0, 1 << 20, multiplier, 4096),
                Some(part) => Bound::split(1.0, 1 << 20, multiplier, part, 4096),
            };
            let bound = bound.expect("a plain bound");
            let (least, exact) = (least_cost(bound), cost(bound).expect("a plain bound"));
            for (least, exact) in [(least.trusted, exact.trusted), (least.alone, exact.alone)] {
                assert!(least <= exact && exact.0 as f64 <= (least.0 + 2) as f64 * (1.0 + 1e-8), "{least:?} {exact:?}");
            }
        }
    }
}
