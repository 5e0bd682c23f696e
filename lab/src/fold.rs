//! Which users a run may look at. One fold is never tuned on.

use clap::ValueEnum;
use sha2::{Digest, Sha256};

/// The users whose figures a run shows. All of them train the shared head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fold {
    /// Those that may be tuned on.
    Tuning,
    /// Those that are looked at once, at the end.
    HeldOut,
    /// Both.
    All,
}

impl Fold {
    /// Whether the user with this id belongs to it.
    pub fn has(self, id: &str) -> bool {
        let held_out = Sha256::digest(format!("privet-fold:{id}"))[0] % 10 >= 8;
        match self {
            Self::Tuning => !held_out,
            Self::HeldOut => held_out,
            Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_is_in_one_fold_by_the_first_byte_of_a_hash() {
        // As `printf privet-fold:N | sha256sum` says.
        let held_out: Vec<u32> = (1..=20).filter(|id| Fold::HeldOut.has(&id.to_string())).collect();
        assert_eq!(held_out, [2, 6, 10, 13, 16, 17]);
        for id in (1..=20).map(|id| id.to_string()) {
            assert!(Fold::All.has(&id) && Fold::HeldOut.has(&id) != Fold::Tuning.has(&id));
        }
    }
}
