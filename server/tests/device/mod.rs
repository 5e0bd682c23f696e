//! What a device sends; every upload is made by a real one, with its ledger and its noise.

use privet::{Backend, Device, Pins, Policy, Terms};

/// An upload to a round of the demo's task, under this id.
pub(crate) fn upload(round: &[u8], head: &[u8], pins: Pins, id: [u8; 16]) -> Vec<u8> {
    let policy = Policy { min_cohort: 2, ..Policy::at_once() };
    let terms = Terms { task: "demo".into(), pins, policy };
    let mut device = Device::new(terms, round, head, &[], Backend::Scalar).expect("the policy admits the demo");
    device.reserve(&[], id, 1000 * device.round().deadline_s - 60_000).expect("a full budget");
    device.persisted().expect("nobody else writes");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match Box::pin(device.contribute()).as_mut().poll(&mut context) {
        std::task::Poll::Ready(contribution) => contribution.expect("reserved").bytes,
        std::task::Poll::Pending => panic!("the twins never wait"),
    }
}
