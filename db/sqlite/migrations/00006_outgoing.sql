-- Messages on their way that must survive a restart.

-- +goose Up
-- The router bounds their number and bytes; rows go when the message has arrived or was given up.
CREATE TABLE lxmf_queued (
    no               INTEGER PRIMARY KEY AUTOINCREMENT,
    id               BLOB    NOT NULL UNIQUE CHECK (length(id) = 32),
    source_hash      BLOB    NOT NULL,
    destination_hash BLOB    NOT NULL,
    packed           BLOB    NOT NULL,
    method           INTEGER NOT NULL,
    propagate        INTEGER NOT NULL,
    priority         INTEGER NOT NULL,
    max_stamp_cost   INTEGER NOT NULL,
    public_key       BLOB,
    ratchet          BLOB,
    queued_at        INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX lxmf_queued_by_source ON lxmf_queued (source_hash);
