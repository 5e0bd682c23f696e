//! Tasks as an operator writes them: TOML, a `[[task]]` each.
//!
//! The fields are those of [`Task`], but that `head` is the path of a head file, from the folder of the tasks' file, and
//! that `dimension` is read from it. `validation` names a file that new heads are tried on; it is this leader's own
//! matter, and no part of the terms.

use std::{
    fs,
    path::{Path, PathBuf},
};

use privet::{Head, hex};
use serde::Deserialize;
use toml::{Table, Value};

use crate::{Task, Validation};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    task: Vec<Table>,
}

/// A task as its operator offers it.
pub struct Offer {
    /// Its terms.
    pub task: Task,
    /// The head that it starts from.
    pub head: Vec<u8>,
    /// What new heads are tried on.
    pub validation: Option<Validation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    file: PathBuf,
    tolerance: f64,
}

/// The tasks of a file. An error names the task, and both numbers where numbers do not fit.
pub fn tasks_from_file(path: &Path) -> Result<Vec<Offer>, String> {
    let text = fs::read_to_string(path).map_err(|cause| format!("{} cannot be read: {cause}", path.display()))?;
    let file: File = toml::from_str(&text).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let tasks = file.task.into_iter().map(|table| {
        let name = table.get("name").and_then(Value::as_str).unwrap_or("without a name").to_owned();
        read(table, folder).map_err(|why| format!("{}: task {name}: {why}", path.display()))
    });
    let tasks: Vec<Offer> = tasks.collect::<Result<_, _>>()?;
    for (place, Offer { task, .. }) in tasks.iter().enumerate() {
        if tasks[..place].iter().any(|before| before.task.name == task.name) {
            return Err(format!("{}: task {} stands there twice", path.display(), task.name));
        }
    }
    Ok(tasks)
}

fn read(mut table: Table, folder: &Path) -> Result<Offer, String> {
    let head = table.get("head").and_then(Value::as_str).ok_or("head has to be the path of a head file")?;
    let head = folder.join(head);
    let head = fs::read(&head).map_err(|cause| format!("{} cannot be read: {cause}", head.display()))?;
    let decoded = Head::decode(&head).map_err(|error| error.to_string())?;
    let dimension = decoded.parameters().len();
    let trial: Option<Trial> = table.remove("validation").map(Value::try_into).transpose().map_err(said)?;
    let validation = trial.map(|trial| Validation::from_file(&folder.join(trial.file), &decoded, trial.tolerance));
    table.insert("head".into(), Value::String(hex(&Head::hash(&head))));
    if table.insert("dimension".into(), Value::Integer(dimension as i64)).is_some() {
        return Err("dimension is the head's and is not to be written".into());
    }
    let task: Task = Value::Table(table).try_into().map_err(said)?;
    task.check().map_err(|error| error.to_string())?;
    Ok(Offer { task, head, validation: validation.transpose()? })
}

fn said(cause: toml::de::Error) -> String {
    cause.message().to_owned()
}

#[cfg(test)]
mod tests {
    use privet::Mode;

    use super::*;

    const TASK: &str = r#"
        [[task]]
        name = "news"
        mode = "split"
        head = "first.head"
        clip_norm = 1.0
        grid_scale = 16384
        noise_multiplier = 4.0
        part_multiplier = 0.25
        min_cohort = 100
        goal = 500
        n_max = 10000
        delta = 1e-6
        epsilon = 1.2
        round_s = 86400
        optimiser = { kind = "adam", rate = 0.01 }
        open = true
    "#;

    fn read_text(text: &str) -> Result<Vec<Offer>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let (_, head) = Task::demo(Mode::Split, 100).expect("the demo's numbers fit");
        fs::write(folder.path().join("first.head"), head).expect("writable");
        let item = |id: &str| format!("{{\"id\":\"{id}\",\"embedding\":{:?}}}", [0.5; 16]);
        let event =
            format!("{{\"person\":\"p\",\"kind\":\"click\",\"item\":{},\"beside\":[{}]}}", item("a"), item("b"));
        fs::write(folder.path().join("public.jsonl"), event).expect("writable");
        let path = folder.path().join("tasks.toml");
        fs::write(&path, text).expect("writable");
        tasks_from_file(&path).map_err(|error| error.replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn a_task_is_read_with_its_head() {
        let tasks = read_text(TASK).expect("it is whole");
        let Offer { task, head, validation } = &tasks[0];
        assert!(validation.is_none());
        assert_eq!((task.name.as_str(), task.goal, task.mode), ("news", 500, Mode::Split));
        assert_eq!(task.first_head(), Ok(Head::hash(head)));
        assert_eq!(Task::read(&task.text()).as_ref(), Ok(task));
        assert_eq!(task.least_round_s, 4 * 60 * 60, "hours, unless told");
        let tried = read_text(&format!("{TASK}\nvalidation = {{ file = \"public.jsonl\", tolerance = 0.1 }}"));
        let tried = tried.expect("it is whole").remove(0);
        assert!(tried.validation.is_some());
        assert_eq!(tried.task.hash(), task.hash(), "what heads are tried on is no part of the terms");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_tasks_name() {
        for (from, to, said) in [
            ("n_max = 10000", "n_max = 1000000", "task news: the round is refused: the reach of the sum is 16"),
            ("goal = 500", "goal = 50", "the goal is 50 and has to be 100 to 10000"),
            ("epsilon = 1.2", "epsilon = 0.2", "and has to be at most 0.2"),
            ("goal = 500", "gaol = 500", "unknown field `gaol`"),
            ("open = true", "", "the token key of a split task is missing"),
            ("\"split\"", "\"splot\"", "mode is splot and has to be device or split"),
            ("first.head", "none.head", "none.head cannot be read"),
            ("goal = 500", "goal = 500\ndimension = 18", "dimension is the head's"),
            (
                "goal = 500",
                "goal = 500\nvalidation = { file = \"public.jsonl\", tolerance = -0.1 }",
                "the tolerance is -0.1 and has to be 0 or more",
            ),
            ("goal = 500", "goal = 500\nvalidation = { file = \"none\", tolerance = 0 }", "none: No such file"),
            ("goal = 500", "goal = 500\nvalidation = { file = \"first.head\" }", "missing field `tolerance`"),
        ] {
            let refused = read_text(&TASK.replace(from, to)).err().expect(to);
            assert!(refused.contains(said), "{refused}");
        }
        let twice = read_text(&[TASK, TASK].concat()).err().expect("twice");
        assert!(twice.contains("task news stands there twice"), "{twice}");
    }
}
