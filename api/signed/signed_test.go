package signed_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"groupd/api/signed"
	"groupd/group"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// pack is a message of a fixed author's.
func pack(t testing.TB, text string, change ...func(*lxmf.Draft)) *lxmf.Message {
	t.Helper()
	keys, err := rns.LoadIdentity(bytes.Repeat([]byte{3}, 64))
	if err != nil {
		t.Fatal(err)
	}
	d := lxmf.Draft{Destination: rns.DestinationHash{1}, Timestamp: 1_800_000_000, Content: []byte(text)}
	for _, c := range change {
		c(&d)
	}
	m, err := lxmf.Pack(keys, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func field(key int64, value msgpack.Raw) func(*lxmf.Draft) {
	return func(d *lxmf.Draft) { d.Fields.Set(key, value) }
}

func TestWhatAPostIs(t *testing.T) {
	in := signed.Post(pack(t, "hello", func(d *lxmf.Draft) { d.Title = []byte("News"); d.Fields.SetReplyTo(lxmf.MessageID{7}) }))
	if in.Kind != group.EntryPost || string(in.Title) != "News" || string(in.Text) != "hello" || in.RefID != (group.MessageID{7}) || in.Stripped || in.Marked ||
		len(in.Fields) == 0 || len(in.Original) == 0 || in.MessageID.IsZero() || !in.AuthorTime.Equal(time.Unix(1_800_000_000, 0)) {
		t.Errorf("%+v", in)
	}
	for text, want := range map[string]string{"/me waves": "waves", " //x": "/x", "\u200b//x": "/x", "/meow": "/meow", "me": "me", "a //b": "a //b"} {
		in := signed.Post(pack(t, text))
		if string(in.Text) != want || (in.Kind == group.EntryAction) != (text == "/me waves") {
			t.Errorf("%q became %d %q, want %q", text, in.Kind, in.Text, want)
		}
	}
	for _, key := range []int64{lxmf.FieldTelemetry, lxmf.FieldTelemetryStream, lxmf.FieldCommands, lxmf.FieldTicket, lxmf.FieldCustomType, lxmf.FieldCustomData, lxmf.FieldCustomMeta} {
		if in := signed.Post(pack(t, "here", field(key, msgpack.Bin([]byte("secret"))))); !in.Stripped || len(in.Fields) != 0 {
			t.Errorf("field %#x: %+v", key, in)
		}
	}
	for word, want := range map[string]bool{signed.MarkerType: true, "originator-identity": true, "other": false} {
		if in := signed.Post(pack(t, "x", field(lxmf.FieldCustomType, msgpack.Bin([]byte(word))))); in.Marked != want {
			t.Errorf("marked as %s: %v", word, in.Marked)
		}
	}
}

func TestWhatACommandIs(t *testing.T) {
	plugin := func(line string) func(*lxmf.Draft) {
		return field(lxmf.FieldCommands, msgpack.Array(msgpack.Map(msgpack.Entry{Key: msgpack.Int(0), Value: msgpack.Str(line)})))
	}
	for _, c := range []struct {
		m    *lxmf.Message
		want string
	}{
		{pack(t, "/who"), "/who"}, {pack(t, " \n/who 2"), "/who 2"}, {pack(t, "who"), ""}, {pack(t, "//who"), ""}, {pack(t, "/me waves"), ""},
		{pack(t, "", plugin("who")), "/who"}, {pack(t, "", plugin("/who")), "/who"}, {pack(t, "hello", plugin("who")), ""}, {pack(t, "", plugin(" ")), ""},
		{pack(t, "", field(lxmf.FieldCommands, msgpack.Int(1))), ""},
	} {
		if got, ok := signed.Command(c.m); got != c.want || ok != (c.want != "") {
			t.Errorf("%q is the command %q (%v), want %q", c.m.Content, got, ok, c.want)
		}
	}
}

func TestBothFormsOfReactions(t *testing.T) {
	id := lxmf.MessageID{1, 2, 3}
	extended := func(target, emoji msgpack.Raw) func(*lxmf.Draft) {
		return field(0x10, msgpack.Map(msgpack.Entry{Key: msgpack.Str("emoji"), Value: emoji}, msgpack.Entry{Key: msgpack.Str("sender"), Value: msgpack.Str("00")},
			msgpack.Entry{Key: msgpack.Bin([]byte("reaction_to")), Value: target}))
	}
	upstream := func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: id, Text: "👍"}) }
	for what, c := range map[string]struct {
		m    *lxmf.Message
		want bool
	}{
		"upstream":                     {pack(t, "", upstream), true},
		"upstream, said in words too":  {pack(t, " 👍\n", upstream), true},
		"a text that is more":          {pack(t, "👍 I agree", upstream), false},
		"Columba's":                    {pack(t, "", extended(msgpack.Str(id.String()), msgpack.Str("👍"))), true},
		"Columba's, in capitals":       {pack(t, "", extended(msgpack.Str(strings.ToUpper(id.String())), msgpack.Bin([]byte("👍")))), true},
		"Columba's, in bytes":          {pack(t, "", extended(msgpack.Bin(id[:]), msgpack.Str("👍"))), true},
		"Columba's, short":             {pack(t, "", extended(msgpack.Str(id.String()[:32]), msgpack.Str("👍"))), false},
		"Columba's, to a number":       {pack(t, "", extended(msgpack.Int(5), msgpack.Str("👍"))), false},
		"Columba's, with a number":     {pack(t, "", extended(msgpack.Str(id.String()), msgpack.Int(5))), false},
		"Columba's other extension":    {pack(t, "", field(0x10, msgpack.Map(msgpack.Entry{Key: msgpack.Str("reply_to"), Value: msgpack.Str(id.String())}))), false},
		"an extension that is no map":  {pack(t, "", field(0x10, msgpack.Int(1))), false},
		"nothing of the kind":          {pack(t, ""), false},
		"a reaction of the wrong kind": {pack(t, "", field(lxmf.FieldReaction, msgpack.Bin(id[:]))), false},
	} {
		r, ok := signed.Reaction(c.m)
		if ok != c.want || (ok && (r.RefID != group.MessageID(id) || r.Text != "👍" || r.MessageID != group.MessageID(c.m.ID()))) {
			t.Errorf("%s: %+v, %v", what, r, ok)
		}
	}
}

func TestWhatAPostAnswersIsNamedInManyWays(t *testing.T) {
	id := lxmf.MessageID(bytes.Repeat([]byte{0xab}, 32))
	half := group.MessageID(id)
	clear(half[16:])
	for what, c := range map[string]struct {
		m    *lxmf.Message
		want group.MessageID
		text string
	}{
		"a reply":                   {pack(t, "yes", func(d *lxmf.Draft) { d.Fields.SetReplyTo(id) }), group.MessageID(id), "yes"},
		"a comment":                 {pack(t, "yes", func(d *lxmf.Draft) { d.Fields.SetComment(id) }), group.MessageID(id), "yes"},
		"a continuation":            {pack(t, "yes", func(d *lxmf.Draft) { d.Fields.SetContinuation(id) }), group.MessageID(id), "yes"},
		"Columba's":                 {pack(t, "yes", field(0x10, msgpack.Map(msgpack.Entry{Key: msgpack.Str("reply_to"), Value: msgpack.Str(id.String())}))), group.MessageID(id), "yes"},
		"half an id in the text":    {pack(t, "> "+id.String()[:32]+"\nyes\nno"), half, "yes\nno"},
		"an id in the text":         {pack(t, "> "+strings.ToUpper(id.String())+"\r\nyes"), group.MessageID(id), "yes"},
		"a quotation":               {pack(t, "> what\nyes"), group.MessageID{}, "> what\nyes"},
		"an id and nothing more":    {pack(t, "> "+id.String()+"\n "), group.MessageID{}, "> " + id.String() + "\n "},
		"an id of the wrong length": {pack(t, "> "+id.String()[:40]+"\nyes"), group.MessageID{}, "> " + id.String()[:40] + "\nyes"},
		"no hex":                    {pack(t, "> "+strings.Repeat("xy", 16)+"\nyes"), group.MessageID{}, "> " + strings.Repeat("xy", 16) + "\nyes"},
	} {
		if in := signed.Post(c.m); in.RefID != c.want || string(in.Text) != c.text {
			t.Errorf("%s: %q to %v", what, in.Text, in.RefID)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, m := range []*lxmf.Message{
		pack(f, "hello"), pack(f, "> "+strings.Repeat("ab", 16)+"\nyes"), pack(f, "/me waves"), pack(f, "//x"), pack(f, "/who"),
		pack(f, "", func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: lxmf.MessageID{1}, Text: "👍"}) }),
		pack(f, "", field(0x10, msgpack.Map(msgpack.Entry{Key: msgpack.Str("reaction_to"), Value: msgpack.Str(strings.Repeat("ab", 32))}))),
		pack(f, "", field(lxmf.FieldCommands, msgpack.Array(msgpack.Map(msgpack.Entry{Key: msgpack.Int(0), Value: msgpack.Str("who")})))),
	} {
		f.Add(m.Packed())
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		m, err := lxmf.Unpack(packed)
		if err != nil {
			return
		}
		in := signed.Post(m)
		if in.Kind != group.EntryPost && in.Kind != group.EntryAction || len(in.Text) > len(m.Content) || !bytes.Equal(in.Original, packed) {
			t.Errorf("%+v", in)
		}
		if r, ok := signed.Reaction(m); ok && len(r.Text) > len(packed) {
			t.Errorf("%+v", r)
		}
		text, ok := signed.Command(m)
		if ok != strings.HasPrefix(text, "/") || (ok && strings.HasPrefix(text, "//")) {
			t.Errorf("command %q", text)
		}
		if word, args := signed.Split(text); utf8.ValidString(text) && len(word)+len(args) > 3*len(text) {
			t.Errorf("%q is %q and %q", text, word, args)
		}
	})
}
