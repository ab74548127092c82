// Package filestore keeps the state of a transport in files, in the layout of the storage folder of Reticulum's own
// implementation, so that either can take over the folder of the other (spec 1 §6.23):
//
//	known_destinations           what is known of other destinations
//	ratchets/<destination>       the newest ratchet of another destination
//	transport_identity           the transport identity, 64 raw bytes
//	destination_table, tunnels   the paths of a transport node
//	packet_hashlist.raw          the packets it has seen
//	cache/announces/<hash>       the announces that made the paths
//	blackhole/                   blackholed identities
//
// and, since the reference leaves their place to applications or has nothing like them:
//
//	known_emitted                emission times of the announces in known_destinations
//	own_ratchets/<destination>   the ratchet file of a destination of ours
//	announced/<destination>      when a destination of ours announced itself last
//
// Every file is written to a temporary file, synced, and renamed; then its folder is synced. Files have mode 0600 and
// folders 0700. One process uses a folder at a time.
package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"groupd/rns"
	"groupd/rns/msgpack"
)

// Names in the folder.
const (
	fileKnown             = "known_destinations"
	fileEmitted           = "known_emitted"
	fileTransportIdentity = "transport_identity"
	folderRatchets        = "ratchets"
	folderOwnRatchets     = "own_ratchets"
	folderAnnounced       = "announced"
)

// Limits of what is read, in bytes, whoever wrote it.
const (
	maxKnownFile   = 256 << 20
	maxRatchetFile = 1 << 20
	maxSmallFile   = 4 << 10
)

// Store is a storage folder. It is safe for use by several goroutines, and needs no closing.
type Store struct{ dir string }

var _ rns.Store = (*Store)(nil)

// Open makes the folder and what belongs into it where missing, and removes temporary files that a crash left.
func Open(dir string) (*Store, error) {
	for _, d := range []string{"", folderRatchets, folderOwnRatchets, folderAnnounced} {
		path := filepath.Join(dir, d)
		if err := os.MkdirAll(path, folderMode); err != nil {
			return nil, fmt.Errorf("storage folder: %w", err)
		}
		if err := removeTemporary(path); err != nil {
			return nil, fmt.Errorf("storage folder: %w", err)
		}
	}
	return &Store{dir: dir}, nil
}

// Dir returns the folder.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// LoadRatchet implements [rns.Store].
func (s *Store) LoadRatchet(ctx context.Context, d rns.DestinationHash) (r rns.RemoteRatchet, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return r, false, err
	}
	data, err := readFile(s.path(folderRatchets, d.String()), maxSmallFile)
	if err != nil || data == nil {
		return r, false, err
	}
	if r, err = parseRatchet(data); err != nil {
		return r, false, fmt.Errorf("ratchet of %s: %w", d, err)
	}
	return r, true, nil
}

// SaveRatchet implements [rns.Store].
func (s *Store) SaveRatchet(ctx context.Context, d rns.DestinationHash, r rns.RemoteRatchet) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return writeFile(s.path(folderRatchets, d.String()), packRatchet(r))
}

// PruneRatchets implements [rns.Store]. Files whose name is no destination hash are left alone.
func (s *Store) PruneRatchets(ctx context.Context, keep func(rns.DestinationHash, rns.RemoteRatchet) bool) error {
	entries, err := os.ReadDir(s.path(folderRatchets))
	if err != nil {
		return fmt.Errorf("ratchets: %w", err)
	}
	var failed error
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := rns.ParseDestinationHash(entry.Name())
		if err != nil || !entry.Type().IsRegular() || d.String() != entry.Name() {
			continue
		}
		data, err := readFile(s.path(folderRatchets, entry.Name()), maxSmallFile)
		if err == nil {
			var r rns.RemoteRatchet
			if r, err = parseRatchet(data); err == nil && keep(d, r) {
				continue
			}
		}
		if err := os.Remove(s.path(folderRatchets, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Keys of the ratchet file of another destination (spec 1 §1.9).
const (
	keyRatchet  = "ratchet"
	keyReceived = "received"
)

func packRatchet(r rns.RemoteRatchet) []byte {
	b := msgpack.AppendMap(nil, 2)
	b = msgpack.AppendBin(msgpack.AppendStr(b, keyRatchet), r.Public[:])
	return msgpack.AppendFloat(msgpack.AppendStr(b, keyReceived), unixFloat(r.Received))
}

func parseRatchet(data []byte) (r rns.RemoteRatchet, err error) {
	entries, ok := msgpack.Raw(data).Map()
	if !ok {
		return r, rns.ErrMalformed
	}
	var public []byte
	for _, e := range entries {
		switch name, _ := e.Key.Str(); name {
		case keyRatchet:
			public, _ = e.Value.Bin()
		case keyReceived:
			received, _ := e.Value.Number()
			r.Received = timeOf(received)
		}
	}
	if len(public) != len(r.Public) || r.Received.IsZero() {
		return rns.RemoteRatchet{}, rns.ErrMalformed
	}
	r.Public = [rns.RatchetLength]byte(public)
	return r, nil
}

// LoadOwnRatchets implements [rns.Store].
func (s *Store) LoadOwnRatchets(ctx context.Context, d rns.DestinationHash) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return readFile(s.path(folderOwnRatchets, d.String()), maxRatchetFile)
}

// SaveOwnRatchets implements [rns.Store].
func (s *Store) SaveOwnRatchets(ctx context.Context, d rns.DestinationHash, file []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return writeFile(s.path(folderOwnRatchets, d.String()), file)
}

// LastAnnounced implements [rns.Store].
func (s *Store) LastAnnounced(ctx context.Context, d rns.DestinationHash) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	data, err := readFile(s.path(folderAnnounced, d.String()), maxSmallFile)
	if err != nil || data == nil {
		return time.Time{}, err
	}
	seconds, err := msgpack.NewReader(data).Int()
	if err != nil {
		return time.Time{}, fmt.Errorf("announce time of %s: %w", d, err)
	}
	return time.Unix(seconds, 0), nil
}

// SaveLastAnnounced implements [rns.Store].
func (s *Store) SaveLastAnnounced(ctx context.Context, d rns.DestinationHash, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return writeFile(s.path(folderAnnounced, d.String()), msgpack.AppendInt(nil, at.Unix()))
}

// unixFloat returns Unix seconds as the reference stores times; 0 for the zero time.
func unixFloat(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// timeOf is the reverse, to the microsecond. What can be no time of this protocol is the zero time.
func timeOf(seconds float64) time.Time {
	const latest = 1 << 40
	if !(seconds > 0 && seconds < latest) {
		return time.Time{}
	}
	return time.UnixMicro(int64(seconds * 1e6))
}
