package rns

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"groupd/rns/internal/bz2"
	"groupd/rns/internal/token"
)

// resourcePipe is a link whose packets go straight to the other end's table.
type resourcePipe struct {
	key  *token.Key
	part int
	to   func(ctx Context, payload []byte, proof bool)
}

func (p *resourcePipe) id() LinkID                   { return LinkID{1} }
func (p *resourcePipe) sdu() int                     { return p.part }
func (p *resourcePipe) rtt() time.Duration           { return time.Millisecond }
func (p *resourcePipe) rand() io.Reader              { return resourceNoise{rand.New(rand.NewPCG(1, 1))} }
func (p *resourcePipe) open(b []byte) ([]byte, bool) { return p.key.Open(b) }
func (p *resourcePipe) post(func(time.Time)) bool    { return false }
func (p *resourcePipe) turn() (*bz2.Compressor, func(), error) {
	return new(bz2.Compressor), func() {}, nil
}

func (p *resourcePipe) seal(b []byte) []byte {
	sealed, err := p.key.Seal(nil, resourceZeros{}, b)
	if err != nil {
		panic(err)
	}
	return sealed
}
func (p *resourcePipe) sendData(ctx Context, payload []byte, _ bool) { p.to(ctx, payload, false) }
func (p *resourcePipe) sendProof(ctx Context, payload []byte)        { p.to(ctx, payload, true) }

// BenchmarkResourceWindow carries one full segment between two ends: building it, serving every window, taking every part,
// assembling.
func BenchmarkResourceWindow(b *testing.B) {
	for _, sdu := range []int{464, 8156} {
		b.Run(fmt.Sprintf("sdu=%d", sdu), func(b *testing.B) {
			key, err := token.NewKey(make([]byte, token.KeyLength256))
			if err != nil {
				b.Fatal(err)
			}
			data := resourceRandomData(ResourceSegmentSize, 1)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				benchmarkResource(b, key, sdu, data)
			}
		})
	}
}

func benchmarkResource(b *testing.B, key *token.Key, sdu int, data []byte) {
	type packet struct {
		ctx     Context
		payload []byte
		proof   bool
		back    bool
	}
	var queue []packet
	now := time.Unix(0, 0)
	link := func(back bool) *resourcePipe {
		return &resourcePipe{key: key, part: sdu, to: func(ctx Context, payload []byte, proof bool) {
			queue = append(queue, packet{ctx, payload, proof, back})
		}}
	}
	send := newLinkResources(link(false), resourceHooks{}, resourceLimits{}, newResourceBudget(0))
	receive := newLinkResources(link(true), resourceHooks{
		offer: func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
	}, resourceLimits{}, newResourceBudget(0))
	proved := false
	if _, err := send.send(now, ResourceBytes(data), resourceSendOptions{
		noCompress: true, done: func(err error) {
			if proved = err == nil; !proved {
				b.Fatal(err)
			}
		},
	}); err != nil {
		b.Fatal(err)
	}
	var hash PacketHash
	for {
		for _, t := range []*linkResources{send, receive} {
			for _, j := range t.jobs() {
				j.run()(now)
			}
		}
		if len(queue) == 0 {
			break
		}
		batch := queue
		queue = nil
		for i, p := range batch {
			to := receive
			if p.back {
				to = send
			}
			now = now.Add(10 * time.Microsecond)
			hash[0], hash[1], hash[2], hash[3] = byte(i), hash[1]+1, hash[2]+byte(i), byte(len(batch))
			hash = FullHash(hash[:])
			if p.proof {
				to.handleProof(now, p.payload)
			} else {
				to.handle(now, p.ctx, p.payload, hash)
			}
		}
	}
	if !proved {
		b.Fatal("not proved")
	}
}
