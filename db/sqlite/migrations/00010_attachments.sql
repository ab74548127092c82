-- What came with entries. The contents are files beside the database, by hash, each once (db/blobs); attachment_blobs counts how many
-- attachments refer to each, and a row with none says that the file is to be erased.

-- +goose Up
ALTER TABLE group_messages ADD COLUMN attachments INTEGER NOT NULL DEFAULT 0; -- rows in the table of that name

CREATE TABLE attachments (
    group_no INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    author   BLOB    NOT NULL CHECK (length(author) = 16), -- zeros: the operator
    kind     INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    mode     INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    at       INTEGER NOT NULL,           -- offset in the signed original
    held     INTEGER NOT NULL DEFAULT 0, -- set aside: nobody sees them, and a tombstone leaves them
    PRIMARY KEY (group_no, seq, place),
    FOREIGN KEY (group_no, seq) REFERENCES group_messages (group_no, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE attachment_blobs (
    hash BLOB    PRIMARY KEY CHECK (length(hash) = 32),
    size INTEGER NOT NULL,
    refs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_blobs_unused ON attachment_blobs (hash) WHERE refs = 0;

-- Bytes of a member's attachments in a group; of the group, with author x''; of all contents, with group_no 0.
CREATE TABLE attachment_totals (
    group_no INTEGER NOT NULL,
    author   BLOB    NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (group_no, author)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER attachments_added AFTER INSERT ON attachments BEGIN
    INSERT INTO attachment_blobs (hash, size, refs) VALUES (new.hash, new.size, 1) ON CONFLICT (hash) DO UPDATE SET refs = refs + 1;
    INSERT INTO attachment_totals (group_no, author, bytes) VALUES (new.group_no, new.author, new.size), (new.group_no, x'', new.size)
        ON CONFLICT (group_no, author) DO UPDATE SET bytes = bytes + new.size;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachments_removed AFTER DELETE ON attachments BEGIN
    UPDATE attachment_blobs SET refs = refs - 1 WHERE hash = old.hash;
    UPDATE attachment_totals SET bytes = bytes - old.size WHERE group_no = old.group_no AND author IN (old.author, x'');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachment_blobs_added AFTER INSERT ON attachment_blobs BEGIN
    INSERT INTO attachment_totals (group_no, author, bytes) VALUES (0, x'', new.size) ON CONFLICT (group_no, author) DO UPDATE SET bytes = bytes + new.size;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachment_blobs_removed AFTER DELETE ON attachment_blobs BEGIN
    UPDATE attachment_totals SET bytes = bytes - old.size WHERE group_no = 0 AND author = x'';
END;
-- +goose StatementEnd
