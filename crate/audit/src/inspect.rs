//! A message as its fields, under the names of `docs/wire-format.md`: for a page that shows what is sent, and for whoever
//! checks the vectors in another language. Reads by the same decoders as everything else, and so refuses what they do.

use privet_aggregate::{AggregateShare, Batch};
use privet_base::{Error, Result};
use privet_release::Upload;
use privet_wire::{Manifest, Mode, Operator, Round, Signed};

/// What stands in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number; the few whole ones that a double could not hold are times far away.
    Number(f64),
    /// A text.
    Text(String),
    /// Bytes: a hash, a key, a signature, a share.
    Bytes(Vec<u8>),
    /// Nothing, where there could be something.
    Nothing,
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// The fields of a message of this kind: `round`, `signed`, `upload`, `batch`, `aggregate-share` or `manifest`. `round`
/// is the configuration that an upload or an aggregate share belongs to; the others have no use for it.
///
/// What is signed is not verified here: that takes pinned keys.
pub fn inspect(kind: &str, bytes: &[u8], round: &[u8]) -> Result<Vec<(&'static str, Value)>> {
    match kind {
        "round" => Ok(of_round(&Round::decode(bytes)?)),
        "signed" => {
            let signed = Signed::decode(bytes)?;
            let (body, leader, helper) = signed.unverified();
            let helper = helper.map(|signature| &signature[..]);
            Ok(vec![("body", body.into()), ("leader", leader[..].into()), ("helper", helper.into())])
        }
        "upload" => {
            let upload = Upload::decode(bytes, &Round::decode(round)?)?;
            let shares = upload.shares().iter().map(|share| share[..].into());
            let names: &[&str] = if shares.len() == 1 { &["entries"] } else { &["leader-share", "helper-share"] };
            let mut fields = vec![("configuration", upload.configuration()[..].into()), ("id", upload.id()[..].into())];
            fields.extend(names.iter().copied().zip(shares));
            Ok(fields)
        }
        "batch" => {
            let batch = Batch::decode(bytes)?;
            Ok(vec![
                ("configuration", batch.configuration[..].into()),
                ("number", batch.number.into()),
                ("ids", batch.ids().as_flattened().into()),
                ("digest", batch.digest()[..].into()),
            ])
        }
        "aggregate-share" => {
            let sum = AggregateShare::decode(bytes, Round::decode(round)?.dimension)?;
            Ok(vec![
                ("configuration", sum.configuration[..].into()),
                ("batches", sum.batches[..].into()),
                ("count", sum.count.into()),
                ("entries", sum.share().to_bytes()[..].into()),
            ])
        }
        "manifest" => {
            let manifest = Manifest::decode(bytes)?;
            Ok(vec![
                ("task", manifest.task.as_str().into()),
                ("round", manifest.round.into()),
                ("head", manifest.head[..].into()),
                ("previous", manifest.previous[..].into()),
                ("count", manifest.count.into()),
            ])
        }
        _ => Err(Error::WireMalformed),
    }
}

fn of_round(round: &Round) -> Vec<(&'static str, Value)> {
    let (leader, helper) = (&round.leader, round.helper.as_ref());
    let mode = match round.mode {
        Mode::Device => "device",
        Mode::Split => "split",
    };
    vec![
        ("hash", round.hash()[..].into()),
        ("task", round.task.as_str().into()),
        ("number", round.number.into()),
        ("mode", mode.into()),
        ("dimension", round.dimension.into()),
        ("clip-norm", round.clip_norm.into()),
        ("grid-scale", round.grid_scale.into()),
        ("noise-multiplier", round.noise_multiplier.into()),
        ("part-multiplier", round.part_multiplier.into()),
        ("min-cohort", round.min_cohort.into()),
        ("n-max", round.n_max.into()),
        ("delta", round.delta.into()),
        ("deadline", (round.deadline_s as f64).into()),
        ("head", round.head[..].into()),
        ("leader", leader.name().into()),
        ("leader-key", leader.sealing_key()[..].into()),
        ("helper", helper.map(Operator::name).into()),
        ("helper-key", helper.map_or(Value::Nothing, |helper| helper.sealing_key()[..].into())),
        ("token-key", round.token_key.as_ref().map(|key| &key[..]).into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use privet_model::{Head, Learner, NewExamples, Schema};
    use privet_release::Contributor;
    use privet_terms::{Policy, Terms};
    use privet_wire::{Identity, Pins, UploadId};

    /// What a device with nothing to say uploads for a round like this one, which has its head.
    fn uploaded(round: Round, id: UploadId) -> (Round, Vec<u8>) {
        let head = Head::starting(Schema::plain(16), 2, 4.0).expect("a plain schema");
        let (bytes, dimension) = (head.encode(), head.parameters().len() as u32);
        let round = Round { head: Head::hash(&bytes), dimension, min_cohort: 100, ..round };
        let [leader, helper] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]));
        let helps = round.helper.is_some();
        let signed = Signed::round(&round, leader.sign_round(&round), helps.then(|| helper.sign_round(&round)));
        let pins = Pins { leader: leader.public(), helper: helps.then(|| helper.public()) };
        let terms = Terms { task: round.task.clone(), pins, policy: Policy::at_once() };
        let mut device = Contributor::new(&terms, &signed.encode(), &bytes, &[]).expect("all fits");
        // A day before the examples' rounds end.
        device.reserve(&[], id, (round.deadline_s - 86_400) * 1000).expect("a full budget");
        device.persisted().expect("it is the next step");
        let fresh = NewExamples::of(&head, &Learner::new(&head), 0);
        let contribution = pollster::block_on(device.contribute(&fresh, || ())).expect("reserved");
        (round, contribution.bytes)
    }

    fn names(fields: &[(&'static str, Value)]) -> Vec<&'static str> {
        fields.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn a_round_is_its_fields_and_an_absent_helper_is_nothing() {
        let split = of_round(&Round::split_example());
        assert!(split.contains(&("min-cohort", Value::Number(100.0))));
        assert!(split.contains(&("helper", Value::Text("helper.example".into()))));
        assert!(of_round(&Round::example()).contains(&("helper-key", Value::Nothing)));
    }

    #[test]
    fn an_upload_is_told_apart_by_its_shares() {
        for (round, shares) in
            [(Round::example(), vec!["entries"]), (Round::split_example(), vec!["leader-share", "helper-share"])]
        {
            let (round, upload) = uploaded(round, [5; 16]);
            let fields = inspect("upload", &upload, &round.encode()).expect("our own bytes");
            assert_eq!(names(&fields), [vec!["configuration", "id"], shares].concat());
            assert_eq!(fields[1].1, Value::Bytes(vec![5; 16]));
            assert_eq!(inspect("upload", &upload, &[]), Err(Error::WireMalformed), "without its round");
        }
    }

    #[test]
    fn what_is_signed_lies_in_an_envelope() {
        let round = Round::example();
        let signed = Signed::round(&round, Identity::from_seed(&[1; 32]).sign_round(&round), None).encode();
        let fields = inspect("signed", &signed, &[]).expect("our own bytes");
        assert_eq!(fields[0], ("body", Value::Bytes(round.encode())));
        assert_eq!(fields[2], ("helper", Value::Nothing));
    }

    #[test]
    fn a_kind_that_there_is_not_is_refused() {
        assert_eq!(inspect("letter", &[], &[]), Err(Error::WireMalformed));
    }
}
