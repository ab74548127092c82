package requests

import (
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// overLink serves h at one node and opens a link to it from another.
func overLink(t *testing.T, h Hub) (*rns.Link, *ifacetest.Medium) {
	t.Helper()
	medium := ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond})
	server := rnstest.Start(t, rns.Config{}, medium.Port("server"))
	client := rnstest.Start(t, rns.Config{}, medium.Port("client"))
	d, err := server.NewDestination(rns.DestinationConfig{
		Identity: rnstest.Identity(t, 1), App: App, Aspects: []string{Aspect}, MaxRequestSize: MaxRequestSize,
	})
	if err != nil {
		t.Fatal(err)
	}
	newServer(t, h).Register(d)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	l, err := client.OpenLink(t.Context(), client.NewRemote(rnstest.Identity(t, 1).Public(), App, Aspect))
	if err != nil {
		t.Fatal(err)
	}
	return l, medium
}

func TestRequestsAreAnsweredOverALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFake(90)
		l, medium := overLink(t, h)
		defer l.Close()
		request := func(path string, data msgpack.Raw) []byte {
			t.Helper()
			r, err := l.Request(t.Context(), path, data, rns.RequestOptions{})
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			b, ok := r.Data.Bin()
			if !ok {
				t.Fatalf("%s: %x", path, []byte(r.Data))
			}
			return b
		}
		code := func(path string, data msgpack.Raw) groupdv1.Code {
			return statusOfReply(t, msgpack.Bin(request(path, data))).GetCode()
		}

		if got := code("/api/v1/info", msgpack.Nil()); got != groupdv1.Code_OK {
			t.Errorf("info for a stranger: %v", got)
		}
		if got := code("/api/v1/messages", msgpack.Nil()); got != groupdv1.Code_NOT_IDENTIFIED {
			t.Errorf("messages for a stranger: %v", got)
		}
		for _, path := range []string{"/api/v1/later", "anything", ""} {
			if got := code(path, msgpack.Nil()); got != groupdv1.Code_UNSUPPORTED {
				t.Errorf("%q: %v", path, got)
			}
		}
		me := adaKeys()
		if err := l.Identify(me); err != nil {
			t.Fatal(err)
		}
		for _, q := range samples() {
			if got := code(Prefix+q.path, msgpack.Bin(mustMarshal(q.request))); got != groupdv1.Code_OK {
				t.Errorf("%s: %v", q.path, got)
			}
		}
		last := h.callers[len(h.callers)-1]
		if last.Identity != group.IdentityHash(me.Hash()) || len(last.PublicKey) != 64 {
			t.Errorf("the domain saw %+v", last)
		}

		// A page whose max_bytes is 0 takes one packet, and the request one.
		before := medium.Stats().Frames
		b := request("/api/v1/messages", msgpack.Bin(mustMarshal(&groupdv1.MessagesRequest{Accept: allCodecs()})))
		if frames := medium.Stats().Frames - before; frames != 2 || len(b) > BasePacket || len(openReply(t, b).GetEntries()) < 8 {
			t.Errorf("a page of %d bytes took %d frames", len(b), frames)
		}
		// A large one comes as a resource.
		if b := request("/api/v1/messages", msgpack.Bin(mustMarshal(&groupdv1.MessagesRequest{Newest: 90, MaxBytes: 60_000}))); len(openReply(t, b).GetEntries()) != 90 {
			t.Errorf("a large page has %d entries", len(openReply(t, b).GetEntries()))
		}
		// So does a request that is too large, and it is told so.
		if got := code("/api/v1/topic/update", msgpack.Bin(make([]byte, MaxRequest+100))); got != groupdv1.Code_TOO_LARGE {
			t.Errorf("a request that is too large: %v", got)
		}
		r, err := l.Request(t.Context(), "/api/v1/info", msgpack.Str("{}"), rns.RequestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := r.Data.Str(); !ok || text == "" {
			t.Errorf("asked in JSON: %x", []byte(r.Data))
		}
	})
}
