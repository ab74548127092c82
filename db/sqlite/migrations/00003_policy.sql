-- How a group behaves: one column of JSON, so that a later setting needs no migration. Who may not write, and until when.

-- +goose Up
ALTER TABLE groups ADD COLUMN policy BLOB; -- null: all defaults
ALTER TABLE groups ADD COLUMN lockdown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN lockdown_until INTEGER NOT NULL DEFAULT 0;

ALTER TABLE group_members ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_members ADD COLUMN muted_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_members ADD COLUMN mute_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE group_members ADD COLUMN joined_seq INTEGER NOT NULL DEFAULT 0; -- of the entry that told the last joining
CREATE INDEX group_members_silent ON group_members (group_no, updated_at, member_identity_hash) WHERE present = 1;
