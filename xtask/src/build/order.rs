//! The order of a module's functions: a compression looks back a few thousand bytes for what it has seen before.

use anyhow::{Context, Result, ensure};
use std::collections::{HashMap, HashSet};

use super::sections::{CODE, CUSTOM, IMPORTS, byte, module, number, put_number, put_slice, sections, slice};

/// In how many bytes two functions have to be the same to be alike.
const RUN: usize = 5;
/// How much of what a function is like goes on to the one after the next.
const MEMORY: f64 = 0.6;

/// The module with a number for each function's name: by these names wasm-opt puts the like beside each other.
pub(super) fn numbered(whole: &[u8]) -> Result<Vec<u8>> {
    let sections = sections(whole)?;
    let content = |wanted| sections.iter().find(|(id, _)| *id == wanted).map(|(_, content)| *content);
    let imported = content(IMPORTS).map_or(Ok(0), imported_functions)?;
    let bodies = bodies(content(CODE).context("the module has no functions")?)?;

    let mut places = vec![0; bodies.len()];
    by_likeness(&bodies).into_iter().enumerate().for_each(|(place, function)| places[function] = place);
    let mut functions = Vec::new();
    put_number(bodies.len(), &mut functions);
    for (function, place) in places.iter().enumerate() {
        put_number(imported + function, &mut functions);
        put_slice(format!("{place:06}").as_bytes(), &mut functions);
    }
    // The names of functions are the first part of the section of names.
    let mut names = b"\x04name\x01".to_vec();
    put_slice(&functions, &mut names);
    let named = |(id, content): &(u8, &[u8])| *id == CUSTOM && content.starts_with(b"\x04name");
    Ok(module(sections.iter().filter(|section| !named(section)).copied().chain([(CUSTOM, &names[..])])))
}

fn imported_functions(mut imports: &[u8]) -> Result<usize> {
    let count = number(&mut imports)?;
    for _ in 0..count {
        let _names = (slice(&mut imports)?, slice(&mut imports)?);
        ensure!(byte(&mut imports)? == 0, "the module imports what is no function");
        number(&mut imports)?;
    }
    Ok(count)
}

fn bodies(mut code: &[u8]) -> Result<Vec<&[u8]>> {
    let count = number(&mut code)?;
    (0..count).map(|_| slice(&mut code)).collect()
}

/// The longest first; then whichever has most, for its length, in common with those just before it.
fn by_likeness(bodies: &[&[u8]]) -> Vec<usize> {
    let runs: Vec<HashSet<&[u8]>> = bodies.iter().map(|body| body.windows(RUN).collect()).collect();
    let mut holders: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (function, runs) in runs.iter().enumerate() {
        runs.iter().for_each(|run| holders.entry(run).or_default().push(function));
    }
    let mut common = vec![0.0; bodies.len()];
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    let mut order = Vec::with_capacity(bodies.len());
    let mut next = left.iter().copied().max_by_key(|&function| bodies[function].len());
    while let Some(last) = next {
        left.retain(|&function| function != last);
        order.push(last);
        common.iter_mut().for_each(|common| *common *= MEMORY);
        runs[last].iter().flat_map(|run| &holders[run]).for_each(|&function| common[function] += 1.0);
        let likeness = |function: usize| common[function] / (1 + runs[function].len()) as f64;
        next = left.iter().copied().max_by(|&a, &b| likeness(a).total_cmp(&likeness(b)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORT: &[u8] = b"\x01\x01m\x01f\0\0";

    fn code(bodies: &[&[u8]]) -> Vec<u8> {
        let mut code = Vec::new();
        put_number(bodies.len(), &mut code);
        bodies.iter().for_each(|body| put_slice(body, &mut code));
        code
    }

    #[test]
    fn the_like_stand_beside_each_other() {
        let bodies: [&[u8]; 4] = [b"abcdefgh", b"123456789", b"abcdefg!", b"12345678!"];
        assert_eq!(by_likeness(&bodies), [3, 1, 2, 0]);
    }

    #[test]
    fn each_function_is_named_by_its_place_and_the_rest_stays() {
        let code = code(&[b"abcdefgh", b"123456789", b"abcdefg!"]);
        let whole = module([(IMPORTS, IMPORT), (CODE, &code), (CUSTOM, b"\x04nameold"), (CUSTOM, b"\x01x")]);
        let named = numbered(&whole).expect("a module");
        let found = sections(&named).expect("a module");
        let names = b"\x04name\x01\x19\x03\x01\x06000002\x02\x06000000\x03\x06000001";
        assert_eq!(found, [(IMPORTS, IMPORT), (CODE, &code[..]), (CUSTOM, &b"\x01x"[..]), (CUSTOM, &names[..])]);
    }

    #[test]
    fn what_is_no_function_is_no_import_of_ours() {
        assert!(imported_functions(b"\x01\x01m\x01f\x02\0\0").is_err());
    }
}
