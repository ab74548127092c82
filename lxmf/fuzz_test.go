package lxmf_test

import (
	"bytes"
	"testing"

	"groupd/internal/vectors"
	"groupd/lxmf"
	"groupd/rns/msgpack"
)

func FuzzUnpack(f *testing.F) {
	for _, v := range vectors.Load(f, "lxmf_messages") {
		if b := v.In.JSON("packed"); b != nil && len(b) < 4000 {
			f.Add(v.In.Bytes("packed"))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := lxmf.Unpack(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Packed(), b) {
			t.Fatal("the bytes received were not kept")
		}
		_ = m.Time()
		fields := m.Fields
		if again, err := lxmf.ParseFields(fields.Raw()); err != nil || again.Len() != fields.Len() {
			t.Fatalf("fields do not come back: %v", err)
		}
		// A stamp on top keeps the id where the payload is canonical, and stamping twice is the same as once.
		once, err := lxmf.Unpack(m.WithStamp(make([]byte, lxmf.StampLength)).Packed())
		if err != nil {
			t.Fatalf("stamped: %v", err)
		}
		twice, err := lxmf.Unpack(once.WithStamp(make([]byte, lxmf.TicketLength)).Packed())
		if err != nil || twice.ID() != once.ID() {
			t.Fatalf("stamped twice: %v", err)
		}
		if once.WithStamp(nil).ID() != once.ID() {
			t.Fatal("id changed with the stamp")
		}
	})
}

func FuzzFields(f *testing.F) {
	for _, v := range vectors.Load(f, "lxmf_messages") {
		if v.In.Has("fields") {
			f.Add([]byte(typed(f, v.In, "fields")))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, err := lxmf.ParseFields(b)
		if err != nil {
			return
		}
		if !bytes.Equal(fields.Raw(), b) {
			t.Fatal("not kept byte for byte")
		}
		_ = fields.Attachments()
		_, _ = fields.Image()
		_, _ = fields.Audio()
		_, _ = fields.Icon()
		_, _ = fields.Ticket()
		_, _ = fields.Thread()
		_, _ = fields.Renderer()
		_, _ = fields.ReplyTo()
		_, _ = fields.ReplyQuote()
		_, _ = fields.Reaction()
		_, _ = fields.Comment()
		_, _ = fields.Continuation()
		had := fields.Len()
		fields.Set(1<<40, msgpack.Nil())
		if fields.Has(1<<40) && fields.Len() > had+1 {
			t.Fatal("set added more than one")
		}
		fields.Delete(1 << 40)
		if _, err := lxmf.ParseFields(fields.Raw()); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzAnnounceData(f *testing.F) {
	for _, v := range vectors.Load(f, "lxmf_announce_data") {
		if v.Kind == "build" {
			f.Add(v.Out.Bytes("app_data"))
		} else {
			f.Add(v.In.Bytes("app_data"))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := lxmf.ParseAnnounceData(b)
		if err != nil {
			return
		}
		back, err := lxmf.ParseAnnounceData(a.Append(nil))
		if a.StampCost > lxmf.MaxStampCost {
			a.StampCost = 0
		}
		if err != nil || back != a {
			t.Fatalf("%+v came back as %+v, %v", a, back, err)
		}
	})
}

func FuzzPropagationData(f *testing.F) {
	for _, v := range vectors.Load(f, "propagation_announce_data") {
		if v.Kind == "build" {
			f.Add(v.Out.Bytes("app_data"))
		} else {
			f.Add(v.In.Bytes("app_data"))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := lxmf.ParsePropagationData(b)
		if err != nil {
			return
		}
		back, err := lxmf.ParsePropagationData(p.Append(nil))
		if err != nil || back.Active != p.Active || back.StampCost != p.StampCost || back.Time != p.Time {
			t.Fatalf("%+v came back as %+v, %v", p, back, err)
		}
	})
}

func FuzzContainer(f *testing.F) {
	for _, v := range vectors.Load(f, "lxmf_messages") {
		if v.Out.Has("file") {
			f.Add(v.Out.Bytes("file"))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := lxmf.ParseContainer(b)
		if err != nil {
			return
		}
		if back, err := lxmf.ParseContainer(c.Append(nil)); err != nil || !bytes.Equal(back.Packed, c.Packed) {
			t.Fatalf("came back as %+v, %v", back, err)
		}
	})
}
