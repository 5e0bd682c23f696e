//! The order of a module's functions: a compression looks back a few thousand bytes for what it has seen before.

use anyhow::{Result, ensure};
use std::collections::{HashMap, HashSet};
use wasm_encoder::{Module, NameMap, NameSection, RawSection};
use wasmparser::{ImportSectionReader, Parser, Payload, TypeRef};

/// In how many bytes two functions have to be the same to be alike.
const RUN: usize = 5;
/// How much of what a function is like goes on to the one after the next.
const MEMORY: f64 = 0.6;
/// The section that holds what things were called in the source.
const NAMES: &str = "name";

/// The module with a number for each function's name: by these names wasm-opt puts the like beside each other.
pub(crate) fn numbered(whole: &[u8]) -> Result<Vec<u8>> {
    let (mut module, mut bodies, mut imported) = (Module::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(whole) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(imports) => imported = imported_functions(imports)?,
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            Payload::CustomSection(custom) if custom.name() == NAMES => continue,
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &whole[range] });
        }
    }
    ensure!(!bodies.is_empty(), "the module has no functions");

    let mut places = vec![0; bodies.len()];
    by_likeness(&bodies).into_iter().enumerate().for_each(|(place, function)| places[function] = place);
    let mut functions = NameMap::new();
    for (function, place) in (imported..).zip(places) {
        functions.append(function, &format!("{place:06}"));
    }
    let mut names = NameSection::new();
    names.functions(&functions);
    module.section(&names);
    Ok(module.finish())
}

fn imported_functions(imports: &ImportSectionReader) -> Result<u32> {
    let mut count = 0;
    for import in imports.clone().into_imports() {
        ensure!(matches!(import?.ty, TypeRef::Func(_)), "the module imports what is no function");
        count += 1;
    }
    Ok(count)
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
    use wasm_encoder::{
        CodeSection, CustomSection, EntityType, FunctionSection, GlobalType, ImportSection, TypeSection, ValType,
    };

    fn imports(ty: impl Into<EntityType>) -> ImportSection {
        let mut imports = ImportSection::new();
        imports.import("m", "f", ty);
        imports
    }

    #[test]
    fn the_like_stand_beside_each_other() {
        let bodies: [&[u8]; 4] = [b"abcdefgh", b"123456789", b"abcdefg!", b"12345678!"];
        assert_eq!(by_likeness(&bodies), [3, 1, 2, 0]);
    }

    #[test]
    fn each_function_is_named_by_its_place_and_the_rest_stays() {
        let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
        types.ty().function([], []);
        for body in [b"abcdefgh".as_slice(), b"123456789", b"abcdefg!"] {
            functions.function(0);
            code.raw(body);
        }
        let other = CustomSection { name: "x".into(), data: b"y".as_slice().into() };
        let with = |named: &[(u32, &str)]| {
            let (mut names, mut map) = (NameSection::new(), NameMap::new());
            named.iter().for_each(|(function, name)| map.append(*function, name));
            names.functions(&map);
            let mut module = Module::new();
            module.section(&types).section(&imports(EntityType::Function(0))).section(&functions).section(&code);
            (module, other.clone(), names)
        };
        let (mut before, other, old) = with(&[(1, "old")]);
        before.section(&old).section(&other);
        let (mut after, other, new) = with(&[(1, "000002"), (2, "000000"), (3, "000001")]);
        after.section(&other).section(&new);
        assert_eq!(numbered(&before.finish()).expect("a module"), after.finish());
    }

    #[test]
    fn what_is_no_function_is_no_import_of_ours() {
        let mut module = Module::new();
        module.section(&imports(GlobalType { val_type: ValType::I32, mutable: false, shared: false }));
        assert!(numbered(&module.finish()).is_err());
    }
}
