package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// resolve finds out whom a request means, looking in each scope in turn until somebody is found. field is the request's field.
func (s *Server) resolve(ctx context.Context, c *call, field string, who *groupdv1.Who, scopes ...group.Scope) (group.AnyHash, error) {
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
		var err error
		for _, scope := range scopes {
			if h, err = s.hub.Resolve(ctx, c.caller, s.group, w.Name, scope); group.KindOf(err) != group.KindNotFound || err == nil {
				break
			}
		}
		return h, err
	}
	return h, invalid(field, "say who: a hash or a name")
}
