//! Why a request to the helper has no answer, in the words of whoever has to mend it.

use std::{
    error::Error,
    io,
    sync::Mutex,
    time::{Duration, Instant},
};

use hyper_util::client::legacy;

/// How long the same reason is not said again.
const PAUSE: Duration = Duration::from_mins(1);

/// What became of a request that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Nobody takes the connection.
    Down,
    /// It has a certificate that nobody here trusts, or none that fits its name.
    Distrusted,
    /// One side speaks TLS, and the other does not.
    OtherScheme,
    /// The connection ended in the middle.
    Broken,
    /// It took too long.
    Slow,
}

impl Unanswered {
    pub(super) fn of(error: &legacy::Error) -> Self {
        let causes = || std::iter::successors(Some(error as &dyn Error), |error| cause(*error));
        for cause in causes() {
            match cause.downcast_ref::<rustls::Error>() {
                // What is no message of TLS is of another protocol.
                Some(rustls::Error::InvalidMessage(_)) => return Self::OtherScheme,
                Some(_) => return Self::Distrusted,
                None => {}
            }
            // An alert of TLS is no HTTP.
            if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
                return Self::OtherScheme;
            }
        }
        if error.is_connect() { Self::Down } else { Self::Broken }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Down => "the helper is down: nothing takes connections at the address of --helper",
            Self::Distrusted => {
                "the helper's certificate is not trusted: it is of another authority than --helper-ca or the system's, or \
                 of another name"
            }
            Self::OtherScheme => {
                "the helper does not speak what the address of --helper says: it is https here and http there, or the \
                 other way round"
            }
            Self::Broken => "the helper hangs up in the middle of a request",
            Self::Slow => "the helper takes longer than 10 s for an answer",
        }
    }
}

/// The next error within. An [`io::Error`] gives the one in it only if asked in its own way.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

/// Says a reason when it is new, and once a minute.
#[derive(Debug, Default)]
pub(super) struct Telling(Mutex<Option<(Unanswered, Instant)>>);

impl Telling {
    pub(super) fn tell(&self, silence: Unanswered) {
        let mut said = self.0.lock().expect("nobody panics with it");
        if said.is_some_and(|(last, at)| last == silence && at.elapsed() < PAUSE) {
            return;
        }
        *said = Some((silence, Instant::now()));
        tracing::warn!("{}", silence.sentence());
    }
}
