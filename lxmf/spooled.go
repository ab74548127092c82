package lxmf

import (
	"crypto/sha256"
	"io"

	"groupd/rns"
	"groupd/rns/msgpack"
)

// spooled is what a message in a spool file has instead of its bytes.
type spooled struct {
	file    io.ReaderAt
	size    int64
	stamped bool
	files   []File
}

// unpackSpooled reads a packed message of size bytes like [Unpack], but leaves its files where they are. Besides [ErrMalformed]
// it fails with [ErrTooLarge] when more than most bytes are left without them, and with the error of r.
func unpackSpooled(r io.ReaderAt, size int64, most int) (*Message, error) {
	o, err := readOutline(r, size, most)
	if err != nil {
		return nil, err
	}
	m, err := Unpack(o.form)
	if err != nil {
		return nil, err
	}
	rd := msgpack.NewReader(o.form[HeaderLength:])
	elements, err := rd.Array()
	if err != nil {
		return nil, malformed("payload", err)
	}
	m.spool = &spooled{file: r, size: size, stamped: elements > 4, files: o.files}
	m.packed, m.payload = nil, nil
	m.Fields.Delete(FieldAttachments, FieldImage, FieldAudio)
	id := sha256.New()
	if err := m.writeHashed(id); err != nil {
		return nil, err
	}
	id.Sum(m.id[:0])
	return m, nil
}

// Spooled reports whether the message is in a spool file: then its files are not in memory, Fields lack [FieldAttachments],
// [FieldImage] and [FieldAudio], and the methods that return the packed message or parts of it return nil. See [Message.Files]
// and [Message.Lean].
func (m *Message) Spooled() bool { return m.spool != nil }

// writeHashed writes what the id is the hash of.
func (m *Message) writeHashed(w io.Writer) error {
	if m.spool == nil {
		_, err := w.Write(m.HashedPart())
		return err
	}
	for _, b := range [][]byte{m.Destination[:], m.Source[:]} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	payload := io.NewSectionReader(m.spool.file, HeaderLength, m.spool.size-HeaderLength)
	if !m.spool.stamped {
		_, err := io.Copy(w, payload)
		return err
	}
	// Without the stamp, in the canonical form; see Unpack.
	s := msgpack.NewScanner(payload)
	if _, err := s.Next(); err != nil {
		return err
	}
	if _, err := w.Write(msgpack.AppendArray(nil, 4)); err != nil {
		return err
	}
	for range 4 {
		if err := writeCanonical(w, s); err != nil {
			return err
		}
	}
	return nil
}

// writeCanonical writes a value, which was checked, in its canonical form.
func writeCanonical(w io.Writer, s *msgpack.Scanner) error {
	t, err := s.Next()
	if err != nil {
		return err
	}
	var head [16]byte
	if _, err := w.Write(t.AppendCanonical(head[:0])); err != nil {
		return err
	}
	n := int64(0)
	switch t.Kind {
	case msgpack.KindArray:
		n = t.Length
	case msgpack.KindMap:
		n = 2 * t.Length
	default:
		return s.Body(w)
	}
	for range n {
		if err := writeCanonical(w, s); err != nil {
			return err
		}
	}
	return nil
}

// verify is [Message.Verify] with the error of reading a spooled message.
func (m *Message) verify(p *rns.PublicIdentity) (bool, error) {
	if p == nil {
		return false, nil
	}
	if m.spool == nil {
		return p.Verify(m.SignedPart(), m.signature[:]), nil
	}
	v := p.NewVerifier(m.signature[:])
	if err := m.writeHashed(v); err != nil {
		return false, err
	}
	_, _ = v.Write(m.id[:])
	return v.Valid(), nil
}
