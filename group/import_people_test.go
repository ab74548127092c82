package group_test

import (
	"encoding/hex"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

type fileLines = []map[string]any

// lineOf finds the nth line of a kind.
func lineOf(t *testing.T, all fileLines, kind string, n int) int {
	t.Helper()
	for i, l := range all {
		if l["kind"] == kind {
			if n--; n < 0 {
				return i
			}
		}
	}
	t.Fatalf("there is no %s", kind)
	return 0
}

// named finds the line of a member by name.
func named(t *testing.T, all fileLines, name string) map[string]any {
	t.Helper()
	for _, l := range all {
		if l["name"] == name {
			return l
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

// refusedLine expects that a file is refused because of a field.
func refusedLine(t *testing.T, what string, err error, field string) {
	t.Helper()
	e := refused(t, what, err, group.KindInvalid)
	var line *group.LineError
	if !errors.As(e.Err, &line) || line.Field != field {
		t.Errorf("%s: %v; want the field %s", what, err, field)
	}
}

// TestNobodyIsAMemberAndBannedAtOnce: a server that bans somebody ends his membership.
func TestNobodyIsAMemberAndBannedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		bob, waits := person("Bob"), person("Waits")
		for name, c := range map[string]struct {
			target  group.AnyHash
			expires any
		}{
			"a member":                      {hash(bob), nil},
			"a member by address":           {group.AnyHash(group.AddressOf(bob.Identity)), nil},
			"a member for a while":          {hash(bob), time.Now().Add(time.Hour).Format(time.RFC3339)},
			"who waits to join":             {hash(waits), nil},
			"who waits to join, by address": {group.AnyHash(group.AddressOf(waits.Identity)), nil},
		} {
			bad := forged(t, file, func(all fileLines) fileLines {
				i := lineOf(t, all, "ban", 0)
				all[i]["target"] = c.target.String()
				delete(all[i], "identity")
				delete(all[i], "address")
				if delete(all[i], "expires"); c.expires != nil {
					all[i]["expires"] = c.expires
				}
				return append(all[:i+1], all[lineOf(t, all, "ban", 1)+1:]...)
			})
			_, err := new.imports(bad, withKeys())
			refusedLine(t, name, err, "target")
		}
		new.nothingLeft(blobs)
	})
}

// TestWhoIsBackAfterABanIsImported: the row of a ban that has ended stays until it is swept away.
func TestWhoIsBackAfterABanIsImported(t *testing.T) {
	for name, off := range map[string]time.Duration{"with a clock that is right": 0, "with a clock that is years off": -20 * 365 * 24 * time.Hour, "with a clock that is hours off": -10 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h, _ := storage(t, group.Limits{})
			h.joined("Ann", moderation.RoleOwner)
			bob := h.joined("Bob", moderation.RoleMember)
			h.kick("Bob")
			h.restarted(off)
			h.lives(2 * time.Hour)
			h.joined("Bob", moderation.RoleMember)
			file := h.exported(group.ExportInput{Identity: true})
			new, _ := empty(t)
			must(new.imports(file, withKeys()))(t)
			if st := must(new.hub.Standing(t.Context(), bob, valley))(t); st.Standing != moderation.StandingMember {
				t.Errorf("%s: %v", name, st.Standing)
			}
			if got := new.exported(group.ExportInput{Identity: true}); body(got) != body(file) {
				t.Errorf("%s: it is another group", name)
			}
		})
	}
}

func TestPeopleWhomNoServerHasAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		for name, c := range map[string]struct {
			field  string
			change func(all fileLines)
		}{
			"the group is a member of itself": {"identity", func(all fileLines) {
				l, own := named(t, all, "Mod"), person("the group")
				l["identity"], l["address"], l["public_key"] = own.Identity.String(), group.AddressOf(own.Identity).String(), hex.EncodeToString(own.PublicKey)
			}},
			"a member who waits to join": {"identity", func(all fileLines) {
				l, bob := all[lineOf(t, all, "request", 0)], person("Bob")
				l["identity"], l["public_key"] = bob.Identity.String(), hex.EncodeToString(bob.PublicKey)
			}},
			"a ban of two people": {"identity", func(all fileLines) {
				for _, l := range all {
					if l["kind"] == "ban" && l["identity"] != nil {
						zoe := person("Zoe").Identity
						l["identity"], l["address"] = zoe.String(), group.AddressOf(zoe).String()
					}
				}
			}},
			"a rank where nobody has one":     {"role", func(all fileLines) { all[1]["policy"], all[1]["joining"] = map[string]any{"no_staff": true}, "open" }},
			"a code that makes moderators":    {"role", func(all fileLines) { all[lineOf(t, all, "invite", 0)]["role"] = "moderator" }},
			"an invite of one for many":       {"uses", func(all fileLines) { all[lineOf(t, all, "invite", 1)]["uses"] = 2 }},
			"an end that is not":              {"end_told", func(all fileLines) { all[1]["end_told"] = 3 }},
			"an end that was told once more":  {"end_told", func(all fileLines) { all[1]["end_told"] = 9 }},
			"a key for no reason":             {"reason", func(all fileLines) { all[lineOf(t, all, "epoch", 0)]["reason"] = 77 }},
			"a status that begins a new line": {"status", func(all fileLines) { named(t, all, "Bob")["status"] = "\nAnn: hi" }},
			"a topic that ends in a line":     {"topic", func(all fileLines) { all[1]["topic"] = "goats\n" }},
		} {
			_, err := new.imports(forged(t, file, func(all fileLines) fileLines { c.change(all); return all }), withKeys())
			refusedLine(t, name, err, c.field)
		}
		in := withKeys()
		in.PublicKey, in.PrivateKey = person("Bob").PublicKey, []byte("Bob's")
		_, err := new.imports(file, in)
		refusedLine(t, "a group with a member's own key", err, "identity")
		new.nothingLeft(blobs)
	})
}
