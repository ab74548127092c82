-- What is said about entries: edits, reactions, pins, reports; and how far retention has come. The index of words is no part of
-- the schema's versions: see search.go.

-- +goose Up
ALTER TABLE groups ADD COLUMN head_oldest_rev INTEGER NOT NULL DEFAULT 0;

ALTER TABLE group_messages ADD COLUMN written INTEGER NOT NULL DEFAULT 0;   -- rev of the last change of the content
ALTER TABLE group_messages ADD COLUMN edited_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_messages ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_messages ADD COLUMN reactions INTEGER NOT NULL DEFAULT 0; -- rows in the table of that name
UPDATE group_messages SET written = rev;
CREATE INDEX group_messages_written ON group_messages (group_no, written);
CREATE INDEX group_messages_edits ON group_messages (group_no, ref, seq) WHERE kind = 3 AND deleted = 0;
CREATE INDEX group_messages_pinned ON group_messages (group_no, seq) WHERE pinned = 1;

CREATE TABLE reactions (
    group_no      INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    identity_hash BLOB    NOT NULL CHECK (length(identity_hash) = 16),
    text          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (group_no, seq, identity_hash, text),
    FOREIGN KEY (group_no, seq) REFERENCES group_messages (group_no, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    group_no      INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    identity_hash BLOB    NOT NULL CHECK (length(identity_hash) = 16),
    reason        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    UNIQUE (group_no, seq, identity_hash),
    FOREIGN KEY (group_no, seq) REFERENCES group_messages (group_no, seq)
) STRICT;
CREATE INDEX reports_identity ON reports (group_no, identity_hash);
