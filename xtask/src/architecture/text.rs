//! How long a file may be, and no path of one machine.

use super::{Fault, File};

const LONGEST: usize = 600;
/// A comment with these words and a reason, in the first lines, lets a file be longer.
const EXCUSE: &str = "long file:";
const EXCUSE_WITHIN: usize = 15;
const CODE: [&str; 8] = ["rs", "ts", "tsx", "js", "mjs", "wgsl", "css", "html"];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files.iter().filter_map(too_long).chain(files.iter().flat_map(machine_paths)).collect()
}

fn too_long(file: &File) -> Option<Fault> {
    let lines = file.text.lines().count();
    if !file.has_extension(&CODE) || lines <= LONGEST || file.text.lines().take(EXCUSE_WITHIN).any(excuses) {
        return None;
    }
    let says = format!("{lines} lines; {LONGEST} may be, or a comment at the top says `{EXCUSE}` and the reason");
    Some(Fault { path: file.path.clone(), line: lines, says })
}

fn excuses(line: &str) -> bool {
    let comment = ["//", "/*", "*", "<!--"].iter().any(|start| line.trim_start().starts_with(start));
    comment && line.split_once(EXCUSE).is_some_and(|(_, reason)| reason.trim().len() > 10)
}

/// The home folders of users: what is there on one machine is not there on another.
fn machine_paths(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        // Put together here, so that this file does not hold them.
        for top in ["root", "home", "Users"].map(|folder| format!("/{folder}/")) {
            // In `example.org/home/` it is a part of an address.
            let stands_alone =
                |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "./-_~}$".contains(c));
            if line.match_indices(&top).any(|(at, _)| stands_alone(at)) {
                let says = format!("a path under {top} is of one machine only");
                faults.push(Fault { path: file.path.clone(), line: index + 1, says });
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::{file, places};
    use super::*;

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = "x\n".repeat(LONGEST + 1);
        for path in
            ["crate/privet/src/a.rs", "tests/page/a.test.ts", "crate/gpu/shader/a.wgsl", "demo/style.css", "a.mjs"]
        {
            assert_eq!(places(&check(&[file(path, &long)])), [format!("{path}:601")]);
        }
        assert_eq!(check(&[file("docs/a.md", &long), file("a.rs", &"x\n".repeat(LONGEST))]), []);
        let excused = format!("// long file: one table of constants that reads better whole\n{long}");
        assert_eq!(check(&[file("a.rs", &excused)]), []);
        assert_eq!(check(&[file("a.rs", &format!("// long file:\n{long}"))]).len(), 1);
        assert_eq!(
            check(&[file("a.rs", &format!("{}// long file: too late to be read\n{long}", "\n".repeat(15)))]).len(),
            1
        );
    }

    #[test]
    fn a_path_of_one_machine_is_caught() {
        for folder in ["root", "home", "Users"] {
            let text = format!("fine\nopen(\"/{folder}/me/x\")\n");
            assert_eq!(places(&check(&[file("a.md", &text)])), ["a.md:2"]);
            assert_eq!(check(&[file("a.md", &format!("https://example.org/{folder}/x $HOME/{folder}/y"))]), []);
        }
    }
}
