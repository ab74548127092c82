-- Until when a member is sent nothing; 0: no such time.

-- +goose Up
ALTER TABLE group_deliveries ADD COLUMN paused_until INTEGER NOT NULL DEFAULT 0;
