//! The noised sum of a round, drawn once: it is stored and counted before it leaves, and asked for again it is the same.

use privet::{AggregateShare, Closing, Result, noise_sum};

use crate::{
    Refusal,
    counter::Counter,
    store::{Spent, Store, StoredRound},
};

/// This aggregator's sum over a list, with its noise: drawn once, and stored in the transaction that records the list as
/// spent and deletes the sums without noise. The same list has the same bytes ever after, and no other list has any.
pub(crate) async fn noised_sum_once<S: Store>(
    store: &S,
    counter: &Counter,
    stored: &StoredRound,
    closing: &Closing,
) -> Result<Vec<u8>> {
    let (id, round, proposed) = (stored.id, &stored.round, closing.encode());
    let spent = if let Some(spent) = store.spent(id).await? {
        spent
    } else {
        counter.check(store.spent_count().await?)?;
        let numbers: Vec<u32> = closing.batches().iter().map(|batch| batch.number).collect();
        let sum = noise_sum(store.sum(id, round, &numbers).await?, round)?;
        let sum = AggregateShare::new(closing, sum).encode();
        store.spend(id, &Spent { closing: proposed.clone(), sum }).await?
    };
    // A crash may have come between the store and the counter: it is raised before anything leaves.
    counter.raise(store.spent_count().await?)?;
    if spent.closing == proposed { Ok(spent.sum) } else { Err(Refusal::BatchSpent { number: round.number }.into()) }
}
