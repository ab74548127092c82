package rns

import (
	"context"
	"sync"
	"time"

	"groupd/rns/interfaces"
)

// firstHopPatience is how long a master may take to say how fast it sends.
const firstHopPatience = 2 * time.Second

// firstHopBitrate asks the master that we are a client of at which bitrate it sends to d. 0: there is none, or it does not
// say. It must not be called from the loop.
func (t *Transport) firstHopBitrate(ctx context.Context, d DestinationHash) int64 {
	var first FirstHop
	_ = t.do(func(e *engine) {
		if e.master != nil {
			first = e.master.options.FirstHop
		}
	})
	if first == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, firstHopPatience)
	defer cancel()
	return max(0, first.Bitrate(ctx, d))
}

// Detached returns a channel that is closed once no interface of this name is attached. Of several with one name it means
// the first.
func (t *Transport) Detached(name string) <-chan struct{} {
	var ended <-chan struct{}
	_ = t.do(func(e *engine) {
		for _, a := range e.interfaces {
			if a.name() == name {
				ended = a.ended
				return
			}
		}
	})
	if ended == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return ended
}

// IsLocal reports whether d is a destination of ours.
func (t *Transport) IsLocal(d DestinationHash) (local bool) {
	_ = t.do(func(e *engine) { local = e.destinations[d] != nil })
	return local
}

// MarkUsed notes that a program uses a known destination, so that it is not the first to be forgotten. It reports whether
// d is known.
func (t *Transport) MarkUsed(d DestinationHash) (known bool) {
	_ = t.do(func(e *engine) {
		if k := e.known.get(d); k != nil {
			known = true
			e.known.use(k, e.wall())
		}
	})
	return known
}

// Retain keeps a known destination for good, or lets it be forgotten again. It reports whether d is known.
func (t *Transport) Retain(d DestinationHash, keep bool) (known bool) {
	_ = t.do(func(e *engine) {
		k := e.known.get(d)
		switch known = k != nil; {
		case !known:
		case !keep:
			e.known.forget(d, e.wall())
		case k.used != UsedRetained:
			e.known.mark(k, UsedRetained)
		}
	})
	return known
}

// RetainIdentity keeps all known destinations of an identity for good. It reports whether there are any. It looks through all that is
// known, and is for programs on this machine.
func (t *Transport) RetainIdentity(id IdentityHash) (known bool) {
	_ = t.do(func(e *engine) {
		for _, k := range e.known.of(id) {
			known = true
			if k.used != UsedRetained {
				e.known.mark(k, UsedRetained)
			}
		}
	})
	return known
}

// signalMemory is how many received packets' signals are remembered.
const signalMemory = 512

// signalTable remembers how packets were heard, for programs that ask by hash (spec 3 §4.4). The zero value is ready.
type signalTable struct {
	mu     sync.Mutex // leaf
	by     map[PacketHash]interfaces.Signal
	oldest []PacketHash // a ring once it is full
	next   int
}

// note enters a packet, for the oldest when there are too many.
func (s *signalTable) note(hash PacketHash, signal interfaces.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[PacketHash]interfaces.Signal)
	}
	if _, again := s.by[hash]; again {
		s.by[hash] = signal
		return
	}
	s.by[hash] = signal
	if len(s.oldest) < signalMemory {
		s.oldest = append(s.oldest, hash)
		return
	}
	delete(s.by, s.oldest[s.next])
	s.oldest[s.next] = hash
	s.next = (s.next + 1) % signalMemory
}

// noteSignal remembers how a packet in hand was heard, where the carrier can tell. It is called from the carrier's reader.
func (t *Transport) noteSignal(a *attached, p *Packet) {
	r, ok := a.carrier.(interfaces.RadioReporter)
	if !ok {
		return
	}
	if s := r.Signal(); s.RSSI != nil || s.SNR != nil || s.Quality != nil {
		t.signals.note(p.Hash(), s)
	}
}

// PacketSignal returns how one of the last 512 packets from radios was heard.
func (t *Transport) PacketSignal(h PacketHash) (interfaces.Signal, bool) {
	t.signals.mu.Lock()
	defer t.signals.mu.Unlock()
	s, ok := t.signals.by[h]
	return s, ok
}
