// Package archtest holds the house plan: which package may import which, no package-level mutable state, gofmt.
package archtest

import (
	"go/ast"
	"go/build"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "groupd"

// arrows lists, for each package of ours, the packages of ours it may import. A trailing "/..." covers a subtree. A package
// that is not listed may import nothing of ours, so a new room needs a line here first. DESIGN section 3 draws the same.
var arrows = []struct {
	pkg string
	may []string
}{
	{"cmd/groupd", []string{"api/...", "configs", "db/...", "group", "group/delivery", "internal/...", "lxmf", "lxmf/filespool", "moderation", "proto/...", "rns/..."}},
	{"configs", nil},
	{"bench/...", []string{"api/...", "bench/crowd", "db/...", "group", "group/delivery", "internal/...", "lxmf", "lxmf/filespool", "moderation", "proto/...", "rns/..."}},
	{"api/requests", []string{"api/faults", "api/onlink", "api/signed", "lxmf", "group", "group/delivery", "moderation", "proto/...", "rns", "rns/msgpack"}},
	{"api/lxm", []string{"api/faults", "api/signed", "api/words", "group", "group/delivery", "moderation", "lxmf", "rns", "rns/msgpack"}},
	{"api/pages", []string{"api/faults", "api/onlink", "api/words", "group", "moderation", "rns", "rns/msgpack"}},
	{"api/signed", []string{"group", "lxmf", "rns", "rns/msgpack"}},
	{"api/faults", nil},
	{"api/onlink", []string{"group", "rns"}},
	{"api/words", []string{"group", "moderation"}},
	{"api/web", []string{"api/faults", "api/words", "group", "group/delivery", "moderation"}},
	{"db/sqlite", []string{"group", "internal/durable", "moderation", "lxmf", "rns", "rns/msgpack"}},
	{"db/blobs", []string{"group", "internal/durable"}},
	{"db/dbtest", []string{"group", "moderation"}},
	{"group", []string{"moderation"}},
	{"group/delivery", []string{"group", "moderation"}},
	{"group/memory", []string{"group", "moderation"}},
	{"moderation", nil},
	{"proto/groupd/v1", nil},
	{"lxmf", []string{"rns", "rns/msgpack", "lxmf/internal/..."}},
	{"lxmf/filespool", []string{"lxmf"}},
	{"lxmf/internal/...", []string{"lxmf/internal/..."}},
	{"rns", []string{"rns/interfaces", "rns/msgpack", "rns/internal/..."}},
	{"rns/internal/...", []string{"rns/internal/...", "rns/msgpack"}},
	{"rns/msgpack", nil},
	{"rns/config", nil},
	{"rns/filestore", []string{"rns", "rns/msgpack"}},
	{"rns/sharedinstance", []string{"rns", "rns/config", "rns/interfaces", "rns/interfaces/local", "rns/msgpack"}},
	{"rns/rnstest", []string{"rns", "rns/msgpack", "rns/interfaces/..."}},
	{"rns/rnstest/mesh", []string{"rns", "rns/interfaces", "rns/rnstest", "rns/rnstest/rnodesim"}},
	{"rns/rnstest/rnodesim", []string{"rns/interfaces", "rns/interfaces/kiss", "rns/interfaces/serial"}},
	{"rns/interfaces", nil},
	{"rns/interfaces/backbone", []string{"rns/interfaces/tcp"}},
	{"rns/interfaces/...", []string{"rns/config", "rns/interfaces", "rns/interfaces/carrier", "rns/interfaces/hdlc", "rns/interfaces/kiss", "rns/interfaces/serial"}},
	{"internal/interop", []string{"api/lxm", "api/pages", "api/requests", "db/sqlite", "group", "internal/...", "lxmf", "lxmf/filespool", "moderation", "proto/...", "rns/..."}},
	{"internal/...", []string{"internal/...", "proto/..."}},
}

// forbidden lists packages from outside that a room must not import. The libraries read no files, sockets or flags, and the
// domain knows no SQL, no wire schema and no HTTP.
var forbidden = []struct {
	pkg  string
	mays []string
}{
	{"rns", []string{"os", "net", "flag", "log"}},
	{"rns/internal/...", []string{"os", "net", "flag", "log"}},
	{"rns/msgpack", []string{"os", "net", "flag", "log", "reflect"}},
	{"lxmf", []string{"os", "net", "flag", "log", "database/sql"}},
	{"group", []string{"os", "net", "net/http", "flag", "log", "database/sql", "google.golang.org/protobuf/..."}},
	{"group/delivery", []string{"os", "net", "net/http", "flag", "log", "database/sql", "google.golang.org/protobuf/..."}},
	{"moderation", []string{"os", "net", "flag", "log", "database/sql", "math/rand", "math/rand/v2"}},
}

// testOnly lists packages of ours that only tests may import.
var testOnly = []string{"internal/micron"}

func covers(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pattern == pkg
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// packages returns every package directory of the module, relative to its root.
func packages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root(t) && (strings.HasPrefix(name, ".") || name == "testdata" || name == "build" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			rel, err := filepath.Rel(root(t), filepath.Dir(path))
			if err != nil {
				return err
			}
			if !slices.Contains(out, rel) {
				out = append(out, rel)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func allowed(pkg, imported string) bool {
	known := false
	for _, a := range arrows {
		if !covers(a.pkg, pkg) {
			continue
		}
		known = true
		if slices.ContainsFunc(a.may, func(m string) bool { return covers(m, imported) }) {
			return true
		}
	}
	return known && pkg == imported
}

func TestImportsFollowTheHousePlan(t *testing.T) {
	for _, pkg := range packages(t) {
		p, err := build.Default.ImportDir(filepath.Join(root(t), pkg), 0)
		if err != nil {
			if _, none := err.(*build.NoGoError); none {
				continue
			}
			t.Fatalf("%s: %v", pkg, err)
		}
		if !slices.ContainsFunc(arrows, func(a struct {
			pkg string
			may []string
		}) bool {
			return covers(a.pkg, pkg)
		}) {
			t.Errorf("%s has no line in the table of arrows", pkg)
		}
		for _, imported := range p.Imports {
			for _, f := range forbidden {
				if covers(f.pkg, pkg) && slices.ContainsFunc(f.mays, func(m string) bool { return covers(m, imported) }) {
					t.Errorf("%s imports %s, which it must not", pkg, imported)
				}
			}
			ours, ok := strings.CutPrefix(imported, module+"/")
			if ok && slices.Contains(testOnly, ours) {
				t.Errorf("%s imports %s, which is for tests", pkg, ours)
			}
			if ok && !allowed(pkg, ours) {
				t.Errorf("%s imports %s: no such arrow", pkg, ours)
			}
		}
	}
}

func TestNoPackageLevelMutableState(t *testing.T) {
	for _, pkg := range packages(t) {
		if strings.HasPrefix(pkg, "proto/") || strings.HasPrefix(pkg, "internal/archtest") {
			continue // generated; the tables above
		}
		files, err := filepath.Glob(filepath.Join(root(t), pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.GenDecl:
					if d.Tok != token.VAR {
						continue
					}
					for _, spec := range d.Specs {
						v := spec.(*ast.ValueSpec)
						if !harmless(d, v) {
							t.Errorf("%s: package-level variable %s", fset.Position(v.Pos()), v.Names[0].Name)
						}
					}
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						t.Errorf("%s: init function", fset.Position(d.Pos()))
					}
				}
			}
		}
	}
}

// harmless says whether a package-level variable is an interface guard, an embed, or an error value (named Err… or err…).
func harmless(d *ast.GenDecl, v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" {
		return true
	}
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return !slices.ContainsFunc(v.Names, func(n *ast.Ident) bool {
		return !strings.HasPrefix(n.Name, "Err") && !strings.HasPrefix(n.Name, "err")
	})
}

func TestEveryFileIsFormatted(t *testing.T) {
	for _, pkg := range packages(t) {
		files, err := filepath.Glob(filepath.Join(root(t), pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := format.Source(src)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if string(want) != string(src) {
				t.Errorf("%s is not gofmt-ed", file)
			}
		}
	}
}
