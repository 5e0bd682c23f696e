//! Tells code from comments and from text in quotes, in TypeScript.

use std::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Code,
    Comment,
    /// With its quotes.
    Text,
}

/// The pieces of a source, in order. Not a parser: a slip ends with its line.
pub(super) fn lex(source: &str) -> Vec<(Kind, Range<usize>)> {
    let mut pieces = Vec::new();
    let (mut at, mut code) = (0, 0);
    while at < source.len() {
        let rest = &source[at..];
        let found = if rest.starts_with("//") {
            Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())))
        } else if rest.starts_with("/*") {
            Some((Kind::Comment, block_comment(rest)))
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

/// The length of a comment, its ends included: it has no other inside.
fn block_comment(rest: &str) -> usize {
    rest[2..].find("*/").map_or(rest.len(), |at| at + 4)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is code, each piece apart from the next by a space.
    fn code(source: &str) -> String {
        let pieces = lex(source).into_iter().filter(|(kind, _)| *kind == Kind::Code);
        let code: Vec<&str> = pieces.map(|(_, range)| &source[range]).collect();
        code.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_texts_are_told_from_code() {
        assert_eq!(code("a /* b /* c */ d 'e // f' g \"h\" i `j\nk` l"), "a d g i l");
        assert_eq!(code("/it's/ a\nb"), "/it b");
        assert_eq!(code("a /* b"), "a");
    }
}
