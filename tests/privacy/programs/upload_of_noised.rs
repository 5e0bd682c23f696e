//! Builds: the twin of `upload_of_clipped.rs`, from which it differs by one type.

use privet::{Result, Round, Noised, Upload, UploadId};

pub fn upload(round: &Round, id: UploadId, vector: Noised) -> Result<Upload> {
    Upload::new(round, id, vector)
}

fn main() {}
