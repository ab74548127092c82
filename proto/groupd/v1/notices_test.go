package groupdv1_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	groupdv1 "groupd/proto/groupd/v1"
)

// noticeVector is one notice in testdata/notices.json.
type noticeVector struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	Description string     `json:"description"`
	Valid       bool       `json:"valid"`
	Reason      string     `json:"reason,omitempty"`
	In          noticeIn   `json:"in"`
	Out         *noticeOut `json:"out,omitempty"`
}

type noticeIn struct {
	Bytes       string `json:"bytes"`
	Destination string `json:"destination"` // the group's meshchat.group
	SigningKey  string `json:"signing_key"` // the second half of its public key
}

type noticeOut struct {
	Kind int      `json:"kind"`
	Body string   `json:"body"`
	News *newsOut `json:"news,omitempty"`
}

type newsOut struct {
	Emergency  bool   `json:"emergency"`
	Generation uint64 `json:"generation,string"`
	New        uint64 `json:"new,string"`
	Seq        uint64 `json:"seq,string"`
	Deletions  uint64 `json:"deletions,string"`
}

func noticeKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
}

func noticeDestination() [16]byte { return [16]byte(bytes.Repeat([]byte{0xd5, 0x01}, 8)) }

func signNotice(message []byte) []byte { return ed25519.Sign(noticeKey(), message) }

func verifyNotice(message, signature []byte) bool {
	return ed25519.Verify(noticeKey().Public().(ed25519.PublicKey), message, signature)
}

// noticeVectors makes them.
func noticeVectors(t *testing.T) (vs []noticeVector) {
	destination := noticeDestination()
	in := func(b []byte) noticeIn {
		return noticeIn{hex.EncodeToString(b), hex.EncodeToString(destination[:]), hex.EncodeToString(noticeKey().Public().(ed25519.PublicKey))}
	}
	good := func(id, what string, kind groupdv1.NoticeKind, body []byte) []byte {
		b := groupdv1.SealNotice(destination, kind, body, signNotice)
		v := noticeVector{ID: "notices-" + id, Kind: "notice", Description: what, Valid: true, In: in(b), Out: &noticeOut{Kind: int(kind), Body: hex.EncodeToString(body)}}
		if n, err := groupdv1.ParseNews(body); err == nil && kind == groupdv1.NoticeNews {
			v.Out.News = &newsOut{n.Emergency, n.Generation, n.New, n.Seq, n.Deletions}
		}
		vs = append(vs, v)
		return b
	}
	news := groupdv1.News{Generation: 0x1122334455667788, New: 50, Seq: 4711, Deletions: 3}
	b := good("news", "50 posts are new", groupdv1.NoticeNews, news.Append(nil))
	news.Emergency, news.New = true, groupdv1.MaxNews
	good("emergency", "100 posts or more are new, and an emergency is among them", groupdv1.NoticeNews, news.Append(nil))
	good("later", "news with flags and bytes of a later time", groupdv1.NoticeNews, append(append([]byte{0xf0}, news.Append(nil)[1:]...), 1, 2, 3))
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(groupdv1.Columns(&groupdv1.PageView{
		Generation: 7, FromRev: 11, ToRev: 12,
		Entries: []*groupdv1.Entry{{Seq: 9, Rev: 12, Time: 1_800_000_000, Sender: &groupdv1.Sender{Identity: bytes.Repeat([]byte{1}, 16), Name: "ada"}, Text: "The bridge is open"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	good("page", "a page with one post", groupdv1.NoticePage, groupdv1.AppendPage(nil, groupdv1.Codec_PLAIN, body))
	good("empty", "a kind of a later time", 200, nil)
	bad := func(id, why string, change func([]byte) []byte) {
		vs = append(vs, noticeVector{ID: "notices-bad-" + id, Kind: "notice", Description: "not a notice of this group", Reason: why, In: in(change(bytes.Clone(b)))})
	}
	bad("none", "empty", func([]byte) []byte { return nil })
	bad("short", "shorter than header and signature", func(b []byte) []byte { return b[:groupdv1.NoticeOverhead-1] })
	bad("version", "version unknown", func(b []byte) []byte { b[0] = 2; return b })
	bad("group", "of another group", func(b []byte) []byte { b[5]++; return b })
	bad("kind", "the signature covers the kind", func(b []byte) []byte { b[1]++; return b })
	bad("body", "the signature covers the body", func(b []byte) []byte { b[6]++; return b })
	bad("signature", "the signature is not good", func(b []byte) []byte { b[len(b)-1]++; return b })
	bad("domain", "the signature is over the notice alone", func(b []byte) []byte {
		signed := b[:len(b)-ed25519.SignatureSize]
		return append(signed, ed25519.Sign(noticeKey(), signed)...)
	})
	return vs
}

func TestVectorsOfNotices(t *testing.T) {
	name := filepath.Join("testdata", "notices.json")
	if updating() {
		var out bytes.Buffer
		vs := noticeVectors(t)
		for i, v := range vs {
			line, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s%s", map[bool]string{true: "[\n", false: ",\n"}[i == 0], line)
		}
		if err := os.WriteFile(name, append(out.Bytes(), "\n]\n"...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var vs []noticeVector
	if err := json.Unmarshal(raw, &vs); err != nil || len(vs) == 0 {
		t.Fatalf("%d cases, %v", len(vs), err)
	}
	fromHex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, v := range vs {
		t.Run(v.ID, func(t *testing.T) {
			verify := func(m, s []byte) bool { return ed25519.Verify(fromHex(v.In.SigningKey), m, s) }
			kind, body, err := groupdv1.OpenNotice(fromHex(v.In.Bytes), [16]byte(fromHex(v.In.Destination)), verify)
			if !v.Valid {
				if !errors.Is(err, groupdv1.ErrNotice) {
					t.Fatalf("kind %d, %x, %v", kind, body, err)
				}
				return
			}
			if err != nil || int(kind) != v.Out.Kind || hex.EncodeToString(body) != v.Out.Body {
				t.Fatalf("kind %d, %x, %v", kind, body, err)
			}
			if v.Out.News == nil {
				return
			}
			n, err := groupdv1.ParseNews(body)
			if got := (newsOut{n.Emergency, n.Generation, n.New, n.Seq, n.Deletions}); err != nil || got != *v.Out.News {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestAPageInANoticeLeavesRoomForManyLines(t *testing.T) {
	if groupdv1.MaxNoticePage != 313 {
		t.Errorf("%d bytes of page fit a notice", groupdv1.MaxNoticePage)
	}
	largest := groupdv1.SealNotice(noticeDestination(), groupdv1.NoticePage, make([]byte, groupdv1.MaxNoticePage), signNotice)
	if len(largest) != groupdv1.MaxNotice {
		t.Errorf("the largest has %d bytes", len(largest))
	}
	news := groupdv1.News{Generation: 1 << 63, New: groupdv1.MaxNews, Seq: 1 << 20, Deletions: 1 << 10}
	if n := len(groupdv1.SealNotice(noticeDestination(), groupdv1.NoticeNews, news.Append(nil), signNotice)); n > 90 {
		t.Errorf("news take %d bytes", n)
	}
}

func FuzzNotice(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join("testdata", "notices.json"))
	if err != nil {
		f.Fatal(err)
	}
	var vs []noticeVector
	if err := json.Unmarshal(raw, &vs); err != nil {
		f.Fatal(err)
	}
	for _, v := range vs {
		b, err := hex.DecodeString(v.In.Bytes)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, signed bool) {
		verify := verifyNotice
		if signed { // as if the group itself had made it
			verify = func([]byte, []byte) bool { return true }
		}
		_, body, err := groupdv1.OpenNotice(data, noticeDestination(), verify)
		if err != nil {
			if !errors.Is(err, groupdv1.ErrNotice) {
				t.Fatal(err)
			}
			return
		}
		if n, err := groupdv1.ParseNews(body); err == nil {
			if again, err := groupdv1.ParseNews(n.Append(nil)); err != nil || again != n {
				t.Fatalf("%+v became %+v, %v", n, again, err)
			}
		}
	})
}
