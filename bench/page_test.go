package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/pages"
	"groupd/api/requests"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

const main = group.GroupID("main")

// largeGroup is a database of 100,000 posts and 10,000 members, and one member who reads.
func largeGroup(b *testing.B) (*group.Hub, group.Caller, group.Rev) {
	b.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "groupd.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := hub.CreateGroup(ctx, group.Caller{Local: true}, group.NewGroup{ID: main, PublicKey: key("group"), PrivateKey: key("private"), Public: true, PublicName: "Bench", Joining: moderation.JoiningOpen}); err != nil {
		b.Fatal(err)
	}
	reader := group.Caller{PublicKey: key("reader")}
	if reader.Identity, err = group.IdentityOf(reader.PublicKey); err != nil {
		b.Fatal(err)
	}
	if _, err := hub.Join(ctx, reader, main, group.JoinInput{Name: "reader"}); err != nil {
		b.Fatal(err)
	}
	const members, posts = 10_000, 100_000
	words := strings.Fields("hello everyone is anyone on the mesh tonight I think the node works again thanks good morning ok the antenna is up")
	r := rand.New(rand.NewPCG(1, 1))
	var head group.Head
	update := func(f func(group.Tx) error) {
		b.Helper()
		if err := db.Update(ctx, f); err != nil {
			b.Fatal(err)
		}
	}
	var who [members]group.IdentityHash
	update(func(tx group.Tx) (err error) {
		if head, err = tx.Head(main); err != nil {
			return err
		}
		for i := range who {
			public := key(fmt.Sprint("member ", i))
			if who[i], err = group.IdentityOf(public); err != nil {
				return err
			}
			head.Rev++
			name := fmt.Sprint("member ", i)
			if err := tx.PutMember(group.Member{Group: main, Identity: who[i], Address: group.AddressOf(who[i]), PublicKey: public, Present: true,
				Role: moderation.RoleMember, DisplayName: name, Skeleton: name, Rev: head.Rev, Joined: time.Unix(1_800_000_000, 0)}); err != nil {
				return err
			}
		}
		return nil
	})
	for from := 0; from < posts; from += 10_000 {
		update(func(tx group.Tx) error {
			for i := from; i < from+10_000; i++ {
				var text []string
				for range 3 + r.IntN(10) {
					text = append(text, words[r.IntN(len(words))])
				}
				head.Rev++
				head.Seq++
				if err := tx.AppendEntry(group.Entry{Group: main, Seq: head.Seq, Rev: head.Rev, Written: head.Rev, Kind: group.EntryPost, Author: who[r.IntN(members)],
					Time: time.Unix(1_800_000_000+int64(i)*30, 0), Text: []byte(strings.Join(text, " ")), Salt: make([]byte, 32)}, nil); err != nil {
					return err
				}
			}
			return tx.PutHead(main, head)
		})
	}
	return hub, reader, head.Rev - posts/2
}

func key(name string) []byte {
	return append([]byte(nil), fmt.Appendf(nil, "%-64s", name)[:64]...)
}

// BenchmarkPageOf20FromTheMiddle is one /messages request for 20 entries after a rev, from 100,000 posts by 10,000 members in SQLite:
// from the request's bytes to the answer's. Plain and in the smallest codec.
func BenchmarkPageOf20FromTheMiddle(b *testing.B) {
	hub, reader, rev := largeGroup(b)
	server, err := requests.New(requests.Config{Hub: hub, Group: main})
	if err != nil {
		b.Fatal(err)
	}
	for name, accept := range map[string][]groupdv1.Codec{
		"plain":    nil,
		"smallest": {groupdv1.Codec_DEFLATE, groupdv1.Codec_DEFLATE_DICTIONARY_1},
	} {
		data, err := proto.Marshal(&groupdv1.MessagesRequest{AfterRev: proto.Uint64(uint64(rev)), Limit: 20, MaxBytes: 8000, Accept: accept})
		if err != nil {
			b.Fatal(err)
		}
		request := msgpack.Bin(data)
		b.Run(name, func(b *testing.B) {
			var size int
			for b.Loop() {
				answer, ok := server.Handle(b.Context(), reader, requests.Prefix+"/messages", request, requests.BasePacket).Bin()
				if !ok || len(answer) < 300 {
					b.Fatalf("answer of %d bytes", len(answer))
				}
				size = len(answer)
			}
			b.ReportMetric(float64(size), "answer-bytes")
		})
	}
}

// BenchmarkMicronPage is one page for people who browse, from 100,000 posts by 10,000 members in SQLite: the front page, history from the
// middle, one post, and the form for posts, from the request's data to the page.
func BenchmarkMicronPage(b *testing.B) {
	hub, reader, _ := largeGroup(b)
	in, err := hub.Info(b.Context(), reader, main)
	if err != nil {
		b.Fatal(err)
	}
	server, err := pages.New(pages.Config{Hub: hub, Group: main, Address: in.Address})
	if err != nil {
		b.Fatal(err)
	}
	for _, page := range []struct{ name, path, variable, value string }{
		{"front", "/page/index.mu", "", ""},
		{"history", "/page/history.mu", "var_before", "50000"},
		{"post", "/page/entry.mu", "var_seq", "50000"},
		{"form", "/page/post.mu", "", ""},
	} {
		data := msgpack.Nil()
		if page.variable != "" {
			data = msgpack.Map(msgpack.Entry{Key: msgpack.Str(page.variable), Value: msgpack.Str(page.value)})
		}
		b.Run(page.name, func(b *testing.B) {
			var size int
			for b.Loop() {
				answer := server.Handle(b.Context(), reader, rns.LinkID{}, page.path, data)
				if len(answer) < 200 {
					b.Fatalf("a page of %d bytes", len(answer))
				}
				size = len(answer)
			}
			b.ReportMetric(float64(size), "page-bytes")
		})
	}
}
