package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groupd/internal/micron"
)

// sampleNode is a node with pages on which everything is that pages can do.
func sampleNode(t *testing.T, port int) (node *Peer, hash string) {
	t.Helper()
	node = StartPeer(t, "node", ServerConfig("127.0.0.1", port))
	node.Do("identity", Args{"name": "node"})
	hash = node.Do("page_node", Args{"name": "node", "identity": "node", "folder": t.TempDir(),
		"pages": map[string]string{
			"/page/index.mu": "#!c=0\n>Front {n}\n`[Kept`:/page/kept.mu]\n`[Kept with data`:/page/kept.mu`a=1|b=2]\n`[Form`:/page/form.mu]\n`[Get it`:/file/notes.txt]\n",
			"/page/kept.mu":  ">Kept {n}\n`[Front`:/page/index.mu]\n",
			"/page/form.mu": "#!c=0\n>Form {n}\n`<32|text`words>\n`<?|box|one|*`One> `<?|box|two`Two> `<?|off|x`Off>\n" +
				"`[Send all`:/page/form.mu`*|n=77]\n`[Send text`:/page/form.mu`text|n=78]\n`[Send to Kept`:/page/kept.mu`text]\n`[Front`:/page/index.mu]\n",
		},
		"files": map[string]string{"/file/notes.txt": "some notes\n"},
	})["hash"].(string)
	return node, hash
}

// asked is what a node was asked, in words: links are numbered, identities are only said to be there.
func asked(node *Peer) []string {
	node.mu.Lock()
	defer node.mu.Unlock()
	var out, links []string
	number := func(link string) int {
		if !slices.Contains(links, link) {
			links = append(links, link)
		}
		return slices.Index(links, link) + 1
	}
	for _, e := range node.events {
		switch e.Name {
		case "page_identified":
			out = append(out, fmt.Sprintf("link %d identifies", number(e.Text("link"))))
		case "page_request":
			who := "somebody"
			if e.Text("remote") == "" {
				who = "nobody"
			}
			var data []string
			if m, ok := e.Fields["data"].(map[string]any); ok {
				for k, v := range m {
					data = append(data, fmt.Sprintf("%s=%q", k, v))
				}
			}
			slices.Sort(data)
			out = append(out, fmt.Sprintf("link %d, %s: %s %s %s", number(e.Text("link")), who, e.Text("path"), e.Text("kind"), strings.Join(data, " ")))
		}
	}
	return out
}

// What NomadNet asks a node for while a person clicks through it, ours (pages.py with internal/micron) asks for too: the same data, the
// same links, from the cache what comes from the cache.
func TestOurClientAsksForPagesAsNomadNetDoes(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	node, hash := sampleNode(t, port)
	n := StartNomadNet(t, port)
	node.Do("announce", Args{"name": "node", "app_data": "4e6f6465"})

	n.Go(hash + ":/page/index.mu")
	n.Page("Front 1")
	n.Follow("Kept", 0, "Kept 1")
	n.Follow("Front", 0, "Front 2")
	n.Follow("Kept", 0, "Kept 1") // kept for 12 h
	n.Follow("Front", 0, "Front 3")
	n.Follow("Kept with data", 0, "Kept 2")
	n.Follow("Front", 0, "Front 4")
	n.Follow("Kept", 0, "Kept 1") // what was asked with variables is kept for itself
	n.Keys("C-r")
	n.Page("Kept 3")
	n.Follow("Front", 0, "Front 5")
	n.Follow("Form", 0, "Form 1")
	n.Click("words", 0, 0)
	n.Keys("End")
	n.Type(" more `!\\")
	n.Until("a tick", holding("[X] Two"), func() { n.Click("] Two", -1, 0) })
	n.Follow("Send all", 0, "Form 2")
	n.Keys("C-r") // sends the form again
	n.Page("Form 3")
	n.Follow("Send text", 0, "Form 4")
	n.Follow("Send to Kept", 0, "Kept 4")
	n.Follow("Front", 0, "Front 6")
	n.Follow("Kept", 0, "Kept 4") // what was asked with fields is shown to who asks without
	n.Follow("Front", 0, "Front 7")
	n.Until("the file", holding("Saved notes.txt"), func() { n.Click("Get it", 0, 0) })
	n.Keys("C-r")
	n.Page("Front 8")
	n.identify()
	n.connect()
	n.Page("Front 9")
	want := asked(node)

	port = freePort(t, "127.0.0.1")
	node, hash = sampleNode(t, port)
	person := StartPeer(t, "person", ClientConfig("127.0.0.1", port))
	person.Do("identity", Args{"name": "me"})
	node.Do("announce", Args{"name": "node", "app_data": "4e6f6465"})
	v := newVisitor(t, person, micron.NomadNet, hash, "me")
	shows := func(text string) {
		t.Helper()
		if !strings.HasPrefix(v.Text(), text) {
			t.Fatalf("our client shows %q instead of %q", v.Text(), text)
		}
	}
	v.open(":/page/index.mu").follow("Kept").follow("Front").follow("Kept")
	shows("Kept 1")
	v.follow("Front").follow("Kept with data")
	shows("Kept 2")
	v.follow("Front").follow("Kept")
	shows("Kept 1")
	v.reload()
	shows("Kept 3")
	v.follow("Front").follow("Form").fill("text", "words more `!\\").tick("box", "two", true).follow("Send all")
	shows("Form 2")
	v.reload().follow("Send text").follow("Send to Kept").follow("Front").follow("Kept")
	shows("Kept 4")
	v.follow("Front")
	if f := person.Do("page_file", Args{"browser": v.name, "path": "/file/notes.txt"}); f["name"] != "notes.txt" || digestOf(f["data"]) != DigestOf([]byte("some notes\n")) {
		t.Errorf("the file is %v", f)
	}
	v.reload().identify()
	v.open(":/page/index.mu")
	shows("Front 9")
	got := asked(node)
	for i := range max(len(got), len(want)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return "nothing"
		}
		if line(got) != line(want) {
			t.Errorf("NomadNet: %s\n        ours: %s", line(want), line(got))
		}
	}
	if b, err := os.ReadFile(filepath.Join(n.Downloads, "notes.txt")); err != nil || string(b) != "some notes\n" {
		t.Errorf("NomadNet saved %q, %v", b, err)
	}
}
