package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

const (
	linkCount       = 200
	requestCount    = 1_000
	atOnce          = 8 // links and requests at a time
	resourceSize    = 10 << 20
	messageCount    = 500
	sentOurs        = 1_000
	sentStock       = 10
	bulkOurs        = 10_000
	bulkStock       = 100
	stampCost       = 16
	stampsOurs      = 40
	stampCostStock  = 10 // the reference takes half a minute of CPU for one of cost 16: its hashes are counted instead
	checkedOurs     = 40
	checkedStock    = 4
	endpointTimeout = 60 * time.Second
)

const messageText = "a message about as long as people write in a chat"

// node is the generator's own node, to which the nodes under test connect.
type node struct {
	transport *rns.Transport
	router    *lxmf.Router
	delivery  *lxmf.Delivery
	port      int
	end       func()
}

func startNode() (*node, error) {
	t, err := rns.New(rns.Config{})
	if err != nil {
		return nil, err
	}
	listening := make(chan net.Addr, 1)
	server, err := tcp.NewServer(tcp.ServerConfig{Name: "listener", Host: "127.0.0.1", OnListen: func(a net.Addr) { listening <- a }})
	if err != nil {
		return nil, err
	}
	if err := t.AddSpawner(server, rns.InterfaceOptions{}); err != nil {
		return nil, err
	}
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: t})
	if err != nil {
		return nil, err
	}
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	d, err := router.AddDelivery(lxmf.DeliveryConfig{Identity: id, OnMessage: func(in *lxmf.Inbound) { in.Prove() }})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var lives sync.WaitGroup
	lives.Go(func() { _ = t.Run(ctx) })
	lives.Go(func() { _ = router.Run(ctx) })
	n := &node{transport: t, router: router, delivery: d, end: func() { cancel(); lives.Wait() }}
	n.port = (<-listening).(*net.TCPAddr).Port
	return n, nil
}

// hear waits for the announce of a destination of the node under test.
func (n *node) hear(ctx context.Context, u *sut, cmd string) (rns.DestinationHash, error) {
	var made struct{ Hash string }
	if err := u.do(cmd, args{"dir": u.dir}, &made); err != nil {
		return rns.DestinationHash{}, err
	}
	h, err := rns.ParseDestinationHash(made.Hash)
	if err != nil {
		return h, err
	}
	return h, n.transport.AwaitPath(ctx, h)
}

// endpoint measures a node that is no transport node but the end of links and messages.
func (r *run) endpoint(s side) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*endpointTimeout)
	defer cancel()
	n, err := startNode()
	if err != nil {
		return err
	}
	defer n.end()
	u, err := s.launch(r.folder(s.name + "-endpoint"))
	if err != nil {
		return err
	}
	defer os.RemoveAll(u.dir)
	defer u.stop()
	if err := u.do("start", args{"dir": u.dir, "uplinks": []args{{"name": "A", "port": n.port}}}, nil); err != nil {
		return err
	}
	for len(n.transport.Stats().Interfaces) == 0 {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: does not connect", s.name)
		}
		time.Sleep(10 * time.Millisecond)
	}
	h, err := n.hear(ctx, u, "destination")
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	known, ok := n.transport.Recall(h)
	if !ok {
		return errors.New("destination not known")
	}
	if err := r.links(ctx, n, u, n.transport.NewRemote(known.Identity, "bench", "peer")); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if h, err = n.hear(ctx, u, "lxmf"); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if err := n.delivery.Announce(ctx); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	for _, m := range []struct {
		name   string
		method lxmf.Method
	}{{"LXMF message, direct", lxmf.MethodDirect}, {"LXMF message, opportunistic", lxmf.MethodOpportunistic}} {
		if err := r.messages(ctx, n, u, h, m.name, m.method); err != nil {
			return fmt.Errorf("%s: %s: %w", s.name, m.name, err)
		}
	}
	if err := r.sending(n, u); err != nil {
		return fmt.Errorf("%s: sending: %w", s.name, err)
	}
	return r.stamps(u)
}

// links measures links, requests and a resource.
func (r *run) links(ctx context.Context, n *node, u *sut, to *rns.RemoteDestination) error {
	if err := r.profiled(u, "links", func() error {
		cpu, err := u.cpu(func() error {
			return several(linkCount*r.scale, func(int) error {
				l, err := n.transport.OpenLink(ctx, to)
				if err != nil {
					return err
				}
				return l.Close()
			})
		})
		r.add("accepted link", u.side, cpu/float64(linkCount*r.scale)*1e6)
		return err
	}); err != nil {
		return err
	}
	l, err := n.transport.OpenLink(ctx, to)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := r.profiled(u, "requests", func() error {
		cpu, err := u.cpu(func() error {
			return several(requestCount*r.scale, func(i int) error {
				_, err := l.Request(ctx, "/echo", msgpack.Bin(fmt.Appendf(nil, "request %23d", i)), rns.RequestOptions{})
				return err
			})
		})
		r.add("small request", u.side, cpu/float64(requestCount*r.scale)*1e6)
		return err
	}); err != nil {
		return err
	}
	data := make([]byte, resourceSize)
	if _, err := rand.Read(data); err != nil {
		return err
	}
	return r.profiled(u, "resource", func() error {
		began := time.Now()
		cpu, err := u.cpu(func() error {
			return l.SendResource(ctx, rns.ResourceBytes(data), rns.ResourceOptions{NoCompress: true})
		})
		r.add("10 MiB resource", u.side, cpu*1e3)
		r.add("10 MiB resource, speed", u.side, resourceSize/1e6/time.Since(began).Seconds())
		return err
	})
}

// messages measures messages received with proof.
func (r *run) messages(ctx context.Context, n *node, u *sut, to rns.DestinationHash, name string, method lxmf.Method) error {
	send := func() error {
		out, err := n.router.Send(ctx, &lxmf.Outbound{From: n.delivery, To: to, Content: []byte(messageText), Method: method})
		if err != nil {
			return err
		}
		<-out.Done()
		return out.Err()
	}
	if err := send(); err != nil { // makes the link, where one is used
		return err
	}
	return r.profiled(u, name, func() error {
		cpu, err := u.cpu(func() error { return several(messageCount*r.scale, func(int) error { return send() }) })
		r.add(name, u.side, cpu/float64(messageCount*r.scale)*1e6)
		return err
	})
}

// sending measures messages that the node under test sends over a link that is open, until they are proved.
func (r *run) sending(n *node, u *sut) error {
	count, bulk := sentOurs, bulkOurs
	if u.side.name != "ours" {
		count, bulk = sentStock, bulkStock
	}
	var done struct{ Median, Rate float64 }
	return r.profiled(u, "sending", func() error {
		err := u.do("send_messages", args{"to": n.delivery.Address().String(), "content": messageText, "count": count, "bulk": bulk * r.scale}, &done)
		r.add("LXMF message sent, median", u.side, done.Median*1e3)
		r.add("LXMF messages sent in bulk", u.side, done.Rate)
		return err
	})
}

// stamps measures making and checking stamps.
func (r *run) stamps(u *sut) error {
	cost, made, checked := stampCost, stampsOurs, checkedOurs
	if u.side.name != "ours" {
		cost, made, checked = stampCostStock, 1, checkedStock
	}
	return r.profiled(u, "stamps", func() error {
		var done struct{ Rounds int }
		cpu, err := u.cpu(func() error { return u.do("make_stamps", args{"cost": cost, "count": made}, &done) })
		if err != nil {
			return err
		}
		checking, err := u.cpu(func() error { return u.do("check_stamps", args{"cost": stampCost, "count": checked}, nil) })
		if err != nil {
			return err
		}
		// The work block takes the same time whatever the cost: it is most of checking.
		block := checking / float64(checked)
		perHash := (cpu - block*float64(made)) / float64(max(1, done.Rounds))
		r.add("stamp of cost 16 made", u.side, (block+perHash*(1<<stampCost))*1e3)
		r.add("stamp of cost 16 checked", u.side, block*1e3)
		return nil
	})
}

// several calls f n times, some at a time, and returns the first error.
func several(n int, f func(int) error) error {
	numbers := make(chan int)
	failed := make(chan error, atOnce)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range numbers {
				if err := f(i); err != nil {
					failed <- err
					break
				}
			}
			for range numbers {
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
