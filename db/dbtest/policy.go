package dbtest

import (
	"testing"

	"groupd/group"
	"groupd/moderation"
)

func testSilent(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	add := func(name string, heard int, change func(*group.Member)) group.Member {
		m := newMember(main, name, group.Rev(100+heard))
		m.Role, m.LastHeard = moderation.RoleMember, when(heard)
		change(&m)
		update(t, s, func(tx group.Tx) error { return tx.PutMember(m) })
		return m
	}
	as := func(*group.Member) {}
	c, a, b := add("c", 30, as), add("a", 10, as), add("b", 20, as)
	add("staff", 1, func(m *group.Member) { m.Role = moderation.RoleModerator })
	add("gone", 2, func(m *group.Member) { m.Present = false })
	add("elsewhere", 3, func(m *group.Member) { m.Group = other })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "two silent", []group.Member{a, b})(tx.SilentMembers(main, moderation.RoleMember, when(30), 10))
		got(t, "three silent", []group.Member{a, b, c})(tx.SilentMembers(main, moderation.RoleMember, when(31), 10))
		got(t, "the longest silent", []group.Member{a})(tx.SilentMembers(main, moderation.RoleMember, when(31), 1))
		got(t, "nobody", []group.Member(nil))(tx.SilentMembers(main, moderation.RoleMember, when(10), 10))
		return nil
	})
}
