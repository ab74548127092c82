-- Groups that are formed by invites and then established, and the keys of all groups' epochs.

-- +goose Up
CREATE TABLE circles (
    group_no       INTEGER NOT NULL PRIMARY KEY REFERENCES groups (no) ON DELETE CASCADE,
    until_at       INTEGER NOT NULL, -- until when those invited can answer
    established_at INTEGER NOT NULL  -- 0: it is being formed
) STRICT, WITHOUT ROWID;

CREATE TABLE circle_invitees (
    group_no    INTEGER NOT NULL REFERENCES groups (no) ON DELETE CASCADE,
    who         BLOB    NOT NULL CHECK (length(who) = 16), -- an identity hash or an address
    by          BLOB,                                      -- null: the operator
    state       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    PRIMARY KEY (group_no, who)
) STRICT, WITHOUT ROWID;

-- Keys are secrets: they leave the machine to members, and in a copy of the whole database.
CREATE TABLE epochs (
    group_no   INTEGER NOT NULL REFERENCES groups (no) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    reason     INTEGER NOT NULL,
    seq        INTEGER NOT NULL, -- the newest entry when it began
    rev        INTEGER NOT NULL, -- of its beginning
    created_at INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL, -- when the next one is due; 0: not yet
    PRIMARY KEY (group_no, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX epochs_due ON epochs (ends_at) WHERE ends_at > 0;
