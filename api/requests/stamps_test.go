package requests

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// stampVector is one request stamp in proto/groupd/v1/testdata/stamps.json.
type stampVector struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"`
	Description string   `json:"description"`
	Valid       bool     `json:"valid"`
	In          stampIn  `json:"in"`
	Out         stampOut `json:"out"`
}

type stampIn struct {
	Group  string `json:"group"`
	Asker  string `json:"asker"`
	Action uint8  `json:"action"`
	Cost   int    `json:"cost"`
	Stamp  string `json:"stamp"`
}

type stampOut struct {
	Day      uint32 `json:"day"`
	Material string `json:"material"`
	Value    int    `json:"value"`
}

// stampVectors makes the vectors: the first stamps that are good, counted up from 0.
func stampVectors(t *testing.T) []stampVector {
	t.Helper()
	g, asker := id(9), id(1)
	day := groupdv1.StampDay(start())
	add := func(name, what string, cost int, madeFor, usedFor groupdv1.StampAction, valid bool) stampVector {
		w := lxmf.RequestWork(groupdv1.RequestStampMaterial(g, asker, madeFor, day))
		form := groupdv1.RequestStamp{Day: day}
		for n := uint64(0); ; n++ {
			binary.BigEndian.PutUint64(form.Stamp[24:], n)
			if _, ok, err := w.Check(t.Context(), form.Stamp[:], cost); err != nil {
				t.Fatal(err)
			} else if ok {
				break
			}
		}
		material := groupdv1.RequestStampMaterial(g, asker, usedFor, day)
		value, err := lxmf.RequestWork(material).Value(t.Context(), form.Stamp[:])
		if err != nil {
			t.Fatal(err)
		}
		return stampVector{ID: "stamps-" + name, Kind: "request_stamp", Description: what, Valid: valid,
			In:  stampIn{Group: hex.EncodeToString(g[:]), Asker: hex.EncodeToString(asker[:]), Action: uint8(usedFor), Cost: cost, Stamp: hex.EncodeToString(form.Append(nil))},
			Out: stampOut{Day: day, Material: hex.EncodeToString(material[:]), Value: value}}
	}
	return []stampVector{
		add("join", "joining, cost 8", 8, groupdv1.StampJoin, groupdv1.StampJoin, true),
		add("dearer", "joining, cost 11", 11, groupdv1.StampJoin, groupdv1.StampJoin, true),
		add("post", "posting, cost 8", 8, groupdv1.StampPost, groupdv1.StampPost, true),
		add("other-action", "made for joining, shown for posting", 8, groupdv1.StampJoin, groupdv1.StampPost, false),
	}
}

func TestVectorsOfRequestStampsAreFresh(t *testing.T) {
	var b bytes.Buffer
	for i, v := range stampVectors(t) {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString([]string{"[\n", ",\n"}[min(i, 1)])
		b.Write(line)
	}
	b.WriteString("\n]\n")
	name := filepath.Join(schemaDir, "testdata", "stamps.json")
	if updating() {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is stale: go test ./api/requests -run Fresh -update", name)
	}
}

// checker checks stamps without a router, and can be too busy.
type checker struct {
	checked int
	err     error
}

func (c *checker) Check(ctx context.Context, _ lxmf.StampSource, w lxmf.StampWork, stamp []byte, cost int) (int, bool, error) {
	c.checked++
	if c.err != nil {
		return 0, false, c.err
	}
	return w.Check(ctx, stamp, cost)
}

// stampFor makes a request stamp.
func stampFor(t *testing.T, g, asker group.IdentityHash, action groupdv1.StampAction, day uint32, cost int) []byte {
	t.Helper()
	stamp, err := lxmf.RequestWork(groupdv1.RequestStampMaterial(g, asker, action, day)).Make(t.Context(), rand.Reader, cost)
	if err != nil {
		t.Fatal(err)
	}
	return groupdv1.RequestStamp{Day: day, Stamp: [32]byte(stamp)}.Append(nil)
}

// joinStatus asks to join with a stamp and returns the status, nil for OK.
func joinStatus(t *testing.T, s *Server, c group.Caller, stamp []byte) *groupdv1.Status {
	t.Helper()
	b, _ := s.Handle(t.Context(), c, Prefix+"/join", msgpack.Bin(mustMarshal(&groupdv1.JoinRequest{Name: "somebody", Stamp: stamp})), BasePacket).Bin()
	var r groupdv1.JoinReply
	if err := proto.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r.GetStatus()
}

func TestAStampIsGoodForOneGroupPersonActionAndDay(t *testing.T) {
	hub, check := newFake(1), &checker{}
	hub.info.JoinCost = 6
	s := newServer(t, hub)
	s.stamps = check
	g, me, day := id(9), id(1), groupdv1.StampDay(start())
	work := func(stamp []byte) int {
		t.Helper()
		if st := joinStatus(t, s, ada(), stamp); st != nil {
			t.Fatalf("%v", st)
		}
		return hub.callers[len(hub.callers)-1].Work
	}
	for _, d := range []uint32{day - 1, day, day + 1} {
		if got := work(stampFor(t, g, me, groupdv1.StampJoin, d, 6)); got < 6 {
			t.Errorf("day %d: %d bits", int(d)-int(day), got)
		}
	}
	checked := check.checked
	for what, stamp := range map[string][]byte{
		"none":            nil,
		"two days ago":    stampFor(t, g, me, groupdv1.StampJoin, day-2, 6),
		"in two days":     stampFor(t, g, me, groupdv1.StampJoin, day+2, 6),
		"end of time":     stampFor(t, g, me, groupdv1.StampJoin, 1<<32-1, 6),
		"beginning of it": stampFor(t, g, me, groupdv1.StampJoin, 0, 6),
	} {
		if got := work(stamp); got != 0 || check.checked != checked {
			t.Errorf("%s: %d bits, checked %d", what, got, check.checked-checked)
		}
	}
	// Others are worth what chance gives.
	hub.info.JoinCost = 18
	for what, stamp := range map[string][]byte{
		"another group":  stampFor(t, id(8), me, groupdv1.StampJoin, day, 18),
		"another person": stampFor(t, g, id(2), groupdv1.StampJoin, day, 18),
		"another action": stampFor(t, g, me, groupdv1.StampPost, day, 18),
	} {
		if got := work(stamp); got >= 18 {
			t.Errorf("%s: %d bits", what, got)
		}
	}
	good := stampFor(t, g, me, groupdv1.StampJoin, day, 18)
	for _, bad := range [][]byte{good[:36], append(good, 0), append([]byte{2}, good[1:]...)} {
		if st := joinStatus(t, s, ada(), bad); st.GetCode() != groupdv1.Code_INVALID || st.GetField() != "stamp" {
			t.Errorf("%x: %v", bad, st)
		}
	}
	check.err = lxmf.ErrQueueFull
	if st := joinStatus(t, s, ada(), good); st.GetCode() != groupdv1.Code_RATE_LIMITED || st.GetRetryAfterS() == 0 {
		t.Errorf("too busy: %v", st)
	}
	checked, hub.info.JoinCost = check.checked, 0
	if got := work(good); got != 0 || check.checked != checked {
		t.Error("a stamp was checked that nobody asks for")
	}
}

func TestWhoJoinsWhereWorkIsAskedForIsToldSo(t *testing.T) {
	s, hub, store, _ := realServer(t)
	s.stamps = &checker{}
	now := time.Now()
	s.now = func() time.Time { return now }
	if err := store.Update(t.Context(), func(tx group.Tx) error {
		g, err := tx.Group(valley)
		if err != nil {
			return err
		}
		g.Policy.JoinCost = 7
		return tx.PutGroup(g)
	}); err != nil {
		t.Fatal(err)
	}
	info := &groupdv1.InfoReply{}
	ask(t, s, group.Caller{}, "/info", &groupdv1.InfoRequest{}, info)
	beacon, err := s.Beacon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told, err := groupdv1.ParseBeacon(beacon)
	if err != nil || info.GetJoinCost() != 7 || told.JoinCost != 7 {
		t.Errorf("/info tells %d, the beacon %d, %v", info.GetJoinCost(), told.JoinCost, err)
	}
	eve := person("eve")
	st := joinStatus(t, s, eve, nil)
	if st.GetCode() != groupdv1.Code_STAMP_REQUIRED || st.GetStampCost() != 7 || st.GetStampDay() != groupdv1.StampDay(now) {
		t.Errorf("without a stamp: %v", st)
	}
	in, err := hub.Info(t.Context(), eve, valley)
	if err != nil {
		t.Fatal(err)
	}
	if st := joinStatus(t, s, eve, stampFor(t, in.Identity, eve.Identity, groupdv1.StampJoin, st.GetStampDay(), 7)); st != nil {
		t.Errorf("with one: %v", st)
	}
	if st := joinStatus(t, s, eve, nil); st != nil {
		t.Errorf("asking again while waiting: %v", st)
	}
}
