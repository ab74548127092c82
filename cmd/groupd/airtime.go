package main

import (
	"sync"
	"time"

	"groupd/api/web"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/sharedinstance"
)

// air is the network as delivery to members sees it: a [delivery.Air] over the transport.
type air struct {
	transport *rns.Transport
	radios    map[string]config.RNode // by the interface's name
	// slowest is the speed in bit/s of the slowest interface of the shared instance that we use; 0: not known, or none.
	slowest func() int64

	mu   sync.Mutex // leaf
	sent map[string]*transmitted
	list []delivery.Interface
}

var _ delivery.Air = (*air)(nil)

// transmitted adds up the airtime of one interface.
type transmitted struct {
	frames, bytes uint64
	airtime       time.Duration
}

// grow brings the sum up to date with the carrier's counters.
func (t *transmitted) grow(i delivery.Interface, frames, bytes uint64) {
	if frames < t.frames || bytes < t.bytes {
		t.frames, t.bytes = 0, 0 // made anew
	}
	if n := frames - t.frames; n > 0 {
		t.airtime += time.Duration(n) * i.Airtime(int((bytes-t.bytes)/n))
	}
	t.frames, t.bytes = frames, bytes
}

// newAir finds the radios in the configuration.
func newAir(t *rns.Transport, enabled []config.Interface) *air {
	a := &air{transport: t, radios: make(map[string]config.RNode), sent: make(map[string]*transmitted)}
	for _, i := range enabled {
		if i.RNode != nil {
			a.radios["RNodeInterface["+i.Name+"]"] = *i.RNode
		}
	}
	return a
}

// Interfaces implements delivery.Air.
func (a *air) Interfaces() []delivery.Interface {
	stats := a.transport.Stats().Interfaces
	byName := make(map[string]int)
	var list []delivery.Interface
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := make(map[string]*transmitted)
	for _, s := range stats {
		if s.Local == rns.LocalClient {
			continue // on this machine
		}
		i := delivery.Interface{Name: s.Name, Up: s.Carrier.Online, Bitrate: s.Bitrate}
		if s.Local == rns.LocalMaster {
			i.Bitrate, i.Estimated = a.slowest(), true
		} else if r, ok := a.radios[s.Name]; ok {
			i.Radio = &delivery.Modulation{Bandwidth: r.Bandwidth, SF: r.SpreadingFactor, CR: r.CodingRate}
			if r.AirtimeLimitLong != nil {
				i.Duty = *r.AirtimeLimitLong / 100
			}
		}
		if at, ok := byName[s.Name]; ok { // several of one name are one way
			list[at].Up = list[at].Up || i.Up
			continue
		}
		if i.Slow() {
			t := a.sent[s.Name]
			if t == nil {
				t = &transmitted{}
			}
			t.grow(i, s.Carrier.TxFrames, s.Carrier.TxBytes)
			seen[s.Name], i.Transmitted = t, t.airtime
		}
		byName[s.Name] = len(list)
		list = append(list, i)
	}
	a.sent, a.list = seen, list
	return list
}

// Route implements delivery.Air.
func (a *air) Route(to delivery.Address) (iface string, hops int) {
	if p, ok := a.transport.PathInfo(rns.DestinationHash(to)); ok {
		return p.Interface, p.Hops
	}
	return a.costliest(), delivery.Unknown
}

// costliest is the slowest interface that is up: where a search costs most.
func (a *air) costliest() (name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	most := time.Duration(-1)
	for _, i := range a.list {
		if cost := i.Airtime(rns.MTU); i.Up && cost > most {
			name, most = i.Name, cost
		}
	}
	return name
}

// most is how long so many bytes take where they take longest, in full packets.
func (a *air) most(bytes int) (most time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	full, rest := bytes/rns.MTU, bytes%rns.MTU
	for _, i := range a.list {
		if i.Up && i.Slow() {
			most = max(most, time.Duration(full)*i.Airtime(rns.MTU)+i.Airtime(rest))
		}
	}
	return most
}

// airtime is what one transmission of a post costs; see group.Config.
func (n *node) airtime(_ group.GroupID, bytes int) time.Duration {
	if n.air == nil {
		return 0 // nothing is connected yet
	}
	return n.air.most(bytes)
}

// slowestOf is the slowest speed among the interfaces of a shared instance, in bit/s; 0: none is known.
func slowestOf(list []sharedinstance.InterfaceInfo) (slowest int64) {
	for _, i := range list {
		if i.Up && i.Bitrate > 0 && (slowest == 0 || i.Bitrate < slowest) {
			slowest = i.Bitrate
		}
	}
	return slowest
}

// answerOverhead is what an answer in one packet is longer than its content, in bytes: header, key, padding, signature, source,
// timestamp and marker, about.
const answerOverhead = 19 + 32 + 48 + 64 + 16 + 30

// linkPayload is what of a reply fits a packet on a link, and linkOverhead what is added to it, in bytes, about.
const (
	linkPayload  = 431
	linkOverhead = 69
)

// announceBytes is an announce with name, ratchet and header, about.
const announceBytes = 240

// chargeAnswer books an answer to somebody.
func (n *node) chargeAnswer(to rns.DestinationHash, content int) {
	iface, _ := n.air.Route(delivery.Address(to))
	n.scheduler.Charge(iface, delivery.Answer, group.IdentityHash{}, content+answerOverhead, 1, 1)
}

// chargeReply books a reply to a request, in packets of a link or parts of a resource; the requests and proofs are the asker's. Who
// asks has been heard.
func (n *node) chargeReply(iface string, who group.IdentityHash, bytes int) {
	packets := (bytes + linkPayload - 1) / linkPayload
	n.scheduler.Charge(iface, delivery.Answer, who, bytes+packets*linkOverhead, packets, 0)
	if !who.IsZero() {
		n.scheduler.Heard(who)
	}
}

// heard lets delivery know of a sign of life.
func (n *node) heard(a rns.Announced) { n.scheduler.Heard(group.IdentityHash(a.Identity.Hash())) }

// deliveryOf is how it stands with delivery in a group.
func deliveryOf(s delivery.Status, g group.GroupID) web.Delivery {
	for _, i := range s.Groups {
		if i.Group == g {
			return web.Delivery{
				Members: i.Members, Behind: i.Behind, Waiting: i.Waiting, AtNode: i.AtNode, InFlight: i.InFlight, OldestSeconds: int64(i.Oldest.Seconds()),
				Confirmed: i.Confirmed,
			}
		}
	}
	return web.Delivery{}
}

// airtimeOf is the account of an interface; nil where airtime is not scarce.
func airtimeOf(s delivery.Status, name string) *web.Airtime {
	for _, i := range s.Interfaces {
		if i.Name != name || !i.Slow {
			continue
		}
		a := &web.Airtime{
			Share: i.Share, Duty: i.Duty, HourSeconds: i.Hour.Seconds(), Estimated: i.Estimated, Waiting: i.Waiting, Spent: make(map[string]float64),
			OtherMembers: i.Others.Seconds(),
		}
		for p, d := range i.Spent {
			a.Spent[p.String()] = d.Seconds()
		}
		for _, m := range i.Members {
			a.Members = append(a.Members, web.Spender{Address: group.AddressOf(m.Identity).String(), Seconds: m.Spent.Seconds()})
		}
		return a
	}
	return nil
}
