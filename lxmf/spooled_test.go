package lxmf_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"groupd/lxmf"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// withFiles is a message with two attached files, an image and a voice message.
func withFiles(tb testing.TB, size int) *lxmf.Message {
	tb.Helper()
	var f lxmf.Fields
	f.SetRenderer(lxmf.RendererMarkdown)
	f.SetAttachments(lxmf.Attachment{Name: "../a.bin", Data: bytes.Repeat([]byte{1}, size)}, lxmf.Attachment{Name: "empty"})
	f.SetImage(lxmf.Image{Format: "webp", Data: bytes.Repeat([]byte{2}, size+1)})
	f.SetAudio(lxmf.Audio{Mode: 0x10, Data: []byte{3}})
	f.Set(lxmf.FieldCustomData, msgpack.Bin(bytes.Repeat([]byte{4}, 300)))
	m, err := lxmf.Pack(rnstest.Identity(tb, 1), lxmf.Draft{
		Destination: lxmf.DeliveryHash(rnstest.Identity(tb, 2).Public()), Timestamp: 1.5, Title: []byte("title"), Content: []byte("content"), Fields: f,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func onDisk(packed []byte) (*lxmf.Message, error) {
	return lxmf.UnpackSpooled(bytes.NewReader(packed), int64(len(packed)), 1<<20)
}

// reassembled puts the data of the files back.
func reassembled(t *testing.T, m *lxmf.Message) []byte {
	t.Helper()
	lean, err := m.Lean()
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, f := range m.Files() {
		n := int(f.Offset) - len(out)
		out, lean = append(out, lean[:n]...), lean[n:]
		data, err := io.ReadAll(f.Open())
		if err != nil || int64(len(data)) != f.Size || sha256.Sum256(data) != f.Hash {
			t.Fatalf("file %q: %d bytes, %v", f.Name, len(data), err)
		}
		out = append(out, data...)
	}
	return append(out, lean...)
}

// sameOnDisk checks that a message is the same from a file as from memory.
func sameOnDisk(t *testing.T, packed []byte) {
	t.Helper()
	inMemory, errMemory := lxmf.Unpack(packed)
	spooled, errDisk := onDisk(packed)
	if (errMemory == nil) != (errDisk == nil) {
		if errors.Is(errDisk, lxmf.ErrMalformed) && len(packed) > 4*lxmf.MaxFiles || errors.Is(errDisk, lxmf.ErrTooLarge) {
			return
		}
		t.Fatalf("in memory: %v; on disk: %v", errMemory, errDisk)
	}
	if errDisk != nil {
		if !errors.Is(errDisk, lxmf.ErrMalformed) && !errors.Is(errDisk, lxmf.ErrTooLarge) {
			t.Fatalf("error of the wrong kind: %v", errDisk)
		}
		return
	}
	if inMemory.ID() != spooled.ID() || inMemory.Destination != spooled.Destination || inMemory.Source != spooled.Source ||
		!bytes.Equal(inMemory.Title, spooled.Title) || !bytes.Equal(inMemory.Content, spooled.Content) ||
		!bytes.Equal(inMemory.Stamp, spooled.Stamp) || !bytes.Equal(inMemory.Signature(), spooled.Signature()) ||
		inMemory.Size() != spooled.Size() || inMemory.ContentSize() != spooled.ContentSize() {
		t.Fatalf("the message differs: %+v; %+v", inMemory, spooled)
	}
	for _, id := range []byte{1, 2} {
		p := rnstest.Identity(t, id).Public()
		if inMemory.Verify(p) != spooled.Verify(p) {
			t.Fatal("the signature is judged otherwise")
		}
	}
	small := inMemory.Fields
	small.Delete(lxmf.FieldAttachments, lxmf.FieldImage, lxmf.FieldAudio)
	if !bytes.Equal(small.Raw(), spooled.Fields.Raw()) {
		t.Fatalf("fields %x, %x", small.Raw(), spooled.Fields.Raw())
	}
	for _, m := range []*lxmf.Message{inMemory, spooled} {
		if got := reassembled(t, m); !bytes.Equal(got, packed) {
			t.Fatalf("put together again it differs: %x, want %x", got, packed)
		}
	}
	if a, b := inMemory.Files(), spooled.Files(); len(a) != len(b) {
		t.Fatalf("%d files, %d", len(a), len(b))
	}
}

func TestAMessageIsTheSameFromDisk(t *testing.T) {
	t.Parallel()
	m := withFiles(t, 70_000)
	sameOnDisk(t, m.Packed())
	sameOnDisk(t, m.WithStamp(make([]byte, 32)).Packed())
	s, err := onDisk(m.Packed())
	if err != nil {
		t.Fatal(err)
	}
	if !s.Spooled() || m.Spooled() || s.Packed() != nil || s.Payload() != nil || s.SignedPart() != nil || s.OpportunisticData() != nil ||
		s.HashedPart() != nil || s.WithStamp(nil) != s || !s.Verify(rnstest.Identity(t, 1).Public()) || s.Verify(nil) {
		t.Error("not what a spooled message is")
	}
	want := []lxmf.File{
		{Field: lxmf.FieldAttachments, Name: "../a.bin", Size: 70_000}, {Field: lxmf.FieldAttachments, Name: "empty"},
		{Field: lxmf.FieldImage, Name: "webp", Size: 70_001}, {Field: lxmf.FieldAudio, Mode: 0x10, Size: 1},
	}
	for i, f := range s.Files() {
		if w := want[i]; f.Field != w.Field || f.Name != w.Name || f.Mode != w.Mode || f.Size != w.Size {
			t.Errorf("file %d: %+v", i, f)
		}
	}
	if lean, err := s.Lean(); err != nil || len(lean) != len(m.Packed())-140_002 {
		t.Errorf("lean: %d bytes, %v", len(lean), err)
	}
}

func TestALargeMessageIsBoundedBesideItsFiles(t *testing.T) {
	t.Parallel()
	packed := withFiles(t, 100_000).Packed()
	read := func(most int) error {
		_, err := lxmf.UnpackSpooled(bytes.NewReader(packed), int64(len(packed)), most)
		return err
	}
	lean := len(packed) - 200_002
	if err := read(lean); err != nil { // heads of files are shorter there
		t.Error(err)
	}
	if err := read(lean - 20); !errors.Is(err, lxmf.ErrTooLarge) {
		t.Errorf("20 bytes less: %v", err)
	}
}

func TestTooManyFilesAreMalformed(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]error{lxmf.MaxFiles: nil, lxmf.MaxFiles + 1: lxmf.ErrMalformed} {
		var f lxmf.Fields
		f.SetAttachments(make([]lxmf.Attachment, n)...)
		m, err := lxmf.Pack(rnstest.Identity(t, 1), lxmf.Draft{Fields: f})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := onDisk(m.Packed()); !errors.Is(err, want) {
			t.Errorf("%d files: %v", n, err)
		}
	}
}

// failingDisk fails after some bytes.
type failingDisk struct {
	*bytes.Reader
	good int64
	err  error
}

func (d *failingDisk) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > d.good {
		return 0, d.err
	}
	return d.Reader.ReadAt(b, off)
}

// TestADiskThatFailsIsNoForgery: neither malformed nor forged, or the message would be proved and lost.
func TestADiskThatFailsIsNoForgery(t *testing.T) {
	t.Parallel()
	packed := withFiles(t, 100_000).Packed()
	disk := &failingDisk{Reader: bytes.NewReader(packed), err: errors.New("disk")}
	for _, disk.good = range []int64{0, 100, 50_000} {
		if _, err := lxmf.UnpackSpooled(disk, int64(len(packed)), 1<<20); !errors.Is(err, disk.err) || errors.Is(err, lxmf.ErrMalformed) {
			t.Errorf("%d good bytes: %v", disk.good, err)
		}
	}
}

// FuzzSpooledMessage: from disk whatever comes is read as it is from memory.
func FuzzSpooledMessage(f *testing.F) {
	m := withFiles(f, 20)
	f.Add(m.Packed())
	f.Add(m.WithStamp(make([]byte, 32)).Packed())
	head := make([]byte, lxmf.HeaderLength)
	for _, payload := range [][]byte{
		{}, {0x94, 1, 0xc4, 0, 0xc4, 0, 0x80}, {0x94, 1, 0xa1, 'x', 0xc4, 0, 0xc0, 9}, {0x93, 1, 0xc4, 0, 0xc4, 0},
		{0x96, 1, 0xc4, 0, 0xc4, 0, 0x81, 0xcd, 0, 5, 0x91, 0x93, 0xc4, 1, 'n', 0xc5, 0, 1, 7, 0xc0, 0xc4, 1, 1, 5},
		{0x94, 1, 0xc4, 0, 0xc4, 0, 0x82, 6, 0x92, 0xa1, 'p', 0xc4, 1, 1, 6, 0x90}, {0x94, 1, 0xc4, 0, 0xc4, 0, 0x81, 7, 0x92, 0x91, 1, 0xc6, 0, 0, 0, 9},
		{0xdd, 0xff, 0xff, 0xff, 0xff}, {0x94, 1, 0xc4, 0, 0xc4, 0, 0xdf, 0xff, 0xff, 0xff, 0xff},
	} {
		f.Add(append(bytes.Clone(head), payload...))
	}
	f.Fuzz(sameOnDisk)
}
