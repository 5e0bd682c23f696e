//! Reads a folder of `RecBole`'s atomic files: `<name>.inter`, and `<name>.item` where there is one.
//!
//! A file is a table with tabs; its header names each column `name:type`. Interactions need `user_id`, `item_id`,
//! `rating` and `timestamp`. Of an item's columns those with few values become attributes, and numbers become bands.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// A column with more values than this describes single items, as a title does, and is left out.
const MOST_WORDS: usize = 64;
/// How many bands a numeric column is cut into, each with about as many items.
const BANDS: usize = 5;

/// Everything known of a data set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    /// Ascending by id.
    pub(crate) users: Vec<User>,
    /// The items' ids, ascending; an item is its place in this list.
    pub(crate) items: Vec<String>,
    /// What the items have in common.
    pub(crate) attributes: Vec<Attribute>,
    /// SHA-256 of the interactions' file.
    pub(crate) sha256: [u8; 32],
}

/// One user, and what they did in the protocol's order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    /// As it stands in the file.
    pub(crate) id: String,
    /// The id where all ids are numbers, and the place from 1 where they are not.
    pub(crate) number: u64,
    /// By time; among equal seconds the first row of the file is the latest.
    pub(crate) events: Vec<Rating>,
}

/// One interaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rating {
    /// The item's place.
    pub(crate) item: usize,
    /// As given.
    pub(crate) value: f32,
    /// Seconds.
    pub(crate) time_s: f64,
}

impl Rating {
    /// Whether the rating speaks for the item.
    pub(crate) fn is_like(&self) -> bool {
        self.value >= 4.0
    }
}

/// A property that items share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attribute {
    /// The column's name.
    pub(crate) name: String,
    /// Its values, ascending.
    pub(crate) words: Vec<String>,
    /// Each item's values, as places among the words.
    pub(crate) of_item: Vec<Vec<usize>>,
}

/// Why a data set cannot be read: the file, the line from 1, and what is wrong there.
#[derive(Debug)]
pub(crate) struct Refusal {
    file: PathBuf,
    line: usize,
    says: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.says),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.says),
        }
    }
}

impl core::error::Error for Refusal {}

impl Set {
    /// Reads the one `.inter` file of a folder and the `.item` file beside it.
    pub(crate) fn read(folder: &Path) -> Result<Self, Refusal> {
        let refuse = |says: String| Refusal { file: folder.into(), line: 0, says };
        let listed = fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()
        });
        let mut found = listed.map_err(|error| refuse(format!("cannot be listed: {error}")))?;
        found.retain(|path| path.extension().is_some_and(|extension| extension == "inter"));
        let [inter] = &found[..] else {
            return Err(refuse(format!("one .inter file is wanted here, and there are {}", found.len())));
        };
        let events = Table::read(inter)?;
        let item_file = inter.with_extension("item");
        let items = if item_file.is_file() { Some(Table::read(&item_file)?) } else { None };
        Self::of_tables(&events, items.as_ref())
    }

    fn of_tables(events: &Table, described: Option<&Table>) -> Result<Self, Refusal> {
        let [user, item, rating, time] = ["user_id", "item_id", "rating", "timestamp"].map(|name| events.column(name));
        let (user, item, rating, time) = (user?, item?, rating?, time?);
        let mut ids: Vec<&str> = events.rows.iter().map(|row| row.fields[item].as_str()).collect();
        if let Some(table) = described {
            let id = table.column("item_id")?;
            ids.extend(table.rows.iter().map(|row| row.fields[id].as_str()));
        }
        let (items, _) = ascending(ids);
        let place: BTreeMap<&str, usize> = items.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        let (user_ids, numeric) = ascending(events.rows.iter().map(|row| row.fields[user].as_str()).collect());
        let mut users: Vec<User> = user_ids
            .iter()
            .zip(1..)
            .map(|(id, nth)| User {
                id: (*id).to_owned(),
                number: if numeric { id.parse().expect("all ids were seen to be numbers") } else { nth },
                events: Vec::new(),
            })
            .collect();
        let of_user: BTreeMap<&str, usize> = user_ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        // The last row first: a stable sort by time then leaves the first row of a second as its latest.
        for row in events.rows.iter().rev() {
            let event = Rating {
                item: place[row.fields[item].as_str()],
                value: events.number(row, rating)? as f32,
                time_s: events.number(row, time)?,
            };
            users[of_user[row.fields[user].as_str()]].events.push(event);
        }
        for user in &mut users {
            user.events.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        }
        let attributes = described.map(|table| attributes(table, &place)).transpose()?.unwrap_or_default();
        let items = items.into_iter().map(str::to_owned).collect();
        Ok(Self { users, items, attributes, sha256: events.sha256 })
    }
}

struct Table {
    file: PathBuf,
    columns: Vec<(String, String)>,
    rows: Vec<Row>,
    sha256: [u8; 32],
}

struct Row {
    line: usize,
    fields: Vec<String>,
}

impl Table {
    fn read(file: &Path) -> Result<Self, Refusal> {
        let refuse = |line, says| Refusal { file: file.into(), line, says };
        let bytes = fs::read(file).map_err(|error| refuse(0, format!("cannot be read: {error}")))?;
        let sha256 = Sha256::digest(&bytes).into();
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = String::from_utf8_lossy(good).split('\n').count();
            refuse(line, "is not UTF-8".to_owned())
        })?;
        let mut lines = text.lines().zip(1..);
        let (header, _) = lines.next().ok_or_else(|| refuse(1, "a header is wanted, and the file is empty".into()))?;
        let column = |field: &str| {
            let (name, kind) = field.split_once(':')?;
            Some((name.to_owned(), kind.to_owned()))
        };
        let columns: Option<Vec<_>> = header.split('\t').map(column).collect();
        let columns = columns.ok_or_else(|| refuse(1, "a header of `name:type` fields is wanted".into()))?;
        let mut rows = Vec::new();
        for (text, line) in lines {
            let fields: Vec<String> = text.split('\t').map(str::to_owned).collect();
            if fields.len() != columns.len() {
                return Err(refuse(line, format!("has {} fields; the header has {}", fields.len(), columns.len())));
            }
            rows.push(Row { line, fields });
        }
        if rows.is_empty() {
            return Err(refuse(1, "has a header and no rows".into()));
        }
        Ok(Self { file: file.into(), columns, rows, sha256 })
    }

    fn column(&self, name: &str) -> Result<usize, Refusal> {
        self.columns.iter().position(|(known, _)| known == name).ok_or_else(|| Refusal {
            file: self.file.clone(),
            line: 1,
            says: format!("a column `{name}` is wanted"),
        })
    }

    fn number(&self, row: &Row, column: usize) -> Result<f64, Refusal> {
        let number = row.fields[column].parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| Refusal {
            file: self.file.clone(),
            line: row.line,
            says: format!("the field `{}` is not a finite number", self.columns[column].0),
        })
    }
}

/// The ids without repeats: as numbers where all are, as text where not; and which of the two.
fn ascending(mut ids: Vec<&str>) -> (Vec<&str>, bool) {
    ids.sort_unstable();
    ids.dedup();
    let numeric = ids.iter().all(|id| id.parse::<u32>().is_ok());
    if numeric {
        ids.sort_by_key(|id| id.parse::<u32>().ok());
    }
    (ids, numeric)
}

fn attributes(table: &Table, place: &BTreeMap<&str, usize>) -> Result<Vec<Attribute>, Refusal> {
    let id = table.column("item_id")?;
    let mut found = Vec::new();
    for (column, (name, kind)) in table.columns.iter().enumerate().filter(|&(column, _)| column != id) {
        let values = table.rows.iter().map(|row| (place[row.fields[id].as_str()], row.fields[column].as_str()));
        let numbers: Vec<(usize, f64)> =
            values.clone().filter_map(|(item, value)| Some((item, value.parse().ok()?))).collect();
        // Some sets leave a few numbers out, or write something else there.
        let bands = kind != "token_seq" && numbers.len() * 10 >= table.rows.len() * 9;
        let words: Vec<(usize, String)> = if bands {
            banded(&numbers)
        } else if kind == "token_seq" {
            values.flat_map(|(item, value)| value.split_whitespace().map(move |word| (item, word.into()))).collect()
        } else {
            values.filter(|(_, value)| !value.is_empty()).map(|(item, value)| (item, value.to_owned())).collect()
        };
        let mut known: Vec<String> = words.iter().map(|(_, word)| word.clone()).collect();
        known.sort_unstable();
        known.dedup();
        if (2..=MOST_WORDS).contains(&known.len()) {
            let mut of_item = vec![Vec::new(); place.len()];
            for (item, word) in words {
                of_item[item].push(known.binary_search(&word).expect("it is one of them"));
            }
            found.push(Attribute { name: name.clone(), words: known, of_item });
        }
    }
    Ok(found)
}

/// Cuts at the quantiles, so that each band has about as many items. A band is named by its largest number.
fn banded(numbers: &[(usize, f64)]) -> Vec<(usize, String)> {
    let mut sorted: Vec<f64> = numbers.iter().map(|(_, number)| *number).collect();
    sorted.sort_by(f64::total_cmp);
    let cuts: Vec<f64> = (1..=BANDS).map(|band| sorted[(sorted.len() * band / BANDS).max(1) - 1]).collect();
    let band = |number: f64| cuts[cuts.iter().position(|&cut| number <= cut).expect("the last cut is the largest")];
    numbers.iter().map(|&(item, number)| (item, format!("to {}", band(number)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTER: &str = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";
    const ITEM: &str = "item_id:token\ttitle:token_seq\tyear:token\tclass:token_seq\n";

    fn read(inter: &str, item: Option<&str>) -> Result<Set, String> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("x.inter"), inter).expect("it can be written");
        if let Some(item) = item {
            fs::write(folder.path().join("x.item"), item).expect("it can be written");
        }
        let name = format!("{}/", folder.path().display());
        Set::read(folder.path()).map_err(|refusal| refusal.to_string().replace(&name, ""))
    }

    #[test]
    fn among_equal_seconds_the_first_row_is_the_latest() {
        let rows = "2\t7\t3\t10\n10\t7\t5\t1\n2\t8\t4\t10\n2\t9\t5\t9\n2\t10\t1\t10\n";
        let set = read(&format!("{INTER}{rows}"), None).expect("it is well-formed");
        assert_eq!(set.items, ["7", "8", "9", "10"], "numbers, not text");
        assert_eq!(set.users.iter().map(|user| user.number).collect::<Vec<_>>(), [2, 10]);
        let order: Vec<usize> = set.users[0].events.iter().map(|event| event.item).collect();
        assert_eq!(order, [2, 3, 1, 0]);
    }

    #[test]
    fn ids_that_are_no_numbers_are_sorted_as_text() {
        let set = read(&format!("{INTER}b\tx\t1\t1\na\ty\t2\t2\n"), None).expect("it is well-formed");
        assert_eq!(
            set.users.iter().map(|user| (user.id.as_str(), user.number)).collect::<Vec<_>>(),
            [("a", 1), ("b", 2)]
        );
    }

    #[test]
    fn columns_of_few_values_become_attributes_and_numbers_bands() {
        let names = (0..70).map(|i| format!("{i}\ttitle{i} t{i}\t{}\t{}\n", 1900 + i, ["A", "A B"][i % 2]));
        let set = read(&format!("{INTER}1\t99\t3\t1\n"), Some(&format!("{ITEM}{}", names.collect::<String>())))
            .expect("it is well-formed");
        let [year, class] = &set.attributes[..] else { panic!("{:?}", set.attributes) };
        assert_eq!(year.words, ["to 1913", "to 1927", "to 1941", "to 1955", "to 1969"]);
        assert_eq!((class.words.join(" "), class.of_item[1].clone()), ("A B".into(), vec![0, 1]));
        assert_eq!(class.of_item[70], [0; 0], "an item that only an event names has no attributes");
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_line() {
        for (inter, item, says) in [
            (String::new(), None, "x.inter:1: a header is wanted, and the file is empty"),
            ("user\titem\n".into(), None, "x.inter:1: a header of `name:type` fields is wanted"),
            ("user_id:token\n1\n".into(), None, "x.inter:1: a column `item_id` is wanted"),
            (INTER.into(), None, "x.inter:1: has a header and no rows"),
            (format!("{INTER}1\t2\t3\t4\n1\t2\t3\n"), None, "x.inter:3: has 3 fields; the header has 4"),
            (format!("{INTER}1\t2\tgood\t4\n"), None, "x.inter:2: the field `rating` is not a finite number"),
            (
                format!("{INTER}1\t2\t3\t4\n1\t2\t3\tinf\n"),
                None,
                "x.inter:3: the field `timestamp` is not a finite number",
            ),
            (
                format!("{INTER}1\t2\t3\t4\n"),
                Some("item_id:token\tyear:float\n1\n"),
                "x.item:2: has 1 fields; the header has 2",
            ),
        ] {
            assert_eq!(read(&inter, item).expect_err("it is refused"), says);
        }
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let says = Set::read(folder.path()).expect_err("it is empty").to_string();
        assert!(says.ends_with("one .inter file is wanted here, and there are 0"), "{says}");
        fs::write(folder.path().join("x.inter"), b"user_id:token\n\xff\n").expect("it can be written");
        let says = Set::read(folder.path()).expect_err("it is no text").to_string();
        assert!(says.ends_with("x.inter:2: is not UTF-8"), "{says}");
    }
}
