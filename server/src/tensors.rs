//! A head as safetensors: what other tools read and write.
//!
//! The tensors are the parts of the net by the names that the shaders give them, `skip` (f), `w1` (f, h), `b1` (h) and
//! `w2` (h), for f features and h hidden units. Everything else is JSON: in the metadata under `privet`, or beside the file.

use privet::{Descent, Head, Local, Schema};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

/// The settings' name in the metadata.
const SETTINGS: &str = "privet";

/// Everything that a head is beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What items and events look like.
    pub schema: Schema,
    /// How much evidence personalising waits for.
    pub kappa: f32,
    /// How fast people stop looking.
    pub eta: f32,
    /// How a device fine-tunes.
    pub local: Local,
    /// How it makes the gradient that it uploads.
    pub upload: Descent,
    /// What the head was made from.
    #[serde(default)]
    pub facts: String,
}

impl Settings {
    /// Those of a head.
    pub fn of(head: &Head) -> Self {
        let Head { schema, kappa, eta, local, upload, facts, .. } = head.clone();
        Self { schema, kappa, eta, local, upload, facts }
    }
}

/// The tensors of a head, with its settings in the metadata.
pub fn export(head: &Head) -> Result<Vec<u8>, String> {
    let settings = serde_json::to_string(&Settings::of(head)).map_err(|cause| cause.to_string())?;
    let bytes: Vec<u8> = head.parameters().iter().flat_map(|parameter| parameter.to_le_bytes()).collect();
    let mut rest = &bytes[..];
    let mut tensors = Vec::new();
    for (name, shape) in head.shape(0, 0).tensors() {
        let (tensor, after) = rest.split_at(4 * shape.iter().product::<usize>());
        tensors.push((name, TensorView::new(Dtype::F32, shape, tensor).map_err(|cause| cause.to_string())?));
        rest = after;
    }
    let metadata = [(SETTINGS.to_owned(), settings)].into_iter().collect();
    safetensors::serialize(tensors, Some(metadata)).map_err(|cause| cause.to_string())
}

/// The head of these tensors. `settings` go before those in the metadata.
pub fn import(bytes: &[u8], settings: Option<&str>) -> Result<Head, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|cause| format!("no safetensors: {cause}"))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|cause| format!("no safetensors: {cause}"))?;
    let inside = metadata.metadata().as_ref().and_then(|texts| texts.get(SETTINGS));
    let settings = settings.or(inside.map(String::as_str)).ok_or("there are no settings, nor any in the metadata")?;
    let settings: Settings = serde_json::from_str(settings).map_err(|cause| format!("the settings: {cause}"))?;
    settings.schema.check().map_err(|error| error.to_string())?;

    let hidden = match tensor(&tensors, "b1")?.shape() {
        [hidden] => *hidden as u32,
        other => return Err(format!("tensor b1 has the shape {other:?}; one number of hidden units is wanted")),
    };
    let Settings { schema, kappa, eta, local, upload, facts } = settings;
    let start = Head::starting(schema, hidden, kappa)
        .map_err(|error| format!("{error} (tensor b1 has {hidden} hidden units, kappa is {kappa})"))?;
    let wanted = start.shape(0, 0).tensors();
    let mut names = tensors.names();
    names.sort_unstable();
    if let Some(odd) = names.iter().find(|name| wanted.iter().all(|(wanted, _)| wanted != *name)) {
        return Err(format!("tensor {odd} is none of a head's: skip, w1, b1, w2"));
    }
    let mut parameters = Vec::new();
    for (name, shape) in wanted {
        let tensor = tensor(&tensors, name)?;
        if tensor.shape() != shape {
            return Err(format!("tensor {name} has the shape {:?}; the schema and b1 want {shape:?}", tensor.shape()));
        }
        let numbers = numbers(&tensor).map_err(|why| format!("tensor {name} {why}"))?;
        if let Some(place) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(format!("tensor {name} holds {} at {place} of {}", numbers[place], numbers.len()));
        }
        parameters.extend(numbers);
    }
    let head = start.with_parameters(parameters).map_err(|error| error.to_string())?;
    readable(head, (eta, local, upload, facts))
}

/// A head of these settings that has learnt nothing yet but that what is like the user's interests comes first.
pub fn start(settings: &str, hidden: u32) -> Result<Head, String> {
    let Settings { schema, kappa, eta, local, upload, facts } =
        serde_json::from_str(settings).map_err(|cause| format!("the settings: {cause}"))?;
    let head = Head::starting(schema, hidden, kappa).map_err(|error| error.to_string())?;
    readable(head, (eta, local, upload, facts))
}

/// With the rest of its settings. A head that is written is one that can be read.
fn readable(mut head: Head, rest: (f32, Local, Descent, String)) -> Result<Head, String> {
    (head.eta, head.local, head.upload, head.facts) = rest;
    Head::decode(&head.encode()).map_err(|error| error.to_string())
}

fn tensor<'a>(tensors: &SafeTensors<'a>, name: &str) -> Result<TensorView<'a>, String> {
    tensors.tensor(name).map_err(|_| {
        let mut names = tensors.names();
        names.sort_unstable();
        format!("tensor {name} is missing; there are {}: {}", names.len(), names.join(", "))
    })
}

/// The entries as single precision: what is stored in more is rounded, what is stored in less is the same.
fn numbers(tensor: &TensorView) -> Result<Vec<f32>, String> {
    let bytes = tensor.data();
    Ok(match tensor.dtype() {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect(),
        Dtype::BF16 => {
            let widened = |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
            bytes.as_chunks().0.iter().map(widened).collect()
        }
        other => return Err(format!("is of {other:?}; F64, F32, F16 and BF16 are read")),
    })
}

/// IEEE 754's half precision: 1 bit of sign, 5 of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    sign * match (bits >> 10) & 0x1f {
        0 => fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1.0 + fraction) * 2.0_f32.powi(i32::from(exponent) - 15),
    }
}
