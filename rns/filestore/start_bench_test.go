package filestore_test

import (
	"context"
	"encoding/binary"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/ifacetest"
)

// BenchmarkStartWithStoredPaths is how long a transport node with 10,000 stored paths takes from Open to Ready.
func BenchmarkStartWithStoredPaths(b *testing.B) {
	const count = 10000
	dir := b.TempDir()
	s, err := filestore.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	var paths []rns.StoredPath
	var known []rns.KnownDestination
	announces := make(map[rns.PacketHash]rns.StoredAnnounce)
	for i := range count {
		data := make([]byte, 178)
		binary.BigEndian.PutUint64(data, uint64(i)+1)
		p := rns.Packet{PacketType: rns.PacketAnnounce, Data: data}
		binary.BigEndian.PutUint64(p.Destination[:], uint64(i)+1)
		h := p.Hash()
		announces[h] = rns.StoredAnnounce{Hash: h, Raw: p.Append(nil), Interface: "uplink"}
		paths = append(paths, rns.StoredPath{
			Destination: p.Destination, Used: time.Now(), Hops: 3, Expires: time.Now().Add(time.Hour), Randoms: make([]rns.RandomField, 4),
			Interface: rns.HashInterface("uplink"), Announce: h,
		})
		known = append(known, rns.KnownDestination{Destination: p.Destination, PublicKey: [64]byte(data[:64]), Packet: h, AppData: data[148:], Heard: time.Now()})
	}
	ctx := context.Background()
	for _, err := range []error{
		s.SavePaths(ctx, slices.Values(paths)), s.SaveAnnounces(ctx, maps.Values(announces)), s.SaveKnown(ctx, slices.Values(known)),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for range b.N {
		s, err := filestore.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		tr, err := rns.New(rns.Config{TransportEnabled: true, Store: readOnly{s}})
		if err != nil {
			b.Fatal(err)
		}
		if err := tr.AddInterface(ifacetest.NewMedium(ifacetest.Options{}).Port("uplink"), rns.InterfaceOptions{}); err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- tr.Run(ctx) }()
		<-tr.Ready()
		b.StopTimer()
		if n := tr.Stats().Paths; n != count {
			b.Fatalf("%d paths", n)
		}
		cancel()
		<-done
		b.StartTimer()
	}
}

// readOnly saves nothing.
type readOnly struct{ *filestore.Store }

func (readOnly) SaveAnnounces(context.Context, iter.Seq[rns.StoredAnnounce]) error { return nil }
