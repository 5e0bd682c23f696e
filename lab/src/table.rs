//! Rows of figures over seeds and users, and the table that shows them.

use std::{fmt, fmt::Write};

use super::bootstrap::{Interval, interval, over_seeds};
use super::measures::Measures;
use super::task::PerUser;

/// Reads one figure out of the measures.
pub(crate) type Read = fn(&Measures) -> f64;

/// One recommender's figures: a list of users for each seed.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) name: String,
    /// The figures.
    pub(crate) seeds: Vec<PerUser>,
}

impl Row {
    /// The mean over users of a figure, over seeds, and its standard error over seeds.
    pub(crate) fn figure(&self, read: Read) -> (f64, f64) {
        let mean = |users: &PerUser| {
            let users: Vec<Measures> = users.iter().copied().flatten().collect();
            Measures::mean(&users).map_or(f64::NAN, |mean| read(&mean))
        };
        over_seeds(&self.seeds.iter().map(mean).collect::<Vec<_>>())
    }

    /// How many users were measured.
    pub(crate) fn users(&self) -> usize {
        self.seeds.first().map_or(0, |users| users.iter().flatten().count())
    }

    /// The mean gain over another row, user by user, of the users that are chosen; none where there is no user.
    pub(crate) fn gain_over(&self, other: &Self, read: Read, chosen: impl Fn(usize) -> bool) -> Option<Interval> {
        let of_user = |user: usize| {
            let gains: Option<Vec<f64>> = self
                .seeds
                .iter()
                .enumerate()
                .map(|(seed, users)| {
                    // A row without chance has one seed, which stands for all.
                    let others = &other.seeds[seed.min(other.seeds.len() - 1)];
                    Some(read(&users[user]?) - read(&others[user]?))
                })
                .collect();
            gains.map(|gains| gains.iter().sum::<f64>() / gains.len() as f64)
        };
        let gains: Vec<f64> = (0..self.seeds.first()?.len()).filter(|&user| chosen(user)).filter_map(of_user).collect();
        (!gains.is_empty()).then(|| interval(&gains))
    }
}

/// Rows under a title, with the figures that a reference has for some of them.
pub(crate) struct Table<'a> {
    /// What was measured.
    pub(crate) title: &'a str,
    /// The figures to show; the reference has the first of them.
    pub(crate) columns: &'a [(&'a str, Read)],
    /// The recommenders.
    pub(crate) rows: &'a [Row],
    /// A row's name and its figures, in the order of the columns.
    pub(crate) reference: &'a [(&'a str, &'a [f64])],
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = self.rows.first().map_or(0, Row::users);
        write!(f, "{}, {users} users\n{:<38}", self.title, "")?;
        for (name, _) in self.columns {
            write!(f, "{name:>16}")?;
        }
        writeln!(f, "{}", if self.reference.is_empty() { "" } else { "   reference" })?;
        for row in self.rows {
            write!(f, "{:<38}", row.name)?;
            for (_, read) in self.columns {
                let (mean, error) = row.figure(*read);
                let error = if row.seeds.len() > 1 { format!(" ±{error:.4}") } else { String::new() };
                write!(f, "{:>16}", format!("{mean:.4}{error}"))?;
            }
            if let Some((_, figures)) = self.reference.iter().find(|(name, _)| *name == row.name) {
                let mut text = String::new();
                let mut off = 0f64;
                for (figure, (_, read)) in figures.iter().zip(self.columns) {
                    write!(text, " {figure:.3}")?;
                    off = off.max((row.figure(*read).0 - figure).abs());
                }
                write!(f, "  {text}, off by {off:.3} at most")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, seeds: &[&[f64]]) -> Row {
        let measures = |&hr10: &f64| (hr10 >= 0.0).then(|| Measures { hr10, ..Measures::default() });
        Row { name: name.into(), seeds: seeds.iter().map(|users| users.iter().map(measures).collect()).collect() }
    }

    #[test]
    fn a_gain_is_paired_by_user_and_seed() {
        let base = row("base", &[&[0.1, 0.5, -1.0]]);
        let better = row("better", &[&[0.2, 0.6, -1.0], &[0.4, 0.8, -1.0]]);
        let gain = better.gain_over(&base, |m| m.hr10, |_| true).expect("two users have both");
        assert!((gain.mean - 0.2).abs() < 1e-12 && (gain.high - gain.low).abs() < 1e-12);
        assert_eq!(better.gain_over(&base, |m| m.hr10, |user| user == 2), None);
        assert_eq!((better.users(), better.figure(|m| m.hr10).0), (2, 0.5));
    }

    #[test]
    fn a_table_shows_errors_and_the_reference() {
        let rows = [row("a", &[&[0.5], &[0.7]]), row("b", &[&[0.25]])];
        let text = Table { title: "t", columns: &[("HR@10", |m| m.hr10)], rows: &rows, reference: &[("b", &[0.26])] }
            .to_string();
        assert!(text.starts_with("t, 1 users\n") && text.contains("0.6000 ±0.1000"), "{text}");
        assert!(text.ends_with("0.2500   0.260, off by 0.010 at most\n"), "{text}");
    }
}
