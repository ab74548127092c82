package requests

import (
	"context"
	"math"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// Beacon returns the application data for announces of the group's meshchat.group destination, as it is now: at most
// groupdv1.MaxBeacon bytes. Private groups announce their public name and how to join, and no head, unless their policy says so.
func (s *Server) Beacon(ctx context.Context) ([]byte, error) {
	in, err := s.hub.Info(ctx, group.Caller{Local: true}, s.group)
	if err != nil {
		return nil, err
	}
	b := groupdv1.Beacon{Joining: groupdv1.Joining(in.Joining), Public: in.Public, Name: in.PublicName}
	b.Head = in.Policy.AnnounceDetail(in.Public) == moderation.AnnounceFull
	b.JoinCost, b.PostCost = uint8(min(max(in.JoinCost, 0), math.MaxUint8)), uint8(min(max(in.PostCost, 0), math.MaxUint8))
	if b.Head {
		b.Generation, b.Seq, b.Deletions = uint64(in.Generation), uint64(in.Head.Seq), in.Head.Deletions
	}
	return b.Append(nil), nil
}
