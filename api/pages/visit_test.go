package pages

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"groupd/rns"
	"groupd/rns/msgpack"
)

// values is a request's data, of names and texts in turn.
func values(pairs ...string) msgpack.Raw {
	var entries []msgpack.Entry
	for i := 0; i < len(pairs); i += 2 {
		entries = append(entries, msgpack.Entry{Key: msgpack.Str(pairs[i]), Value: msgpack.Str(pairs[i+1])})
	}
	return msgpack.Map(entries...)
}

func visited(data msgpack.Raw) *visit {
	v := &visit{}
	v.read(data)
	return v
}

func TestFieldsAndVariablesAreReadAsTheyWereWritten(t *testing.T) {
	v := visited(values("field_g_name", "Ann", "field_name", "Ann", "field_old", "x", "var_q", "snow%20%26%20ice", "var_seq", "#12", "other", "x", "var_odd", "100%", "field_seq2", " 7 "))
	for what, got := range map[string]string{"Ann": v.field("name"), "x": v.field("old"), "snow & ice": v.variable("q"), "100%": v.variable("odd")} {
		if got != what {
			t.Errorf("%q is %q", what, got)
		}
	}
	if v.seq("seq") != 12 || v.seq("seq2") != 7 || v.seq("q") != 0 || v.value("other") != "" || v.variable("name") != "" || v.field("q") != "" {
		t.Errorf("%v %v", v.fields, v.variables)
	}
	for _, text := range hostile() {
		if got := visited(values("var_q", encode(text))).variable("q"); got != strings.ToValidUTF8(text, "") {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

func TestWhatComesWithARequestHasABound(t *testing.T) {
	var pairs []string
	for i := range 3 * maxValues {
		pairs = append(pairs, fmt.Sprint("var_", i), "x", fmt.Sprint("field_", i), "x")
	}
	if v := visited(values(pairs...)); len(v.fields)+len(v.variables) != maxValues {
		t.Errorf("%d fields and %d variables", len(v.fields), len(v.variables))
	}
	if v := visited(values("var_"+strings.Repeat("x", maxKey), "x")); len(v.variables) != 0 {
		t.Error("a long name")
	}
}

// NomadNet sends nothing where there is nothing, MeshChat an empty map (spec 4 §7.10).
func TestTheHintIsForTheVisitorsProgram(t *testing.T) {
	for _, c := range []struct {
		data msgpack.Raw
		want client
	}{{nil, clientNomadNet}, {msgpack.Nil(), clientNomadNet}, {msgpack.Map(), clientMeshChat}, {values("var_x", "y"), clientUnknown}, {msgpack.Int(1), clientUnknown}} {
		if got := visited(c.data).client; got != c.want {
			t.Errorf("%x: %d", []byte(c.data), got)
		}
	}
}

func TestLinksToFilesHaveABound(t *testing.T) {
	var f files
	for i := range maxFileLinks + 10 {
		f.note(fmt.Sprintf("/file/%d/0/x", i), file{seq: 1, index: i})
		f.note(fmt.Sprintf("/file/%d/0/x", i), file{seq: 1, index: i})
	}
	if len(f.links) != maxFileLinks || len(f.order) != maxFileLinks {
		t.Errorf("%d links, %d in order", len(f.links), len(f.order))
	}
	if _, ok := f.find(rns.PathHash("/file/9/0/x")); ok {
		t.Error("the oldest one is still there")
	}
	if got, ok := f.find(rns.PathHash(fmt.Sprintf("/file/%d/0/x", maxFileLinks))); !ok || got.index != maxFileLinks {
		t.Errorf("%v", got)
	}
}

func FuzzRequestData(f *testing.F) {
	for _, data := range []msgpack.Raw{nil, msgpack.Nil(), msgpack.Map(), values("field_g_text", "hello", "var_n", "AAAA", "var_q", "a%20b%"), msgpack.Int(1), msgpack.AppendMap(nil, 1<<30), msgpack.AppendStr(msgpack.AppendMap(nil, 2), "var_x")} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := visited(data)
		if len(v.fields)+len(v.variables) > maxValues {
			t.Errorf("%d fields and %d variables", len(v.fields), len(v.variables))
		}
		for _, m := range []map[string]string{v.fields, v.variables} {
			for name, text := range m {
				if len(name) > maxKey || !utf8.ValidString(text) {
					t.Errorf("%q: %q", name, text)
				}
			}
		}
	})
}
