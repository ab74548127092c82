package requests

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

func batchOf(qs ...sample) *groupdv1.BatchRequest {
	b := &groupdv1.BatchRequest{}
	for _, q := range qs {
		b.Items = append(b.Items, &groupdv1.BatchRequest_Item{Path: q.path, Data: mustMarshal(q.request)})
	}
	return b
}

func TestABatchAnswersEachRequestAsIfItStoodAlone(t *testing.T) {
	h := newFake(20)
	s := newServer(t, h)
	qs := samples()[:8]
	batch := batchOf(qs...)
	batch.MaxBytes = 8000
	batch.Items[0].Path = Prefix + batch.Items[0].Path // in full works too
	reply := &groupdv1.BatchReply{}
	ask(t, s, ada(), "/batch", batch, reply)
	if len(reply.GetItems()) != 8 || reply.GetStatus() != nil {
		t.Fatalf("got %v", reply)
	}
	for i, q := range qs {
		alone := ask(t, s, ada(), q.path, q.request, q.reply)
		if !slices.Equal(alone, reply.GetItems()[i].GetData()) {
			t.Errorf("%s: %x, alone %x", q.path, reply.GetItems()[i].GetData(), alone)
		}
	}
}

func TestOneFailureInABatchDoesNotStopTheNext(t *testing.T) {
	s := newServer(t, newFake(5))
	batch := batchOf(
		sample{path: "/nothing", request: &groupdv1.InfoRequest{}},
		sample{path: "/messages/delete", request: &groupdv1.DeleteRequest{}},
		sample{path: "/batch", request: &groupdv1.BatchRequest{}},
		sample{path: "/topic/update", request: &groupdv1.TopicRequest{Topic: "x"}},
	)
	batch.Items = append(batch.Items, &groupdv1.BatchRequest_Item{Path: "/info", Data: []byte{0xff}})
	reply := &groupdv1.BatchReply{}
	ask(t, s, ada(), "/batch", batch, reply)
	var codes []groupdv1.Code
	for _, it := range reply.GetItems() {
		codes = append(codes, statusOfReply(t, msgpack.Bin(it.GetData())).GetCode())
	}
	want := []groupdv1.Code{groupdv1.Code_UNSUPPORTED, groupdv1.Code_INVALID, groupdv1.Code_INVALID, groupdv1.Code_OK, groupdv1.Code_INVALID}
	if !slices.Equal(codes, want) {
		t.Errorf("got %v", codes)
	}
}

func TestABatchHasAtMostEightRequests(t *testing.T) {
	h := newFake(0)
	s := newServer(t, h)
	reply := &groupdv1.BatchReply{}
	batch := batchOf(samples()[:9]...)
	ask(t, s, ada(), "/batch", batch, reply)
	if st := reply.GetStatus(); st.GetCode() != groupdv1.Code_TOO_LARGE || st.GetLimit() != MaxBatch || len(h.asked) != 0 {
		t.Errorf("got %v, asked %v", reply, h.asked)
	}
	if ask(t, s, ada(), "/batch", &groupdv1.BatchRequest{}, reply); reply.GetStatus() != nil {
		t.Errorf("an empty batch: %v", reply)
	}
}

func TestABatchSharesItsBytes(t *testing.T) {
	h := newFake(80)
	s := newServer(t, h)
	r := rand.New(rand.NewPCG(9, 9))
	all := samples()
	for range 300 {
		batch := &groupdv1.BatchRequest{MaxBytes: uint32(MinReply + r.IntN(1500))}
		json := r.IntN(3) == 0
		if json {
			batch.MaxBytes += 800
		}
		for range 1 + r.IntN(MaxBatch) {
			q := all[r.IntN(len(all)-1)]
			if q.path == "/subscribe" {
				continue // it would go on while the group is changed
			}
			it := &groupdv1.BatchRequest_Item{Path: q.path}
			if json && r.IntN(4) > 0 {
				text, err := protojson.Marshal(q.request)
				if err != nil {
					t.Fatal(err)
				}
				it.Json = string(text)
			} else {
				it.Data = mustMarshal(q.request)
			}
			batch.Items = append(batch.Items, it)
		}
		h.asked, h.err = nil, nil
		if r.IntN(4) == 0 {
			h.err = &group.Error{Kind: group.KindConflict, Msg: strings.Repeat("long words ", 30), Choices: h.people}
		}
		reply := &groupdv1.BatchReply{}
		var size int
		if json {
			text, err := protojson.Marshal(batch)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := s.Handle(t.Context(), ada(), Prefix+"/batch", msgpack.Str(string(text)), BasePacket).Str()
			if err := protojson.Unmarshal([]byte(answer), reply); err != nil {
				t.Fatal(err)
			}
			size = len(answer)
		} else {
			size = len(ask(t, s, ada(), "/batch", batch, reply))
		}
		if size > int(batch.GetMaxBytes()) {
			t.Fatalf("%d bytes of %d: %v", size, batch.GetMaxBytes(), batch)
		}
		if reply.GetStatus() != nil || len(reply.GetItems()) != len(batch.GetItems()) {
			t.Fatalf("%d items in %d bytes: %v", len(batch.GetItems()), batch.GetMaxBytes(), reply)
		}
		for i, it := range reply.GetItems() {
			route, _ := s.find(batch.GetItems()[i].GetPath())
			data := msgpack.Bin(it.GetData())
			if it.GetJson() != "" {
				data = msgpack.Str(it.GetJson())
			}
			st := statusOfReply(t, data)
			if it.GetCutBytes() > 0 && h.err == nil && (route.effect == reads) != (st.GetCode() == groupdv1.Code_TOO_LARGE) {
				t.Errorf("%s was cut: %v", batch.GetItems()[i].GetPath(), st)
			}
		}
	}
}

func TestAnItemOfABatchThatAsksForMoreThanIsLeftGetsWhatFits(t *testing.T) {
	s := newServer(t, newFake(80))
	reply, page := &groupdv1.BatchReply{}, &groupdv1.MessagesReply{}
	batch := batchOf(sample{path: "/messages", request: &groupdv1.MessagesRequest{MaxBytes: MaxReply}}, sample{path: "/info", request: &groupdv1.InfoRequest{}})
	batch.MaxBytes = 1500
	ask(t, s, ada(), "/batch", batch, reply)
	first := reply.GetItems()[0]
	if err := proto.Unmarshal(first.GetData(), page); err != nil || first.GetCutBytes() != 0 || page.GetStatus() != nil || len(page.GetPage()) < 300 {
		t.Errorf("%v, %v", reply, err)
	}
}

func TestABatchThatCouldNotTellAllStatusesDoesNotRun(t *testing.T) {
	h := newFake(0)
	s := newServer(t, h)
	text := `{"items":[` + strings.Repeat(`{"path":"/leave","json":"{}"},`, 7) + `{"path":"/leave","json":"{}"}]}`
	answer, _ := s.Handle(t.Context(), ada(), Prefix+"/batch", msgpack.Str(text), BasePacket).Str()
	st := jsonStatus(t, []byte(answer))
	if st.GetCode() != groupdv1.Code_TOO_LARGE || len(h.asked) != 0 {
		t.Errorf("got %s, asked %v", answer, h.asked)
	}
	text = strings.Replace(text, `{"items"`, `{"max_bytes":`+"2000"+`,"items"`, 1)
	answer, _ = s.Handle(t.Context(), ada(), Prefix+"/batch", msgpack.Str(text), BasePacket).Str()
	reply := &groupdv1.BatchReply{}
	if err := protojson.Unmarshal([]byte(answer), reply); err != nil || len(reply.GetItems()) != 8 || reply.GetItems()[7].GetJson() == "" {
		t.Errorf("got %s, %v", answer, err)
	}
}

func TestABatchMixesJSONAndProtobufItems(t *testing.T) {
	s := newServer(t, newFake(3))
	reply := &groupdv1.BatchReply{}
	ask(t, s, ada(), "/batch", &groupdv1.BatchRequest{MaxBytes: 2000, Items: []*groupdv1.BatchRequest_Item{
		{Path: "/info", Json: "{}"}, {Path: "/info"},
	}}, reply)
	a, b := &groupdv1.InfoReply{}, &groupdv1.InfoReply{}
	if err := protojson.Unmarshal(reply.GetItems()[0].GetData(), a); err != nil {
		if err := protojson.Unmarshal([]byte(reply.GetItems()[0].GetJson()), a); err != nil {
			t.Fatal(err)
		}
	}
	if err := proto.Unmarshal(reply.GetItems()[1].GetData(), b); err != nil || !proto.Equal(a, b) || len(reply.GetItems()[0].GetData()) != 0 {
		t.Errorf("got %v and %v", a, b)
	}
}
