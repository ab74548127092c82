package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Terminal is a program in a terminal of its own: tmux with a socket of the test's, so that no other tmux is touched. Waiting is bounded
// by screenTimeout.
type Terminal struct {
	t      *testing.T
	socket string
}

const screenTimeout = 20 * time.Second

// StartTerminal runs a command in a terminal of this size. It ends with the test.
func StartTerminal(t *testing.T, columns, rows int, env []string, command ...string) *Terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatalf("tmux is missing: run `make interop`, which installs it (%v)", err)
	}
	// Not t.TempDir(), which may be too long for a socket's name.
	dir, err := os.MkdirTemp("", "tmux")
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, socket: filepath.Join(dir, "s")}
	quoted := make([]string, 0, len(env)+len(command)+1)
	for _, word := range append(append([]string{"env"}, env...), command...) {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen was\n%s", term.Screen())
		}
		term.tmux("kill-server")
		os.RemoveAll(dir)
	})
	if out, err := term.tmux("new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), strings.Join(quoted, " "), ";", "set-option", "-g", "remain-on-exit", "on"); err != nil {
		t.Fatalf("tmux: %v: %s", err, out)
	}
	return term
}

func (term *Terminal) tmux(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", term.socket, "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "TMUX=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Screen is what stands on the screen, a line each, without the blanks at their ends.
func (term *Terminal) Screen() string {
	out, _ := term.tmux("capture-pane", "-p")
	lines := strings.Split(out, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// Keys presses keys, as tmux names them, or types texts.
func (term *Terminal) Keys(keys ...string) {
	term.t.Helper()
	for _, k := range keys {
		if out, err := term.tmux("send-keys", k); err != nil {
			term.t.Fatalf("tmux: %v: %s", err, out)
		}
		time.Sleep(60 * time.Millisecond) // a person's fingers
	}
}

// Type types a text as it is.
func (term *Terminal) Type(text string) {
	term.t.Helper()
	if out, err := term.tmux("send-keys", "-l", text); err != nil {
		term.t.Fatalf("tmux: %v: %s", err, out)
	}
}

// Await waits until the screen holds all of these and returns it.
func (term *Terminal) Await(texts ...string) string {
	term.t.Helper()
	return term.AwaitThat(fmt.Sprintf("%q", texts), func(screen string) bool { return holdsAll(screen, texts) })
}

func holdsAll(screen string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			return false
		}
	}
	return true
}

// AwaitThat waits for a screen that fits.
func (term *Terminal) AwaitThat(what string, fits func(screen string) bool) string {
	term.t.Helper()
	screen, ok := term.within(screenTimeout, fits)
	if !ok {
		term.t.Fatalf("the screen did not show %s in %v; it shows\n%s", what, screenTimeout, screen)
	}
	return screen
}

func (term *Terminal) within(timeout time.Duration, fits func(screen string) bool) (screen string, ok bool) {
	for deadline := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		if screen = term.Screen(); fits(screen) {
			return screen, true
		}
		if time.Now().After(deadline) {
			return screen, false
		}
	}
}

// Until does something until the screen fits, and says what it waits for: programs that draw their screens lose a click now and then while
// the machine is busy, and people click again.
func (term *Terminal) Until(what string, fits func(screen string) bool, do func()) string {
	term.t.Helper()
	const patience = 8 * time.Second
	for range 2 {
		do()
		if screen, ok := term.within(patience, fits); ok {
			return screen
		}
		term.t.Logf("not yet %s; once more", what)
	}
	do()
	return term.AwaitThat(what, fits)
}

// Click clicks on the first place where a text stands, so many columns right of its beginning and rows under it, once it is there. A text
// that begins with a line break stands at the screen's left edge.
func (term *Terminal) Click(text string, right, down int) {
	term.t.Helper()
	before, _, _ := strings.Cut("\n"+term.Await(text), text)
	if strings.HasPrefix(text, "\n") {
		before += "\n"
	}
	row := strings.Count(before, "\n") - 1
	term.ClickAt(utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+right, row+down)
}

// ClickAt clicks on a column and row, from 0.
func (term *Terminal) ClickAt(x, y int) {
	term.t.Helper()
	for _, end := range []string{"M", "m"} {
		term.Type(fmt.Sprintf("\x1b[<0;%d;%d%s", x+1, y+1, end))
		time.Sleep(60 * time.Millisecond)
	}
}
