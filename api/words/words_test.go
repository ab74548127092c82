package words_test

import (
	"strings"
	"testing"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

func TestRefusalsAreSentences(t *testing.T) {
	for _, c := range []struct{ field, msg, want string }{
		{"", "you are not a member of this group", "You are not a member of this group."},
		{"public_name", "must not be empty", "The public name must not be empty."},
		{"reason", "longer than 200 bytes", "The reason is longer than 200 bytes."},
		{"text", "has no word to look for", "The text has no word to look for."},
		{"to", "is a member: that identity has to leave first", "This person is a member: that identity has to leave first."},
		{"to", "has not asked: let that identity ask to join first", "This person has not asked: let that identity ask to join first."},
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

func TestEverySettingIsInOnePart(t *testing.T) {
	parts := make(map[string]int)
	for _, p := range words.Parts() {
		for _, key := range p.Keys {
			if _, ok := words.SettingNamed(key); !ok {
				t.Errorf("%s has %s, which is no setting", p.Name, key)
			}
			parts[key]++
		}
	}
	for _, k := range words.Settings() {
		if parts[k.Key] != 1 {
			t.Errorf("%s is in %d parts", k.Key, parts[k.Key])
		}
	}
}

// What nobody has set is off where that is so, and where it is something else, what can be set tells what.
func TestASettingThatNobodySetSaysWhatItIs(t *testing.T) {
	for key, want := range map[string]string{"question": "off", "slow_mode": "off", "retain_count": "off", "expires_at": "off", "join_cost": "0", "edit_window": "default"} {
		if got := words.ShowSetting(group.Settings{}, key); got != want {
			t.Errorf("%s is shown as %q", key, got)
		}
	}
	var p moderation.Policy
	usual, _ := p.InviteTime()
	for key, d := range map[string]time.Duration{
		"edit_window": p.EditSpan(), "name_hold": p.NameSpan(), "lockdown_for": p.LockdownSpan(), "flood_mute": p.FloodMuteSpan(), "expire_keep": p.KeptSpan(), "invite_span": usual,
	} {
		k, _ := words.SettingNamed(key)
		if want := "default (" + words.Span(d) + ")"; !strings.Contains(k.How, want) {
			t.Errorf("%s can be %q, which says nothing of %s", key, k.How, want)
		}
	}
	for _, k := range words.Settings() {
		if words.ShowSetting(group.Settings{}, k.Key) == "default" && !strings.Contains(k.How, "default (") {
			t.Errorf("%s is shown as default, and can be %q", k.Key, k.How)
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
