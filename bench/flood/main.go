// Command flood is everybody who wants too much of one group at once. The benchmark of many groups runs it beside the server, with a low
// priority. It prints how much it got done, and is no part of groupd.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"groupd/bench/crowd"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

func main() {
	port := flag.Int("port", 0, "of the server, on this machine")
	kind := flag.String("kind", "info", "what to flood with: "+fmt.Sprint(kinds))
	group := flag.Int("group", 0, "which group")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f := &flood{port: *port, kind: *kind, group: *group}
	if err := f.run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
	fmt.Printf("%d done, %d refused\n", f.done.Load(), f.refused.Load())
}

// kinds of floods.
const kinds = "info history search members pages posts letters joins strangers"

// How many do it.
const (
	lines    = 16 // links, each of another member
	perLine  = 8  // requests at once on each
	unproved = 64 // letters of one author on their way
	authors  = 8
)

type flood struct {
	port, group   int
	kind          string
	done, refused atomic.Int64
}

// run floods until ctx ends. Each member has a node and a connection of his own.
func (f *flood) run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make(chan error, lines)
	n := lines
	if f.kind == "letters" || f.kind == "strangers" {
		n = authors
	}
	for i := range n {
		wg.Go(func() {
			if err := f.one(ctx, i); err != nil && ctx.Err() == nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func (f *flood) one(ctx context.Context, i int) error {
	node, err := crowd.Connect(f.port)
	if err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer end()
	wg.Go(func() { _ = node.Run(life) })
	if err := node.Online(ctx); err != nil {
		return err
	}
	who := crowd.Identity(crowd.Member(f.group, i))
	switch f.kind {
	case "letters":
		return f.letters(ctx, life, node, &wg, func() *rns.Identity { return who }, 1<<30)
	case "strangers":
		return f.letters(ctx, life, node, &wg, newcomer, 4)
	case "joins":
		return f.joins(ctx, node)
	}
	open := node.Line
	if f.kind == "pages" {
		open = node.Browser
	}
	line, err := open(ctx, f.group, who)
	if err != nil {
		return err
	}
	defer line.Close()
	var asking sync.WaitGroup
	for range perLine {
		asking.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				f.count(f.ask(ctx, line, who, n))
			}
		})
	}
	asking.Wait()
	return nil
}

func (f *flood) count(code groupdv1.Code, err error) {
	if err == nil && code == groupdv1.Code_OK {
		f.done.Add(1)
	} else {
		f.refused.Add(1)
	}
}

// ask makes one request.
func (f *flood) ask(ctx context.Context, l *crowd.Line, who *rns.Identity, n int) (groupdv1.Code, error) {
	const much = 256 << 10
	accept := []groupdv1.Codec{groupdv1.Codec_DEFLATE, groupdv1.Codec_DEFLATE_DICTIONARY_1}
	switch f.kind {
	case "info":
		return l.Ask(ctx, "/info", &groupdv1.InfoRequest{}, &groupdv1.InfoReply{})
	case "history":
		seq := uint64(500 + n*500%20_000)
		return l.Ask(ctx, "/messages", &groupdv1.MessagesRequest{BeforeSeq: &seq, Limit: 500, MaxBytes: much, Accept: accept}, &groupdv1.MessagesReply{})
	case "search":
		return l.Ask(ctx, "/messages/search", &groupdv1.SearchRequest{Text: "node antenna", MaxBytes: much, Accept: accept}, &groupdv1.MessagesReply{})
	case "members":
		return l.Ask(ctx, "/members", &groupdv1.MembersRequest{Limit: 500, MaxBytes: much}, &groupdv1.MembersReply{})
	case "pages":
		variable, value := [...]string{"before", "q", ""}[n%3], [...]string{strconv.Itoa(500 + n*500%20_000), "node antenna", ""}[n%3]
		page, err := l.Browse(ctx, "/page/history.mu", variable, value)
		if err == nil && len(page) < 300 {
			err = errors.New("that is no page of history")
		}
		return groupdv1.Code_OK, err
	case "posts":
		m, err := lxmf.Pack(who, lxmf.Draft{
			Destination: rns.HashDestination(hashOf(f.group), "lxmf", "delivery"), Timestamp: float64(time.Now().UnixNano()) / 1e9, Content: fmt.Appendf(nil, "flood %d", n),
		})
		if err != nil {
			return 0, err
		}
		return l.Ask(ctx, "/messages/send", &groupdv1.SendRequest{Message: m.Packed()}, &groupdv1.SendReply{})
	}
	return 0, errors.New("no such kind")
}

func hashOf(group int) *rns.IdentityHash {
	h := crowd.Identity(crowd.Group(group)).Hash()
	return &h
}

// letters sends LXMF messages, so many by each author that who makes.
func (f *flood) letters(ctx, life context.Context, node *crowd.Node, wg *sync.WaitGroup, who func() *rns.Identity, each int) error {
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: node.Transport})
	if err != nil {
		return err
	}
	wg.Go(func() { _ = router.Run(life) })
	to := rns.HashDestination(hashOf(f.group), "lxmf", "delivery")
	if err := node.AwaitPath(ctx, to); err != nil {
		return err
	}
	room := make(chan struct{}, unproved)
	for ctx.Err() == nil {
		d, err := router.AddDelivery(lxmf.DeliveryConfig{Identity: who(), OnMessage: func(in *lxmf.Inbound) { in.Prove() }})
		if err != nil {
			return err
		}
		if err := d.Announce(ctx); err != nil {
			return err
		}
		var sent sync.WaitGroup
		for n := 0; n < each && ctx.Err() == nil; n++ {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				continue
			}
			out, err := router.Send(ctx, &lxmf.Outbound{From: d, To: to, Content: fmt.Appendf(nil, "flood %d", n)})
			if err != nil {
				<-room
				continue
			}
			sent.Go(func() {
				select {
				case <-out.Done():
					if out.Err() == nil {
						f.done.Add(1)
					} else {
						f.refused.Add(1)
					}
				case <-ctx.Done():
				}
				<-room
			})
		}
		sent.Wait()
		if err := d.Close(life); err != nil {
			return err
		}
	}
	return nil
}

// joins has one newcomer after the other ask to be let in.
func (f *flood) joins(ctx context.Context, node *crowd.Node) error {
	for ctx.Err() == nil {
		line, err := node.Line(ctx, f.group, newcomer())
		if err != nil {
			f.refused.Add(1)
			continue
		}
		for range 3 {
			f.count(line.Ask(ctx, "/join", &groupdv1.JoinRequest{Name: "newcomer"}, &groupdv1.JoinReply{}))
		}
		_ = line.Close()
	}
	return nil
}

// newcomer is somebody whom nobody knows.
func newcomer() *rns.Identity {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		panic(err)
	}
	return id
}
