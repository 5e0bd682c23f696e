//! The privacy statement in plain words, out of a round and a policy: nobody writes it by hand, so it cannot be kinder
//! than the numbers.

use crate::{Ledger, Upload, cost};
use privet_accounting::{Cost, NanoRho, Spent, epsilon_from_rho};
use privet_base::Result;
use privet_terms::Policy;
use privet_wire::Round;

const UNITS_MS: [(u64, &str); 4] = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];

/// What the application and the browser know, and the round's numbers do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// Whether the application says that one owner runs both aggregators. Names are what operators call themselves.
    pub one_owner: bool,
    /// What keeps the account of what was spent.
    pub storage: Storage,
}

/// What bounds a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// The ledger, in storage that is not cleared without being asked for.
    Kept,
    /// Blind tokens: as many as the application signs for an account.
    Tokens,
    /// The ledger, in storage that the browser may clear: the application accepts that.
    Evictable,
}

/// What leaves, how often, what it costs under both adjacencies, who has to be trusted, and what is not protected.
pub fn statement(round: &Round, policy: &Policy, ledger: &Ledger, deployment: Deployment) -> Result<String> {
    let (cost, limits) = (cost(round.bound()?)?, ledger.limits());
    let delta = round.delta;
    let epsilon = |rho: NanoRho| format!("epsilon {:.2} at delta {delta}", epsilon_from_rho(rho, delta));
    let both = |spent: Spent| {
        let (nothing, any_other) = (epsilon(spent.against_nothing()), epsilon(spent.against_any_other()));
        format!("{nothing} between your data and no data; {any_other} between your data and any other")
    };
    // What was spent by whatever kind of rounds, and all that is left by rounds of this kind.
    let lifetime = ledger.spent().plus(Cost { trusted: ledger.left(), alone: NanoRho(0), ..cost });
    let contributions = match limits.lifetime.0 / cost.trusted.0.max(1) {
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
        "How often: {}, once a round, and {contributions} in all; then this device's budget of rho {} is spent for good.",
        pace(limits.interval_ms.max(policy.interval_ms)),
        limits.lifetime.rho(),
    );
    let costs = format!(
        "What one upload can reveal: rho {}, that is {}. All uploads together: {}.",
        cost.trusted.rho(),
        both(cost.into()),
        both(lifetime),
    );
    let leader = round.leader.name();
    let one_owner = round.helper.as_ref().is_some_and(|helper| deployment.one_owner || helper.name() == leader);
    let collude = format!("one upload can reveal rho {}, that is {}.", cost.alone.rho(), epsilon(cost.alone));
    let trusted = match &round.helper {
        None => format!(
            "Who has to be trusted: nobody with your data. {leader} receives the upload and could publish it without \
             revealing more than the above."
        ),
        Some(_) if one_owner => format!(
            "One owner runs both aggregators here and could put the two halves of your upload together: then {collude} \
             The figures below rest on the owner's not doing so."
        ),
        Some(helper) => format!(
            "Who has to be trusted: one of {leader} and {}. Each receives one half of the upload, which by itself is \
             random, and adds noise before anything leaves it. As long as one of them is honest, nobody learns more \
             about you than the above, even if the other lies and every other device is fake. If both work together \
             against you, {collude}",
            helper.name(),
        ),
    };
    let kept = match deployment.storage {
        Storage::Kept => {
            "What keeps count: an account on this device, in storage that the browser keeps until somebody \
                          clears this site's data."
        }
        Storage::Tokens => {
            "What keeps count: this application signs only so many uploads for your account, without \
                            being able to recognise them, and an account on this device counts, too."
        }
        Storage::Evictable => {
            "What keeps count: an account on this device, in storage that the browser may clear by \
                               itself. This application accepts that: after it, the budget begins anew."
        }
    };
    let open = "What is not protected: that this device takes part, and when; what a page does that runs on the same \
                site; and the count of your contributions, if you clear this site's data.";
    let order = if one_owner { [&trusted, &leaves, &often, &costs] } else { [&leaves, &often, &costs, &trusted] };
    Ok(order.map(String::as_str).into_iter().chain([kept, open]).collect::<Vec<_>>().join("\n\n"))
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
    use crate::Debit;
    use privet_wire::Operator;

    const KEPT: Deployment = Deployment { one_owner: false, storage: Storage::Kept };

    fn said(round: &Round) -> String {
        said_under(round, &Policy::default(), KEPT)
    }

    fn said_under(round: &Round, policy: &Policy, deployment: Deployment) -> String {
        let ledger = Ledger::open(&[], policy.limits()).expect("a new one");
        statement(round, policy, &ledger, deployment).expect("a plain round")
    }

    #[test]
    fn a_device_that_adds_all_the_noise_trusts_nobody_with_its_data() {
        let text = said(&Round { min_cohort: 100, ..Round::example() });
        for part in [
            "for the task “demo”, one upload of 128 bytes at a time: 18 numbers",
            "at most once every 7 days for this task, once a round, and 33 times in all; then",
            "rho 0.03125, that is epsilon 0.55 at delta 0.000001 between your data and no data; epsilon 1.14 at delta",
            "All uploads together: epsilon 3.64 at delta 0.000001 between your data and no data; epsilon 8.00 at",
            "Who has to be trusted: nobody with your data. example.org receives the upload",
            "What is not protected: that this device takes part, and when;",
            "what a page does that runs on the same site;",
            "the count of your contributions, if you clear this site's data.",
        ] {
            assert!(text.contains(part), "{part}\n\n{text}");
        }
        assert!(!text.contains("work together"));
    }

    #[test]
    fn two_operators_are_named_with_what_holds_if_they_collude() {
        let text = said(&Round::split_example());
        for part in [
            "Who has to be trusted: one of leader.example and helper.example.",
            "As long as one of them is honest, nobody learns more about you than the above, even if the other lies and \
             every other device is fake.",
            "If both work together against you, one upload can reveal rho 32,",
            "rho 0.03125, that is epsilon 1.14 at delta 0.000001 between your data and no data; epsilon 2.42 at delta",
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
        let by_name = said(&Round { helper, ..split.clone() });
        // Operators may call themselves what they like: the application knows who owns them.
        let by_owner = said_under(&split, &Policy::default(), Deployment { one_owner: true, ..KEPT });
        for text in [by_name, by_owner] {
            assert!(text.starts_with("One owner runs both aggregators here"), "{text}");
            assert!(text.contains("then one upload can reveal rho 32, that is epsilon"), "{text}");
        }
        let device = Round { min_cohort: 100, ..Round::example() };
        let alone = said_under(&device, &Policy::default(), Deployment { one_owner: true, ..KEPT });
        assert_eq!(alone, said(&device), "there is one aggregator");
    }

    #[test]
    fn charges_of_both_kinds_are_added_up_under_each_reading() {
        let policy = Policy::at_once();
        let mut ledger = Ledger::open(&[], policy.limits()).expect("a new one");
        let device = cost(Round::example().bound().expect("plain")).expect("plain");
        let debit = Debit { task: "other".into(), round: 1, deadline_s: 1, id: [1; 16], cost: device };
        let step = ledger.reserve(&[], debit, 0).expect("a full budget");
        ledger.persisted(step).expect("it is the next step");
        let text = statement(&Round::split_example(), &policy, &ledger, KEPT).expect("a plain round");
        // 0.03125 between any two and 1.02075 against nothing: 1.0285625 against nothing, 4.11425 against any other.
        let (nothing, any_other) = (NanoRho(1_028_562_500), NanoRho(4_114_250_000));
        let [nothing, any_other] = [nothing, any_other].map(|rho| format!("{:.2}", epsilon_from_rho(rho, 1e-6)));
        let part = format!(
            "All uploads together: epsilon {nothing} at delta 0.000001 between your data and no data; epsilon {any_other} at"
        );
        assert!(text.contains(&part), "{part}\n\n{text}");
    }

    #[test]
    fn what_keeps_count_is_said() {
        for (storage, part) in [
            (Storage::Kept, "in storage that the browser keeps until somebody clears"),
            (Storage::Tokens, "signs only so many uploads for your account"),
            (Storage::Evictable, "the browser may clear by itself. This application accepts that"),
        ] {
            let text = said_under(&Round::split_example(), &Policy::default(), Deployment { storage, ..KEPT });
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn how_often_is_said_in_a_unit_that_fits_and_where_nothing_limits_it_that() {
        let hour = 3_600_000;
        for (interval_ms, part) in [
            (
                0,
                "How often: whenever this application asks for it, as its policy wants no time between two, once a round, and 33",
            ),
            (1, "at most once every millisecond for"),
            (90_000, "at most once every 90 seconds for"),
            (hour, "at most once every hour for"),
            (36 * hour, "at most once every 36 hours for"),
            (24 * hour, "at most once every day for"),
        ] {
            let policy = Policy { interval_ms, ..Policy::default() };
            let text = said_under(&Round { min_cohort: 100, ..Round::example() }, &policy, KEPT);
            assert!(text.contains(part), "{part}\n\n{text}");
        }
        let once = Policy { lifetime: NanoRho(31_250_000), ..Policy::default() };
        let text = said_under(&Round { min_cohort: 100, ..Round::example() }, &once, KEPT);
        assert!(text.contains("once a round, and once in all; then"), "{text}");
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
