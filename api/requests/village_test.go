package requests

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/onlink"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// village is a group on one node, with its members' programs on another, in virtual time. Bob writes; the others read.
type village struct {
	t         *testing.T
	hub       *countingHub
	server    *Server
	store     *memory.Store
	node, far *rnstest.Node
	own       rns.DestinationHash
	medium    *ifacetest.Medium
	push      delivery.Courier
	notify    delivery.Courier
	bob       group.Caller
}

// oneAir is a delivery.Air of one interface.
type oneAir struct{ delivery.Interface }

func (a oneAir) Interfaces() []delivery.Interface     { return []delivery.Interface{a.Interface} }
func (a oneAir) Route(delivery.Address) (string, int) { return a.Name, 1 }

// inVillage runs a test in a bubble.
func inVillage(t *testing.T, policy moderation.Policy, f func(v *village)) {
	t.Helper()
	inVillageOver(t, delivery.Interface{Name: "wire", Up: true, Bitrate: 10_000_000}, ifacetest.Options{Latency: 10 * time.Millisecond}, policy, f)
}

// inVillageOver is inVillage over a medium of one's own.
func inVillageOver(t *testing.T, iface delivery.Interface, o ifacetest.Options, policy moderation.Policy, f func(v *village)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		policy.MemberPosts, policy.GroupPosts, policy.Flood = moderation.Quota{Count: 1000, Per: 60}, moderation.Quota{Count: 1000, Per: 60}, moderation.Quota{Count: 10000, Per: 60}
		v := &village{t: t, store: memory.New(), bob: onlink.Caller(rnstest.Identity(t, 100).Public())}
		none := moderation.Rate{Burst: -1}
		hub, err := group.New(group.Config{Store: v.store, Limits: group.Limits{MemberRate: none, GroupRate: none, JoinRate: none, GroupJoinRate: none}})
		if err != nil {
			t.Fatal(err)
		}
		v.hub = &countingHub{Hub: hub}
		id := rnstest.Identity(t, 1)
		if _, err := hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{
			ID: valley, PublicKey: id.Public().PublicKey(), PrivateKey: id.PrivateKey(), Public: true, PublicName: "Valley", Joining: moderation.JoiningOpen,
			Policy: policy, Owner: group.AnyHash(v.bob.Identity),
		}); err != nil {
			t.Fatal(err)
		}
		if v.server, err = New(Config{Hub: v.hub, Group: valley, Version: "0.2.0"}); err != nil {
			t.Fatal(err)
		}
		medium := ifacetest.NewMedium(o)
		v.medium = medium
		v.node = rnstest.Start(t, rns.Config{}, medium.Port("wire"))
		v.far = rnstest.Start(t, rns.Config{}, medium.Port("far"))
		d, err := v.node.NewDestination(rns.DestinationConfig{Identity: id, App: App, Aspects: []string{Aspect}, MaxRequestSize: MaxRequestSize})
		if err != nil {
			t.Fatal(err)
		}
		v.own = d.Hash()
		v.server.Register(d)
		v.push, v.notify = v.server.Couriers(CourierConfig{Transport: v.node.Transport, Identity: id})
		scheduler, err := delivery.New(delivery.Config{Hub: hub, Store: v.store, Air: oneAir{iface}})
		if err != nil {
			t.Fatal(err)
		}
		scheduler.Register(valley, group.DeliverPush, v.push)
		scheduler.Register(valley, group.DeliverNotify, v.notify)
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := scheduler.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { // what cmd does
			events := hub.Subscribe(64)
			defer events.Close()
			for {
				select {
				case <-events.Events():
					v.server.Changed()
				case <-ctx.Done():
					return
				}
			}
		})
		defer wg.Wait()
		defer cancel()
		v.join(v.bob, "Bob")
		if err := d.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		f(v)
	})
}

func (v *village) join(c group.Caller, name string) {
	v.t.Helper()
	if _, err := v.hub.Join(v.t.Context(), c, valley, group.JoinInput{Name: name}); err != nil {
		v.t.Fatal(err)
	}
}

func (v *village) post(c group.Caller, in group.PostInput) group.PostResult {
	v.t.Helper()
	r, err := v.hub.Post(v.t.Context(), c, valley, in)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *village) says(c group.Caller, text string) group.PostResult {
	v.t.Helper()
	return v.post(c, group.PostInput{Text: []byte(text)})
}

// rest lets time pass, and all that happens in it.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// villager is a member's program: it opens meshchat.notify, and keeps what the group tells it as docs/requests.md says.
type villager struct {
	v  *village
	id *rns.Identity
	group.Caller
	destination *rns.Destination
	deaf        atomic.Bool

	mu      sync.Mutex
	packets [][]byte
	pages   []*groupdv1.PageView
	news    []groupdv1.News
	mirror  mirror
	gaps    int
}

// villager joins somebody who wants to be told in a mode.
func (v *village) villager(number byte, name string, in group.NotificationsInput) *villager {
	v.t.Helper()
	id := rnstest.Identity(v.t, number)
	a := &villager{v: v, id: id, Caller: onlink.Caller(id.Public())}
	a.mirror.entries, a.mirror.members = map[uint64]*groupdv1.Entry{}, map[string]*groupdv1.Member{}
	var err error
	a.destination, err = v.far.NewDestination(rns.DestinationConfig{
		Identity: id, App: App, Aspects: []string{NotifyAspect}, Ratchets: &rns.RatchetConfig{Enforce: true},
		OnPacket: func(p *rns.ReceivedPacket) {
			if !a.deaf.Load() {
				a.take(p.Data)
				p.Prove()
			}
		},
	})
	if err != nil {
		v.t.Fatal(err)
	}
	if a.destination.Hash() != NotifyDestination(a.Identity) {
		v.t.Fatal("another destination")
	}
	if err := a.destination.Announce(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	rest(time.Second)
	v.join(a.Caller, name)
	a.prefers(in)
	head, _, err := v.hub.Follow(v.t.Context(), a.Caller, valley)
	if err != nil {
		v.t.Fatal(err)
	}
	a.mirror.cursor, a.mirror.complete = uint64(head.Rev), uint64(head.Rev)
	return a
}

func (a *villager) prefers(in group.NotificationsInput) {
	a.v.t.Helper()
	if _, err := a.v.hub.UpdateNotifications(a.v.t.Context(), a.Caller, valley, in); err != nil {
		a.v.t.Fatal(err)
	}
}

// take reads a notice.
func (a *villager) take(data []byte) {
	t := a.v.t
	if len(data) > groupdv1.MaxNotice {
		t.Errorf("a notice of %d bytes", len(data))
	}
	kind, body, err := groupdv1.OpenNotice(data, a.v.own, rnstest.Identity(t, 1).Public().Verify)
	if err != nil {
		t.Error(err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.packets = append(a.packets, data)
	switch kind {
	case groupdv1.NoticeNews:
		n, err := groupdv1.ParseNews(body)
		if err != nil {
			t.Error(err)
		}
		a.news = append(a.news, n)
	case groupdv1.NoticePage:
		a.takePage(body)
	}
}

// takePage keeps a page, from a notice or a link.
func (a *villager) takePage(body []byte) {
	t := a.v.t
	page, err := groupdv1.OpenPage(body, 0)
	if err != nil {
		t.Error(err)
		return
	}
	view, err := page.Spell()
	if err != nil {
		t.Error(err)
		return
	}
	a.pages = append(a.pages, view)
	switch {
	case view.GetFromRev() == view.GetToRev(): // single entries
	case view.GetFromRev() > a.mirror.cursor || view.GetFiltered() > 0:
		a.gaps++
	default:
		a.mirror.apply(view)
		a.mirror.cursor = max(a.mirror.cursor, view.GetToRev())
	}
}

// reads are the texts of all pages so far.
func (a *villager) reads() (texts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.pages {
		for _, e := range p.GetEntries() {
			texts = append(texts, e.GetText())
		}
	}
	return texts
}

// counts are how many packets came, and how many gaps were seen.
func (a *villager) counts() (packets, gaps int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.packets), a.gaps
}

// seen are the pages so far, told the news, first is the first packet, missed counts gaps, and entry is one that is kept.
func (a *villager) seen() []*groupdv1.PageView {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.pages)
}

func (a *villager) told() []groupdv1.News {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.news)
}

func (a *villager) first() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.packets[0]
}

func (a *villager) missed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gaps
}

func (a *villager) entry(seq group.Seq) *groupdv1.Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mirror.entries[uint64(seq)]
}

// hasEverything compares the mirror with the group.
func (a *villager) hasEverything() {
	t := a.v.t
	t.Helper()
	p, err := a.v.hub.Messages(t.Context(), a.Caller, valley, group.Query{BySeq: true, Limit: group.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mirror.cursor != uint64(p.Head.Rev) {
		t.Errorf("the cursor is %d of %d", a.mirror.cursor, p.Head.Rev)
	}
	for _, e := range p.Entries {
		if uint64(e.Written) <= a.mirror.complete {
			continue // it was there before
		}
		have := a.mirror.entries[uint64(e.Seq)]
		if have == nil || have.GetText() != string(e.Text) && have.GetFullLength() != uint32(len(e.Text)+len(e.Title)) || have.GetDeleted() != e.Deleted {
			t.Errorf("entry %d %q is %v", e.Seq, e.Text, have)
		}
	}
}

// tale is a text of a line, another one for each number.
func tale(i int) string {
	sum := sha256.Sum256([]byte{byte(i)})
	return fmt.Sprintf("the news of the day: %x", sum[:12])
}

// longTale is one that fits no packet.
func longTale() string {
	var all []string
	for i := range 60 {
		all = append(all, tale(i))
	}
	return strings.Join(all, "; ")
}

func in(mode group.DeliveryMode, more ...func(*group.NotificationsInput)) group.NotificationsInput {
	n := group.NotificationsInput{Mode: &mode}
	for _, set := range more {
		set(&n)
	}
	return n
}

func mentionsOnly(n *group.NotificationsInput) { n.MentionsOnly = proto.Bool(true) }
