-- A token is one upload's: it is reserved before anything is forwarded.
ALTER TABLE tokens ADD COLUMN upload BLOB NOT NULL DEFAULT x'00000000000000000000000000000000' CHECK (length(upload) = 16);
