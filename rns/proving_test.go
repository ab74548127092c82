package rns_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// A packet that does not decrypt is not proved, also where everything is (C-056); and the application proves what it wants to, no more
// (C-057).
func TestOnlyWhatTheApplicationProvesIsProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		p := newTwoNodes(t, func(c *rns.DestinationConfig) {
			c.OnPacket = func(r *rns.ReceivedPacket) {
				if asked.Add(1); strings.HasPrefix(string(r.Data), "prove") {
					_ = r.Prove()
				}
			}
		})
		for _, text := range []string{"prove this", "not this", "prove that", "nor that"} {
			r := send(t, p.out, text)
			<-r.Done()
			want := rns.ReceiptFailed
			if strings.HasPrefix(text, "prove") {
				want = rns.ReceiptDelivered
			}
			if r.Status() != want {
				t.Errorf("%q: %v", text, r.Status())
			}
		}
		if asked.Load() != 4 {
			t.Errorf("the application was asked %d times", asked.Load())
		}

		sent := func() uint64 { return p.b.Stats().Interfaces[0].TxPackets }
		before := sent()
		garbage := rns.Packet{PacketType: rns.PacketData, Destination: p.d.Hash(), Data: bytes.Repeat([]byte{7}, 96)}
		p.m.Inject(garbage.Append(nil))
		time.Sleep(time.Minute)
		if asked.Load() != 4 || sent() != before || p.b.Stats().Drops[rns.DropUndecryptable] != 1 {
			t.Errorf("asked %d times, %d proofs", asked.Load(), sent()-before)
		}
	})
}

// C-029: a hash of another length is no identity, wherever a person or a file names one.
func TestHashesOfOtherLengthsAreRefused(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 15, 17, 32} {
		text := strings.Repeat("ab", n)
		_, identity := rns.ParseIdentityHash(text)
		_, destination := rns.ParseDestinationHash(text)
		_, link := rns.ParseLinkID(text)
		if identity == nil || destination == nil || link == nil {
			t.Errorf("%d bytes: %v, %v, %v", n, identity, destination, link)
		}
	}
	for _, n := range []int{0, 16, 63, 65} {
		if _, err := rns.NewPublicIdentity(make([]byte, n)); !errors.Is(err, rns.ErrBadKey) {
			t.Errorf("public key of %d bytes: %v", n, err)
		}
	}
}

// C-033: an announce carries what AppData gives at that moment, the one source that there is, and nothing where it is not set.
func TestAppDataHasOneSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		heard := make(chan rns.Announced, 10)
		b.HandleAnnounces("", rns.AnnounceHandlerOptions{PathResponses: true}, func(x rns.Announced) { heard <- x })
		text := "first"
		with, _ := inbox(t, a, rnstest.Identity(t, 1), func(c *rns.DestinationConfig) { c.AppData = func() []byte { return []byte(text) } })
		without, _ := inbox(t, a, rnstest.Identity(t, 2))
		announce(t, with)
		if got := next(t, heard); string(got.AppData) != "first" {
			t.Errorf("%q", got.AppData)
		}
		announce(t, without)
		if got := next(t, heard); got.AppData != nil {
			t.Errorf("%q", got.AppData)
		}
		text = "second"
		b.ForgetPath(with.Hash())
		time.Sleep(time.Minute)
		if err := b.AwaitPath(t.Context(), with.Hash()); err != nil {
			t.Fatal(err)
		}
		if got := next(t, heard); string(got.AppData) != "second" || !got.PathResponse {
			t.Errorf("path response: %+v", got)
		}
	})
}

// L-074: who may ask is up to the handler, which knows who asks. A list of identities is this.
func TestHandlerAnswersThoseOnItsList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listed, other := rnstest.Identity(t, 5), rnstest.Identity(t, 6)
		p := newLinkPair(t, ifacetest.Options{Latency: time.Millisecond})
		p.at.HandleRequest("/list", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
			return msgpack.Bool(true), r.Remote != nil && r.Remote.Hash() == listed.Hash()
		})
		for name, c := range map[string]struct {
			who  *rns.Identity
			want error
		}{"nobody": {nil, rns.ErrTimeout}, "another": {other, rns.ErrTimeout}, "listed": {listed, nil}} {
			a, _ := p.open(t)
			if c.who != nil {
				if err := a.Identify(c.who); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := a.Request(t.Context(), "/list", msgpack.Nil(), rns.RequestOptions{}); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
