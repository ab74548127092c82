package words_test

import (
	"testing"
	"time"

	"groupd/api/words"
	"groupd/group"
)

func TestRefusalsAreSentences(t *testing.T) {
	for _, c := range []struct{ field, msg, want string }{
		{"", "you are not a member of this group", "You are not a member of this group."},
		{"public_name", "must not be empty", "The public name must not be empty."},
		{"reason", "longer than 200 bytes", "The reason is longer than 200 bytes."},
		{"who", "is a member already", "This person is a member already."},
		{"target", "nobody here is called that", "Nobody here is called that."},
		{"greeting", "answer a question to join: which valley?", "Answer a question to join: which valley?"},
		{"expires_at", "must be in the future", "The end must be in the future."},
		{"", "", ""},
	} {
		if got := words.Reason(&group.Error{Field: c.field, Msg: c.msg}); got != c.want {
			t.Errorf("%s, %q is shown as %q", c.field, c.msg, got)
		}
	}
}

func TestSpansAreShownAsTheyAreTyped(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "90m": 90 * time.Minute, "1d12h": 36 * time.Hour, "2W": 14 * 24 * time.Hour, "1hour": time.Hour} {
		d, ok := words.Duration(text)
		if again, okAgain := words.Duration(words.Span(d)); !ok || !okAgain || d != want || again != want {
			t.Errorf("%s is %v, shown as %q", text, d, words.Span(d))
		}
	}
	for _, bad := range []string{"", "5", "m", "-1h", "1x", "1h30", "99999999w", "soon"} {
		if d, ok := words.Duration(bad); ok {
			t.Errorf("%q is %v", bad, d)
		}
	}
}

func TestSettingsThatAreOnOrOff(t *testing.T) {
	for _, k := range words.Settings() {
		_, on := words.Switch(words.ShowSetting(group.Settings{}, k.Key))
		if k.IsSwitch() && !on {
			t.Errorf("%s is a switch and is shown as %q", k.Key, words.ShowSetting(group.Settings{}, k.Key))
		}
	}
}
