-- Groups of other servers, as heard announcing. They belong to no group here. Times are those by which things expire, but for
-- emitted_at, which is the announcer's.

-- +goose Up
CREATE TABLE heard_groups (
    number        INTEGER PRIMARY KEY, -- the older, the lower
    identity_hash BLOB    NOT NULL UNIQUE CHECK (length(identity_hash) = 16),
    name          TEXT    NOT NULL,
    public        INTEGER NOT NULL,
    joining       INTEGER NOT NULL,
    join_cost     INTEGER NOT NULL,
    post_cost     INTEGER NOT NULL,
    hops          INTEGER NOT NULL,
    interface     TEXT    NOT NULL,
    next_hop      BLOB    CHECK (length(next_hop) = 16), -- null: not known
    emitted_at    INTEGER NOT NULL,
    first_heard   INTEGER NOT NULL,
    last_heard    INTEGER NOT NULL
) STRICT;
