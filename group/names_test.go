package group_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestNamesThatLookAlikeAreOneName(t *testing.T) {
	for _, pair := range [][2]string{
		{"Ann", "ann"}, {"Ann", "A\u202en\u200bn"}, {"paypal", "раураl"}, {"Bob", "Βоb"}, {"modern", "rnodern"}, {"Bill", "BiIl"}, {"O0", "oo"},
		{"José", "Jose\u0301"}, {"ＡＮＮ", "Ann"}, {"Ann Lee", "AnnLee"}, {"ann_lee", "Ann-Lee"}, {"𝔸𝕟𝕟", "Ann"}, {"Straße", "STRAßE"}, {"scope", "ѕсоре"},
	} {
		a, b := moderation.CleanName(pair[0]), moderation.CleanName(pair[1])
		if group.Skeleton(a) != group.Skeleton(b) {
			t.Errorf("%q and %q differ: %q, %q", pair[0], pair[1], group.Skeleton(a), group.Skeleton(b))
		}
	}
	for _, pair := range [][2]string{{"Ann", "Anna"}, {"José", "Jose"}, {"王芳", "王方"}, {"Иван", "Иво"}, {"🐐", "🐑"}} {
		if group.Skeleton(pair[0]) == group.Skeleton(pair[1]) {
			t.Errorf("%q and %q are one name", pair[0], pair[1])
		}
	}
}

func TestTheListOfConfusables(t *testing.T) {
	last, n := "", 0
	for line := range strings.Lines(group.Confusables()) {
		char, proto, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || len([]rune(char)) != 1 || proto == "" || char == proto || char <= last {
			t.Fatalf("line %d: %q", n+1, line)
		}
		last = char
		n++
	}
	if n < 6000 {
		t.Errorf("%d lines", n)
	}
}

func TestEverybodyGetsANameOfHisOwn(t *testing.T) {
	h := newHouse(t, open)
	for i, c := range []struct{ wish, want string }{
		{"Ann", "Ann"}, {"ann", "ann 2"}, {"Αnn", "Αnn 3"}, {"\u202eAnn\x00", "Ann 4"}, {"private group", "private group 2"},
		{"Cottle Family Chat", "Cottle Family Chat 2"}, {"/kick", "kick"}, {strings.Repeat("x", 50), strings.Repeat("x", 32)},
		{strings.Repeat("x", 50), strings.Repeat("x", 30) + " 2"}, {"王芳", "王芳"}, {"※ server", "server"},
	} {
		r := must(h.hub.Join(t.Context(), person(fmt.Sprint(i)), valley, group.JoinInput{Name: c.wish}))(t)
		if r.Name != c.want || r.Member.DisplayName != c.want {
			t.Errorf("who wished for %q is called %q, want %q", c.wish, r.Name, c.want)
		}
	}
	for _, wish := range []string{"", "\u200b\u200b", "///", "0123456789abcdef0123456789abcdef", "---"} {
		c := person("nameless" + wish)
		r := must(h.hub.Join(t.Context(), c, valley, group.JoinInput{Name: wish}))(t)
		if want := "member " + group.AddressOf(c.Identity).String()[:6]; r.Name != want {
			t.Errorf("who wished for %q is called %q, want %q", wish, r.Name, want)
		}
	}
	for i := range 12 { // the numbers run out at 9
		must(h.hub.Join(t.Context(), person(fmt.Sprint("crowd", i)), valley, group.JoinInput{Name: "Crowd"}))(t)
	}
	names := make(map[string]string)
	for _, m := range must(h.hub.Members(t.Context(), operator(), valley, group.MembersQuery{Limit: 500}))(t).Members {
		if other, taken := names[m.Skeleton]; taken {
			t.Errorf("%q and %q look alike", m.DisplayName, other)
		}
		names[m.Skeleton] = m.DisplayName
	}
}

func TestANameStaysReservedForNinetyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		must(h.hub.Leave(t.Context(), ann, valley))(t)
		must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(bob)}))(t)
		mal := h.joined("Mal", moderation.RoleMember)
		rename := func(name string) error {
			_, err := h.hub.UpdateProfile(t.Context(), mal, valley, group.ProfileInput{Name: &name})
			return err
		}
		refused(t, "a departed member's name", rename("АNN"), group.KindConflict)
		refused(t, "a banned member's name", rename("bob"), group.KindConflict)
		refused(t, "the group's name", rename("Private-Group"), group.KindConflict)
		refused(t, "nothing", rename(" \u200b"), group.KindInvalid)
		time.Sleep(90*24*time.Hour - time.Minute)
		refused(t, "a day early", rename("Ann"), group.KindConflict)
		if r := must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{}))(t); r.Name != "Ann" {
			t.Errorf("she came back as %q", r.Name)
		}
		time.Sleep(2 * time.Minute)
		if err := rename("Bob"); err != nil {
			t.Errorf("after 90 days: %v", err)
		}
		refused(t, "a present member's name", rename("Ann"), group.KindConflict)
		if err := rename("BOB"); err != nil {
			t.Errorf("one's own name in capitals: %v", err)
		}
	})
}

func FuzzSkeleton(f *testing.F) {
	for _, s := range []string{"Ann", "раураl", "\xff", "𝔸", "\u0345\u0300", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := group.Skeleton(s)
		if a != group.Skeleton(s) || len(a) > 200*(len(s)+1) {
			t.Fatalf("%q: %q", s, a)
		}
		if strings.ContainsAny(a, " -_.\t\n") {
			t.Fatalf("%q: %q has separators", s, a)
		}
	})
}
