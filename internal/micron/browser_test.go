package micron_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"groupd/internal/micron"
)

// node answers every path with one page and notes what it was asked.
type node struct {
	page string
	path string
	data map[string]string
	n    int
}

func (n *node) get(path string, data map[string]string) []byte {
	n.path, n.data = path, data
	n.n++
	return []byte(n.page)
}

func visit(t *testing.T, d micron.Dialect, page string) (*node, *micron.Browser) {
	t.Helper()
	n := &node{page: page}
	b := &micron.Browser{Dialect: d, Get: n.get}
	if err := b.Open(":/page/index.mu"); err != nil {
		t.Fatal(err)
	}
	return n, b
}

func TestAFormSendsWhatTheClientSends(t *testing.T) {
	const form = "`<nick`Ann>\n`<empty`>\n`<?|opt|a|*`A>`<?|opt|b`B>`<?|opt|c`C>\n`<?|off|x`X>\n`<^|mode|fetch|*`f>`<^|mode|push`p>\n" +
		"`[All`:/page/f.mu`*|k=v|bad=a=b] `[One`:/page/f.mu`nick|n=1] `[Good`:/page/f.mu`*|k=v] `[None`:/page/f.mu] `[Suffix`:/page/f.mu`x=1]"
	for d, opts := range map[micron.Dialect]string{micron.NomadNet: "a,c", micron.MeshChat: "c"} {
		t.Run(d.String(), func(t *testing.T) {
			n, b := visit(t, d, form)
			fill := func() {
				for _, err := range []error{b.Fill("nick", "Be\nn"), b.Tick("opt", "c", true), b.Tick("mode", "push", true)} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			fill()
			name := "Be\nn"
			if d == micron.MeshChat {
				name = "Ben"
				if b.Follow("All") == nil {
					t.Error("MeshChat follows a link with two = in a variable")
				}
			} else if err := b.Follow("All"); err != nil {
				t.Fatal(err)
			}
			fill()
			if err := b.Follow("Good"); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"field_nick": name, "field_empty": "", "field_opt": opts, "field_mode": "push", "var_k": "v"}
			if n.path != "/page/f.mu" || !maps.Equal(n.data, want) {
				t.Errorf("sends %s %q, want %q", n.path, n.data, want)
			}
			if err := b.Follow("One"); err != nil || !maps.Equal(n.data, map[string]string{"field_nick": "Ann", "var_n": "1"}) {
				t.Errorf("one field: %q %v", n.data, err)
			}
			if err := b.Follow("Suffix"); err != nil || !maps.Equal(n.data, map[string]string{"var_x": "1"}) {
				t.Errorf("data: %q %v", n.data, err)
			}
			if err := b.Open(":/page/g.mu`x=1|y=2"); err != nil || !maps.Equal(n.data, map[string]string{"var_x": "1", "var_y": "2"}) {
				t.Errorf("variables in the address: %q %v", n.data, err)
			}
			if err := b.Follow("None"); err != nil || len(n.data) != 0 || (n.data == nil) != (d == micron.NomadNet) {
				t.Errorf("no data: %v %v", n.data, err)
			}
			if b.Fill("nothing", "x") == nil || b.Tick("opt", "z", true) == nil || b.Follow("Nowhere") == nil {
				t.Error("what is not there can be filled or followed")
			}
		})
	}
}

func TestWhereABrowserGoes(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		const here = "00112233445566778899aabbccddeeff"
		n, b := visit(t, d, "")
		b.Node = here
		for url, path := range map[string]string{here: "/page/index.mu", here + ":/page/a.mu": "/page/a.mu", ":/page/b.mu": "/page/b.mu"} {
			if err := b.Open(url); err != nil || n.path != path {
				t.Errorf("%s leads to %s, %v", url, n.path, err)
			}
		}
		for _, url := range []string{"lxmf@" + here, "ff112233445566778899aabbccddeeff", "https://example.org", "/page/a.mu", "", ":/file/x"} {
			if b.Open(url) == nil {
				t.Errorf("%q is taken for a page", url)
			}
		}
		b.Get = func(string, map[string]string) []byte { return nil }
		if err := b.Open(":/page/a.mu"); !errors.Is(err, micron.ErrNoAnswer) {
			t.Errorf("no answer: %v", err)
		}
	})
}

// TestNomadNetKeepsWhatHasNoHeader: for 12 hours, and the answer to a form under the bare path.
func TestNomadNetKeepsWhatHasNoHeader(t *testing.T) {
	now := time.Unix(1000, 0)
	n := &node{page: "old `[send`:/page/a.mu`x=1]"}
	b := &micron.Browser{Get: n.get, Now: func() time.Time { return now }}
	open := func(want int) {
		t.Helper()
		if err := b.Open(":/page/a.mu"); err != nil || n.n != want {
			t.Errorf("asked %d times, want %d (%v)", n.n, want, err)
		}
	}
	open(1)
	open(1)
	n.page = "answer"
	if err := b.Follow("send"); err != nil || n.n != 2 {
		t.Fatal(err, n.n)
	}
	open(2)
	if b.Text() != "answer" {
		t.Errorf("shows %q", b.Text())
	}
	now = now.Add(12*time.Hour + time.Second)
	n.page = "#!c=0\nfresh"
	open(3)
	open(4)
}
