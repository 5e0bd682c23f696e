use std::ops::Range;

/// The seeds of the random lists that a test runs: the one that `PRIVET_SEED` names, to play it again; else as many as
/// `PRIVET_LISTS` says, 10,000 in the long form (`PRIVET_LONG`), or 150.
pub fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let lists = || if std::env::var_os("PRIVET_LONG").is_some() { 10_000 } else { 150 };
    match number("PRIVET_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PRIVET_LISTS").unwrap_or_else(lists),
    }
}
