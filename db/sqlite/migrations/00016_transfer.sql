-- Exports list the contents of a group's attachments. People who are expected: an imported list of another server's members names them by
-- address, and they become members when their identity appears.

-- +goose Up
CREATE INDEX attachments_contents ON attachments (group_no, hash, size) WHERE held = 0;

CREATE TABLE expected_members (
    group_no     INTEGER NOT NULL REFERENCES groups (no),
    target       BLOB    NOT NULL CHECK (length(target) = 16), -- an identity hash or an address
    display_name TEXT    NOT NULL,
    role         INTEGER NOT NULL,
    mode         INTEGER NOT NULL, -- how he is told what is new
    text_only    INTEGER NOT NULL,
    paused       INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (group_no, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX expected_members_target ON expected_members (target);

-- A group that goes takes what is held for it along.
CREATE INDEX lxmf_held_destination ON lxmf_held (destination_hash);
