package pages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// crowded is a town in which everything that people wrote is as long as can be.
func crowded(t *testing.T, bad string, joining moderation.Joining) *town {
	t.Helper()
	ctx := t.Context()
	long := func(n int) string { return strings.TrimSpace(strings.Repeat(bad, n/len(bad))) }
	name := func(i int) string {
		return moderation.CleanName(string(rune('A'+i)) + strings.Repeat(bad, min(31, 95/len(bad))))
	}
	w := newTown(t, group.NewGroup{
		Public: true, Joining: joining, PublicName: name(20), PrivateName: name(21), Topic: long(group.MaxTopicBytes),
		Policy: moderation.Policy{Question: long(moderation.MaxQuestionBytes), ReservedNames: []string{name(22), name(23), name(24)}},
	})
	for i, who := range []string{"Ann", "Mod", "Bob", "Gus", "Mal"} {
		w.join(who, 0)
		n, status := name(i), long(group.MaxStatusBytes)
		must(w.hub.UpdateProfile(ctx, caller(who), valley, group.ProfileInput{Name: &n, Status: &status}))(t)
	}
	must(w.hub.UpdatePermissions(ctx, operator(), valley, group.PermissionsInput{Target: hash("Mod"), Role: moderation.RoleModerator, Add: moderation.PermGrant | moderation.PermAudit}))(t)
	for range 7 {
		r := must(w.hub.Post(ctx, caller("Bob"), valley, group.PostInput{Text: []byte("x" + long(1000))}))(t)
		must(w.hub.Report(ctx, caller("Mod"), valley, group.ReportInput{Seq: r.Seq, Reason: long(group.MaxReasonBytes)}))(t)
		must(w.hub.CreateInvite(ctx, caller("Ann"), valley, group.InviteInput{Uses: 1000}))(t)
	}
	must(w.hub.Mute(ctx, caller("Ann"), valley, group.MuteInput{Target: hash("Gus"), Reason: long(group.MaxReasonBytes)}))(t)
	for _, who := range []string{"Mal", "x", "y", "z"} {
		must(w.hub.Ban(ctx, caller("Ann"), valley, group.BanInput{Target: hash(who), Reason: long(group.MaxReasonBytes)}))(t)
	}
	for i, who := range []string{"Dan", "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"} {
		if joining == moderation.JoiningApprove {
			must(w.hub.Join(ctx, caller(who), valley, group.JoinInput{Name: name(i + 5), Greeting: long(group.MaxGreeting)}))(t)
		}
	}
	must(w.hub.CreateInvite(ctx, caller("Ann"), valley, group.InviteInput{For: hash("Fay")}))(t)
	return w
}

// Every form is sent with much in its fields: the pages that come back fit (checkPage), and none had to be cut (loud).
func TestFormsFitHoweverMuchIsTyped(t *testing.T) {
	for _, bad := range []string{"`", "[", "雪", "m ", "<\U0001e8d0\U0001e8d1\U0001e8d2"} {
		t.Run(bad, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, f := range guardedForms() {
					if f.new.Preset != "" || f.new.Public {
						continue
					}
					w := crowded(t, bad, moderation.JoiningApprove)
					for _, size := range []int{3000, group.MaxReasonBytes} {
						w.fillAll(t, f, strings.Repeat(bad, size/len(bad)))
					}
				}
			})
		})
	}
}

// fillAll types a text into every field of a form, and goes on as far as the pages lead.
func (w *town) fillAll(t *testing.T, f guarded, typed string) {
	t.Helper()
	v := w.visitor(micron.NomadNet, f.who)
	v.opens(f.open)
	if !slices.Contains(v.Labels(), f.links[0]) {
		return // done before
	}
	for i := 0; i < len(f.tick); i += 2 {
		_ = v.Tick("g_"+f.tick[i], f.tick[i+1], true) // is no choice any more once it was taken
	}
	for _, field := range v.Page.Fields() {
		if field.Kind == micron.TextField && (field.Name != "g_for" || len(typed) > 1000) {
			if err := v.Fill(field.Name, typed); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, label := range f.links {
		if slices.Contains(v.Labels(), label) {
			v.follows(label)
		}
	}
}

// Where several are called what was typed, they are listed as far as there is room, and the form is there still.
func TestManyOfOneNameLeaveRoomForTheForm(t *testing.T) {
	for _, bad := range []string{"`", "<", "雪", "x", "e\u0301\u0302\u0303"} {
		synctest.Test(t, func(t *testing.T) {
			w := crowded(t, bad, moderation.JoiningApprove)
			name := moderation.CleanName("N" + strings.Repeat(bad, min(31, 95/len(bad))))
			for i := range group.MaxChoices + 2 {
				must(w.hub.Join(t.Context(), caller(fmt.Sprint("same ", i)), valley, group.JoinInput{Name: name, Greeting: "x"}))(t)
			}
			for _, c := range []struct{ open, field, label string }{
				{"members.mu", "who", "Find"}, {"ban.mu", "who", "Go on"}, {"invites.mu", "who", "Make an invite"}, {"clone.mu", "without", "Make it"}, {"create.mu", "invite", "Make it"},
			} {
				v := w.visitor(micron.NomadNet, "Ann").opens(c.open).fills(c.field, name).follows(c.label)
				if c.open == "members.mu" {
					v.reads("Several fit: use more of the address.")
				} else if c.field == "who" {
					v.reads("Several fit: use more of the address.", c.label)
					if n := strings.Count(v.Text(), "- N"); n < 3 {
						t.Errorf("%s lists %d of them:\n%s", c.open, n, v.Text())
					}
				}
			}
		})
	}
}
