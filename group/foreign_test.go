package group_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"groupd/group"
	"groupd/moderation"
)

// who names somebody by his address, as other servers do.
func who(name string) string { return group.AddressOf(person(name).Identity).String() }

func address(name string) group.AnyHash {
	return group.AnyHash(group.AddressOf(person(name).Identity))
}

func TestListsOfOtherServersAreRead(t *testing.T) {
	ann, bob, mal := who("ann"), who("bob"), who("mal")
	for _, c := range []struct {
		name, text, format string
		want               []string
		skipped            []string
	}{
		{"sections", "[main]\nname = x\n[admin]\n" + ann + " = Ann\n[user]\n" + bob + "=\n; a comment\n[block_spam]\n" + mal + ": Mal\n", group.FormatDistribution,
			[]string{ann + " admin Ann", bob + " member ", mal + " banned Mal"}, nil},
		{"windows lines and a mark", "\ufeff[mod]\r\n" + strings.ToUpper(ann) + " = Ann = X\r\n", group.FormatDistribution, []string{ann + " moderator Ann = X"}, nil},
		{"who waits, who is nobody", "[wait]\n" + ann + " = Ann\n[user]\nxyz = Bob\n" + bob + " = Bob\n[vip]\n" + mal + " = Mal\n", group.FormatDistribution,
			[]string{bob + " member Bob"}, []string{"line 2: " + ann + " was waiting to be let in there", "line 4: no address of 32 hex digits", "line 7: [vip] is no role that is known here"}},
		{"a roster of objects", `{"members": [{"hash": "` + ann + `", "nick": "Ann", "role": "admin"}, {"address": "` + bob + `", "name": "Bob", "is_mod": true, "paused": true}, {"nick": "Nobody"}], "banned": ["` + mal + `"], "history": [1]}`, group.FormatFwdsvc,
			[]string{mal + " banned ", ann + " admin Ann", bob + " moderator Bob paused"}, []string{"members[2]: no address of 32 hex digits"}},
		{"by hash", `{"` + ann + `": {"nick": "Ann", "usermode": "mod", "textonly": true}, "` + bob + `": "Bob", "version": 3}`, group.FormatFwdsvc,
			[]string{ann + " moderator Ann textonly", bob + " member Bob"}, nil},
		{"a list of hashes", `["` + ann + `", "<` + bob + `>", 7]`, group.FormatFwdsvc, []string{ann + " member ", bob + " member "}, []string{"[2]: no address of 32 hex digits"}},
		{"named in several places", `{"users": {"` + ann + `": "Ann"}, "admins": ["` + ann + `"], "banned": {"` + bob + `": {"reason": "noise"}}, "roster": ["` + bob + `"]}`, group.FormatFwdsvc,
			[]string{ann + " admin Ann", bob + " banned  noise"}, nil},
		{"a member and banned, in sections", "[user]\n" + ann + " = Ann\n" + bob + " = Bob\n[block_user]\n" + ann + " = Mal\n", group.FormatDistribution,
			[]string{ann + " banned Ann", bob + " member Bob"}, nil},
		{"a member and banned, in a list", `[{"hash": "` + ann + `", "nick": "Ann"}, {"hash": "` + ann + `", "banned": true}]`, group.FormatFwdsvc, []string{ann + " banned Ann"}, nil},
		{"a member by address, banned by identity", `{"members": ["` + ann + `"], "banned": ["` + person("ann").Identity.String() + `"]}`, group.FormatFwdsvc,
			[]string{person("ann").Identity.String() + " banned "}, nil},
		{"somebody who is very long", `[{"hash": "` + ann + `"}, {"hash": "` + bob + `", "nick": "` + strings.Repeat("x", 70_000) + `"}]`, group.FormatFwdsvc, []string{ann + " member "},
			[]string{"[1]: more than 65536 bytes"}},
		{"an odd role", `[{"hash": "` + ann + `", "role": "wizard"}]`, group.FormatFwdsvc, []string{ann + " member "}, []string{`[0]: the role "wizard", which is not known here: taken as a member`}},
	} {
		list := must(group.ParseMembers(strings.NewReader(c.text), ""))(t)
		var got []string
		for _, m := range list.Members {
			word := m.Role.String()
			if m.Banned {
				word = "banned"
			}
			line := fmt.Sprintf("%s %s %s", m.Target, word, m.Name)
			for what, is := range map[string]bool{" paused": m.Paused, " textonly": m.TextOnly} {
				if is {
					line += what
				}
			}
			if m.Reason != "" {
				line += " " + m.Reason
			}
			if m.Mode != group.DeliverRelay {
				t.Errorf("%s: %s gets %s", c.name, m.Target, m.Mode)
			}
			got = append(got, line)
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) || fmt.Sprintf("%q", list.Skipped) != fmt.Sprintf("%q", c.skipped) || list.Format != c.format {
			t.Errorf("%s (%s):\n%q\n%q, want\n%q\n%q", c.name, list.Format, got, list.Skipped, c.want, c.skipped)
		}
	}
	for _, bad := range []string{"", "hello", "{}", "[]", "[user]\n", `{"members": 7}`, "7", "\x00\x01\x02", `{"` + ann, strings.Repeat("x", 200_000)} {
		_, err := group.ParseMembers(strings.NewReader(bad), "")
		refused(t, fmt.Sprintf("%.20q", bad), err, group.KindInvalid)
	}
	_, err := group.ParseMembers(strings.NewReader("[]"), "excel")
	refused(t, "a format that there is not", err, group.KindInvalid)
}

// TestAListThatIsNoneTakesLittleMemory: it is other people's, and the server reads it.
func TestAListThatIsNoneTakesLittleMemory(t *testing.T) {
	for _, part := range []string{"0,", "{},", `"",`, `{"a":1,"b":{}},`} {
		text := "[" + strings.Repeat(part, (8<<20)/len(part)) + "0]"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := group.ParseMembers(strings.NewReader(text), "")
		runtime.ReadMemStats(&after)
		refused(t, part, err, group.KindInvalid)
		if took := after.TotalAlloc - before.TotalAlloc; took > 128<<20 {
			t.Errorf("%s: %d MB of work for the memory", part, took>>20)
		}
	}
	many := "[" + strings.Repeat(`"`+who("ann")+`",`, 50_001) + "0]"
	_, err := group.ParseMembers(strings.NewReader(many), "")
	refused(t, "too many", err, group.KindTooLarge)
}

func FuzzParseMembers(f *testing.F) {
	f.Add([]byte("[admin]\n" + who("ann") + " = Ann\n"))
	f.Add([]byte(`{"members": [{"hash": "` + who("ann") + `", "nick": "Ann", "role": "admin"}], "banned": {}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := group.ParseMembers(bytes.NewReader(text), "")
		if err == nil && len(list.Members) == 0 {
			t.Error("a list of nobody was taken")
		}
		if len(list.Skipped) > 1000 {
			t.Errorf("%d notes", len(list.Skipped))
		}
	})
}

// TestADryRunSaysWhatThereIsNoRoomFor, as the import does.
func TestADryRunSaysWhatThereIsNoRoomFor(t *testing.T) {
	h := newHouse(t, func(_ *group.NewGroup, c *group.Config) { c.Limits.Members, c.Limits.Bans = 150, 120 })
	var list []group.ForeignMember
	for i := range 600 {
		list = append(list, group.ForeignMember{Target: address(fmt.Sprint(i)), Role: moderation.RoleMember, Banned: i%3 == 0})
	}
	for _, dry := range []bool{true, false} {
		counts := make(map[group.ForeignOutcome]int)
		for _, r := range must(h.hub.ImportMembers(t.Context(), operator(), valley, list, dry))(t) {
			counts[r.Outcome]++
		}
		if counts[group.ForeignExpected] != 150 || counts[group.ForeignBanned] != 120 || counts[group.ForeignSkipped] != 330 {
			t.Errorf("dry %v: %v", dry, counts)
		}
	}
}

// outcomes are what became of a list, in words.
func outcomes(results []group.ForeignResult) (words []string) {
	for _, r := range results {
		words = append(words, strings.TrimSpace(string(r.Outcome)+" "+r.Why))
	}
	return words
}

func TestWhoIsExpectedBecomesAMemberWhenHeAppears(t *testing.T) {
	h := newHouse(t) // private, approves
	ctx := t.Context()
	owner := h.joined("Owner", moderation.RoleOwner)
	waits := person("Waits")
	must(h.hub.Join(ctx, waits, valley, group.JoinInput{Name: "Waits"}))(t)
	must(h.hub.Ban(ctx, owner, valley, group.BanInput{Target: hash(person("Banned"))}))(t)
	list := []group.ForeignMember{
		{Target: address("Ann"), Name: "Ann", Role: moderation.RoleModerator, Mode: group.DeliverRelay, TextOnly: true},
		{Target: hash(person("Bob")), Name: "Owner", Role: moderation.RoleMember, Mode: group.DeliverRelay, Paused: true}, // by identity, with a name that is taken
		{Target: address("Waits"), Name: "", Role: moderation.RoleMember, Mode: group.DeliverRelay},
		{Target: address("Owner"), Name: "Owner", Role: moderation.RoleMember},
		{Target: address("Banned"), Name: "Banned", Role: moderation.RoleMember},
		{Target: address("Mal"), Name: "Mal\nevil", Banned: true, Reason: "noise"},
		{Target: group.AnyHash(must(h.hub.Info(ctx, operator(), valley))(t).Address), Role: moderation.RoleMember},
		{Target: address("Ann"), Name: "Ann again", Role: moderation.RoleOwner},
		{},
	}
	want := []string{"expected", "expected", "member", "unchanged", "skipped is banned here", "banned", "skipped is the group itself", "skipped is in the list twice", "skipped names nobody"}
	before := must(h.hub.Info(ctx, operator(), valley))(t).Head
	if got := outcomes(must(h.hub.ImportMembers(ctx, operator(), valley, list, true))(t)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("a dry run says %q, want %q", got, want)
	}
	if after := must(h.hub.Info(ctx, operator(), valley))(t).Head; after != before {
		t.Errorf("a dry run changed %+v to %+v", before, after)
	}
	if got := outcomes(must(h.hub.ImportMembers(ctx, operator(), valley, list, false))(t)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the import says %q, want %q", got, want)
	}
	again := []string{"unchanged", "unchanged", "unchanged", "unchanged", "skipped is banned here", "unchanged", "skipped is the group itself", "skipped is in the list twice", "skipped names nobody"}
	if got := outcomes(must(h.hub.ImportMembers(ctx, operator(), valley, list, false))(t)); fmt.Sprint(got) != fmt.Sprint(again) {
		t.Errorf("the same again says %q, want %q", got, again)
	}
	if st := must(h.hub.Standing(ctx, waits, valley))(t); st.Standing != moderation.StandingMember {
		t.Errorf("who waited is %s", st.Standing)
	}
	if expected, more, err := h.hub.Expected(ctx, operator(), valley, group.AnyHash{}, 0); err != nil || more || len(expected) != 2 {
		t.Errorf("expected: %+v, %v, %v", expected, more, err)
	}
	_, _, err := h.hub.Expected(ctx, owner, valley, group.AnyHash{}, 0)
	refused(t, "an owner asking who is expected", err, group.KindDenied)

	events := h.hub.Subscribe(100)
	defer events.Close()
	for _, c := range []group.Caller{person("Stranger"), person("Mal"), person("Banned"), {Identity: person("Ann").Identity}} { // the last one's key is not known
		if err := h.hub.Heard(ctx, c); err != nil {
			t.Fatal(err)
		}
		if st := must(h.hub.Standing(ctx, c, valley))(t).Standing; st == moderation.StandingMember {
			t.Errorf("%s is a member", c.Identity.Short())
		}
	}
	for name, want := range map[string]string{"Ann": "Ann moderator relay true false", "Bob": "Owner 2 member relay false true"} {
		c := person(name)
		if err := h.hub.Heard(ctx, c); err != nil {
			t.Fatal(err)
		}
		st := must(h.hub.Standing(ctx, c, valley))(t)
		if st.Standing != moderation.StandingMember {
			t.Fatalf("%s is %s", name, st.Standing)
		}
		d := must(h.hub.Notifications(ctx, c, valley))(t)
		if got := fmt.Sprint(st.Member.DisplayName, " ", st.Role, " ", d.Mode, " ", d.TextOnly, " ", d.Paused); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		approved := false
		for len(events.Events()) > 0 {
			e := <-events.Events()
			approved = approved || e.Kind == group.EventApproved && e.Who == c.Identity
		}
		if !approved {
			t.Errorf("%s is not told", name)
		}
	}
	if expected, _, err := h.hub.Expected(ctx, operator(), valley, group.AnyHash{}, 0); err != nil || len(expected) != 0 {
		t.Errorf("still expected: %+v, %v", expected, err)
	}
	r := must(h.hub.Join(ctx, person("Ann"), valley, group.JoinInput{Name: "Other"}))(t)
	if !r.Already || r.Name != "Ann" {
		t.Errorf("joining what one is in: %+v", r)
	}
}

func TestWhoIsExpectedIsLetInWhenHeAsks(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	must(h.hub.ImportMembers(ctx, operator(), valley, []group.ForeignMember{{Target: address("Ann"), Name: "Ann", Role: moderation.RoleMember, Mode: group.DeliverRelay}}, false))(t)
	r := must(h.hub.Join(ctx, person("Ann"), valley, group.JoinInput{}))(t)
	if r.Standing != moderation.StandingMember || r.Name != "Ann" {
		t.Errorf("Ann is %s as %q", r.Standing, r.Name)
	}
}

func TestWhoIsExpectedCanBeForgotten(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	must(h.hub.ImportMembers(ctx, operator(), valley, []group.ForeignMember{{Target: address("Ann"), Role: moderation.RoleMember}}, false))(t)
	if err := h.hub.ForgetExpected(ctx, operator(), valley, hash(person("Ann"))); err != nil {
		t.Error(err)
	}
	refused(t, "forgetting twice", h.hub.ForgetExpected(ctx, operator(), valley, address("Ann")), group.KindNotFound)
	if err := h.hub.Heard(ctx, person("Ann")); err != nil {
		t.Fatal(err)
	}
	if st := must(h.hub.Standing(ctx, person("Ann"), valley))(t).Standing; st != moderation.StandingStranger {
		t.Errorf("Ann is %s", st)
	}
}

func TestAGroupThatIsFullKeepsWhoIsExpectedWaiting(t *testing.T) {
	h := newHouse(t, policy(moderation.Policy{MaxMembers: 1}))
	ctx := t.Context()
	owner := h.joined("Owner", moderation.RoleOwner)
	list := []group.ForeignMember{{Target: address("Ann"), Role: moderation.RoleMember}}
	must(h.hub.ImportMembers(ctx, operator(), valley, list, false))(t)
	if err := h.hub.Heard(ctx, person("Ann")); err != nil {
		t.Fatal(err)
	}
	if st := must(h.hub.Standing(ctx, person("Ann"), valley))(t).Standing; st == moderation.StandingMember {
		t.Error("Ann is a member of a full group")
	}
	set(h, func(p *moderation.Policy) { p.MaxMembers = 5 })
	if err := h.hub.Heard(ctx, person("Ann")); err != nil {
		t.Fatal(err)
	}
	if st := must(h.hub.Standing(ctx, person("Ann"), valley))(t).Standing; st != moderation.StandingMember {
		t.Errorf("Ann is %s", st)
	}
	_, err := h.hub.ImportMembers(ctx, owner, valley, list, false)
	refused(t, "an owner", err, group.KindDenied)
	_, err = h.hub.ImportMembers(ctx, operator(), valley, make([]group.ForeignMember, 50_001), false)
	refused(t, "too many", err, group.KindTooLarge)
}

// TestAListOfAnotherServerBreaksNoPromise: who was banned, or had a rank, elsewhere is not kept out where nobody can be removed, nor in
// charge where nobody is.
func TestAListOfAnotherServerBreaksNoPromise(t *testing.T) {
	equal := func(n *group.NewGroup, _ *group.Config) { n.Preset = "equal" }
	h := newHouse(t, equal)
	ctx := t.Context()
	list := []group.ForeignMember{{Target: address("Mal"), Banned: true}, {Target: address("Ann"), Name: "Ann", Role: moderation.RoleAdmin}}
	want := []string{"skipped nobody can be kept out of this group", "expected"}
	for _, dry := range []bool{true, false} {
		if got := outcomes(must(h.hub.ImportMembers(ctx, operator(), valley, list, dry))(t)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if err := h.hub.Heard(ctx, person("Ann")); err != nil {
		t.Fatal(err)
	}
	if st := must(h.hub.Standing(ctx, person("Ann"), valley))(t); st.Standing != moderation.StandingMember || st.Role != moderation.RoleMember {
		t.Errorf("Ann is %s, %s", st.Standing, st.Role)
	}
	if st := must(h.hub.Standing(ctx, person("Mal"), valley))(t); st.Standing != moderation.StandingStranger {
		t.Errorf("Mal is %s", st.Standing)
	}
}

// TestNobodyIsExpectedWhereNobodyNewComes: not by a list that was read before the circle was established, either.
func TestNobodyIsExpectedWhereNobodyNewComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		r := h.forms(people[0], hash(people[1]))
		early := []group.ForeignMember{{Target: address("Early"), Role: moderation.RoleMember}}
		late := []group.ForeignMember{{Target: address("Late"), Role: moderation.RoleMember}}
		must(r.hub.ImportMembers(t.Context(), operator(), r.id, early, false))(t)
		must(r.hub.DeclineInvite(t.Context(), people[1], r.id))(t)
		must(r.hub.Establish(t.Context(), people[0], r.id))(t)
		if got := outcomes(must(r.hub.ImportMembers(t.Context(), operator(), r.id, late, false))(t)); fmt.Sprint(got) != "[skipped this group is established, and nobody new comes]" {
			t.Errorf("%q", got)
		}
		for _, name := range []string{"Early", "Late"} {
			if err := r.hub.Heard(t.Context(), person(name)); err != nil {
				t.Fatal(err)
			}
			if st := must(r.hub.Standing(t.Context(), person(name), r.id))(t).Standing; st != moderation.StandingStranger {
				t.Errorf("%s is %s", name, st)
			}
		}
	})
}
