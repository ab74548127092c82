package requests

import (
	"context"
	"math"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// info answers /info, for anybody; the banned learn that they are.
func (s *Server) info(ctx context.Context, c *call, _ *groupdv1.InfoRequest) (*groupdv1.InfoReply, []byte, error) {
	in, err := s.hub.Info(ctx, c.caller, s.group)
	if err != nil {
		return nil, nil, err
	}
	r := &groupdv1.InfoReply{
		PublicName: in.PublicName,
		Joining:    groupdv1.Joining(in.Joining),
		Public:     in.Public,
		JoinCost:   clampUint32(int64(in.JoinCost)),
		PostCost:   clampUint32(int64(in.PostCost)),
		Version:    s.version,
		Limits: &groupdv1.Limits{
			TextBytes:    clampUint32(in.Limits.PostBytes),
			NameBytes:    group.MaxNameBytes,
			TopicBytes:   group.MaxTopicBytes,
			PageEntries:  group.MaxPage,
			ReplyBytes:   MaxReply,
			RequestBytes: MaxRequest,
			BatchItems:   MaxBatch,
		},
		Features: []groupdv1.Feature{
			groupdv1.Feature_FEATURE_DEFLATE, groupdv1.Feature_FEATURE_DICTIONARY_1, groupdv1.Feature_FEATURE_BATCH, groupdv1.Feature_FEATURE_LIVE,
			groupdv1.Feature_FEATURE_NOTICES, groupdv1.Feature_FEATURE_GROUPS,
		},
		DisclosureVersion: clampUint32(int64(in.Disclosure)),
		Claimed:           in.Owned,
		Question:          in.Policy.Question,
		Lockdown:          in.Lockdown,
		ReadOnly:          in.Policy.ReadOnly,
		SlowModeS:         uint32(in.Policy.SlowMode),
		Forming:           in.Forming,
		AnswerUntil:       unix(in.AnswerUntil),
	}
	if creating := s.hub.Creating(); creating.Who != moderation.CreatingOff {
		r.Creating = groupdv1.Creating(creating.Who)
		if creating.Who == moderation.CreatingAnyone {
			r.CreateCost = clampUint32(int64(creating.Cost))
		}
	}
	if one := in.Attachments.One; one != 0 {
		r.Features = append(r.Features, groupdv1.Feature_FEATURE_ATTACHMENTS)
		r.Limits.AttachmentBytes, r.Limits.Attachments, r.Limits.MemberAttachmentBytes = uint64(one), group.MaxAttachments, uint64(in.Attachments.Member)
	}
	if !c.caller.Identity.IsZero() {
		r.Standing = &groupdv1.Standing{
			Code:        groupdv1.StandingCode(in.You.Standing),
			Role:        groupdv1.Role(in.You.Role),
			Permissions: uint32(in.You.Permissions),
		}
	}
	if in.Inside {
		r.PrivateName = in.PrivateName
		r.Topic = in.Topic
		r.Members = clampUint32(int64(in.Members))
		r.HeadSeq = uint64(in.Head.Seq)
		r.Deletions = in.Head.Deletions
		r.Rev = uint64(in.Head.Rev)
		r.Generation = uint64(in.Generation)
		r.Epoch = in.Epoch
		r.OldestSeq = uint64(in.Head.Oldest)
		r.Preset, r.ExpiresAt, r.Over = in.Preset, uint64(in.Policy.ExpiresAt), in.Over
		if in.Head.Seq > 0 {
			r.ChainHash = in.Head.Chain[:]
		}
	}
	return r, nil, nil
}

// disclosure answers /disclosure, for anybody.
func (s *Server) disclosure(context.Context, *call, *groupdv1.DisclosureRequest) (*groupdv1.DisclosureReply, []byte, error) {
	d := s.hub.Disclosure()
	return &groupdv1.DisclosureReply{Version: clampUint32(int64(d.Version)), Texts: d.Texts}, nil, nil
}

func clampUint32(n int64) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }
