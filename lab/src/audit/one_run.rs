//! An audit out of one round, without a second world: many devices, each with a canary on a coordinate of its own or
//! without it, as a coin decided. An attacker guesses the coins it is surest of, and their number is fixed before.
//!
//! Steinke, Nasr, Jagielski 2023, "Privacy Auditing with One (1) Training Run"; the bound for a mechanism that is Gaussian is
//! Mahloujifar, Melis, Chaudhuri 2024, "Auditing f-Differential Privacy in One Run".

use std::{io::Write, sync::atomic::AtomicBool};

use ::privet::{Share, accounting::epsilon_from_rho};
use rand::{TryRng, rngs::SysRng};
use statrs::function::gamma::ln_gamma;

use super::{
    Options,
    path::{Setting, id, less},
    report::Report,
    rho_from_epsilon,
    statistics::{ALPHA, epsilon_from_mu, normal, quantile},
    trials,
};
use crate::progress::Progress;

/// How many canaries a round has.
const CANARIES: u32 = 1000;
/// In the quick form.
const QUICK_CANARIES: u32 = 300;

/// The multiplier of each device's own noise, as a plain policy has it.
const PART: f64 = 0.25;
/// Of so many coins one is guessed: half of these that the canary was there, half that it was not.
const GUESSED: usize = 5;

/// How many guesses there are about so many canaries.
fn guesses(canaries: usize) -> usize {
    canaries / GUESSED / 2 * 2
}

/// What a count of right guesses proves, at 95%.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Proved {
    /// How many coins were thrown.
    pub(crate) canaries: usize,
    /// How many were guessed.
    pub(crate) guesses: usize,
    /// How many of these rightly.
    pub(crate) right: usize,
    /// The bound if the mechanism is Gaussian.
    pub(crate) gaussian: f64,
    /// The bound whatever it is.
    pub(crate) plain: f64,
}

/// Audits one round for each claim, and writes a table. Whether nothing FAILS is the answer.
pub(super) fn run(options: &Options, stop: &AtomicBool, out: &mut dyn Write) -> Result<bool, String> {
    options.check()?;
    let canaries = if options.quick { QUICK_CANARIES } else { CANARIES };
    let delta = options.delta;
    let (mut settings, mut left_out) = (Vec::new(), Vec::new());
    for &epsilon in &options.epsilons {
        let multiplier = (0.5 / rho_from_epsilon(epsilon, delta)).sqrt();
        match Setting::split_over(canaries, multiplier, PART, delta) {
            Ok(setting) => settings.push((epsilon, setting)),
            Err(why) => left_out.push(format!("no Split round claims an epsilon of {epsilon}: {why}")),
        }
    }
    if settings.is_empty() {
        return Err(left_out.concat());
    }
    let progress = Progress::of("audit", settings.len() * canaries as usize);
    let mut report = Report::begin(options, out)?;
    report.say(&format!(
        "Rule: one round of {canaries} devices for each claim, each with a canary on a coordinate of its own, or without, as a coin \
         decided.\nThe leader, who knows its own noise and the devices', guesses {} coins: of the coordinates with the largest \
         entries that a canary was there, of as many with the smallest that none was.",
        guesses(canaries as usize)
    ))?;
    for why in left_out {
        report.say(&format!("Left out: {why}."))?;
    }
    report.one_run_head()?;
    for (epsilon, setting) in &settings {
        let coins = coins(canaries as usize)?;
        let what = format!("one round, a claim of {epsilon}");
        let send = |place: u64| send(setting, place, coins[place as usize]);
        let sent = trials::run(canaries.into(), options.threads, stop, (&progress, 1), &what, send)?;
        if sent.len() < canaries as usize {
            break; // Half a round is none.
        }
        let rho = setting.cost.trusted;
        report.one_run(rho.rho(), epsilon_from_rho(rho, delta), &guess(setting, &sent, delta)?)?;
    }
    report.end()
}

/// Thrown by the platform's random source.
fn coins(count: usize) -> Result<Vec<bool>, String> {
    let mut bytes = vec![0; count];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| "there is no random source".to_owned())?;
    Ok(bytes.into_iter().map(|byte| byte % 2 == 1).collect())
}

/// What one device of the round has done.
struct Sent {
    /// Whether its canary was there.
    canary: bool,
    /// What both aggregators opened of it.
    shares: [Share; 2],
    /// The noise that it added itself: the auditor's devices tell the auditor.
    part: Share,
}

/// The device of this place sends its canary, or nothing.
fn send(setting: &Setting, place: u64, canary: bool) -> Result<Sent, String> {
    let (upload, noised) = setting.sent_on_coordinate(canary.then_some(place as usize), id(place, 0))?;
    let part = less(&Share::whole(&noised), &setting.clipped_on_coordinate(canary.then_some(place as usize)));
    Ok(Sent { canary, shares: setting.opened(&upload)?, part })
}

/// What the leader guesses of the round, which takes away its own noise and what the canaries' devices added themselves: the
/// helper's noise alone is left to hide them.
fn guess(setting: &Setting, sent: &[Sent], delta: f64) -> Result<Proved, String> {
    let shares: Vec<&[Share; 2]> = sent.iter().map(|sent| &sent.shares).collect();
    let mut seen = setting.seen_by_leader(&shares)?;
    for sent in sent {
        seen = less(&seen, &sent.part);
    }
    let scores: Vec<(i32, bool)> = seen.centred().zip(sent).map(|(score, sent)| (score, sent.canary)).collect();
    Ok(proved(scores, delta))
}

fn proved(mut scores: Vec<(i32, bool)>, delta: f64) -> Proved {
    scores.sort_by_key(|&(score, _)| score);
    let (canaries, guesses) = (scores.len(), guesses(scores.len()));
    let (low, high) = (&scores[..guesses / 2], &scores[canaries - guesses / 2..]);
    let right = low.iter().filter(|(_, canary)| !canary).count() + high.iter().filter(|(_, canary)| *canary).count();
    let gaussian = epsilon_from_mu(least_mu(canaries, guesses, right), delta);
    Proved { canaries, guesses, right, gaussian, plain: least_epsilon(canaries, guesses, right, delta) }
}

/// The largest epsilon at which so many right guesses would come in fewer than 5% of runs: theorem 5.2 of the first paper,
/// which holds for guesses that are left out, too.
fn least_epsilon(canaries: usize, guesses: usize, right: usize, delta: f64) -> f64 {
    refuted(50.0, |epsilon| chance(canaries, guesses, right, epsilon, delta) < ALPHA)
}

/// How likely so many right guesses are at most.
fn chance(canaries: usize, guesses: usize, right: usize, epsilon: f64, delta: f64) -> f64 {
    let ln_choose =
        |k: usize| ln_gamma(guesses as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((guesses - k) as f64 + 1.0);
    // A guess is right with a chance of e^epsilon / (1 + e^epsilon).
    let (ln_right, ln_wrong) = (-(-epsilon).exp().ln_1p(), -epsilon - (-epsilon).exp().ln_1p());
    let part = |k: usize| (ln_choose(k) + k as f64 * ln_right + (guesses - k) as f64 * ln_wrong).exp();
    let tail: f64 = (right..=guesses).map(part).sum();
    let (mut sum, mut slope) = (0.0, 0.0f64);
    for i in 1..=right {
        sum += part(right - i);
        slope = slope.max(sum / i as f64);
    }
    (tail + slope * delta * 2.0 * canaries as f64).min(1.0)
}

/// The same for the mu of a Gaussian: algorithm 3 of the second paper, with guesses that are left out.
fn least_mu(canaries: usize, guesses: usize, right: usize) -> f64 {
    refuted(30.0, |mu| is_too_right(canaries, guesses, right, mu))
}

fn is_too_right(canaries: usize, guesses: usize, right: usize, mu: f64) -> bool {
    let blown_down = |part: f64| if part <= 0.0 { 0.0 } else { normal(quantile(part.min(1.0)) - mu) };
    let [all, guesses, right_f] = [canaries, guesses, right].map(|count| count as f64);
    let (mut r, mut h) = (ALPHA * right_f / all, ALPHA * (guesses - right_f) / all);
    for i in (0..right).rev() {
        let next = h.max(blown_down(r));
        r += i as f64 / (guesses - i as f64) * (next - h);
        h = next;
    }
    r + h > guesses / all
}

/// The largest number below `most` that is refuted, where all smaller ones are.
fn refuted(most: f64, is_refuted: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if is_refuted(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::{super::statistics::tests::rows, *};
    use crate::splitmix::SplitMix64;

    #[test]
    fn bounds_are_the_oracles() {
        for function in ["steinke_one_run", "fdp_one_run"] {
            for (inputs, value) in rows(function) {
                let number = |name: &str| -> f64 {
                    let found = inputs.split(';').find_map(|input| input.strip_prefix(name)?.strip_prefix('='));
                    found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} in {inputs}"))
                };
                let [m, r, v] = ["m", "r", "v"].map(|name| number(name) as usize);
                let ours = match function {
                    "fdp_one_run" => epsilon_from_mu(least_mu(m, r, v), number("delta")),
                    _ => least_epsilon(m, r, v, number("delta")),
                };
                let value: f64 = value.parse().expect("a number");
                assert!((ours - value).abs() < 1e-4, "{function} {inputs}: {ours} {value}");
            }
        }
    }

    #[test]
    fn guesses_at_random_prove_nothing() {
        for right in [40, 50, 55] {
            assert!(least_epsilon(500, 100, right, 1e-5) < 1e-9 && least_mu(500, 100, right) < 1e-9, "{right}");
        }
    }

    #[test]
    fn noise_that_hides_nothing_is_found_out_in_one_run() {
        let mut generator = SplitMix64::new(5);
        let scores = (0..1000).map(|_| generator.next() % 2 == 1).map(|canary| (i32::from(canary), canary)).collect();
        let proved = proved(scores, 1e-5);
        assert_eq!((proved.guesses, proved.right), (200, 200));
        assert!(proved.plain > 4.0 && proved.gaussian > 7.0, "{proved:?}");
    }

    /// The oracle's simulations: of a claim of 4, with 1,000 canaries and 200 guesses, 1.87 to 2.42 by the exact Gaussian's noise.
    #[test]
    fn a_gaussian_is_found_as_large_as_simulations_say() {
        let mut generator = SplitMix64::new(6);
        let mut scores = || -> Vec<(i32, bool)> {
            let score = |canary: bool, noise: f64| ((f64::from(canary) + noise / 0.924_931) * 1e6) as i32;
            (0..1000)
                .map(|_| generator.next() % 2 == 1)
                .collect::<Vec<_>>()
                .into_iter()
                .map(|canary| (score(canary, generator.normal()), canary))
                .collect()
        };
        let mut found: Vec<f64> = (0..15).map(|_| proved(scores(), 1e-5).gaussian).collect();
        found.sort_by(f64::total_cmp);
        assert!((1.6..2.6).contains(&found[7]) && found[14] < 4.0, "{found:?}");
    }
}
