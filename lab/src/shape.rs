//! A small generated set in the shape of MovieLens-100K, so that everything can be run without the real one.

use std::{collections::BTreeSet, fmt::Write, fs, io, path::Path};

use super::splitmix::SplitMix64;

const USERS: usize = 45;
const ITEMS: usize = 240;
const GENRES: [&str; 6] = ["Action", "Comedy", "Drama", "Horror", "Romance", "War"];

/// Writes `small.inter` and `small.item` into a folder: users who like two genres and prefer what is popular.
pub fn write(folder: &Path) -> io::Result<()> {
    let mut generator = SplitMix64::new(100);
    let mut items = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n".to_owned();
    let genre = |item: usize| item % GENRES.len();
    for item in 0..ITEMS {
        let id = item + 1;
        let second = if item % 4 == 0 { format!(" {}", GENRES[(item / 4) % GENRES.len()]) } else { String::new() };
        let year = 1930 + generator.below(69);
        writeln!(items, "{id}\tTitle {id} word{id}\t{year}\t{}{second}", GENRES[genre(item)])
            .expect("a string takes all");
    }
    let mut rows = Vec::new();
    for user in 0..USERS {
        let liked = generator.distinct(2, GENRES.len(), |_| false);
        let mut seen = BTreeSet::new();
        let mut time_s = 880_000_000 + generator.below(1_000_000);
        for _ in 0..20 + generator.below(20) {
            // The smaller of two numbers prefers small ids, as popularity does.
            let mut draw = || generator.below(ITEMS).min(generator.below(ITEMS));
            let first = draw();
            let item = if liked.contains(&genre(first)) { first } else { draw() };
            // Many events share a second.
            time_s += generator.below(3) * 7;
            let likes = if liked.contains(&genre(item)) { 0.8 } else { 0.3 };
            let rating = if generator.unit() < likes { 4 + generator.below(2) } else { 1 + generator.below(3) };
            if seen.insert(item) {
                rows.push(format!("{}\t{}\t{rating}\t{time_s}\n", user + 1, item + 1));
            }
        }
    }
    // The file has no order by user or time.
    for last in (1..rows.len()).rev() {
        rows.swap(last, generator.below(last + 1));
    }
    let header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";
    fs::write(folder.join("small.inter"), header.to_owned() + &rows.concat())?;
    fs::write(folder.join("small.item"), items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Set;

    #[test]
    fn it_has_the_shape_of_the_real_one() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        write(folder.path()).expect("it can be written");
        let set = Set::read(folder.path()).expect("it is well-formed");
        assert_eq!((set.users.len(), set.items.len()), (USERS, ITEMS));
        let attributes: Vec<_> = set.attributes.iter().map(|it| (it.name.as_str(), it.words.len())).collect();
        assert_eq!(attributes, [("release_year", 5), ("class", 6)]);
        assert!(set.users.iter().all(|user| user.events.len() >= 15));
    }
}
