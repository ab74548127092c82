package pages_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
)

// secrets is a group in which there is something of everything that not everybody may see. Ann owns it, Mod keeps order, Bob is a member, Gus
// is muted, Lou has left, Mal was banned with his posts, Zed was banned before he came, Dan waits, Fay is invited, Eve is nobody here, and
// Nel came when all had happened.
func secrets(t *testing.T, change func(*group.NewGroup)) *site {
	t.Helper()
	ctx := t.Context()
	s := newSite(t, func(n *group.NewGroup) {
		n.Public, n.Joining, n.PublicName, n.PrivateName, n.Topic = false, moderation.JoiningApprove, "Outside", "PRIVATENAME", "THETOPIC"
		change(n)
	})
	target := func(name string) group.AnyHash { return group.AnyHash(caller(name).Identity) }
	join := func(name string) {
		r := must(s.hub.Join(ctx, caller(name), valley, group.JoinInput{Name: name, Greeting: "hello"}))(t)
		if r.Standing == moderation.StandingPending {
			must(s.hub.Approve(ctx, operator(), valley, target(name)))(t)
		}
	}
	for _, name := range []string{"Ann", "Mod", "Bob", "Gus", "Lou", "Mal"} {
		join(name)
	}
	for name, role := range map[string]moderation.Role{"Ann": moderation.RoleOwner, "Mod": moderation.RoleModerator} {
		must(s.hub.UpdatePermissions(ctx, operator(), valley, group.PermissionsInput{Target: target(name), Role: role}))(t)
	}
	says := func(name, text string) {
		status := text
		must(s.hub.UpdateProfile(ctx, caller(name), valley, group.ProfileInput{Status: &status}))(t)
	}
	says("Bob", "BOBSTATUS")
	says("Lou", "LOUSTATUS")
	post := s.attach("Bob", "OLDPOST about snow", attachment(group.AttachFile, "OLDFILE.txt", []byte("x")))
	must(s.hub.Pin(ctx, caller("Ann"), valley, post, false))(t)
	must(s.hub.React(ctx, caller("Ann"), valley, group.ReactInput{Seq: post, Text: "REACT"}))(t)
	gone := s.attach("Bob", "DELETED about snow", attachment(group.AttachFile, "DELFILE.txt", []byte("x")))
	must(s.hub.Post(ctx, caller("Ann"), valley, group.PostInput{Text: []byte("ANSWER about snow"), Ref: gone}))(t)
	must(s.hub.Report(ctx, caller("Gus"), valley, group.ReportInput{Seq: post, Reason: "REPORTREASON"}))(t)
	must(s.hub.Report(ctx, caller("Gus"), valley, group.ReportInput{Seq: gone, Reason: "SETTLEDREASON"}))(t)
	must(s.hub.SettleReports(ctx, caller("Mod"), valley, gone, "SETTLENOTE"))(t)
	must(s.hub.Delete(ctx, caller("Mod"), valley, group.DeleteInput{Seqs: []group.Seq{gone}}))(t)
	edited := s.posts("Bob", "FIRSTTEXT about snow")
	must(s.hub.Edit(ctx, caller("Bob"), valley, group.EditInput{Seq: edited, Post: group.PostInput{Text: []byte("SECONDTEXT about snow")}}))(t)
	s.attach("Mal", "MALPOST about snow", attachment(group.AttachFile, "MALFILE.txt", []byte("x")))
	s.posts("Lou", "LOUPOST about snow")
	must(s.hub.Mute(ctx, caller("Mod"), valley, group.MuteInput{Target: target("Gus"), Reason: "MUTEREASON"}))(t)
	must(s.hub.Ban(ctx, caller("Mod"), valley, group.BanInput{Target: target("Mal"), Reason: "MALREASON", Purge: true}))(t)
	must(s.hub.Ban(ctx, caller("Mod"), valley, group.BanInput{Target: target("Zed"), Reason: "ZEDREASON"}))(t)
	must(s.hub.Leave(ctx, caller("Lou"), valley))(t)
	must(s.hub.Join(ctx, caller("Dan"), valley, group.JoinInput{Name: "DANNAME", Greeting: "DANGREETING"}))(t)
	must(s.hub.CreateInvite(ctx, caller("Ann"), valley, group.InviteInput{For: target("Fay")}))(t)
	join("Nel")
	s.posts("Ann", "NEWPOST about snow")
	return s
}

// asks is what somebody can ask of a page: each entry, each person, in all the ways.
func (s *site) asks(path string) []map[string]string {
	asks := []map[string]string{nil, {"var_q": "snow"}, {"var_before": "9"}, {"var_after": "1"}}
	named := strings.TrimSuffix(strings.TrimPrefix(path, "/page/"), ".mu")
	posts := !slices.Contains(peoplePages, named) && !slices.Contains(otherPages, named)
	people := !slices.Contains(otherPages, named) && !slices.Contains([]string{"index", "history", "entry", "post"}, named)
	for seq := group.Seq(1); posts && seq < mustInfo(s.t, s).Head.Seq+2; seq++ {
		n := fmt.Sprint(seq)
		asks = append(asks, map[string]string{"var_seq": n, "var_to": n, "var_before": n}, map[string]string{"var_seq": n, "var_do": "delete", "var_edit": n, "var_after": n}, map[string]string{"var_seq": n, "var_do": "report"})
	}
	for _, who := range []string{"Bob", "Gus", "Lou", "Mal", "Zed", "Dan", "Fay"} {
		h := caller(who).Identity.String()
		if people {
			asks = append(asks, map[string]string{"var_who": h}, map[string]string{"field_g_who": strings.ToLower(who)}, map[string]string{"var_who": h[:6], "var_do": "erase"})
		}
	}
	return asks
}

// Pages that take no number of a post, and those that take nothing that names anything. A page that is in neither list is asked everything.
var (
	peoplePages = []string{"members", "member", "kick", "ban", "mute", "role", "transfer", "moderate", "waiting", "reports", "bans", "audit", "invites", "circle"}
	otherPages  = []string{"help", "disclosure", "kinds", "directory", "join", "leave", "forget", "claim", "me", "delivery", "settings", "setting", "names", "groups", "create", "clone", "delete"}
)

// shows is all that a person finds on all pages, whatever he asks for.
func (s *site) shows(name string) string {
	who := group.Caller{}
	if name != "" {
		who = caller(name)
	}
	var all strings.Builder
	for _, path := range append(s.pages.Paths(), "/page/new.mu") {
		for _, data := range s.asks(path) {
			if name == "" {
				if raw := s.pages.Handle(s.t.Context(), who, rns.LinkID{1}, path, packed(data)); bytes.Contains(raw, []byte("*|n=")) {
					s.t.Errorf("%s with %v has a form for nobody:\n%s", path, data, raw)
				}
			}
			all.WriteString(s.ask(who, 1, path, data))
		}
	}
	return strings.Join(strings.Fields(all.String()), " ")
}

// Each sees what he may see, on whatever page, in each kind of group; what is erased nobody sees.
func TestEachSeesWhatHeMaySee(t *testing.T) {
	const (
		nobody   = 0
		strange  = 1 << iota // has not identified, or is nobody here
		waits                // to join
		invited              //
		outside              // has left
		banned               //
		new                  // came when all had happened
		member               //
		muted                //
		mod                  //
		owner                //
		staff    = mod | owner
		here     = new | member | muted | staff
		old      = member | muted | staff
		everyone = strange | waits | invited | outside | here
	)
	people := map[string]int{"": strange, "Eve": strange, "Dan": waits, "Fay": invited, "Lou": outside, "Mal": banned, "Nel": new, "Bob": member, "Gus": muted, "Mod": mod, "Ann": owner}
	// In an open group nobody waits.
	for _, g := range []struct {
		name                      string
		change                    func(*group.NewGroup)
		named, people, told, past int // who sees the names and the topic, who is here, what was said last, what was said before that
	}{
		{"private", func(*group.NewGroup) {}, here, here, here, here},
		{"of which newcomers see nothing old", func(n *group.NewGroup) { n.Policy.History = moderation.HistoryStay }, here, here, here, old},
		{"public", func(n *group.NewGroup) { n.Public = true }, everyone, here, here, here},
		{"public and open", func(n *group.NewGroup) { n.Public, n.Joining = true, moderation.JoiningOpen }, everyone, everyone, everyone, everyone},
	} {
		want := map[string]int{
			"PRIVATENAME": g.named, "THETOPIC": g.named, "BOBSTATUS": g.people, "MUTEREASON": g.people, "Bob": g.people,
			"NEWPOST": g.told, "OLDPOST": g.past, "OLDFILE": g.past, "REACT": g.past, "ANSWER": g.past, "SECONDTEXT": g.past, "LOUPOST": g.past, "MALREASON": g.past | banned,
			"FIRSTTEXT": nobody, "DELETED": nobody, "DELFILE": nobody, "MALPOST": nobody, "MALFILE": nobody, "LOUSTATUS": nobody, "SETTLEDREASON": nobody,
			"REPORTREASON": staff, "SETTLENOTE": owner, "DANNAME": staff | waits, "DANGREETING": staff | waits, "FAYHASH": staff,
		}
		if g.people == everyone {
			want["DANNAME"], want["DANGREETING"] = everyone, nobody
		}
		t.Run(g.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := secrets(t, g.change)
				ctx, cancel := context.WithCancel(t.Context())
				over := make(chan error)
				go func() { over <- s.hub.Run(ctx) }()
				time.Sleep(time.Minute) // what goes with a ban is hidden
				fay := []string{caller("Fay").Identity.String()[:8], group.AddressOf(caller("Fay").Identity).String()[:8]}
				for name, role := range people {
					shown := s.shows(name)
					if leads := strings.Contains(shown, "| Moderate |"); leads != (role&staff != 0) {
						t.Errorf("%q is led to the page for moderators: %v", name, leads)
					}
					for word, who := range want {
						sees := strings.Contains(shown, word)
						if word == "FAYHASH" {
							sees = strings.Contains(shown, ": for "+fay[0]) || strings.Contains(shown, ": for "+fay[1])
						}
						if sees != (who&role != 0) {
							t.Errorf("%q sees %s: %v", name, word, sees)
						}
					}
				}
				cancel()
				if err := <-over; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Each is offered what he may do, and nothing else.
func TestEachIsOfferedWhatHeMayDo(t *testing.T) {
	const reads = "In the history"
	for _, c := range []struct {
		who, page, offered string
	}{
		{"", "entry.mu`seq=OLD", reads},
		{"Eve", "entry.mu`seq=OLD", reads},
		{"Nel", "entry.mu`seq=OLD", reads + ", Answer, Report, React"},
		{"Gus", "entry.mu`seq=OLD", reads + ", Answer, Report, React"},
		{"Bob", "entry.mu`seq=OLD", reads + ", Answer, Edit, Delete, React"},
		{"Mod", "entry.mu`seq=OLD", reads + ", Answer, Report, Delete, Pin, React"},
		{"Ann", "entry.mu`seq=OLD", reads + ", Answer, Report, Delete, Pin, React, Take mine back"},
		{"Nel", "member.mu`who=bob", ""},
		{"Bob", "member.mu`who=bob", "This is you"},
		{"Mod", "member.mu`who=bob", "Mute, Kick, Ban, Move to another identity, Delete all posts"},
		{"Ann", "member.mu`who=bob", "Mute, Kick, Ban, Role and permissions, Move to another identity, Delete all posts"},
		{"Mod", "member.mu`who=ann", ""},
		{"Nel", "member.mu`who=gus", ""},
		{"Mod", "member.mu`who=gus", "Let write again, Kick, Ban, Move to another identity, Delete all posts"},
		{"Ann", "role.mu`who=ann", ""},
		{"Ann", "role.mu`who=mod", "Change the role, Save the permissions"},
		{"Mod", "moderate.mu", "Who waits to join, What was reported, Who is banned, Invites, Begin a lockdown"},
		{"Nel", "moderate.mu", ""},
	} {
		s := secrets(t, func(n *group.NewGroup) { n.Public, n.Joining = true, moderation.JoiningOpen })
		old := must(s.hub.Search(t.Context(), operator(), valley, group.SearchInput{Text: "oldpost"}))(t).Entries[0].Seq
		must(s.hub.Pin(t.Context(), operator(), valley, old, true))(t)
		b := s.browser(c.who, micron.NomadNet)
		s.open(b, ":/page/"+strings.ReplaceAll(c.page, "OLD", fmt.Sprint(old)))
		var offered []string
		for _, label := range b.Labels() {
			if !slices.Contains([]string{"Group", "History", "Write", "Members", "Me", "Moderate", "Help", "Join", "Bob", "OLDFILE.txt (1 B)"}, label) {
				offered = append(offered, label)
			}
		}
		if got := strings.Join(offered, ", "); got != c.offered {
			t.Errorf("%q is offered on %s: %s", c.who, c.page, got)
		}
	}
}
