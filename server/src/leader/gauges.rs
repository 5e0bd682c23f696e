//! The metrics of this process: what was counted, and how each task stands now.

use privet::Result;

use super::Leader;
use crate::{metrics::LeaderGauges, peer::Peer, store::Store};

impl<S: Store, P: Peer> Leader<S, P> {
    /// The metrics of this process, as Prometheus reads them.
    pub async fn metrics_text(&self, now_s: u64) -> Result<String> {
        let mut tasks = Vec::new();
        for name in self.names() {
            let served = self.served(&name)?;
            let (versions, current) = self.versions(&name).await?;
            let head = versions.iter().find(|head| head.hash == current).map_or(0, |head| head.round);
            let mut gauges = LeaderGauges { round: 0, uploads: 0, goal: served.task.goal, age_s: 0, head };
            if let Ok(open) = self.open(&name) {
                let begun_s = open.round.deadline_s.saturating_sub(served.task.round_s);
                gauges.round = open.round.number;
                gauges.goal = served.goal(&open.round);
                gauges.uploads = self.store.count(open.id).await?;
                gauges.age_s = now_s.saturating_sub(begun_s);
            }
            tasks.push((name, gauges));
        }
        Ok(self.metrics.text(&tasks))
    }
}
