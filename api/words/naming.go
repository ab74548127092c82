package words

import (
	"groupd/group"
	"groupd/moderation"
)

// Naming is what became of the name that somebody gave when he joined.
type Naming uint8

const (
	NamedAsWished Naming = iota // also who has the name of an earlier stay, and gave none
	NamedNot                    // he gave none, or nothing that is one
	NamedElse                   // his is taken
)

// NamingOf says what became of a name that was given.
func NamingOf(gave string, r group.JoinResult) Naming {
	gave = group.CleanName(gave)
	made := group.MadeName(r.Member)
	switch {
	case r.Already || gave == r.Name || gave == "" && !made:
		return NamedAsWished
	case made && group.Skeleton(gave) == "":
		return NamedNot
	}
	return NamedElse
}

// KeepsName reports whether somebody who has just joined can not choose another name.
func KeepsName(i group.Info, m group.Member) bool {
	return i.Policy.FixedNames && m.Role < moderation.RoleModerator
}
