//! Which library may be named where, in Rust.

use super::{
    Fault, File,
    lex::{Kind, Language, only, word_places},
    line_of,
};

struct Library {
    words: &'static [&'static str],
    places: &'static [&'static str],
    why: &'static str,
}

const LIBRARIES: &[Library] = &[
    Library { words: &["wgpu"], places: &["crate/gpu/"], why: "the GPU is reached from crate/gpu only" },
    Library {
        words: &["opendp"],
        places: &["crate/mechanism/", "crate/release/src/noise/"],
        why: "noise is drawn and priced in crate/mechanism only",
    },
    Library {
        words: &["wasm_bindgen", "wasm_bindgen_futures", "wasm_bindgen_test", "web_sys", "js_sys"],
        places: &["web/src/", "tests/browser/", "tests/bench/"],
        why: "JavaScript is reached from web/ only",
    },
    Library {
        words: &["axum", "hyper", "reqwest", "tower_http", "http::"],
        places: &["server/", "tests/"],
        why: "HTTP is spoken in server/ only",
    },
];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files.iter().filter(|file| file.has_extension(&["rs"])).flat_map(faults).collect()
}

fn faults(file: &File) -> Vec<Fault> {
    let code = only(&file.text, Language::Rust, &[Kind::Code]);
    let mut faults = Vec::new();
    for library in LIBRARIES.iter().filter(|library| !library.places.iter().any(|place| file.path.starts_with(place))) {
        for word in library.words {
            faults.extend(word_places(&code, word).map(|at| Fault {
                path: file.path.clone(),
                line: line_of(&code, at),
                says: format!("`{}` is named here: {}", word.trim_end_matches(':'), library.why),
            }));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::{file, places};
    use super::*;

    #[test]
    fn each_library_is_caught_outside_its_place() {
        for (word, good) in [
            ("wgpu", "crate/gpu/src/pass.rs"),
            ("opendp", "crate/mechanism/src/lib.rs"),
            ("opendp", "crate/release/src/noise/filter.rs"),
            ("wasm_bindgen", "web/src/lib.rs"),
            ("web_sys", "web/src/lib.rs"),
            ("js_sys", "tests/browser/gpu.rs"),
            ("axum", "server/src/routes.rs"),
            ("reqwest", "tests/rounds/main.rs"),
            ("http", "server/src/routes.rs"),
        ] {
            let text = format!("// a comment\nuse {word}::Thing;\n");
            assert_eq!(
                places(&check(&[file("crate/release/src/clip.rs", &text)])),
                ["crate/release/src/clip.rs:2"],
                "{word}"
            );
            assert_eq!(places(&check(&[file(good, &text)])), [""; 0], "{word}");
        }
    }

    #[test]
    fn comments_texts_and_longer_names_are_not_code() {
        let text = "//! not wgpu\n/// nor `opendp`\nfn f() { g(\"axum\"); no_wgpu(); wgpu_free() }\n";
        assert_eq!(check(&[file("crate/release/src/clip.rs", text)]), []);
    }
}
