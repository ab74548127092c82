package requests

import (
	"context"
	"strings"

	"groupd/api/signed"
	"groupd/group"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// send answers /messages/send: a post in LXMF's signed form, from the one who identified on this link.
func (s *Server) send(ctx context.Context, c *call, q *groupdv1.SendRequest) (*groupdv1.SendReply, []byte, error) {
	m, err := s.signedMessage(ctx, c, q.GetMessage(), q.GetBare())
	if err != nil {
		return nil, nil, err
	}
	if _, ok := signed.Reaction(m); ok {
		return nil, nil, invalid("message", "that is a reaction: use /messages/react")
	}
	in := signed.Post(m)
	in.Ref, in.Emergency = group.Seq(q.GetRef()), q.GetEmergency()
	return sendReply(s.hub.Post(ctx, c.as(q.GetClientId()), s.group, in))
}

// edit answers /messages/edit: for its author, while the group's policy allows it.
func (s *Server) edit(ctx context.Context, c *call, q *groupdv1.EditRequest) (*groupdv1.SendReply, []byte, error) {
	in := group.EditInput{Seq: group.Seq(q.GetSeq()), Post: group.PostInput{Title: []byte(q.GetTitle()), Text: []byte(q.GetText())}}
	if len(q.GetMessage()) > 0 {
		if q.GetText() != "" || q.GetTitle() != "" {
			return nil, nil, invalid("message", "use either text and title, or message")
		}
		m, err := s.signedMessage(ctx, c, q.GetMessage(), q.GetBare())
		if err != nil {
			return nil, nil, err
		}
		in.Post = signed.Post(m)
	}
	return sendReply(s.hub.Edit(ctx, c.as(q.GetClientId()), s.group, in))
}

func sendReply(r group.PostResult, err error) (*groupdv1.SendReply, []byte, error) {
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.SendReply{Seq: uint64(r.Seq), Rev: uint64(r.Rev), Duplicate: r.Duplicate}, nil, nil
}

// inbox is where messages to the group go. It never changes, so it is asked for once.
func (s *Server) inbox(ctx context.Context, c *call) (rns.DestinationHash, error) {
	if known := s.address.Load(); known != nil {
		return rns.DestinationHash(*known), nil
	}
	info, err := s.hub.Info(ctx, c.caller, s.group)
	if err != nil {
		return rns.DestinationHash{}, err
	}
	s.address.Store(&info.Address)
	return rns.DestinationHash(info.Address), nil
}

// signedMessage reads a packed message and verifies that the caller signed it, for this group. It takes a turn for that: a signature takes
// more of a processor than all else about a post that is refused.
func (s *Server) signedMessage(ctx context.Context, c *call, packed []byte, bare bool) (*lxmf.Message, error) {
	author, err := rns.NewPublicIdentity(c.caller.PublicKey)
	if err != nil {
		return nil, &group.Error{Kind: group.KindNotIdentified, Op: "request", Msg: "identify on this link and repeat the request"}
	}
	destination, err := s.inbox(ctx, c)
	if err != nil {
		return nil, err
	}
	leave, err := c.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	source := lxmf.DeliveryHash(author)
	if bare {
		packed = append(append(destination[:len(destination):len(destination)], source[:]...), packed...)
	}
	m, err := lxmf.Unpack(packed)
	switch {
	case err != nil:
		return nil, invalid("message", "is no packed LXMF message")
	case m.Destination != destination:
		return nil, invalid("message", "is not addressed to this group")
	case m.Source != source:
		return nil, invalid("message", "is not from the identity on this link")
	case !m.Verify(author):
		return nil, invalid("message", "its signature does not fit")
	case strings.ToValidUTF8(string(m.Content), "") != string(m.Content) || strings.ToValidUTF8(string(m.Title), "") != string(m.Title):
		return nil, invalid("message", "its text is not UTF-8")
	}
	if _, ok := signed.Command(m); ok {
		return nil, invalid("message", "begins like a command: // posts a text that begins with /")
	}
	return m, nil
}

// proof answers /messages/proof: what shows that a post is its author's.
func (s *Server) proof(ctx context.Context, c *call, q *groupdv1.ProofRequest) (*groupdv1.ProofReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	p, err := s.hub.Proof(ctx, c.caller, s.group, group.Seq(q.GetSeq()))
	if err != nil {
		return nil, nil, err
	}
	r := &groupdv1.ProofReply{Original: p.Original, PublicKey: p.PublicKey, Salt: p.Entry.Salt, Canonical: p.Entry.Canonical()}
	for _, a := range p.Attachments {
		row := attachmentRow(a, len(a.Hash))
		row.At = uint64(a.At)
		r.Attachments = append(r.Attachments, row)
	}
	if p.Previous != (group.Hash{}) {
		r.Previous = p.Previous[:]
	}
	encoded, err := c.encode(r)
	if err == nil && len(encoded) > budget {
		return nil, nil, noRoom(len(encoded))
	}
	return r, encoded, err
}
