package interop

import (
	"strings"
	"testing"

	"groupd/internal/micron"
)

// visitor is a person who looks at a node's pages with one of the clients: the requests are made by a stock Python program in the
// client's manner (pages.py), links and forms are read and followed in the client's manner too (internal/micron).
type visitor struct {
	*micron.Browser
	t    *testing.T
	peer *Peer
	name string            // of the browser in that program
	kept bool              // the page shown came from the client's cache
	back bool              // ask as the button "back" does
	lost bool              // the answer to the form was lost on the way, and the form sent again: the page says so and no more
	err  error             // of the last request
	last map[string]string // its data
}

// newVisitor opens a browser in a peer's program, at a node, for one of the peer's identities.
func newVisitor(t *testing.T, peer *Peer, dialect micron.Dialect, node, identity string) *visitor {
	t.Helper()
	v := &visitor{t: t, peer: peer, name: dialect.String() + " " + identity}
	style := map[micron.Dialect]string{micron.NomadNet: "nomadnet", micron.MeshChat: "meshchat"}[dialect]
	peer.Do("browser", Args{"browser": v.name, "node": node, "style": style, "identity": identity})
	v.Browser = &micron.Browser{Dialect: dialect, Node: node, Get: func(path string, data map[string]string) []byte { return v.get(path, data, false) }}
	return v
}

func (v *visitor) get(path string, data map[string]string, reload bool) []byte {
	v.last = data
	args := Args{"browser": v.name, "path": path, "reload": reload, "back": v.back}
	if data != nil {
		args["page_data"] = data
	}
	r, err := v.peer.Try("page", args)
	v.lost = false
	if err != nil && strings.Contains(err.Error(), "no answer") {
		// A stock client on a busy machine loses an answer that comes too early (docs/interop.md). A person loads the page again; what
		// a form does is done once, however often it is sent.
		v.t.Logf("%s: %v; once more", v.name, err)
		_, v.lost = data["var_n"]
		r, err = v.peer.Try("page", args)
	}
	if v.err = err; err != nil {
		return nil
	}
	v.kept = r["kept"] == true
	return []byte(r["page"].(string))
}

// open goes to an address that must answer.
func (v *visitor) open(url string) *visitor {
	v.t.Helper()
	if err := v.Open(url); err != nil {
		v.t.Fatalf("%s: %s: %v (%v)", v.name, url, err, v.err)
	}
	return v
}

// follow follows a link of the page that must be there and must answer.
func (v *visitor) follow(label string) *visitor {
	v.t.Helper()
	if err := v.Follow(label); err != nil {
		v.t.Fatalf("%s: %v (%v)\n%s", v.name, err, v.err, v.Text())
	}
	return v
}

// reload asks for the page once more, with the data that it was asked with.
func (v *visitor) reload() *visitor {
	v.t.Helper()
	data, get := v.last, v.Get
	v.Get = func(path string, _ map[string]string) []byte { return v.get(path, data, true) }
	defer func() { v.Get = get }()
	return v.open(":" + v.Path)
}

// fill types into a field that must be there.
func (v *visitor) fill(field, text string) *visitor {
	v.t.Helper()
	if err := v.Fill(field, text); err != nil {
		v.t.Fatalf("%s: %v\n%s", v.name, err, v.Text())
	}
	return v
}

// tick ticks a choice that must be there.
func (v *visitor) tick(field, value string, on bool) *visitor {
	v.t.Helper()
	if err := v.Tick(field, value, on); err != nil {
		v.t.Fatalf("%s: %v\n%s", v.name, err, v.Text())
	}
	return v
}

// identify makes the visitor known to the node as the client does it: NomadNet opens a new link for that, MeshChat uses the one that is
// there and loads the page again.
func (v *visitor) identify() {
	v.t.Helper()
	v.peer.Do("page_identify", Args{"browser": v.name})
	if v.Dialect == micron.NomadNet {
		v.leave()
	} else if v.Path != "" {
		v.open(":" + v.Path)
	}
}

// leave ends the link.
func (v *visitor) leave() {
	v.t.Helper()
	v.peer.Do("page_disconnect", Args{"browser": v.name})
}

// cache is what the client keeps, and the paths that it asked for over the network.
func (v *visitor) cache() (pages map[string]string, asked []string) {
	v.t.Helper()
	r := v.peer.Do("page_cache", Args{"browser": v.name})
	pages = map[string]string{}
	for key, page := range r["pages"].(map[string]any) {
		pages[key] = page.(string)
	}
	for _, path := range r["asked"].([]any) {
		asked = append(asked, path.(string))
	}
	return pages, asked
}
