use privet_device::Device;
use privet_wire::UploadId;

use crate::event;

/// Some items are seen, and one is chosen twice: what is known at the second choice makes a gradient.
pub fn browse(device: &mut Device) {
    (0..6).for_each(|axis| device.record(event("impression", axis)).expect("fits"));
    (0..2).for_each(|_| device.record(event("click", 2)).expect("fits"));
}

/// What a device with a full budget uploads under this id, a minute before its round ends.
pub fn contribution(device: &mut Device, id: UploadId) -> Vec<u8> {
    device.reserve(&[], id, 1000 * device.round().deadline_s - 60_000).expect("a full budget");
    device.persisted().expect("nobody else writes");
    pollster::block_on(device.contribute()).expect("reserved").bytes
}
