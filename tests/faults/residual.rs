//! What an aggregator added to its sum.

use privet::{AggregateShare, Round, Share};

/// Nine deviations lie in the noise of one entry in 10¹⁸. A share of an upload that is missing, or there twice, is
/// uniform: then hardly an entry lies within them.
pub(crate) fn assert_only_noise(noised: &AggregateShare, plain: &Share, round: &Round) {
    let most = 9.0 * round.bound().expect("a plain round").sum_deviation().unwrap_or(0.0);
    let (noised, plain) = (noised.share().entries(), plain.entries());
    assert_eq!(noised.len(), plain.len());
    let added: Vec<i32> = noised.iter().zip(plain).map(|(a, b)| a.wrapping_sub(*b).cast_signed()).collect();
    let largest = added.iter().map(|entry| entry.unsigned_abs()).max().expect("a head has parameters");
    assert!(f64::from(largest) <= most, "an entry is off by {largest}, and noise by {most} at most");
    assert!(most == 0.0 || largest > 0, "no noise was added");
}
