//! The log of what was sent: every byte of every upload, and what it was answered.

use privet_effects::Result;

use crate::{
    member::Member,
    records::{Sending, read, stored},
};

/// How many sendings are remembered: more than a year's at one a week.
const MOST: usize = 64;

impl Member {
    /// Written before anything leaves; the key to write the answer under.
    pub(crate) async fn log_sending(&self, sending: &Sending) -> Result<String> {
        let prefix = self.key("sent/");
        let keys = self.host.keys(prefix.clone()).await?;
        let last = keys.last().and_then(|key| key[prefix.len()..].parse::<u64>().ok());
        let key = format!("{prefix}{:012}", last.map_or(0, |last| last + 1));
        let oldest = keys.iter().take((keys.len() + 1).saturating_sub(MOST));
        let mut changes = vec![(key.clone(), stored(sending))];
        changes.extend(oldest.map(|key| (key.clone(), None)));
        self.host.write(changes, false).await?;
        Ok(key)
    }

    /// With its answer.
    pub(crate) async fn log_answer(&self, key: String, sending: &Sending) -> Result<()> {
        self.host.write(vec![(key, stored(sending))], false).await
    }

    /// The latest last.
    pub(crate) async fn sendings(&self) -> Result<Vec<Sending>> {
        let mut all = Vec::new();
        for key in self.host.keys(self.key("sent/")).await? {
            all.extend(read(self.host.read(key).await?));
        }
        Ok(all)
    }
}
