package interop

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	groupdv1 "groupd/proto/groupd/v1"
)

// face is how somebody talks with the group.
type face string

const (
	protobuf      face = "protobuf"      // requests over a link
	inJSON        face = "JSON"          // the same, in JSON
	direct        face = "direct"        // messages of a stock LXMF client, over a link
	opportunistic face = "opportunistic" // the same, in single packets
	live          face = "live"          // live pages
	push          face = "push"          // packets to meshchat.notify
)

// person is one identity of a peer's, with a link for requests or a mailbox.
type person struct {
	*Peer
	talk    *talk
	name    string
	face    face
	address string // LXMF
	link    string // "" for who has a mailbox
	notify  string // the address of his meshchat.notify

	// What his client shows.
	shown struct {
		entries map[uint64]*groupdv1.Entry
		members map[string]*groupdv1.Member
		group   *groupdv1.GroupState
		cursor  uint64
		read    int // events of the peer that are read
	}
}

// talk is a group and the people around it.
type talk struct {
	group   string // its LXMF address
	people  map[string]*person
	reader  *person    // by whose copy texts become numbers
	reading sync.Mutex // of what clients show

	mu     sync.Mutex
	values map[string]string
	asked  map[string]bool // paths
	typed  map[string]bool // words of commands
}

// enter opens what somebody needs to talk.
func (k *talk) enter(p *Peer, name string, f face) (*person, error) {
	q := &person{Peer: p, talk: k, name: name, face: f}
	q.shown.entries, q.shown.members = map[uint64]*groupdv1.Entry{}, map[string]*groupdv1.Member{}
	if _, err := p.Try("identity", Args{"name": name}); err != nil {
		return nil, err
	}
	if f == direct || f == opportunistic {
		r, err := p.Try("lxmf", Args{"storage": p.Dir() + "/lxmf-" + name, "identity": name, "name": name})
		if err != nil {
			return nil, err
		}
		q.address = r["hash"].(string)
		_, err = p.Try("lxmf_announce", Args{"from": name})
		return q, err
	}
	r, err := p.Try("open_link", Args{"hash": k.group, "app": "meshchat", "aspects": []string{"group"}})
	if err != nil {
		return nil, err
	}
	q.link = r["link"].(string)
	if _, err := p.Try("identify", Args{"link": q.link, "identity": name}); err != nil {
		return nil, err
	}
	r, err = p.Try("lxmf_pack", Args{"identity": name, "to": k.group})
	if err != nil {
		return nil, err
	}
	q.address = r["source"].(string)
	switch f {
	case live:
		_, err = p.Try("link_live", Args{"link": q.link})
	case push:
		r, err = p.Try("destination", Args{"name": "notify " + name, "identity": name, "app": "meshchat", "aspects": []string{"notify"}, "ratchets": p.Dir() + "/ratchets-" + name})
		if err != nil {
			return nil, err
		}
		q.notify = r["hash"].(string)
		_, err = p.Try("announce", Args{"name": "notify " + name})
	}
	return q, err
}

// fill puts what is known only when it is said in its places: {words} is the number of the post with these words, {@Name} somebody's
// LXMF address, {$key} a value that an earlier step kept.
func (k *talk) fill(text string) (filled string, err error) {
	filled = regexp.MustCompile(`\{([^{}"]+)\}`).ReplaceAllStringFunc(text, func(place string) string {
		word := place[1 : len(place)-1]
		switch word[0] {
		case '@':
			p := k.people[word[1:]]
			if p == nil {
				err = fmt.Errorf("nobody is called %q", word[1:])
				return place
			}
			return p.address
		case '$':
			k.mu.Lock()
			defer k.mu.Unlock()
			v, ok := k.values[word[1:]]
			if !ok {
				err = fmt.Errorf("%q is not known yet", word)
			}
			return v
		}
		number := place
		err = shows("the post "+word, func(p *person) bool {
			for seq, e := range p.shown.entries {
				if e.GetText() == word && e.GetKind() <= groupdv1.Kind_ACTION {
					number = fmt.Sprint(seq)
				}
			}
			return number != place
		})(k.reader)
		return number
	})
	return filled, err
}

// keep remembers a value for {$key}.
func (k *talk) keep(key, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values[key] = value
}

// obj is a request's body or an answer, as JSON has it.
type obj = map[string]any

// ask makes a request and returns the answer and its code. The value of "message" is a text, which is packed and signed.
func (p *person) ask(path string, body obj) (answer obj, code string, err error) {
	k := p.talk
	k.mu.Lock()
	k.asked["/api/v1"+path] = true
	k.mu.Unlock()
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, "", err
	}
	text, err := k.fill(string(raw))
	if err != nil {
		return nil, "", err
	}
	if body = nil; text != "null" {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return nil, "", err
		}
	}
	if words, ok := body["message"].(string); ok {
		r, err := p.Try("lxmf_pack", Args{"identity": p.name, "to": k.group, "content": words})
		if err != nil {
			return nil, "", err
		}
		body["message"] = r["packed"]
	}
	if p.face == inJSON {
		answer, err = p.Try("call_json", Args{"link": p.link, "path": path, "body": body})
	} else {
		kinds, ok := kindsOf()[path]
		if !ok {
			return nil, "", fmt.Errorf("the messages of %s are not in the table", path)
		}
		answer, err = p.Try("call", Args{"link": p.link, "path": path, "request": kinds[0], "body": body, "reply": kinds[1]})
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s asks %s: %w", p.name, path, err)
	}
	code = "OK"
	if s, ok := answer["status"].(obj); ok {
		code, _ = s["code"].(string)
	}
	return answer, code, nil
}

// say sends a message by LXMF and waits for its proof, and for an answer that holds these words; "" waits for none. It returns the
// answer.
func (p *person) say(text, answer string, more Args) (string, error) {
	k := p.talk
	text, err := k.fill(text)
	if err != nil {
		return "", err
	}
	if word, ok := strings.CutPrefix(text, "/"); ok {
		word, _, _ = strings.Cut(word, " ")
		k.mu.Lock()
		k.typed[word] = true
		k.mu.Unlock()
	}
	p.mu.Lock()
	from := len(p.events)
	p.mu.Unlock()
	a := Args{"from": p.name, "to": k.group, "content": text, "method": string(p.face)}
	maps.Copy(a, more)
	r, err := p.Try("lxmf_send", a)
	if err != nil {
		return "", err
	}
	e, err := p.wait(from, "message_state", 30*time.Second, func(e Event) bool { return e.Text("message") == r["id"] })
	if err != nil {
		return "", fmt.Errorf("no proof of %q: %w", text, err)
	}
	if e.Fields["delivered"] != true {
		return "", fmt.Errorf("%s: %q was not delivered", p.name, text)
	}
	if answer == "" {
		return "", nil
	}
	if e, err = p.wait(from, "message", 20*time.Second, p.letter(answer)); err != nil {
		return "", fmt.Errorf("%q has no answer with %q: %w", text, answer, err)
	}
	return e.Text("content"), nil
}

// letter recognizes a message of the group to somebody that holds some words.
func (p *person) letter(words string) func(Event) bool {
	return func(e Event) bool {
		return e.Text("to") == p.address && e.Text("source") == p.talk.group && strings.Contains(e.Text("content"), words) && e.Fields["verified"] == true
	}
}

// hears waits for a message of the group.
func (p *person) hears(words string) error {
	_, err := p.wait(0, "message", 20*time.Second, p.letter(words))
	return err
}

// wait looks for an event, from an index on.
func (p *person) wait(from int, name string, within time.Duration, match func(Event) bool) (Event, error) {
	deadline := time.After(within)
	for {
		p.mu.Lock()
		events, changed := p.events, p.changed
		p.mu.Unlock()
		for ; from < len(events); from++ {
			if e := events[from]; e.Name == name && match(e) {
				return e, nil
			}
		}
		select {
		case <-changed:
		case <-p.exited:
			return Event{}, errors.New("the peer has gone")
		case <-deadline:
			var mine []string
			for _, e := range events {
				if e.Name == "message" && e.Text("to") == p.address {
					mine = append(mine, e.Text("content"))
				}
			}
			return Event{}, fmt.Errorf("%s saw nothing in %v; the last messages: %q", p.name, within, mine[max(0, len(mine)-10):])
		}
	}
}

// sync brings what a client shows up to date: by pages that it asks for, or by those that came.
func (p *person) sync() error {
	if p.face != live && p.face != push {
		for {
			body := Args{"after_rev": p.shown.cursor, "limit": 200, "max_bytes": 60000}
			a := Args{"link": p.link, "path": "/messages", "body": body, "request": "MessagesRequest", "reply": "MessagesReply"}
			call := "call_json"
			if p.face == protobuf {
				call, body["accept"] = "call", []string{"DEFLATE", "DEFLATE_DICTIONARY_1"}
			}
			r, err := p.Try(call, a)
			if err != nil {
				return err
			}
			if r["status"] != nil {
				return fmt.Errorf("%s asks /messages: %v", p.name, r["status"])
			}
			v := new(groupdv1.PageView)
			if p.face == protobuf {
				if v, err = spelled(r["page"]); err != nil {
					return err
				}
			} else if raw, err := json.Marshal(r["view"]); err != nil {
				return err
			} else if err := protojson.Unmarshal(raw, v); err != nil {
				return err
			}
			p.show(v)
			if !v.GetMore() {
				return nil
			}
		}
	}
	p.mu.Lock()
	events := p.events
	p.mu.Unlock()
	for ; p.shown.read < len(events); p.shown.read++ {
		e := events[p.shown.read]
		data, err := hex.DecodeString(e.Data("data").Hex)
		switch {
		case err != nil:
			return err
		case e.Name == "live" && e.Text("link") == p.link:
		case e.Name == "packet" && e.Text("destination") == p.notify:
			r, err := p.Try("notice", Args{"hash": p.talk.group, "data": e.Data("data").Hex})
			if err != nil {
				return err
			}
			if r["good"] != true || r["kind"] != float64(groupdv1.NoticePage) {
				continue
			}
			if data, err = hex.DecodeString(r["body"].(string)); err != nil {
				return err
			}
		default:
			continue
		}
		v, err := spelled(base64.StdEncoding.EncodeToString(data))
		if err != nil {
			return fmt.Errorf("%s is sent a page that can not be read: %w", p.name, err)
		}
		p.show(v)
	}
	return nil
}

// spelled opens a page form in base64.
func spelled(page any) (*groupdv1.PageView, error) {
	s, _ := page.(string)
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, err
	}
	p, err := groupdv1.OpenPage(data, 0)
	if err != nil {
		return nil, err
	}
	return p.Spell()
}

// show takes a page in, as docs/requests.md says.
func (p *person) show(v *groupdv1.PageView) {
	for _, e := range v.GetEntries() {
		if old := p.shown.entries[e.GetSeq()]; e.GetUnchanged() && old != nil {
			old.Reactions, old.Pinned, old.Rev = e.GetReactions(), e.GetPinned(), e.GetRev()
		} else if !e.GetUnchanged() {
			p.shown.entries[e.GetSeq()] = e
		}
	}
	for _, m := range v.GetMembers() {
		p.shown.members[hex.EncodeToString(m.GetIdentity())] = m
	}
	if v.GetGroup() != nil {
		p.shown.group = v.GetGroup()
	}
	p.shown.cursor = max(p.shown.cursor, v.GetToRev())
}

// sight is what somebody else must see of a step.
type sight func(p *person) error

// sees waits until somebody's client shows an entry that fits.
func sees(what string, fits func(e *groupdv1.Entry) bool) sight {
	return shows(what, func(p *person) bool {
		for _, e := range p.shown.entries {
			if fits(e) {
				return true
			}
		}
		return false
	})
}

// shows waits until somebody's client shows something.
func shows(what string, fits func(p *person) bool) sight {
	return func(p *person) error {
		if p.link == "" {
			return fmt.Errorf("%s has no client that could show %s", p.name, what)
		}
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			p.talk.reading.Lock()
			err := p.sync()
			ok := err == nil && fits(p)
			p.talk.reading.Unlock()
			if ok || err != nil {
				return err
			}
			if time.Since(began) > 20*time.Second {
				var b strings.Builder
				for _, e := range p.shown.entries {
					fmt.Fprintf(&b, "  %v\n", e)
				}
				return fmt.Errorf("%s does not see %s, but\n%s%v", p.name, what, &b, p.shown.group)
			}
		}
	}
}

// posted is a text, whoever wrote it, or an edit's new one.
func posted(text string) sight {
	return sees("the post "+text, func(e *groupdv1.Entry) bool {
		return e.GetText() == text && e.GetKind() <= groupdv1.Kind_EDIT && !e.GetDeleted()
	})
}

// happened is an event about somebody, or with a text.
func happened(kind groupdv1.Kind, who, text string) sight {
	return sees(fmt.Sprintf("%v %s %q", kind, who, text), func(e *groupdv1.Entry) bool {
		whom := e.GetSubject()
		if whom == nil {
			whom = e.GetSender()
		}
		return e.GetKind() == kind && (who == "" || whom.GetName() == who) && strings.Contains(e.GetText(), text)
	})
}

// erased is a post of somebody's that has no text any more.
func erased(who string) sight {
	return sees("an erased post of "+who, func(e *groupdv1.Entry) bool {
		return e.GetDeleted() && e.GetSender().GetName() == who && e.GetText() == ""
	})
}

// reacted is a number of reactions to a post.
func reacted(text, reaction string, count uint32) sight {
	return sees(fmt.Sprint(count, " ", reaction, " at ", text), func(e *groupdv1.Entry) bool {
		for _, r := range e.GetReactions() {
			if e.GetText() == text && r.GetText() == reaction && r.GetCount() == count {
				return true
			}
		}
		return e.GetText() == text && count == 0 && len(e.GetReactions()) == 0
	})
}

// pinned is whether a post is.
func pinned(text string, on bool) sight {
	return sees(fmt.Sprint("pinned ", on, ": ", text), func(e *groupdv1.Entry) bool { return e.GetText() == text && e.GetPinned() == on })
}

// state is what a client shows of the group.
func state(what string, fits func(g *groupdv1.GroupState) bool) sight {
	return shows(what, func(p *person) bool { return p.shown.group != nil && fits(p.shown.group) })
}

// memberIs is what a client shows of somebody.
func memberIs(what string, fits func(m *groupdv1.Member) bool) sight {
	return shows(what, func(p *person) bool {
		for _, m := range p.shown.members {
			if fits(m) {
				return true
			}
		}
		return false
	})
}

// heard is a message of the group to somebody with a stock client.
func heard(words string) sight {
	return func(p *person) error { return p.hears(words) }
}

// asking is what a second member is told who asks.
func asking(path string, body obj, fits func(answer obj) bool) sight {
	return func(p *person) error {
		answer, code, err := p.ask(path, body)
		if err == nil && (code != "OK" || !fits(answer)) {
			err = fmt.Errorf("%s asks %s and is told %v", p.name, path, answer)
		}
		return err
	}
}
