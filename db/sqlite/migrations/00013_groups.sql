-- Several groups on one server: who made which, groups that are going or were there, and people's rows across all groups.

-- +goose Up
ALTER TABLE groups ADD COLUMN creator BLOB;                               -- null: the operator
ALTER TABLE groups ADD COLUMN removed_at INTEGER NOT NULL DEFAULT 0;      -- 1: it was deleted, and is being erased
CREATE INDEX groups_creator ON groups (creator) WHERE creator IS NOT NULL;
CREATE INDEX groups_removed ON groups (removed_at, id);

CREATE INDEX group_members_everywhere ON group_members (member_identity_hash);
CREATE INDEX group_members_addresses ON group_members (member_destination_hash);
CREATE INDEX join_requests_everywhere ON join_requests (identity_hash);
CREATE INDEX join_requests_addresses ON join_requests (destination_hash);
ALTER TABLE invites ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;         -- the one whom it is for has to be told
CREATE INDEX invites_everywhere ON invites (target) WHERE target IS NOT NULL;
CREATE INDEX invites_untold ON invites (group_no, id) WHERE untold = 1;

-- Groups of the operator's that were deleted: groupd.toml does not seed them again.
CREATE TABLE removed_groups (
    id               TEXT    PRIMARY KEY,
    destination_hash BLOB    NOT NULL CHECK (length(destination_hash) = 16),
    by               BLOB,
    removed_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX removed_groups_removed ON removed_groups (removed_at);

-- What was done with whole groups.
CREATE TABLE server_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL,
    by         BLOB,
    action     TEXT    NOT NULL,
    group_id   TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;
