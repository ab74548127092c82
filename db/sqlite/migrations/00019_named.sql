-- Since when a group of the directory has announced its present name: who takes another's name came later, however long he is known.

-- +goose Up
ALTER TABLE heard_groups ADD COLUMN named_at INTEGER NOT NULL DEFAULT 0;
UPDATE heard_groups SET named_at = first_heard;
