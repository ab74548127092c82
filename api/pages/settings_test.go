package pages_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// Each setting has its page, which shows what it is, and saves it as it is.
func TestEverySettingIsReached(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		var keys []string
		v := w.visitor(d, "Ann").opens("moderate.mu")
		for _, part := range words.Parts() {
			v.opens("settings.mu").follows(part.Name).reads(part.Name + ":")
			for range 10 {
				for _, l := range v.Page.Links() {
					if strings.Contains(l.URL, "setting.mu") {
						keys = append(keys, l.Label)
					}
				}
				if !slices.Contains(v.Labels(), "More") {
					break
				}
				v.follows("More")
			}
		}
		var want []string
		before := must(w.hub.Settings(t.Context(), caller("Ann"), valley))(t)
		for _, k := range words.Settings() {
			want = append(want, k.Key)
			time.Sleep(time.Minute)
			v.opens("setting.mu`key="+k.Key).reads(k.Key+": "+words.ShowSetting(before, k.Key), strings.Join(strings.Fields(words.Sentence(k.What)), " "))
			if label := "Save"; !slices.Contains(v.Labels(), label) {
				t.Errorf("%s has no form", k.Key)
			} else if v.follows(label); !strings.Contains(v.flat(), "Saved.") {
				t.Errorf("%s, saved as it is: %s", k.Key, v.Text())
			}
		}
		slices.Sort(keys)
		slices.Sort(want)
		if !slices.Equal(keys, want) {
			t.Errorf("links to %q", keys)
		}
		if after := must(w.hub.Settings(t.Context(), caller("Ann"), valley))(t); before.Policy.Changes(after.Policy) != "" || before.Joining != after.Joining || before.Public != after.Public {
			t.Errorf("saving what is changed %s", before.Policy.Changes(after.Policy))
		}
	})
}

func TestSettingsChangeForWhoMay(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Ann").opens("settings.mu").follows("Writing").reads("slow_mode: off (time between two posts of one member)").follows("slow_mode").reads("slow_mode: off").fills("value", "fast").follows("Save").reads("it can be: 30s, 10m, 2h, 7d, off")
		if v.Value("g_value") != "fast" {
			t.Error("what was typed is lost")
		}
		v.fills("value", "30s").follows("Save").reads("Saved.", "slow_mode: 30s").follows("All settings").reads("slow_mode: 30s")
		v.follows("Writing", "read_only").ticks("value", "on").follows("Save").reads("Saved.", "read_only: on")
		v.opens("setting.mu`key=joining").fills("value", "approve").follows("Save").reads("Saved.", "joining: approve")
		set := must(w.hub.Settings(t.Context(), caller("Ann"), valley))(t)
		if set.Policy.SlowMode != 30 || !set.Policy.ReadOnly || set.Joining != moderation.JoiningApprove {
			t.Errorf("set are %+v", set)
		}
		bob := w.visitor(d, "Bob").opens("me.mu").follows("How this group behaves").reads("slow_mode: 30s", "read_only: on (only staff post)", "All else is as usual.").misses("flood")
		if slices.Contains(bob.Labels(), "slow_mode") {
			t.Error("a member gets links to change settings")
		}
		bob.opens("setting.mu`key=slow_mode").reads("slow_mode: 30s")
		if len(bob.Page.Fields()) > 0 {
			t.Error("a member gets the form")
		}
		w.visitor(d, "Eve").opens("settings.mu").reads("You are not a member of this group.")
		bob.opens("setting.mu`key=nothing").reads("There is no such setting.")
	})
}

func TestNamesAndTopic(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Topic: "weather"}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Ann").opens("moderate.mu").follows("Names and topic")
		v.fills("public", "Upper Valley", "private", "Home", "topic", "it's [snow] `now` \\ > <b>").follows("Save").reads("Saved.")
		info := must(w.hub.Info(t.Context(), caller("Ann"), valley))(t)
		if info.PublicName != "Upper Valley" || info.PrivateName != "Home" || info.Topic != "it's [snow] `now` \\ > <b>" {
			t.Errorf("they are %q, %q, %q", info.PublicName, info.PrivateName, info.Topic)
		}
		rev := info.Rev
		v.opens("names.mu").follows("Save").reads("Saved.")
		if info := must(w.hub.Info(t.Context(), caller("Ann"), valley))(t); info.Rev != rev || info.Topic != "it's [snow] `now` \\ > <b>" {
			t.Errorf("saved as it was, the topic is %q", info.Topic)
		}
		v.fills("public", "").follows("Save").reads("The public name must not be empty.")
		w.visitor(d, "Bob").opens("names.mu").reads("You may not do this here.")
		must(w.hub.UpdateSettings(t.Context(), caller("Ann"), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.TopicRole = moderation.RoleMember }}))(t)
		bob := w.visitor(d, "Bob").opens("me.mu").follows("How this group behaves", "Names and topic").misses("Public name").fills("topic", "sun").follows("Save").reads("Saved.")
		bob.opens("index.mu").reads("Topic: sun")
	})
}

// Who changes one thing does not undo what another changed meanwhile.
func TestAFormChangesWhatWasChangedInItAlone(t *testing.T) {
	inTown(t, group.NewGroup{PublicName: "Valley", PrivateName: "The [Pass]", Topic: "snow"}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		w.join("Eve", moderation.RoleOwner)
		v, other := w.visitor(d, "Ann").opens("names.mu"), w.visitor(d, "Eve").opens("names.mu")
		other.fills("public", "Hills", "private", "The `Top`").follows("Save").reads("Saved.")
		v.fills("topic", "ice").follows("Save").reads("Saved.")
		if in := must(w.hub.Info(t.Context(), caller("Ann"), valley))(t); in.PublicName != "Hills" || in.PrivateName != "The `Top`" || in.Topic != "ice" {
			t.Errorf("it is called %q, %q: %q", in.PublicName, in.PrivateName, in.Topic)
		}
		if v.Value("g_public") != "Hills" {
			t.Errorf("the form shows %q", v.Value("g_public"))
		}

		// Too late, too.
		other.opens("names.mu").fills("public", "Valley").follows("Save").reads("Saved.")
		time.Sleep(11 * time.Minute)
		v.fills("topic", "mud").follows("Save").reads("open for too long").follows("Save").reads("Saved.")
		if in := must(w.hub.Info(t.Context(), caller("Ann"), valley))(t); in.PublicName != "Valley" || in.Topic != "mud" {
			t.Errorf("it is called %q: %q", in.PublicName, in.Topic)
		}

		page := "role.mu`who=" + hash("Bob").String()
		v.opens(page)
		other.opens(page).ticks("p_mute", "1").follows("Save the permissions").reads("Saved the permissions")
		v.ticks("p_pin", "1").follows("Save the permissions").reads("Saved the permissions")
		if st := w.standing("Bob"); !st.Permissions.Has(moderation.PermMute) || !st.Permissions.Has(moderation.PermPin) {
			t.Errorf("Bob may %s", st.Permissions)
		}

		v = w.visitor(d, "Bob").opens("me.mu")
		again := w.visitor(d, "Bob").opens("me.mu").fills("status", "up")
		again.follows("Save").reads("Saved.")
		v.fills("name", "Bobby").follows("Save").reads("Saved.")
		if m := w.standing("Bob").Member; m.DisplayName != "Bobby" || m.Status != "up" {
			t.Errorf("he is %q, %q", m.DisplayName, m.Status)
		}
	})
}

// Names and topic go in one form: where one of them is refused, its page says what is saved, and loaded again it says the same.
func TestNamesAreRefusedAndTheTopicIsSavedOrNeitherIs(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Topic: "snow"}, func(t *testing.T, w *town, d micron.Dialect) {
		long := strings.Repeat("x", group.MaxTopicBytes+1)
		for _, c := range []struct{ public, topic, saved, why, name, now string }{
			{"Hills", long, "", "The topic is longer than", "Valley", "snow"},
			{"", "ice", "The topic is saved; the names are not.", "The public name must not be empty.", "Valley", "ice"},
		} {
			v := w.visitor(d, "Ann").opens("names.mu").fills("public", c.public, "topic", c.topic)
			path, data := v.sends("Save")
			page := v.follows("Save").reads(c.saved, c.why).misses("Saved.").flat()
			if v.Value("g_public") != c.public || v.Value("g_topic") != c.topic {
				t.Errorf("what was typed is lost: %q, %q", v.Value("g_public"), v.Value("g_topic"))
			}
			for range 2 {
				if again := strings.Join(strings.Fields(w.ask(v.caller, v.link, path, data)), " "); d == micron.NomadNet && again != page {
					t.Errorf("loaded again, it says:\n%s\ninstead of\n%s", again, page)
				}
			}
			if in := must(w.hub.Info(t.Context(), caller("Ann"), valley))(t); in.PublicName != c.name || in.Topic != c.now {
				t.Errorf("it is called %q: %q", in.PublicName, in.Topic)
			}
			v.fills("public", "Valley", "topic", "mud").follows("Save").reads("Saved.").misses("not.")
			if in := must(w.hub.Info(t.Context(), caller("Ann"), valley))(t); in.Topic != "mud" {
				t.Errorf("its topic is %q", in.Topic)
			}
			v.fills("topic", "snow").follows("Save").reads("Saved.")
		}
		v := w.visitor(d, "Ann").opens("names.mu").fills("public", "Hills", "topic", "sun")
		path, data := v.sends("Save")
		v.follows("Save").reads("Saved.")
		for range 2 {
			if again := w.ask(v.caller, v.link, path, data); !strings.Contains(again, notTwice) {
				t.Errorf("loaded again, it says:\n%s", again)
			}
		}
	})
}

// A form that came too late is shown again with what was changed in it, not with all that it was shown with.
func TestAFormForPermissionsThatCameTooLateUndoesNothing(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", moderation.RoleModerator)
		page := "role.mu`who=" + hash("Bob").String()
		v, other := w.visitor(d, "Ann").opens(page).ticks("p_name", "1"), w.visitor(d, "Ann").opens(page)
		if err := v.Tick("g_p_mute", "1", false); err != nil {
			t.Fatal(err)
		}
		other.ticks("p_settings", "1").follows("Save the permissions").reads("Saved the permissions")
		time.Sleep(11 * time.Minute)
		v.follows("Save the permissions").reads(tooLate, "[X] name", "[X] settings", "[ ] mute").follows("Save the permissions").reads("Saved the permissions")
		if st := w.standing("Bob"); !st.Permissions.Has(moderation.PermName|moderation.PermSettings) || st.Permissions.Has(moderation.PermMute) {
			t.Errorf("Bob may %s", st.Permissions)
		}
	})
}
