package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"groupd/rns"
)

const (
	forwardPackets = 20_000
	forwardSize    = 300 // bytes
	forwardWindow  = 256 // packets on their way
	announceBatch  = 8   // announces sent at once, then a pause: both drop what comes faster than they check signatures
	announcePause  = 20 * time.Millisecond
	announceWait   = 20 * time.Second
	secondRound    = 8 * time.Second             // until announces have been sent for the second time, too
	idleTime       = 5 * time.Second             // until a node that has just started has given back what the start took
	settleTime     = secondRound + 4*time.Second // and until a node without traffic has given back what it does not use
	announceCount  = 300
	fewPaths       = 2_000
	manyPaths      = 10_000
	mostPaths      = 100_000
)

// relay is a transport node under test between two uplinks.
type relay struct {
	*sut
	id         rns.IdentityHash
	a, b       *wire
	serving    time.Duration // from the start of the process until it served
	servingCPU float64
}

// launchRelay starts one that has the first paths destinations of the mesh in its tables already.
func (r *run) launchRelay(s side, paths int) (*relay, error) {
	dir := r.folder(fmt.Sprintf("%s-%d", s.name, paths))
	la, pa, err := listen()
	if err != nil {
		return nil, err
	}
	lb, pb, err := listen()
	if err != nil {
		return nil, err
	}
	if paths > 0 {
		if err := r.mesh.store(dir, fmt.Sprintf("TCPInterface[A/127.0.0.1:%d]", pa), paths); err != nil {
			return nil, err
		}
	}
	u, err := s.launch(dir)
	if err != nil {
		return nil, err
	}
	n := &relay{sut: u}
	var started struct {
		ID string `json:"transport_id"`
	}
	if err := u.do("start", args{"dir": dir, "transport": true, "tables": 2 * mostPaths, "uplinks": []args{{"name": "A", "port": pa}, {"name": "B", "port": pb}}}, &started); err != nil {
		return nil, err
	}
	n.serving = time.Since(u.began)
	use, err := u.usage()
	if err != nil {
		return nil, err
	}
	n.servingCPU = use.CPU
	if n.id, err = rns.ParseIdentityHash(started.ID); err != nil {
		return nil, err
	}
	if n.a, err = accept(la); err != nil {
		return nil, err
	}
	if n.b, err = accept(lb); err != nil {
		return nil, err
	}
	var tab struct{ Paths int }
	if err := u.do("tables", nil, &tab); err != nil {
		return nil, err
	}
	if tab.Paths != paths {
		return nil, fmt.Errorf("%s: has %d paths, not %d", s.name, tab.Paths, paths)
	}
	return n, nil
}

func (n *relay) end() {
	n.stop()
	n.a.close()
	n.b.close()
	os.RemoveAll(n.dir)
}

// announce sends announces into A, waits until they have come out of B, and returns the seconds of processor time for each.
func (n *relay) announce(announces []rns.Packet) (float64, error) {
	got := int64(0)
	wanted := make(map[[16]byte]bool, len(announces))
	for _, p := range announces {
		wanted[p.Destination] = true
	}
	n.b.count(func(p *rns.Packet) bool {
		if p.PacketType != rns.PacketAnnounce || !wanted[p.Destination] {
			return false
		}
		delete(wanted, p.Destination)
		return true
	})
	cpu, err := n.cpu(func() error {
		for i := 0; i < len(announces); i += announceBatch {
			if err := n.a.send(announces[i:min(i+announceBatch, len(announces))]...); err != nil {
				return err
			}
			time.Sleep(announcePause)
		}
		if got = n.b.await(int64(len(announces)), announceWait); got < int64(len(announces))*9/10 {
			return fmt.Errorf("%s: rebroadcast %d of %d announces", n.side.name, got, len(announces))
		}
		return nil
	})
	return cpu / float64(max(1, got)), err
}

// learn gives the node announces through A, no faster than it takes them in.
func (n *relay) learn(announces []rns.Packet) error {
	const step = 64
	var known struct{ Paths int }
	if err := n.do("tables", nil, &known); err != nil {
		return err
	}
	before := known.Paths
	for i := 0; i < len(announces); {
		next := min(i+step, len(announces))
		if err := n.a.send(announces[i:next]...); err != nil {
			return err
		}
		for late := time.Now().Add(10 * time.Second); known.Paths < before+next; {
			if time.Now().After(late) {
				return fmt.Errorf("%s: took in %d of %d announces", n.side.name, known.Paths-before, next)
			}
			time.Sleep(time.Millisecond)
			if err := n.do("tables", nil, &known); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

// forward sends packets into A for a destination behind B, a window of them at a time.
func (n *relay) forward(count int) (float64, error) {
	m, err := newMesh(1)
	if err != nil {
		return 0, err
	}
	n.a.count(func(p *rns.Packet) bool { return p.PacketType == rns.PacketAnnounce })
	if err := n.b.send(m.announces[0]); err != nil {
		return 0, err
	}
	if n.a.await(1, 10*time.Second) == 0 {
		return 0, errors.New("no path to forward on")
	}
	to := m.announces[0].Destination
	packets := make([]rns.Packet, count)
	data := make([]byte, count*(forwardSize-rns.HeaderMaxSize))
	if _, err := rand.Read(data); err != nil {
		return 0, err
	}
	for i := range packets {
		size := forwardSize - rns.HeaderMaxSize
		packets[i] = rns.Packet{
			HeaderType: rns.Header2, TransportType: rns.TransportTypeTransport, DestinationType: rns.DestinationSingle, PacketType: rns.PacketData,
			TransportID: n.id, Destination: to, Data: data[i*size : (i+1)*size],
		}
	}
	n.b.count(func(p *rns.Packet) bool { return p.PacketType == rns.PacketData && p.Destination == to })
	return n.cpu(func() error {
		const step = forwardWindow / 4
		for i := 0; i < count; i += step {
			if n.b.await(int64(i-forwardWindow+step), 10*time.Second) < int64(i-forwardWindow+step) {
				break
			}
			if err := n.a.send(packets[i:min(i+step, count)]...); err != nil {
				return err
			}
		}
		if got := n.b.await(int64(count), 10*time.Second); got != int64(count) {
			return fmt.Errorf("%s: forwarded %d of %d packets", n.side.name, got, count)
		}
		return nil
	})
}

// bareRelay measures a node with empty tables.
func (r *run) bareRelay(s side) error {
	n, err := r.launchRelay(s, 0)
	if err != nil {
		return err
	}
	defer n.end()
	time.Sleep(time.Second)
	idle, err := n.usage()
	if err != nil {
		return err
	}
	r.add("idle memory", s, float64(idle.RSS)/1e6)
	return r.profiled(n.sut, "forward", func() error {
		cpu, err := n.forward(forwardPackets * r.scale)
		r.add("forwarded packet", s, cpu/float64(forwardPackets*r.scale)*1e6)
		return err
	})
}

// busyRelay measures a node that has heard of ever more destinations.
func (r *run) busyRelay(s side, counts ...int) error {
	n, err := r.launchRelay(s, 0)
	if err != nil {
		return err
	}
	defer n.end()
	time.Sleep(idleTime)
	idle, err := n.usage()
	if err != nil {
		return err
	}
	heard := 0
	for _, paths := range counts {
		if err := n.learn(r.mesh.announces[heard:paths]); err != nil {
			return err
		}
		switch paths {
		case manyPaths:
			time.Sleep(time.Second) // all have been sent once
		case mostPaths:
			time.Sleep(secondRound)
		}
		heard = min(paths+announceCount*r.scale, len(r.mesh.announces))
		fresh := r.mesh.announces[paths:heard]
		if err := r.profiled(n.sut, fmt.Sprintf("announce-%d", paths), func() error {
			cpu, err := n.announce(fresh)
			r.add(fmt.Sprintf("announce, %d known", paths), s, cpu*1e6)
			return err
		}); err != nil {
			return err
		}
		if paths <= fewPaths {
			continue
		}
		time.Sleep(settleTime)
		use, err := n.usage()
		if err != nil {
			return err
		}
		r.add(fmt.Sprintf("memory per path, of %d", paths), s, float64(use.RSS-idle.RSS)/float64(heard))
		if r.profile != "" && s.name == "ours" {
			if err := n.do("heap", args{"file": filepath.Join(r.profile, fmt.Sprintf("heap-%d.pprof", paths))}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// starting measures how long a node takes to start that knows much already.
func (r *run) starting(s side, paths int) error {
	n, err := r.launchRelay(s, paths)
	if err != nil {
		return err
	}
	r.add(fmt.Sprintf("start with %d paths", paths), s, float64(n.serving.Microseconds())/1e3)
	r.add(fmt.Sprintf("start with %d paths, CPU", paths), s, n.servingCPU*1e3)
	n.end()
	return nil
}
