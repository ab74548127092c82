package main

import (
	"context"
	"sync"
	"time"

	"groupd/api/web"
	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/sharedinstance"
)

// Interfaces implements web.Node: those of this server, and those of the shared instance that it uses.
func (n *node) Interfaces(ctx context.Context) []web.Interface {
	s, made, told := n.transport.Stats(), n.connected(), n.scheduler.Status()
	why := make(map[string]string)
	for _, l := range made.listeners {
		why[l.Name()] = l.why()
	}
	var list []web.Interface
	for _, l := range s.Listeners {
		i := web.Interface{
			Name: l.Name, Mode: l.Mode.Or(interfaces.ModeFull).String(), Up: why[l.Name] == "", Listener: true, Peers: l.Peers, Bitrate: l.Bitrate, MTU: l.MTU,
			Gravity: l.Gravity, AccessCode: l.IFACSize, NetworkName: l.IFACName, LastError: why[l.Name],
		}
		if l.Local == rns.LocalClient {
			i.Local = l.Local.String()
		}
		list = append(list, i)
	}
	speeds := n.rates.all()
	orders := make(map[string]int)
	for _, i := range s.Interfaces {
		k := rateKey{i.Name, orders[i.Name]}
		orders[i.Name]++
		row := interfaceOf(i, speeds[k])
		row.Airtime = airtimeOf(told, i.Name)
		if r := made.radios[i.Name]; r != nil && row.Radio != nil {
			row.Radio.Last = signalOf(r.Signal())
		}
		list = append(list, row)
	}
	return append(list, n.masterInterfaces(ctx)...)
}

func interfaceOf(i rns.InterfaceStats, v speed) web.Interface {
	w := web.Interface{
		Name: i.Name, Mode: i.Mode.String(), Up: i.Carrier.Online, Parent: i.Parent, Bitrate: i.Bitrate, MTU: i.MTU, Gravity: i.Gravity,
		RxBytes: i.Carrier.RxBytes, TxBytes: i.Carrier.TxBytes, RxRate: v.rx, TxRate: v.tx, LastError: i.Carrier.LastError,
		AccessCode: i.IFACSize, NetworkName: i.IFACName,
		AnnouncesIn: i.Traffic.AnnouncesIn, AnnouncesOut: i.Traffic.AnnouncesOut,
		PathRequestsIn: i.Traffic.PathRequestsIn, PathRequestsOut: i.Traffic.PathRequestsOut,
		HeldAnnounces: i.Traffic.HeldAnnounces, AnnounceQueue: i.Traffic.AnnounceQueue,
		Burst:     !i.Traffic.Burst.IsZero() || !i.Traffic.PathRequestBurst.IsZero(),
		RxDropped: i.Carrier.RxDropped.Sum(), TxDropped: i.Carrier.TxDropped.Sum(),
	}
	for reason, count := range i.Drops {
		switch reason {
		case rns.DropSendQueue, rns.DropSendDown, rns.DropSendTooLarge: // the carrier counts these
		default:
			w.RxDropped += count
		}
	}
	if i.Local != rns.LocalNone {
		w.Local = i.Local.String()
	}
	if r := i.Radio; r != nil {
		w.Radio = &web.Radio{
			State: r.State, AirtimeShort: r.AirtimeShort, AirtimeLong: r.AirtimeLong, ChannelLoadShort: r.ChannelLoadShort, ChannelLoadLong: r.ChannelLoadLong,
			RSSI: r.CurrentRSSI, NoiseFloor: r.NoiseFloor, Interference: r.Interference,
			BatteryState: r.BatteryState, BatteryPercent: r.BatteryPercent, Temperature: r.Temperature,
		}
	}
	return w
}

// signalOf is nil for a signal of which nothing is known.
func signalOf(s interfaces.Signal) *web.Signal {
	if s.RSSI == nil && s.SNR == nil && s.Quality == nil {
		return nil
	}
	return &web.Signal{RSSI: s.RSSI, SNR: s.SNR, Quality: s.Quality}
}

// masterInterfaces are those of the shared instance that we use, as far as it tells.
func (n *node) masterInterfaces(ctx context.Context) []web.Interface {
	c := n.caller()
	if c == nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, askMasterWithin)
	defer cancel()
	rows, err := c.Interfaces(within)
	if err != nil {
		n.log.network.Debug("the shared instance does not tell its interfaces", "err", err)
	}
	var list []web.Interface
	for _, i := range rows {
		list = append(list, masterInterface(i))
	}
	return list
}

func masterInterface(i sharedinstance.InterfaceInfo) web.Interface {
	return web.Interface{
		Name: i.Name, Mode: interfaces.Mode(i.Mode).String(), Up: i.Up, Shared: true, Listener: i.Clients >= 0, Peers: max(0, i.Clients), Bitrate: i.Bitrate,
		RxBytes: i.RxBytes, TxBytes: i.TxBytes, RxRate: i.RxRate, TxRate: i.TxRate,
	}
}

// rates measures how much goes over each interface.
type rates struct {
	mu   sync.Mutex // leaf
	at   time.Time
	last map[rateKey]traffic
	now  map[rateKey]speed
}

// rateKey names an interface; several programs on the local socket have one name, and are told apart by their order.
type rateKey struct {
	name  string
	order int
}

type traffic struct{ rx, tx uint64 } // bytes
type speed struct{ rx, tx float64 }  // bit/s

// measure takes a look at the counters.
func (r *rates) measure(list []rns.InterfaceStats, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, elapsed := r.last, at.Sub(r.at).Seconds()
	r.at, r.last, r.now = at, make(map[rateKey]traffic), make(map[rateKey]speed)
	orders := make(map[string]int)
	for _, i := range list {
		k := rateKey{i.Name, orders[i.Name]}
		orders[i.Name]++
		t := traffic{i.Carrier.RxBytes, i.Carrier.TxBytes}
		r.last[k] = t
		if old, ok := before[k]; ok && elapsed > 0 && t.rx >= old.rx && t.tx >= old.tx {
			r.now[k] = speed{8 * float64(t.rx-old.rx) / elapsed, 8 * float64(t.tx-old.tx) / elapsed}
		}
	}
}

// all are the speeds at the last look. The map is not changed any more.
func (r *rates) all() map[rateKey]speed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}
