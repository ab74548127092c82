package lxm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/moderation"
)

// digests lets somebody be told by digest.
func (p *postal) digests(name string) {
	p.prefs[name] = group.Preferences{Mode: group.DeliverDigest}
}

func TestADigestTellsHowMuchThereWasAndHowToReadIt(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		p.digests("cy")
		p.says("cy", "my own words")
		same(t, "cy, of his own posts, is told", p.reads("cy", byRadio()), nil)
		p.says("ann", "the bridge is out")
		p.says("bo", "Cy, do you have a boat?\nA big one")
		same(t, "of little cy is told all", p.reads("cy", byRadio()), []string{"※ Valley Net: 2 new posts, 1 to you\nAnn: the bridge is out\nBo: Cy, do you have a boat? A big one"})
		first := p.newest().Seq + 1
		for i := range 60 {
			p.says([]string{"ann", "bo"}[i%2], fmt.Sprintf("news number %d\nBo: from far away", i))
			time.Sleep(10 * time.Second)
		}
		p.says("dot", "/join Dot")
		got := p.reads("cy", byRadio())
		if len(got) != 1 {
			t.Fatalf("%d messages", len(got))
		}
		lines := strings.Split(got[0], "\n")
		if lines[0] != "※ Valley Net: 60 new posts, 1 joined" || !strings.HasSuffix(lines[len(lines)-2], "news number 59 Bo: from far away") ||
			lines[len(lines)-1] != fmt.Sprintf("※ All: /since #%d", first-1) {
			t.Errorf("cy reads %q", got)
		}
		for _, line := range lines[1 : len(lines)-1] {
			if !strings.HasPrefix(line, "Ann: news") && !strings.HasPrefix(line, "Bo: news") {
				t.Errorf("a line of nobody: %q", line)
			}
		}
		// The hint is a command that does what it says.
		if l := p.says("cy", strings.TrimPrefix(lines[len(lines)-1], "※ All: ")); len(l.answers) != 1 || !strings.Contains(l.answers[0].content, "news number 0") {
			t.Errorf("cy is answered %v", l.answers)
		}
		same(t, "and then", p.reads("cy", byRadio()), nil)
	})
}

func TestWhoWasAwayIsNotSentEveryPost(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		const posts = 620 // more than one page
		for i := range posts {
			if _, err := p.hub.Post(context.Background(), group.Caller{Local: true}, valley, group.PostInput{Text: fmt.Appendf(nil, "news number %d", i)}); err != nil {
				t.Fatal(err)
			}
		}
		got := p.reads("bo", byWire())
		if len(got) != 12 {
			t.Fatalf("%d messages: %q", len(got), got)
		}
		for i, text := range got[2:] {
			if want := fmt.Sprintf("Valley Net: news number %d", posts-10+i); text != want {
				t.Errorf("bo reads %q, want %q", text, want)
			}
		}
		if !strings.HasPrefix(got[0], "※ Valley Net: 489 new posts, 1 joined") || !strings.HasPrefix(got[1], "※ Valley Net: 121 new posts") {
			t.Errorf("bo reads %q", got[:2])
		}
	})
}

func TestADigestOfMentionsCountsThoseAlone(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.prefs["bo"] = group.Preferences{Mode: group.DeliverDigest, MentionsOnly: true}
		p.says("ann", "nothing for him")
		same(t, "bo reads", p.reads("bo", byWire()), nil)
		p.says("ann", "a boat for @bo")
		same(t, "bo reads", p.reads("bo", byWire()), []string{"※ Valley Net: 1 new post, 1 to you\nAnn: a boat for @bo"})
	})
}

func TestWhoIsMovedToDigestsIsToldOnce(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.digests("bo")
		p.says("ann", "hello")
		r := p.recipient("bo")
		r.Moved = true
		_, m, _ := p.one(p.server.Digest(), r, byRadio())
		if want := "※ Valley Net: 1 new post. Too much for this way: from now on one message every 6 h. /relay on takes that back\nAnn: hello"; m == nil || m.text() != want {
			t.Errorf("bo reads %q, want %q", m.text(), want)
		}
	})
}

func TestEmergenciesGoAlone(t *testing.T) {
	for _, mode := range []group.DeliveryMode{group.DeliverRelay, group.DeliverDigest} {
		t.Run(mode.String(), func(t *testing.T) {
			inPostal(t, func(t *testing.T, p *postal) {
				p.joins("ann", "bo")
				p.prefs["bo"] = group.Preferences{Mode: mode}
				p.says("ann", "small talk")
				ann := group.Caller{Identity: group.IdentityHash(identity(t, "ann").Hash())}
				if _, err := p.hub.UpdatePermissions(context.Background(), operator(), valley, group.PermissionsInput{
					Target: group.AnyHash(ann.Identity), Add: moderation.PermEmergency,
				}); err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{"the dam breaks", "leave the valley"} {
					if _, err := p.hub.Post(context.Background(), ann, valley, group.PostInput{Text: []byte(text), Emergency: true}); err != nil {
						t.Fatal(err)
					}
				}
				p.says("ann", "more talk")
				r := p.recipient("bo")
				r.Emergency = true
				c := p.server.Relay()
				if mode == group.DeliverDigest {
					c = p.server.Digest()
				}
				for _, way := range []delivery.Way{byWire(), byRadio()} {
					parcel, m, _ := p.one(c, r, way)
					if m == nil || m.text() != "Ann: the dam breaks\nAnn: leave the valley" {
						t.Fatalf("bo is alarmed by %v", m)
					}
					if parcel.To != r.After {
						t.Errorf("the small talk before it is passed over: %d", parcel.To)
					}
				}
				r.MentionsOnly = true
				if _, m, _ := p.one(c, r, byRadio()); m == nil || m.text() != "Ann: the dam breaks\nAnn: leave the valley" {
					t.Errorf("who wants mentions alone is alarmed by %v", m)
				}
			})
		})
	}
}
