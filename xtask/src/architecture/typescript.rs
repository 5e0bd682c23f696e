//! Imports run demo → web/ts → worker → web/pkg, and in no circle.

use std::collections::BTreeMap;

use super::{
    Fault, File,
    lex::{Kind, lex},
    line_of,
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Layer {
    Bindings,
    Worker,
    Package,
    Demo,
}

const LAYERS: [(&str, Layer); 4] =
    [("web/pkg/", Layer::Bindings), ("worker/", Layer::Worker), ("web/ts/", Layer::Package), ("demo/", Layer::Demo)];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["ts", "tsx", "js", "mjs"])) {
        let Some(own) = layer(&file.path) else { continue };
        for (at, named) in imports(&file.text) {
            if let Some(says) = fault(&file.path, own, named) {
                faults.push(Fault { path: file.path.clone(), line: line_of(&file.text, at), says });
            }
        }
    }
    faults.extend(circles(files));
    faults
}

/// The files that come back to themselves by what they import, types included: one fault for each.
fn circles(files: &[File]) -> Vec<Fault> {
    let scripts = files.iter().filter(|file| file.has_extension(&["ts"]) && layer(&file.path).is_some());
    let imported: BTreeMap<&str, Vec<String>> = scripts
        .map(|file| {
            let named = imports(&file.text).into_iter().map(|(_, named)| named).filter(|named| named.starts_with('.'));
            (file.path.as_str(), named.map(|named| resolve(&file.path, named)).collect())
        })
        .collect();
    let comes_back = |path: &str| {
        let (mut seen, mut next) = (Vec::new(), imported[path].clone());
        while let Some(at) = next.pop() {
            if at == path {
                return true;
            }
            if let Some(further) = imported.get(at.as_str()).filter(|_| !seen.contains(&at)) {
                next.extend(further.iter().cloned());
                seen.push(at);
            }
        }
        false
    };
    let fault = |path: &str| Fault { path: path.to_owned(), line: 1, says: "it imports what imports it".to_owned() };
    imported.keys().filter(|path| comes_back(path)).map(|path| fault(path)).collect()
}

fn layer(path: &str) -> Option<Layer> {
    LAYERS.iter().find(|(folder, _)| path.starts_with(folder)).map(|(_, layer)| *layer)
}

fn fault(path: &str, own: Layer, named: &str) -> Option<String> {
    if named == "privet" || named.starts_with("privet/") {
        return (own != Layer::Demo).then(|| format!("`{named}` is imported by the demo only"));
    }
    if !named.starts_with('.') {
        return None;
    }
    let target = resolve(path, named);
    let Some(used) = layer(&target) else {
        return Some(format!("`{target}` is outside the layers: imports run demo → web/ts → worker → web/pkg"));
    };
    let allowed = match own {
        _ if used == own => true,
        Layer::Package => used == Layer::Worker,
        Layer::Worker => used == Layer::Bindings,
        Layer::Demo | Layer::Bindings => false,
    };
    (!allowed).then(|| match own {
        Layer::Demo => format!("the demo imports `privet` by name, not `{named}`"),
        _ => format!("`{target}` may not be imported here: imports run demo → web/ts → worker → web/pkg"),
    })
}

/// What is named after `from`, `import` or `import(`, and in `new URL(…, import.meta.url)`, each with its place.
fn imports(text: &str) -> Vec<(usize, &str)> {
    let pieces = lex(text);
    let mut imports = Vec::new();
    for (index, (kind, range)) in pieces.iter().enumerate() {
        let inner = text[range.clone()].trim_matches(['"', '\'', '`']);
        if *kind != Kind::Text || range.len() < 3 {
            continue;
        }
        let code = |index: Option<usize>| match index.and_then(|index| pieces.get(index)) {
            Some((Kind::Code, range)) => &text[range.clone()],
            _ => "",
        };
        let before = code(index.checked_sub(1)).trim_end();
        let after = code(Some(index + 1));
        let named = ["from", "import", "import("].iter().any(|word| before.ends_with(word));
        if named || (before.ends_with("URL(") && after.trim_start().starts_with(", import.meta.url")) {
            imports.push((range.start, inner));
        }
    }
    imports
}

/// The path that a relative import leads to, from the root.
fn resolve(path: &str, named: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in named.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::{file, places};
    use super::*;

    fn fault_in(path: &str, text: &str) -> Vec<String> {
        places(&check(&[file(path, text)]))
    }

    #[test]
    fn imports_run_one_way() {
        for (path, text) in [
            ("demo/main.ts", "import { open } from \"../web/ts/index.js\";"),
            ("demo/main.ts", "import \"../worker/worker.js\";"),
            ("web/ts/index.ts", "import { x } from \"../../demo/main.js\";"),
            ("web/ts/index.ts", "import init from \"../pkg/privet.js\";"),
            ("web/ts/index.ts", "const p = await import(\"privet\");"),
            ("worker/worker.ts", "import type { Task } from '../web/ts/index.js';"),
            ("worker/worker.ts", "export * from \"../demo/main.js\";"),
            ("worker/worker.ts", "new URL(\"../demo/x.js\", import.meta.url);"),
            ("worker/worker.ts", "import x from \"../server/x.js\";"),
        ] {
            assert_eq!(fault_in(path, &format!("// a line\n{text}\n")), [format!("{path}:2")], "{text}");
        }
    }

    #[test]
    fn a_circle_is_caught_and_what_leads_into_it_is_not() {
        let import = |path: &str, name: &str| file(path, &format!("import type {{ X }} from \"./{name}.ts\";\n"));
        let round = [import("worker/a.ts", "b"), import("worker/b.ts", "c"), import("worker/c.ts", "b")];
        assert_eq!(places(&check(&round)), ["worker/b.ts:1", "worker/c.ts:1"]);
        assert_eq!(places(&check(&round[..2])), [""; 0]);
    }

    #[test]
    fn the_way_down_is_free() {
        for (path, text) in [
            ("demo/main.ts", "import { open } from \"privet\";\nimport { page } from \"./page.js\";"),
            ("web/ts/index.ts", "import type { Call } from \"../../worker/protocol.js\";"),
            ("web/ts/index.ts", "new Worker(new URL(\"./worker.js\", import.meta.url), { type: \"module\" });"),
            ("worker/worker.ts", "import init from \"../web/pkg/privet.js\";\nimport { openDB } from \"idb\";"),
            ("worker/worker.ts", "// from \"../demo/main.js\"\nlog(\"../demo/main.js\");"),
            ("tests/page/a.test.ts", "import \"../../worker/worker.js\";"),
        ] {
            assert_eq!(fault_in(path, text), [""; 0], "{text}");
        }
    }
}
