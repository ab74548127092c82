package pages_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// What pages offer to whom, and how much of what people wrote they show.

func TestPermissionsAreOfferedForThoseBelowAlone(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		w.join("Mod", moderation.RoleModerator)
		w.join("Eve", moderation.RoleOwner)
		const boxes = "What the person may do, the role aside:"
		for _, c := range []struct{ who, about, reads, misses string }{
			{"Ann", "Bob", boxes, "You may not"},
			{"Ann", "Mod", boxes, "You may not"},
			{"Ann", "Ann", "Change the role", boxes}, // another owner is there: she can step down
			{"Ann", "Eve", "You may not do this here.", boxes},
			{"Mod", "Mod", "Change the role", boxes},
			{"Mod", "Bob", "You may not do this here.", boxes},
		} {
			w.visitor(d, c.who).opens("role.mu`who=" + c.about).reads(c.reads).misses(c.misses)
		}
		w.visitor(d, "Ann").opens("member.mu`who=Eve").misses("Role and permissions", "Kick", "Ban")
	})
}

// The newest entry may be one that is not shown, as the new text of an older post.
func TestTheNewestPageOfTheHistoryHasNoNewerOne(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		seq := w.post("Ann", "The bridge is closed")
		must(w.hub.Edit(t.Context(), caller("Ann"), valley, group.EditInput{Seq: seq, Post: group.PostInput{Text: []byte("The bridge is open")}}))(t)
		w.visitor(d, "").opens("history.mu").reads("The bridge is open").misses("Newer", "Newest")
		w.visitor(d, "").opens("history.mu`before=4").reads("Newer", "Newest")
	})
}

func TestApprovingIsOfferedToWhoMayAboutWhoWaits(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningApprove}, func(t *testing.T, w *town, d micron.Dialect) {
		for _, name := range []string{"Bob", "App", "Ban"} {
			w.join(name, 0)
		}
		for name, may := range map[string]moderation.Permission{"App": moderation.PermApprove, "Ban": moderation.PermBan} {
			must(w.hub.UpdatePermissions(t.Context(), operator(), valley, group.PermissionsInput{Target: hash(name), Add: may}))(t)
		}
		ask := func(name string) {
			must(w.hub.Join(t.Context(), caller(name), valley, group.JoinInput{Name: name}))(t)
		}
		ask("Dan")
		must(w.hub.Leave(t.Context(), caller("Bob"), valley))(t) // he was here, so that others may see who he is
		ask("Bob")
		for _, who := range []string{"Ann", "App"} {
			w.visitor(d, who).opens("member.mu`who="+hash("Dan").String()).reads("Asks to join", "Approve", "Reject")
			w.visitor(d, who).opens("member.mu`who="+hash("Bob").String()).reads("Asks to join", "Approve", "Reject")
			w.visitor(d, who).opens("member.mu`who=Ban").misses("Approve", "Reject")
		}
		w.visitor(d, "Ban").opens("member.mu`who="+hash("Bob").String()).misses("Asks to join", "Approve", "Reject")
		w.visitor(d, "Ban").opens("waiting.mu").misses("Dan", "Approve")
	})
}

// A form is of one who identified: nobody else is given the nonce that sends it.
func TestWhoHasNotIdentifiedGetsNoForm(t *testing.T) {
	nonce := regexp.MustCompile("[`|]n=")
	for _, f := range guardedForms() {
		if f.new.Preset != "" {
			continue
		}
		inTown(t, f.new, func(t *testing.T, w *town, d micron.Dialect) {
			w.populate(t)
			list := []string{f.open, "post.mu"}
			for seq := range 8 {
				for _, page := range []string{"entry.mu`seq=%d", "entry.mu`seq=%d|do=report", "entry.mu`seq=%d|do=delete", "post.mu`to=%d", "post.mu`edit=%d"} {
					list = append(list, fmt.Sprintf(page, seq))
				}
			}
			for _, page := range list {
				if v := w.visitor(d, "").opens(page); nonce.Match(v.Raw) {
					t.Errorf("%s:\n%s", page, v.Raw)
				}
			}
		})
	}
}

// What is not too long to be written is not too long to be read: each text is shown whole on the page that is about it.
func TestTextsAreShownWhole(t *testing.T) {
	text := func(what string, n int) string { return what + strings.Repeat("x", n-len(what)-1) + "z" }
	joined := func(v *visitor) string { return strings.Join(strings.Fields(v.Text()), "") } // a long word goes over several lines
	inTown(t, group.NewGroup{Joining: moderation.JoiningApprove}, func(t *testing.T, w *town, d micron.Dialect) {
		ctx, ann := t.Context(), caller("Ann")
		topic, status, greeting := text("topic", group.MaxTopicBytes), text("status", group.MaxStatusBytes), text("greeting", group.MaxGreeting)
		muted, banned, question := text("Muted", group.MaxReasonBytes), text("Banned", group.MaxReasonBytes), text("question", moderation.MaxQuestionBytes)
		name := text("Bob", 30) // lists have room for no longer one
		for _, who := range []string{"Bob", "Gus", "Mal"} {
			w.join(who, 0)
		}
		must(w.hub.Join(ctx, caller("Dan"), valley, group.JoinInput{Name: "Dan", Greeting: greeting}))(t)
		must(w.hub.UpdateTopic(ctx, ann, valley, topic))(t)
		must(w.hub.UpdateProfile(ctx, caller("Bob"), valley, group.ProfileInput{Name: &name, Status: &status}))(t)
		must(w.hub.Mute(ctx, ann, valley, group.MuteInput{Target: hash("Gus"), Reason: muted}))(t)
		must(w.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash("Mal"), Reason: banned}))(t)
		must(w.hub.UpdateSettings(ctx, ann, valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.Question = question }}))(t)
		for _, c := range []struct{ who, page, text string }{
			{"Bob", "index.mu", topic},
			{"Ann", "member.mu`who=" + hash("Bob").String(), status},
			{"Ann", "member.mu`who=" + hash("Bob").String(), name},
			{"Ann", "members.mu", name},
			{"Bob", "me.mu", name},
			{"Ann", "member.mu`who=" + hash("Dan").String(), greeting},
			{"Ann", "member.mu`who=" + hash("Gus").String(), muted},
			{"Gus", "me.mu", muted},
			{"Ann", "member.mu`who=" + hash("Mal").String(), banned},
			{"Mal", "join.mu", banned},
			{"Ann", "setting.mu`key=question", question},
			{"Eve", "join.mu", question},
		} {
			if v := w.visitor(d, c.who).opens(c.page); !strings.Contains(joined(v), c.text) {
				t.Errorf("%s, on %s, reads:\n%s\ninstead of %s", c.who, c.page, v.Text(), c.text)
			}
		}

		// What a second page carries along is carried whole.
		reason := text("ads", group.MaxReasonBytes)
		v := w.visitor(d, "Ann").opens("ban.mu`who="+hash("Bob").String()).fills("reason", reason).follows("Go on")
		if !strings.Contains(joined(v), reason) {
			t.Errorf("the question is:\n%s", v.Text())
		}
		v.follows("Yes, ban").reads("is banned.")
		if p := must(w.hub.Person(ctx, ann, valley, hash("Bob")))(t); p.Ban == nil || p.Ban.Reason != reason {
			t.Errorf("he is banned for %+v", p.Ban)
		}
	})
}

// What is too long is refused with what it is and how long it may be, and comes back as it was typed.
func TestATextOfOneByteTooManyIsRefusedByItsName(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningApprove}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mod", moderation.RoleModerator)
		w.join("Bob", 0)
		must(w.hub.Join(t.Context(), caller("Dan"), valley, group.JoinInput{Name: "Dan"}))(t)
		seq := w.post("Bob", "hello")
		must(w.hub.Report(t.Context(), caller("Mod"), valley, group.ReportInput{Seq: seq}))(t)
		for _, c := range []struct {
			who, page, field, label, says string
			most                          int
		}{
			{"Ann", "names.mu", "topic", "Save", "The topic is longer than", group.MaxTopicBytes},
			{"Bob", "me.mu", "status", "Save", "The status is longer than", group.MaxStatusBytes},
			{"Mod", "mute.mu`who=Bob", "reason", "Mute", "The reason is longer than", group.MaxReasonBytes},
			{"Mod", "kick.mu`who=Bob", "reason", "Go on", "The reason is longer than", group.MaxReasonBytes},
			{"Mod", "member.mu`who=" + hash("Dan").String(), "reason", "Reject", "The reason is longer than", group.MaxReasonBytes},
			{"Mod", "reports.mu", "note", "Settle", "The note is longer than", group.MaxReasonBytes},
			{"Ann", "entry.mu`seq=" + fmt.Sprint(seq) + "|do=report", "reason", "Report it", "The reason is longer than", group.MaxReasonBytes},
		} {
			long := strings.Repeat("x", c.most+1)
			v := w.visitor(d, c.who).opens(c.page).fills(c.field, long)
			before := w.store.n
			v.follows(c.label).reads(c.says, fmt.Sprint(c.most))
			if v.Value("g_"+c.field) != long || w.store.n != before {
				t.Errorf("%s of %s: written %d times, %q", c.field, c.page, w.store.n-before, v.Value("g_"+c.field))
			}
			v.fills(c.field, long[1:]).follows(c.label).misses("longer than")
		}
	})
}
