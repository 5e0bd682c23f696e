//! Ed25519 over the hash of what is published: who vouches for a round and for a head.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::{Manifest, Mode, Refusal, Round, VERSION, check_version};
use privet_base::{
    Result, cbor,
    cbor::{decode, encode},
    entropy,
};

/// The keys that the application pins: no server can name its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pins {
    /// The leader's identity.
    pub leader: [u8; 32],
    /// The helper's, where there is one.
    pub helper: Option<[u8; 32]>,
}

/// An aggregator's identity: its signing key.
pub struct Identity(SigningKey);

impl Identity {
    /// 32 fresh secret bytes for a key.
    pub fn fresh_seed() -> Result<[u8; 32]> {
        entropy::bytes()
    }

    /// The identity of these 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// What applications pin.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a round's configuration.
    pub fn sign_round(&self, round: &Round) -> [u8; 64] {
        self.0.sign(&statement(Subject::Round, &round.encode())).to_bytes()
    }

    /// Signs a head's manifest.
    pub fn sign_manifest(&self, manifest: &Manifest) -> [u8; 64] {
        self.0.sign(&statement(Subject::Manifest, &manifest.encode())).to_bytes()
    }

    /// Signs what one aggregator says to the other.
    pub fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(&statement(Subject::Message, message)).to_bytes()
    }
}

#[derive(Clone, Copy)]
enum Subject {
    Round,
    Manifest,
    Message,
}

/// Refuses what the other aggregator, `signer`, has not said with this key.
pub fn verify_message(signer: &'static str, message: &[u8], signature: &[u8; 64], key: &[u8; 32]) -> Result<()> {
    check(signer, &statement(Subject::Message, message), signature, key)
}

/// What is signed: what it is, and its hash. A signature over one kind of thing is none over another.
fn statement(subject: Subject, body: &[u8]) -> Vec<u8> {
    let subject: &[u8] = match subject {
        Subject::Round => b"privet round v1\0",
        Subject::Manifest => b"privet head v1\0",
        Subject::Message => b"privet message v1\0",
    };
    [subject, &Sha256::digest(body)].concat()
}

/// Something published, with its signatures. What it holds is read only by verifying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    body: Vec<u8>,
    leader: [u8; 64],
    helper: Option<[u8; 64]>,
}

struct OnWire(u32, Vec<u8>, [u8; 64], Option<[u8; 64]>);
cbor!(OnWire(version, body, leader, helper));

impl Signed {
    /// A round with the signatures over it.
    pub fn round(round: &Round, leader: [u8; 64], helper: Option<[u8; 64]>) -> Self {
        Self { body: round.encode(), leader, helper }
    }

    /// A manifest with the signatures over it.
    pub fn manifest(manifest: &Manifest, leader: [u8; 64], helper: Option<[u8; 64]>) -> Self {
        Self { body: manifest.encode(), leader, helper }
    }

    /// The bytes that are published.
    pub fn encode(&self) -> Vec<u8> {
        let helper = self.helper;
        encode(&OnWire(VERSION, self.body.clone(), self.leader, helper))
    }

    /// Reads the envelope. Nothing in it is to be believed yet.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let OnWire(version, body, leader, helper) = decode(bytes)?;
        check_version(version)?;
        Ok(Self { body, leader, helper })
    }

    /// What was published and the signatures with it, as they came: to be looked at. Nothing in them is to be believed yet.
    pub fn unverified(&self) -> (&[u8], &[u8; 64], Option<&[u8; 64]>) {
        (&self.body, &self.leader, self.helper.as_ref())
    }

    /// The round, if it carries the signatures that its mode needs by the pinned keys.
    pub fn verify_round(&self, pins: &Pins) -> Result<Round> {
        let round = Round::decode(&self.body)?;
        self.verify(Subject::Round, pins, round.mode)?;
        Ok(round)
    }

    /// The manifest of a head, if it carries the signatures that the mode of its round needs by the pinned keys.
    pub fn verify_manifest(&self, pins: &Pins, mode: Mode) -> Result<Manifest> {
        let manifest = Manifest::decode(&self.body)?;
        self.verify(Subject::Manifest, pins, mode)?;
        Ok(manifest)
    }

    fn verify(&self, subject: Subject, pins: &Pins, mode: Mode) -> Result<()> {
        let statement = statement(subject, &self.body);
        check("leader", &statement, &self.leader, &pins.leader)?;
        // A pinned helper is asked for in every mode: else a leader alone could move a task to `device` and fill it.
        if mode == Mode::Split || pins.helper.is_some() {
            let key = pins.helper.ok_or(Refusal::KeyNotPinned { signer: "helper" })?;
            let signature = self.helper.ok_or(Refusal::SignatureMissing { signer: "helper" })?;
            check("helper", &statement, &signature, &key)?;
        }
        Ok(())
    }
}

/// `verify_strict` refuses keys of low order and signatures that others could have made from a valid one.
fn check(signer: &'static str, statement: &[u8], signature: &[u8; 64], key: &[u8; 32]) -> Result<()> {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(statement, &Signature::from_bytes(signature)))
        .map_err(|_| Refusal::SignatureWrong { signer }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operator;

    fn identities() -> (Identity, Identity, Pins) {
        let (leader, helper) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let pins = Pins { leader: leader.public(), helper: Some(helper.public()) };
        (leader, helper, pins)
    }

    fn signed(round: &Round) -> Signed {
        let (leader, helper, _) = identities();
        Signed::round(round, leader.sign_round(round), Some(helper.sign_round(round)))
    }

    #[test]
    fn a_round_that_both_signed_is_read() {
        let round = Round::split_example();
        let bytes = signed(&round).encode();
        let (_, _, pins) = identities();
        assert_eq!(Signed::decode(&bytes).and_then(|signed| signed.verify_round(&pins)), Ok(round));
    }

    #[test]
    fn one_signature_missing_is_refused_with_its_code() {
        let (_, _, pins) = identities();
        let alone = Signed { helper: None, ..signed(&Round::split_example()) };
        assert_eq!(alone.verify_round(&pins), Err(Refusal::SignatureMissing { signer: "helper" }.into()));
        let unpinned = Pins { helper: None, ..pins };
        let both = signed(&Round::split_example());
        assert_eq!(both.verify_round(&unpinned), Err(Refusal::KeyNotPinned { signer: "helper" }.into()));
    }

    #[test]
    fn a_leader_alone_signs_device_mode_unless_a_helper_is_pinned() {
        let (leader, _, pins) = identities();
        let round = Round::example();
        let alone = Signed::round(&round, leader.sign_round(&round), None);
        assert_eq!(alone.verify_round(&Pins { helper: None, ..pins }), Ok(round));
        assert_eq!(alone.verify_round(&pins), Err(Refusal::SignatureMissing { signer: "helper" }.into()));
    }

    #[test]
    fn a_leader_that_changes_what_the_helper_signed_is_refused() {
        let (leader, helper, pins) = identities();
        let agreed = Round::split_example();
        let swapped_key = Operator::new("helper.example", [9; 32]);
        for changed in [
            Round { helper: Some(swapped_key), ..agreed.clone() },
            Round { min_cohort: 2, ..agreed.clone() },
            Round { head: [0; 32], ..agreed.clone() },
        ] {
            let forged = Signed::round(&changed, leader.sign_round(&changed), Some(helper.sign_round(&agreed)));
            assert_eq!(forged.verify_round(&pins), Err(Refusal::SignatureWrong { signer: "helper" }.into()));
        }
    }

    #[test]
    fn a_signature_over_something_else_is_none_over_a_round() {
        let (leader, helper, pins) = identities();
        let round = Round::split_example();
        let manifest = Manifest::example();
        let forged = Signed::round(&round, leader.sign_manifest(&manifest), Some(helper.sign_round(&round)));
        assert_eq!(forged.verify_round(&pins), Err(Refusal::SignatureWrong { signer: "leader" }.into()));
        let mut turned = signed(&round);
        core::mem::swap(&mut turned.leader, turned.helper.as_mut().expect("both signed"));
        assert_eq!(turned.verify_round(&pins), Err(Refusal::SignatureWrong { signer: "leader" }.into()));
    }

    /// Written once more, as `docs/wire-format.md` has it: others sign and verify the same bytes.
    #[test]
    fn what_is_signed_names_its_kind_and_the_bodys_hash() {
        let hash = Sha256::digest(b"body");
        assert_eq!(statement(Subject::Round, b"body"), [b"privet round v1\0".as_slice(), &hash].concat());
        assert_eq!(statement(Subject::Manifest, b"body"), [b"privet head v1\0".as_slice(), &hash].concat());
    }

    #[test]
    fn a_message_is_of_its_signer_and_of_no_other_kind() {
        let (leader, helper, pins) = identities();
        let said = leader.sign_message(b"a batch");
        assert_eq!(verify_message("leader", b"a batch", &said, &pins.leader), Ok(()));
        let round = Round::split_example();
        for (message, signature) in [
            (&b"another batch"[..], said),
            (b"a batch", helper.sign_message(b"a batch")),
            (&round.encode(), leader.sign_round(&round)),
        ] {
            let refused = verify_message("leader", message, &signature, &pins.leader);
            assert_eq!(refused, Err(Refusal::SignatureWrong { signer: "leader" }.into()));
        }
    }

    #[test]
    fn a_manifest_is_signed_by_both() {
        let (leader, helper, pins) = identities();
        let manifest = Manifest::example();
        let both = Signed::manifest(&manifest, leader.sign_manifest(&manifest), Some(helper.sign_manifest(&manifest)));
        let read = Signed::decode(&both.encode()).and_then(|signed| signed.verify_manifest(&pins, Mode::Split));
        assert_eq!(read, Ok(manifest));
        let alone = Signed { helper: None, ..both };
        assert_eq!(
            alone.verify_manifest(&pins, Mode::Split),
            Err(Refusal::SignatureMissing { signer: "helper" }.into())
        );
    }
}
