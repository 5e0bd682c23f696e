//! The names of what a module imports and exports: its glue alone ever says them, and so a letter or two is enough.

use anyhow::{Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, Module, RawSection};
use wasmparser::{Export, ExternalKind, Import, Parser, Payload, TypeRef};

/// What stands before an export where the glue says it.
const OF_THE_MODULE: &str = "wasm.";
/// What a module calls its glue.
const GLUE: &str = "a";

/// Both, the glue and its module, with short names. The types that wasm-bindgen wrote for the exports still say the long
/// ones: nothing uses them.
pub(crate) fn shortened(glue: &str, whole: &[u8]) -> Result<(String, Vec<u8>)> {
    let (mut imports, mut exports): (Vec<Import>, Vec<Export>) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(whole) {
        match payload? {
            Payload::ImportSection(section) => imports = section.into_imports().collect::<Result<_, _>>()?,
            Payload::ExportSection(section) => exports = section.into_iter().collect::<Result<_, _>>()?,
            _ => {}
        }
    }
    let imported = imports.iter().map(|import| import.name).collect();
    let exported = exports.iter().map(|export| export.name).collect();
    let (mut text, short) = renamed(glue, &imported, &exported);
    if let Some(name) = imported.iter().find(|name| !short.contains_key(*name)) {
        bail!("the glue does not say what {name} is");
    }
    if let Some(from) = imports.first().map(|import| import.module) {
        ensure!(imports.iter().all(|import| import.module == from), "the module imports from more than {from}");
        text = text.replace(&format!("\"{from}\""), &format!("\"{GLUE}\""));
    }

    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(whole) {
        match payload? {
            Payload::ImportSection(_) => module.section(&short_imports(&imports, &short)?),
            Payload::ExportSection(_) => module.section(&short_exports(&exports, &short)?),
            payload => match payload.as_section() {
                Some((id, range)) => module.section(&RawSection { id, data: &whole[range] }),
                None => &mut module,
            },
        };
    }
    Ok((text, module.finish()))
}

fn short_imports(imports: &[Import], short: &BTreeMap<&str, String>) -> Result<ImportSection> {
    let mut section = ImportSection::new();
    for import in imports {
        let TypeRef::Func(ty) = import.ty else { bail!("{} is imported and is no function", import.name) };
        section.import(GLUE, &short[import.name], EntityType::Function(ty));
    }
    Ok(section)
}

/// What the glue never says keeps its name.
fn short_exports(exports: &[Export], short: &BTreeMap<&str, String>) -> Result<ExportSection> {
    let mut section = ExportSection::new();
    for export in exports {
        let kind = match export.kind {
            ExternalKind::Func => ExportKind::Func,
            ExternalKind::Table => ExportKind::Table,
            ExternalKind::Memory => ExportKind::Memory,
            ExternalKind::Global => ExportKind::Global,
            other => bail!("{} is exported and is a {other:?}", export.name),
        };
        section.export(short.get(export.name).map_or(export.name, String::as_str), kind, export.index);
    }
    Ok(section)
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
    use wasm_encoder::{CustomSection, GlobalType, ValType};

    const TEXT: &str = r#"open(() => wasm.open(wasm.memory)); wasm.open; ({ "./glue.js": { __wbg_now: open } })"#;

    fn module(import: (&str, &str, EntityType), exported: [&str; 3]) -> Vec<u8> {
        let (mut imports, mut exports) = (ImportSection::new(), ExportSection::new());
        imports.import(import.0, import.1, import.2);
        let kinds = [(ExportKind::Memory, 0), (ExportKind::Func, 7), (ExportKind::Table, 8)];
        for (name, (kind, index)) in exported.into_iter().zip(kinds) {
            exports.export(name, kind, index);
        }
        let other = CustomSection { name: "open".into(), data: b"open".as_slice().into() };
        let mut module = Module::new();
        module.section(&imports).section(&exports).section(&other);
        module.finish()
    }

    #[test]
    fn names_are_short_in_both_and_nothing_else_changes() {
        let function = EntityType::Function(3);
        let long = module(("./glue.js", "__wbg_now", function), ["memory", "open", "other"]);
        let (text, bytes) = shortened(TEXT, &long).expect("a module and its glue");
        assert_eq!(text, r#"open(() => wasm.a(wasm.b)); wasm.a; ({ "a": { c: open } })"#);
        assert_eq!(bytes, module(("a", "c", function), ["b", "a", "other"]));
    }

    #[test]
    fn an_import_that_cannot_be_named_anew_is_refused() {
        let said = |ty: EntityType, glue: &str| {
            let long = module(("./glue.js", "__wbg_now", ty), ["memory", "open", "other"]);
            shortened(glue, &long).expect_err("it cannot be named").to_string()
        };
        assert_eq!(said(EntityType::Function(3), "wasm.open()"), "the glue does not say what __wbg_now is");
        let global = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        assert_eq!(said(global.into(), TEXT), "__wbg_now is imported and is no function");
    }

    #[test]
    fn letters_go_on_after_the_last_one() {
        assert_eq!([0, 25, 26, 27, 51, 52, 701, 702].map(letters), ["a", "z", "aa", "ab", "az", "ba", "zz", "aaa"]);
    }
}
