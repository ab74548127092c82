package filestore_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/msgpack"
)

func openTables(t *testing.T) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func examplePath(n byte) rns.StoredPath {
	at := time.Unix(1_790_000_000+int64(n), 500_000_000)
	return rns.StoredPath{
		Destination: rns.DestinationHash{n}, Used: at, NextHop: rns.TruncatedHash{n, 1}, Hops: int(n), Expires: at.Add(time.Hour),
		Randoms: []rns.RandomField{{n, 1}, {n, 2}}, Interface: rns.InterfaceHash{n, 2}, Announce: rns.PacketHash{n, 3},
	}
}

// TestTablesOfATransportNodeAreKept: C-174, the files.
func TestTablesOfATransportNodeAreKept(t *testing.T) {
	s, ctx := openTables(t), t.Context()
	paths := []rns.StoredPath{examplePath(1), examplePath(128)}
	tunnels := []rns.StoredTunnel{
		{ID: rns.TunnelID{1}, Interface: rns.InterfaceHash{4}, Paths: paths, Expires: time.Unix(1_790_000_000, 0)},
		{ID: rns.TunnelID{2}, Expires: time.Unix(1_790_000_001, 0)},
	}
	hashes := []rns.PacketHash{{1}, {2}, {3}}
	blackholes := []rns.Blackhole{
		{Identity: rns.IdentityHash{1}, Source: rns.IdentityHash{9}, Until: time.Unix(1_790_000_000, 0), Reason: "spam"},
		{Identity: rns.IdentityHash{2}, Source: rns.IdentityHash{9}},
	}
	for _, err := range []error{
		s.SavePaths(ctx, slices.Values(paths)), s.SaveTunnels(ctx, slices.Values(tunnels)),
		s.SavePacketHashes(ctx, slices.Values(hashes)), s.SaveBlackholes(ctx, rns.IdentityHash{}, blackholes),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := maps.Collect(swap(t, s.LoadPaths(ctx))); len(got) != 2 {
		t.Errorf("%d paths", len(got))
	}
	var gotPaths []rns.StoredPath
	for p, err := range s.LoadPaths(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		gotPaths = append(gotPaths, p)
	}
	if !reflect.DeepEqual(gotPaths, paths) {
		t.Errorf("paths\n%+v\n%+v", gotPaths, paths)
	}
	var gotTunnels []rns.StoredTunnel
	for u, err := range s.LoadTunnels(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		gotTunnels = append(gotTunnels, u)
	}
	if !reflect.DeepEqual(gotTunnels, tunnels) {
		t.Errorf("tunnels\n%+v\n%+v", gotTunnels, tunnels)
	}
	var gotHashes []rns.PacketHash
	for h, err := range s.LoadPacketHashes(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		gotHashes = append(gotHashes, h)
	}
	if !slices.Equal(gotHashes, hashes) {
		t.Errorf("hashes %v", gotHashes)
	}
	if got, err := s.LoadBlackholes(ctx, rns.IdentityHash{}); err != nil || !reflect.DeepEqual(got, blackholes) {
		t.Errorf("blackholes %+v, %v", got, err)
	}
	raw, err := os.ReadFile(filepath.Join(s.Dir(), "destination_table"))
	if err != nil {
		t.Fatal(err)
	}
	list, ok := msgpack.Raw(raw).Array()
	if !ok || len(list) != 2 {
		t.Fatal("no array of paths")
	}
	if fields, ok := list[0].Array(); !ok || len(fields) != 8 || fields[1].Kind() != msgpack.KindFloat || fields[5].Kind() != msgpack.KindArray {
		t.Errorf("path of %d fields", len(fields))
	}
	if raw, err := os.ReadFile(filepath.Join(s.Dir(), "packet_hashlist.raw")); err != nil || len(raw) != 96 {
		t.Error("packet hash list")
	}
}

func swap[T any](t *testing.T, seq func(func(T, error) bool)) func(func(int, T) bool) {
	return func(yield func(int, T) bool) {
		i := 0
		for v, err := range seq {
			if err != nil {
				t.Error(err)
			}
			if !yield(i, v) {
				return
			}
			i++
		}
	}
}

func TestAnnouncesAreStoredOnceAndPruned(t *testing.T) {
	s, ctx := openTables(t), t.Context()
	a := rns.StoredAnnounce{Hash: rns.PacketHash{1}, Raw: []byte("first"), Interface: "TCPInterface[a/b:1]"}
	b := rns.StoredAnnounce{Hash: rns.PacketHash{2}, Raw: []byte("second")}
	if err := s.SaveAnnounces(ctx, slices.Values([]rns.StoredAnnounce{a, b})); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir(), "cache", "announces", "01"+string(bytes.Repeat([]byte("00"), 31)))
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	load := func() map[rns.PacketHash]rns.StoredAnnounce {
		got := make(map[rns.PacketHash]rns.StoredAnnounce)
		for x, err := range s.LoadAnnounces(ctx, map[rns.PacketHash]struct{}{a.Hash: {}, b.Hash: {}, {3}: {}}) {
			if err != nil {
				t.Error(err)
			}
			got[x.Hash] = x
		}
		return got
	}
	if got := load(); !reflect.DeepEqual(got, map[rns.PacketHash]rns.StoredAnnounce{a.Hash: a, b.Hash: b}) {
		t.Errorf("%+v", got)
	}
	unread := []rns.StoredAnnounce{{Hash: a.Hash}, {Hash: rns.PacketHash{3}}} // as of paths that nobody asked for since the start
	if err := s.SaveAnnounces(ctx, slices.Values(unread)); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Error("written again")
	}
	if got := load(); len(got) != 1 {
		t.Errorf("%d left", len(got))
	}
	if err := os.WriteFile(path, []byte{0x92, 0xc4}, 0o600); err != nil { // a crash left half of it
		t.Fatal(err)
	}
	for _, err := range s.LoadAnnounces(ctx, map[rns.PacketHash]struct{}{a.Hash: {}}) {
		if err == nil {
			t.Error("a broken file is no error")
		}
	}
	if err := s.SaveAnnounces(ctx, slices.Values([]rns.StoredAnnounce{a})); err != nil {
		t.Fatal(err)
	}
	if got := load(); len(got) != 1 {
		t.Error("a broken file is not replaced")
	}
}

func TestBrokenTablesAreReportedAndNoMore(t *testing.T) {
	ctx := t.Context()
	good := examplePath(1)
	for _, name := range []string{"destination_table", "tunnels", "packet_hashlist.raw", "blackhole/local"} {
		s := openTables(t)
		if err := errors.Join(s.SavePaths(ctx, slices.Values([]rns.StoredPath{good})),
			s.SaveTunnels(ctx, slices.Values([]rns.StoredTunnel{{ID: rns.TunnelID{1}, Paths: []rns.StoredPath{good}}})),
			s.SavePacketHashes(ctx, slices.Values([]rns.PacketHash{{1}})), s.SaveBlackholes(ctx, rns.IdentityHash{}, []rns.Blackhole{{}})); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(s.Dir(), name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{whole[:len(whole)-1], {0xc1}, bytes.Repeat([]byte{0xdf}, 100), append(bytes.Clone(whole), 0xff)} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for range s.LoadPaths(ctx) {
			}
			for range s.LoadTunnels(ctx) {
			}
			for range s.LoadPacketHashes(ctx) {
			}
			_, _ = s.LoadBlackholes(ctx, rns.IdentityHash{})
		}
		if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
			t.Fatal(err)
		}
		failed := false
		for _, err := range s.LoadPaths(ctx) {
			failed = failed || err != nil
		}
		for _, err := range s.LoadTunnels(ctx) {
			failed = failed || err != nil
		}
		for _, err := range s.LoadPacketHashes(ctx) {
			failed = failed || err != nil
		}
		_, err = s.LoadBlackholes(ctx, rns.IdentityHash{})
		if !failed && err == nil {
			t.Errorf("%s cut short is no error", name)
		}
	}
}

func FuzzTables(f *testing.F) {
	s, err := filestore.Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	paths := []rns.StoredPath{examplePath(1), examplePath(2)}
	if err := errors.Join(s.SavePaths(f.Context(), slices.Values(paths)),
		s.SaveTunnels(f.Context(), slices.Values([]rns.StoredTunnel{{ID: rns.TunnelID{1}, Paths: paths}}))); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"destination_table", "tunnels"} {
		data, err := os.ReadFile(filepath.Join(s.Dir(), name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := filestore.DecodeTables(data); n > 2*len(data)+2 {
			t.Fatalf("%d entries in %d bytes", n, len(data))
		}
	})
}
