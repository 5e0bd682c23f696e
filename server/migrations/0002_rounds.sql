-- Tasks that the operator of this aggregator wrote or admitted, and those the other one proposed.
CREATE TABLE tasks (
    hash     TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL,
    text     TEXT    NOT NULL,
    admitted INTEGER NOT NULL
) STRICT;

CREATE TABLE heads (
    task     TEXT    NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    round    INTEGER NOT NULL,
    previous BLOB    NOT NULL,
    count    INTEGER NOT NULL,
    body     BLOB    NOT NULL,
    memory   BLOB    NOT NULL,
    manifest BLOB,
    held     TEXT,
    PRIMARY KEY (task, hash)
) STRICT;

CREATE TABLE current_heads (
    task TEXT PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;

-- state: 0 draft, 1 open, 2 closing, 3 closed, 4 ended. `body` is empty for rounds of the first schema.
CREATE TABLE rounds (
    id            INTEGER PRIMARY KEY,
    task          TEXT    NOT NULL,
    number        INTEGER NOT NULL,
    configuration BLOB    UNIQUE,
    body          BLOB    NOT NULL,
    signed        BLOB,
    state         INTEGER NOT NULL,
    begun_s       INTEGER NOT NULL,
    closing       BLOB,
    sum           BLOB,
    UNIQUE (task, number)
) STRICT;

-- state: 0 filling, 1 sealed, 2 agreed, 3 refused.
CREATE TABLE batches (
    round  INTEGER NOT NULL REFERENCES rounds (id),
    number INTEGER NOT NULL,
    state  INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    digest BLOB,
    sum    BLOB    NOT NULL,
    PRIMARY KEY (round, number)
) STRICT;

-- The first schema kept bodies under rounds that could not close. Those rounds are over: their numbers stay taken, so
-- that no round of the same number is ever another one.
INSERT INTO rounds (task, number, body, state, begun_s) SELECT DISTINCT task, round, x'', 4, 0 FROM uploads;
DROP TABLE uploads;

-- batch: null while a share is held and no batch names it; seed: only then, and only at a helper.
CREATE TABLE uploads (
    round  INTEGER NOT NULL,
    id     BLOB    NOT NULL CHECK (length(id) = 16),
    digest BLOB    NOT NULL CHECK (length(digest) = 32),
    batch  INTEGER,
    seed   BLOB,
    PRIMARY KEY (round, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_batch ON uploads (round, batch);
