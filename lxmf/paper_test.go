package lxmf_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/internal/vectors"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// V5 is the paper message that the specification prints: V1 for B.
const v5 = "lxm://G5FkIaN7PgZcSZEs6wV1-G6qCc6ZViBoTEiW-5k_pcaSLBHnw0DlJ_sNB9aZw28kk5kYoXYkPsF4BnZYiRz2V4y01Hk-X8zsZOalBWeb_Uf7tV0drFczYadEWfaYgIfyoQRlK4QC1kdYG6Llk242MIS3II62qbcWIT7sfte8oeQHTw94YmkKGi4xgcwpZpG82Py9st20GV9gSeZ6SvsGTBUhsm5HzpD7PNUazHvvAd1-fvTDIq79NEXkS_Q3QXrfwJm-ndWXxF31ED767agjxw"

// TestVectorsPaper seals with the keys that the vectors give, and takes in what they hold.
func TestVectorsPaper(t *testing.T) {
	byKind(t, "paper", map[string]func(*testing.T, vectors.Case){
		"paper": func(t *testing.T, v vectors.Case) {
			from, to := identity(t, v.In.Bytes("source_private_key")), identity(t, v.In.Bytes("destination_private_key"))
			m, err := lxmf.Pack(from, lxmf.Draft{
				Destination: lxmf.DeliveryHash(to.PublicIdentity), Timestamp: v.In.Float("timestamp"),
				Title: v.In.Bytes("title"), Content: v.In.Bytes("content"), Fields: fieldsOf(t, v.In),
			})
			if err != nil || !bytes.Equal(m.Packed(), v.Out.Bytes("packed")) {
				t.Fatalf("%v, packed %x", err, m.Packed())
			}
			random := bytes.NewReader(append(v.In.Bytes("ephemeral_private"), v.In.Bytes("iv")...))
			sealed, err := lxmf.Seal(random, m, to.PublicIdentity, nil)
			if err != nil || !bytes.Equal(sealed, v.Out.Bytes("paper_packed")) {
				t.Fatalf("%v, sealed %x", err, sealed)
			}
			if id := sha256.Sum256(sealed); !bytes.Equal(id[:], v.Out.Bytes("transient_id")) {
				t.Errorf("transient id %x", id)
			}
			uri, err := lxmf.PaperURI(sealed)
			if err != nil || uri != v.Out.Text("uri") {
				t.Errorf("%v, %s", err, uri)
			}
		},
		"ingest": func(t *testing.T, v vectors.Case) {
			to := identity(t, v.In.Bytes("destination_private_key"))
			sealed, err := lxmf.ParsePaperURI(v.In.Text("uri"))
			var packed []byte
			if address := lxmf.DeliveryHash(to.PublicIdentity); err == nil && bytes.Equal(sealed[:16], address[:]) {
				if plain, _, ok := to.Decrypt(sealed[16:], nil, false); ok {
					packed = append(sealed[:16:16], plain...)
				}
			}
			switch {
			case v.Valid && !bytes.Equal(packed, v.Out.Bytes("packed")):
				t.Errorf("%v, packed %x", err, packed)
			case !v.Valid && !v.Lenient && packed != nil: // lenient: a scheme in capitals, which we read
				t.Error("taken")
			}
		},
	})
}

// TestThePaperMessageOfTheSpecificationIsReadInEverySpelling holds.
func TestThePaperMessageOfTheSpecificationIsReadInEverySpelling(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		body := strings.TrimPrefix(v5, lxmf.PaperScheme)
		for name, uri := range map[string]string{
			"as printed": v5, "capitals": "LXM://" + body, "mixed": "Lxm://" + body, "padded": v5 + "==", "slash at the end": v5 + "/",
			"slashes inside": lxmf.PaperScheme + body[:7] + "/" + body[7:50] + "//" + body[50:], "line break": v5[:60] + "\r\n" + v5[60:],
		} {
			b := live(t, bob(t), m.Port(name), options{router: func(c *lxmf.RouterConfig) {
				c.LookupIdentity = func(rns.DestinationHash) (*rns.PublicIdentity, bool) { return alice(t).PublicIdentity, true }
			}})
			if err := b.TakePaper(uri); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			in := b.receive(t)
			if string(in.Message.Content) != "Hello" || in.Method != lxmf.MethodPaper || in.Late || in.Link != nil ||
				in.Message.ID().String() != "d6969cfb364153ddae5cfd5e01df05b06d5c7d3dda3b6faab4755bcb0d0a279f" {
				t.Errorf("%s: %+v", name, in)
			}
			if err := b.TakePaper(uri); err != nil { // once is enough
				t.Errorf("%s again: %v", name, err)
			}
			b.nothing(t, time.Second)
			b.stop()
		}
	})
}

// TestAPaperMessageGoesFromScreenToScreen holds X-094.
func TestAPaperMessageGoesFromScreenToScreen(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		ratchets := func(c *lxmf.DeliveryConfig) {
			c.Ratchets = new(rns.RatchetConfig)
			c.StampCost = func() int { return 20 } // not asked of paper
		}
		b := live(t, bob(t), m.Port("b"), options{delivery: ratchets})
		c := live(t, repeatedKey(t, 0x31, 0x32), m.Port("c"), options{})
		write := &lxmf.Outbound{From: a.Delivery, To: b.Address(), Content: []byte("on paper")}
		if _, _, err := a.Paper(write); !errors.Is(err, lxmf.ErrUnknownRecipient) {
			t.Fatalf("to a stranger: %v", err)
		}
		a.announce(t)
		b.announce(t)
		uri, message, err := a.Paper(write)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.TakePaper(uri); !errors.Is(err, lxmf.ErrNotOurs) {
			t.Errorf("somebody else: %v", err)
		}
		if err := b.TakePaper(uri); err != nil {
			t.Fatal(err)
		}
		if in := b.receive(t); in.Message.ID() != message.ID() || string(in.Message.Content) != "on paper" {
			t.Errorf("%+v", in.Message)
		}
		broken := []byte(uri)
		if at := len(broken) - 9; broken[at] == 'A' {
			broken[at] = 'B'
		} else {
			broken[at] = 'A'
		}
		for bad, want := range map[string]error{
			string(broken): lxmf.ErrUndecryptable, "": lxmf.ErrMalformed, "lxm://": lxmf.ErrMalformed, "lxm://****": lxmf.ErrMalformed,
			"lxm://" + strings.Repeat("A", 5000): lxmf.ErrTooLarge, "http" + uri[3:]: lxmf.ErrMalformed,
		} {
			if err := b.TakePaper(bad); !errors.Is(err, want) {
				t.Errorf("%.20q…: %v, want %v", bad, err, want)
			}
		}
	})
}

// TestAQRCodeHolds2015BytesOfText holds.
func TestAQRCodeHolds2015BytesOfText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := live(t, alice(t), ifacetest.NewMedium(ifacetest.Options{}).Port("a"), options{})
		for size, want := range map[int]error{0: nil, 2015: nil, 2016: lxmf.ErrTooLarge, 100_000: lxmf.ErrTooLarge} {
			uri, _, err := a.Paper(&lxmf.Outbound{From: a.Delivery, To: lxmf.DeliveryHash(bob(t).PublicIdentity), Identity: bob(t).PublicIdentity, Content: make([]byte, size)})
			if !errors.Is(err, want) || len(uri) > 2953 {
				t.Errorf("%d bytes: %v, %d characters", size, err, len(uri))
			}
		}
		if _, err := lxmf.PaperURI(make([]byte, 2210)); err != nil {
			t.Error(err)
		}
		if _, err := lxmf.PaperURI(make([]byte, 2211)); !errors.Is(err, lxmf.ErrTooLarge) {
			t.Error(err)
		}
	})
}

func FuzzPaperURI(f *testing.F) {
	for _, v := range vectors.Load(f, "paper") {
		if v.Kind == "ingest" {
			f.Add(v.In.Text("uri"))
		}
	}
	f.Fuzz(func(t *testing.T, uri string) {
		sealed, err := lxmf.ParsePaperURI(uri)
		if err != nil {
			return
		}
		again, err := lxmf.PaperURI(sealed)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := lxmf.ParsePaperURI(again); err != nil || !bytes.Equal(back, sealed) {
			t.Fatalf("%x, %v", back, err)
		}
	})
}
