package rns

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// pathAnswerReuse is how long an answer to a path request is sent again as it is for further requests: strangers cannot
// make us sign and write to disk more often than that.
const pathAnswerReuse = 10 * time.Second

// announceState is what the announcer of a destination keeps. It is touched by the announcer only, and by
// NewDestination before there is one.
type announceState struct {
	last     time.Time    // emission time of the last announce, whole seconds
	ratchets []OwnRatchet // newest first
	answer   *Packet      // the last path response, with Raw
	answered time.Time    // when it was made, monotonic
}

// emissionMemory is how many random fields of its announces a destination remembers, to tell them from those that
// somebody else makes with its keys. Older ones go by their time.
const emissionMemory = 256

// emissions are the announces that we made.
type emissions struct {
	mu     sync.Mutex // leaf
	before int64      // emission time up to which anything may be ours, Unix seconds
	recent []RandomField
}

// add notes an announce before it goes out.
func (e *emissions) add(f RandomField) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.recent) >= emissionMemory {
		e.before = max(e.before, e.recent[0].Seconds())
		e.recent = append(e.recent[:0], e.recent[1:]...)
	}
	e.recent = append(e.recent, f)
}

// foreign reports whether an announce is surely not ours.
func (e *emissions) foreign(f RandomField) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return f.Seconds() > e.before && !slices.Contains(e.recent, f)
}

// announceCall is a call of Announce on its way to the announcer.
type announceCall struct{ result chan error }

// loadAnnounceState reads what the destination kept over a restart.
func (d *Destination) loadAnnounceState(ctx context.Context) error {
	store := d.t.config.Store
	d.emissions.before = d.t.config.Clock().Unix() // without a store there is nothing better
	if store == nil || d.config.Type != DestinationSingle {
		return nil
	}
	last, err := store.LastAnnounced(ctx, d.hash)
	if err != nil {
		return fmt.Errorf("time of the last announce: %w", err)
	}
	d.announce.last, d.emissions.before = last, last.Unix()
	if d.config.Ratchets == nil {
		return nil
	}
	file, err := store.LoadOwnRatchets(ctx, d.hash)
	if err != nil {
		return fmt.Errorf("ratchets: %w", err)
	}
	if file == nil {
		return nil
	}
	list, err := ParseOwnRatchets(d.config.Identity.PublicIdentity, file)
	if err != nil {
		return err
	}
	d.useRatchets(list)
	return nil
}

// useRatchets makes list the ratchets in use.
func (d *Destination) useRatchets(list []OwnRatchet) {
	d.announce.ratchets = list
	keys := newRatchetKeys(RatchetKeys(list))
	d.keys.Store(&keys)
}

// Announce tells the network where the destination is, on all interfaces but those in access point mode. It returns
// when the carriers have the announce: nil when one of them took it, [ErrNoInterface] when there was none,
// [interfaces.ErrDown] or another error of theirs when none took it, [ErrTooLarge] when the app data is, and
// [ErrNotAnnounced] for types other than SINGLE. Before Run it waits for that, or for the end of ctx. It does not wait for a
// connection, and nothing that failed is made up for: a program that has just started announces again after a moment,
// until it was heard, and then every few hours. A ratchet that is due is rotated first.
func (d *Destination) Announce(ctx context.Context) error {
	if d.config.Type != DestinationSingle {
		return fmt.Errorf("destination %s is %v: %w", d.name, d.config.Type, ErrNotAnnounced)
	}
	call := announceCall{result: make(chan error, 1)}
	select {
	case d.calls <- call:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.closing:
		return ErrClosed
	case <-d.t.done:
		return ErrClosed
	}
	return d.t.outcome(context.Background(), call.result)
}

// announcer is the life of the goroutine that makes announces: it owns ratchets and announce times, may wait for the
// store, and calls AppData.
func (d *Destination) announcer(life context.Context) {
	for {
		select {
		case <-life.Done():
			return
		case <-d.closing:
			return
		case c := <-d.calls:
			d.announce.answer = nil
			p, err := d.newAnnounce(life, false)
			if err == nil {
				err = d.emit(life, p, nil)
			}
			c.result <- err
		case on := <-d.answers:
			if err := d.answerOn(life, on); err != nil {
				d.t.log.Debug("path request not answered", "dest", d.hash, "iface", on.name(), "err", err)
			}
		}
	}
}

// answerOn answers a path request on the interface that it came in on, and only there.
func (d *Destination) answerOn(life context.Context, on *attached) error {
	a := &d.announce
	if a.answer == nil || time.Since(a.answered) >= pathAnswerReuse {
		p, err := d.newAnnounce(life, true)
		if err != nil {
			return err
		}
		a.answer, a.answered = p, time.Now()
	}
	return d.emit(life, a.answer, on)
}

// newAnnounce makes an announce that is newer than all before, and keeps what has to be kept before it goes out.
func (d *Destination) newAnnounce(ctx context.Context, pathResponse bool) (*Packet, error) {
	t := d.t
	now := t.config.Clock()
	d.rotate(ctx, now)
	random, err := NewRandomField(t.config.Rand, NextAnnounceTime(now, d.announce.last))
	if err != nil {
		return nil, err
	}
	content := AnnounceContent{
		Identity:     d.config.Identity,
		Name:         d.nameID,
		Random:       random,
		PathResponse: pathResponse,
	}
	if list := d.announce.ratchets; len(list) > 0 {
		if content.Ratchet, err = RatchetPublic(list[0].Private[:]); err != nil {
			return nil, err
		}
	}
	if d.config.AppData != nil {
		content.AppData = d.config.AppData()
	}
	p, err := NewAnnounce(content)
	if err != nil {
		return nil, err
	}
	d.announce.last = time.Unix(random.Seconds(), 0)
	d.emissions.add(random)
	if t.config.Store != nil {
		if err := t.config.Store.SaveLastAnnounced(ctx, d.hash, d.announce.last); err != nil {
			t.log.Warn("time of announce not saved", "dest", d.hash, "err", err)
		}
	}
	p.Raw = p.Append(nil)
	return &p, nil
}

// rotate makes a new ratchet if one is due. One that cannot be kept is not used: what is encrypted to it could not be
// read after a restart.
func (d *Destination) rotate(ctx context.Context, now time.Time) {
	t := d.t
	if d.config.Ratchets == nil {
		return
	}
	list, changed, err := RotateRatchets(d.announce.ratchets, *d.config.Ratchets, now, t.config.Rand)
	if err == nil && changed && t.config.Store != nil {
		err = t.config.Store.SaveOwnRatchets(ctx, d.hash, PackOwnRatchets(d.config.Identity, list))
	}
	if err != nil {
		t.log.Warn("ratchet not rotated", "dest", d.hash, "err", err)
	} else if changed {
		d.useRatchets(list)
	}
}

// emit sends an announce: on one interface, or on all.
func (d *Destination) emit(life context.Context, p *Packet, on *attached) error {
	result := make(chan error, 1)
	d.t.sendRaw(outFrame{raw: p.Raw, on: on, hash: p.Hash(), result: result})
	select {
	case err := <-result:
		return err
	case <-life.Done():
		return ErrClosed
	}
}
