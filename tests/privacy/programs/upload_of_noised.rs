//! Builds: the twin of `upload_of_clipped.rs`, from which it differs by one type.

use privet::{Noised, Upload, UploadId};

pub fn upload(round: u32, id: UploadId, vector: Noised) -> Upload {
    Upload::new(round, id, vector)
}

fn main() {}
