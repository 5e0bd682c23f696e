//! What items and events look like: written by the operator, shipped with the head, obeyed by every device.

use crate::{Refusal, event, profile::layout};
use privet_base::{Result, cbor};

/// The version of the schema that this build reads.
const VERSION: u32 = 1;
/// Names, dense features, attributes and kinds are few: they are part of every head.
const MOST: usize = 64;
/// A normalised feature is cut off here, so that one odd number cannot drown the others.
const CUT: f32 = 4.0;

/// The shape of items and events.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Schema {
    /// The version of this format: 1.
    pub version: u32,
    /// How many numbers an item's embedding has: 16 to 384, a multiple of 4.
    pub embedding: u32,
    /// Numbers that every item carries.
    pub dense: Vec<Dense>,
    /// Names that an item carries none, one or several values of: categories, creator, source.
    pub attributes: Vec<Attribute>,
    /// What a user can do.
    pub kinds: Vec<Kind>,
}
cbor!(Schema { version, embedding, dense, attributes, kinds });

/// A number of an item, and how it is brought to the size of 1: `(x − offset) / scale`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dense {
    /// Its name.
    pub name: String,
    /// What is taken away first.
    pub offset: f32,
    /// What the rest is divided by.
    pub scale: f32,
}
cbor!(Dense { name, offset, scale });

/// A named attribute, and what the population does with its values.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// How often, over all users, an item that was shown was chosen: what a device's own counters are shrunk to.
    pub rate: f32,
    /// How many events that population's rate weighs as much as.
    pub strength: f32,
}
cbor!(Attribute { name, rate, strength });

/// A kind of event.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Kind {
    /// Its name: impression, click, dwell, like, forward, save, purchase, dismiss, hide …
    pub name: String,
    /// From −1 (speaks against the item) over 0 (it was shown, and no more) to 1 (speaks for it).
    pub label: f32,
    /// How much it counts in training.
    pub weight: f32,
    /// Where the event carries a number (the milliseconds of a dwell): from what number on it counts fully. 0: it
    /// carries none.
    pub full: f32,
}
cbor!(Kind { name, label, weight, full });

impl Schema {
    /// How many features an item has: dense numbers, what a profile says of every item, and of each attribute.
    pub fn features(&self) -> usize {
        layout::count(self.dense.len(), self.attributes.len())
    }

    /// A schema of embeddings and four kinds, for a feed that knows no more of its items.
    pub fn plain(embedding: u32) -> Self {
        let kind = |name: &str, label, weight| Kind { name: name.into(), label, weight, full: 0.0 };
        Self {
            version: VERSION,
            embedding,
            dense: Vec::new(),
            attributes: Vec::new(),
            kinds: vec![
                kind("impression", 0.0, 1.0),
                kind("click", 1.0, 1.0),
                kind("like", 1.0, 2.0),
                kind("dismiss", -1.0, 1.0),
            ],
        }
    }

    /// Refuses what no device could obey, with the path of the field.
    pub fn check(&self) -> Result<()> {
        let refuse = |path: String, must: &'static str| Err(Refusal::SchemaRefused { path, must }.into());
        if self.version != VERSION {
            return refuse("version".to_owned(), "1: it is the version of the schema's own format");
        }
        if event::check_embedding_length(self.embedding as usize).is_err() {
            return refuse("embedding".into(), "16 to 384, a multiple of 4");
        }
        let lists = [
            ("dense", self.dense.iter().map(|dense| &dense.name).collect::<Vec<_>>()),
            ("attributes", self.attributes.iter().map(|attribute| &attribute.name).collect()),
            ("kinds", self.kinds.iter().map(|kind| &kind.name).collect()),
        ];
        for (list, names) in lists {
            if names.len() > MOST {
                return refuse(list.into(), "at most 64 long");
            }
            for (i, name) in names.iter().enumerate() {
                if name.is_empty() || name.len() > MOST {
                    return refuse(format!("{list}[{i}].name"), "1 to 64 bytes long");
                }
                if names[..i].contains(name) {
                    return refuse(format!("{list}[{i}].name"), "a name of its own");
                }
            }
        }
        for (i, dense) in self.dense.iter().enumerate() {
            if !dense.offset.is_finite() {
                return refuse(format!("dense[{i}].offset"), "finite");
            }
            if !(dense.scale.is_finite() && dense.scale > 0.0) {
                return refuse(format!("dense[{i}].scale"), "finite and over 0");
            }
        }
        for (i, attribute) in self.attributes.iter().enumerate() {
            if !(attribute.rate > 0.0 && attribute.rate < 1.0) {
                return refuse(format!("attributes[{i}].rate"), "between 0 and 1");
            }
            if !(attribute.strength.is_finite() && attribute.strength > 0.0) {
                return refuse(format!("attributes[{i}].strength"), "finite and over 0");
            }
        }
        for (i, kind) in self.kinds.iter().enumerate() {
            if !(-1.0..=1.0).contains(&kind.label) {
                return refuse(format!("kinds[{i}].label"), "between -1 and 1");
            }
            if !(0.0..=100.0).contains(&kind.weight) {
                return refuse(format!("kinds[{i}].weight"), "between 0 and 100");
            }
            if !(kind.full >= 0.0 && kind.full.is_finite()) {
                return refuse(format!("kinds[{i}].full"), "finite and from 0");
            }
        }
        Ok(())
    }

    /// The place of the kind of that name.
    pub fn kind(&self, name: &str) -> Result<u16> {
        let place = self.kinds.iter().position(|kind| kind.name == name).ok_or(Refusal::EventKindUnknown)?;
        Ok(place as u16)
    }

    /// The place of the attribute of that name.
    pub fn attribute(&self, name: &str) -> Result<u16> {
        let place = self.attributes.iter().position(|attribute| attribute.name == name);
        Ok(place.ok_or(Refusal::AttributeUnknown)? as u16)
    }

    /// A dense number at the size of 1.
    pub(crate) fn normalised(&self, place: usize, number: f32) -> f32 {
        let Dense { offset, scale, .. } = self.dense[place];
        ((number - offset) / scale).clamp(-CUT, CUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_named_by_its_path() {
        let refused = |change: fn(&mut Schema)| {
            let mut schema = Schema::plain(16);
            schema.dense.push(Dense { name: "age".into(), offset: 0.0, scale: 1.0 });
            schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
            assert_eq!(schema.check(), Ok(()));
            change(&mut schema);
            schema.check().expect_err("it was changed for the worse").to_string()
        };
        for (change, message) in [
            (
                (|schema| schema.embedding = 18) as fn(&mut Schema),
                "the schema's embedding has to be 16 to 384, a multiple of 4",
            ),
            (|schema| schema.dense[0].scale = 0.0, "the schema's dense[0].scale has to be finite and over 0"),
            (|schema| schema.dense[0].offset = f32::NAN, "the schema's dense[0].offset has to be finite"),
            (|schema| schema.attributes[0].rate = 1.0, "the schema's attributes[0].rate has to be between 0 and 1"),
            (
                |schema| schema.attributes[0].strength = -1.0,
                "the schema's attributes[0].strength has to be finite and over 0",
            ),
            (|schema| schema.kinds[1].label = 2.0, "the schema's kinds[1].label has to be between -1 and 1"),
            (|schema| schema.kinds[3].weight = f32::NAN, "the schema's kinds[3].weight has to be between 0 and 100"),
            (|schema| schema.kinds[2].full = -1.0, "the schema's kinds[2].full has to be finite and from 0"),
            (|schema| schema.kinds[2].name = "click".into(), "the schema's kinds[2].name has to be a name of its own"),
            (|schema| schema.kinds[2].name.clear(), "the schema's kinds[2].name has to be 1 to 64 bytes long"),
            (|schema| schema.kinds = vec![schema.kinds[0].clone(); 65], "the schema's kinds has to be at most 64 long"),
            (
                |schema| schema.version = 2,
                "the schema's version has to be 1: it is the version of the schema's own format",
            ),
        ] {
            assert_eq!(refused(change), message);
        }
    }

    #[test]
    fn kinds_and_attributes_are_found_by_name() {
        let schema = Schema::plain(16);
        assert_eq!(schema.kind("dismiss"), Ok(3));
        assert_eq!(schema.kind("clack"), Err(Refusal::EventKindUnknown.into()));
        assert_eq!(schema.attribute("topic"), Err(Refusal::AttributeUnknown.into()));
    }
}
