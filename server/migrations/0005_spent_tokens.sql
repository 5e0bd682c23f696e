-- A token is of no round: it is one upload's of one round, and no other's of any other, for as long as the store.
CREATE TABLE spent_tokens (
    token  BLOB    NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    round  INTEGER NOT NULL,
    upload BLOB    NOT NULL CHECK (length(upload) = 16)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO spent_tokens (token, round, upload) SELECT token, round, upload FROM tokens;
DROP TABLE tokens;
ALTER TABLE spent_tokens RENAME TO tokens;
