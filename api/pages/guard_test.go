package pages_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
)

// guarded is a form, and how it is filled in and sent: by one link, or by two where a second page asks.
type guarded struct {
	name, who, open string
	fill, tick      []string // name, text or value, …
	links           []string
	done            string
	new             group.NewGroup
}

// guardedForms are all forms but those about posts. Ann owns the group, Mod keeps order, Bob is a member, Dan waits, Eve is outside, Fay is
// invited, Mal is banned, Gus is muted.
func guardedForms() []guarded {
	who := func(name string) string { return "`who=" + hash(name).String() }
	open := group.NewGroup{Public: true}
	return []guarded{
		{name: "join", who: "Eve", open: "join.mu", fill: []string{"name", "Eve"}, links: []string{"Join"}, done: "Welcome! You are Eve.", new: open},
		{name: "ask to join", who: "Eve", open: "join.mu", fill: []string{"name", "Eve"}, links: []string{"Join"}, done: "You have asked to join"},
		{name: "change a request", who: "Dan", open: "join.mu", fill: []string{"name", "Daniel"}, links: []string{"Change my request"}, done: "as Daniel."},
		{name: "decline", who: "Fay", open: "join.mu", links: []string{"Decline the invite"}, done: "You have declined"},
		{name: "claim", who: "Eve", open: "claim.mu", fill: []string{"name", "Eve", "code", "CODE"}, links: []string{"Become the owner"}, done: "you own this group now"},
		{name: "leave", who: "Bob", open: "leave.mu", links: []string{"Yes, leave"}, done: "You have left."},
		{name: "take a request back", who: "Dan", open: "leave.mu", links: []string{"Yes, take it back"}, done: "is taken back"},
		{name: "forget", who: "Bob", open: "forget.mu", links: []string{"Yes, erase it all"}, done: "It is being erased."},
		{name: "profile", who: "Bob", open: "me.mu", fill: []string{"name", "Bobby"}, links: []string{"Save"}, done: "Saved."},
		{name: "invites", who: "Bob", open: "me.mu", links: []string{"Want none"}, done: "Saved."},
		{name: "delivery", who: "Bob", open: "delivery.mu", tick: []string{"mode", "digest"}, links: []string{"Save"}, done: "Saved."},
		{name: "approve", who: "Mod", open: "waiting.mu", links: []string{"Approve"}, done: "is a member now, and was told."},
		{name: "approve a person", who: "Mod", open: "member.mu" + who("Dan"), links: []string{"Approve"}, done: "is a member now, and was told."},
		{name: "reject", who: "Mod", open: "member.mu" + who("Dan"), fill: []string{"reason", "no"}, links: []string{"Reject"}, done: "was turned away"},
		{name: "unmute", who: "Mod", open: "member.mu" + who("Gus"), links: []string{"Let write again"}, done: "can write again."},
		{name: "unban", who: "Mod", open: "member.mu" + who("Mal"), links: []string{"Lift the ban"}, done: "may join again."},
		{name: "undo", who: "Mod", open: "member.mu" + who("Mal"), links: []string{"Bring back the hidden posts"}, done: "The posts come back"},
		{name: "delete all", who: "Mod", open: "member.mu" + who("Bob") + "|do=erase", links: []string{"Yes, delete it all"}, done: "1 post deleted."},
		{name: "mute", who: "Mod", open: "mute.mu" + who("Bob"), fill: []string{"for", "2h"}, links: []string{"Mute"}, done: "can not write"},
		{name: "kick", who: "Mod", open: "kick.mu" + who("Bob"), links: []string{"Go on", "Yes, kick"}, done: "is removed."},
		{name: "ban", who: "Mod", open: "ban.mu" + who("Bob"), tick: []string{"purge", "1"}, links: []string{"Go on", "Yes, ban"}, done: "is banned."},
		{name: "ban by name", who: "Mod", open: "ban.mu", fill: []string{"who", "Bob"}, links: []string{"Go on", "Yes, ban"}, done: "is banned."},
		{name: "role", who: "Ann", open: "role.mu" + who("Bob"), tick: []string{"role", "admin"}, links: []string{"Change the role"}, done: "Bob is admin now."},
		{name: "owner", who: "Ann", open: "role.mu" + who("Bob"), tick: []string{"role", "owner"}, links: []string{"Change the role", "Yes, do it"}, done: "Bob is owner now."},
		{name: "permissions", who: "Ann", open: "role.mu" + who("Bob"), tick: []string{"p_kick", "1"}, links: []string{"Save the permissions"}, done: "Saved the permissions"},
		{name: "transfer", who: "Ann", open: "transfer.mu" + who("Bob"), fill: []string{"to", hash("Dan").String()}, links: []string{"Go on", "Yes, move it"}, done: "belongs to"},
		{name: "lockdown", who: "Mod", open: "moderate.mu", links: []string{"Begin a lockdown"}, done: "There is a lockdown", new: open},
		{name: "settle", who: "Mod", open: "reports.mu", links: []string{"Settle"}, done: "are settled."},
		{name: "invite", who: "Mod", open: "invites.mu", links: []string{"Make an invite"}, done: "The code is shown only now"},
		{name: "revoke", who: "Ann", open: "invites.mu", links: []string{"Take back"}, done: "is taken back."},
		{name: "setting", who: "Ann", open: "setting.mu`key=slow_mode", fill: []string{"value", "5m"}, links: []string{"Save"}, done: "slow_mode: 5m"},
		{name: "names", who: "Ann", open: "names.mu", fill: []string{"public", "New", "topic", "new"}, links: []string{"Save"}, done: "Saved."},
		{name: "create", who: "Bob", open: "create.mu", fill: []string{"title", "Mine"}, links: []string{"Make it"}, done: "It is made, and yours."},
		{name: "clone", who: "Ann", open: "clone.mu", fill: []string{"without", "Bob"}, tick: []string{"sure", "1"}, links: []string{"Make it"}, done: "It is made, and yours."},
		{name: "delete", who: "Ann", open: "delete.mu", fill: []string{"title", "Valley"}, links: []string{"Yes, delete the group"}, done: "The group is deleted."},
		{name: "establish", who: "Ann", open: "circle.mu", links: []string{"Establish the group"}, done: "The group is established.", new: group.NewGroup{Preset: "circle"}},
	}
}

// populate makes the people of guardedForms.
func (w *town) populate(t *testing.T) (code string) {
	ctx := t.Context()
	info := must(w.hub.Info(ctx, operator(), valley))(t)
	code = must(w.hub.NewClaimCode(ctx, operator(), valley))(t).Code
	if info.Preset == "circle" {
		return code
	}
	w.join("Mod", moderation.RoleModerator)
	for _, name := range []string{"Bob", "Mal", "Gus"} {
		w.join(name, 0)
		must(w.hub.Post(ctx, caller(name), valley, group.PostInput{Text: []byte("hello from " + name)}))(t)
	}
	must(w.hub.Ban(ctx, caller("Ann"), valley, group.BanInput{Target: hash("Mal"), Purge: true}))(t)
	must(w.hub.Mute(ctx, caller("Ann"), valley, group.MuteInput{Target: hash("Gus")}))(t)
	must(w.hub.CreateInvite(ctx, caller("Ann"), valley, group.InviteInput{For: hash("Fay")}))(t)
	page := must(w.hub.Messages(ctx, caller("Ann"), valley, group.Query{Newest: true, NoEvents: true}))(t)
	must(w.hub.Report(ctx, caller("Bob"), valley, group.ReportInput{Seq: page.Entries[len(page.Entries)-1].Seq}))(t)
	if info.Joining == moderation.JoiningApprove {
		must(w.hub.Join(ctx, caller("Dan"), valley, group.JoinInput{Name: "Dan"}))(t)
	}
	return code
}

// sends is what following a link would send, without sending it.
func (v *visitor) sends(label string) (path string, data map[string]string) {
	v.town.t.Helper()
	v.Get = func(p string, d map[string]string) []byte {
		path, data = p, maps.Clone(d)
		return nil
	}
	defer func() { v.Get = v.get }()
	if err := v.Follow(label); err == nil || path == "" {
		v.town.t.Fatalf("%q can not be followed (%v):\n%s", label, err, v.Text())
	}
	return path, data
}

// ask sends something as somebody, over some link.
func (w *town) ask(who group.Caller, link rns.LinkID, path string, data map[string]string) string {
	w.t.Helper()
	raw := w.server.Handle(w.t.Context(), who, link, path, packed(data))
	checkPage(w.t, path, raw)
	return strings.Join(micron.Parse(raw, micron.NomadNet).Plain(), "\n")
}

// A form does something once, when it was shown to the one who sends it on this link; whatever comes from elsewhere does nothing.
func TestNoFormDoesAnythingForALinkOfAnotherPage(t *testing.T) {
	for _, f := range guardedForms() {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, f.new)
				code := w.populate(t)
				v := w.visitor(micron.NomadNet, f.who)
				v.opens(f.open)
				for i, text := range f.fill {
					if text == "CODE" {
						f.fill[i] = code
					}
				}
				v.fills(f.fill...).ticks(f.tick...)
				for step, label := range f.links {
					path, data := v.sends(label)
					w.attack(t, v, path, data)
					before := w.store.n
					v.follows(label)
					if last := step == len(f.links)-1; last != (w.store.n > before) {
						t.Fatalf("%q wrote %d times:\n%s", label, w.store.n-before, v.Text())
					} else if !last {
						continue
					}
					v.reads(f.done)
					before = w.store.n
					if page := w.ask(v.caller, v.link, path, data); w.store.n != before {
						t.Errorf("sent again, it is done again:\n%s", page)
					}
				}
			})
		})
	}
}

// attack sends what a form would send in all the ways in which it is not the form.
func (w *town) attack(t *testing.T, v *visitor, path string, data map[string]string) {
	t.Helper()
	if data["var_n"] == "" {
		t.Fatalf("the form has no nonce: %v", data)
	}
	change := func(f func(d map[string]string)) map[string]string {
		d := maps.Clone(data)
		f(d)
		return d
	}
	variables := make(map[string]string) // all that is sent, as a link alone can say it
	for name, value := range data {
		if field, ok := strings.CutPrefix(name, "field_g_"); ok {
			name = "var_" + field
		}
		if name != "var_n" {
			variables[name] = value
		}
	}
	other := w.visitor(micron.NomadNet, "")
	other.caller, other.link = v.caller, v.link
	elsewhere, label := "claim.mu", "Become the owner"
	switch {
	case path == "/page/claim.mu":
		elsewhere, label = "join.mu", "Join"
	case !slices.Contains(other.opens(elsewhere).Labels(), label): // of an owner
		elsewhere, label = "delivery.mu", "Save"
	}
	_, foreign := other.opens(elsewhere).sends(label)
	mallory := caller("Mallory")
	for what, send := range map[string]func() string{
		"without a nonce": func() string {
			return w.ask(v.caller, v.link, path, change(func(d map[string]string) { delete(d, "var_n") }))
		},
		"by variables alone": func() string { return w.ask(v.caller, v.link, path, variables) },
		"with a nonce that was guessed": func() string {
			return w.ask(v.caller, v.link, path, change(func(d map[string]string) { d["var_n"] = "AAAAAAAAAAA" }))
		},
		"with the nonce of another form": func() string {
			return w.ask(v.caller, v.link, path, change(func(d map[string]string) { d["var_n"] = foreign["var_n"] }))
		},
		"with the nonce as a field": func() string {
			return w.ask(v.caller, v.link, path, change(func(d map[string]string) { d["field_g_n"] = d["var_n"]; delete(d, "var_n") }))
		},
		"over another link":                   func() string { return w.ask(v.caller, rns.LinkID{0xee}, path, data) },
		"by somebody else over the same link": func() string { return w.ask(mallory, v.link, path, data) },
		"by nobody over the same link":        func() string { return w.ask(group.Caller{}, v.link, path, data) },
		"by nobody over another link":         func() string { return w.ask(group.Caller{}, rns.LinkID{0xef}, path, data) },
		"by nobody without a nonce":           func() string { return w.ask(group.Caller{}, v.link, path, variables) },
		"by somebody else with a nonce of his own": func() string {
			return w.ask(mallory, rns.LinkID{0xf0}, path, change(func(d map[string]string) { d["var_n"] = foreign["var_n"] }))
		},
	} {
		before := w.store.n
		if page := send(); w.store.n != before {
			t.Fatalf("%s it writes %d times:\n%s", what, w.store.n-before, page)
		}
	}
}

// NomadNet sends a form again on Back and Reload, and so the page that it led to says that it was done.
func TestAPageThatIsLoadedAgainAfterAFormSaysSo(t *testing.T) {
	for _, f := range guardedForms() {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, f.new)
				code := w.populate(t)
				v := w.visitor(micron.NomadNet, f.who)
				for i, text := range f.fill {
					if text == "CODE" {
						f.fill[i] = code
					}
				}
				v.opens(f.open).fills(f.fill...).ticks(f.tick...)
				var path string
				var data map[string]string
				for _, label := range f.links {
					path, data = v.sends(label)
					v.follows(label)
				}
				want := "This was sent already, and is not done twice."
				if f.name == "delete" {
					want = "No such group."
				}
				if page := strings.Join(strings.Fields(w.ask(v.caller, v.link, path, data)), " "); !strings.Contains(page, want) {
					t.Errorf("loaded again, it says:\n%s", page)
				}
			})
		})
	}
}
