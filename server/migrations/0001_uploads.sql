CREATE TABLE uploads (
    task  TEXT    NOT NULL,
    round INTEGER NOT NULL,
    id    BLOB    NOT NULL CHECK (length(id) = 16),
    body  BLOB    NOT NULL,
    PRIMARY KEY (task, round, id)
) STRICT, WITHOUT ROWID;
