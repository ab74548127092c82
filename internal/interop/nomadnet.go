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
	node      string
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
	n.Click("[ Network ]", 3, 0)
	n.Await("Remote Node", "Disconnected")
	return n
}

// Go opens an address as a person types it: Ctrl-U, the address, Enter.
func (n *NomadNet) Go(address string) {
	n.t.Helper()
	n.ClickAt(75, 15) // the browser
	n.Keys("C-u")
	n.Await("Enter URL")
	n.Type(address)
	n.Keys("Enter")
}

// identify tells NomadNet to identify at the node that is open, and disconnects: Ctrl-S, Save; in the list of saved nodes (Ctrl-L twice, so
// that it is read again) Enter, Info, the box "Identify when connecting", Save; then Ctrl-W. It is the only node in the list.
func (n *NomadNet) identify() {
	n.t.Helper()
	n.Keys("C-s")
	n.Await("─ Save Node ─", "< Save")
	n.Click("< Save", 3, 0)
	n.Gone("─ Save Node ─")
	n.ClickAt(10, 10) // the list
	n.Keys("C-l")
	n.Await("Announce Stream")
	n.Keys("C-l")
	n.Await("Saved Nodes", savedNode)
	n.Click(savedNode, 5, 0)
	n.Click("< Info", 2, 0)
	n.Await("Node Info", "[ ] Identify when connecting")
	n.Click("[ ] Identify when connecting", 1, 0)
	n.Await("[X] Identify when connecting")
	n.Click("< Msg Op  > < Save", 14, 0)
	n.Await("Saved Nodes")
	n.ClickAt(75, 15)
	n.Keys("C-w")
	n.Await("Disconnected")
}

// savedNode begins the line of a node in the list, which stands at the screen's left edge.
const savedNode = "\n│Ⓝ  "

// connect opens the saved node's first page from the list.
func (n *NomadNet) connect() {
	n.t.Helper()
	n.Click(savedNode, 5, 0)
	n.Await("Connect to node")
	n.Click("< Yes", 2, 0)
}

// Page waits until a page is shown whole that has these texts, and returns the screen.
func (n *NomadNet) Page(texts ...string) string {
	n.t.Helper()
	return n.Await(append(texts, "│Done")...)
}

// Follow clicks on a link, as Click does, and waits for the page with these texts. On a busy machine NomadNet loses an answer that comes
// too early (docs/interop.md), and a person goes back and tries again.
func (n *NomadNet) Follow(link string, right int, texts ...string) string {
	n.t.Helper()
	n.Click(link, right, 0)
	screen := n.AwaitThat(fmt.Sprintf("%q", texts), func(screen string) bool {
		return strings.Contains(screen, "Request failed") || holdsAll(screen, append(texts, "│Done"))
	})
	if strings.Contains(screen, "Request failed") {
		n.t.Logf("NomadNet's request for %q failed; once more", link)
		n.Click("< Back", 2, 0)
		n.Click(link, right, 0)
		screen = n.Page(texts...)
	}
	return screen
}
