package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/hdlc"
)

// mesh is destinations that somebody else owns, and their announces.
type mesh struct {
	identities []*rns.Identity
	announces  []rns.Packet // as the owner emits them
}

// newMesh makes n destinations.
func newMesh(n int) (*mesh, error) {
	m := &mesh{identities: make([]*rns.Identity, n), announces: make([]rns.Packet, n)}
	for i := range n {
		var err error
		if m.identities[i], err = rns.NewIdentity(rand.Reader); err != nil {
			return nil, err
		}
		random, err := rns.NewRandomField(rand.Reader, time.Now())
		if err != nil {
			return nil, err
		}
		if m.announces[i], err = rns.NewAnnounce(rns.AnnounceContent{
			Identity: m.identities[i], Name: rns.HashName("bench", "mesh"), Random: random, AppData: fmt.Appendf(nil, "node %d", i),
		}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// store writes the first n destinations as Reticulum does: known, with paths over the interface with this display string.
func (m *mesh) store(dir, on string, n int) error {
	s, err := filestore.Open(filepath.Join(dir, "storage"))
	if err != nil {
		return err
	}
	ctx, now := context.Background(), time.Now()
	var known []rns.KnownDestination
	var paths []rns.StoredPath
	var announces []rns.StoredAnnounce
	for i := range n {
		p := m.announces[i]
		raw := p.Append(nil)
		parsed, err := rns.ParsePacket(raw)
		if err != nil {
			return err
		}
		a, err := rns.ParseAnnounce(&parsed)
		if err != nil {
			return err
		}
		known = append(known, rns.KnownDestination{
			Destination: p.Destination, Heard: now, Packet: parsed.Hash(), PublicKey: [rns.PublicKeyLength]byte(m.identities[i].PublicKey()), AppData: a.AppData,
			Emitted: a.Random.Seconds(),
		})
		paths = append(paths, rns.StoredPath{
			Destination: p.Destination, Used: now, NextHop: p.Destination, Hops: 1, Expires: now.Add(7 * 24 * time.Hour), Randoms: []rns.RandomField{a.Random},
			Interface: rns.HashInterface(on), Announce: parsed.Hash(),
		})
		announces = append(announces, rns.StoredAnnounce{Hash: parsed.Hash(), Raw: raw, Interface: on})
	}
	if err := s.SaveKnown(ctx, slices.Values(known)); err != nil {
		return err
	}
	if err := s.SavePaths(ctx, slices.Values(paths)); err != nil {
		return err
	}
	return s.SaveAnnounces(ctx, slices.Values(announces))
}

// wire is the far end of one uplink of a node under test: frames, without a node behind it.
type wire struct {
	conn     net.Conn
	received atomic.Int64 // packets that count
	match    atomic.Pointer[func(*rns.Packet) bool]
	changed  chan struct{} // capacity 1
	ended    sync.WaitGroup
}

// listen opens a port for one uplink.
func listen() (net.Listener, int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	return l, l.Addr().(*net.TCPAddr).Port, nil
}

// accept takes the connection of the node under test.
func accept(l net.Listener) (*wire, error) {
	defer l.Close()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	conn, err := l.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, changed: make(chan struct{}, 1)}
	w.ended.Go(func() {
		d := hdlc.NewDecoder(hdlc.MinPacket, 8192)
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			d.Feed(buf[:n], w.take)
			if err != nil {
				return
			}
		}
	})
	return w, nil
}

func (w *wire) take(packet []byte) {
	match := w.match.Load()
	if match == nil {
		return
	}
	p, err := rns.ParsePacket(packet)
	if err == nil && (*match)(&p) {
		w.received.Add(1)
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

// count starts counting packets that match. match is called from another goroutine.
func (w *wire) count(match func(*rns.Packet) bool) {
	w.match.Store(nil)
	w.received.Store(0)
	w.match.Store(&match)
}

// await waits until n packets were counted, for at most so long, and returns how many there are.
func (w *wire) await(n int64, patience time.Duration) int64 {
	late := time.NewTimer(patience)
	defer late.Stop()
	for w.received.Load() < n {
		select {
		case <-w.changed:
		case <-late.C:
			return w.received.Load()
		}
	}
	return w.received.Load()
}

// send writes packets in one go.
func (w *wire) send(packets ...rns.Packet) error {
	var out []byte
	for _, p := range packets {
		out = hdlc.AppendFrame(out, p.Append(nil))
	}
	_, err := w.conn.Write(out)
	return err
}

func (w *wire) close() {
	w.conn.Close()
	w.ended.Wait()
}
