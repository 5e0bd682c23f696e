//! Does not build: the twin of `upload_of_noised.rs`, from which it differs by one type.

use privet::{Clipped, Upload, UploadId};

pub fn upload(round: u32, id: UploadId, vector: Clipped) -> Upload {
    Upload::new(round, id, vector)
}

fn main() {}
