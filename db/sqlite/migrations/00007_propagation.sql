-- What the client of propagation nodes remembers. The router bounds both tables.

-- +goose Up
-- Nodes that were heard, in the order in which they were heard first. Keys and announce data are kept with the known destinations.
CREATE TABLE lxmf_nodes (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    address     BLOB    NOT NULL UNIQUE CHECK (length(address) = 16),
    first_heard INTEGER NOT NULL
) STRICT;

-- Ids of collected messages, so that a copy at another node is not transferred again.
CREATE TABLE lxmf_collected (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB    NOT NULL UNIQUE CHECK (length(id) = 32)
) STRICT;
