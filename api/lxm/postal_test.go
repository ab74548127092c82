package lxm_test

import (
	"context"
	"strings"
	"testing"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
)

// post is a message that a courier carried, as its recipient's program has it.
type post struct {
	*lxmf.Message
	parcel delivery.Parcel
}

func (p post) text() string { return string(p.Content) }

// postal has the couriers of a house carry everything at once.
type postal struct {
	*house
	carried []lxm.Outbound
	outcome func(lxm.Outbound) (delivery.Outcome, error) // nil: proved
	cursors map[string]group.Rev
	prefs   map[string]group.Preferences
}

// inPostal runs f with a public group whose couriers can be asked, in a bubble.
func inPostal(t *testing.T, f func(*testing.T, *postal), change ...func(*group.NewGroup, *group.Config, *lxm.Config)) {
	t.Helper()
	p := &postal{cursors: make(map[string]group.Rev), prefs: make(map[string]group.Preferences)}
	inHouse(t, func(t *testing.T, h *house) {
		p.house = h
		f(t, p)
	}, append([]func(*group.NewGroup, *group.Config, *lxm.Config){open, func(_ *group.NewGroup, _ *group.Config, c *lxm.Config) {
		c.Address = group.AddressOf(group.IdentityHash(identity(t, "the group").Hash()))
		c.Estimate = func(o lxm.Outbound) (lxmf.Airtime, error) {
			return lxmf.Airtime{Packets: 1, Bytes: 200 + len(o.Content), Answers: 1}, nil
		}
		c.Carry = func(_ context.Context, o lxm.Outbound) (delivery.Outcome, error) {
			p.carried = append(p.carried, o)
			if p.outcome != nil {
				return p.outcome(o)
			}
			return delivery.Proved, nil
		}
	}}, change...)...)
}

// joins makes people members, who are relayed to from then on.
func (p *postal) joins(names ...string) {
	p.t.Helper()
	for _, name := range names {
		p.says(name, "/join "+strings.ToUpper(name[:1])+name[1:])
		p.cursors[name] = p.head()
	}
}

func (p *postal) head() group.Rev {
	p.t.Helper()
	info, err := p.hub.Info(context.Background(), operator(), valley)
	if err != nil {
		p.t.Fatal(err)
	}
	return info.Head.Rev
}

func byWire() delivery.Way  { return delivery.Way{Interface: "wire", Hops: 1} }
func byRadio() delivery.Way { return delivery.Way{Interface: "radio", Hops: 1, Slow: true} }

func (p *postal) recipient(name string) delivery.Recipient {
	p.t.Helper()
	id := group.IdentityHash(identity(p.t, name).Hash())
	r := delivery.Recipient{Group: valley, Preferences: p.prefs[name], After: p.cursors[name]}
	if err := p.store.View(context.Background(), func(tx group.ReadTx) (err error) {
		r.Member, err = tx.Member(valley, id)
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	if r.Mode == group.DeliverFetch {
		r.Mode = group.DeliverRelay
	}
	return r
}

// one has a courier make one parcel and carry it, unless it is empty.
func (p *postal) one(c delivery.Courier, r delivery.Recipient, way delivery.Way) (delivery.Parcel, *post, delivery.Outcome) {
	p.t.Helper()
	parcel, err := c.Prepare(context.Background(), r, way)
	if err != nil {
		p.t.Fatal(err)
	}
	if parcel.To < r.After {
		p.t.Fatalf("a parcel up to %d for one who has %d", parcel.To, r.After)
	}
	if parcel.Bytes == 0 {
		return parcel, nil, delivery.Proved
	}
	outcome := c.Carry(context.Background(), parcel)
	o := p.carried[len(p.carried)-1]
	m, err := lxmf.Pack(p.self, lxmf.Draft{Destination: o.To, Timestamp: o.Time, Content: o.Content, Fields: o.Fields})
	if err != nil {
		p.t.Fatal(err)
	}
	if !lxm.Marked(m.Fields) {
		p.t.Errorf("without a marker: %q", m.Content)
	}
	if n := len(m.WithStamp(make([]byte, lxmf.StampLength)).OpportunisticData()); way.Slow && n > lxmf.MaxOpportunistic {
		p.t.Errorf("%d bytes for a packet: %q", n, m.Content)
	}
	for _, hidden := range []int64{lxmf.FieldEmbeddedMessages, lxmf.FieldTelemetry, lxmf.FieldTelemetryStream, lxmf.FieldCommands, lxmf.FieldTicket, lxmf.FieldCustomMeta} {
		if m.Fields.Has(hidden) {
			p.t.Errorf("field %#x is relayed: %q", hidden, m.Content)
		}
	}
	return parcel, &post{m, parcel}, outcome
}

// gets is all that a member is sent now.
func (p *postal) gets(name string, way delivery.Way) (posts []post) {
	p.t.Helper()
	for range 1000 {
		r := p.recipient(name)
		if r.After >= p.head() {
			return posts
		}
		c := p.server.Relay()
		if r.Mode == group.DeliverDigest {
			c = p.server.Digest()
		}
		parcel, m, outcome := p.one(c, r, way)
		if m != nil {
			posts = append(posts, *m)
		}
		if outcome == delivery.Proved {
			if parcel.To == r.After && m == nil {
				p.t.Fatalf("%s: nothing to send, and the cursor stays at %d", name, r.After)
			}
			p.cursors[name] = parcel.To
		}
	}
	p.t.Fatalf("%s is sent messages for ever", name)
	return nil
}

// reads is gets, as texts.
func (p *postal) reads(name string, way delivery.Way) (texts []string) {
	p.t.Helper()
	for _, m := range p.gets(name, way) {
		texts = append(texts, m.text())
	}
	return texts
}

// entry reads one entry.
func (p *postal) entry(seq group.Seq) group.Entry {
	p.t.Helper()
	page, err := p.hub.Messages(context.Background(), operator(), valley, group.Query{Seqs: []group.Seq{seq}})
	if err != nil || len(page.Entries) != 1 {
		p.t.Fatalf("entry %d: %v, %v", seq, page.Entries, err)
	}
	return page.Entries[0]
}

func (p *postal) newest() group.Entry {
	p.t.Helper()
	page, err := p.hub.Messages(context.Background(), operator(), valley, group.Query{Newest: true, Limit: 1})
	if err != nil || len(page.Entries) != 1 {
		p.t.Fatalf("%v, %v", page.Entries, err)
	}
	return page.Entries[0]
}

func answering(id lxmf.MessageID) func(*lxmf.Draft) {
	return func(d *lxmf.Draft) { d.Fields.SetReplyTo(id) }
}

func quiet(d *lxmf.Draft) { d.Content = nil }

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n--\n") != strings.Join(want, "\n--\n") {
		t.Errorf("%s:\n%q\nwant\n%q", what, got, want)
	}
}
