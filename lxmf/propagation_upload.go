package lxmf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/rns"
)

// Tunables of uploading.
const (
	// uploadLinkIdle is how long the link to a node is kept for the next message; nodes close it after three minutes.
	uploadLinkIdle = 20 * time.Second
	// uploadAtMost bounds one attempt, path and link included: what a full-size message takes over a slow radio.
	uploadAtMost = time.Hour
	// signalPatience is how long what a node signalled before it closed the link may wait to be handled.
	signalPatience = time.Second
)

// errNodeUnknown means that a node's announce, and with it the cost of a stamp, is not known.
var errNodeUnknown = errors.New("propagation node has not announced itself")

// errNodeInactive means that a node says that it is none, or takes from nobody.
var errNodeInactive = errors.New("propagation node is switched off")

// uploader is the one link by which messages are left at nodes, and the stamp of the last one.
type uploader struct {
	turn chan struct{} // capacity 1: who holds it owns what follows
	link *rns.Link
	node rns.DestinationHash
	idle *time.Timer
	// refused is told when the node signals on the link that a stamp is not good; capacity 1.
	refused chan struct{}
	gone    chan struct{} // closed when nothing comes over the link any more

	stampFor  TransientID
	stampCost int
	stamp     []byte
}

func (u *uploader) init() { u.turn = make(chan struct{}, 1) }

// close gives the link up, since the client ends.
func (u *uploader) close() {
	u.turn <- struct{}{}
	u.drop()
	<-u.turn
}

// drop closes the link. The turn is held.
func (u *uploader) drop() {
	if u.idle != nil {
		u.idle.Stop()
	}
	if u.link != nil {
		_ = u.link.Close()
		u.link = nil
	}
}

// uploadNeed is what a node must offer for an upload.
func (p *Propagation) uploadNeed(u *Upload) nodeNeed {
	const structure = 1 + 9 + 1 + 5
	return nodeNeed{auto: p.config.Auto, upload: true, size: len(u.Blob) + StampLength + structure, maxCost: min(u.MaxStampCost, MaxStampCost)}
}

// Ready implements [Uploader]: there is a node that could be used, for small messages at least.
func (p *Propagation) Ready() bool {
	nodes, lack := chooseNodes(p.nodes.list(), nodeNeed{auto: p.config.Auto, upload: true, maxCost: p.r.config.MaxStampCost}, time.Now())
	return len(nodes) > 0 || lack.dear // which fails by its own name
}

// Upload implements [Uploader]: one attempt at the best node, in its turn. The next attempt goes to the next node, since the one
// that failed comes last then. The node learns who receives the message, and not from whom it is: we do not identify.
func (p *Propagation) Upload(ctx context.Context, u *Upload) error {
	ctx, cancel := context.WithTimeout(ctx, uploadAtMost)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	select {
	case p.upload.turn <- struct{}{}:
		defer func() { <-p.upload.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	nodes, lack := chooseNodes(p.entries(), p.uploadNeed(u), time.Now())
	if len(nodes) == 0 {
		switch {
		case lack.small:
			return fmt.Errorf("%w for propagation nodes", ErrTooLarge)
		case lack.dear:
			return ErrStampCost
		}
		return ErrNoNode
	}
	node := nodes[0].Address
	err := p.uploadTo(ctx, node, u)
	if err == nil {
		p.count.uploads.Add(1)
		p.nodes.worked(node)
		return nil
	}
	p.upload.drop()
	if ctx.Err() != nil || errors.Is(err, ErrStampCost) {
		return err
	}
	rejected := errors.Is(err, ErrRejected)
	p.count.uploadsFailed.Add(1)
	p.nodes.failed(node, time.Now(), rejected)
	p.r.log.Debug("not left at a propagation node", "node", node, "dest", u.To, "err", err)
	if rejected {
		p.count.uploadsRefused.Add(1)
		_ = p.r.transport.RequestPath(ctx, node) // its cost may have changed: the answer brings its announce
		if rest, _ := chooseNodes(p.nodes.list(), p.uploadNeed(u), time.Now()); len(rest) > 0 {
			return fmt.Errorf("node %s: %v", node.Short(), err) // another one may take it
		}
	}
	return err
}

// uploadTo leaves a message at one node.
func (p *Propagation) uploadTo(ctx context.Context, node rns.DestinationHash, u *Upload) error {
	up := &p.upload
	if up.idle != nil {
		up.idle.Stop()
	}
	reuse := up.link != nil && up.node == node && up.link.State() == rns.LinkActive
	remote, data, err := p.reach(ctx, node)
	if err != nil {
		return err
	}
	stamp, err := p.uploadStamp(ctx, u, data.StampCost)
	if err != nil {
		return err
	}
	if !reuse {
		up.drop()
		if up.link, err = p.dial(ctx, remote); err != nil {
			return err
		}
		up.node, up.refused, up.gone = node, make(chan struct{}, 1), make(chan struct{})
		refused, gone := up.refused, up.gone
		up.link.SetHandlers(rns.LinkHandlers{
			OnPacket: func(packet *rns.ReceivedPacket) {
				if code, ok := ParseSignal(packet.Data); ok && code == NodeInvalidStamp {
					select {
					case refused <- struct{}{}:
					default:
					}
				}
			},
			OnClosed: func(*rns.Link) { close(gone) },
		})
	}
	select {
	case <-up.refused: // about a message that ended before: it means nothing for this one
	default:
	}
	now := time.Now()
	packed := (&NodeUpload{Time: float64(now.UnixMicro()) / 1e6, Messages: [][]byte{append(u.Blob[:len(u.Blob):len(u.Blob)], stamp...)}}).Append(nil)
	if err := p.transfer(ctx, up.link, packed, u.Progress); err != nil {
		return err
	}
	link := up.link
	up.idle = time.AfterFunc(uploadLinkIdle, func() { _ = link.Close() })
	return nil
}

// transfer sends an upload over the link and waits for the node to have it: the proof of a packet, the end of a resource.
func (p *Propagation) transfer(ctx context.Context, l *rns.Link, packed []byte, progress func(float64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	refused := p.upload.refused
	if len(packed) > MaxUploadPacket {
		done := make(chan struct{})
		defer func() { <-done }()
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			defer close(done)
			select {
			case <-refused:
				cancel(ErrRejected)
			case <-ended:
			}
		}()
		err := l.SendResource(ctx, rns.ResourceBytes(packed), rns.ResourceOptions{Progress: progress})
		if cause := context.Cause(ctx); errors.Is(cause, ErrRejected) {
			return cause
		}
		if errors.Is(err, rns.ErrRejected) {
			return fmt.Errorf("node refuses the transfer: %v", err) // for its size, or because we are nobody's peer: another may not
		}
		return err
	}
	receipt, err := l.Send(ctx, packed)
	if err != nil {
		return err
	}
	select {
	case <-receipt.Done():
	case <-refused:
		return ErrRejected
	case <-ctx.Done():
		return ctx.Err()
	}
	if receipt.Status() == rns.ReceiptDelivered {
		return nil
	}
	if l.State() == rns.LinkClosed {
		select { // the node signals before it closes the link
		case <-p.upload.gone:
		case <-time.After(signalPatience):
		}
	}
	select {
	case <-refused:
		return ErrRejected
	default:
	}
	return fmt.Errorf("no proof from the node: %w", receipt.Err())
}

// reach finds a node: its path, its key and what it announces. A node that does not say that it is one is none.
func (p *Propagation) reach(ctx context.Context, node rns.DestinationHash) (*rns.RemoteDestination, PropagationData, error) {
	t := p.r.transport
	if known, ok := t.Recall(node); !ok || !t.HasPath(node) || len(known.AppData) == 0 {
		wait, cancel := context.WithTimeout(ctx, p.config.PathTimeout)
		defer cancel()
		if err := t.AwaitPath(wait, node); err != nil {
			if ctx.Err() != nil {
				return nil, PropagationData{}, ctx.Err()
			}
			return nil, PropagationData{}, rns.ErrNoPath
		}
	}
	known, ok := t.Recall(node)
	if !ok {
		return nil, PropagationData{}, errNodeUnknown
	}
	data, err := ParsePropagationData(known.AppData)
	if err != nil {
		return nil, data, errNodeUnknown
	}
	if !data.Active {
		return nil, data, errNodeInactive
	}
	remote := t.NewRemote(known.Identity, AppName, PropagationAspect)
	if remote.Hash() != node {
		return nil, data, errNodeUnknown // the address of something else
	}
	return remote, data, nil
}

// uploadStamp makes the stamp that a node asks for over the transient id. The one of an earlier attempt is used again if it is
// worth enough.
func (p *Propagation) uploadStamp(ctx context.Context, u *Upload, cost int) ([]byte, error) {
	if cost > u.MaxStampCost {
		return nil, ErrStampCost
	}
	up, id := &p.upload, TransientIDOf(u.Blob)
	if up.stamp == nil || up.stampFor != id || up.stampCost < cost {
		stamp, err := p.r.Stamper().Make(ctx, PropagationWork(id), max(cost, 0))
		if err != nil {
			return nil, err
		}
		up.stamp, up.stampFor, up.stampCost = stamp, id, cost
	}
	return up.stamp, nil
}

// dial opens a link to a node, one of those that Router.links bounds.
func (p *Propagation) dial(ctx context.Context, to *rns.RemoteDestination) (*rns.Link, error) {
	if len(p.r.links) == cap(p.r.links) {
		p.r.trimLinks()
	}
	l, err := p.r.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	go func() {
		<-l.Done()
		<-p.r.links
	}()
	return l, nil
}
