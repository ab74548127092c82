package auto

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
)

// Interface looks for peers on all devices that it uses, and makes an interface for each. It carries nothing itself. Make it
// with New.
type Interface struct {
	config Config
	group  netip.Addr

	waiting atomic.Int64 // bytes in the inboxes of peers

	mu      sync.Mutex // never held while waiting
	serving bool
	ready   time.Time // discovery counts from here on
	table   *table
	stats   Stats
}

var _ interfaces.Spawner = (*Interface)(nil)

// Stats is a snapshot of what an Interface did since it was made.
type Stats struct {
	// Links are the devices in use, by name.
	Links []LinkStats
	// Peers there are now.
	Peers int
	// Found counts peers that became interfaces, Refused those that transport refused, and discovery datagrams of those who
	// would be too many.
	Found, Refused uint64
	// Invalid counts discovery datagrams that were no token of this group and their sender, Strangers data of those who are not
	// peers, Duplicates data that had come by another way.
	Invalid, Strangers, Duplicates uint64
	// LastError of a device that could not be used.
	LastError string
}

// LinkStats is a device in use.
type LinkStats struct {
	Device  string
	Address netip.Addr
	Peers   int
	// CarrierLost: our own multicasts do not come back, so nobody else may hear them. A firewall or the hardware does that.
	CarrierLost bool
	// SendError is why the last announcement could not be sent; empty when it could.
	SendError string
}

// Name is the name string of spec 3 §6.1.
func (a *Interface) Name() string { return "AutoInterface[" + a.config.Name + "]" }

// Properties are those of the interfaces made, safe from any goroutine.
func (a *Interface) Properties() interfaces.Properties { return a.config.Options.Properties(kind()) }

// Stats is a snapshot, safe from any goroutine.
func (a *Interface) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Links = nil
	for _, l := range a.table.links {
		n := 0
		for _, k := range a.table.peers {
			if k.link == l && !k.leaving {
				n++
			}
		}
		s.Peers += n
		s.Links = append(s.Links, LinkStats{Device: l.Device, Address: l.Address, Peers: n, CarrierLost: l.lost, SendError: l.sendError})
	}
	slices.SortFunc(s.Links, func(x, y LinkStats) int { return cmp.Compare(x.Device, y.Device) })
	return s
}

// serve is one call of Serve.
type serve struct {
	*Interface
	attach  func(interfaces.Interface) (detach func())
	ctx     context.Context
	peers   sync.WaitGroup
	readers sync.WaitGroup
	ending  bool // guarded by mu: no more peers
}

// Serve announces us on all devices, and makes an interface of each peer that it hears, until ctx ends. Devices may come, go
// and change their address meanwhile; when there is none, it waits for one.
func (a *Interface) Serve(ctx context.Context, attach func(interfaces.Interface) (detach func())) error {
	a.mu.Lock()
	busy := a.serving
	a.serving = true
	a.ready = time.Now().Add(startupWait)
	a.mu.Unlock()
	if busy {
		return interfaces.ErrRunning
	}
	s := &serve{Interface: a, attach: attach, ctx: ctx}
	s.run()
	s.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.table = newTable(a.config.GroupID, a.config.MaxPeers)
	a.serving = false
	return nil
}

// run does what is to be done from time to time, until the end.
func (s *serve) run() {
	announce, jobs, rebind := time.NewTicker(announceInterval), time.NewTicker(jobInterval), time.NewTicker(rebindInterval)
	defer announce.Stop()
	defer jobs.Stop()
	defer rebind.Stop()
	complete := s.adopt()
	if len(s.links()) == 0 {
		s.config.Logger.Warn("no device has a link-local address: waiting for one", "iface", s.Name())
	}
	s.announce()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-announce.C:
			s.announce()
		case <-rebind.C:
			if !complete {
				complete = s.adopt()
			}
		case <-jobs.C:
			complete = s.adopt()
			s.look()
		}
	}
}

// end waits for the peers, whose last words still get out, and closes everything.
func (s *serve) end() {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.peers.Wait()
	}()
	linger := time.NewTimer(2 * interfaces.Linger)
	defer linger.Stop()
	select {
	case <-done:
	case <-linger.C: // some device does not take what is to be sent
	}
	for _, l := range s.links() {
		s.close(l, nil)
	}
	<-done
	s.readers.Wait()
}

// links are those in use.
func (a *Interface) links() []*link {
	a.mu.Lock()
	defer a.mu.Unlock()
	links := make([]*link, 0, len(a.table.links))
	for _, l := range a.table.links {
		links = append(links, l)
	}
	return links
}

// adopt opens what devices have come, and closes what have gone or changed. It is false when one could not be opened.
func (s *serve) adopt() (complete bool) {
	found, err := s.config.Network.Links()
	if err != nil {
		s.failed("listing devices", err)
		return false
	}
	wanted := make(map[string]Link)
	for _, l := range found {
		if s.config.uses(l.Device) {
			l.Address = l.Address.WithZone("")
			wanted[l.Device] = l // of several addresses, the last
		}
	}
	for _, l := range s.links() {
		s.mu.Lock()
		failed := l.failed
		s.mu.Unlock()
		if w, ok := wanted[l.Device]; !ok || w != l.Link || failed {
			s.close(l, errors.New("the device has gone or changed"))
			continue
		}
		delete(wanted, l.Device)
	}
	complete = true
	for _, w := range wanted {
		if err := s.open(w); err != nil {
			s.failed("using "+w.Device, err)
			complete = false
		}
	}
	return complete
}

func (s *serve) failed(what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
	s.mu.Lock()
	news := s.stats.LastError != text
	s.stats.LastError = text
	s.mu.Unlock()
	if news {
		s.config.Logger.Warn("device cannot be used", "iface", s.Name(), "err", text)
	}
}

// open opens the three sockets of a link and starts to read from them.
func (s *serve) open(w Link) error {
	l := &link{Link: w, token: token(s.config.GroupID, w.Address)}
	n := s.config.Network
	var err error
	if l.data, err = n.Listen(w, s.config.DataPort, false); err != nil {
		return err
	}
	if l.unicast, err = n.Listen(w, s.config.DiscoveryPort+1, true); err != nil {
		l.data.Close()
		return err
	}
	if l.group, err = n.ListenGroup(w, s.group, s.config.DiscoveryPort); err != nil {
		l.data.Close()
		l.unicast.Close()
		return err
	}
	s.mu.Lock()
	l.echoed = time.Now()
	s.table.links[w.Device] = l
	s.mu.Unlock()
	s.config.Logger.Debug("device is used", "iface", s.Name(), "device", w.Device, "address", w.Address)
	s.readers.Go(func() { s.read(l, l.group, s.discovered) })
	s.readers.Go(func() { s.read(l, l.unicast, s.discovered) })
	s.readers.Go(func() { s.read(l, l.data, s.received) })
	return nil
}

// close closes the sockets of a link, and ends its peers.
func (s *serve) close(l *link, why error) {
	s.mu.Lock()
	l.failed = true
	if s.table.links[l.Device] == l {
		delete(s.table.links, l.Device)
	}
	gone := s.table.expire(time.Now())
	s.mu.Unlock()
	leave(gone)
	for _, socket := range []Socket{l.data, l.unicast, l.group} {
		socket.Close()
	}
	if why != nil {
		s.config.Logger.Debug("device is not used any more", "iface", s.Name(), "device", l.Device, "err", why)
	}
}

// leave ends peers that were marked as leaving.
func leave(gone []*known) {
	for _, k := range gone {
		close(k.peer.gone)
	}
}

// read hands on datagrams until the socket is closed, or fails: then the link is opened anew at the next look at devices.
func (s *serve) read(l *link, socket Socket, handle func(*link, netip.Addr, []byte)) {
	buf := make([]byte, 2048) // more than a frame
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buf)
		if err != nil {
			s.mu.Lock()
			failed := l.failed
			l.failed = true
			s.mu.Unlock()
			if !failed {
				s.failed("reading on "+l.Device, err)
			}
			return
		}
		handle(l, from.Addr().WithZone(""), buf[:n])
	}
}

// discovered handles a datagram of discovery.
func (s *serve) discovered(l *link, from netip.Addr, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.ready) || l.failed || s.ending {
		return
	}
	switch s.table.discovered(now, l, from, payload) {
	case foundInvalid:
		s.stats.Invalid++
	case foundFull:
		s.stats.Refused++
	case foundNew:
		p := newPeer(&s.config, l, from, &s.waiting)
		s.table.add(now, l, p)
		s.peers.Go(func() { s.spawn(p) })
	}
}

// spawn offers a peer to transport, and waits until it is gone.
func (s *serve) spawn(p *peer) {
	taken := p.Attend(s.ctx, p, p.gone, func(i interfaces.Interface) func() {
		detach := s.attach(i)
		s.mu.Lock()
		defer s.mu.Unlock()
		if detach == nil {
			s.stats.Refused++
		} else {
			s.stats.Found++
		}
		return detach
	})
	s.mu.Lock()
	s.table.forget(p)
	p.empty()
	s.mu.Unlock()
	s.config.Logger.Debug("peer is gone", "iface", p.Name(), "taken", taken)
}

// received handles a datagram of data.
func (s *serve) received(l *link, from netip.Addr, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, duplicate := s.table.received(time.Now(), l, from, payload)
	switch {
	case p == nil:
		s.stats.Strangers++
	case duplicate:
		s.stats.Duplicates++
	case len(payload) > 0:
		p.take(payload)
	}
}

// announce tells our address on every link.
func (s *serve) announce() {
	for _, l := range s.links() {
		to := netip.AddrPortFrom(s.group.WithZone(strconv.Itoa(l.Index)), uint16(s.config.DiscoveryPort))
		_, err := l.unicast.WriteToUDPAddrPort(l.token[:], to)
		note := ""
		if err != nil {
			note = err.Error()
		}
		s.mu.Lock()
		news := l.sendError != note
		l.sendError = note
		s.mu.Unlock()
		if news && err != nil {
			s.config.Logger.Warn("cannot announce", "iface", s.Name(), "device", l.Device, "err", err)
		}
	}
}

// look ends peers that are gone, tells the others our address by unicast, since they may not hear multicasts, and notices when
// ours do not come back.
func (s *serve) look() {
	s.mu.Lock()
	now := time.Now()
	gone, due, changed := s.table.expire(now), s.table.dueForUnicast(now), s.table.checkEchoes(now)
	var lost, back []string
	for _, l := range changed {
		if l.lost {
			lost = append(lost, l.Device)
		} else {
			back = append(back, l.Device)
		}
	}
	s.mu.Unlock()
	leave(gone)
	for _, k := range due {
		to := netip.AddrPortFrom(k.peer.to.Addr(), uint16(s.config.DiscoveryPort+1))
		k.link.unicast.WriteToUDPAddrPort(k.link.token[:], to) // the next one is due soon
	}
	if len(lost) > 0 {
		s.config.Logger.Warn("own multicasts do not come back: a firewall or the hardware may stop them", "iface", s.Name(), "devices", lost)
	}
	if len(back) > 0 {
		s.config.Logger.Warn("own multicasts come back again", "iface", s.Name(), "devices", back)
	}
}
