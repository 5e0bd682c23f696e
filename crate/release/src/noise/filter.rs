//! `opendp`'s privacy filter and our ledger come to the same verdicts on the same charges.
//!
//! They may differ in one direction: each charge is rounded up to a nano-rho here, so a sequence of n charges may be
//! refused here, and not there, within n nano-rho of the budget. What is accepted here is accepted there. Their filter
//! closes for good at its first refusal, where a budget here still covers a smaller charge: so a sequence ends there.

use opendp::{
    combinators::{make_fully_adaptive_composition, make_privacy_filter},
    core::{Function, Measurement, PrivacyMap},
    domains::{AtomDomain, VectorDomain},
    measures::ZeroConcentratedDivergence,
    metrics::L2Distance,
};
use proptest::prelude::*;

use super::*;
use crate::{Debit, Ledger};
use privet_accounting::NanoRho;
use privet_mechanism::Mechanism;
use privet_terms::{Limits, Policy};

/// A release of nothing that costs this much.
fn release(rho: f64) -> Mechanism {
    let domain = VectorDomain::new(AtomDomain::<i32>::default());
    let nothing = Function::new(|_: &Vec<i32>| vec![]);
    let map = PrivacyMap::new(move |_: &f64| rho);
    Measurement::new(domain, L2Distance::default(), ZeroConcentratedDivergence, nothing, map).expect("a metric space")
}

/// How many of the charges their filter admits before its first refusal.
fn theirs(charges: &[f64], budget: f64) -> usize {
    let domain = VectorDomain::new(AtomDomain::<i32>::default());
    let odometer = make_fully_adaptive_composition(domain, L2Distance::default(), ZeroConcentratedDivergence);
    let filter = make_privacy_filter(odometer.expect("composable"), 1.0, budget).expect("a filter");
    let mut open = filter.invoke(&vec![]).expect("open");
    charges.iter().take_while(|&&rho| open.invoke(release(rho)).is_ok()).count()
}

/// How many of them our ledger debits before its first refusal.
fn ours(charges: &[f64], budget: NanoRho) -> usize {
    let mut ledger =
        Ledger::open(&[], Limits { lifetime: budget, per_round: NanoRho(u64::MAX), ..Policy::at_once().limits() })
            .expect("a new one");
    let mut stored = Vec::new();
    let debited = |(id, rho): (u128, &f64)| {
        let cost = Cost::alone(NanoRho::from_rho(*rho));
        let debit = Debit { task: "demo".into(), round: id as u32, deadline_s: 1, id: id.to_le_bytes(), cost };
        let step = ledger.reserve(&stored, debit, 0)?;
        stored = step.bytes().to_vec();
        ledger.persisted(step)
    };
    (1..).zip(charges).map(debited).take_while(Result::is_ok).count()
}

/// The one difference that there may be.
fn same_but_for_rounding(charges: &[f64], budget: NanoRho) -> Result<(), TestCaseError> {
    let (here, there) = (ours(charges, budget), theirs(charges, budget.rho()));
    prop_assert!(here <= there, "accepted here {here}, there {there}");
    if here < there {
        let spent: f64 = charges[..=here].iter().sum();
        let rounded = (here + 1) as f64 * 1e-9;
        prop_assert!(budget.rho() - spent < rounded, "refused here: {spent} of {}", budget.rho());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_filters_agree_on_random_charges(
        charges in prop::collection::vec(prop_oneof![1e-4f64..0.2, 1e-9f64..1e-3], 1..120),
        budget in 1_000_000u64..3_000_000_000,
    ) {
        same_but_for_rounding(&charges, NanoRho(budget))?;
    }

    #[test]
    fn the_filters_agree_on_the_charges_of_real_releases(
        deviations in prop::collection::vec(1.0f64..60.0, 1..40), budget in 10_000_000u64..2_000_000_000,
    ) {
        let cost = |&deviation: &f64| gaussian(deviation).expect("plain").map(&1.0).expect("a cost");
        same_but_for_rounding(&deviations.iter().map(cost).collect::<Vec<_>>(), NanoRho(budget))?;
    }
}

#[test]
fn both_filters_spend_a_budget_to_its_end_and_no_further() {
    assert_eq!((ours(&[0.03125; 40], NanoRho(1_000_000_000)), theirs(&[0.03125; 40], 1.0)), (32, 32));
    let one_short = NanoRho(999_999_999);
    assert_eq!((ours(&[0.03125; 40], one_short), theirs(&[0.03125; 40], one_short.rho())), (31, 31));
}

#[test]
fn a_charge_under_a_nano_rho_counts_as_one_here() {
    let half = 1.0 / f64::from(1u32 << 31); // a power of two, so that their sum is exact: 0.47 nano-rho
    assert_eq!((ours(&[half; 40], NanoRho(8)), theirs(&[half; 40], 8e-9)), (8, 17));
}
