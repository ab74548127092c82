// Command peer is a bare node of ours that is measured beside its twin, peer.py: the same commands, one JSON object per line on
// standard input, and the same answers. bench/compare drives both. It is no part of groupd.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"groupd/internal/gcpace"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

func main() {
	if os.Getenv("GOGC") == "" {
		gcpace.Start(gcpace.Policy{Least: 8 << 20, Percent: 50, Quiet: 2 * time.Second}) // as groupd does
	}
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// command is one line of input; each command uses the fields it needs.
type command struct {
	ID        int      `json:"id"`
	Cmd       string   `json:"cmd"`
	Dir       string   `json:"dir"`
	Transport bool     `json:"transport"`
	Uplinks   []uplink `json:"uplinks"`
	Tables    int      `json:"tables"`
	Cost      int      `json:"cost"`
	Count     int      `json:"count"`
	Bulk      int      `json:"bulk"`
	To        string   `json:"to"`
	Content   string   `json:"content"`
	File      string   `json:"file"`
}

type uplink struct {
	Name string `json:"name"`
	Port int    `json:"port"`
}

type reply struct {
	ID     int    `json:"id"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
	Result any    `json:"result"`
}

type result map[string]any

// peer is the node.
type peer struct {
	transport *rns.Transport
	store     *filestore.Store
	router    *lxmf.Router
	delivery  *lxmf.Delivery
	received  atomic.Int64
	profile   *os.File
}

// serve runs commands until standard input ends.
func serve(ctx context.Context) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	var p peer
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		r := reply{ID: c.ID, OK: true}
		var err error
		if r.Result, err = p.do(ctx, c); err != nil {
			r.OK, r.Error = false, err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (p *peer) do(ctx context.Context, c command) (result, error) {
	switch c.Cmd {
	case "start":
		return p.start(ctx, c)
	case "tables":
		return result{"paths": p.transport.Stats().Paths}, nil
	case "usage":
		return usage()
	case "destination":
		return p.destination(ctx)
	case "lxmf":
		return p.lxmf(ctx)
	case "received":
		return result{"messages": p.received.Load()}, nil
	case "send_messages":
		return p.sendMessages(ctx, c)
	case "make_stamps":
		return p.makeStamps(ctx, c.Cost, c.Count)
	case "check_stamps":
		return p.checkStamps(ctx, c.Cost, c.Count)
	case "profile":
		var err error
		if p.profile, err = os.Create(c.File); err != nil {
			return nil, err
		}
		return nil, pprof.StartCPUProfile(p.profile)
	case "profiled":
		pprof.StopCPUProfile()
		return nil, p.profile.Close()
	case "heap":
		f, err := os.Create(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return nil, pprof.WriteHeapProfile(f)
	}
	return nil, fmt.Errorf("unknown command %q", c.Cmd)
}

// start starts a node that connects to the ports given and keeps its tables below Dir/storage.
func (p *peer) start(ctx context.Context, c command) (result, error) {
	var err error
	if p.store, err = filestore.Open(filepath.Join(c.Dir, "storage")); err != nil {
		return nil, err
	}
	id, err := p.store.TransportIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	p.transport, err = rns.New(rns.Config{Store: p.store, Identity: id, TransportEnabled: c.Transport, MaxPaths: c.Tables, MaxKnown: c.Tables})
	if err != nil {
		return nil, err
	}
	for _, u := range c.Uplinks {
		client := tcp.ClientConfig{Name: u.Name, Host: "127.0.0.1", Port: u.Port}
		options := rns.InterfaceOptions{Tunnel: true}
		if c.Transport { // nothing may be held back: not the handling of announces is measured otherwise, but their limits
			client.Bitrate, options.AnnounceCap, options.NoIngressControl = 1_000_000_000, 1, true
		}
		carrier, err := tcp.NewClient(client)
		if err != nil {
			return nil, err
		}
		if err := p.transport.AddInterface(carrier, options); err != nil {
			return nil, err
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- p.transport.Run(ctx) }()
	select {
	case <-p.transport.Ready():
	case err := <-ended:
		return nil, errors.Join(errors.New("transport ended"), err)
	}
	return result{"transport_id": id.Hash().String()}, nil
}

// usage is what the process has used so far.
func usage() (result, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return nil, err
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return nil, err
	}
	var size, resident int
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		return nil, err
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return result{"cpu": seconds(u.Utime) + seconds(u.Stime), "rss": resident * os.Getpagesize()}, nil
}

// destination makes one that proves packets, answers /echo and takes resources.
func (p *peer) destination(ctx context.Context) (result, error) {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	d, err := p.transport.NewDestination(rns.DestinationConfig{
		Type: rns.DestinationSingle, Identity: id, App: "bench", Aspects: []string{"peer"},
		OnPacket: func(r *rns.ReceivedPacket) { _ = r.Prove() },
		OnLink: func(l *rns.Link) {
			l.SetHandlers(rns.LinkHandlers{
				OnResource: func(rns.ResourceOffer) rns.ResourceDecision {
					return rns.ResourceDecision{Accept: true, MaxSize: 64 << 20}
				},
				OnResourceDone: func(r *rns.ReceivedResource) {
					if r.Err == nil {
						_ = r.Prove()
					}
				},
			})
		},
	})
	if err != nil {
		return nil, err
	}
	d.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
	return result{"hash": d.Hash().String()}, d.Announce(ctx)
}

// lxmf makes an address that takes and proves everything.
func (p *peer) lxmf(ctx context.Context) (result, error) {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: p.transport})
	if err != nil {
		return nil, err
	}
	d, err := router.AddDelivery(lxmf.DeliveryConfig{
		Identity: id, DisplayName: func() string { return "bench" }, Ratchets: &rns.RatchetConfig{},
		OnMessage: func(in *lxmf.Inbound) { p.received.Add(1); in.Prove() },
	})
	if err != nil {
		return nil, err
	}
	p.router, p.delivery = router, d
	go func() { _ = router.Run(ctx) }()
	return result{"hash": d.Address().String()}, d.Announce(ctx)
}

// sendMessages sends direct messages, one at a time and then many at once.
func (p *peer) sendMessages(ctx context.Context, c command) (result, error) {
	to, err := rns.ParseDestinationHash(c.To)
	if err != nil {
		return nil, err
	}
	send := func() (*lxmf.Outgoing, error) {
		return p.router.Send(ctx, &lxmf.Outbound{From: p.delivery, To: to, Content: []byte(c.Content), Method: lxmf.MethodDirect})
	}
	var took []time.Duration
	for i := range c.Count + 1 {
		began := time.Now()
		out, err := send()
		if err != nil {
			return nil, err
		}
		if <-out.Done(); out.Err() != nil {
			return nil, out.Err()
		}
		if i > 0 { // the first may open the link
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	bulk, began := c.Bulk, time.Now()
	var under []*lxmf.Outgoing
	for len(under) > 0 || c.Bulk > 0 {
		if c.Bulk > 0 && len(under) < lxmf.DefaultMaxQueuePerRecipient/2 { // a message leaves the queue a little after it is done
			out, err := send()
			if err != nil {
				return nil, err
			}
			under, c.Bulk = append(under, out), c.Bulk-1
			continue
		}
		if <-under[0].Done(); under[0].Err() != nil {
			return nil, under[0].Err()
		}
		under = under[1:]
	}
	return result{"median": took[len(took)/2].Seconds(), "rate": float64(bulk) / time.Since(began).Seconds()}, nil
}

func (p *peer) makeStamps(ctx context.Context, cost, count int) (result, error) {
	for range count {
		var id lxmf.MessageID
		if _, err := rand.Read(id[:]); err != nil {
			return nil, err
		}
		if _, err := lxmf.MakeStamp(ctx, rand.Reader, id, cost); err != nil {
			return nil, err
		}
	}
	return result{"rounds": count << cost}, nil // as many as are expected
}

func (p *peer) checkStamps(ctx context.Context, cost, count int) (result, error) {
	stamp := make([]byte, lxmf.StampLength)
	for range count {
		var id lxmf.MessageID
		if _, err := rand.Read(id[:]); err != nil {
			return nil, err
		}
		if _, _, err := lxmf.CheckStamp(ctx, id, stamp, cost); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
