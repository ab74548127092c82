package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/interfaces/tcp"
)

// BenchmarkPostsStoredAndProved is one member with our own stack who posts over one link, through TCP on loopback, into SQLite: from
// Router.Send to the proof that the post is on disk. It reports posts per second, how many posts share a commit, and the ratio to bare
// commits of the same rows with the same grouping.
func BenchmarkPostsStoredAndProved(b *testing.B) {
	h := newHouse(b)
	send, author := h.writer(b)
	before := h.db.Stats()
	start := time.Now()
	posts := 0
	for b.Loop() {
		send(fmt.Sprintf("post number %d, about as long as people write in a chat", posts))
		posts++
	}
	h.wait()
	took := time.Since(start)
	b.StopTimer()
	after := h.db.Stats()
	commits := float64(after.Commits - before.Commits)
	perCommit := float64(posts) / commits
	b.ReportMetric(float64(posts)/took.Seconds(), "posts/s")
	b.ReportMetric(perCommit, "posts/commit")
	bare := bareCommits(b, author, posts, perCommit)
	b.ReportMetric(bare.Seconds()/took.Seconds(), "of-bare-commits")
}

// house is a group server without its process: database, domain, LXMF face and transport.
type house struct {
	db      *sqlite.DB
	hub     *group.Hub
	address rns.DestinationHash
	tcp     *net.TCPAddr
	sent    sync.WaitGroup
}

func newHouse(b *testing.B) *house {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "groupd.db"))
	must(b, err)
	hub, err := group.New(group.Config{Store: db, Limits: group.Limits{MemberRate: moderation.Rate{Burst: -1}, GroupRate: moderation.Rate{Burst: -1}}})
	must(b, err)
	id, err := rns.NewIdentity(rand.Reader)
	must(b, err)
	_, err = hub.CreateGroup(ctx, group.Caller{Local: true}, group.NewGroup{ID: main, PublicKey: id.PublicKey(), PrivateKey: id.PrivateKey(), Public: true, PublicName: "Bench", Joining: moderation.JoiningOpen})
	must(b, err)

	transport, err := rns.New(rns.Config{})
	must(b, err)
	listening := make(chan net.Addr, 1)
	listener, err := tcp.NewServer(tcp.ServerConfig{Name: "listener", Host: "127.0.0.1", OnListen: func(a net.Addr) { listening <- a }})
	must(b, err)
	must(b, transport.AddSpawner(listener, rns.InterfaceOptions{}))
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: transport, Store: db.LXMFStore()})
	must(b, err)
	var delivery *lxmf.Delivery
	face, err := lxm.New(lxm.Config{Hub: hub, Group: main, Send: func(ctx context.Context, o lxm.Outbound) error { return lxm.Via(router, delivery)(ctx, o) }})
	must(b, err)
	delivery, err = router.AddDelivery(lxmf.DeliveryConfig{Identity: id, OnMessage: face.OnMessage})
	must(b, err)
	run(b, cancel, ctx, transport.Run, router.Run, face.Run)
	b.Cleanup(func() { db.Close() })
	return &house{db: db, hub: hub, address: delivery.Address(), tcp: (<-listening).(*net.TCPAddr)}
}

// writer joins and returns a function that sends a post, at most 200 at a time unproved.
func (h *house) writer(b *testing.B) (send func(string), author group.IdentityHash) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	transport, err := rns.New(rns.Config{})
	must(b, err)
	client, err := tcp.NewClient(tcp.ClientConfig{Name: "uplink", Host: "127.0.0.1", Port: h.tcp.Port})
	must(b, err)
	must(b, transport.AddInterface(client, rns.InterfaceOptions{}))
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: transport})
	must(b, err)
	id, err := rns.NewIdentity(rand.Reader)
	must(b, err)
	welcome := make(chan struct{}, 8)
	delivery, err := router.AddDelivery(lxmf.DeliveryConfig{Identity: id, OnMessage: func(in *lxmf.Inbound) {
		in.Prove()
		select {
		case welcome <- struct{}{}:
		default:
		}
	}})
	must(b, err)
	run(b, cancel, ctx, transport.Run, router.Run)
	for tick := time.Tick(10 * time.Millisecond); !client.Stats().Online; { // a question asked before goes nowhere
		<-tick
	}
	must(b, transport.AwaitPath(ctx, h.address))
	must(b, delivery.Announce(ctx))
	unproved := make(chan struct{}, 200)
	send = func(text string) {
		unproved <- struct{}{}
		out, err := router.Send(ctx, &lxmf.Outbound{From: delivery, To: h.address, Content: []byte(text), Method: lxmf.MethodDirect})
		must(b, err)
		h.sent.Go(func() {
			<-out.Done()
			if err := out.Err(); err != nil {
				b.Errorf("not proved: %v", err)
			}
			<-unproved
		})
	}
	send("/join bench")
	h.sent.Wait()
	<-welcome
	return send, group.IdentityHash(id.Hash())
}

func (h *house) wait() { h.sent.Wait() }

// run runs lives until the benchmark ends.
func run(b *testing.B, cancel context.CancelFunc, ctx context.Context, lives ...func(context.Context) error) {
	b.Helper()
	var wg sync.WaitGroup
	for _, life := range lives {
		wg.Go(func() {
			if err := life(ctx); err != nil && ctx.Err() == nil {
				b.Errorf("ended: %v", err)
			}
		})
	}
	b.Cleanup(func() { cancel(); wg.Wait() })
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// bareCommits is how long the database alone takes for the rows of as many posts, with so many in a commit on average.
func bareCommits(b *testing.B, author group.IdentityHash, posts int, perCommit float64) time.Duration {
	b.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "bare.db"))
	must(b, err)
	defer db.Close()
	g := group.Group{ID: main, Identity: group.IdentityHash{1}, Address: group.Address{1}, PublicKey: key("p"), PrivateKey: key("q"), SeenKey: key("s")[:32]}
	must(b, db.Update(ctx, func(tx group.Tx) error {
		if err := tx.PutGroup(g); err != nil {
			return err
		}
		return tx.PutMember(group.Member{Group: main, Identity: author, Address: group.AddressOf(author), Present: true, Role: moderation.RoleMember})
	}))
	text, original := []byte("post number 1234, about as long as people write in a chat"), make([]byte, 180)
	head := group.Head{}
	start := time.Now()
	for done, commit := 0, 1; done < posts; commit++ {
		upTo := min(posts, int(float64(commit)*perCommit))
		must(b, db.Update(ctx, func(tx group.Tx) error {
			for ; done < upTo; done++ {
				head.Seq++
				head.Rev++
				var id group.MessageID
				copy(id[:], fmt.Sprintf("%032d", done))
				if err := tx.AppendEntry(group.Entry{Group: main, Seq: head.Seq, Rev: head.Rev, Kind: group.EntryPost, Author: author, Time: time.Now(),
					AuthorTime: time.Now(), MessageID: id, Text: text, Signed: true, Salt: key("salt")[:32]}, original); err != nil {
					return err
				}
				if err := tx.PutHead(main, head); err != nil {
					return err
				}
				if err := tx.AddSeen(main, group.SeenID(id[16:])); err != nil {
					return err
				}
				if err := tx.TouchMember(main, author, time.Now(), time.Time{}, nil, nil); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return time.Since(start)
}
