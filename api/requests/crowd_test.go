package requests

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/onlink"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// crowd is a group of many members who are all reached by one radio at SF8: a real Hub, real couriers, real nodes and packets on a half-duplex
// channel with the airtime of LoRa, in virtual time. The members' programs are on fewNodes nodes.
type crowd struct {
	t         *testing.T
	hub       *group.Hub
	store     group.Store
	scheduler *delivery.Scheduler
	medium    *ifacetest.Medium
	node      *rnstest.Node // the group's
	radio     delivery.Interface
	own       rns.DestinationHash
	bob       group.Caller

	mu      sync.Mutex
	packets []int // notices that came, per member
	sizes   []int // bytes on the air of each different one
	news    []uint64
	last    time.Time // when a member was sent his first one
}

// fewNodes is how many nodes the members' programs are on, and airShare which part of the time is for the group.
const (
	fewNodes = 4
	airShare = 0.25
)

// inCrowd runs f in a bubble with a group of so many members.
func inCrowd(t *testing.T, store func(*testing.T) group.Store, members int, mode group.DeliveryMode, f func(c *crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c := &crowd{t: t, store: store(t), bob: person("bob"), packets: make([]int, members)}
		none, much := moderation.Rate{Burst: -1}, moderation.Quota{Count: 1000, Per: 60}
		var err error
		if c.hub, err = group.New(group.Config{Store: c.store, Limits: group.Limits{MemberRate: none, GroupRate: none, JoinRate: none, GroupJoinRate: none}}); err != nil {
			t.Fatal(err)
		}
		id := rnstest.Identity(t, 1)
		if _, err := c.hub.CreateGroup(ctx, group.Caller{Local: true}, group.NewGroup{
			ID: valley, PublicKey: id.Public().PublicKey(), PrivateKey: id.PrivateKey(), Public: true, PublicName: "Valley", Joining: moderation.JoiningOpen,
			Policy: moderation.Policy{MemberPosts: much, GroupPosts: much, Flood: moderation.Quota{Count: 10_000, Per: 60}},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.hub.Join(ctx, c.bob, valley, group.JoinInput{Name: "Bob"}); err != nil {
			t.Fatal(err)
		}
		c.onAir(id, members)
		c.admit(members, mode)

		server, err := New(Config{Hub: c.hub, Group: valley, Version: "0.2.0"})
		if err != nil {
			t.Fatal(err)
		}
		c.node = rnstest.Start(t, rns.Config{DuplicateMemory: crowdDuplicates}, c.medium.Port("group"))
		c.announce(members)
		push, notify := server.Couriers(CourierConfig{Transport: c.node.Transport, Identity: id})
		if c.scheduler, err = delivery.New(delivery.Config{Hub: c.hub, Store: c.store, Air: oneAir{c.radio}}); err != nil {
			t.Fatal(err)
		}
		c.scheduler.Register(valley, group.DeliverPush, push)
		c.scheduler.Register(valley, group.DeliverNotify, notify)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.scheduler.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		rest(time.Minute)
		f(c)
		cancel()
		wg.Wait()
	})
}

// crowdDuplicates keeps the duplicate filters of the nodes small, so that they are full, and stay so, before anything is measured.
const crowdDuplicates = 256

// onAir makes the radio.
func (c *crowd) onAir(id *rns.Identity, members int) {
	sf8 := &delivery.Modulation{Bandwidth: 125_000, SF: 8, CR: 5}
	c.radio = delivery.Interface{Name: "radio", Up: true, Bitrate: 3125, Radio: sf8, Share: airShare}
	c.medium = ifacetest.NewMedium(ifacetest.Options{Bitrate: 3125, Airtime: sf8.Airtime, HalfDuplex: true, Seed: uint64(members)})
	own := id.Hash()
	c.own = rns.HashDestination(&own, App, Aspect)
	c.medium.Drop(func(_, to string, frame []byte) bool { // the members' nodes need not check each other's announces
		return to != "group" && rns.PacketType(frame[0]&3) == rns.PacketAnnounce
	})
}

// identity is that of a member.
func (c *crowd) identity(i int) *rns.Identity {
	private := make([]byte, rns.PrivateKeyLength)
	for at := 0; at+8 <= len(private); at += 8 {
		binary.BigEndian.PutUint64(private[at:], uint64(i+1)*0x9e3779b97f4a7c15+uint64(at))
	}
	id, err := rns.LoadIdentity(private)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// admit writes the rows of all members at once: all have everything up to now.
func (c *crowd) admit(members int, mode group.DeliveryMode) {
	c.t.Helper()
	if err := c.store.Update(context.Background(), func(tx group.Tx) error {
		head, err := tx.Head(valley)
		if err != nil {
			return err
		}
		end := head.Rev + group.Rev(members)
		for i := range members {
			head.Rev++
			caller := onlink.Caller(c.identity(i).Public())
			name := fmt.Sprint("member ", i)
			if err := tx.PutMember(group.Member{
				Group: valley, Identity: caller.Identity, Address: group.AddressOf(caller.Identity), PublicKey: caller.PublicKey, Present: true,
				Role: moderation.RoleMember, DisplayName: name, Skeleton: group.Skeleton(name), Rev: head.Rev, Joined: time.Now(),
			}); err != nil {
				return err
			}
			if err := tx.PutDelivery(group.Delivery{
				Group: valley, Identity: caller.Identity, Preferences: group.Preferences{Mode: mode}, Progress: group.Progress{Cursor: end},
			}); err != nil {
				return err
			}
		}
		return tx.PutHead(valley, head)
	}); err != nil {
		c.t.Fatal(err)
	}
}

// announce starts the members' programs, and lets the group's node hear of all of them.
func (c *crowd) announce(members int) {
	t := c.t
	t.Helper()
	var nodes []*rnstest.Node
	for i := range fewNodes {
		nodes = append(nodes, rnstest.Start(t, rns.Config{DuplicateMemory: crowdDuplicates}, c.medium.Port(fmt.Sprint("far ", i))))
	}
	all := make([]*rns.Destination, members)
	for i := range members {
		d, err := nodes[i%fewNodes].NewDestination(rns.DestinationConfig{
			Identity: c.identity(i), App: App, Aspects: []string{NotifyAspect}, Ratchets: &rns.RatchetConfig{Enforce: true},
			OnPacket: func(p *rns.ReceivedPacket) {
				c.take(i, p.Data)
				p.Prove()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = d
	}
	for tries := 0; len(all) > 0; tries++ {
		if tries == 5 {
			t.Fatalf("%d members were not heard", len(all))
		}
		for _, d := range all {
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		rest(time.Minute)
		all = slices.DeleteFunc(all, func(d *rns.Destination) bool { return c.node.HasPath(d.Hash()) })
	}
}

// take notes a notice.
func (c *crowd) take(i int, data []byte) {
	kind, body, err := groupdv1.OpenNotice(data, c.own, rnstest.Identity(c.t, 1).Public().Verify)
	if err != nil {
		c.t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.packets[i]++; c.packets[i] == 1 {
		c.last = time.Now()
	}
	if n := onAir(len(data), 1); !slices.Contains(c.sizes, n) {
		c.sizes = append(c.sizes, n)
	}
	if kind == groupdv1.NoticeNews {
		n, err := groupdv1.ParseNews(body)
		if err != nil {
			c.t.Error(err)
		}
		if !slices.Contains(c.news, n.New) {
			c.news = append(c.news, n.New)
		}
	}
}

// post writes posts, and says what of them reached whom, when all the time that there may be has passed.
func (c *crowd) post(posts int, gap time.Duration) (r reached) {
	c.t.Helper()
	c.mu.Lock()
	clear(c.packets)
	c.sizes, c.news = nil, nil
	c.mu.Unlock()
	before, late, began := c.medium.Stats(), c.node.Stats().Drops[rns.DropProof], time.Now()
	for i := range posts {
		if _, err := c.hub.Post(c.t.Context(), c.bob, valley, group.PostInput{Text: fmt.Appendf(nil, "the bridge is open again, day %4d of the year", i)}); err != nil {
			c.t.Fatal(err)
		}
		time.Sleep(gap)
	}
	rest(10 * time.Second)
	for c.behind() > 0 && time.Since(began) < 30*24*time.Hour {
		rest(time.Minute)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.took, r.sizes, r.news = c.last.Sub(began), c.sizes, c.news
	for _, n := range c.packets {
		if n > 0 {
			r.members++
		}
		r.packets += n
	}
	after := c.medium.Stats()
	r.frames, r.airtime, r.lost = after.Frames-before.Frames, after.Airtime-before.Airtime, after.Collided-before.Collided+c.node.Stats().Drops[rns.DropProof]-late
	one := c.radio.Airtime(slices.Max(append(r.sizes, 1))) + c.radio.Airtime(delivery.ProofBytes)
	r.allowed = time.Duration(float64(len(c.packets)) * float64(one) / airShare * 1.1)
	return r
}

func (c *crowd) behind() (n int) {
	for _, g := range c.scheduler.Status().Groups {
		n += g.Behind
	}
	return n
}

// reached is what came of posts.
type reached struct {
	members, packets int
	frames           uint64
	lost             uint64 // receptions that collided, and proofs that came too late
	sizes            []int
	news             []uint64
	took, allowed    time.Duration // until the last member had it, and how long that may last
	airtime          time.Duration
}

// inMemory is a store in memory.
func inMemory(*testing.T) group.Store { return memory.New() }

// byAll fails unless each member was sent one packet, in time. A packet is sent again where it or its proof was lost, or the
// proof found the channel busy for too long.
func (r reached) byAll(t *testing.T, members int) {
	t.Helper()
	if again := r.packets - members; r.members != members || again < 0 || again > int(r.lost) || again > 2+members/100 || len(r.sizes) != 1 {
		t.Errorf("%d of %d members in %d packets of %v bytes; %d were lost", r.members, members, r.packets, r.sizes, r.lost)
	}
	if r.took > r.allowed {
		t.Errorf("it took %v, %v are allowed", r.took, r.allowed)
	}
	t.Logf("%d members, %d packets of %v bytes within %v (allowed %v); %d frames, %d lost, %v on the air", r.members, r.packets, r.sizes, r.took, r.allowed,
		r.frames, r.lost, r.airtime)
}

// aPostReachesAll lets one post reach so many members who want it pushed, and 50 as many who are notified.
func aPostReachesAll(t *testing.T, members int) {
	t.Run("push", func(t *testing.T) {
		inCrowd(t, inMemory, members, group.DeliverPush, func(c *crowd) { c.post(1, 0).byAll(t, members) })
	})
	t.Run("notify", func(t *testing.T) {
		inCrowd(t, inMemory, members, group.DeliverNotify, func(c *crowd) {
			r := c.post(50, 20*time.Millisecond)
			r.byAll(t, members)
			if !slices.Equal(r.news, []uint64{50}) {
				t.Errorf("they were told of %d posts", r.news)
			}
		})
	})
}

func TestAPostReachesAllMembersOverARadioInTime(t *testing.T) { aPostReachesAll(t, 150) }

// growth is what posts cost the server of a group of so many members, after the first few.
func growth(t *testing.T, members, posts int) (heap, file int64) {
	path := filepath.Join(t.TempDir(), "groupd.db")
	var db *sqlite.DB
	open := func(t *testing.T) group.Store {
		var err error
		if db, err = sqlite.Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		return db
	}
	inCrowd(t, open, members, group.DeliverPush, func(c *crowd) {
		for range 2 { // each member has a row and a ticket, and what is bounded is full
			c.post(1, time.Second).byAll(c.t, members)
		}
		rest(time.Hour)
		heapBefore, fileBefore := heapNow(), pages(t, path)
		for range posts {
			c.post(1, time.Second).byAll(c.t, members)
		}
		rest(time.Hour)
		heap, file = heapNow()-heapBefore, pages(t, path)-fileBefore
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d members: %d posts took %d bytes of heap and %d bytes of the database", members, posts, heap, file)
	return heap, file
}

func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// pages is how much of a database is in use, its log included.
func pages(t *testing.T, path string) int64 {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var size, all, free int64
	for what, to := range map[string]*int64{"page_size": &size, "page_count": &all, "freelist_count": &free} {
		if err := db.QueryRow("PRAGMA " + what).Scan(to); err != nil {
			t.Fatal(err)
		}
	}
	return size * (all - free)
}

// growsAlike fails if a post costs more with many members than with few.
func growsAlike(t *testing.T, few, many, posts int) {
	heapFew, fileFew := growth(t, few, posts)
	heapMany, fileMany := growth(t, many, posts)
	if more := heapMany - heapFew; more > 256<<10 {
		t.Errorf("%d bytes of memory more for %d members more", more, many-few)
	}
	if more := fileMany - fileFew; more > 16<<10 {
		t.Errorf("%d bytes of the database more for %d members more", more, many-few)
	}
}

func TestWhatAPostCostsDoesNotDependOnTheNumberOfMembers(t *testing.T) { growsAlike(t, 10, 80, 4) }
