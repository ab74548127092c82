package lxm_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/group/memory"
	"groupd/lxmf"
	"groupd/moderation"
)

func TestCommandsAreTakenApart(t *testing.T) {
	for text, want := range map[string][2]string{
		"/help":                  {"help", ""},
		"/HELP  Kick ":           {"help", "Kick"},
		"/group-name The Shed":   {"groupname", "The Shed"},
		"/join\nAnn\nhello":      {"join", "Ann\nhello"},
		"/":                      {"", ""},
		"/ help":                 {"", "help"},
		"/nick\u00a0Ann":         {"nick", "Ann"},
		"/kick \"Bo B. Good\" x": {"kick", "\"Bo B. Good\" x"},
	} {
		if word, args := lxm.Split(text); word != want[0] || args != want[1] {
			t.Errorf("%q: %q, %q", text, word, args)
		}
	}
}

func TestNamesMayBeQuoted(t *testing.T) {
	for text, want := range map[string][2]string{
		`Ann hello there`:    {"Ann", "hello there"},
		`"Ann Lee" hello`:    {"Ann Lee", "hello"},
		`“Ann Lee” hello`:    {"Ann Lee", "hello"},
		`„Ann Lee“ hello`:    {"Ann Lee", "hello"},
		`"Ann Lee hello`:     {`"Ann`, "Lee hello"},
		`   `:                {"", ""},
		`""`:                 {"", ""},
		"Ann\nhello\nthere ": {"Ann", "hello\nthere"},
	} {
		if word, rest := lxm.Name(text); word != want[0] || rest != want[1] {
			t.Errorf("%q: %q, %q", text, word, rest)
		}
	}
}

func TestDurations(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "2h": 2 * time.Hour, "7D": 7 * day, "1w": 7 * day, "1d12h": 36 * time.Hour, "90min": 90 * time.Minute, "3days": 3 * day,
		"0m": 0, "": 0, "5": 0, "h": 0, "2x": 0, "-1h": 0, "1h!": 0, "99999999w": 0, "9999999w": 0, "1000w1000w1000w1000w1000w1000w": 0,
	} {
		if d, ok := lxm.Duration(text); d != want && ok || ok != (want > 0) {
			t.Errorf("%q: %v, %v", text, d, ok)
		}
	}
}

func TestTyposAreCounted(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"join", "join"}: 0, {"jion", "join"}: 1, {"jon", "join"}: 1, {"joins", "join"}: 1, {"jain", "join"}: 1, {"histroy", "history"}: 1,
		{"", "?"}: 1, {"who", "join"}: 4, {"abcdef", "uvwxyz"}: 6,
	} {
		if d := lxm.Distance(pair[0], pair[1]); d != want && !(want > 3 && d > 3) {
			t.Errorf("%v: %d", pair, d)
		}
	}
}

func TestNoTwoCommandsHaveTheSameName(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range lxm.CommandNames() {
		if word, _ := lxm.Split("/" + name); word != name {
			t.Errorf("nobody can type /%s", name)
		}
		if seen[name] {
			t.Errorf("/%s stands twice", name)
		}
		seen[name] = true
	}
}

func TestChunksLoseNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var lines []string
		for range r.IntN(12) {
			var b strings.Builder
			for range r.IntN(90) {
				b.WriteRune([]rune("abcdefg  ※é漢")[r.IntN(12)])
			}
			lines = append(lines, b.String())
		}
		width := 20 + r.IntN(200)
		chunks := lxm.Chunks(lines, width)
		for _, c := range chunks {
			if len(c) > width || !utf8.ValidString(c) {
				t.Fatalf("chunk of %d bytes, width %d: %q", len(c), width, c)
			}
		}
		letters := func(s []string) string {
			return strings.NewReplacer(" ", "", "\n", "").Replace(strings.Join(s, ""))
		}
		if letters(chunks) != letters(lines) {
			t.Fatalf("%q became %q", lines, chunks)
		}
	}
}

// FuzzMessage hands any content to the group, from a stranger, a member, a moderator, an owner and somebody banned: each is
// decided once, and whatever is answered fits one packet.
func FuzzMessage(f *testing.F) {
	for _, name := range lxm.CommandNames() {
		f.Add("/"+name, "", []byte{0x80}, uint8(2))
		f.Add("/"+name+" Bo 2h \"x", "", []byte{0x80}, uint8(3))
	}
	for i, args := range hostile() {
		name := lxm.CommandNames()[i*7%len(lxm.CommandNames())]
		f.Add("/"+name+" "+args, "", []byte{0x80}, uint8(i%5))
	}
	f.Add("//x", "title", []byte{0x81, 0xcc, 0xfb, 0xa6, 'g', 'r', 'o', 'u', 'p', 'd'}, uint8(1))
	f.Add("", "", []byte{0x81, 0x09, 0x91, 0x81, 0x00, 0xa3, 'w', 'h', 'o'}, uint8(1))
	f.Add("/history #1 2", "", []byte{0x81, 0x06, 0x92, 0xa1, 'x', 0xc4, 0x01, 'y'}, uint8(1))
	f.Add("\xff\xfe", "", []byte{0x80}, uint8(1))
	f.Add("/kick "+strings.Repeat("漢", 300), strings.Repeat("t", 400), []byte{0x80}, uint8(3))
	f.Fuzz(func(t *testing.T, content, title string, fields []byte, who uint8) {
		raw, err := lxmf.ParseFields(fields)
		if err != nil {
			return
		}
		ctx := context.Background()
		self := identity(t, "the group")
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		hub, err := group.New(group.Config{Store: memory.New(), Now: clock, Rand: rand.NewChaCha8([32]byte{})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hub.CreateGroup(ctx, operator(), group.NewGroup{ID: valley, PublicKey: self.PublicKey(), PrivateKey: self.PrivateKey(), PublicName: "Valley", Public: true}); err != nil {
			t.Fatal(err)
		}
		names := []string{"eve", "bo", "cid", "ann", "ban"}
		for i, role := range []moderation.Role{moderation.RoleNone, moderation.RoleMember, moderation.RoleModerator, moderation.RoleOwner, moderation.RoleNone} {
			id := identity(t, names[i])
			c := group.Caller{Identity: group.IdentityHash(id.Hash()), PublicKey: id.PublicKey()}
			if role != moderation.RoleNone {
				if _, err := hub.Join(ctx, c, valley, group.JoinInput{Name: names[i]}); err != nil {
					t.Fatal(err)
				}
			}
			if role > moderation.RoleMember {
				if _, err := hub.UpdatePermissions(ctx, operator(), valley, group.PermissionsInput{Target: group.AnyHash(c.Identity), Role: role}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := hub.Ban(ctx, operator(), valley, group.BanInput{Target: group.AnyHash(identity(t, "ban").Hash())}); err != nil {
			t.Fatal(err)
		}
		var answers []lxm.Outbound
		server, err := lxm.New(lxm.Config{Hub: hub, Group: valley, Now: clock, Send: func(_ context.Context, o lxm.Outbound) error { answers = append(answers, o); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		author := identity(t, names[int(who)%len(names)])
		for range 2 {
			m, err := lxmf.Pack(author, lxmf.Draft{
				Destination: lxmf.DeliveryHash(self.PublicIdentity), Timestamp: lxmf.Timestamp(now), Title: []byte(title), Content: []byte(content), Fields: raw,
			})
			if err != nil {
				return
			}
			decided := 0
			server.Process(ctx, lxm.Inbound{Message: m, Sender: author.PublicIdentity, Prove: func() { decided++ }, Drop: func() { t.Error("dropped") }})
			if decided != 1 {
				t.Errorf("decided %d times", decided)
			}
			now = now.Add(time.Second)
		}
		for _, o := range answers {
			if len(o.Content) > lxm.MaxContent || !utf8.Valid(o.Content) || !strings.HasPrefix(string(o.Content), string(moderation.NoticeGlyph)) {
				t.Errorf("answer of %d bytes: %q", len(o.Content), o.Content)
			}
			if slices.Contains(names[4:], names[int(who)%len(names)]) && o.To == lxmf.DeliveryHash(author.PublicIdentity) {
				t.Errorf("the banned are answered: %q", o.Content)
			}
		}
	})
}
