package requests

import (
	"context"
	"math"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// NotifyAspect names, with App, the destination of packets that tell a member what is new: meshchat.notify of his identity.
const NotifyAspect = "notify"

// NotifyDestination is where an identity is told what is new.
func NotifyDestination(id group.IdentityHash) rns.DestinationHash {
	identity := rns.IdentityHash(id)
	return rns.HashDestination(&identity, App, NotifyAspect)
}

// updateNotifications answers /notifications/update: how the caller is told what is new.
func (s *Server) updateNotifications(ctx context.Context, c *call, q *groupdv1.NotificationsRequest) (*groupdv1.NotificationsReply, []byte, error) {
	in, err := notificationsIn(q)
	if err != nil {
		return nil, nil, err
	}
	var d group.Delivery
	if in == (group.NotificationsInput{}) {
		d, err = s.hub.Notifications(ctx, c.caller, s.group)
	} else {
		d, err = s.hub.UpdateNotifications(ctx, c.as(q.GetClientId()), s.group, in)
	}
	if err != nil {
		return nil, nil, err
	}
	to := NotifyDestination(c.caller.Identity)
	r := &groupdv1.NotificationsReply{
		Mode: groupdv1.DeliveryMode(d.Mode), DigestMinutes: minutes(d.Digest()), TextOnly: d.TextOnly, MentionsOnly: d.MentionsOnly,
		Propagation: d.ViaPropagation, Receipts: d.Receipts, Paused: d.Paused, SentRev: uint64(d.Cursor), State: groupdv1.DeliveryState(d.State),
		Destination: to[:],
	}
	if left := d.Left(s.now(), true); left > 0 {
		r.PauseMinutes = minutes(left + time.Minute - 1)
	}
	if !d.Quiet.None() {
		r.Quiet = &groupdv1.QuietHours{From: minutes(d.Quiet.From), Until: minutes(d.Quiet.Until), UtcOffset: int32(d.Quiet.Offset / time.Minute)}
	}
	return r, nil, nil
}

// notificationsIn reads a request; what it says is checked by the domain.
func notificationsIn(q *groupdv1.NotificationsRequest) (in group.NotificationsInput, err error) {
	if q.Mode != nil {
		if q.GetMode() < 0 || q.GetMode() > math.MaxUint8 {
			return in, invalid("mode", "there is no such mode")
		}
		mode := group.DeliveryMode(q.GetMode())
		in.Mode = &mode
	}
	if q.DigestMinutes != nil {
		every := inMinutes(q.GetDigestMinutes())
		in.DigestEvery = &every
	}
	if q.PauseMinutes != nil {
		span := inMinutes(q.GetPauseMinutes())
		in.PauseFor = &span
	}
	if h := q.GetQuiet(); h != nil {
		in.Quiet = &group.QuietHours{
			From: inMinutes(h.GetFrom()), Until: inMinutes(h.GetUntil()), Offset: inMinutes(h.GetUtcOffset()),
		}
	}
	in.TextOnly, in.MentionsOnly, in.ViaPropagation, in.Receipts, in.Paused = q.TextOnly, q.MentionsOnly, q.Propagation, q.Receipts, q.Paused
	return in, nil
}

// inMinutes is a time of so many minutes; what is far beyond all bounds stays beyond them.
func inMinutes[T int32 | uint32](n T) time.Duration {
	const far = 1 << 20
	return time.Duration(min(max(int64(n), -far), far)) * time.Minute
}

func minutes(d time.Duration) uint32 { return uint32(d / time.Minute) }
