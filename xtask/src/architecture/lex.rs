//! Tells code from comments and from text in quotes, in Rust and in TypeScript.

use std::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Code,
    Comment,
    /// With its quotes.
    Text,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    TypeScript,
}

/// The source with everything but the given kinds blanked; places and lines stay where they are.
pub(super) fn only(source: &str, language: Language, kinds: &[Kind]) -> String {
    let mut bytes = source.as_bytes().to_vec();
    for (kind, range) in lex(source, language) {
        if !kinds.contains(&kind) {
            bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
    }
    String::from_utf8(bytes).expect("pieces begin and end at characters")
}

/// The pieces of a source, in order. Not a parser: a slip ends with its line.
pub(super) fn lex(source: &str, language: Language) -> Vec<(Kind, Range<usize>)> {
    let mut pieces = Vec::new();
    let (mut at, mut code) = (0, 0);
    while at < source.len() {
        let rest = &source[at..];
        let found = if rest.starts_with("//") {
            Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())))
        } else if rest.starts_with("/*") {
            Some((Kind::Comment, block_comment(rest, language == Language::Rust)))
        } else if language == Language::Rust {
            rust_text(rest, source[..at].chars().next_back()).map(|length| (Kind::Text, length))
        } else {
            typescript_text(rest).map(|length| (Kind::Text, length))
        };
        if let Some((kind, length)) = found {
            pieces.push((Kind::Code, code..at));
            pieces.push((kind, at..at + length));
            at += length;
            code = at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    pieces.push((Kind::Code, code..source.len()));
    pieces.retain(|(_, range)| !range.is_empty());
    pieces
}

fn block_comment(rest: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") && (nests || depth == 0) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn rust_text(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with('"') {
        return Some(quoted(rest, '"', true));
    }
    if rest.starts_with('r') && !before.is_some_and(|c| c.is_alphanumeric() && c != 'b' && c != 'c' || c == '_') {
        let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = hashes + 2;
            return Some(rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len()));
        }
    }
    if let Some(inner) = rest.strip_prefix('\'') {
        // A lifetime has no closing quote one character on.
        let mut chars = inner.char_indices();
        let first = chars.next()?.1;
        if first == '\\' {
            return Some(quoted(rest, '\'', false));
        }
        let (at, second) = chars.next()?;
        return (second == '\'').then_some(1 + at + 1);
    }
    None
}

fn typescript_text(rest: &str) -> Option<usize> {
    match rest.chars().next()? {
        '`' => Some(quoted(rest, '`', true)),
        quote @ ('"' | '\'') => Some(quoted(rest, quote, false)),
        _ => None,
    }
}

/// The length of a piece in quotes, its own included.
fn quoted(rest: &str, quote: char, lines: bool) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if !lines => return at,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The places of a whole word: `word` in `words` is none.
pub(super) fn word_places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !(before.is_some_and(part) || word.ends_with(part) && after.is_some_and(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str, language: Language) -> String {
        only(source, language, &[Kind::Code]).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rust_comments_and_texts_are_told_from_code() {
        let rust = |source| code(source, Language::Rust);
        assert_eq!(rust("a /* b /* c */ d */ e // f\n/// g\nh"), "a e h");
        assert_eq!(rust(r##"a "b \" // c" d r#"e " f"# g b"h" i"##), "a d g b i");
        assert_eq!(rust(r"fn f<'a>(x: &'a str) { '\'' '/' 'é' y }"), "fn f<'a>(x: &'a str) { y }");
        assert_eq!(rust("\"over\ntwo lines\" a"), "a");
        assert_eq!(rust("for r in 0..9 { xr\"\" }"), "for r in 0..9 { xr }");
    }

    #[test]
    fn typescript_comments_and_texts_are_told_from_code() {
        let typescript = |source| code(source, Language::TypeScript);
        assert_eq!(typescript("a /* b /* c */ d 'e // f' g \"h\" i `j\nk` l"), "a d g i l");
        assert_eq!(typescript("/it's/ a\nb"), "/it b");
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(word_places("wgpu xwgpu wgpu_types (wgpu)", "wgpu").collect::<Vec<_>>(), [0, 23]);
        assert_eq!(word_places("http::x xhttp::y", "http::").collect::<Vec<_>>(), [0]);
    }
}
