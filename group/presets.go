package group

import (
	"strings"

	"groupd/moderation"
)

// Called is the new group with one name: for members only, where its preset hides names, else for everybody.
func (n NewGroup) Called(name string) NewGroup {
	if p, ok := moderation.PresetNamed(n.Preset); ok && p.PublicName != "" {
		n.PrivateName = name
		return n
	}
	n.PublicName = name
	return n
}

// settled is a new group with all that its preset says, but for what is said otherwise.
func (n NewGroup) settled() (NewGroup, error) {
	var p moderation.Preset
	if n.Preset != "" {
		var ok bool
		if p, ok = moderation.PresetNamed(n.Preset); !ok {
			return n, &Error{Kind: KindInvalid, Op: "create group", Field: "preset", Msg: "can be " + strings.Join(moderation.PresetWords(), ", ")}
		}
		n.Preset, n.Public, n.Policy = p.Word, n.Public || p.Public, p.Policy.With(n.Policy)
		if n.Joining == 0 {
			n.Joining = p.Joining
		}
		if cleanName(n.PublicName) == "" {
			n.PublicName = p.PublicName
		}
	}
	if n.Set.Change != nil {
		n.Set.Change(&n.Policy)
	}
	if p.NeedsEnd && n.Policy.ExpiresAt == 0 {
		return n, &Error{Kind: KindInvalid, Op: "create group", Field: "expires_at", Msg: "say when it is over"}
	}
	if n.Set.Public != nil {
		n.Public = *n.Set.Public
	}
	if n.Set.Joining != nil {
		n.Joining = *n.Set.Joining
	}
	return n, nil
}

// checkPolicy finds what a group's policy may not say.
func checkPolicy(g Group) (field, problem string) {
	if field, problem = g.Policy.Check(); problem == "" {
		field, problem = g.Policy.Contradiction(g.Joining)
	}
	return field, problem
}
