-- Tokens that an upload of this round was accepted with. They are deleted with the round's ids.
CREATE TABLE tokens (
    round INTEGER NOT NULL,
    token BLOB    NOT NULL CHECK (length(token) = 32),
    PRIMARY KEY (round, token)
) STRICT, WITHOUT ROWID;
