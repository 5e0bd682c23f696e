//! The one place that looks at a clock: it tells rounds what time it is, and how far two clocks may be apart.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use privet::Result;
use tokio::task::JoinSet;

use crate::{Leader, Refusal, peer::Peer, store::Store};

/// How soon a full round is noticed.
const OFTEN: Duration = Duration::from_millis(200);
/// How long a round waits at most after an error: a helper that is down is asked again soon after it is back.
const SELDOM: Duration = Duration::from_secs(5);

/// Clocks that are further apart do not agree on when a round is over.
pub const APART_S: u64 = 60;

/// Where the time comes from: the system, unless told.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// A clock that says what this does, in seconds of Unix time.
    pub fn new(now_s: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_s))
    }

    /// Seconds of Unix time.
    pub fn now_s(&self) -> u64 {
        (self.0)()
    }

    /// Refuses the time of the other aggregator's clock if it is further away than any two clocks need be.
    pub(crate) fn check(&self, theirs_s: u64) -> Result<()> {
        let by_s = self.now_s().abs_diff(theirs_s);
        if by_s <= APART_S { Ok(()) } else { Err(Refusal::ClocksDiffer { by_s }.into()) }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(now_s)
    }
}

/// Seconds of Unix time.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Advances the rounds of all tasks, those that are added later too, until the future is dropped.
pub async fn keep_advancing<S: Store, P: Peer>(leader: Arc<Leader<S, P>>) {
    let mut tasks = JoinSet::new();
    let mut known = BTreeSet::new();
    loop {
        for task in leader.names() {
            if known.insert(task.clone()) {
                tasks.spawn(keep_advancing_task(leader.clone(), task));
            }
        }
        tokio::time::sleep(OFTEN).await;
    }
}

async fn keep_advancing_task<S: Store, P: Peer>(leader: Arc<Leader<S, P>>, task: String) {
    let mut pause = OFTEN;
    loop {
        match leader.advance_round(&task, now_s()).await {
            Ok(()) => pause = OFTEN,
            Err(error) => {
                tracing::warn!(task, %error, "the round does not advance");
                pause = (pause * 2).min(SELDOM);
            }
        }
        tokio::time::sleep(pause).await;
    }
}
