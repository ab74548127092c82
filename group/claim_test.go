package group_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestACodeIsEasyToReadAndHardToGuess(t *testing.T) {
	shape := regexp.MustCompile(`^([a-z]{3,8}-){4}[0-9]{5}$`)
	seen := make(map[string]bool)
	for i := range 500 {
		code := group.NewCode([16]byte{byte(i), byte(i >> 8), 2, 3, 4, 5, 6, 7, byte(i), byte(i >> 8), 10})
		if !shape.MatchString(code) {
			t.Fatalf("%q", code)
		}
		seen[code] = true
	}
	if len(seen) != 500 {
		t.Errorf("%d different codes of 500", len(seen))
	}
}

func TestTheOwnersClaim(t *testing.T) {
	h := newHouse(t)
	_, err := h.hub.NewClaimCode(t.Context(), person("Mal"), valley)
	refused(t, "a stranger making a code", err, group.KindDenied)
	old := must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
	code := must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
	ann := person("Ann")
	_, err = h.hub.Claim(t.Context(), ann, valley, group.ClaimInput{Code: old.Code})
	refused(t, "the code before", err, group.KindDenied)
	typed := " " + strings.ToUpper(strings.ReplaceAll(code.Code, "-", " ")) + "\n"
	if r := must(h.hub.Claim(t.Context(), ann, valley, group.ClaimInput{Code: typed, Name: "Ann"}))(t); r.Member.Role != moderation.RoleOwner || r.Name != "Ann" {
		t.Errorf("%+v", r)
	}
	if info := must(h.hub.Info(t.Context(), ann, valley))(t); !info.Owned {
		t.Error("nobody owns the group")
	}
	// A member claims with a fresh code: the old owner's phone is at the bottom of the lake.
	bob := h.joined("Bob", moderation.RoleMember)
	code = must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
	if r := must(h.hub.Claim(t.Context(), bob, valley, group.ClaimInput{Code: code.Code}))(t); !r.Already || r.Member.Role != moderation.RoleOwner {
		t.Errorf("%+v", r)
	}
	reader := h.reader(bob)
	if got := reader.fetch(); got[len(got)-1] != "Bob role Bob: owner" {
		t.Errorf("others see %q", got)
	}
}

func TestACodeEndsAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		code := must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
		time.Sleep(24*time.Hour - time.Second)
		_, err := h.hub.Claim(t.Context(), person("Mal"), valley, group.ClaimInput{Code: "river-maple-stone-lamp-04172"})
		refused(t, "a wrong code", err, group.KindDenied)
		time.Sleep(time.Second)
		_, err = h.hub.Claim(t.Context(), person("Ann"), valley, group.ClaimInput{Code: code.Code})
		refused(t, "a code of yesterday", err, group.KindDenied)
	})
}

func TestGuessingCodesIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		code := must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
		guess := func(name, code string) error {
			_, err := h.hub.Claim(t.Context(), person(name), valley, group.ClaimInput{Code: code})
			return err
		}
		for range group.ClaimGuesses {
			refused(t, "a wrong code", guess("Mal", "wrong"), group.KindDenied)
		}
		refused(t, "the right code after too many wrong ones", guess("Mal", code.Code), group.KindDenied)
		for i := range group.ClaimPerHour - group.ClaimGuesses - 1 {
			refused(t, "a wrong code", guess(fmt.Sprint(i), "wrong"), group.KindDenied)
		}
		time.Sleep(time.Hour) // the hour's count begins anew
		for i := range group.ClaimPerHour {
			refused(t, "a wrong code", guess(fmt.Sprint("b", i), "wrong"), group.KindDenied)
		}
		refused(t, "the right code when the claim is closed", guess("Ann", code.Code), group.KindDenied)
		time.Sleep(2 * time.Hour)
		refused(t, "hours later", guess("Ann", code.Code), group.KindDenied)
		code = must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
		if err := guess("Ann", code.Code); err != nil {
			t.Errorf("with a new code: %v", err)
		}
		if n := h.hub.Stats().WrongClaims; n != 2*group.ClaimPerHour-1 {
			t.Errorf("%d wrong codes counted", n)
		}
	})
}

func TestGuessersAreRememberedWithinABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		guess := func(i int) error {
			_, err := h.hub.Claim(t.Context(), person(fmt.Sprint(i)), valley, group.ClaimInput{Code: "wrong"})
			return err
		}
		for i := range group.ClaimGuessers {
			if i%(group.ClaimPerHour-1) == 0 {
				time.Sleep(time.Hour)
			}
			refused(t, "a wrong code", guess(i), group.KindDenied)
		}
		counted := h.hub.Stats().WrongClaims
		refused(t, "when the table is full", guess(group.ClaimGuessers), group.KindDenied)
		if n := h.hub.Stats().WrongClaims; n != counted || counted != group.ClaimGuessers {
			t.Errorf("%d wrong codes counted, then %d", counted, n)
		}
	})
}

func TestTheListOfWords(t *testing.T) {
	seen := make(map[string]bool)
	for word := range strings.FieldsSeq(group.Words()) {
		key := word[:min(4, len(word))]
		if len(word) < 3 || len(word) > 8 || seen[key] {
			t.Errorf("%q is too short, too long or like another one", word)
		}
		seen[key] = true
	}
	if len(seen) != 2048 {
		t.Errorf("%d words", len(seen))
	}
}

func TestAPostThatHoldsTheCodeIsNotPosted(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember)
	code := must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t).Code
	for _, text := range []string{code, "/ claim " + code, "the code is " + strings.ReplaceAll(code, "-", " ") + ", ok?", "«" + strings.ToUpper(code) + "»"} {
		_, err := h.hub.Post(t.Context(), ann, valley, message(text))
		refused(t, text, err, group.KindDenied)
	}
	h.post(ann, "river-maple-stone-lamp-04172")
	if r := must(h.hub.Claim(t.Context(), ann, valley, group.ClaimInput{Code: code}))(t); r.Member.Role != moderation.RoleOwner {
		t.Error("the code was spoilt")
	}
	h.post(ann, code) // used up: it is only words now
}
