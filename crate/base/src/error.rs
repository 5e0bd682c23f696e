//! One error for all crates: what any of them refuses, with its code and its message.

use core::{any::Any, fmt};
use std::sync::Arc;

/// An entry of a crate's own list of what it refuses, its `Refusal`.
///
/// The name of a variant is its code in kebab case. Codes are unique over all lists; `docs/errors.md`, the server's table of
/// statuses and `web/ts/error.ts` list the same ones, and a test holds them equal. Messages carry numbers, never user data.
pub trait Coded: fmt::Display + Send + Sync + 'static {
    /// Stable: TypeScript, problem documents and tests match on this, never on the text.
    fn code(&self) -> &'static str;

    /// The entry itself, where somebody asks for its numbers by [`Error::of`]. A list whose codes are enough says nothing
    /// here: a page's first module weighs less without the identities of types.
    fn entry(&self) -> Option<&dyn Any> {
        None
    }
}

/// Why something is refused or failed: one entry of one crate's list.
///
/// `?` makes it of any crate's `Refusal`, so that no crate has to name the lists of those below it.
#[derive(Clone)]
pub struct Error(Arc<dyn Coded>);

impl Error {
    /// The code, which never changes its meaning.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }

    /// The entry itself with its numbers, if it is of this list and the list gives it.
    pub fn of<Refusal: Coded>(&self) -> Option<&Refusal> {
        self.0.entry()?.downcast_ref()
    }
}

impl<Refusal: Coded> From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self(Arc::new(refusal))
    }
}

/// The same entry with the same numbers: all of them stand in the message.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code() && self.to_string() == other.to_string()
    }
}

impl Eq for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.code())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;

    #[test]
    fn a_code_is_the_name_in_kebab_case() {
        let error = Error::from(Refusal::WireVersion { sent: 3, known: 2 });
        assert_eq!((error.code(), error.to_string()), ("wire-version", "format version 3; this build reads 2".into()));
        assert!(Refusal::CODES.contains(&"wire-version"));
    }

    #[derive(Debug, PartialEq)]
    struct Late(u32);

    impl fmt::Display for Late {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} s too late", self.0)
        }
    }

    impl Coded for Late {
        fn code(&self) -> &'static str {
            "late"
        }

        fn entry(&self) -> Option<&dyn Any> {
            Some(self)
        }
    }

    #[test]
    fn an_entry_is_given_back_where_its_list_gives_it() {
        assert_eq!(Error::from(Late(3)).of(), Some(&Late(3)));
        assert_eq!(Error::from(Late(3)).of::<Refusal>(), None);
        assert_eq!(Error::from(Refusal::WireMalformed).of::<Refusal>(), None, "its code is enough");
    }

    #[test]
    fn errors_are_equal_with_all_their_numbers() {
        let error = Error::from(Refusal::WireVersion { sent: 3, known: 2 });
        assert_eq!(error, Refusal::WireVersion { sent: 3, known: 2 }.into());
        assert_ne!(error, Refusal::WireVersion { sent: 4, known: 2 }.into());
        assert_ne!(error, Refusal::WireMalformed.into());
    }
}
