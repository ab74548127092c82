package lxmf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"groupd/rns/msgpack"
)

// MaxFiles is the largest number of files that a message is read with; more are malformed. Tunable.
const MaxFiles = 1024

// File is a file that came with a message: an attached one, the image, or the voice message.
type File struct {
	// Field is [FieldAttachments], [FieldImage] or [FieldAudio].
	Field int64
	// Name is that of an attached file, as the sender wrote it: it may hold path separators, control characters, anything. Of an
	// image it is the format. It is empty when the sender wrote no text.
	Name string
	// Mode is the codec of a voice message, see [Audio].
	Mode int
	// Offset is where the data begins in the packed message, in bytes, and Size is how long it is.
	Offset, Size int64
	// Hash is the SHA-256 of the data.
	Hash [sha256.Size]byte

	in io.ReaderAt
}

// Open returns a reader of the data. Of a message that was received and is not decided it is valid until [Inbound.Prove] or
// [Inbound.Drop] is called.
func (f *File) Open() *io.SectionReader { return io.NewSectionReader(f.in, f.Offset, f.Size) }

// Files returns the files of the message, in their order, whether they are in memory or not. What has not the form of a file is
// left out. Of a message in memory the hashes are computed by each call.
func (m *Message) Files() []File {
	if m.spool != nil {
		return m.spool.files
	}
	o, err := readOutline(bytes.NewReader(m.packed), int64(len(m.packed)), len(m.packed))
	if err != nil {
		return nil // more files than we read
	}
	return o.files
}

// Lean returns the packed message without the data of its files: put back at their offsets, in their order, it makes the message
// byte for byte. The error is that of reading a spooled message.
func (m *Message) Lean() ([]byte, error) {
	files := m.Files()
	lean := int64(m.Size())
	for i := range files {
		lean -= files[i].Size
	}
	out := make([]byte, 0, lean)
	at := int64(0)
	for _, f := range append(files[:len(files):len(files)], File{Offset: int64(m.Size())}) {
		n := len(out)
		out = out[:n+int(f.Offset-at)]
		if err := m.readAt(out[n:], at); err != nil {
			return nil, err
		}
		at = f.Offset + f.Size
	}
	return out, nil
}

// Size returns the length of the packed message in bytes, with its files.
func (m *Message) Size() int {
	if m.spool != nil {
		return int(m.spool.size)
	}
	return len(m.packed)
}

// readAt fills b with bytes of the packed message.
func (m *Message) readAt(b []byte, at int64) error {
	if m.spool == nil {
		copy(b, m.packed[at:])
		return nil
	}
	return readFull(m.spool.file, b, at)
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading a message: %w", err)
	}
	return nil
}

// outline is a packed message whose files are left where they are.
type outline struct {
	form  []byte // with empty bytes in place of each file's data: same values, same faults
	files []File
}

// outliner makes an outline.
type outliner struct {
	outline
	in   io.ReaderAt
	scan *msgpack.Scanner
	most int // bytes of form
}

// readOutline goes over a packed message of size bytes once. It fails with [ErrMalformed], with [ErrTooLarge] when more than most
// bytes are left beside the files, or with the error of r.
func readOutline(r io.ReaderAt, size int64, most int) (*outline, error) {
	if size <= HeaderLength {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, size)
	}
	o := &outliner{in: r, most: most, scan: msgpack.NewScanner(io.NewSectionReader(r, HeaderLength, size-HeaderLength))}
	o.form = make([]byte, HeaderLength, min(size, int64(most), 4096))
	if err := readFull(r, o.form, 0); err != nil {
		return nil, err
	}
	err := o.payload()
	switch {
	case err == nil:
		return &o.outline, nil
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrTooLarge):
		return nil, err
	case errors.Is(err, msgpack.ErrMalformed), errors.Is(err, msgpack.ErrTooDeep), err == io.EOF:
		return nil, malformed("payload", err)
	}
	return nil, fmt.Errorf("reading a message: %w", err)
}

// payload goes over the array, and over what stands behind it.
func (o *outliner) payload() error {
	err := o.array(0, func(i int64, t msgpack.Token) error {
		if i == 3 && t.Kind == msgpack.KindMap {
			return o.fields(t)
		}
		return o.value(t, 1)
	})
	if err != nil {
		return err
	}
	return o.scan.Rest(o)
}

// fields goes over the map of fields.
func (o *outliner) fields(t msgpack.Token) error {
	if err := o.keep(t); err != nil {
		return err
	}
	for range t.Length {
		key, err := o.scan.Next()
		if err != nil {
			return err
		}
		field := int64(-1)
		if key.Kind == msgpack.KindInt {
			if field, err = msgpack.NewReader(key.Head).Int(); err != nil {
				field = -1
			}
		}
		if err := o.value(key, 2); err != nil {
			return err
		}
		switch field {
		case FieldAttachments:
			err = o.array(2, func(_ int64, t msgpack.Token) error { return o.file(field, t, 3) })
		case FieldImage, FieldAudio:
			if t, err = o.scan.Next(); err == nil {
				err = o.file(field, t, 2)
			}
		default:
			err = o.next(2)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file goes over what should be a label and data.
func (o *outliner) file(field int64, t msgpack.Token, depth int) error {
	if t.Kind != msgpack.KindArray {
		return o.value(t, depth)
	}
	var label msgpack.Raw
	return o.elements(t, func(i int64, t msgpack.Token) error {
		if i == 1 && t.Kind == msgpack.KindBin {
			return o.data(field, label, t)
		}
		start := len(o.form)
		err := o.value(t, depth+1)
		if i == 0 {
			label = o.form[start:]
		}
		return err
	})
}

// data passes over the data of a file.
func (o *outliner) data(field int64, label msgpack.Raw, t msgpack.Token) error {
	if len(o.files) >= MaxFiles {
		return fmt.Errorf("%w: more than %d files", ErrMalformed, MaxFiles)
	}
	f := File{Field: field, Offset: HeaderLength + o.scan.Offset(), Size: t.Length, in: o.in}
	if field == FieldAudio {
		mode, _ := label.Int()
		f.Mode = int(mode)
	} else {
		f.Name, _ = textOf(label)
	}
	hash := sha256.New()
	if err := o.scan.Body(hash); err != nil {
		return err
	}
	hash.Sum(f.Hash[:0])
	o.files = append(o.files, f)
	_, err := o.Write(msgpack.Bin(nil))
	return err
}

// array goes over the next value, element by element if it is an array; depth is its own.
func (o *outliner) array(depth int, each func(int64, msgpack.Token) error) error {
	t, err := o.scan.Next()
	if err != nil {
		return err
	}
	if t.Kind != msgpack.KindArray {
		return o.value(t, depth)
	}
	return o.elements(t, each)
}

// elements goes over the elements of an array whose head was read.
func (o *outliner) elements(t msgpack.Token, each func(int64, msgpack.Token) error) error {
	if err := o.keep(t); err != nil {
		return err
	}
	for i := range t.Length {
		t, err := o.scan.Next()
		if err != nil {
			return err
		}
		if err := each(i, t); err != nil {
			return err
		}
	}
	return nil
}

// next keeps the next value.
func (o *outliner) next(depth int) error {
	t, err := o.scan.Next()
	if err != nil {
		return err
	}
	return o.value(t, depth)
}

// value keeps the value that a token begins.
func (o *outliner) value(t msgpack.Token, depth int) error {
	if depth > msgpack.MaxDepth {
		return msgpack.ErrTooDeep
	}
	if err := o.keep(t); err != nil {
		return err
	}
	n := int64(0)
	switch t.Kind {
	case msgpack.KindArray:
		n = t.Length
	case msgpack.KindMap:
		n = 2 * t.Length
	}
	for range n {
		if err := o.next(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps a token with its body.
func (o *outliner) keep(t msgpack.Token) error {
	if t.Kind != msgpack.KindArray && t.Kind != msgpack.KindMap && t.Length > int64(o.most-len(o.form)) {
		return errBesideFiles
	}
	if _, err := o.Write(t.Head); err != nil {
		return err
	}
	return o.scan.Body(o)
}

// errBesideFiles means that a message is too large for memory even without its files.
var errBesideFiles = fmt.Errorf("%w beside its files", ErrTooLarge)

// Write adds to what is kept.
func (o *outliner) Write(b []byte) (int, error) {
	if len(b) > o.most-len(o.form) {
		return 0, errBesideFiles
	}
	o.form = append(o.form, b...)
	return len(b), nil
}
