package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestEveryRuleHasItsInversions(t *testing.T) {
	dir := t.TempDir()
	source := `package p

func rule(f facts) Verdict {
	if f.a && f.n < 3 {
		return deny("no")
	}
	switch {
	case f.b:
		return allow()
	}
	switch f.n {
	case 1, 2:
	}
	return other(f)
}

func is(n int) bool { return n == 1 }
`
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "p_test.go"), []byte("package p\nfunc x() { if true { return } }"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := find(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.key())
		if source[m.from:m.to] != m.old {
			t.Errorf("%s is not at its place", m.key())
		}
	}
	want := []string{
		`p.go rule #0: f.a && f.n < 3 => !(f.a && f.n < 3)`,
		`p.go rule #0: if f.a && f.n < 3 { return deny("no") } => `,
		`p.go rule #0: && => ||`,
		`p.go rule #0: f.a && => `,
		`p.go rule #0: && f.n < 3 => `,
		`p.go rule #0: < => <=`,
		`p.go rule #0: < => >=`,
		`p.go rule #0: deny("no") => allow()`,
		`p.go rule #0: f.b => !(f.b)`,
		`p.go rule #0: allow() => deny(ReasonSelf, "inverted")`,
		`p.go rule #0: 1, => `,
		`p.go rule #0: , 2 => `,
		`p.go rule #0: other(f) => allow()`,
		`p.go is #0: n == 1 => !(n == 1)`,
		`p.go is #0: == => !=`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if _, err := find(t.TempDir()); err == nil {
		t.Error("a folder without rules is fine")
	}
}

func TestEachExcuseHasAReason(t *testing.T) {
	if _, err := equivalents(); err != nil {
		t.Error(err)
	}
}
