package requests

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"groupd/api/onlink"
	"groupd/group"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// bytesOf makes n bytes that do not repeat soon.
func bytesOf(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i ^ i>>8*31)
	}
	return out
}

// attach posts a message with an image and a file.
func (p *place) attach(a author, image, file []byte) (uint64, *lxmf.Message) {
	p.t.Helper()
	m := a.signs(p.to, "look", func(d *lxmf.Draft) {
		d.Fields.SetImage(lxmf.Image{Format: "webp", Data: image})
		d.Fields.SetReplyTo(lxmf.MessageID{1})
		d.Fields.SetAttachments(lxmf.Attachment{Name: "a/b/map.pdf", Data: file})
	})
	r := &groupdv1.SendReply{}
	p.asks(a, "/messages/send", &groupdv1.SendRequest{Message: m.Packed()}, r, groupdv1.Code_OK)
	return r.GetSeq(), m
}

func TestAttachmentsAreListedAndReadInParts(t *testing.T) {
	p := newPlace(t)
	image, file := bytesOf(5000), bytesOf(30_000)
	seq, m := p.attach(p.ada, image, file)
	e := p.page(p.bert, &groupdv1.MessagesRequest{Seqs: []uint64{seq}, MaxBytes: 2000}).GetEntries()[0]
	if len(e.GetAttachments()) != 2 || e.GetAttachments()[0].GetKind() != groupdv1.AttachmentKind_IMAGE || e.GetAttachments()[1].GetName() != "map.pdf" ||
		e.GetAttachments()[1].GetSize() != 30_000 || len(e.GetAttachments()[1].GetHash()) != 8 || e.GetFieldsLength() == 0 || e.GetFieldsLength() > 100 {
		t.Fatalf("bert sees %v", e)
	}

	// Part by part in single packets, each as full as it can be.
	var got []byte
	for n := 0; len(got) < len(image); n++ {
		r := &groupdv1.AttachmentReply{}
		b := p.asks(p.bert, "/messages/attachment", &groupdv1.AttachmentRequest{Seq: seq, Hash: e.GetAttachments()[0].GetHash(), Offset: uint64(len(got)), MaxBytes: BasePacket}, r, groupdv1.Code_OK)
		if len(b) > BasePacket || (len(got)+len(r.GetData()) < len(image) && len(b) < BasePacket-20) || r.GetOffset() != uint64(len(got)) || int(r.GetLength()) != len(r.GetData()) {
			t.Fatalf("part %d: a reply of %d bytes: %v", n, len(b), r)
		}
		got = append(got, r.GetData()...)
	}
	if !bytes.Equal(got, image) {
		t.Error("the parts do not make the image")
	}

	// The proof, and what was taken out of it, make the message as it was signed.
	proof := &groupdv1.ProofReply{}
	p.asks(p.bert, "/messages/proof", &groupdv1.ProofRequest{Seq: seq, MaxBytes: 2000}, proof, groupdv1.Code_OK)
	original := proof.GetOriginal()
	for i, a := range proof.GetAttachments() {
		data := [][]byte{image, file}[i]
		original = append(append(original[:a.GetAt():a.GetAt()], data...), original[a.GetAt():]...)
	}
	if !bytes.Equal(original, m.Packed()) {
		t.Error("the original can not be put together")
	}

	for what, c := range map[string]struct {
		q    *groupdv1.AttachmentRequest
		code groupdv1.Code
		n    uint64
	}{
		"a range":              {&groupdv1.AttachmentRequest{Seq: seq, Offset: 10, Length: 20}, groupdv1.Code_OK, 20},
		"a range over the end": {&groupdv1.AttachmentRequest{Seq: seq, Offset: 4990, Length: 1 << 60}, groupdv1.Code_OK, 10},
		"nothing at the end":   {&groupdv1.AttachmentRequest{Seq: seq, Offset: 5000}, groupdv1.Code_OK, 0},
		"behind the end":       {&groupdv1.AttachmentRequest{Seq: seq, Offset: 5001}, groupdv1.Code_INVALID, 0},
		"far behind the end":   {&groupdv1.AttachmentRequest{Seq: seq, Offset: 1<<64 - 1, Length: 1<<64 - 1}, groupdv1.Code_INVALID, 0},
		"index and hash":       {&groupdv1.AttachmentRequest{Seq: seq, Index: 1, Hash: make([]byte, 8)}, groupdv1.Code_INVALID, 0},
		"a short hash":         {&groupdv1.AttachmentRequest{Seq: seq, Hash: []byte{1}}, groupdv1.Code_INVALID, 0},
		"no such index":        {&groupdv1.AttachmentRequest{Seq: seq, Index: 1<<32 - 1}, groupdv1.Code_NOT_FOUND, 0},
		"no such entry":        {&groupdv1.AttachmentRequest{Seq: seq + 1}, groupdv1.Code_NOT_FOUND, 0},
		"no room":              {&groupdv1.AttachmentRequest{Seq: seq, MaxBytes: 20}, groupdv1.Code_TOO_LARGE, 0},
	} {
		r := &groupdv1.AttachmentReply{}
		if p.asks(p.bert, "/messages/attachment", c.q, r, c.code); r.GetLength() != c.n {
			t.Errorf("%s: %v", what, r)
		}
	}
	p.asks(p.ada, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{seq}}, &groupdv1.DeleteReply{}, groupdv1.Code_OK)
	p.asks(p.bert, "/messages/attachment", &groupdv1.AttachmentRequest{Seq: seq}, &groupdv1.AttachmentReply{}, groupdv1.Code_NOT_FOUND)
}

func TestLargePartsComeAsFilesWithinTheBounds(t *testing.T) {
	p := newPlace(t)
	file := bytesOf(30_000)
	seq, _ := p.attach(p.ada, []byte("x"), file)
	ask := func(l line, q *groupdv1.AttachmentRequest) (*groupdv1.AttachmentReply, *fileReply) {
		t.Helper()
		raw, f := p.s.handle(t.Context(), p.bert.Caller, l, Prefix+"/messages/attachment", msgpack.Bin(mustMarshal(q)), BasePacket)
		b, _ := raw.Bin()
		r := &groupdv1.AttachmentReply{}
		if err := proto.Unmarshal(b, r); err != nil {
			t.Fatal(err)
		}
		return r, f
	}
	link := func(n byte) line { return &lineOf{deadLine{}, rns.LinkID{n}} }
	q := &groupdv1.AttachmentRequest{Seq: seq, Index: 1, Offset: 100}
	r, f := ask(link(1), q)
	if f == nil || len(r.GetData()) != 0 || r.GetOffset() != 100 || r.GetLength() != 29_900 || f.plain {
		t.Fatalf("%v, %+v", r, f)
	}
	if got, err := io.ReadAll(io.NewSectionReader(f.content, f.offset, f.size)); err != nil || !bytes.Equal(got, file[100:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if r, f := ask(link(1), &groupdv1.AttachmentRequest{Seq: seq, Index: 1, Length: InlineAttachment}); f != nil || len(r.GetData()) != InlineAttachment {
		t.Errorf("just inline: %d bytes, %v", len(r.GetData()), f)
	}
	if r, f := ask(nil, q); f != nil || r.GetStatus().GetCode() != groupdv1.Code_TOO_LARGE || r.GetStatus().GetLimit() != InlineAttachment {
		t.Errorf("without a link: %v", r)
	}
	files := []*fileReply{f}
	for n := 1; n < onlink.MaxFiles; n++ {
		_, f := ask(link(byte(1+n/onlink.MaxFilesEach)), q)
		if f == nil {
			t.Fatalf("file %d is refused", n)
		}
		files = append(files, f)
	}
	for what, n := range map[string]byte{"one more on a link": 1, "one more in all": 200} {
		if r, f := ask(link(n), q); f != nil || r.GetStatus().GetCode() != groupdv1.Code_RATE_LIMITED || r.GetStatus().GetRetryAfterS() == 0 {
			t.Errorf("%s: %v", what, r)
		}
	}
	for _, f := range files {
		f.drop()
	}
	for n := range onlink.MaxFiles {
		if l := (rns.LinkID{byte(n / onlink.MaxFilesEach)}); !p.s.sending.Begin(l) {
			t.Fatalf("only %d places are given back", n)
		}
	}
	for n := range onlink.MaxFiles {
		p.s.sending.End(rns.LinkID{byte(n / onlink.MaxFilesEach)})
	}
	if _, f := ask(link(1), q); f == nil {
		t.Error("refused although nothing is sent")
	} else {
		f.drop()
	}
}

func TestAttachmentsInJSONAndInABatch(t *testing.T) {
	p := newPlace(t)
	file := bytesOf(30_000)
	seq, _ := p.attach(p.ada, []byte("pixels"), file)
	ask := func(q *groupdv1.AttachmentRequest) *groupdv1.AttachmentReply {
		t.Helper()
		text, err := protojson.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		raw, f := p.s.handle(t.Context(), p.bert.Caller, deadLine{}, Prefix+"/messages/attachment", msgpack.Str(string(text)), BasePacket)
		reply, _ := raw.Str()
		r := &groupdv1.AttachmentReply{}
		if err := protojson.Unmarshal([]byte(reply), r); err != nil || f != nil || (q.GetMaxBytes() > 0 && len(reply) > int(q.GetMaxBytes())) {
			t.Fatalf("%q (%d bytes), %v, %v", reply, len(reply), f, err)
		}
		if len(r.GetData()) > 0 && !strings.Contains(reply, base64.StdEncoding.EncodeToString(r.GetData())) {
			t.Errorf("not base64: %q", reply)
		}
		return r
	}
	if r := ask(&groupdv1.AttachmentRequest{Seq: seq}); string(r.GetData()) != "pixels" {
		t.Errorf("the image: %v", r)
	}
	if r := ask(&groupdv1.AttachmentRequest{Seq: seq, Index: 1}); r.GetStatus().GetCode() != groupdv1.Code_UNSUPPORTED {
		t.Errorf("too large: %v", r)
	}
	var got []byte
	for len(got) < len(file) {
		got = append(got, ask(&groupdv1.AttachmentRequest{Seq: seq, Index: 1, Offset: uint64(len(got)), MaxBytes: 2000}).GetData()...)
	}
	if !bytes.Equal(got, file) {
		t.Error("the parts do not make the file")
	}

	batch := &groupdv1.BatchReply{}
	one := mustMarshal(&groupdv1.AttachmentRequest{Seq: seq, Index: 1})
	p.asks(p.bert, "/batch", &groupdv1.BatchRequest{MaxBytes: 3000, Items: []*groupdv1.BatchRequest_Item{{Path: "/messages/attachment", Data: one}}}, batch, groupdv1.Code_OK)
	r := &groupdv1.AttachmentReply{}
	if err := proto.Unmarshal(batch.GetItems()[0].GetData(), r); err != nil || !bytes.Equal(r.GetData(), file[:len(r.GetData())]) || len(r.GetData()) < 2000 {
		t.Errorf("in a batch: %v, %v", r, err)
	}
	info := &groupdv1.InfoReply{}
	p.asks(p.bert, "/info", &groupdv1.InfoRequest{}, info, groupdv1.Code_OK)
	if info.GetLimits().GetAttachmentBytes() != 4<<20 || info.GetLimits().GetAttachments() != group.MaxAttachments || info.GetFeatures()[len(info.GetFeatures())-1] != groupdv1.Feature_FEATURE_ATTACHMENTS {
		t.Errorf("/info: %v %v", info.GetLimits(), info.GetFeatures())
	}
}
