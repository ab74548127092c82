package requests

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// update writes docs/requests.md and the vectors anew instead of comparing them: go test ./api/requests -run Fresh -update
func updating() bool { return flag.Lookup("update").Value.(flag.Getter).Get().(bool) }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/requests.md and the vectors anew")
	flag.Parse()
	os.Exit(m.Run())
}

const (
	docsFile  = "../../docs/requests.md"
	schemaDir = "../../proto/groupd/v1"
)

// TestDocsAreFresh holds docs/requests.md to the code: messages are quoted from the schema, examples are made by asking a server.
// Blocks in the page look like this, and what is between the two lines is made here:
//
//	<!-- messages: InfoRequest InfoReply -->
//	<!-- example: /info -->
//	<!-- end -->
func TestDocsAreFresh(t *testing.T) {
	old, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	schema := schemaText(t)
	block := regexp.MustCompile(`(?s)(<!-- (messages|example): ([^\n]*?) -->\n).*?(<!-- end -->)`)
	mentioned := map[string]bool{}
	fresh := block.ReplaceAllStringFunc(string(old), func(b string) string {
		m := block.FindStringSubmatch(b)
		body := ""
		switch m[2] {
		case "messages":
			body = "```proto\n"
			for i, name := range strings.Fields(m[3]) {
				if i > 0 {
					body += "\n"
				}
				body += definition(t, schema, name)
			}
			body += "```\n"
		case "example":
			mentioned[m[3]] = true
			if m[3] == "request stamp" {
				v := stampVectors(t)[0]
				body = "```\nmaterial " + wrap(v.Out.Material) + "\nstamp    " + wrap(v.In.Stamp) + "\n```\n"
			} else if m[3] == "beacon" {
				b := groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Public: true, Head: true, Generation: 0x1122334455667788, Seq: 4711, Deletions: 3, Name: "Valley Mesh"}
				body = "```\n" + hex.EncodeToString(b.Append(nil)) + "\n```\n"
			} else if m[3] == "notice" {
				body = "```\n" + breakLine(noticeVector(t), 110, "") + "\n```\n"
			} else {
				body = example(t, m[3])
			}
		}
		return m[1] + body + m[4]
	})
	if updating() {
		if err := os.WriteFile(docsFile, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if fresh != string(old) {
		t.Errorf("docs/requests.md is stale: go test ./api/requests -run Fresh -update")
	}
	for _, p := range newServer(t, newFake(0)).Paths() {
		if short := strings.TrimPrefix(p, Prefix); !mentioned[short] {
			t.Errorf("docs/requests.md has no example of %s", short)
		}
	}
	for name := range groupdv1.Code_value {
		if !strings.Contains(fresh, "| `"+name+"` |") {
			t.Errorf("docs/requests.md does not list the status %s", name)
		}
	}
	for _, limit := range []int{BasePacket, MinReply, MaxReply, MaxRequest, MaxSeqs, MaxBatch, groupdv1.MaxPageEntries, groupdv1.MaxPageBody, groupdv1.MaxBeaconName} {
		if !strings.Contains(fresh, "| "+grouped(limit)+" |") {
			t.Errorf("docs/requests.md does not name the limit %s", grouped(limit))
		}
	}
}

// grouped writes a number with a comma before every three digits.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// schemaText is all of the .proto files.
func schemaText(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(schemaDir, "*.proto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
		all.WriteByte('\n')
	}
	return all.String()
}

// definition cuts one message or enum with its comment out of the schema.
func definition(t *testing.T, schema, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)\n((?://[^\n]*\n)*(?:message|enum) ` + name + ` \{(?:\}|.*?\n\})\n)`).FindStringSubmatch(schema)
	if m == nil {
		t.Fatalf("the schema has no %s", name)
	}
	return m[1]
}

// example asks a server as the documents describe it and shows both messages, spelled out and in bytes.
func example(t *testing.T, path string) string {
	t.Helper()
	for _, q := range samples() {
		if q.path != path {
			continue
		}
		request := mustMarshal(q.request)
		reply := ask(t, newServer(t, newFake(9)), ada(), path, q.request, q.reply)
		out := "```\nrequest  " + wrap(inJSON(t, q.request)) + "\nbytes    " + wrap(hexOrNone(request, "none: send nil"))
		out += "\nreply    "
		if m, ok := q.reply.(*groupdv1.MessagesReply); ok {
			out += wrap(inJSON(t, &groupdv1.MessagesReply{View: openReply(t, reply)})) + "\npage     " + wrap(hex.EncodeToString(m.GetPage()))
		} else {
			out += wrap(inJSON(t, q.reply))
		}
		return out + "\nbytes    " + wrap(hexOrNone(reply, "none: all went well, and there is nothing to tell")) + "\n```\n"
	}
	t.Fatalf("no sample of %s", path)
	return ""
}

func inJSON(t *testing.T, m proto.Message) string {
	t.Helper()
	b, err := form{json: true}.encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func hexOrNone(b []byte, none string) string {
	if len(b) == 0 {
		return none
	}
	return hex.EncodeToString(b)
}

// wrap breaks a long line; the following ones are indented.
func wrap(s string) string { return breakLine(s, 110, "         ") }

func breakLine(s string, width int, indent string) string {
	var lines []string
	for len(s) > width {
		lines = append(lines, s[:width])
		s = s[width:]
	}
	return strings.Join(append(lines, s), "\n"+indent)
}

// noticeVector is the first of the vectors of notices.
func noticeVector(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(schemaDir, "testdata", "notices.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vs []struct {
		In struct{ Bytes string }
	}
	if err := json.Unmarshal(b, &vs); err != nil {
		t.Fatal(err)
	}
	return vs[0].In.Bytes
}

// TestVectorsOfWireFormsAreFresh writes and compares the files in proto/groupd/v1/testdata that this package can make. Reading them is
// tested over there.
func TestVectorsOfWireFormsAreFresh(t *testing.T) {
	var cases []string
	add := func(kind, what string, m proto.Message, b []byte, path string) {
		cases = append(cases, fmt.Sprintf(`{"id":"requests-%03d","kind":%q,"description":%q,"valid":true,"in":{"path":%q,"bytes":%q},"out":{"message":%q,"json":%s}}`,
			len(cases)+1, kind, what, path, hex.EncodeToString(b), m.ProtoReflect().Descriptor().FullName(), inJSON(t, m)))
	}
	for _, q := range samples() {
		add("request", "a request to "+q.path, q.request, mustMarshal(q.request), Prefix+q.path)
		reply := ask(t, newServer(t, newFake(9)), ada(), q.path, q.request, q.reply)
		add("reply", "its reply", q.reply, reply, Prefix+q.path)
	}
	for _, r := range newServer(t, newFake(0)).routes {
		if r.access != identified {
			continue
		}
		out, _ := newServer(t, newFake(0)).Handle(t.Context(), group.Caller{}, Prefix+r.path, msgpack.Nil(), BasePacket).Bin()
		m := r.newReply()
		if err := proto.Unmarshal(out, m); err != nil {
			t.Fatal(err)
		}
		add("reply", "to a link that has not identified", m, out, Prefix+r.path)
	}
	want := "[\n" + strings.Join(cases, ",\n") + "\n]\n"
	name := filepath.Join(schemaDir, "testdata", "requests.json")
	if updating() {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is stale: go test ./api/requests -run Fresh -update", name)
	}
}
