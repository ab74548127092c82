package interop

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// evil is a text that would do harm where it is not taken as a text: to a database, a terminal, a line of writing.
const evil = "x'; DROP TABLE members;-- \x1b[31m\x1b]0;owned\x07 \u202eevil\u202c \u200bend\r\n※ Ada: I am the server"

// strike sends whatever somebody can think of to every request and command, and shows others what came of it.
func (k *talk) strike(t *testing.T, paths, commands []string) {
	t.Helper()
	enter := func(name string, f face) *person {
		p, err := k.enter(k.people["Ada"].Peer, name, f)
		if err != nil {
			t.Fatal(err)
		}
		k.people[name] = p
		return p
	}
	quin := enter("Quin", protobuf)
	join := func() {
		if _, code, err := quin.ask("/join", obj{"name": "Quin"}); err != nil || code != "OK" {
			t.Fatal(code, err)
		}
	}
	join()

	began := time.Now()
	// Every path, by a member: what can not be read is refused in words, and nothing breaks.
	deep := func(n int) string { return strings.Repeat(`{"who":`, n) + "1" + strings.Repeat("}", n) }
	bad := map[string]Args{
		"random bytes":         {"data": BlobArg("garbage", 300, false)},
		"a length too long":    {"data": "0affffffff0f"},
		"wrong wire types":     {"data": "0d010000001101000000000000001d01000000250100000028ffffffffffffffffff01"},
		"numbers at their end": {"data": strings.Join([]string{"08", "10", "18", "20", "28", "30", "38", ""}, "ffffffffffffffffff01")},
		"no end":               {"data": strings.Repeat("0b", 300)},
		"deep JSON":            {"data": deep(40), "data_is_text": true},
		"JSON, wrong types":    {"data": `{"who":5,"seq":"x","seqs":{},"text":[],"items":7,"policy":"p","code":{}}`, "data_is_text": true},
		"a number":             {"value": 5},
		"a list":               {"value": []any{"x", nil, []any{}}},
		"very deep JSON":       {"data": deep(5000), "data_is_text": true},
		"a large request":      {"data": BlobArg("large", 70_000, true)},
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan func())
	for range 4 {
		all.Go(func() {
			for f := range next {
				f()
			}
		})
	}
	for i, path := range paths {
		short := strings.TrimPrefix(path, "/api/v1")
		for what, data := range bad {
			if (what == "a large request" || what == "very deep JSON") && i%8 != 0 {
				continue // it takes a second
			}
			next <- func() {
				a := Args{"link": quin.link, "path": short}
				for key, v := range data {
					a[key] = v
				}
				r, err := quin.Try("call_raw", a)
				if err == nil {
					err = refused(r)
				}
				if err != nil {
					mu.Lock()
					t.Errorf("%s with %s: %v", path, what, err)
					mu.Unlock()
				}
			}
		}
	}
	close(next)
	all.Wait()
	t.Logf("%v of requests", time.Since(began))
	began = time.Now()

	// Every command, by two members with stock clients.
	for half, name := range []string{"Quo", "Ray"} {
		all.Go(func() {
			p := enter(name, opportunistic)
			if _, err := p.say("/join "+name, "Welcome to", nil); err != nil {
				t.Error(err)
				return
			}
			for i := half; i < len(commands); i += 2 {
				if _, err := p.say("/"+commands[i]+" "+strings.Repeat(evil, 1+i%2), "", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%v of commands", time.Since(began))

	// What people are called and write is inert where others see it.
	quin = enter("Quinn", protobuf)
	join()
	evil := "so " + evil // nobody has that name yet
	steps := []step{
		{who: "Quinn", ask: "/profile/update", body: obj{"name": evil, "status_text": evil[:40]}, seen: map[string]sight{
			"Dan": memberIs("a clean name", func(m *groupdv1.Member) bool {
				return m.GetName() == moderation.CleanName(evil) && m.GetStatusText() == moderation.CleanLine(evil[:40])
			}),
		}},
		{who: "Ada", ask: "/topic/update", body: obj{"topic": evil}, seen: map[string]sight{
			"Ben": state("a clean topic", func(g *groupdv1.GroupState) bool { return g.GetTopic() == moderation.CleanLine(evil) }),
			"Hal": heard(moderation.CleanLine(evil)),
		}},
		{who: "Dan", ask: "/profile/update", body: obj{"name": "Аda"}, code: "CONFLICT"}, // the first letter is Cyrillic
		{who: "Quinn", ask: "/messages/send", body: obj{"message": evil}, seen: map[string]sight{
			"Dan": posted(evil), // as it was signed: a text
			"Hal": heard(moderation.CleanName(evil) + ": " + strings.ReplaceAll(cleaned(evil), "\n", "\n\u00a0\u00a0")),
		}},
		{who: "Gus", say: "a list of names", more: Args{"files": []obj{{"name": "../../\x1b[31m\u202egpj.exe;rm -rf *", "data": "00"}}}, seen: map[string]sight{
			"Dan": sees("a clean file name", func(e *groupdv1.Entry) bool {
				return e.GetText() == "a list of names" && len(e.GetAttachments()) == 1 && e.GetAttachments()[0].GetName() == moderation.CleanLine(e.GetAttachments()[0].GetName()) &&
					!strings.ContainsAny(e.GetAttachments()[0].GetName(), "/\\*\x1b\u202e")
			}),
		}},
	}
	for _, s := range steps {
		if err := s.run(k); err != nil {
			t.Error(err)
		}
	}

	// What programs tell the server in fields stays there.
	secret := "the password is swordfish"
	hidden := map[string]string{}
	for _, field := range []string{"2", "3", "9", "251", "252", "253"} {
		hidden[field] = hex.EncodeToString([]byte(secret))
	}
	told := step{who: "Gus", say: "nothing to hide", more: Args{"fields": hidden}, seen: map[string]sight{"Kim": posted("nothing to hide"), "Hal": heard("nothing to hide"), "Jon": heard("nothing to hide"), "Lee": posted("nothing to hide")}}
	if err := told.run(k); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/messages/proof", "/messages"} {
		body := obj{"seq": "{nothing to hide}", "max_bytes": 60000}
		if path == "/messages" {
			body = obj{"seqs": []string{"{nothing to hide}"}, "max_bytes": 60000, "hashes": true}
		}
		answer, _, err := k.people["Dan"].ask(path, body)
		if err != nil || holdsBytes(answer, secret) {
			t.Errorf("%s hands out hidden fields: %v, %v", path, answer, err)
		}
	}
	seen := map[*Peer]bool{}
	for _, p := range k.people {
		if seen[p.Peer] {
			continue
		}
		seen[p.Peer] = true
		p.mu.Lock()
		for _, e := range p.events {
			if raw := fmt.Sprint(e.Fields); strings.Contains(raw, secret) || strings.Contains(raw, hex.EncodeToString([]byte(secret))) {
				t.Errorf("%s sees hidden fields: %v", p.Peer.name, e.Fields)
			}
		}
		p.mu.Unlock()
	}

	// All is as it was.
	if err := (step{who: "Eve", ask: "/messages/send", body: obj{"message": "and still we talk"}, seen: map[string]sight{"Kim": posted("and still we talk"), "Jon": heard("Eve: and still we talk")}}).run(k); err != nil {
		t.Error(err)
	}
}

// cleaned is a text with each of its lines made fit to be shown.
func cleaned(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = moderation.CleanLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// refused checks the answer to a request that nobody can read: it has a status, and that is no fault of the server's.
func refused(r map[string]any) error {
	st := new(groupdv1.Ack)
	d := Digest{}
	d.Hex, _ = r["hex"].(string)
	if text, ok := r["text"].(string); ok {
		var answer struct{ Status struct{ Code string } }
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Status.Code == "INTERNAL" {
			return fmt.Errorf("the answer is %s", text)
		}
		return nil
	}
	data, err := hex.DecodeString(d.Hex)
	if _, ok := r["hex"]; err != nil || !ok {
		return fmt.Errorf("the answer is %v", r)
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, st); err != nil || st.GetStatus().GetCode() == groupdv1.Code_INTERNAL {
		return fmt.Errorf("the answer is %x: %v, %v", data, st, err)
	}
	return nil
}

// holdsBytes looks for a text in an answer, also where that is base64.
func holdsBytes(v any, text string) bool {
	switch v := v.(type) {
	case string:
		data, err := base64.StdEncoding.DecodeString(v)
		return strings.Contains(v, text) || err == nil && strings.Contains(string(data), text)
	case map[string]any:
		for _, w := range v {
			if holdsBytes(w, text) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(w any) bool { return holdsBytes(w, text) })
	}
	return false
}
