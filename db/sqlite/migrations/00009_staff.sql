-- Invites, who invited whom, memberships that went over to another identity, and posts that were put aside or are being erased.

-- +goose Up
ALTER TABLE group_members ADD COLUMN invited_by BLOB; -- null: nobody
ALTER TABLE group_members ADD COLUMN successor BLOB;  -- who has this membership now; null: nobody
CREATE INDEX group_members_invited ON group_members (group_no, invited_by, member_identity_hash) WHERE invited_by IS NOT NULL;
CREATE INDEX group_members_successor ON group_members (group_no, successor, member_identity_hash) WHERE successor IS NOT NULL;

CREATE TABLE invites (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    group_no   INTEGER NOT NULL REFERENCES groups (no),
    code       BLOB    NOT NULL CHECK (length(code) = 32), -- keyed hash
    by         BLOB,                                       -- null: the operator
    target     BLOB,                                       -- who alone may use it: an identity hash or an address
    role       INTEGER NOT NULL,
    uses       INTEGER NOT NULL,                           -- left
    used       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (group_no, code)
) STRICT;
CREATE INDEX invites_by ON invites (group_no, by, id);
CREATE INDEX invites_target ON invites (group_no, target) WHERE target IS NOT NULL;

-- Invites that were sent to people, in all groups, kept for a week.
CREATE TABLE direct_invites (
    no         INTEGER PRIMARY KEY,
    target     BLOB    NOT NULL CHECK (length(target) = 16),  -- as it was named
    address    BLOB    NOT NULL CHECK (length(address) = 16), -- of target, if that is an identity
    by         BLOB,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX direct_invites_target ON direct_invites (target, created_at);
CREATE INDEX direct_invites_address ON direct_invites (address, created_at);
CREATE INDEX direct_invites_by ON direct_invites (by, created_at);
CREATE INDEX direct_invites_created ON direct_invites (created_at);

-- Who wants no invites, from any group here.
CREATE TABLE invite_blocks (
    identity_hash    BLOB    PRIMARY KEY CHECK (length(identity_hash) = 16),
    destination_hash BLOB    NOT NULL UNIQUE CHECK (length(destination_hash) = 16),
    created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invite_blocks_created ON invite_blocks (created_at);

-- Whose posts are being put aside, put back or erased.
CREATE TABLE erasures (
    group_no      INTEGER NOT NULL REFERENCES groups (no),
    identity_hash BLOB    NOT NULL CHECK (length(identity_hash) = 16),
    kind          INTEGER NOT NULL,
    before        INTEGER NOT NULL, -- a seq
    by            BLOB,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (group_no, identity_hash)
) STRICT, WITHOUT ROWID;

-- What was put aside of a post that everybody sees as deleted.
CREATE TABLE hidden_messages (
    group_no    INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    author      BLOB,
    target      BLOB,
    ref         INTEGER NOT NULL,
    author_time INTEGER NOT NULL,
    message_id  BLOB,
    codec       INTEGER NOT NULL,
    title       BLOB,
    content     BLOB,
    fields      BLOB,
    signed      INTEGER NOT NULL,
    salt        BLOB,
    edited_by   INTEGER NOT NULL,
    pinned      INTEGER NOT NULL,
    emergency   INTEGER NOT NULL,
    original    BLOB,
    PRIMARY KEY (group_no, seq),
    FOREIGN KEY (group_no, seq) REFERENCES group_messages (group_no, seq)
) STRICT;
CREATE INDEX hidden_messages_author ON hidden_messages (group_no, author, seq);
CREATE TABLE hidden_reactions (
    group_no      INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    identity_hash BLOB    NOT NULL CHECK (length(identity_hash) = 16),
    text          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (group_no, seq, identity_hash, text),
    FOREIGN KEY (group_no, seq) REFERENCES group_messages (group_no, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX hidden_reactions_identity ON hidden_reactions (group_no, identity_hash);

ALTER TABLE group_messages ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
-- Events that hold a member's name, and reactions by who gave them: for who wants to be forgotten.
CREATE INDEX group_messages_personal ON group_messages (group_no, author, seq) WHERE deleted = 0 AND kind IN (4, 9);
CREATE INDEX reactions_identity ON reactions (group_no, identity_hash);
