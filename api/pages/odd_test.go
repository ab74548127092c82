package pages_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/pages"
	"groupd/api/words"
	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
	"log/slog"
)

// odd are numbers, times and names that are none, or too large for one machine or the other.
func odd() []string {
	return []string{
		"-1", "0", "1.5", "1e9", "0x10", "+3", "２", "²", "2147483648", "4294967296", "4294967295", "9223372036854775807", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 400), "1 000", "1,000",
		"-1h", "99999999999w", "5000000h", "1h1h1h", "h", "0s", "9999-12-31", "1969-12-31", "2027-02-30", "10000-01-01", "25-7", "22-7 +99", "24-24", "0/0", "1/0s", "4294967295/1s", "0K", "99999999999G", "%", "300%",
		"owner", "OWNER", "none", "null", "nil", "true", "\x00", "\u202e7", "7\u200b", " 7 ", "\n7\n", "''", "[]", "{}", "AAAAAAAAAAA", "AAAAAA" + strings.Repeat("\n", 60) + "AAAAA",
	}
}

// Whatever is typed where a number or a time is wanted, and whatever a link says, there is a page which says what is wrong, and nothing fails.
func TestOddNumbersAreRefusedInWords(t *testing.T) {
	fields := map[string][]string{
		"mute.mu": {"for"}, "kick.mu": {"for"}, "ban.mu": {"for", "who"}, "moderate.mu": {"for"}, "invites.mu": {"uses", "for", "who"}, "delivery.mu": {"digest", "quiet", "pause"}, "create.mu": {"end", "invite"},
		"clone.mu": {"without"}, "transfer.mu": {"to"}, "members.mu": {"who"}, "history.mu": {"q"}, "directory.mu": {"q"}, "join.mu": {"code"}, "claim.mu": {"code"},
	}
	labels := map[string]string{
		"mute.mu": "Mute", "kick.mu": "Go on", "ban.mu": "Go on", "moderate.mu": "Begin a lockdown", "invites.mu": "Make an invite", "delivery.mu": "Save", "create.mu": "Make it", "clone.mu": "Make it",
		"transfer.mu": "Go on", "members.mu": "Find", "history.mu": "Search", "directory.mu": "Search", "join.mu": "Join", "claim.mu": "Become the owner",
	}
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, group.NewGroup{Joining: moderation.JoiningApprove})
		w.populate(t)
		for page, names := range fields {
			for _, text := range odd() {
				time.Sleep(time.Minute)
				for _, name := range names {
					who := "Ann"
					if page == "join.mu" || page == "claim.mu" {
						who = "Eve"
					}
					v := w.visitor(micron.NomadNet, who).opens(page + "`who=" + hash("Bob").String())
					if page == "ban.mu" && name == "who" {
						v.opens(page)
					}
					if _, ok := fieldNamed(v, name); !ok || !strings.Contains(strings.Join(v.Labels(), "|"), labels[page]) {
						if page != "moderate.mu" && page != "claim.mu" && page != "join.mu" { // it was taken, once
							t.Errorf("%s has no %s", page, name)
						}
						continue
					}
					v.fills(name, text).follows(labels[page]).misses("Something went wrong")
				}
			}
		}
		names := []string{"seq", "before", "after", "from", "to", "edit", "id", "who", "key", "do", "post", "q", "kept", "n", "role", "lock", "off"}
		for _, path := range w.server.Paths() {
			for i, text := range odd() {
				all := make(map[string]string)
				for _, name := range names {
					all["var_"+name] = text
				}
				asks := []map[string]string{all}
				if i < 3 || strings.HasPrefix(text, "9223") || len(text) > 30 { // one by one, too
					for _, name := range names {
						asks = append(asks, map[string]string{"var_" + name: text})
					}
				}
				for _, data := range asks {
					if page := w.ask(caller("Ann"), rns.LinkID{7}, path, data); strings.Contains(page, "Something went wrong") {
						t.Errorf("%s with %v:\n%s", path, data, page)
					}
				}
				time.Sleep(20 * time.Second) // lists of groups have a rate
			}
		}
	})
}

func fieldNamed(v *visitor, name string) (micron.Field, bool) {
	for _, f := range v.Page.Fields() {
		if f.Name == "g_"+name {
			return f, true
		}
	}
	return micron.Field{}, false
}

// Each setting takes what is typed, or says what it can be, and shows it so that it can be typed again.
func TestOddSettingsAreRefusedInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, k := range words.Settings() {
			w := newTown(t, group.NewGroup{})
			v := w.visitor(micron.NomadNet, "Ann")
			for i, text := range odd() {
				if (i+n)%3 != 0 { // settings of one kind take turns
					continue
				}
				time.Sleep(time.Minute)
				if v.opens("setting.mu`key=" + k.Key); k.IsSwitch() {
					v.follows("Save").misses("Something went wrong")
					break
				}
				if _, ok := fieldNamed(v, "value"); !ok {
					break // frozen
				}
				v.fills("value", text).follows("Save").misses("Something went wrong")
				if !strings.Contains(v.flat(), "Saved.") {
					continue
				}
				if k.Key == "frozen" {
					break
				}
				shown := v.Value("g_value")
				if v.follows("Save"); !strings.Contains(v.flat(), "Saved.") || v.Value("g_value") != shown {
					t.Errorf("%s: %q is shown as %q, and that is not taken: %s", k.Key, text, shown, v.flat())
				}
			}
		}
	})
}

// full is a policy in which nothing is as it was, and all is as long as can be.
func full(bad string) moderation.Policy {
	p := moderation.Policy{}
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i).Addr().Interface().(type) {
		case *bool:
			*f = true
		case *uint32:
			*f = moderation.MaxCount
		case *moderation.Seconds:
			*f = moderation.Seconds(moderation.MaxSpan/time.Second - 1)
		case *moderation.Quota:
			*f = moderation.Quota{Count: moderation.MaxCount, Per: moderation.Seconds(moderation.MaxSpan/time.Second - 1)}
		case *moderation.Role:
			*f = moderation.RoleModerator
		case *uint64:
			*f = 1<<40 + 1
		}
	}
	p.Question = moderation.CleanLine(strings.Repeat(bad, moderation.MaxQuestionBytes/len(bad)))
	for i := range moderation.MaxReservedNames {
		p.ReservedNames = append(p.ReservedNames, moderation.CleanName(fmt.Sprint("N", i, strings.Repeat(bad, min(28, 90/len(bad))))))
	}
	p.NoStaff, p.NoRemoval, p.Frozen, p.Establish, p.Fixed, p.SilentAfter, p.AirtimeShare, p.ExpiresAt = false, false, false, false, false, 0, 99, moderation.MomentOf(time.Now().Add(9*365*24*time.Hour))
	p.JoinCost, p.CostCeiling, p.History, p.HistoryCount = 0, moderation.MaxStampCost, moderation.HistoryLast, moderation.MaxCount
	return p
}

func TestPagesFitWhenEverySettingIsChanged(t *testing.T) {
	for _, bad := range []string{"`", "雪", "<\U0001e8d0\U0001e8d1\U0001e8d2"} {
		synctest.Test(t, func(t *testing.T) {
			w := crowded(t, bad, moderation.JoiningApprove)
			must(w.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { *p = full(bad) }}))(t)
			for _, who := range []string{"", "Eve", "Dan", "Fay", "Bob", "Gus", "Mod", "Ann", "Mal"} {
				v := w.visitor(micron.NomadNet, who)
				for _, path := range w.server.Paths() {
					v.opens(strings.TrimPrefix(path, "/page/"))
				}
				if who != "Ann" && who != "Bob" {
					continue
				}
				for _, k := range words.Settings() {
					v.opens("setting.mu`key=" + k.Key).reads(k.Key)
				}
				pages := 1
				for v.opens("settings.mu"); v.Follow("More") == nil && pages < 40; pages++ {
				}
				if pages == 40 {
					t.Error("the settings go round")
				}
			}
		})
	}
}

// A Pi without a clock begins in the past, or wakes in the future: pages say nothing odd and nothing fails.
func TestPagesOfAServerWhoseClockIsWrong(t *testing.T) {
	for _, skew := range []time.Duration{-30 * 365 * 24 * time.Hour, 30 * 365 * 24 * time.Hour} {
		s := secrets(t, func(n *group.NewGroup) { n.Public = true })
		if s.skew = skew; skew > 0 {
			s.now = s.now.Add(skew)
		}
		for _, name := range []string{"", "Eve", "Bob", "Gus", "Mod", "Ann"} {
			shown := s.shows(name)
			for _, word := range []string{"-1 ", " -", "Something went wrong", "292 y", "0001-01-01"} {
				if i := strings.Index(strings.ReplaceAll(shown, " - ", " "), word); i >= 0 {
					t.Errorf("%v, %q: %s", skew, name, shown[max(0, i-80):min(len(shown), i+80)])
				}
			}
		}
		b := s.browser("Bob", micron.NomadNet)
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", "hello")
		if page := s.follow(b, "Send"); !strings.Contains(page, "Posted as") && !strings.Contains(page, "clock") {
			t.Errorf("%v: %s", skew, page)
		}
	}
}

// lossy is a hub that cannot store.
type lossy struct{ *group.Hub }

func (lossy) Post(context.Context, group.Caller, group.GroupID, group.PostInput) (group.PostResult, error) {
	return group.PostResult{}, &group.Error{Kind: group.KindNotDurable, Op: "post", Msg: "the server could not store this", Err: errors.New("/var/lib/secret: disk full")}
}

// What could not be stored is there still, and is sent once more.
func TestWhatCouldNotBeStoredIsNotLost(t *testing.T) {
	s := talking(t)
	was := s.pages
	in := mustInfo(t, s)
	lossyPages := must(pages.New(pages.Config{Hub: lossy{s.hub}, Group: valley, Address: in.Address, Logger: slog.New(slog.DiscardHandler)}))(t)
	s.pages = lossyPages
	b := s.browser("Bob", micron.NomadNet)
	s.open(b, ":/page/post.mu")
	s.fill(b, "text", "One")
	s.says(s.follow(b, "Send"), "Something went wrong on the server.")
	if page := b.Text(); strings.Contains(page, "secret") || b.Value("g_text") != "One" {
		t.Errorf("it says:\n%s", page)
	}
	s.pages = was
	s.says(s.follow(b, "Send"), "Please send it once more.", "One")
	s.says(s.follow(b, "Send"), "Posted as #5.")
}

// A reason that is too long for a link is refused before anything asks.
func TestAReasonThatIsTooLongIsRefused(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		for _, page := range []string{"kick.mu", "ban.mu"} {
			v := w.visitor(d, "Ann").opens(page + "`who=" + hash("Bob").String())
			v.fills("for", "2h", "reason", strings.Repeat("x", group.MaxReasonBytes+1)).follows("Go on").reads("The reason is longer than", "Go on").misses("Yes, ")
		}
	})
}
