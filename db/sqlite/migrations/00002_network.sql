-- What the network layers must not forget, beside what they keep in Reticulum's own storage folder.

-- +goose Up
-- Signed ratchet files of our own destinations: private keys, kept so that mail which waited long can be opened, in the backup too.
CREATE TABLE rns_own_ratchets (
    destination_hash BLOB PRIMARY KEY CHECK (length(destination_hash) = 16),
    file             BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Emission time of the last announce of our own destinations, seconds: the next one must be newer whatever the clock says.
CREATE TABLE rns_last_announced (
    destination_hash BLOB PRIMARY KEY CHECK (length(destination_hash) = 16),
    announced_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages that wait for their author's key. The router bounds their number.
CREATE TABLE lxmf_held (
    no               INTEGER PRIMARY KEY AUTOINCREMENT,
    key              BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
    destination_hash BLOB    NOT NULL,
    source_hash      BLOB    NOT NULL,
    packed           BLOB    NOT NULL,
    method           INTEGER NOT NULL,
    hops             INTEGER NOT NULL,
    received_at      INTEGER NOT NULL
) STRICT;
