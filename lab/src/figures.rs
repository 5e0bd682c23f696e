//! Figures as JSON lines, in the form of all figures in `target/figures/`.

use std::{env, fs, path::Path};

use serde_json::json;

/// What was measured so far.
#[derive(Debug)]
pub(crate) struct Figures {
    command: String,
    lines: Vec<String>,
}

impl Figures {
    /// None yet, of this command.
    pub(crate) fn new(command: String) -> Self {
        Self { command, lines: Vec::new() }
    }

    /// Takes a figure in: its id, its value in this unit, and over how many users, seeds or events it was measured.
    pub(crate) fn add(&mut self, id: &str, value: f64, unit: &str, n: usize) {
        let commit = env::var("PRIVET_COMMIT").unwrap_or_else(|_| "unknown".to_owned());
        // Five places are more than the resampling is sure of.
        let value = (value * 1e5).round() / 1e5;
        let line = json!({ "id": id, "value": value, "unit": unit, "n": n, "commit": commit, "command": self.command });
        self.lines.push(format!("{line}\n"));
    }

    /// Writes them all.
    pub(crate) fn write(&self, file: &Path) -> Result<(), String> {
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(file, self.lines.concat()))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_the_agreed_fields() {
        let mut figures = Figures::new("cargo xtask evaluate".to_owned());
        figures.add("leak_hr10", 0.098_765_4, "part", 943);
        let line: serde_json::Value = serde_json::from_str(&figures.lines[0]).expect("it is JSON");
        let keys: Vec<&str> = line.as_object().expect("it is an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["command", "commit", "id", "n", "unit", "value"]);
        assert_eq!(line["value"], 0.09877);
    }
}
