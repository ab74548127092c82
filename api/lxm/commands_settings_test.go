package lxm_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/moderation"
)

func TestEveryPolicyHasItsWord(t *testing.T) {
	known := map[string]bool{"joining": true, "public": true}
	policy := reflect.TypeFor[moderation.Policy]()
	for i := range policy.NumField() {
		name, _, _ := strings.Cut(policy.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	for _, row := range lxm.Settings() {
		if !known[row[0]] {
			t.Errorf("/settings %s is no policy, or stands twice", row[0])
		}
		delete(known, row[0])
	}
	for name := range known {
		t.Errorf("/settings has no %s", name)
	}
}

func TestSettingsAreShownAsTheyAreTyped(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for _, c := range [][3]string{
			{"joining", "Open", "open"}, {"joining", "invite", "invite"}, {"public", "on", "on"}, {"PUBLIC", "no", "off"},
			{"question", "Which valley?", "Which valley?"}, {"question", "off", "off"}, {"question-hold", "yes", "on"}, {"max_members", "200", "200"},
			{"silent_after", "90 d", "90d"}, {"probation", "1d12h", "1d12h"}, {"probation_posts", "3 per 10m", "3/10m"}, {"read_only", "on", "on"}, {"read_only", "default", "off"},
			{"slow_mode", "= 30s", "30s"}, {"slowmode", "OFF", "off"}, {"edit_window", "2h", "2h"}, {"invite_role", "mod", "moderator"}, {"invite_role", "default", "default"},
			{"history_count", "50", "50"}, {"history", "last", "last"}, {"history", "all", "all"}, {"member_airtime", "60 1h", "60/1h"}, {"flood", "20 in 1m", "20/1m"},
			{"join_cost", "12", "12"}, {"reserved_names", "Server, The Owner", "Server, The Owner"}, {"reserved_names", "-", "off"}, {"retain_count", "1000", "1000"},
			{"retain_bytes", "1.5M", ""}, {"retain_bytes", "1536 KB", "1536K"}, {"attach_bytes", "1g", "1G"}, {"announce", "off", "off"}, {"announce", "default", "default"},
			{"delivery", "digest", "digest"}, {"airtime_share", "10%", "10"}, {"airtime_share", "none", "default"},
		} {
			time.Sleep(time.Minute)
			got := h.says("owner", "/settings "+c[0]+" "+c[1]).answer(t)
			if c[2] == "" {
				if !strings.Contains(got, " can not be ") {
					t.Errorf("%v: %s", c, got)
				}
				continue
			}
			if _, value, _ := strings.Cut(got, ": "); value != c[2] {
				t.Errorf("%v: %s", c, got)
			}
			if seen := h.says("member", "/settings "+c[0]).answer(t); !strings.HasPrefix(seen, got+"\n") {
				t.Errorf("another sees %q, not %q", seen, got)
			}
		}
	})
}

func TestASettingThatCanNotBeIsRefusedByItsName(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		before := h.says("owner", "/settings").answer(t)
		for _, line := range []string{
			"joining sometimes", "public maybe", "slow_mode fast", "slow_mode 30", "slow_mode 99999999w", "slow_mode 11000d", "max_members -1", "max_members 5000000000", "read_only 3",
			"member_posts 5", "member_posts 0/1h", "member_posts 5/", "member_posts 5/x", "member_posts 2000000/1h", "invite_role king", "history some", "history last", "join_cost 25",
			"join_cost 300", "airtime_share 101", "announce loud", "delivery pigeon", "retain_bytes 5X", "retain_bytes 99999999999G", "reserved_names a,,b",
			"question " + strings.Repeat("why ", 60),
		} {
			time.Sleep(time.Minute)
			key, _, _ := strings.Cut(line, " ")
			got := h.says("owner", "/settings "+line).answer(t)
			if plain := strings.ToLower(got); !strings.Contains(plain, strings.ReplaceAll(key, "_", " ")) && !strings.Contains(plain, key) {
				t.Errorf("%s: %s", line, got)
			}
		}
		if after := h.says("owner", "/settings").answer(t); after != before {
			t.Errorf("they were\n%s\nand are\n%s", before, after)
		}
		if got := h.says("member", "/settings slow_mode 30s").answer(t); got != `※ This needs the permission "settings".` {
			t.Error(got)
		}
	})
}

func FuzzSetting(f *testing.F) {
	for _, row := range lxm.Settings() {
		for _, value := range []string{"on", "30s", "10/1h", "5", "1G", "admin", "off", "a, b", "digest"} {
			f.Add(row[0], value)
		}
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		shown, ok := lxm.SetAndShow(key, text)
		if !ok {
			return
		}
		again, ok := lxm.SetAndShow(key, shown)
		if !ok || again != shown {
			t.Errorf("%s %q is shown as %q, which is %q", key, text, shown, again)
		}
	})
}
