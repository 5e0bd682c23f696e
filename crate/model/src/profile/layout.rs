//! The table of the features: what a profile says of an item, and where each number of it stands. It is the only place that
//! knows; code asks it, and a test holds the shader, the package and the documents to it.

use core::ops::Range;

use crate::cpu;

macro_rules! layout {
    ($from:expr =>) => {};
    ($from:expr => $name:ident: $count:expr, $what:literal; $($rest:tt)*) => {
        #[doc = $what]
        pub const $name: Range<usize> = $from..$from + $count;
        layout!($name.end => $($rest)*);
    };
    ($(#[$about:meta])* $total:ident, $table:ident { $($name:ident: $count:expr, $what:literal;)* }) => {
        layout!(0 => $($name: $count, $what;)*);
        $(#[$about])*
        pub const $total: usize = 0 $(+ $count)*;
        /// The same as a table: name, count, meaning.
        #[cfg(test)]
        const $table: &[(&str, usize, &str)] = &[$((stringify!($name), $count, $what)),*];
    };
}

layout! {
    /// How many features every item has, whatever the schema. They stand behind its dense numbers.
    FIXED, OF_EVERY_ITEM {
        INTERESTS: cpu::INTERESTS,
            "cosines with decayed sums: of what was chosen (half-lives of 3 hours, 3 days, 30 days), of what was pushed away";
        CLUSTERS: 2, "cosine with the nearest of four clusters of what was chosen, and with all of them by weight";
        ATTENTION: cpu::ATTENTIONS,
            "mean cosine with 64 recent items, by a softmax of cosine and age: chosen ones broadly, closely, and pushed away";
        HOUR: 2, "the hour as an angle: sine and cosine";
        WEEKEND: 1, "whether it is a weekend";
        SESSION: 1, "how far into the session it is";
        SEEN: 1, "whether the item is among the recent ones";
        EVIDENCE: 1, "how much is known at all: of how many events that spoke for an item";
    }
}

layout! {
    /// How many features each attribute of the schema adds. They stand last.
    PER_ATTRIBUTE, OF_AN_ATTRIBUTE {
        MEAN_ODDS: 1, "of each attribute: mean log-odds of its values against the population's rate, shrunk to it";
        LARGEST_ODDS: 1, "the largest of them";
        KNOWN: 1, "how well they are known";
    }
}

/// Those that come of an item's similarity to what the profile is made of. They are the first: a shader writes them.
pub const SIMILARITIES: Range<usize> = INTERESTS.start..ATTENTION.end;

/// How many features an item has under a schema of so many dense numbers and attributes.
pub const fn count(dense: usize, attributes: usize) -> usize {
    dense + FIXED + PER_ATTRIBUTE * attributes
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::{super::SLOWEST_INTEREST, *};

    /// Compares a file with what this table makes of it, or writes it there: `PRIVET_LAYOUT=overwrite`.
    fn hold(path: &str, change: impl Fn(&str) -> String) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        let found = fs::read_to_string(&file).expect("a file of the repository");
        let wanted = change(&found);
        if env::var_os("PRIVET_LAYOUT").is_some_and(|value| value == "overwrite") {
            fs::write(&file, wanted).expect("it was read, and can be written");
        } else {
            assert!(found == wanted, "{path} is older than this table: PRIVET_LAYOUT=overwrite writes it");
        }
    }

    /// The text with this number behind `before`, which stands there once.
    fn with_number(text: &str, before: &str, number: usize) -> String {
        assert_eq!(text.matches(before).count(), 1, "{before:?}");
        let (head, rest) = text.split_once(before).expect("it stands there");
        format!("{head}{before}{number}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
    }

    #[test]
    fn the_documents_table_is_this_one() {
        let row = |&(name, count, what): &(&str, usize, &str)| {
            format!("| {} | {count} | {what} |\n", name.to_lowercase().replace('_', " "))
        };
        let rows: String = OF_EVERY_ITEM.iter().chain(OF_AN_ATTRIBUTE).map(row).collect();
        hold("docs/ranking.md", |text| {
            let begin = "| dense | each | the item's own numbers, normalised and cut off at ±4 |\n";
            let (head, rest) = text.split_once(begin).expect("the first row is the schema's");
            let (_, rest) = rest.split_once("\n\n").expect("a table ends with an empty line");
            format!("{head}{begin}{rows}\n{rest}")
        });
    }

    #[test]
    fn whoever_cannot_ask_this_table_has_its_numbers() {
        hold("docs/wire-format.md", |text| {
            let text = with_number(text, "; f = dense numbers + ", FIXED);
            with_number(&text, &format!("; f = dense numbers + {FIXED} + "), PER_ATTRIBUTE)
        });
        hold("web/ts/create_head.ts", |text| {
            let numbers = [
                ("const FIXED = ", FIXED),
                ("const PER_ATTRIBUTE = ", PER_ATTRIBUTE),
                ("const INTEREST = ", INTERESTS.start + SLOWEST_INTEREST),
            ];
            numbers.iter().fold(text.to_owned(), |text, (before, number)| with_number(&text, before, *number))
        });
        hold("crate/gpu/shader/profile_features.wgsl", |text| {
            let numbers = [
                ("const INTERESTS = ", cpu::INTERESTS),
                ("const CLUSTERS = ", cpu::CLUSTERS),
                ("const ATTENTIONS = ", cpu::ATTENTIONS),
                ("const RECENT = ", cpu::RECENT),
                ("const CLUSTER_FEATURES = ", CLUSTERS.start),
                ("const ATTENTION_FEATURES = ", ATTENTION.start),
            ];
            numbers.iter().fold(text.to_owned(), |text, (before, number)| with_number(&text, before, *number))
        });
    }
}
