package pages_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/pages"
	"groupd/group"
	"groupd/group/memory"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// far is a person at another node, whose program asks for pages over a link.
type far struct {
	*visitor
	id   *rns.Identity
	link *rns.Link
}

// identify shows the group who somebody is on the link that is open.
func (f *far) identify() {
	f.town.t.Helper()
	if err := f.link.Identify(f.id); err != nil {
		f.town.t.Fatal(err)
	}
}

// over makes a person with a link to the group's pages. Nobody has identified.
func (w *town) over(d micron.Dialect, node *rnstest.Node, site *rns.RemoteDestination, id *rns.Identity) *far {
	w.t.Helper()
	link, err := node.OpenLink(w.t.Context(), site)
	if err != nil {
		w.t.Fatal(err)
	}
	f := &far{visitor: &visitor{town: w}, id: id, link: link}
	f.Browser = &micron.Browser{Dialect: d, Node: siteOf(site), Get: func(path string, data map[string]string) []byte {
		w.t.Helper()
		r, err := link.Request(w.t.Context(), path, packed(data), rns.RequestOptions{})
		if err != nil {
			w.t.Fatalf("%s: %v", path, err)
		}
		page, ok := r.Data.Bin()
		if !ok {
			w.t.Fatalf("%s is answered by no bytes", path)
		}
		checkPage(w.t, path, page)
		return page
	}}
	return f
}

func siteOf(d *rns.RemoteDestination) string { return fmt.Sprintf("%x", d.Hash()) }

// Two programs at another node, over links: a stranger looks around, identifies, asks to join and is let in; he writes, reads, searches, and
// changes his profile; a moderator deletes, bans, and changes settings. Each sees what the other did.
func TestAWalkThroughAllPagesOverLinks(t *testing.T) {
	for _, d := range micron.Dialects() {
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walk(t, d) })
		})
	}
}

func walk(t *testing.T, d micron.Dialect) {
	hub := must(group.New(group.Config{Store: memory.New()}))(t)
	id, annID, bobID, malID := rnstest.Identity(t, 1), rnstest.Identity(t, 2), rnstest.Identity(t, 3), rnstest.Identity(t, 4)
	must(hub.CreateGroup(t.Context(), operator(), group.NewGroup{
		ID: valley, PublicKey: id.Public().PublicKey(), PrivateKey: id.PrivateKey(), PublicName: "Private Group", PrivateName: "Valley", Topic: "snow", Owner: group.AnyHash(annID.Hash()),
	}))(t)
	info := must(hub.Info(t.Context(), operator(), valley))(t)
	server := must(pages.New(pages.Config{Hub: hub, Group: valley, Address: info.Address, Version: "0.3.0"}))(t)
	medium := ifacetest.NewMedium(ifacetest.Options{Latency: 10 * time.Millisecond})
	node, there := rnstest.Start(t, rns.Config{}, medium.Port("here")), rnstest.Start(t, rns.Config{}, medium.Port("there"))
	site := must(node.NewDestination(rns.DestinationConfig{Identity: id, App: pages.App, Aspects: []string{pages.Aspect}, MaxRequestSize: pages.MaxRequestSize}))(t)
	server.Register(site)
	if err := site.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	remote := there.NewRemote(id.Public(), pages.App, pages.Aspect)
	w := &town{t: t, hub: hub, server: server}

	ann := w.over(d, there, remote, annID)
	ann.identify()
	ann.opens("join.mu").fills("name", "Ann").follows("Join").reads("Welcome! You are Ann.")

	bob := w.over(d, there, remote, bobID)
	bob.opens("index.mu").reads("Private Group").misses("Valley", "snow")
	bob.opens("history.mu").reads("For this, the group has to know who you are.").follows("Join").reads("show this group first who you are", "Any member can see")
	bob.identify()
	bob.opens("join.mu").fills("name", "Bob", "greeting", "from the lower farm").follows("Join").reads("You have asked to join as Bob.")
	bob.opens("history.mu").reads("waiting for a moderator")

	ann.opens("index.mu").follows("Moderate").reads("Who waits to join: 1").follows("Who waits to join").reads("Bob", "from the lower farm").follows("Approve").reads("Bob is a member now, and was told.")

	bob.opens("index.mu").reads("Valley", "Topic: snow").follows("Write").fills("text", "The pass is [open] `again` <b>").follows("Send").reads("Posted as #")
	bob.opens("history.mu").reads("Bob: The pass is [open] `again` <b>")
	bob.fills("q", "pass").follows("Search").reads("The pass is [open]").fills("q", "nowhere").follows("Search").reads("Nothing found.")
	bob.opens("me.mu").fills("name", "Bobby", "status", "on the hill").follows("Save").reads("Saved.")
	bob.follows("How I am told what is new").ticks("mode", "relay").follows("Save").reads("(X) Each post as a message")

	ann.opens("history.mu").reads("Bobby: The pass is [open]").opens("members.mu").reads("2 members.", "on the hill").follows("Bobby").reads("Bobby, member")

	mal := w.over(d, there, remote, malID)
	mal.identify()
	mal.opens("join.mu").fills("name", "Mal").follows("Join")
	ann.opens("waiting.mu").follows("Approve")
	mal.opens("post.mu").fills("text", "buy cheap goats").follows("Send")
	bob.opens("history.mu").reads("Mal: buy cheap goats")
	spam := must(hub.Messages(t.Context(), operator(), valley, group.Query{Newest: true, Limit: 1}))(t).Entries[0]
	ann.opens("history.mu").follows(fmt.Sprintf("#%d", spam.Seq)).follows("Delete").reads("Delete this post for everybody?").follows("Yes, delete it").reads("is deleted here")
	bob.opens("history.mu").misses("cheap goats")
	ann.opens("members.mu").follows("Mal", "Ban").fills("reason", "sells goats").follows("Go on").reads("Ban Mal?").follows("Yes, ban").reads("Mal is banned.")
	bob.opens("members.mu").reads("2 members.").misses("Mal").opens("history.mu").reads("sells goats")
	mal.opens("history.mu").reads("You are banned from this group: sells goats.")
	mal.opens("post.mu").misses("Send")

	ann.opens("moderate.mu").follows("Settings", "Writing", "read_only").ticks("value", "on").follows("Save").reads("Saved.")
	bob.opens("settings.mu").reads("read_only: on").opens("post.mu")
	if len(bob.Page.Fields()) > 0 {
		bob.fills("text", "but").follows("Send").misses("Posted as")
	}
	ann.opens("names.mu").fills("topic", "spring").follows("Save").reads("Saved.")
	bob.opens("index.mu").reads("Topic: spring").opens("leave.mu").follows("Yes, leave").reads("You have left.")
	ann.opens("history.mu").reads("Bobby left").opens("audit.mu").reads("ban, Mal", "settings, read_only", "delete Mal")
	if st := must(hub.Standing(t.Context(), group.Caller{Identity: group.IdentityHash(bobID.Hash())}, valley))(t); st.Standing != moderation.StandingStranger {
		t.Errorf("Bob is %s", st.Standing)
	}
}
