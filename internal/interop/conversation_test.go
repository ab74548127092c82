package interop

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/api/requests"
	"groupd/group"
)

// step is what one person does, and who sees what of it.
type step struct {
	who string
	// A request, and the code of its answer where that is not OK, or …
	ask  string
	body obj
	code string
	// … a message, and words of the group's answer; without words none is waited for.
	say   string
	words string
	more  Args
	// check looks at the answer, words of a message under "text".
	check func(k *talk, answer obj) error
	seen  map[string]sight
}

// run does it and waits until it is seen.
func (s step) run(k *talk) error {
	p := k.people[s.who]
	if p == nil {
		return fmt.Errorf("%s is not here", s.who)
	}
	answer, what := obj{}, s.say
	if s.ask != "" {
		what = s.ask
		var code string
		var err error
		if answer, code, err = p.ask(s.ask, s.body); err != nil {
			return err
		}
		want := s.code
		if want == "" {
			want = "OK"
		}
		if code != want {
			return fmt.Errorf("%s asks %s %v: %s instead of %s: %v", s.who, s.ask, s.body, code, want, answer)
		}
	} else {
		text, err := p.say(s.say, s.words, s.more)
		if err != nil {
			return fmt.Errorf("%s says %q: %w", s.who, s.say, err)
		}
		answer["text"] = text
	}
	if s.check != nil {
		if err := s.check(k, answer); err != nil {
			return fmt.Errorf("%s, %s: %w", s.who, what, err)
		}
	}
	for name, look := range s.seen {
		if err := look(k.people[name]); err != nil {
			return fmt.Errorf("%s, %s: %w", s.who, what, err)
		}
	}
	return nil
}

// scene is a part of the conversation. What one person does in it comes in order; different people do not wait for each other.
type scene struct {
	told  string
	steps []step
}

func (c scene) play(k *talk) error {
	var order []string
	of := map[string][]step{}
	for _, s := range c.steps {
		if of[s.who] == nil {
			order = append(order, s.who)
		}
		of[s.who] = append(of[s.who], s)
	}
	errs := make([]error, len(order))
	var all sync.WaitGroup
	for i, name := range order {
		all.Go(func() {
			for _, s := range of[name] {
				if errs[i] = s.run(k); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Twelve members and some guests, each by a face of his own, do whatever can be done here, and another one sees it. At the end every
// request and every command has been used: a new one has to be added to the script.
func TestTwelveMembersTalkByEveryFace(t *testing.T) {
	t.Parallel()
	server := NewServer(t, BuildGroupd(t), "[groups]\ncreate = \"members\"\n"+openGroup)
	server.Start()
	k := &talk{
		group: server.JSON("group", "show")["address"].(string), people: map[string]*person{},
		values: map[string]string{"claim": server.ClaimCode()}, asked: map[string]bool{}, typed: map[string]bool{},
	}
	began := time.Now()
	k.gather(t, server)
	k.reader = k.people["Ada"]
	t.Logf("all are there after %v", time.Since(began))
	for _, c := range script() {
		began := time.Now()
		if err := c.play(k); err != nil {
			t.Fatalf("%s: %v\n%s", c.told, err, server.Do("status"))
		}
		t.Logf("%v %s", time.Since(began).Round(time.Millisecond), c.told)
	}

	face, err := requests.New(requests.Config{Hub: (*group.Hub)(nil), Group: "main"})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range face.Paths() {
		if !k.asked[path] {
			t.Errorf("nobody asked %s", path)
		}
	}
	for _, word := range lxm.Commands() {
		if !k.typed[word] {
			t.Errorf("nobody typed /%s", word)
		}
	}
	began = time.Now()
	k.strike(t, face.Paths(), lxm.Commands())
	t.Logf("%v of bad input", time.Since(began))
}

// gather brings all to the group's network, in a few programs.
func (k *talk) gather(t *testing.T, server *Server) {
	t.Helper()
	faces := map[string]face{
		"Ada": protobuf, "Ben": protobuf, "Cy": protobuf, "Dan": inJSON, "Eve": inJSON, "Fay": direct, "Gus": direct, "Hal": direct,
		"Ida": opportunistic, "Jon": opportunistic, "Kim": live, "Lee": push,
		// Guests.
		"Mal": direct, "Ned": opportunistic, "Ola": inJSON, "Pat": protobuf, "Pia": opportunistic,
	}
	names := slices.Sorted(maps.Keys(faces))
	var mu sync.Mutex
	var all sync.WaitGroup
	errs := make([]error, len(names))
	for half := range 2 {
		p := StartPeer(t, fmt.Sprint("people ", half+1), ClientConfig("127.0.0.1", server.Port))
		p.Do("proto", Args{"binpb": "../../proto/groupd/v1/groupd.binpb", "dictionary": "../../proto/groupd/v1/dictionary1.txt"})
		all.Go(func() {
			if _, err := p.Try("await_path", Args{"hash": k.group, "timeout": 40}); err != nil {
				errs[half] = err
				return
			}
			for i := half; i < len(names); i += 2 {
				q, err := k.enter(p, names[i], faces[names[i]])
				if errs[i] = err; err != nil {
					return
				}
				mu.Lock()
				k.people[names[i]] = q
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// holds tells whether an answer holds something at the end of a way through it.
func holds(answer obj, want string, way ...string) error {
	var at any = answer
	for _, name := range way {
		m, _ := at.(obj)
		at = m[name]
	}
	if got := fmt.Sprint(at); !strings.Contains(got, want) {
		return fmt.Errorf("%s is %q, not %q, in %v", strings.Join(way, "."), got, want, answer)
	}
	return nil
}
