package pages_test

import (
	"testing"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

func TestSomebodyJoinsAnOpenGroup(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Topic: "weather"}, func(w *town, d micron.Dialect) {
		v := w.visitor(d, "")
		v.opens("join.mu").reads("Anybody may join.", "Any member can see, keep and share", "show this group first who you are").misses("Name:")
		v.caller = caller("Bob") // identifies, and comes back
		v.opens("join.mu").reads("Anybody may join.", "hands them to the members").fills("name", "Bob").follows("Join").reads("Welcome! You are Bob.")
		if st := w.standing("Bob"); st.Standing != moderation.StandingMember || st.Member.DisplayName != "Bob" {
			t.Errorf("Bob is %+v", st)
		}
		v.opens("join.mu").reads("You are a member already, as Bob.")
	})
}
