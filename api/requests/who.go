package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// resolve finds out whom a request means. A name is looked up in the first scope, and where nobody has it there, in the others. field is
// the request's field.
func (s *Server) resolve(ctx context.Context, c *call, field string, who *groupdv1.Who, first group.Scope, others ...group.Scope) (group.AnyHash, error) {
	var h group.AnyHash
	switch w := who.GetWho().(type) {
	case *groupdv1.Who_Hash:
		if len(w.Hash) != len(h) {
			return h, invalid(field, "a hash has 16 bytes")
		}
		copy(h[:], w.Hash)
		if h.IsZero() {
			return h, invalid(field, "nobody has the hash of zeros")
		}
		return h, nil
	case *groupdv1.Who_Name:
		if w.Name == "" {
			return h, invalid(field, "the name is empty")
		}
		if h, ok := group.ParseAnyHash(w.Name); ok && !h.IsZero() {
			return h, nil
		}
		h, err := s.hub.Resolve(ctx, c.caller, s.group, w.Name, first)
		for _, scope := range others {
			if err == nil || group.KindOf(err) != group.KindNotFound {
				break
			}
			// A caller who may not look there has still not found anybody.
			if other, err2 := s.hub.Resolve(ctx, c.caller, s.group, w.Name, scope); err2 == nil || group.KindOf(err2) == group.KindConflict {
				h, err = other, err2
			}
		}
		return h, err
	}
	return h, invalid(field, "say who: a hash or a name")
}

// nobody is a hash that names no one: 16 bytes of ff.
func nobody() (h group.AnyHash) {
	for i := range h {
		h[i] = 0xff
	}
	return h
}

// targetOf resolves the target of a change. A change that is repeated with its client id gets its first answer even if the name means
// nobody any more, or several: it is the domain that remembers, so it is asked about nobody, who is never found; notFound is what to answer
// then.
func (s *Server) targetOf(ctx context.Context, c *call, field string, clientID []byte, who *groupdv1.Who, first group.Scope,
	others ...group.Scope) (target group.AnyHash, notFound, err error) {
	if target, err = s.resolve(ctx, c, field, who, first, others...); err == nil {
		return target, nil, nil
	}
	if kind := group.KindOf(err); len(clientID) == 0 || kind != group.KindNotFound && kind != group.KindConflict {
		return target, nil, err
	}
	return nobody(), err, nil
}

// changeOf resolves the target of a change and carries it out.
func (s *Server) changeOf(ctx context.Context, c *call, clientID []byte, who *groupdv1.Who, first group.Scope,
	change func(caller group.Caller, target group.AnyHash) error) error {
	target, notFound, err := s.targetOf(ctx, c, "who", clientID, who, first)
	if err != nil {
		return err
	}
	if err = change(c.as(clientID), target); notFound != nil && group.KindOf(err) == group.KindNotFound {
		return notFound
	}
	return err
}
