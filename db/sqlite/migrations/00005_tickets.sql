-- Tickets of messages: a holder of one of ours makes no stamps as long as he trusts in it, so they outlive restarts and restores.

-- +goose Up
-- One row for each of our destinations and somebody it writes with. The router bounds their number.
CREATE TABLE lxmf_tickets (
    delivery_hash    BLOB    NOT NULL CHECK (length(delivery_hash) = 16),
    peer_hash        BLOB    NOT NULL CHECK (length(peer_hash) = 16),
    issued           BLOB    NOT NULL CHECK (length(issued) % 24 = 0), -- ours: each 8 bytes of expiry, a float of Unix seconds, and 16 of ticket
    delivered_at     INTEGER NOT NULL,                                 -- when the peer last had one of them, 0: never
    received_ticket  BLOB    CHECK (length(received_ticket) = 16),     -- the peer's; null: none
    received_expires REAL    NOT NULL,                                 -- Unix seconds
    PRIMARY KEY (delivery_hash, peer_hash)
) STRICT, WITHOUT ROWID;
