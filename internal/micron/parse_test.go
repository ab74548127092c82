package micron_test

import (
	"slices"
	"strings"
	"testing"

	"groupd/internal/micron"
)

func both(t *testing.T, test func(t *testing.T, d micron.Dialect)) {
	for _, d := range micron.Dialects() {
		t.Run(d.String(), func(t *testing.T) { test(t, d) })
	}
}

func TestStylesAndDepthLastUntilChanged(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		doc := micron.Parse([]byte(">>Title\n`!bold\nstill`! not\n`F3a0green`f\n``plain\n<\nout"), d)
		l := doc.Lines
		if l[0].Kind != micron.Heading || l[0].Depth != 2 || l[0].String() != "  Title" {
			t.Errorf("heading %+v", l[0])
		}
		if !l[1].Runs[0].Style.Bold || !l[2].Runs[0].Style.Bold || l[2].Runs[1].Style.Bold || l[2].Depth != 2 {
			t.Errorf("bold %+v %+v", l[1], l[2])
		}
		if l[3].Runs[0].Style.Foreground != "3a0" || l[4].Runs[0].Style != (micron.Style{}) {
			t.Errorf("colour %+v %+v", l[3], l[4])
		}
		if last := l[len(l)-1]; last.Depth != 0 || last.String() != "out" {
			t.Errorf("after < %+v", last)
		}
	})
}

func TestWhatOnlyNomadNetKnows(t *testing.T) {
	page := []byte("`FTff8800x\n`{:/page/p.mu`10`pid=1}\n`t\na | b\n1 | 2\n`t\n\\> no heading")
	n := micron.Parse(page, micron.NomadNet).Lines
	if len(n) != 4 || n[0].Runs[0].Style.Foreground != "ff8800" || n[1].Partial.URL != ":/page/p.mu" || n[2].Cells[1][1] != "2" || n[3].String() != "> no heading" {
		t.Errorf("NomadNet reads %+v", n)
	}
	m := micron.Parse(page, micron.MeshChat).Lines
	if m[0].String() != "8800x" || m[0].Runs[0].Style.Foreground != "Tff" || m[1].Kind != micron.Text || m[len(m)-1].String() != "> no heading" {
		t.Errorf("MeshChat reads %+v", m)
	}
}

func TestAlignmentHoldsUntilItIsChanged(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		l := micron.Parse([]byte("`ca\n`cb\nc\n`ad"), d).Lines
		if l[0].Align != micron.Center || l[1].Align != micron.Center || l[2].Align != micron.Center || l[3].Align != micron.Default {
			t.Errorf("%+v", l)
		}
	})
}

// What MeshChat's parser was seen to do (micron-parser 1.0.2).
func TestABareBracketIsALinkInMeshChat(t *testing.T) {
	links := func(page string, d micron.Dialect) []micron.Link { return micron.Parse([]byte(page), d).Links() }
	for _, page := range []string{"see [x] there", "a\\`[L\\`:/page/x.mu] b"} {
		if n, m := links(page, micron.NomadNet), links(page, micron.MeshChat); len(n) != 0 || len(m) != 1 {
			t.Errorf("%q: NomadNet %v, MeshChat %v", page, n, m)
		}
	}
	if m := links("a\\`\\[L\\`:/page/x.mu] b", micron.MeshChat); len(m) != 0 {
		t.Errorf("escaped: %v", m)
	}
}

func TestAFieldLosesItsNameInMeshChatWhenADocumentHasIt(t *testing.T) {
	f := micron.Parse([]byte("`<24|name`> `<24|nick`>"), micron.MeshChat).Fields()
	if f[0].Name != "" || f[1].Name != "nick" {
		t.Errorf("%+v", f)
	}
}

// NomadNet 1.4.4.
func TestHeadingsFoldPlacesAreNamedAndImagesAreFetchedInNomadNet(t *testing.T) {
	l := micron.Parse([]byte("`+>Open\n`->Shut\n`:here text\n`(alt`w=n`:/file/x.webp)"), micron.NomadNet).Lines
	if l[0].Kind != micron.Heading || l[1].Kind != micron.Heading || l[1].Runs[0].Text != "Shut" || l[2].Runs[0].Text != " text" {
		t.Errorf("%+v", l)
	}
	if l[3].Kind != micron.Image || l[3].Runs[0].Link.URL != ":/file/x.webp" {
		t.Errorf("%+v", l[3])
	}
}

func TestEscapedTagsAreText(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		doc := micron.Parse([]byte("x \\`\\[a\\`:/page/b.mu] \\\\ \\`!not bold"), d)
		if got := doc.Plain()[0]; got != "x `[a`:/page/b.mu] \\ `!not bold" || len(doc.Links()) != 0 {
			t.Errorf("read %q with links %v", got, doc.Links())
		}
	})
}

func TestHeadersCommentsDividersAndLiterals(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		doc := micron.Parse([]byte("#!c=0\n#!fg=ddd\n#!bg=000\n# nothing\n-\n-=\n`=\n`!>raw\n\\`=\n`=\nend"), d)
		if !doc.HasCache || doc.Cache != 0 || doc.Foreground != "ddd" || doc.Background != "000" {
			t.Errorf("headers %+v", doc)
		}
		want := []string{strings.Repeat("─", 10), "==========", "`!>raw", "`=", "end"}
		if got := doc.Plain(); !slices.Equal(got, want) {
			t.Errorf("shows %q", got)
		}
		if micron.Parse([]byte("\n#!c=0\n"), d).HasCache {
			t.Error("a cache header that is not first counts")
		}
	})
}

func TestLinksAndFields(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		doc := micron.Parse([]byte("`[:/page/a.mu] `[B`:/page/b.mu] `[C`:/page/c.mu`*|n=1] `[]`[no end\n"+
			"`<nick`Ann>`<32|topic`a topic>`<!8|code`>`<?|opt|b|*`Bee>`<?|opt|c`Cee>`<^|mode|`fetch>"), d)
		links := doc.Links()
		if len(links) != 3 || links[0].Label != ":/page/a.mu" || links[1].URL != ":/page/b.mu" || links[2].Data != "*|n=1" {
			t.Errorf("links %+v", links)
		}
		f := doc.Fields()
		want := []micron.Field{
			{Kind: micron.TextField, Name: "nick", Width: 24, Value: "Ann"},
			{Kind: micron.TextField, Name: "topic", Width: 32, Value: "a topic"},
			{Kind: micron.TextField, Name: "code", Width: 8, Masked: true},
			{Kind: micron.Checkbox, Name: "opt", Value: "b", Label: "Bee", Checked: true},
			{Kind: micron.Checkbox, Name: "opt", Value: "c", Label: "Cee"},
			{Kind: micron.Radio, Name: "mode", Value: "fetch", Label: "fetch"},
		}
		if !slices.Equal(f, want) {
			t.Errorf("fields %+v", f)
		}
	})
}

func TestAHeadingWithAFieldIsNoneInNomadNet(t *testing.T) {
	for d, kind := range map[micron.Dialect]micron.LineKind{micron.NomadNet: micron.Text, micron.MeshChat: micron.Heading} {
		if l := micron.Parse([]byte(">Nick `<n`>"), d).Lines[0]; l.Kind != kind {
			t.Errorf("%v: %+v", d, l)
		}
	}
}

func TestTheShapeLeavesTheTextsOut(t *testing.T) {
	both(t, func(t *testing.T, d micron.Dialect) {
		shape := func(s string) string { return micron.Parse([]byte("Name: "+s+"\n`[go`:/page/x.mu]"), d).Shape() }
		if shape("Ann") != shape("\\`!Bob") {
			t.Error("texts change the shape")
		}
		if shape("Ann") == shape("`[x`:/page/y.mu]") || shape("Ann") == shape("a\n-") || shape("Ann") == shape("`!b") {
			t.Error("tags do not change the shape")
		}
	})
}

// FuzzParse: no page makes the reader panic or grow, and what it finds was there.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"#!c=0\n>a\n`[b`:/page/c.mu`*|d=1]\n`<?|e|f|*`g>", "`=\n\\`=\n`=", "`t\n|a|b|\n`t", "`{:/page/p.mu`1}", "`", "<<<>>>-", "\\", "`Fabc`FTaabbcc`Bxyz`b`f", "`<|`>`<!300|x`y>", "a [b`:/page/c.mu]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		for _, d := range micron.Dialects() {
			doc := micron.Parse(page, d)
			doc.Shape()
			n := 0
			for _, line := range doc.Lines {
				for _, r := range line.Runs {
					n += len(r.Text)
				}
			}
			if n > len(page) || len(doc.Links()) > strings.Count(string(page), "[") || len(doc.Fields()) > strings.Count(string(page), "`<") {
				t.Fatalf("%s: %q became %q", d, page, doc.Plain())
			}
			if len(doc.Plain()) > strings.Count(string(page), "\n")+1 {
				t.Fatalf("%s: more lines than there are: %q", d, doc.Plain())
			}
		}
	})
}
