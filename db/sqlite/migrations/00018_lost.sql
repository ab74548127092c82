-- Attachments whose content did not come with an import: nobody reads it, whoever else may have the same one here, and it counts nowhere.

-- +goose Up
ALTER TABLE attachments ADD COLUMN lost INTEGER NOT NULL DEFAULT 0; -- 1: lost for good

DROP TRIGGER attachments_added;
DROP TRIGGER attachments_removed;
-- +goose StatementBegin
CREATE TRIGGER attachments_added AFTER INSERT ON attachments WHEN new.lost = 0 BEGIN
    INSERT INTO attachment_blobs (hash, size, refs) VALUES (new.hash, new.size, 1) ON CONFLICT (hash) DO UPDATE SET refs = refs + 1;
    INSERT INTO attachment_totals (group_no, author, bytes) VALUES (new.group_no, new.author, new.size), (new.group_no, x'', new.size)
        ON CONFLICT (group_no, author) DO UPDATE SET bytes = bytes + new.size;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachments_removed AFTER DELETE ON attachments WHEN old.lost = 0 BEGIN
    UPDATE attachment_blobs SET refs = refs - 1 WHERE hash = old.hash;
    UPDATE attachment_totals SET bytes = bytes - old.size WHERE group_no = old.group_no AND author IN (old.author, x'');
END;
-- +goose StatementEnd

-- Exports list the contents of a group's attachments, each once.
DROP INDEX attachments_contents;
CREATE INDEX attachments_contents ON attachments (group_no, hash, lost, size) WHERE held = 0;
