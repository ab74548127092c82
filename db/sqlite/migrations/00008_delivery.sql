-- How members are told what is new. Who has the default preferences (fetch) has no row. Durations of preferences are minutes, of
-- airtime microseconds.

-- +goose Up
CREATE TABLE group_deliveries (
    group_no       INTEGER NOT NULL REFERENCES groups (no),
    identity_hash  BLOB    NOT NULL CHECK (length(identity_hash) = 16),
    mode           INTEGER NOT NULL,
    digest_every   INTEGER NOT NULL,
    quiet_from     INTEGER NOT NULL,
    quiet_until    INTEGER NOT NULL,
    utc_offset     INTEGER NOT NULL,
    text_only      INTEGER NOT NULL,
    mentions_only  INTEGER NOT NULL,
    propagation    INTEGER NOT NULL,
    receipts       INTEGER NOT NULL,
    paused         INTEGER NOT NULL,
    -- progress
    cursor         INTEGER NOT NULL, -- a rev
    state          INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    proved_at      INTEGER NOT NULL,
    spent          INTEGER NOT NULL,
    spent_at       INTEGER NOT NULL,
    moved          INTEGER NOT NULL,
    PRIMARY KEY (group_no, identity_hash)
) STRICT, WITHOUT ROWID;

-- Posts that pass quiet hours and shares.
ALTER TABLE group_messages ADD COLUMN emergency INTEGER NOT NULL DEFAULT 0;
