package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/msgpack"
)

func open(t *testing.T) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(filepath.Join(t.TempDir(), "storage"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hash(b byte) (h rns.DestinationHash) {
	return rns.DestinationHash(bytes.Repeat([]byte{b}, len(h)))
}

// collect loads all known destinations; errors are counted.
func collect(seq iter.Seq2[rns.KnownDestination, error]) (known []rns.KnownDestination, failed int) {
	for k, err := range seq {
		if err != nil {
			failed++
			continue
		}
		known = append(known, k)
	}
	return known, failed
}

// TestKnownDestinationsSurviveARestart holds C-069, C-070.
func TestKnownDestinationsSurviveARestart(t *testing.T) {
	t.Parallel()
	s := open(t)
	want := []rns.KnownDestination{
		{Destination: hash(1), Heard: time.UnixMicro(1700000000123456), Packet: rns.PacketHash{7}, PublicKey: [64]byte{1, 2}, AppData: []byte("name"), Used: rns.UsedNever, Emitted: 1700000000},
		{Destination: hash(2), Heard: time.Unix(1700000001, 0), PublicKey: [64]byte{3}, AppData: nil, Used: rns.UsedRetained},
		{Destination: hash(3), Heard: time.Unix(1700000002, 0), PublicKey: [64]byte{4}, AppData: []byte{}, Used: 1700000100, Emitted: 5},
		{Destination: hash(4), PublicKey: [64]byte{5}},
	}
	must(t, s.SaveKnown(t.Context(), slices.Values(want[:1])))
	must(t, s.SaveKnown(t.Context(), slices.Values(want)))
	again, err := filestore.Open(s.Dir())
	must(t, err)
	got, failed := collect(again.LoadKnown(t.Context()))
	if diff := cmp.Diff(want, got); diff != "" || failed != 0 {
		t.Fatalf("%d failed, %s", failed, diff)
	}
	info, err := os.Stat(filepath.Join(s.Dir(), filestore.FileKnown))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
}

// C-174, I-129: entries of five values, and the old ones of four. Python reads ours in TestTablesMoveBetweenOursAndPython
// (internal/interop).
func TestKnownDestinationsOfTheReferenceAreRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	entry := func(n int) msgpack.Raw {
		fields := []msgpack.Raw{msgpack.Float(1700000000.5), msgpack.Bin(make([]byte, 32)), msgpack.Bin(make([]byte, 64)), msgpack.Nil(), msgpack.Float(1700000300.25)}
		return msgpack.Array(fields[:n]...)
	}
	long := hash(9)
	file := msgpack.Map(
		msgpack.Entry{Key: msgpack.Bin(bytes.Repeat([]byte{1}, 16)), Value: entry(5)},
		msgpack.Entry{Key: msgpack.Bin(bytes.Repeat([]byte{2}, 16)), Value: entry(4)},
		msgpack.Entry{Key: msgpack.Bin(bytes.Repeat([]byte{3}, 15)), Value: entry(5)},
		msgpack.Entry{Key: msgpack.Bin(long[:]), Value: msgpack.Str("no entry")},
		msgpack.Entry{Key: msgpack.Bin(bytes.Repeat([]byte{4}, 16)), Value: msgpack.Array(msgpack.Int(1700000000), msgpack.Bin(make([]byte, 32)), msgpack.Bin(make([]byte, 63)), msgpack.Nil(), msgpack.Int(0))},
	)
	must(t, os.WriteFile(filepath.Join(s.Dir(), filestore.FileKnown), file, 0o600))
	got, failed := collect(s.LoadKnown(t.Context()))
	want := []rns.KnownDestination{
		{Destination: hash(1), Heard: time.UnixMicro(1700000000500000), Used: 1700000300},
		{Destination: hash(2), Heard: time.UnixMicro(1700000000500000)},
	}
	if diff := cmp.Diff(want, got); diff != "" || failed != 3 {
		t.Fatalf("%d failed, want 3; %s", failed, diff)
	}
}

func TestABrokenFileOfKnownDestinationsGivesWhatCanBeReadAndAnError(t *testing.T) {
	t.Parallel()
	s := open(t)
	must(t, s.SaveKnown(t.Context(), slices.Values([]rns.KnownDestination{{Destination: hash(1)}, {Destination: hash(2)}})))
	path := filepath.Join(s.Dir(), filestore.FileKnown)
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, data[:len(data)-3], 0o600))
	got, failed := collect(s.LoadKnown(t.Context()))
	if len(got) != 1 || failed != 1 {
		t.Fatalf("%d read, %d failed", len(got), failed)
	}
}

func TestAnEmptyFolderKnowsNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	if known, failed := collect(s.LoadKnown(t.Context())); len(known)+failed != 0 {
		t.Fatalf("%d known, %d failed", len(known), failed)
	}
	if _, ok, err := s.LoadRatchet(t.Context(), hash(1)); ok || err != nil {
		t.Fatalf("ratchet: %v, %v", ok, err)
	}
	if file, err := s.LoadOwnRatchets(t.Context(), hash(1)); file != nil || err != nil {
		t.Fatalf("own ratchets: %x, %v", file, err)
	}
	if at, err := s.LastAnnounced(t.Context(), hash(1)); !at.IsZero() || err != nil {
		t.Fatalf("announced: %v, %v", at, err)
	}
}

// TestRatchetsOfOthersAreKeptPerDestinationAndPruned holds C-021.
func TestRatchetsOfOthersAreKeptPerDestinationAndPruned(t *testing.T) {
	t.Parallel()
	s := open(t)
	now := time.Unix(1700000000, 0)
	fresh := rns.RemoteRatchet{Public: [32]byte{1}, Received: now.Add(-time.Hour)}
	old := rns.RemoteRatchet{Public: [32]byte{2}, Received: now.Add(-rns.RatchetExpiry)}
	must(t, s.SaveRatchet(t.Context(), hash(1), fresh))
	must(t, s.SaveRatchet(t.Context(), hash(2), old))
	folder := filepath.Join(s.Dir(), filestore.FolderRatchets)
	must(t, os.WriteFile(filepath.Join(folder, hash(3).String()), []byte("garbage"), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "README"), []byte("not ours"), 0o600))

	got, ok, err := s.LoadRatchet(t.Context(), hash(1))
	if diff := cmp.Diff(fresh, got); !ok || err != nil || diff != "" {
		t.Fatalf("%v, %v, %s", ok, err, diff)
	}
	if _, ok, err := s.LoadRatchet(t.Context(), hash(3)); ok || err == nil {
		t.Fatalf("garbage: %v, %v", ok, err)
	}
	must(t, s.PruneRatchets(t.Context(), func(_ rns.DestinationHash, r rns.RemoteRatchet) bool { return !r.Expired(now) }))
	entries, err := os.ReadDir(folder)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{hash(1).String(), "README"}, names); diff != "" {
		t.Fatal(diff)
	}
}

func TestARatchetFileIsWhatTheReferenceWrites(t *testing.T) {
	t.Parallel()
	s := open(t)
	must(t, s.SaveRatchet(t.Context(), hash(1), rns.RemoteRatchet{Public: [32]byte{1}, Received: time.Unix(1700000000, 0)}))
	data, err := os.ReadFile(filepath.Join(s.Dir(), filestore.FolderRatchets, hash(1).String()))
	must(t, err)
	public := [32]byte{1}
	want := msgpack.Map(
		msgpack.Entry{Key: msgpack.Str("ratchet"), Value: msgpack.Bin(public[:])},
		msgpack.Entry{Key: msgpack.Str("received"), Value: msgpack.Float(1700000000)},
	)
	if !bytes.Equal(data, want) {
		t.Fatalf("%x, want %x", data, []byte(want))
	}
}

func TestOwnRatchetsAndAnnounceTimesSurviveARestart(t *testing.T) {
	t.Parallel()
	s := open(t)
	must(t, s.SaveOwnRatchets(t.Context(), hash(1), []byte("file")))
	must(t, s.SaveLastAnnounced(t.Context(), hash(1), time.Unix(1700000000, 999)))
	s, err := filestore.Open(s.Dir())
	must(t, err)
	file, err := s.LoadOwnRatchets(t.Context(), hash(1))
	if string(file) != "file" || err != nil {
		t.Fatalf("%q, %v", file, err)
	}
	at, err := s.LastAnnounced(t.Context(), hash(1))
	if at.Unix() != 1700000000 || err != nil {
		t.Fatalf("%v, %v", at, err)
	}
}

// TestAnIdentityFileIsNeverReplacedOrMadeUp holds C-002, C-003.
func TestAnIdentityFileIsNeverReplacedOrMadeUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity")
	if _, err := filestore.ReadIdentity(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	one, err := rns.LoadIdentity(bytes.Repeat([]byte{1}, 64))
	must(t, err)
	two, err := rns.LoadIdentity(bytes.Repeat([]byte{2}, 64))
	must(t, err)
	must(t, filestore.WriteIdentity(path, one))
	if err := filestore.WriteIdentity(path, two); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("replaced: %v", err)
	}
	got, err := filestore.ReadIdentity(path)
	must(t, err)
	if !got.Equal(one.PublicIdentity) {
		t.Fatal("another identity")
	}
	data, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(data, one.PrivateKey()) {
		t.Fatalf("file holds %x", data)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
	for _, bad := range []int{0, 63, 65} {
		must(t, os.WriteFile(path, make([]byte, bad), 0o600))
		if _, err := filestore.LoadOrCreateIdentity(path, bytes.NewReader(make([]byte, 64))); !errors.Is(err, rns.ErrBadKey) {
			t.Fatalf("file of %d bytes: %v", bad, err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("temporary files are left: %v", entries)
	}
}

func TestThePublicIdentityFileIsRead(t *testing.T) {
	t.Parallel()
	id, err := rns.LoadIdentity(bytes.Repeat([]byte{1}, 64))
	must(t, err)
	path := filepath.Join(t.TempDir(), "public")
	if _, err := filestore.ReadPublicIdentity(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	must(t, os.WriteFile(path, id.PublicKey(), 0o644))
	got, err := filestore.ReadPublicIdentity(path)
	if err != nil || !got.Equal(id.PublicIdentity) {
		t.Fatalf("%v, %v", got, err)
	}
}

// I-131: the file is the 64 bytes of the private key, X25519 first; one of another program is used as it is. rnstatus and rnpath use ours
// in TestStockToolsWorkAgainstGroupd (internal/interop).
func TestTheTransportIdentityStaysTheSame(t *testing.T) {
	t.Parallel()
	s := open(t)
	first, err := s.TransportIdentity(bytes.NewReader(bytes.Repeat([]byte{3}, 64)))
	must(t, err)
	second, err := s.TransportIdentity(bytes.NewReader(nil))
	must(t, err)
	if !first.Equal(second.PublicIdentity) {
		t.Fatal("two transport identities")
	}
	path := filepath.Join(s.Dir(), "transport_identity")
	file, err := os.ReadFile(path)
	must(t, err)
	if len(file) != 64 || !bytes.Equal(file, first.PrivateKey()) {
		t.Fatalf("the file holds %d bytes", len(file))
	}
	theirs := make([]byte, 64) // the identity of spec 3 §4.6
	for i := range theirs {
		theirs[i] = byte(i)
	}
	must(t, os.WriteFile(path, theirs, 0o600))
	id, err := s.TransportIdentity(bytes.NewReader(nil))
	must(t, err)
	if !bytes.Equal(id.PrivateKey(), theirs) {
		t.Fatal("the identity of another program is not used")
	}
}

func TestWhatACrashLeftIsRemoved(t *testing.T) {
	t.Parallel()
	s := open(t)
	left := filepath.Join(s.Dir(), filestore.FolderOwnRatchets, ".new-abc-1")
	must(t, os.WriteFile(left, nil, 0o600))
	_, err := filestore.Open(s.Dir())
	must(t, err)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("still there: %v", err)
	}
}

func TestACancelledSaveChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.SaveKnown(ctx, slices.Values([]rns.KnownDestination{{Destination: hash(1)}})); !errors.Is(err, context.Canceled) {
		t.Fatalf("saved: %v", err)
	}
	if known, failed := collect(s.LoadKnown(t.Context())); len(known)+failed != 0 {
		t.Fatalf("%d known, %d failed", len(known), failed)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte(msgpack.Map(msgpack.Entry{
		Key:   msgpack.Bin(make([]byte, 16)),
		Value: msgpack.Array(msgpack.Float(1), msgpack.Bin(make([]byte, 32)), msgpack.Bin(make([]byte, 64)), msgpack.Nil(), msgpack.Int(-1)),
	})))
	f.Add([]byte(msgpack.Map(msgpack.Entry{Key: msgpack.Str("ratchet"), Value: msgpack.Bin(make([]byte, 32))})))
	f.Fuzz(func(t *testing.T, data []byte) {
		if filestore.DecodeFiles(data) > len(data) {
			t.Fatal("more entries than bytes")
		}
	})
}
