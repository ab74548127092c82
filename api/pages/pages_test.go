package pages_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"groupd/api/pages"
	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// A page without the header, or with another time, would be shown to the same person for that long, whatever he asked for.
func TestPagesSayHowLongTheyMayBeKept(t *testing.T) {
	s := talking(t)
	kept := map[string]int{"/page/help.mu": 86400, "/page/disclosure.mu": 86400, "/page/kinds.mu": 86400}
	for _, path := range append(s.pages.Paths(), "", "/page/none.mu", "/file/1/0/x", "/") {
		for _, who := range []group.Caller{{}, caller("Ann"), caller("Eve"), operator()} {
			for _, data := range []map[string]string{nil, {}, {"var_seq": "3", "var_who": "Ann", "field_g_text": "x"}} {
				b := s.pages.Handle(t.Context(), who, rns.LinkID{1}, path, packed(data))
				s.check(path, b)
				doc := micron.Parse(b, micron.NomadNet)
				if want := kept[path]; !doc.HasCache || doc.Cache != want || !bytes.HasPrefix(b, fmt.Appendf(nil, "#!c=%d\n", want)) {
					t.Errorf("%s for %v with %v may be kept %d s:\n%s", path, who.Identity.Short(), data, doc.Cache, b)
				}
			}
		}
	}
	// What may be kept is the same for everybody.
	for path := range kept {
		want := s.pages.Handle(t.Context(), group.Caller{}, rns.LinkID{1}, path, nil)
		for _, who := range []group.Caller{caller("Ann"), caller("Eve")} {
			if got := s.pages.Handle(t.Context(), who, rns.LinkID{2}, path, packed(map[string]string{"var_x": "y"})); !bytes.Equal(got, want) {
				t.Errorf("%s:\n%s\n%s", path, want, got)
			}
		}
	}
}

//
func TestWhateverIsSentThereIsAPage(t *testing.T) {
	s := talking(t)
	text := func(s string) msgpack.Raw { return msgpack.Str(s) }
	many := make([]msgpack.Entry, 5000)
	for i := range many {
		many[i] = msgpack.Entry{Key: text(fmt.Sprintf("var_%d", i)), Value: text("x")}
	}
	for what, data := range map[string]msgpack.Raw{
		"nothing": nil, "nil": msgpack.Nil(), "an empty map": msgpack.Map(), "a number": msgpack.Int(7), "a text": text("x"), "bytes": msgpack.Bin([]byte("x")), "a list": msgpack.Array(text("a")),
		"foreign keys":      msgpack.Map(msgpack.Entry{Key: text("other"), Value: text("x")}, msgpack.Entry{Key: msgpack.Int(1), Value: text("x")}),
		"values of no text": msgpack.Map(msgpack.Entry{Key: text("var_seq"), Value: msgpack.Int(3)}, msgpack.Entry{Key: text("field_g_text"), Value: msgpack.Bin([]byte("x"))}, msgpack.Entry{Key: text("var_n"), Value: msgpack.Array()}),
		"no UTF-8":          msgpack.Map(msgpack.Entry{Key: text("field_g_text"), Value: text("\xff\xfe")}, msgpack.Entry{Key: text("var_q"), Value: text("%ff%zz")}),
		"long names":        msgpack.Map(msgpack.Entry{Key: text("var_" + strings.Repeat("x", 1000)), Value: text("x")}),
		"many values":       msgpack.Map(many...),
		"a broken map":      msgpack.AppendStr(msgpack.AppendMap(nil, 3), "var_a"),
		"large numbers":     packed(map[string]string{"var_seq": "99999999999999999999", "var_before": "-1", "var_after": "9223372036854775807", "var_from": "18446744073709551615"}),
		"too much":          msgpack.Map(msgpack.Entry{Key: text("field_g_text"), Value: text(strings.Repeat("x", pages.MaxRequest))}),
	} {
		for _, path := range append(s.pages.Paths(), "") {
			for _, who := range []group.Caller{{}, caller("Bob")} {
				b := s.pages.Handle(t.Context(), who, rns.LinkID{1}, path, data)
				s.check(path, b)
				if len(b) < 50 {
					t.Errorf("%s, %s: %q", path, what, b)
				}
			}
		}
	}
	s.says(s.open(s.browser("Bob", micron.NomadNet), ":/page/none.mu"), "There is no such page or file here")
	b := s.pages.Handle(t.Context(), caller("Bob"), rns.LinkID{1}, "/page/post.mu", msgpack.Map(msgpack.Entry{Key: text("field_g_text"), Value: text(strings.Repeat("x", pages.MaxRequest))}))
	s.says(string(b), "What you sent is too large.")
}

// failing is a hub that fails.
type failing struct{ *group.Hub }

func (failing) Messages(context.Context, group.Caller, group.GroupID, group.Query) (group.Page, error) {
	panic("text of a member")
}

func TestAPageThatFailsSaysSoWithoutDetails(t *testing.T) {
	s := talking(t)
	in, err := s.hub.Info(t.Context(), operator(), valley)
	if err != nil {
		t.Fatal(err)
	}
	if s.pages, err = pages.New(pages.Config{Hub: failing{s.hub}, Group: valley, Address: in.Address}); err != nil {
		t.Fatal(err)
	}
	page := s.open(s.browser("Bob", micron.NomadNet), ":/page/history.mu")
	s.says(page, "Something went wrong on the server.", "tell the operator: ")
	if strings.Contains(page, "member") && strings.Contains(page, "text of") {
		t.Errorf("it tells what it should not:\n%s", page)
	}
}

func TestStrangersOfAPrivateGroupSeeWhatInfoTellsThem(t *testing.T) {
	s := newSite(t, func(n *group.NewGroup) {
		n.Public, n.PublicName, n.PrivateName, n.Topic = false, "Private Group", "Smugglers", "The pass at night"
	})
	s.join("Ann", "Eve")
	if _, err := s.hub.Approve(t.Context(), operator(), valley, group.AnyHash(caller("Ann").Identity)); err != nil {
		t.Fatal(err)
	}
	secret := s.posts("Ann", "Tonight at nine")
	if _, err := s.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: group.AnyHash(caller("Max").Identity), Reason: "no"}); err != nil {
		t.Fatal(err)
	}
	data := map[string]string{"var_seq": fmt.Sprint(secret), "var_q": "tonight", "field_g_q": "tonight", "var_who": caller("Ann").Identity.String(), "var_to": fmt.Sprint(secret), "var_edit": fmt.Sprint(secret)}
	for _, name := range []string{"", "Bob", "Eve", "Max"} {
		who := group.Caller{}
		if name != "" {
			who = caller(name)
		}
		for _, path := range append(s.pages.Paths(), "") {
			for _, d := range []map[string]string{nil, data, {"var_seq": fmt.Sprint(secret), "var_do": "delete"}, {"var_seq": fmt.Sprint(secret), "var_do": "report"}} {
				page := s.ask(who, 1, path, d)
				for _, word := range []string{"Smugglers", "pass", "onight at", "Ann", "member,", "members,"} {
					if strings.Contains(page, word) {
						t.Errorf("%s shows %q to %q:\n%s", path, word, name, page)
					}
				}
			}
		}
	}
	s.says(s.ask(group.Caller{}, 1, "/page/index.mu", nil), "Private Group", "A private group. Anybody may ask to join; a moderator decides.", "How to join", "Address: ")
	s.says(s.ask(group.Caller{}, 1, "/page/history.mu", nil), "For this, the group has to know who you are.", "1. Ctrl-S")
	s.says(s.ask(group.Caller{}, 1, "/page/history.mu", map[string]string{}), "Press the Identify button")
	s.says(s.ask(caller("Bob"), 1, "/page/history.mu", nil), "You are not a member of this group.", "Join")
	s.says(s.ask(caller("Eve"), 1, "/page/index.mu", nil), "You asked to join. A moderator decides, and you are told.")
	s.says(s.ask(caller("Max"), 1, "/page/history.mu", nil), "You are banned from this group: no.")
	s.says(s.ask(caller("Ann"), 1, "/page/index.mu", nil), "Smugglers", "Topic: The pass at night", "Tonight at nine")
}

// worst is a group in which everything is as long as can be, and made of what takes most room.
func worst(t *testing.T, bad string) *site {
	t.Helper()
	long := func(n int) string { return strings.TrimSpace(strings.Repeat(bad, n/len(bad))) }
	name := func(i int) string { return string(rune('A'+i)) + strings.Repeat(bad, min(31, 95/len(bad))) }
	s := newSite(t, func(n *group.NewGroup) {
		n.PublicName, n.PrivateName, n.Topic = name(20), name(21), long(group.MaxTopicBytes)
		n.Preset, n.Policy.ReadOnly, n.Policy.PinRole, n.Policy.ReactRole = "public", false, moderation.RoleMember, moderation.RoleMember
		n.Policy.Question = long(200)
	})
	for i, who := range []string{"Ann", "Bob"} {
		if _, err := s.hub.Join(t.Context(), caller(who), valley, group.JoinInput{Name: name(i), Greeting: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	var files []group.AttachmentInput
	for i := range group.MaxAttachments {
		files = append(files, group.AttachmentInput{
			Attachment: group.Attachment{Kind: group.AttachFile, Name: fmt.Sprint(i) + long(group.MaxFileName-4), Size: 1, Hash: sha256.Sum256([]byte("x"))},
			Open:       func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil },
		})
	}
	for i := range 6 {
		in := group.PostInput{Title: []byte("T" + long(300)), Text: []byte("x" + long(3000)), Emergency: false, Attachments: files}
		if i > 0 {
			in.Ref, in.Attachments = 3, nil
		}
		if i == 5 {
			in.Text = []byte("word " + strings.Repeat("last words ", 3000))
		}
		if _, err := s.hub.Post(t.Context(), caller("Ann"), valley, in); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		if _, err := s.hub.React(t.Context(), caller("Bob"), valley, group.ReactInput{Seq: 3, Text: string(rune('a'+i)) + strings.Repeat(bad, 15/len(bad))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.hub.Pin(t.Context(), operator(), valley, 3, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: group.AnyHash(caller("Bob").Identity), Reason: long(200)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.hub.UpdatePermissions(t.Context(), operator(), valley, group.PermissionsInput{Target: group.AnyHash(caller("Ann").Identity), Role: moderation.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPagesStayWithin2048BytesWhateverIsOnThem(t *testing.T) {
	for _, bad := range []string{"`", "[", "<", "雪", "é", "m ", "\U00010400\U0001e8d0\U0001e8d1\U0001e8d2", "<\U0001e8d0\U0001e8d1\U0001e8d2"} {
		t.Run(bad, func(t *testing.T) {
			s := worst(t, bad)
			typed := strings.Repeat(bad, 3000/len(bad))
			for _, name := range []string{"", "Ann", "Bob", "Eve"} {
				who := group.Caller{}
				if name != "" {
					who = caller(name)
				}
				for _, path := range s.pages.Paths() {
					for _, d := range []map[string]string{
						nil, {"var_seq": "3"}, {"var_seq": "3", "var_from": "20"}, {"var_seq": "8"}, {"var_seq": "3", "var_do": "delete"}, {"var_seq": "3", "var_do": "report", "field_g_reason": typed},
						{"var_to": "3", "field_g_text": typed}, {"var_edit": "3"}, {"var_edit": "8"}, {"var_before": "5"}, {"var_after": "2"}, {"var_q": typed[:len(bad)*5]}, {"var_q": "last"}, {"field_g_q": typed},
						{"var_who": caller("Ann").Identity.String()}, {"field_g_text": typed[:len(bad)*(900/len(bad))], "var_n": "AAAAAAAAAAA"},
					} {
						s.ask(who, 1, path, d)
					}
				}
			}
		})
	}
}

func TestALongPostIsReadInParts(t *testing.T) {
	s := newSite(t, nil)
	s.join("Ann")
	var text []string
	for i := range 400 {
		text = append(text, fmt.Sprintf("word%d", i))
	}
	seq := s.posts("Ann", strings.Join(text, " "))
	b := s.browser("", micron.NomadNet)
	s.open(b, fmt.Sprintf(":/page/entry.mu`seq=%d", seq))
	var read []string
	for range 20 {
		for _, line := range b.Lines() {
			if strings.HasPrefix(line, "  ") {
				read = append(read, strings.Fields(line)...)
			}
		}
		if !slices.Contains(b.Labels(), "Go on") {
			break
		}
		s.follow(b, "Go on")
	}
	if !slices.Equal(read, text) {
		t.Errorf("read %d words of %d", len(read), len(text))
	}
}

func TestHistoryIsReadPageByPageInBothDirections(t *testing.T) {
	s := newSite(t, nil)
	s.join("Ann")
	for i := range 200 {
		s.posts("Ann", fmt.Sprintf("post %d of many, with some words in it", i))
	}
	numbers := func(b *micron.Browser) (seqs []string) {
		for _, l := range b.Labels() {
			if strings.HasPrefix(l, "#") {
				seqs = append(seqs, l)
			}
		}
		return seqs
	}
	b := s.browser("", micron.MeshChat)
	s.open(b, ":/page/history.mu")
	all := numbers(b)
	if slices.Contains(b.Labels(), "Newer") {
		t.Error("the newest page has newer ones")
	}
	for slices.Contains(b.Labels(), "Older") {
		s.follow(b, "Older")
		all = append(numbers(b), all...)
	}
	var want []string
	for i := 1; i <= 201; i++ {
		want = append(want, fmt.Sprint("#", i))
	}
	if !slices.Equal(all, want) {
		t.Errorf("backwards: %v", all)
	}
	all = numbers(b)
	for slices.Contains(b.Labels(), "Newer") {
		s.follow(b, "Newer")
		all = append(all, numbers(b)...)
	}
	if !slices.Equal(all, want) {
		t.Errorf("forwards: %v", all)
	}
	s.open(b, ":/page/history.mu")
	s.fill(b, "q", "words many")
	s.follow(b, "Search")
	all = numbers(b)
	for slices.Contains(b.Labels(), "Older") {
		s.follow(b, "Older")
		all = append(numbers(b), all...)
	}
	if !slices.Equal(all, want[1:]) {
		t.Errorf("found: %v", all)
	}
}

// a client gives up 11 s after it asked.
func TestPagesComeInTimeUnderLoad(t *testing.T) {
	s := newSite(t, nil)
	s.join("Ann", "Bob")
	for i := range 100 {
		s.posts("Ann", fmt.Sprintf("post %d of many, with some words in it", i))
	}
	var longest atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			for _, path := range []string{"/page/index.mu", "/page/history.mu", "/page/entry.mu", "/page/members.mu", "/page/post.mu"} {
				began := time.Now()
				s.pages.Handle(t.Context(), caller([]string{"Ann", "Bob"}[i%2]), rns.LinkID{byte(i)}, path, packed(map[string]string{"var_seq": "50"}))
				for took := int64(time.Since(began)); ; {
					if was := longest.Load(); took <= was || longest.CompareAndSwap(was, took) {
						break
					}
				}
			}
		})
	}
	for i := range 100 {
		s.posts("Bob", fmt.Sprint("meanwhile ", i))
	}
	wg.Wait()
	if took := time.Duration(longest.Load()); took > 11*time.Second {
		t.Errorf("a page took %v", took)
	}
}

func TestHistoryGoesOnBeyondManyEdits(t *testing.T) {
	s := newSite(t, nil)
	s.join("Ann")
	for i := range 11 {
		s.posts("Ann", fmt.Sprint("post ", i))
	}
	for i := range 11 {
		for range 50 {
			if _, err := s.hub.Edit(t.Context(), caller("Ann"), valley, group.EditInput{Seq: group.Seq(2 + i), Post: group.PostInput{Text: fmt.Append(nil, "better ", i)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := s.browser("", micron.NomadNet)
	s.says(s.open(b, ":/page/history.mu"), "Nothing to show here.")
	s.says(s.follow(b, "Older"), "#2", "Ann: better 0 (edited)", "#12", "Ann: better 10 (edited)")
	s.says(s.follow(b, "Newer"), "Nothing to show here.")
	s.says(s.follow(b, "Newer"), "Nothing is newer.")
}

func TestTheDocsNameEveryPage(t *testing.T) {
	docs, err := os.ReadFile("../../docs/pages.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range newSite(t, nil).pages.Paths() {
		if !bytes.Contains(docs, []byte(strings.TrimPrefix(path, "/page/"))) {
			t.Errorf("docs/pages.md does not name %s", path)
		}
	}
}
