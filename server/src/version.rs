//! From a round's mean to the next version of its head: both aggregators compute it, and come to the same bytes.

use privet::{Head, Manifest, Result, Round, optimiser::Memory};

use crate::{Refusal, store::StoredHead, task::Task};

/// The head that the mean over `count` contributions makes of `previous`.
pub(crate) fn next_head(
    task: &Task,
    round: &Round,
    previous: &StoredHead,
    mean: &[f64],
    count: u32,
) -> Result<StoredHead> {
    let head = Head::decode(&previous.body)?;
    let memory = Memory::decode(&previous.memory).ok_or(Refusal::StoreFailed)?;
    let (parameters, memory) = task.optimiser.step(&memory, head.parameters(), mean);
    let body = head.with_parameters(parameters)?.encode();
    Ok(StoredHead {
        hash: Head::hash(&body),
        task: round.task.clone(),
        round: round.number,
        previous: previous.hash,
        count,
        body,
        memory: memory.encode(),
        manifest: None,
        held: None,
    })
}

/// The version that a task begins with.
pub(crate) fn first_head(task: &Task, body: &[u8]) -> StoredHead {
    StoredHead {
        hash: Head::hash(body),
        task: task.name.clone(),
        round: 0,
        previous: [0; 32],
        count: 0,
        body: body.to_vec(),
        memory: Vec::new(),
        manifest: None,
        held: None,
    }
}

/// What both sign of it.
pub(crate) fn manifest_of(head: &StoredHead) -> Manifest {
    let &StoredHead { round, hash, previous, count, .. } = head;
    Manifest { task: head.task.clone(), round, head: hash, previous, count }
}
