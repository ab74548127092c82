package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// PageReader reads pages with the parser of a real client, in a process of its own (readers/). It may be used from one goroutine at a
// time.
type PageReader struct {
	t       *testing.T
	Name    string
	Mono    bool // the parser's mode that puts each character into a box of its own, MeshChat's only
	stdin   io.Writer
	answers chan []byte
	stderr  *lockedBuffer
}

// Reading is what a visitor would see of a page.
type Reading struct {
	Lines   []ReadLine `json:"lines"`
	Strange []string   `json:"strange"` // what no page may make: elements, attributes, links of other kinds
	Error   string     `json:"error"`
}

// ReadLine is one line. Kind is text, heading, divider, partial or image.
type ReadLine struct {
	Kind string    `json:"kind"`
	Runs []ReadRun `json:"runs"`
}

// ReadRun is a piece of a line in one style. A field has no text; that of a link is its label.
type ReadRun struct {
	Text       string     `json:"text"`
	Foreground string     `json:"foreground"`
	Background string     `json:"background"`
	Bold       bool       `json:"bold"`
	Underline  bool       `json:"underline"`
	Italic     bool       `json:"italic"`
	Link       *ReadLink  `json:"link"`
	Field      *ReadField `json:"field"`
}

// ReadLink is where a link leads, and what it takes along, as the client keeps it.
type ReadLink struct {
	URL  string `json:"url"`
	Data string `json:"data"`
}

// ReadField is a field. Kind is text, checkbox or radio; Value is what stands in it, or what the ticked choice sends.
type ReadField struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	Masked  bool   `json:"masked"`
	Label   string `json:"label"`
	Checked bool   `json:"checked"`
}

// StartReaders starts NomadNet's parser and MeshChat's, the latter in both of its modes. They end with the test.
func StartReaders(t *testing.T) []*PageReader {
	t.Helper()
	modules := os.Getenv("GROUPD_READERS")
	if modules == "" {
		modules = "../../build/readers/node_modules"
	}
	if _, err := os.Stat(filepath.Join(modules, "micron-parser")); err != nil {
		t.Fatalf("MeshChat's parser is not installed: run `make interop`, which does (%v)", err)
	}
	nomadNet := startReader(t, "NomadNet", python(t), "-u", "readers/read_nomadnet.py")
	meshChat := startReader(t, "MeshChat", "node", "readers/read_meshchat.mjs", modules)
	boxes := *meshChat
	boxes.Name, boxes.Mono = "MeshChat, each character in its box", true
	return []*PageReader{nomadNet, meshChat, &boxes}
}

func startReader(t *testing.T, name, program string, args ...string) *PageReader {
	t.Helper()
	r := &PageReader{t: t, Name: name, answers: make(chan []byte), stderr: &lockedBuffer{}}
	cmd := exec.Command(program, args...)
	cmd.Stderr = r.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the reader of %s: %v", name, err)
	}
	r.stdin = stdin
	go func() {
		defer close(r.answers)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(make([]byte, 64<<10), 16<<20)
		for lines.Scan() {
			r.answers <- append([]byte(nil), lines.Bytes()...)
		}
	}()
	t.Cleanup(func() {
		stdin.Close()
		for range r.answers { // what nobody waited for
		}
		cmd.Wait()
	})
	return r
}

// Read reads a page; Error is what the parser failed at.
func (r *PageReader) Read(page []byte) Reading {
	r.t.Helper()
	b, err := json.Marshal(map[string]any{"page": string(page), "mono": r.Mono})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.stdin.Write(append(b, '\n')); err != nil {
		r.t.Fatalf("the reader of %s: %v\n%s", r.Name, err, r.stderr.String())
	}
	var out Reading
	select {
	case b, open := <-r.answers:
		if !open {
			r.t.Fatalf("the reader of %s has gone:\n%s", r.Name, r.stderr.String())
		}
		if err := json.Unmarshal(b, &out); err != nil {
			r.t.Fatal(err)
		}
	case <-time.After(time.Minute):
		r.t.Fatalf("the reader of %s does not answer:\n%s", r.Name, r.stderr.String())
	}
	return out
}

// Text is the line without its styles; a field shows as nothing.
func (l ReadLine) Text() string {
	var b strings.Builder
	for _, r := range l.Runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

// Text is the page's lines, one under the other.
func (p Reading) Text() string {
	var b strings.Builder
	for _, l := range p.Lines {
		b.WriteString(l.Text())
		b.WriteByte('\n')
	}
	return b.String()
}

// Shape is everything of a page but its texts and what stands in its text fields, line by line: two pages that differ only in what people
// wrote have the same shape, or somebody's words did something.
func (p Reading) Shape() string {
	var b strings.Builder
	for _, l := range p.Lines {
		b.WriteString(l.Kind)
		last := ""
		for _, r := range l.Runs {
			piece := fmt.Sprintf(" %s/%s", r.Foreground, r.Background)
			for i, on := range []bool{r.Bold, r.Underline, r.Italic} {
				if on {
					piece += "BUI"[i : i+1]
				}
			}
			switch {
			case r.Link != nil:
				piece += fmt.Sprintf(" link %q %q", r.Link.URL, r.Link.Data)
			case r.Field != nil && r.Field.Kind == "text":
				piece += fmt.Sprintf(" field %q", r.Field.Name)
			case r.Field != nil:
				piece += fmt.Sprintf(" %s %q %q %t", r.Field.Kind, r.Field.Name, r.Field.Value, r.Field.Checked)
			case strings.TrimSpace(r.Text) == "" || piece == last: // blanks have no looks, and pieces of one style are one
				continue
			}
			b.WriteString(piece)
			last = piece
		}
		b.WriteByte('\n')
	}
	for _, s := range p.Strange {
		b.WriteString("strange: " + s + "\n")
	}
	return b.String()
}
