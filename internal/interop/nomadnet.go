package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// NomadNet is the program of that name in a terminal, with a config folder of its own, on a TCP server of loopback.
type NomadNet struct {
	*Terminal
	Downloads string
}

const nomadNetConfig = `[logging]
loglevel = 4
destination = file

[client]
enable_client = yes
user_interface = text
downloads_path = %s
notify_on_new_message = no
announce_at_start = no
try_propagation_on_send_fail = no
periodic_lxmf_sync = no
lxmf_sync_interval = 360
lxmf_sync_limit = 8
required_stamp_cost = None
accept_invalid_stamps = False
max_accepted_size = 500
compact_announce_stream = yes

[textui]
intro_time = 0
theme = dark
colormode = 256
glyphs = unicode
mouse_enabled = True
editor = nano
hide_guide = no

[node]
enable_node = no
`

// StartNomadNet starts it in a terminal of 100 columns and 40 rows and goes to its browser.
func StartNomadNet(t *testing.T, port int) *NomadNet {
	t.Helper()
	home := t.TempDir()
	n := &NomadNet{Downloads: filepath.Join(home, "Downloads")}
	for dir, config := range map[string]string{"net": ClientConfig("127.0.0.1", port), "nomadnet": fmt.Sprintf(nomadNetConfig, n.Downloads), "Downloads": ""} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if config != "" {
			if err := os.WriteFile(filepath.Join(home, dir, "config"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	program := filepath.Join(filepath.Dir(python(t)), "nomadnet")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("NomadNet is not installed: run `make interop`, which does (%v)", err)
	}
	t.Cleanup(func() {
		if b, err := os.ReadFile(filepath.Join(home, "nomadnet", "logfile")); err == nil && t.Failed() {
			t.Logf("NomadNet's log:\n%s", b)
		}
	})
	n.Terminal = StartTerminal(t, 100, 40, []string{"HOME=" + home, "LC_ALL=C.UTF-8"},
		program, "--config", filepath.Join(home, "nomadnet"), "--rnsconfig", filepath.Join(home, "net"), "--textui")
	n.Until("the browser", holding("Remote Node", "Disconnected"), func() { n.Click("[ Network ]", 3, 0) })
	return n
}

// Go opens an address as a person types it while nothing is open: Ctrl-U, the address, Enter.
func (n *NomadNet) Go(address string) {
	n.t.Helper()
	n.Until("the dialog", holding("Enter URL"), func() {
		n.ClickAt(75, 15) // the browser
		n.Keys("C-u")
	})
	n.Type(address)
	n.Await(address[len(address)-8:])
	n.Until("no dialog", without("Enter URL"), func() { n.Keys("Enter") })
}

// identify tells NomadNet to identify at the node that is open, and disconnects: Ctrl-S, Save; in the list of saved nodes (Ctrl-L twice, so
// that it is read again) Enter, Info, the box "Identify when connecting", Save; then Ctrl-W. It is the only node in the list.
func (n *NomadNet) identify() {
	n.t.Helper()
	n.Until("the dialog", holding("─ Save Node ─", "< Save"), func() { n.Keys("C-s") })
	n.Until("no dialog", without("─ Save Node ─"), func() { n.Click("< Save", 3, 0) })
	n.Until("the other list", holding("Announce Stream"), func() {
		n.ClickAt(10, 10)
		n.Keys("C-l")
	})
	n.Until("the list", holding("Saved Nodes", savedNode), func() { n.Keys("C-l") })
	n.Until("the question", holding("Connect to node"), func() { n.Click(savedNode, 5, 0) })
	n.Until("the node", holding("Node Info", "] Identify when connecting"), func() { n.Click("< Info", 2, 0) })
	n.Until("the mark", holding("[X] Identify when connecting"), func() { n.Click("] Identify when connecting", -1, 0) })
	n.Until("the list", holding("Saved Nodes"), func() { n.Click("< Msg Op  > < Save", 14, 0) })
	n.Until("nothing open", holding("Disconnected"), func() {
		n.ClickAt(75, 15)
		n.Keys("C-w")
	})
}

// savedNode begins the line of a node in the list, which stands at the screen's left edge.
const savedNode = "\n│Ⓝ  "

// connect opens the saved node's first page from the list.
func (n *NomadNet) connect() {
	n.t.Helper()
	n.Until("the question", holding("Connect to node"), func() { n.Click(savedNode, 5, 0) })
	n.Until("no question", without("Connect to node"), func() { n.Click("< Yes", 2, 0) })
}

func holding(texts ...string) func(string) bool {
	return func(screen string) bool { return holdsAll(screen, texts) }
}

func without(text string) func(string) bool {
	return func(screen string) bool { return !strings.Contains(screen, text) }
}

// Fill types into a field so many columns right of a text and rows under it.
func (n *NomadNet) Fill(label string, right, down int, text string) {
	n.t.Helper()
	n.Until("what was typed", holding(text), func() {
		n.Click(label, right, down)
		n.Type(text)
	})
}

// Page waits until a page is shown whole that has these texts, and returns the screen.
func (n *NomadNet) Page(texts ...string) string {
	n.t.Helper()
	return n.Await(append(texts, "│Done")...)
}

// Follow clicks on a link, so many columns right of a text, and waits for the page with these texts. On a busy machine NomadNet loses an
// answer that comes too early (docs/interop.md), and a person goes back and tries again.
func (n *NomadNet) Follow(link string, right int, texts ...string) string {
	n.t.Helper()
	return n.Until(fmt.Sprintf("%q", texts), holding(append(texts, "│Done")...), func() {
		if strings.Contains(n.Screen(), "Request failed") {
			n.Click("< Back", 2, 0)
		}
		n.Click(link, right, 0)
	})
}
