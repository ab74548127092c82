package lxmf

import (
	"context"
	"errors"
	"time"

	"groupd/rns"
)

// maxLosses is how often in a row proofs may be missing before a link is given up. What was sent before one loss was noticed is
// part of it: packets that travel together are lost together.
const maxLosses = 3

// recipientLink is the link by which direct messages go to one recipient: one of ours, or one that he opened and identified
// on.
type recipientLink struct {
	own        *rns.Link
	opening    bool
	plan       linkPlan
	window     sendWindow
	packets    int       // whose proof may still come
	resource   bool      // one is being sent
	identified bool      // own: we have told who we are
	losses     int       // in a row
	lostAt     time.Time // when the last one was noticed
	lastUsed   time.Time
}

// usable returns an active link to the recipient, ours or his; nil when there is none.
func (x *recipientLink) usable(rec *recipient) *rns.Link {
	if x.own != nil {
		if x.own.State() == rns.LinkActive {
			return x.own
		}
		return nil
	}
	return rec.key.from.backchannel(rec.key.to)
}

// sendOnLink begins the transfer of a message, or leaves it for its turn. False: there is no link.
func (rec *recipient) sendOnLink(v *view, o *Outgoing) bool {
	x := &rec.link
	l := x.usable(rec)
	if l == nil {
		return false
	}
	if len(o.current.Packed()) > l.MDU() {
		if !x.resource {
			rec.sendResource(v, l, o)
		}
		return true
	}
	if x.packets >= x.window.size {
		return true // a proof, or its absence, is an event
	}
	ctx, cancel := context.WithTimeout(rec.life, sendPatience)
	defer cancel()
	receipt, err := l.Send(ctx, o.current.Packed())
	if err != nil {
		rec.r.log.Debug("link packet not sent", "dest", rec.key.to, "link", l.ID(), "err", err)
		rec.linkFailed(v.now, l)
		return false
	}
	rec.r.count.transmissions.Add(1)
	x.packets++
	x.lastUsed = v.now
	o.busy = true
	o.set(StateSent, progressPacket)
	sent := v.now
	rec.help(func(life context.Context) func(time.Time) {
		select {
		case <-receipt.Done():
		case <-life.Done():
		}
		return func(now time.Time) { rec.packetEnded(now, sent, l, o, receipt) }
	})
	return true
}

func (rec *recipient) packetEnded(now, sent time.Time, l *rns.Link, o *Outgoing, receipt *rns.Receipt) {
	x := &rec.link
	x.packets--
	o.busy = false
	if receipt.Status() == rns.ReceiptDelivered {
		x.losses = 0
		x.window.proved(receipt.RTT(), l.RTT())
		rec.transferred(now, l, o)
		return
	}
	x.window.lost()
	if sent.After(x.lostAt) {
		x.lostAt = now
		if x.losses++; x.losses >= maxLosses {
			rec.linkFailed(now, l)
		}
	}
	rec.transferFailed(now, o)
}

// sendResource begins the transfer of a message that is larger than a packet.
func (rec *recipient) sendResource(v *view, l *rns.Link, o *Outgoing) {
	x := &rec.link
	rec.identify(l) // the other end may accept more from those it knows
	rec.r.count.transmissions.Add(1)
	x.resource = true
	x.lastUsed = v.now
	o.busy = true
	o.set(StateSending, progressTransfer)
	compress := v.announced().Compression // unless he said that he does not understand it
	rec.help(func(life context.Context) func(time.Time) {
		ctx, cancel := o.whileWanted(life)
		defer cancel()
		err := l.SendResource(ctx, rns.ResourceBytes(o.current.Packed()), rns.ResourceOptions{
			NoCompress: !compress,
			Progress:   func(part float64) { o.advance(transferProgress(part)) },
		})
		return func(now time.Time) {
			x.resource = false
			o.busy = false
			switch {
			case err == nil:
				rec.transferred(now, l, o)
			case errors.Is(err, rns.ErrRejected):
				o.finish(StateRejected, ErrRejected)
			default:
				rec.r.log.Debug("resource not sent", "dest", rec.key.to, "link", l.ID(), "err", err)
				if !o.ended() {
					rec.linkFailed(now, l)
				}
				rec.transferFailed(now, o)
			}
		}
	})
}

// transferred takes note of a delivery over a link. After the first one we say who we are, so that the recipient can answer
// on the link.
func (rec *recipient) transferred(now time.Time, l *rns.Link, o *Outgoing) {
	rec.link.lastUsed = now
	o.finish(StateDelivered, nil)
	rec.identify(l)
}

func (rec *recipient) transferFailed(now time.Time, o *Outgoing) {
	o.set(StateQueued, progressQueued)
	if o.linkTries++; o.linkTries >= maxAttempts {
		rec.giveUp(now, o)
	}
}

func (rec *recipient) identify(l *rns.Link) {
	if l != rec.link.own || rec.link.identified {
		return
	}
	rec.link.identified = true
	if err := l.Identify(rec.key.from.config.Identity); err != nil {
		rec.r.log.Debug("not identified", "link", l.ID(), "err", err)
	}
}

// openLink does the next step towards a link that messages wait for, and returns when it is due again.
func (rec *recipient) openLink(v *view) time.Time {
	x := &rec.link
	if x.opening || x.usable(rec) != nil {
		return time.Time{}
	}
	if x.own != nil { // stale
		rec.linkFailed(v.now, x.own)
	}
	switch x.plan.decide(v.now, v.key() != nil, v.hasPath()) {
	case stepAskPath:
		rec.askPath()
	case stepOpenLink:
		rec.waitingForLink(v, progressOpening)
		rec.startLink(v.key())
		return time.Time{}
	case stepGiveUp:
		for _, o := range rec.queue {
			if !o.parked && !o.busy && !o.stamping && !o.ended() && o.method != MethodPropagated && rec.goesDirectly(v, o) {
				if v.key() == nil {
					o.lastFailed = ErrUnknownRecipient
				}
				rec.giveUp(v.now, o)
			}
		}
		rec.sweep()
		x.plan.reset()
		return time.Time{}
	}
	return x.plan.next
}

// waitingForLink sets the progress of the messages that wait for the link.
func (rec *recipient) waitingForLink(v *view, progress float64) {
	for _, o := range rec.queue {
		if !o.parked && !o.busy && !o.stamping && o.pending == 0 && o.method != MethodPropagated && rec.goesDirectly(v, o) {
			o.advance(progress)
		}
	}
}

// startLink opens a link when it is its turn. The slot is kept as long as the link is open.
func (rec *recipient) startLink(key *rns.PublicIdentity) {
	r, x := rec.r, &rec.link
	x.opening = true
	if len(r.links) == cap(r.links) {
		r.trimLinks()
	}
	if rec.remote == nil {
		rec.remote = r.transport.NewRemote(key, AppName, DeliveryAspect)
	}
	rec.help(func(life context.Context) func(time.Time) {
		l, err := r.dial(life, rec.remote)
		return func(now time.Time) {
			x.opening = false
			if err != nil {
				r.log.Debug("no link", "dest", rec.key.to, "err", err)
				return
			}
			x.plan.reset()
			rec.trim.Store(false)
			x.own, x.identified, x.losses, x.lostAt, x.lastUsed = l, false, 0, time.Time{}, now
			x.window = newSendWindow()
			rec.linked.Store(true)
			rec.wakePlans(now) // he is there, so what waits for his announce may go too
			rec.waitingForLink(&view{rec: rec, now: now}, progressLink)
			rec.key.from.serve(l)
			rec.watch(l)
		}
	})
}

// dial opens a link. On success the caller owns one of Router.links.
func (r *Router) dial(life context.Context, to *rns.RemoteDestination) (*rns.Link, error) {
	select {
	case r.links <- struct{}{}:
	case <-life.Done():
		return nil, life.Err()
	}
	select {
	case r.opening <- struct{}{}:
		defer func() { <-r.opening }()
	case <-life.Done():
		<-r.links
		return nil, life.Err()
	}
	l, err := r.transport.OpenLink(life, to)
	if err != nil {
		<-r.links
	}
	return l, err
}

// watch waits for the end of an own link.
func (rec *recipient) watch(l *rns.Link) {
	rec.help(func(life context.Context) func(time.Time) {
		select {
		case <-l.Done():
		case <-life.Done():
			_ = l.Close()
		}
		<-rec.r.links
		return func(now time.Time) {
			if rec.link.own == l {
				rec.linkFailed(now, l)
			}
		}
	})
}

// linkFailed gives a link up: ours is closed, his is not used any more. The path may have changed.
func (rec *recipient) linkFailed(now time.Time, l *rns.Link) {
	if l != rec.link.own {
		rec.key.from.forgetBackchannel(rec.key.to, l)
		return
	}
	rec.link.own = nil
	rec.linked.Store(false)
	rec.closeLink(l)
	if len(rec.queue) > 0 {
		rec.askPath()
		rec.link.plan.next = now.Add(retryWait)
	}
}

// closeLink closes a link of ours; nil is none.
func (rec *recipient) closeLink(l *rns.Link) {
	if l != nil {
		rec.r.wg.Go(func() { _ = l.Close() })
	}
}

// closeIdleLink closes our own link when it was not used for long, or is not needed and others wait for one. It returns
// when that is due.
func (rec *recipient) closeIdleLink(now time.Time) time.Time {
	x := &rec.link
	if x.own == nil || x.packets > 0 || x.resource || len(rec.queue) > 0 {
		return time.Time{}
	}
	due := x.lastUsed.Add(rec.r.config.LinkIdle)
	if rec.trim.Swap(false) || !now.Before(due) {
		rec.closeLink(x.own)
		x.own = nil
		rec.linked.Store(false)
		return time.Time{}
	}
	return due
}
