//! The privacy statement in plain words, out of a round and a policy: nobody writes it by hand, so it cannot be kinder
//! than the numbers.

use crate::{Mode, NanoRho, Policy, Result, Round, Upload, accounting::epsilon_from_rho, cost};

const UNITS_MS: [(u64, &str); 4] = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];

/// What leaves, how often, what it costs under both adjacencies, who has to be trusted, and what is not protected.
pub fn statement(round: &Round, policy: &Policy) -> Result<String> {
    let cost = cost(round.bound()?)?;
    let delta = round.delta;
    let epsilon = |rho: NanoRho| format!("epsilon {:.2} at delta {delta}", epsilon_from_rho(rho, delta));
    // A replacement is twice as far from a vector as nothing is, and rho grows with the square.
    let both = |rho: NanoRho| {
        let (zeroed, replaced) = match round.mode {
            Mode::Device => (NanoRho(rho.0.div_ceil(4)), rho),
            Mode::Split => (rho, NanoRho(rho.0.saturating_mul(4))),
        };
        format!(
            "{} between your data and no data; {} between your data and any other",
            epsilon(zeroed),
            epsilon(replaced)
        )
    };
    let contributions = match policy.lifetime.0 / cost.trusted.0.max(1) {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };

    let leaves = format!(
        "What leaves: for the task “{}”, one upload of {} bytes at a time: {} numbers that were computed from what you \
         did, shortened to a fixed length and covered with random noise on this device. Its size says nothing about you, \
         and it is sent, as pure noise, when there is nothing to say.",
        round.task,
        Upload::size(round),
        round.dimension,
    );
    let often = format!(
        "How often: {}, and {contributions} in all; then this device's budget of rho {} is spent for good.",
        pace(policy.interval_ms),
        policy.lifetime.rho(),
    );
    let costs = format!(
        "What one upload can reveal: rho {}, that is {}. All uploads together: {}.",
        cost.trusted.rho(),
        both(cost.trusted),
        both(policy.lifetime),
    );
    let alone = format!(
        "If nobody else is honest, one upload can reveal rho {}, that is {}.",
        cost.alone.rho(),
        epsilon(cost.alone)
    );
    let leader = round.leader.name();
    let trusted = match &round.helper {
        None => format!(
            "Who has to be trusted: nobody with your data. {leader} receives the upload and could publish it without \
             revealing more than the above."
        ),
        Some(helper) if helper.name() == leader => format!(
            "{alone} That is what holds here, because {leader} runs both aggregators and could put your two halves \
             together. The figures below rest on its not doing so."
        ),
        Some(helper) => format!(
            "Who has to be trusted: {leader} and {} each receive one half of the upload, which by itself is random. They \
             must not put the halves of one device together, and {} of every {} devices must add their noise as this \
             one does. {alone}",
            helper.name(),
            round.parts(),
            round.min_cohort,
        ),
    };
    let open = "What is not protected: that this device takes part, and when; what a page does that runs on the same \
                site; and the count of your contributions, if you clear this site's data.";
    let same = round.helper.as_ref().is_some_and(|helper| helper.name() == leader);
    let order = if same { [&trusted, &leaves, &often, &costs] } else { [&leaves, &often, &costs, &trusted] };
    Ok(order.map(String::as_str).into_iter().chain([open]).collect::<Vec<_>>().join("\n\n"))
}

/// How often one task gets an upload, in the largest unit that the time between two is a whole number of.
fn pace(interval_ms: u64) -> String {
    if interval_ms == 0 {
        return "whenever this application asks for it, as its policy wants no time between two".to_owned();
    }
    let whole = UNITS_MS.iter().find(|(unit, _)| interval_ms.is_multiple_of(*unit));
    let (unit, noun) = *whole.unwrap_or(&(1, "millisecond"));
    match interval_ms / unit {
        1 => format!("at most once every {noun} for this task"),
        units => format!("at most once every {units} {noun}s for this task"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;

    fn said(round: &Round) -> String {
        statement(round, &Policy::default()).expect("a plain round")
    }

    #[test]
    fn a_device_that_adds_all_the_noise_trusts_nobody_with_its_data() {
        let text = said(&Round { min_cohort: 100, ..Round::example() });
        for part in [
            "for the task “demo”, one upload of 128 bytes at a time: 18 numbers",
            "at most once every 7 days for this task, and 33 times in all; then",
            "rho 0.03125, that is epsilon 0.55 at delta 0.000001 between your data and no data; epsilon 1.14 at delta",
            "All uploads together: epsilon 3.64 at delta 0.000001 between your data and no data; epsilon 8.00 at",
            "Who has to be trusted: nobody with your data. example.org receives the upload",
            "What is not protected: that this device takes part, and when;",
            "what a page does that runs on the same site;",
            "the count of your contributions, if you clear this site's data.",
        ] {
            assert!(text.contains(part), "{part}\n\n{text}");
        }
        assert!(!text.contains("If nobody else is honest"));
    }

    #[test]
    fn two_operators_are_named_with_what_holds_if_they_collude() {
        let text = said(&Round::split_example());
        for part in [
            "leader.example and helper.example each receive one half",
            "80 of every 100 devices must add their noise",
            "If nobody else is honest, one upload can reveal rho 2.5,",
            "rho 0.0078125, that is epsilon 0.55 at delta 0.000001 between your data and no data; epsilon 1.14 at delta",
            "All uploads together: epsilon 8.00 at delta 0.000001 between your data and no data; epsilon 18.44 at",
        ] {
            assert!(text.contains(part), "{part}\n\n{text}");
        }
        assert!(text.starts_with("What leaves"));
    }

    #[test]
    fn one_operator_in_both_places_is_said_first_with_the_worst_case() {
        let split = Round::split_example();
        let helper = Some(Operator::new(split.leader.name(), [2; 32]));
        let text = said(&Round { helper, ..split });
        assert!(text.starts_with("If nobody else is honest, one upload can reveal rho 2.5,"), "{text}");
        assert!(text.contains("leader.example runs both aggregators"));
    }

    #[test]
    fn how_often_is_said_in_a_unit_that_fits_and_where_nothing_limits_it_that() {
        let hour = 3_600_000;
        for (interval_ms, part) in [
            (
                0,
                "How often: whenever this application asks for it, as its policy wants no time between two, and 33 times",
            ),
            (1, "at most once every millisecond for"),
            (90_000, "at most once every 90 seconds for"),
            (hour, "at most once every hour for"),
            (36 * hour, "at most once every 36 hours for"),
            (24 * hour, "at most once every day for"),
        ] {
            let policy = Policy { interval_ms, ..Policy::default() };
            let text = statement(&Round { min_cohort: 100, ..Round::example() }, &policy).expect("a plain round");
            assert!(text.contains(part), "{part}\n\n{text}");
        }
        let once = Policy { lifetime: NanoRho(31_250_000), ..Policy::default() };
        let text = statement(&Round { min_cohort: 100, ..Round::example() }, &once).expect("a plain round");
        assert!(text.contains("and once in all; then"), "{text}");
    }

    #[test]
    fn the_statement_follows_the_numbers() {
        let split = Round::split_example();
        let louder = Round { noise_multiplier: 16.0, ..split.clone() };
        assert_ne!(said(&split), said(&louder));
        assert_ne!(said(&split), said(&Round { dimension: 64, ..split.clone() }));
        assert_ne!(said(&split), said(&Round { delta: 1e-8, ..split }));
    }
}
