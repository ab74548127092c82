-- What a group was made as, and what members were told of its end.

-- +goose Up
ALTER TABLE groups ADD COLUMN preset TEXT NOT NULL DEFAULT '';
ALTER TABLE groups ADD COLUMN end_told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;
