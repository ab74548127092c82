package requests

import (
	"context"
	"errors"
	"time"

	"groupd/group"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
)

const (
	// stampDays is by how many days the day of a stamp and ours may differ: midnight passes on the way, and clocks are wrong.
	stampDays = 1
	// stampBusyFor is after how long one may try again whose stamp was not checked for want of room.
	stampBusyFor = 10 * time.Second
	// stampCarrier is the turn that all requests have among what waits for the stamp checker.
	stampCarrier = "requests"
)

// StampChecker checks stamps; *lxmf.Stamper is one. It waits for the source's turn, fails with lxmf.ErrQueueFull when too much
// waits, and may be called from any goroutine.
type StampChecker interface {
	Check(ctx context.Context, from lxmf.StampSource, w lxmf.StampWork, stamp []byte, cost int) (value int, ok bool, err error)
}

var _ StampChecker = (*lxmf.Stamper)(nil)

// work returns how many bits of work a request's stamp proves. A missing stamp, one of another day, and one for another group,
// person or action prove none; bytes that are no request stamp are invalid. Where cost is 0 nothing is checked.
func (s *Server) work(ctx context.Context, c *call, g group.IdentityHash, action groupdv1.StampAction, stamp []byte, cost int) (int, error) {
	if len(stamp) == 0 {
		return 0, nil
	}
	form, err := groupdv1.ParseRequestStamp(stamp)
	if err != nil {
		return 0, invalid("stamp", "this is no request stamp of version 1")
	}
	ours := groupdv1.StampDay(s.now())
	if s.stamps == nil || cost <= 0 || form.Day+stampDays < ours || form.Day > ours+stampDays {
		return 0, nil
	}
	w := lxmf.RequestWork(groupdv1.RequestStampMaterial(g, c.caller.Identity, action, form.Day))
	value, ok, err := s.stamps.Check(ctx, lxmf.StampSource{Carrier: stampCarrier, Who: c.caller.Identity}, w, form.Stamp[:], cost)
	switch {
	case errors.Is(err, lxmf.ErrQueueFull):
		return 0, &group.Error{Kind: group.KindRateLimited, Op: "request", Msg: "too many stamps wait to be checked, try again a little later", RetryAfter: stampBusyFor}
	case err != nil:
		return 0, err
	case ok:
		return max(value, cost), nil // a hash that equals the target has one zero bit less
	}
	return value, nil
}
