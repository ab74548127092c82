package requests

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/onlink"
	"groupd/group"
	"groupd/group/memory"
	"groupd/lxmf"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// town is a server on which people make groups of their own, in a bubble; everybody else is on another node, and asks over links.
type town struct {
	t         *testing.T
	hub       *group.Hub
	home, far *rnstest.Node
	keys      byte
	square    *room // the operator's group, where everybody starts
}

// inTown runs a story.
func inTown(t *testing.T, f func(w *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &town{t: t, keys: 150}
		hub, err := group.New(group.Config{
			Store: memory.New(), Groups: group.Creating{Who: moderation.CreatingAnyone, Cost: -1, Cooldown: time.Minute},
			NewIdentity: func() (public, private []byte, err error) {
				w.keys++
				id := rnstest.Identity(t, w.keys)
				return id.Public().PublicKey(), id.PrivateKey(), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.hub = hub
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: 10 * time.Millisecond})
		w.home, w.far = rnstest.Start(t, rns.Config{}, medium.Port("home")), rnstest.Start(t, rns.Config{}, medium.Port("far"))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := hub.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		defer wg.Wait()
		defer cancel()
		g, err := hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: "square", Preset: "public", PublicName: "The Square"})
		if err != nil {
			t.Fatal(err)
		}
		w.square = w.opens(g.Identity)
		f(w)
	})
}

// citizen is somebody with a program of his own.
type citizen struct {
	group.Caller
	name string
	keys *rns.Identity
}

func (w *town) citizen(number byte, name string) *citizen {
	id := rnstest.Identity(w.t, number)
	return &citizen{onlink.Caller(id.Public()), name, id}
}

// room is a group that is served.
type room struct {
	*town
	group.Info
	keys *rns.Identity
	d    *rns.Destination
}

// makes has somebody make a group, and serves it.
func (w *town) makes(c *citizen, q *groupdv1.CreateGroupRequest) *room {
	w.t.Helper()
	q.MyName = c.name
	reply := &groupdv1.GroupReply{}
	w.square.asks(c, "/groups/create", q, reply)
	if reply.GetStatus().GetCode() != ok {
		w.t.Fatalf("making a group: %v", reply.GetStatus())
	}
	return w.opens(group.IdentityHash(reply.GetGroup().GetIdentity()))
}

// opens serves a group.
func (w *town) opens(identity group.IdentityHash) *room {
	w.t.Helper()
	operator := group.Caller{Local: true}
	all, err := w.hub.Groups(w.t.Context(), operator)
	i := slices.IndexFunc(all, func(in group.Info) bool { return in.Identity == identity })
	if err != nil || i < 0 {
		w.t.Fatal(i, err)
	}
	private, err := w.hub.PrivateKey(w.t.Context(), operator, all[i].Group)
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := rns.LoadIdentity(private)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := New(Config{Hub: w.hub, Group: all[i].Group, Version: "0.2.0"})
	if err != nil {
		w.t.Fatal(err)
	}
	r := &room{town: w, Info: all[i], keys: id}
	r.d, err = w.home.NewDestination(rns.DestinationConfig{Identity: id, App: App, Aspects: []string{Aspect}, MaxRequestSize: MaxRequestSize})
	if err != nil {
		w.t.Fatal(err)
	}
	s.Register(r.d)
	return r
}

// listed is what somebody sees on the server, beside the square.
func (w *town) listed(c *citizen) (names []string) {
	w.t.Helper()
	reply := &groupdv1.GroupsReply{}
	w.square.asks(c, "/groups", &groupdv1.GroupsRequest{MaxBytes: 20_000}, reply)
	for _, g := range reply.GetGroups() {
		if g.GetName() != "The Square" {
			names = append(names, g.GetName()+", "+g.GetPreset())
		}
	}
	slices.Sort(names)
	return names
}

// ends asks for the end of the group.
func (r *room) ends(c *citizen, want groupdv1.Code) {
	r.t.Helper()
	r.does(c, "/groups/delete", &groupdv1.DeleteGroupRequest{Group: r.Identity[:]}, want)
}

// asks makes a request over a link of its own; nobody: without saying who asks.
func (r *room) asks(c *citizen, path string, q, into proto.Message) {
	r.t.Helper()
	ctx := r.t.Context()
	if err := r.d.Announce(ctx); err != nil { // a path lasts a week
		r.t.Fatal(err)
	}
	rest(time.Second)
	l, err := r.far.OpenLink(ctx, r.far.NewRemote(r.keys.Public(), App, Aspect))
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	if c != nil {
		if err := l.Identify(c.keys); err != nil {
			r.t.Fatal(err)
		}
	}
	reply, err := l.Request(ctx, Prefix+path, msgpack.Bin(mustMarshal(q)), rns.RequestOptions{})
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	b, _ := reply.Data.Bin()
	if err := proto.Unmarshal(b, into); err != nil {
		r.t.Fatalf("%s: %x: %v", path, b, err)
	}
}

// does makes a request whose answer has this code, and returns what it says of it.
func (r *room) does(c *citizen, path string, q proto.Message, want groupdv1.Code) string {
	r.t.Helper()
	ack := &groupdv1.Ack{}
	r.asks(c, path, q, ack)
	if st := ack.GetStatus(); st.GetCode() != want {
		r.t.Fatalf("%s: %v, want %v", path, st, want)
	}
	return ack.GetStatus().GetMessage()
}

// says posts a text in LXMF's signed form.
func (r *room) says(c *citizen, text string, want groupdv1.Code, answers ...uint64) (seq uint64, why string) {
	r.t.Helper()
	m, err := lxmf.Pack(c.keys, lxmf.Draft{Destination: rns.DestinationHash(r.Address), Timestamp: float64(time.Now().UnixMilli()) / 1000, Content: []byte(text)})
	if err != nil {
		r.t.Fatal(err)
	}
	q, reply := &groupdv1.SendRequest{Message: m.Packed()}, &groupdv1.SendReply{}
	if len(answers) > 0 {
		q.Ref = answers[0]
	}
	if r.asks(c, "/messages/send", q, reply); reply.GetStatus().GetCode() != want {
		r.t.Fatalf("%q: %v, want %v", text, reply.GetStatus(), want)
	}
	return reply.GetSeq(), reply.GetStatus().GetMessage()
}

// joins asks to join.
func (r *room) joins(c *citizen, want groupdv1.StandingCode, change ...func(*groupdv1.JoinRequest)) {
	r.t.Helper()
	q, reply := &groupdv1.JoinRequest{Name: c.name}, &groupdv1.JoinReply{}
	for _, f := range change {
		f(q)
	}
	if r.asks(c, "/join", q, reply); reply.GetStanding().GetCode() != want {
		r.t.Fatalf("%s joins: %v, want %v", c.name, reply, want)
	}
}

func (r *room) info(c *citizen) *groupdv1.InfoReply {
	r.t.Helper()
	reply := &groupdv1.InfoReply{}
	r.asks(c, "/info", &groupdv1.InfoRequest{}, reply)
	return reply
}

// reads is the newest part of the timeline, a line for each entry.
func (r *room) reads(c *citizen) (lines []string) {
	r.t.Helper()
	reply := &groupdv1.MessagesReply{}
	r.asks(c, "/messages", &groupdv1.MessagesRequest{Limit: 50, MaxBytes: 20_000}, reply)
	if reply.GetStatus().GetCode() != groupdv1.Code_OK {
		r.t.Fatalf("reading: %v", reply.GetStatus())
	}
	for _, e := range openReply(r.t, mustMarshal(reply)).GetEntries() {
		line := fmt.Sprint(e.GetSender().GetName(), " ", e.GetKind())
		switch {
		case e.GetDeleted():
			line += " deleted"
		case e.GetSubject() != nil:
			line += " " + e.GetSubject().GetName() + " " + e.GetText()
		case e.GetText() != "":
			line += " " + e.GetText()
		}
		lines = append(lines, line)
	}
	return lines
}

// state is the group as somebody learns of it who synchronises.
func (r *room) state(c *citizen) *groupdv1.GroupState {
	r.t.Helper()
	reply := &groupdv1.MessagesReply{}
	r.asks(c, "/messages", &groupdv1.MessagesRequest{AfterRev: proto.Uint64(0), MaxBytes: 20_000}, reply)
	return openReply(r.t, mustMarshal(reply)).GetGroup()
}

// sees checks that somebody else reads these entries, in this order.
func (r *room) sees(c *citizen, want ...string) {
	r.t.Helper()
	lines := r.reads(c)
	rest := want
	for _, line := range lines {
		if len(rest) > 0 && line == rest[0] {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		r.t.Fatalf("nobody reads %q in\n%q", rest[0], lines)
	}
}

// lists is who is there, with roles.
func (r *room) lists(c *citizen) (names []string) {
	r.t.Helper()
	reply := &groupdv1.MembersReply{}
	r.asks(c, "/members", &groupdv1.MembersRequest{MaxBytes: 20_000}, reply)
	for _, m := range reply.GetMembers() {
		name := m.GetName()
		if m.GetRole() != groupdv1.Role_ROLE_MEMBER {
			name += " " + moderation.Role(m.GetRole()).String()
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
