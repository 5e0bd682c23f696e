//! The names of what a module imports and exports: its glue alone ever says them, and so a letter or two is enough.

use anyhow::{Context, Result, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    str,
};

use super::sections::{EXPORTS, IMPORTS, byte, module, number, put_number, put_slice, sections, slice};
use crate::place::{read, read_bytes, write};

/// What stands before an export where the glue says it.
const OF_THE_MODULE: &str = "wasm.";
/// What a module calls its glue.
const GLUE: &str = "a";

/// Shortens them in both. The types that wasm-bindgen wrote for the exports still say the long ones: nothing uses them.
pub(super) fn shorten(glue: &Path, module: &Path) -> Result<()> {
    let (text, bytes) = shortened(&read(glue)?, &read_bytes(module)?)?;
    write(glue, text)?;
    write(module, bytes)
}

fn shortened(glue: &str, whole: &[u8]) -> Result<(String, Vec<u8>)> {
    let sections = sections(whole)?;
    let entries = |wanted| {
        let content = sections.iter().find(|(id, _)| *id == wanted).map(|(_, content)| *content);
        content.map_or(Ok(Vec::new()), |content| entries(content, wanted == IMPORTS))
    };
    let (imports, exports) = (entries(IMPORTS)?, entries(EXPORTS)?);
    let (mut text, short) = renamed(glue, &names(&imports), &names(&exports));

    for Entry { name, .. } in &imports {
        ensure!(short.contains_key(name), "the glue does not say what {name} is");
    }
    if let Some(from) = imports.first().and_then(|import| import.from) {
        ensure!(imports.iter().all(|import| import.from == Some(from)), "the module imports from more than {from}");
        text = text.replace(&format!("\"{from}\""), &format!("\"{GLUE}\""));
    }
    let (imports, exports) = (encoded(&imports, &short), encoded(&exports, &short));
    let shorter = sections.iter().map(|&(id, content)| match id {
        IMPORTS => (id, &imports[..]),
        EXPORTS => (id, &exports[..]),
        _ => (id, content),
    });
    Ok((text, module(shorter)))
}

/// One line of the imports or of the exports.
struct Entry<'a> {
    /// From where, if it is imported.
    from: Option<&'a str>,
    name: &'a str,
    kind: u8,
    index: usize,
}

fn entries(mut content: &[u8], imported: bool) -> Result<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    for _ in 0..number(&mut content)? {
        let from = if imported { Some(text(&mut content)?) } else { None };
        let (name, kind) = (text(&mut content)?, byte(&mut content)?);
        ensure!(!imported || kind == 0, "{name} is imported and is no function");
        entries.push(Entry { from, name, kind, index: number(&mut content)? });
    }
    Ok(entries)
}

fn text<'a>(from: &mut &'a [u8]) -> Result<&'a str> {
    str::from_utf8(slice(from)?).context("a name is not UTF-8")
}

fn names<'a>(entries: &[Entry<'a>]) -> BTreeSet<&'a str> {
    entries.iter().map(|entry| entry.name).collect()
}

fn encoded(entries: &[Entry], short: &BTreeMap<&str, String>) -> Vec<u8> {
    let mut to = Vec::new();
    put_number(entries.len(), &mut to);
    for &Entry { from, name, kind, index } in entries {
        if from.is_some() {
            put_slice(GLUE.as_bytes(), &mut to);
        }
        put_slice(short.get(name).map_or(name, String::as_str).as_bytes(), &mut to);
        to.push(kind);
        put_number(index, &mut to);
    }
    to
}

/// The glue, and what it says now instead of each name: numbered as they come up, so that like modules have like glue.
fn renamed<'a>(
    glue: &'a str,
    imports: &BTreeSet<&str>,
    exports: &BTreeSet<&str>,
) -> (String, BTreeMap<&'a str, String>) {
    let (mut text, mut short) = (String::with_capacity(glue.len()), BTreeMap::new());
    let mut before = "";
    for piece in glue.split_inclusive(|c: char| !is_of_a_word(c)) {
        let word = piece.trim_end_matches(|c: char| !is_of_a_word(c));
        if imports.contains(word) || before == OF_THE_MODULE && exports.contains(word) {
            let next = short.len();
            text += short.entry(word).or_insert_with(|| letters(next));
            text += &piece[word.len()..];
        } else {
            text += piece;
        }
        before = piece;
    }
    (text, short)
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// `a` to `z`, then `aa` and on.
fn letters(number: usize) -> String {
    let last = char::from(b'a' + (number % 26) as u8);
    let before = if number < 26 { String::new() } else { letters(number / 26 - 1) };
    before + &last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORTED: &[u8] = b"\x01\x09./glue.js\x09__wbg_now\0\x03";
    const EXPORTED: &[u8] = b"\x03\x06memory\x02\0\x04open\0\x07\x05other\0\x08";
    const TEXT: &str = r#"open(() => wasm.open(wasm.memory)); wasm.open; ({ "./glue.js": { __wbg_now: open } })"#;

    #[test]
    fn names_are_short_in_both_and_nothing_else_changes() {
        let whole = module([(1, &b"type"[..]), (IMPORTS, IMPORTED), (EXPORTS, EXPORTED), (10, b"open")]);
        let (text, bytes) = shortened(TEXT, &whole).expect("a module and its glue");
        assert_eq!(text, r#"open(() => wasm.a(wasm.b)); wasm.a; ({ "a": { c: open } })"#);
        let expected: [(u8, &[u8]); 4] = [
            (1, b"type"),
            (IMPORTS, b"\x01\x01a\x01c\0\x03"),
            (EXPORTS, b"\x03\x01b\x02\0\x01a\0\x07\x05other\0\x08"),
            (10, b"open"),
        ];
        assert_eq!(sections(&bytes).expect("a module"), expected);
    }

    #[test]
    fn an_import_that_the_glue_does_not_have_is_refused() {
        let whole = module([(IMPORTS, IMPORTED)]);
        let error = shortened("wasm.open()", &whole).expect_err("nothing says __wbg_now").to_string();
        assert_eq!(error, "the glue does not say what __wbg_now is");
    }

    #[test]
    fn letters_go_on_after_the_last_one() {
        assert_eq!([0, 25, 26, 27, 51, 52, 701, 702].map(letters), ["a", "z", "aa", "ab", "az", "ba", "zz", "aaa"]);
    }
}
