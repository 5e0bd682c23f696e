//! `privet head`: head files, looked at, and exchanged with what others train in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use privet::{Schema, hex};
use privet_server::tensors::{self, Settings};
use serde_json::json;

use super::{Done, because, say};

/// Look at a head file; make one of safetensors, and safetensors of one.
#[derive(Subcommand)]
pub(crate) enum Head {
    /// Say what is in a head file.
    Inspect(Inspect),
    /// Write a head's tensors and settings as safetensors.
    Export(Export),
    /// Make a head file of safetensors.
    Import(Import),
    /// Make a head that has learnt nothing yet but that what is like the user's interests comes first.
    Start(Start),
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// The head file.
    head: PathBuf,
    /// Say it as JSON, with every parameter.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Export {
    /// The head file.
    head: PathBuf,
    /// The safetensors to write.
    tensors: PathBuf,
}

#[derive(Args)]
pub(crate) struct Import {
    /// The safetensors: `skip`, `w1`, `b1` and `w2`.
    tensors: PathBuf,
    /// The head file to write.
    head: PathBuf,
    /// The settings as JSON, where they are not those in the metadata of the safetensors.
    #[arg(long)]
    settings: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Start {
    /// The settings as JSON.
    settings: PathBuf,
    /// The head file to write.
    head: PathBuf,
    /// How many hidden units it has.
    #[arg(long, default_value_t = 16)]
    hidden: u32,
}

impl Head {
    pub(crate) fn run(self) -> Done {
        match self {
            Self::Inspect(Inspect { head, json }) => {
                let (bytes, head) = read(&head)?;
                say(if json { as_json(&bytes, &head)? } else { as_text(&bytes, &head) })?;
            }
            Self::Export(Export { head, tensors }) => {
                let (_, head) = read(&head)?;
                write(&tensors, &tensors::export(&head)?)?;
            }
            Self::Import(Import { tensors, head, settings }) => {
                let bytes = fs::read(&tensors).map_err(because(tensors.display()))?;
                let settings = settings.map(|path| fs::read_to_string(&path).map_err(because(path.display())));
                let read = tensors::import(&bytes, settings.transpose()?.as_deref());
                let bytes = read.map_err(because(tensors.display()))?.encode();
                write(&head, &bytes)?;
                say(hex(&privet::Head::hash(&bytes)))?;
            }
            Self::Start(Start { settings, head, hidden }) => {
                let text = fs::read_to_string(&settings).map_err(because(settings.display()))?;
                let read = tensors::start(&text, hidden);
                let bytes = read.map_err(because(settings.display()))?.encode();
                write(&head, &bytes)?;
                say(hex(&privet::Head::hash(&bytes)))?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Done<(Vec<u8>, privet::Head)> {
    let bytes = fs::read(path).map_err(because(path.display()))?;
    let head = privet::Head::decode(&bytes).map_err(because(path.display()))?;
    Ok((bytes, head))
}

fn write(path: &Path, bytes: &[u8]) -> Done {
    fs::write(path, bytes).map_err(because(path.display()))
}

fn as_json(bytes: &[u8], head: &privet::Head) -> Done<String> {
    let tensors: serde_json::Map<_, _> = parts(head)
        .map(|(name, shape, numbers)| (name.to_owned(), json!({ "shape": shape, "numbers": numbers })))
        .collect();
    let hash = hex(&privet::Head::hash(bytes));
    let said = json!({
        "sha256": hash, "bytes": bytes.len(), "parameters": head.parameters().len(), "settings": Settings::of(head),
        "tensors": tensors,
    });
    serde_json::to_string_pretty(&said).map_err(|cause| cause.to_string())
}

fn as_text(bytes: &[u8], head: &privet::Head) -> String {
    let Settings { schema, kappa, eta, local, upload, facts } = Settings::of(head);
    let Schema { embedding, dense, attributes, kinds, version } = schema;
    let mut lines = vec![
        line("sha-256", hex(&privet::Head::hash(bytes))),
        line("bytes", bytes.len()),
        line("made from", if facts.is_empty() { "nothing is said" } else { &facts }),
        line("schema", format!("version {version}, embeddings of {embedding}")),
    ];
    lines.extend(dense.iter().map(|it| line("  dense", format!("{}: (x - {}) / {}", it.name, it.offset, it.scale))));
    lines.extend(
        attributes.iter().map(|it| {
            line("  attribute", format!("{}: rate {}, as strong as {} events", it.name, it.rate, it.strength))
        }),
    );
    lines.extend(kinds.iter().map(|it| {
        let full = if it.full > 0.0 { format!(", full at {}", it.full) } else { String::new() };
        line("  kind", format!("{}: label {}, weight {}{full}", it.name, it.label, it.weight))
    }));
    lines.push(line("parameters", head.parameters().len()));
    lines.extend(parts(head).map(|(name, shape, numbers)| {
        let length = numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        line("  tensor", format!("{name} {shape:?}, of length {length:.4}"))
    }));
    lines.extend([
        line("gate", format!("n / (n + {kappa})")),
        line("examination", format!("1 / place^{eta}")),
        line("fine-tuning", format!("{} steps of {} examples for each event", local.steps, local.batch)),
        line("  net", format!("rate {}, pull {}", local.rate, local.pull)),
        line("  personal", format!("rate {}, pull {}", local.personal_rate, local.personal_pull)),
        line("upload", format!("{} epochs at a rate of {}", upload.epochs, upload.rate)),
    ]);
    lines.join("\n")
}

fn line(name: &str, what: impl std::fmt::Display) -> String {
    format!("{name:<13}{what}")
}

/// The tensors with their names and sizes.
fn parts(head: &privet::Head) -> impl Iterator<Item = (&'static str, Vec<usize>, &[f32])> {
    let mut rest = head.parameters();
    head.shape(0, 0).tensors().into_iter().map(move |(name, shape)| {
        let (numbers, after) = rest.split_at(shape.iter().product());
        rest = after;
        (name, shape, numbers)
    })
}
