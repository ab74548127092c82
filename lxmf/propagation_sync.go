package lxmf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/rns"
)

// SyncState is where a collection stands, with the numbers that Python clients show (spec 4 §5.3).
type SyncState uint8

// States of a collection. Those from [SyncNoPath] on are failures.
const (
	SyncIdle           SyncState = 0x00
	SyncPathRequested  SyncState = 0x01
	SyncLinkOpening    SyncState = 0x02 // link establishing
	SyncLinkOpen       SyncState = 0x03 // link established
	SyncRequestSent    SyncState = 0x04
	SyncReceiving      SyncState = 0x05
	SyncComplete       SyncState = 0x07
	SyncNoPath         SyncState = 0xf0 // no path came in time
	SyncLinkFailed     SyncState = 0xf1
	SyncTransferFailed SyncState = 0xf2 // the link broke, or no answer came
	SyncNoIdentity     SyncState = 0xf3 // the node says that we have not identified
	SyncNoAccess       SyncState = 0xf4 // the node does not serve us
	SyncFailed         SyncState = 0xfe // anything else: it is no node, or what it sent is no answer
)

// String returns what the state says.
func (s SyncState) String() string {
	switch s {
	case SyncIdle:
		return "idle"
	case SyncPathRequested:
		return "path requested"
	case SyncLinkOpening:
		return "link opening"
	case SyncLinkOpen:
		return "link open"
	case SyncRequestSent:
		return "request sent"
	case SyncReceiving:
		return "receiving"
	case SyncComplete:
		return "complete"
	case SyncNoPath:
		return "no path"
	case SyncLinkFailed:
		return "link failed"
	case SyncTransferFailed:
		return "transfer failed"
	case SyncNoIdentity:
		return "no identity"
	case SyncNoAccess:
		return "no access"
	case SyncFailed:
		return "failed"
	}
	return fmt.Sprintf("state %#02x", uint8(s))
}

// Tunables of one session with a node.
const (
	// syncBatch is how many messages are fetched before they are decided and deleted at the node, and syncBatchSize how large
	// they are together, in bytes, unless one alone may be larger: what a crash makes us fetch again.
	syncBatch     = 64
	syncBatchSize = 100_000
	// syncListed is how many ids a node's list may hold.
	syncListed = 16384
	// syncIdentifies is how often we identify: the packet has no proof and may be lost.
	syncIdentifies = 3
	// syncAtMost bounds one session, however slowly a node sends.
	syncAtMost = 2 * time.Hour
	// syncRoom is how often it is tried again to give a message to a delivery that has too much to decide.
	syncRoom = time.Second
)

// SyncReport is what one session with a node did.
type SyncReport struct {
	Node  rns.DestinationHash
	State SyncState
	Err   error
	// Listed are the messages that the node had for us, Fetched those that it gave us, Decided those of them that the
	// application, or the router as duplicates and refused ones, has decided about durably.
	Listed, Fetched, Decided int
	// Had were collected before, Missing listed and not given, Unreadable not opened by any of our keys. The first and the
	// last are deleted at the node as well.
	Had, Missing, Unreadable int
}

// syncSession is one collection of one delivery's mail from one node. It belongs to the goroutine that collects.
type syncSession struct {
	p      *Propagation
	d      *Delivery
	max    int // messages; 0: all
	link   *rns.Link
	report SyncReport
	show   func(SyncState, float64) // must not block
}

// run does it all and returns the report. Only ids that were decided durably, or cannot be read, are deleted at the node.
func (s *syncSession) run(ctx context.Context, node rns.DestinationHash) SyncReport {
	s.report.Node = node
	ctx, cancel := context.WithTimeout(ctx, syncAtMost)
	defer cancel()
	err := s.session(ctx, node)
	var refused *NodeError
	switch {
	case err == nil:
		s.state(SyncComplete)
	case errors.As(err, &refused) && refused.Code == NodeNoIdentity:
		s.state(SyncNoIdentity)
	case errors.As(err, &refused) && refused.Code == NodeNoAccess:
		s.state(SyncNoAccess)
	case s.report.State == SyncPathRequested && errors.Is(err, rns.ErrNoPath):
		s.state(SyncNoPath)
	case s.report.State == SyncLinkOpening:
		s.state(SyncLinkFailed)
	case s.report.State >= SyncLinkOpen && (errors.Is(err, rns.ErrTimeout) || errors.Is(err, rns.ErrLinkClosed)):
		s.state(SyncTransferFailed)
	default:
		s.state(SyncFailed)
	}
	s.report.Err = err
	if s.link != nil {
		_ = s.link.Close()
	}
	return s.report
}

func (s *syncSession) state(to SyncState) { s.progress(to, 0) }

func (s *syncSession) progress(to SyncState, part float64) {
	s.report.State = to
	if s.show != nil {
		s.show(to, part)
	}
}

func (s *syncSession) session(ctx context.Context, node rns.DestinationHash) error {
	s.state(SyncPathRequested)
	remote, _, err := s.p.reach(ctx, node)
	if err != nil {
		return err
	}
	s.state(SyncLinkOpening)
	if s.link, err = s.p.dial(ctx, remote); err != nil {
		return err
	}
	s.state(SyncLinkOpen)
	listed, err := s.list(ctx)
	if err != nil {
		return err
	}
	s.report.Listed = len(listed)
	wants, haves := s.p.sort(listed)
	s.report.Had = len(haves)
	if s.max > 0 && len(wants) > s.max {
		wants = wants[:s.max]
	}
	return s.fetchAll(ctx, wants, haves)
}

// list identifies and asks for the list of ids.
func (s *syncSession) list(ctx context.Context) ([]TransientID, error) {
	for try := 1; ; try++ {
		if err := s.link.Identify(s.d.config.Identity); err != nil {
			return nil, err
		}
		s.state(SyncRequestSent)
		const perID = 2 + len(TransientID{})
		response, err := s.request(ctx, GetRequest{}, syncListed*perID+8)
		if err != nil {
			return nil, err
		}
		ids, err := ParseIDList(response)
		var refused *NodeError
		if errors.As(err, &refused) && refused.Code == NodeNoIdentity && try < syncIdentifies {
			continue
		}
		return ids, err
	}
}

// sort divides listed ids into those that we want and those that we had, each once.
func (p *Propagation) sort(listed []TransientID) (wants, haves []TransientID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := make(map[TransientID]struct{}, len(listed))
	for _, id := range listed {
		if _, twice := seen[id]; twice {
			continue
		}
		seen[id] = struct{}{}
		if _, had := p.had[id]; had {
			haves = append(haves, id)
		} else {
			wants = append(wants, id)
		}
	}
	return wants, haves
}

// limit is the largest answer that we ask for, in kB: one message of the largest size that is accepted always fits.
func (s *syncSession) limit() float64 {
	largest := int64(sealedLength(int(min(s.d.config.MaxSize, 1<<30)))) + StampLength + getOverhead + getPerMessage
	return float64((max(largest, syncBatchSize) + 999) / 1000)
}

// fetchAll fetches what is wanted in batches, and deletes each batch at the node when it is decided. A batch that brings
// nothing is not asked for again: what the node lists and does not give, since it is too large or not there, is left.
func (s *syncSession) fetchAll(ctx context.Context, wants, haves []TransientID) error {
	if len(wants) == 0 && len(haves) == 0 {
		return nil
	}
	total, left := len(wants), wants
	for len(left) > 0 || len(haves) > 0 {
		batch := left[:min(len(left), syncBatch)]
		s.progress(SyncRequestSent, part(total-len(left), total))
		got, err := s.fetch(ctx, batch, haves, func(f float64) {
			if s.show != nil {
				s.show(SyncReceiving, part(total-len(left), total)+f*part(len(batch), total))
			}
		})
		if err != nil {
			return err
		}
		haves = nil
		if len(got) == 0 {
			s.report.Missing += len(batch)
			s.p.count.missing.Add(uint64(len(batch)))
			left = left[len(batch):]
			continue
		}
		s.progress(SyncReceiving, part(total-len(left), total))
		if err := s.settle(ctx, got); err != nil {
			return err
		}
		rest := make([]TransientID, 0, len(left))
		for _, id := range left {
			if _, ok := got[id]; !ok {
				rest = append(rest, id)
			}
		}
		left = rest
	}
	return nil
}

func part(done, total int) float64 {
	if total == 0 {
		return 0
	}
	return float64(done) / float64(total)
}

// fetch asks for one batch; haves are deleted with it. What was not asked for is dropped.
func (s *syncSession) fetch(ctx context.Context, batch, haves []TransientID, progress func(float64)) (map[TransientID][]byte, error) {
	limit := s.limit()
	g := GetRequest{Fetch: true, Wants: batch, Haves: haves, Limited: true, Limit: limit}
	response, err := s.requestWith(ctx, g, rns.RequestOptions{MaxResponse: int(limit)*1000 + 8, Progress: progress})
	if err != nil {
		return nil, err
	}
	blobs, err := ParseMessages(response)
	if err != nil {
		return nil, err
	}
	asked := make(map[TransientID]struct{}, len(batch))
	for _, id := range batch {
		asked[id] = struct{}{}
	}
	got := make(map[TransientID][]byte, len(blobs))
	for _, blob := range blobs {
		id := TransientIDOf(blob) // computed, never believed
		if _, ok := asked[id]; !ok {
			s.p.count.unasked.Add(1)
			continue
		}
		got[id] = blob
	}
	s.report.Fetched += len(got)
	s.p.count.fetched.Add(uint64(len(got)))
	return got, nil
}

// outcome is what became of one fetched message.
type outcome struct {
	id      TransientID
	decided bool
}

// settle gives a batch to the delivery, waits until each message is decided, remembers the decided ones and deletes them at the
// node, together with what cannot be read.
func (s *syncSession) settle(ctx context.Context, got map[TransientID][]byte) error {
	outcomes := make(chan outcome, 2*len(got)) // each message has one, and two could not block anybody
	var purge, decided []TransientID
	waiting := 0
	take := func(o outcome) {
		waiting--
		if o.decided {
			decided = append(decided, o.id)
		} else {
			s.p.count.undecided.Add(1)
		}
	}
	// The delivery gives up what is not decided in time; what it loses at its end is not decided.
	patience := time.NewTimer(2 * s.p.r.config.DecisionTimeout)
	defer patience.Stop()
	retry := time.NewTicker(syncRoom)
	defer retry.Stop()
	for id, blob := range got {
		packed, ok := s.d.unseal(blob)
		if !ok {
			s.report.Unreadable++
			s.p.count.unreadable.Add(1)
			purge = append(purge, id)
			continue
		}
		a := &arrival{
			d: s.d, packed: packed, method: MethodPropagated, hops: s.link.Hops(), via: s.link.InterfaceName(), at: time.Now(),
			prove: func() error { outcomes <- outcome{id, true}; return nil },
			drop:  func() { outcomes <- outcome{id, false} },
		}
		waiting++
		for !s.d.take(a) {
			select {
			case o := <-outcomes:
				take(o)
			case <-retry.C:
			case <-patience.C:
				return errUndecided
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	for waiting > 0 {
		select {
		case o := <-outcomes:
			take(o)
		case <-patience.C:
			return errUndecided
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.report.Decided += len(decided)
	if len(decided) > 0 {
		if err := s.p.r.store.PutCollected(ctx, maxCollectedIDs, decided...); err != nil {
			s.p.r.log.Debug("ids of collected messages not stored", "err", err) // they are known as messages, too
		}
		s.p.remember(decided...)
	}
	if purge = append(purge, decided...); len(purge) == 0 {
		return nil
	}
	response, err := s.request(ctx, GetRequest{Haves: purge}, int(rns.MTU))
	if err != nil {
		return err
	}
	_, err = ParseMessages(response)
	return err
}

// errUndecided means that the application decided nothing about what was fetched.
var errUndecided = errors.New("collected messages were not decided")

func (s *syncSession) request(ctx context.Context, g GetRequest, largest int) ([]byte, error) {
	return s.requestWith(ctx, g, rns.RequestOptions{MaxResponse: largest})
}

// requestWith asks the node. An answer that is larger than it may be ends the request.
func (s *syncSession) requestWith(ctx context.Context, g GetRequest, o rns.RequestOptions) ([]byte, error) {
	response, err := s.link.Request(ctx, PropagationPath, g.Append(nil), o)
	if err != nil {
		return nil, err
	}
	return response.Data, nil
}
