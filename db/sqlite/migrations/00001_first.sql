-- The first schema. It holds what is hard to change later: the generation (in settings), seq, rev, the chain with salted
-- digests, members' public keys and ratchets, and the ids of everything ever accepted.
-- Hashes and keys are blobs of fixed length, times are UTC microseconds (0: none).

-- +goose Up
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
    no                   INTEGER PRIMARY KEY,
    id                   TEXT    NOT NULL UNIQUE,                                  -- joins groupd.toml and this row
    identity_hash        BLOB    NOT NULL UNIQUE CHECK (length(identity_hash) = 16),
    destination_hash     BLOB    NOT NULL UNIQUE CHECK (length(destination_hash) = 16), -- of lxmf.delivery: the address
    identity_public_key  BLOB    NOT NULL,
    identity_private_key BLOB    NOT NULL,
    public               INTEGER NOT NULL,
    public_display_name  TEXT    NOT NULL,
    private_display_name TEXT    NOT NULL,
    topic                TEXT    NOT NULL,
    joining              INTEGER NOT NULL,
    owner                BLOB,                                                     -- who becomes owner when he appears
    rev                  INTEGER NOT NULL,                                         -- of the last change clients see here
    seen_key             BLOB    NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    -- the head: counters of the timeline
    head_seq             INTEGER NOT NULL DEFAULT 0,
    head_rev             INTEGER NOT NULL DEFAULT 0,
    head_deletions       INTEGER NOT NULL DEFAULT 0,
    head_chain           BLOB,
    head_oldest          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE group_members (
    no                      INTEGER PRIMARY KEY,
    group_no                INTEGER NOT NULL REFERENCES groups (no),
    member_identity_hash    BLOB    NOT NULL CHECK (length(member_identity_hash) = 16),
    member_destination_hash BLOB    NOT NULL CHECK (length(member_destination_hash) = 16),
    public_key              BLOB,
    ratchet                 BLOB,
    present                 INTEGER NOT NULL,
    role                    INTEGER NOT NULL,
    permissions             INTEGER NOT NULL,
    display_name            TEXT    NOT NULL,
    skeleton                TEXT    NOT NULL,
    status                  TEXT    NOT NULL,
    rev                     INTEGER NOT NULL,
    created_at              INTEGER NOT NULL, -- joined
    updated_at              INTEGER NOT NULL, -- last heard
    left_at                 INTEGER NOT NULL,
    last_command            INTEGER NOT NULL,
    UNIQUE (group_no, member_identity_hash),
    UNIQUE (group_no, member_destination_hash)
) STRICT;
CREATE INDEX group_members_rev ON group_members (group_no, rev);
CREATE INDEX group_members_skeleton ON group_members (group_no, skeleton);
CREATE INDEX group_members_role ON group_members (group_no, role) WHERE present = 1;
CREATE INDEX group_members_departed ON group_members (group_no, left_at, member_identity_hash) WHERE present = 0;

CREATE TABLE group_messages (
    no          INTEGER PRIMARY KEY,
    group_no    INTEGER NOT NULL REFERENCES groups (no),
    seq         INTEGER NOT NULL,
    rev         INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    author      BLOB,              -- null: the operator
    target      BLOB,
    ref         INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    author_time INTEGER NOT NULL,
    message_id  BLOB,
    codec       INTEGER NOT NULL,
    title       BLOB,
    content     BLOB,
    fields      BLOB,
    signed      INTEGER NOT NULL,
    salt        BLOB,
    digest      BLOB    NOT NULL,
    hash        BLOB    NOT NULL,
    deleted     INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL,
    deleted_by  BLOB,
    UNIQUE (group_no, seq)
) STRICT;
CREATE INDEX group_messages_rev ON group_messages (group_no, rev);
CREATE INDEX group_messages_author ON group_messages (group_no, author, seq) WHERE deleted = 0 AND kind <= 3;
CREATE INDEX group_messages_message_id ON group_messages (group_no, message_id) WHERE message_id IS NOT NULL;

-- The authors' signed originals, apart from the rows that pages read.
CREATE TABLE group_message_originals (
    group_no INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    original BLOB    NOT NULL,
    PRIMARY KEY (group_no, seq),
    FOREIGN KEY (group_no, seq) REFERENCES group_messages (group_no, seq)
) STRICT;

CREATE TABLE join_requests (
    group_no         INTEGER NOT NULL REFERENCES groups (no),
    identity_hash    BLOB    NOT NULL CHECK (length(identity_hash) = 16),
    destination_hash BLOB    NOT NULL CHECK (length(destination_hash) = 16),
    public_key       BLOB,
    ratchet          BLOB,
    display_name     TEXT    NOT NULL,
    greeting         TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    last_command     INTEGER NOT NULL,
    PRIMARY KEY (group_no, identity_hash),
    UNIQUE (group_no, destination_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_banned_identities (
    group_no                INTEGER NOT NULL REFERENCES groups (no),
    target                  BLOB    NOT NULL CHECK (length(target) = 16), -- what was typed: an identity hash or an address
    banned_identity_hash    BLOB,
    banned_destination_hash BLOB,
    display_name            TEXT    NOT NULL,
    banned_by               BLOB,
    reason                  TEXT    NOT NULL,
    kick                    INTEGER NOT NULL,
    created_at              INTEGER NOT NULL,
    expires_at              INTEGER NOT NULL,
    PRIMARY KEY (group_no, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_banned_identities_identity ON group_banned_identities (group_no, banned_identity_hash);
CREATE INDEX group_banned_identities_destination ON group_banned_identities (group_no, banned_destination_hash);

-- Ids of everything ever accepted, commands included. They outlive deletion and retention.
CREATE TABLE seen_ids (
    group_no INTEGER NOT NULL REFERENCES groups (no),
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    PRIMARY KEY (group_no, id)
) STRICT, WITHOUT ROWID;

-- Answers to requests with a client id, kept for a week. group_id is '' for requests that name no group.
CREATE TABLE outcomes (
    group_id      TEXT    NOT NULL,
    identity_hash BLOB    NOT NULL,
    client_id     BLOB    NOT NULL,
    op            TEXT    NOT NULL,
    result        BLOB,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (group_id, identity_hash, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcomes_created ON outcomes (created_at);
CREATE INDEX outcomes_identity ON outcomes (identity_hash, created_at);

CREATE TABLE claim_codes (
    group_no   INTEGER PRIMARY KEY REFERENCES groups (no),
    salt       BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    group_no   INTEGER NOT NULL REFERENCES groups (no),
    created_at INTEGER NOT NULL,
    by         BLOB,
    action     TEXT    NOT NULL,
    target     BLOB,
    detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_log_group ON audit_log (group_no, id);
