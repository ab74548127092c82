package rns

import (
	"context"
	"iter"
	"time"
)

// Store keeps what a transport must not forget over a restart. Package filestore keeps it in files, in the layout of
// Reticulum's own storage folder; other engines keep it in a database.
//
// All methods may be called from any goroutine and wait for storage, so transport never calls them from its loop.
// Saving is durable when the method returns nil. Loading what was never saved is no error: it gives nothing.
type Store interface {
	// LoadKnown gives every known destination. Entries that cannot be read are given as errors and do not end the
	// sequence; an error of the store as a whole is the last thing given.
	LoadKnown(ctx context.Context) iter.Seq2[KnownDestination, error]
	// SaveKnown replaces all known destinations, all or none.
	SaveKnown(ctx context.Context, known iter.Seq[KnownDestination]) error

	// LoadRatchet gives the newest ratchet that another destination announced, whatever its age; ok is false when
	// there is none. One that cannot be read is an error.
	LoadRatchet(ctx context.Context, d DestinationHash) (r RemoteRatchet, ok bool, err error)
	// SaveRatchet replaces the ratchet of another destination.
	SaveRatchet(ctx context.Context, d DestinationHash, r RemoteRatchet) error
	// PruneRatchets deletes the ratchets of other destinations that keep refuses, and those that cannot be read.
	PruneRatchets(ctx context.Context, keep func(DestinationHash, RemoteRatchet) bool) error

	// LoadOwnRatchets gives the ratchet file of a destination of ours as [PackOwnRatchets] made it, nil when there is
	// none. The store does not look inside.
	LoadOwnRatchets(ctx context.Context, d DestinationHash) ([]byte, error)
	// SaveOwnRatchets replaces the ratchet file of a destination of ours. It holds private keys.
	SaveOwnRatchets(ctx context.Context, d DestinationHash, file []byte) error

	// LastAnnounced gives the emission time of the last announce of a destination of ours, the zero time when there
	// was none. An announce must be newer than the last one, also when the clock is not: the emission time is the
	// larger of the clock and this plus one second.
	LastAnnounced(ctx context.Context, d DestinationHash) (time.Time, error)
	// SaveLastAnnounced replaces that time; it is kept to the second. It is called before the announce goes out.
	SaveLastAnnounced(ctx context.Context, d DestinationHash, at time.Time) error

	// TableStore is used by transport nodes only.
	TableStore
}

// TableStore keeps the tables of a transport node: what they hold can be learned again, but that takes time. Each Save
// replaces everything, all or nothing. Entries that cannot be read are given as errors and do not end a sequence.
type TableStore interface {
	LoadPaths(ctx context.Context) iter.Seq2[StoredPath, error]
	SavePaths(ctx context.Context, paths iter.Seq[StoredPath]) error

	LoadTunnels(ctx context.Context) iter.Seq2[StoredTunnel, error]
	SaveTunnels(ctx context.Context, tunnels iter.Seq[StoredTunnel]) error

	// LoadAnnounces gives those of the announces wanted that are stored, in any order. A few are wanted at a time, when somebody
	// waits for them.
	LoadAnnounces(ctx context.Context, wanted map[PacketHash]struct{}) iter.Seq2[StoredAnnounce, error]
	// SaveAnnounces stores those that are not stored yet, and deletes all that are not given. One given without Raw was not read
	// since it was stored: if it is there it stays, and else there is nothing to store.
	SaveAnnounces(ctx context.Context, announces iter.Seq[StoredAnnounce]) error

	// LoadPacketHashes gives the packets seen lately, oldest first where the store knows.
	LoadPacketHashes(ctx context.Context) iter.Seq2[PacketHash, error]
	SavePacketHashes(ctx context.Context, hashes iter.Seq[PacketHash]) error

	// LoadBlackholes gives the list of blackholed identities of a source: the zero hash is our own.
	LoadBlackholes(ctx context.Context, source IdentityHash) ([]Blackhole, error)
	SaveBlackholes(ctx context.Context, source IdentityHash, list []Blackhole) error
}

// Use marks of [KnownDestination.Used]. Positive values are the time of last use.
const (
	UsedNever    = 0
	UsedRetained = -1 // remembered on purpose, never cleaned
)

// KnownDestination is what is stored of a destination that announced itself (spec 1 §4.3).
type KnownDestination struct {
	Destination DestinationHash
	// Heard is when its last announce was accepted, by our clock; zero: never.
	Heard time.Time
	// Packet is the hash of that announce; zero: none.
	Packet PacketHash
	// PublicKey is the key it announced.
	PublicKey [PublicKeyLength]byte
	// AppData is that of the announce; nil: none, which is not the same as empty.
	AppData []byte
	// Used is UsedNever, UsedRetained, or the time of last use in Unix seconds.
	Used int64
	// Emitted is the emission time that announce says it has, in Unix seconds by the announcer's clock; 0: unknown.
	Emitted int64
}

// RemoteRatchet is the ratchet that another destination announced last (spec 1 §1.9).
type RemoteRatchet struct {
	Public   [RatchetLength]byte
	Received time.Time // by our clock
}

// RatchetExpiry is how long after reception the ratchet of another destination is used.
const RatchetExpiry = 30 * 24 * time.Hour

// Expired reports whether the ratchet must not be used any more at the time given.
func (r RemoteRatchet) Expired(now time.Time) bool { return !now.Before(r.Received.Add(RatchetExpiry)) }

// StoredPath is a path as it is stored (spec 1 §6.23).
type StoredPath struct {
	Destination DestinationHash
	// Used is when it was learned or used last.
	Used time.Time
	// NextHop is the transport id of the next node, or the destination hash.
	NextHop TruncatedHash
	Hops    int
	Expires time.Time
	// Randoms are the random fields of announces heard, oldest first.
	Randoms []RandomField
	// Interface is the hash of the display string of the interface that leads there.
	Interface InterfaceHash
	// Announce is the hash of the announce that made the path.
	Announce PacketHash
}

// StoredTunnel is a tunnel as it is stored.
type StoredTunnel struct {
	ID TunnelID
	// Interface it was on last; zero: none. Nobody needs it.
	Interface InterfaceHash
	Paths     []StoredPath
	Expires   time.Time
}

// StoredAnnounce is an announce as it was received: hops not counted, no access code.
type StoredAnnounce struct {
	Hash PacketHash
	Raw  []byte
	// Interface is the display string of the interface it was heard on; empty: unknown.
	Interface string
}
