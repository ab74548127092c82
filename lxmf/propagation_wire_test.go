package lxmf_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"testing"

	"groupd/internal/vectors"
	"groupd/lxmf"
	"groupd/lxmf/internal/workblock"
	"groupd/rns"
)

func TestVectorsPropagation(t *testing.T) {
	none := func(*testing.T, vectors.Case) {} // what peers of nodes say to each other: not a client's
	byKind(t, "propagation", map[string]func(*testing.T, vectors.Case){
		// destination and encrypted rest are the id's material, the stamp behind them is not. X-100: one element.
		"upload": func(t *testing.T, v vectors.Case) {
			blob := v.Out.Bytes("lxmf_data")
			id := lxmf.TransientIDOf(blob)
			v.Out.CheckBytes("transient_id", id[:])
			u := lxmf.NodeUpload{Time: v.In.Float("uploaded_at"), Messages: [][]byte{append(bytes.Clone(blob), v.In.Bytes("stamp")...)}}
			packed := u.Append(nil)
			v.Out.CheckBytes("upload", packed)
			want := "PACKET"
			if len(packed) > lxmf.MaxUploadPacket {
				want = "RESOURCE"
			}
			if got := v.Out.Text("representation"); got != want {
				t.Errorf("%d bytes go as %s, want %s", len(packed), want, got)
			}
			back, err := lxmf.ParseNodeUpload(packed)
			if err != nil || back.Time != u.Time || len(back.Messages) != 1 || !bytes.Equal(back.Messages[0], u.Messages[0]) {
				t.Errorf("came back as %+v, %v", back, err)
			}
		},
		"node_check": func(t *testing.T, v vectors.Case) {
			u, err := lxmf.ParseNodeUpload(v.In.Bytes("upload"))
			if err != nil {
				t.Fatal(err)
			}
			refused := 0
			for _, m := range u.Messages {
				blob, stamp, err := lxmf.SplitPropagationStamp(m)
				if err != nil {
					refused++
					continue
				}
				id := lxmf.TransientIDOf(blob)
				b, err := workblock.Expand(t.Context(), id[:], lxmf.PropagationStampRounds)
				if err != nil {
					t.Fatal(err)
				}
				if !workblock.Meets(b.Sum(stamp), max(v.In.Int("stamp_cost")-v.In.Int("stamp_cost_flexibility"), 0)) {
					refused++
				}
			}
			if v.Valid != (refused == 0) {
				t.Errorf("%d refused", refused)
			}
			if !v.Valid {
				v.Out.CheckBytes("answer", lxmf.AppendSignal(nil, lxmf.NodeInvalidStamp))
			}
		},
		"request": func(t *testing.T, v vectors.Case) {
			if v.In.Text("path") != lxmf.PropagationPath {
				return
			}
			data := typed(t, v.In, "data")
			g, err := lxmf.ParseGetRequest(data)
			if err != nil {
				t.Fatal(err)
			}
			if again := g.Append(nil); !bytes.Equal(again, data) {
				t.Errorf("%+v packs as\n%x, want\n%x", g, again, data)
			}
			path := rns.PathHash(lxmf.PropagationPath)
			v.Out.CheckBytes("path_hash", path[:])
		},
		"response": none,
		"signal": func(t *testing.T, v vectors.Case) {
			v.Out.CheckBytes("plaintext", lxmf.AppendSignal(nil, lxmf.NodeInvalidStamp))
			if c, ok := lxmf.ParseSignal(v.Out.Bytes("plaintext")); !ok || c != lxmf.NodeInvalidStamp || int(c) != v.In.Int("signal") {
				t.Errorf("read as %v, %v", c, ok)
			}
		},
		"sync": func(t *testing.T, v vectors.Case) {
			u := lxmf.NodeUpload{Time: v.In.Float("time"), Messages: v.In.BytesList("messages")}
			v.Out.CheckBytes("packed", u.Append(nil))
		},
		"get":   vectorGet,
		"offer": none,
	})
}

// vectorGet answers a request as a node would, from the same codecs that the client uses.
func vectorGet(t *testing.T, v vectors.Case) {
	g, err := lxmf.ParseGetRequest(typed(t, v.In, "data"))
	if !v.Out.Has("response") {
		t.Fatal("no response")
	}
	want := typed(t, v.Out, "response")
	if want.IsNil() {
		if err == nil {
			t.Errorf("%+v, want an error", g)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, ok := want.Int(); ok {
		_, err := lxmf.ParseIDList(want)
		if e, ok := err.(*lxmf.NodeError); !ok || int64(e.Code) != code {
			t.Errorf("%v, want code %#x", err, code)
		}
		return
	}
	own := v.In.Bytes("delivery_hash")
	type stored struct {
		id   lxmf.TransientID
		blob []byte
		size int
	}
	var mine []stored
	for _, o := range v.In.Objects("store") {
		data := o.Bytes("stored")
		id := lxmf.TransientID(o.Bytes("transient_id"))
		if bytes.Equal(data[:16], own) && !(g.Fetch && slices.Contains(g.Haves, id)) {
			mine = append(mine, stored{id, data[:len(data)-lxmf.StampLength], len(data)})
		}
	}
	if !g.Fetch && len(g.Haves) == 0 {
		slices.SortStableFunc(mine, func(a, b stored) int { return a.size - b.size })
		var ids []lxmf.TransientID
		for _, s := range mine {
			ids = append(ids, s.id)
		}
		got, err := lxmf.ParseIDList(want)
		if err != nil || !slices.Equal(got, ids) {
			t.Errorf("%v, %v, want %v", got, err, ids)
		}
		return
	}
	var wanted []stored
	var sizes []int
	for _, id := range g.Wants {
		if i := slices.IndexFunc(mine, func(s stored) bool { return s.id == id }); i >= 0 {
			wanted, sizes = append(wanted, mine[i]), append(sizes, mine[i].size)
		}
	}
	var blobs [][]byte
	for _, i := range g.Fits(sizes) {
		blobs = append(blobs, wanted[i].blob)
	}
	got, err := lxmf.ParseMessages(want)
	if err != nil || !slices.EqualFunc(got, blobs, bytes.Equal) {
		t.Errorf("%d messages, %v; want %d", len(got), err, len(blobs))
	}
}

//
func TestEightyBytesOfTextGoToANodeInOnePacketAndOneMoreDoesNot(t *testing.T) {
	t.Parallel()
	id := alice(t)
	for length, packet := range map[int]bool{80: true, 81: false} {
		m, err := lxmf.Pack(id, lxmf.Draft{Destination: lxmf.DeliveryHash(id.Public()), Timestamp: 1, Content: bytes.Repeat([]byte("x"), length)})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := id.Encrypt(rand.Reader, m.OpportunisticData(), nil)
		if err != nil {
			t.Fatal(err)
		}
		u := lxmf.NodeUpload{Messages: [][]byte{slices.Concat(m.Destination[:], sealed, make([]byte, lxmf.StampLength))}}
		if n := len(u.Append(nil)); (n <= lxmf.MaxUploadPacket) != packet || packet && n != 318 {
			t.Errorf("%d bytes of text make an upload of %d", length, n)
		}
	}
	if lxmf.MaxUploadPacket != 319 {
		t.Error(lxmf.MaxUploadPacket)
	}
}

//
func TestAnElementWithoutRoomForMessageAndStampIsInvalid(t *testing.T) {
	t.Parallel()
	if _, _, err := lxmf.SplitPropagationStamp(make([]byte, 144)); err == nil {
		t.Error("144 bytes were taken")
	}
	if blob, stamp, err := lxmf.SplitPropagationStamp(make([]byte, 145)); err != nil || len(blob) != 113 || len(stamp) != 32 {
		t.Error(len(blob), len(stamp), err)
	}
}

// V4 of spec 4 §1.10.
func TestThePublishedPropagationStampIsValidOverTheTransientID(t *testing.T) {
	t.Parallel()
	blob, err := hex.DecodeString("1b916421a37b3e065c49912ceb0575f88bcb33cbbd011a7409257310fe51c960fa9dd1c8eea3689dae82ad6d19062f7b88a30092c65be9323eec512f56a198c658512ba245d145454140bd30dee96afefc131d32d88af1ebc0e4375d34aa7d6af17f4f5d51864843dcc77739c9d4054cc639765616872bdd347666c127e52f038a04cdb08ce0c581fad8595b3445b7efadd34683a7af6994684445cea42c860842288f238aaa1cc2ad8b914a91eccb09a57a472f2563e5e260bf7b9c980d7832d74329e218b02208b9d9fc3600183301")
	if err != nil {
		t.Fatal(err)
	}
	id := lxmf.TransientIDOf(blob)
	if id.String() != "ee4f50f5d58430c62f885fc1cf27b2bc0f8dc7f200e0483f9096b59a7ac121f9" {
		t.Fatal(id)
	}
	stamp := make([]byte, lxmf.StampLength)
	stamp[30], stamp[31] = 2963>>8, 2963&0xff
	back, tail, err := lxmf.SplitPropagationStamp(slices.Concat(blob, stamp))
	if err != nil || !bytes.Equal(back, blob) || !bytes.Equal(tail, stamp) {
		t.Fatal(err)
	}
	b, err := workblock.Expand(t.Context(), id[:], lxmf.PropagationStampRounds)
	if err != nil {
		t.Fatal(err)
	}
	if !workblock.Meets(b.Sum(stamp), 13) || b.Value(stamp) != 13 {
		t.Errorf("value %d", b.Value(stamp))
	}
}

func FuzzPropagationWire(f *testing.F) {
	for _, v := range vectors.Load(f, "propagation") {
		for _, key := range []string{"upload", "packed", "plaintext"} {
			if v.Out.Has(key) {
				f.Add(v.Out.Bytes(key))
			}
		}
		switch v.Kind {
		case "get", "request", "offer":
			if data, ok := v.In.Typed("data"); ok {
				f.Add(data)
			}
		}
		if v.Kind == "get" {
			if data, ok := v.Out.Typed("response"); ok {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if u, err := lxmf.ParseNodeUpload(b); err == nil {
			back, err := lxmf.ParseNodeUpload(u.Append(nil))
			if err != nil || len(back.Messages) != len(u.Messages) {
				t.Fatalf("%+v came back as %+v, %v", u, back, err)
			}
		}
		if g, err := lxmf.ParseGetRequest(b); err == nil {
			back, err := lxmf.ParseGetRequest(g.Append(nil))
			if err != nil || !slices.Equal(back.Wants, g.Wants) || !slices.Equal(back.Haves, g.Haves) || g.Fetch && g.Limited != back.Limited {
				t.Fatalf("%+v came back as %+v, %v", g, back, err)
			}
		}
		if ids, err := lxmf.ParseIDList(b); err == nil && len(ids) > len(b)/len(lxmf.TransientID{}) {
			t.Fatal("more ids than bytes")
		}
		if blobs, err := lxmf.ParseMessages(b); err == nil && len(blobs) > len(b) {
			t.Fatal("more messages than bytes")
		}
		if c, ok := lxmf.ParseSignal(b); ok {
			if back, ok := lxmf.ParseSignal(lxmf.AppendSignal(nil, c)); !ok || back != c {
				t.Fatal(c)
			}
		}
	})
}
