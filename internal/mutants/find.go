package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// mutant is one change of one place.
type mutant struct {
	file     string // base name
	line     int
	function string
	from, to int // bytes that are replaced
	old, new string
	nth      int // of those in the function that read the same
}

// key names a mutant by what it says, not by where it is, so that it stays the same when lines move.
func (m mutant) key() string {
	one := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return fmt.Sprintf("%s %s #%d: %s => %s", m.file, m.function, m.nth, one(m.old), one(m.new))
}

// finder collects the mutants of one file.
type finder struct {
	fset     *token.FileSet
	file     string
	source   string
	function string
	verdict  bool // the function returns a Verdict
	boolean  bool // the function returns a bool
	found    []mutant
	same     map[string]int
}

// find lists every mutant of a package's files, tests aside.
func find(dir string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		f := finder{fset: token.NewFileSet(), file: filepath.Base(file), source: string(source), same: map[string]int{}}
		tree, err := parser.ParseFile(f.fset, file, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range tree.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				f.look(d)
			}
		}
		all = append(all, f.found...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no rules in %s", dir)
	}
	return all, nil
}

func (f *finder) look(d *ast.FuncDecl) {
	f.function, f.verdict, f.boolean = d.Name.Name, false, false
	if r := d.Type.Results; r != nil && len(r.List) == 1 {
		kind := f.text(r.List[0].Type)
		f.verdict, f.boolean = kind == "Verdict", kind == "bool"
	}
	ast.Inspect(d.Body, f.node)
}

func (f *finder) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncLit:
		return true
	case *ast.IfStmt:
		f.replace(n.Cond, "!("+f.text(n.Cond)+")")
		if n.Else == nil && returns(n.Body) {
			if n.Init != nil {
				f.replaceRange(n.Body.Pos(), n.Body.End(), "{}")
			} else {
				f.replace(n, "")
			}
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					f.replace(e, "!("+f.text(e)+")")
				}
			}
		} else {
			f.dropCases(n)
		}
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.ReturnStmt:
		f.result(n)
	}
	return true
}

// dropCases takes one value out of a list of cases.
func (f *finder) dropCases(n *ast.SwitchStmt) {
	for _, c := range n.Body.List {
		if list := c.(*ast.CaseClause).List; len(list) > 1 {
			for i := range list {
				from, to := list[i].Pos(), list[i].End()
				if i+1 < len(list) {
					to = list[i+1].Pos()
				} else {
					from = list[i-1].End()
				}
				f.replaceRange(from, to, "")
			}
		}
	}
}

func (f *finder) binary(n *ast.BinaryExpr) {
	other := map[token.Token][]string{
		token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"}, token.EQL: {"!="}, token.NEQ: {"=="},
		token.LAND: {"||"}, token.LOR: {"&&"}, token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"}, token.AND_NOT: {"&"},
	}
	if n.Op == token.ADD && strings.Contains(f.text(n), `"`) {
		return // of texts
	}
	for _, op := range other[n.Op] {
		f.replaceRange(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), op)
	}
	switch n.Op {
	case token.LAND, token.LOR, token.OR:
		f.replaceRange(n.X.Pos(), n.Y.Pos(), "")
		f.replaceRange(n.X.End(), n.Y.End(), "")
	}
}

func (f *finder) result(n *ast.ReturnStmt) {
	if len(n.Results) != 1 {
		return
	}
	text := f.text(n.Results[0])
	switch {
	case f.boolean && text == "true":
		f.replace(n.Results[0], "false")
	case f.boolean && text == "false":
		f.replace(n.Results[0], "true")
	case f.boolean:
		f.replace(n.Results[0], "!("+text+")")
	case f.verdict && text == "allow()":
		f.replace(n.Results[0], `deny(ReasonSelf, "inverted")`)
	case f.verdict && text != "v":
		f.replace(n.Results[0], "allow()")
	}
}

func returns(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	_, ok := b.List[len(b.List)-1].(*ast.ReturnStmt)
	return ok
}

func (f *finder) text(n ast.Node) string {
	return f.source[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset]
}

func (f *finder) replace(n ast.Node, with string) { f.replaceRange(n.Pos(), n.End(), with) }

func (f *finder) replaceRange(from, to token.Pos, with string) {
	a, b := f.fset.Position(from), f.fset.Position(to)
	m := mutant{file: f.file, line: a.Line, function: f.function, from: a.Offset, to: b.Offset, old: f.source[a.Offset:b.Offset], new: with}
	plain := m.key()
	m.nth = f.same[plain]
	f.same[plain]++
	f.found = append(f.found, m)
}
