package lxmf

import (
	"context"
	"errors"
	"time"
)

// sendUpload does the next step of a message that goes through a propagation node, and returns when it is due again.
func (rec *recipient) sendUpload(v *view, o *Outgoing) time.Time {
	if rec.uploading {
		return time.Time{} // its end is an event
	}
	up := rec.r.uploader()
	if up == nil || !up.Ready() {
		o.lastFailed = ErrNoNode
		rec.giveUp(v.now, o)
		return time.Time{}
	}
	switch o.upload.decide(v.now, v.key() != nil) {
	case stepAskPath:
		o.lastFailed = ErrUnknownRecipient
		rec.askPath()
	case stepGiveUp:
		rec.giveUp(v.now, o)
		return time.Time{}
	case stepTransmit:
		rec.startUpload(v, up, o)
		return time.Time{}
	}
	return o.upload.next
}

// startUpload begins an attempt. The sealed message is made once, so that a node which has it already will know it.
func (rec *recipient) startUpload(v *view, up Uploader, o *Outgoing) {
	if o.blob == nil {
		key, ratchet := rec.r.keyFor(rec.key.to, v.given)
		blob, err := Seal(rec.r.config.Rand, o.current, key, ratchet)
		if err != nil {
			o.finish(StateFailed, err)
			return
		}
		o.blob = blob
	}
	rec.uploading, o.busy = true, true
	o.lastFailed = nil
	o.set(StateSending, progressOpening)
	u := &Upload{
		From: rec.key.from, To: rec.key.to, ID: o.ID(), Blob: o.blob, MaxStampCost: o.maxCost,
		Progress: func(part float64) { o.advance(transferProgress(part)) },
	}
	rec.help(func(life context.Context) func(time.Time) {
		ctx, cancel := o.whileWanted(life)
		defer cancel()
		err := rec.r.upload(ctx, up, u)
		return func(now time.Time) {
			rec.uploading, o.busy = false, false
			rec.uploaded(now, o, err)
		}
	})
}

// upload makes an attempt in its turn.
func (r *Router) upload(ctx context.Context, up Uploader, u *Upload) error {
	select {
	case r.uploads <- struct{}{}:
		defer func() { <-r.uploads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r.count.transmissions.Add(1)
	return up.Upload(ctx, u)
}

// uploaded takes note of the outcome of an attempt.
func (rec *recipient) uploaded(now time.Time, o *Outgoing, err error) {
	switch {
	case err == nil:
		if o.finish(StateSent, nil) && o.fallback && now.Before(o.expires) {
			rec.linger(o)
		}
	case errors.Is(err, ErrRejected):
		o.finish(StateRejected, ErrRejected)
	case errors.Is(err, ErrStampCost):
		o.finish(StateFailed, ErrStampCost)
	case errors.Is(err, ErrNoNode), errors.Is(err, ErrNotDelivered), errors.Is(err, ErrTooLarge):
		o.lastFailed = err
		rec.giveUp(now, o)
	default:
		rec.r.log.Debug("not left with a propagation node", "dest", rec.key.to, "err", err)
		o.upload.failed(now)
		o.set(StateQueued, progressQueued)
	}
}

// linger keeps a message that was left at a node for want of its recipient, who may never ask that node: when he is heard within its
// time, it is sent to him as well, under the same id, so that he sees it once. Then its first Outgoing shows the delivery. It is not
// kept over a restart.
func (rec *recipient) linger(o *Outgoing) {
	twin := &Outgoing{
		r: o.r, key: o.key, message: o.message, current: o.message, method: MethodAuto, priority: o.priority, maxCost: o.maxCost,
		expires: o.expires, state: StateQueued, progress: progressQueued, done: make(chan struct{}), parked: true, first: o,
	}
	if err := rec.r.enqueue(rec.life, given{}, twin); err != nil {
		rec.r.log.Debug("left at a propagation node only", "dest", rec.key.to, "err", err)
	}
}

// wakeUploads makes uploads due that failed or wait, since there is a node.
func (rec *recipient) wakeUploads() {
	for _, o := range rec.queue {
		if o.method == MethodPropagated && !o.busy {
			o.upload, o.parked = uploadPlan{}, false
		}
	}
}
