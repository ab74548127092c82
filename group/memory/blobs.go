package memory

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"

	"groupd/group"
)

var _ group.Blobs = (*Blobs)(nil)

// Blobs is the in-memory twin of db/blobs. All methods may be called from any goroutine.
type Blobs struct {
	keeps sync.Mutex // held while unused runs in Erase, and while a Keep begins or ends; before mu
	mu    sync.Mutex // leaf: whoever reads within a transaction waits for nobody who waits for one
	have  map[group.Hash][]byte
	kept  map[group.Hash]int
	space int64 // bytes there is room for; negative: without end
}

// NewBlobs makes an empty one without end.
func NewBlobs() *Blobs {
	return &Blobs{have: make(map[group.Hash][]byte), kept: make(map[group.Hash]int), space: -1}
}

// SetSpace says how many bytes there is room for from now on; negative: without end.
func (b *Blobs) SetSpace(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.space = n
}

// Keep implements group.Blobs.
func (b *Blobs) Keep(h group.Hash, size int64, content io.Reader) (release func(), err error) {
	data, err := io.ReadAll(io.LimitReader(content, size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != size || sha256.Sum256(data) != h {
		return nil, errors.New("the content is another than was said")
	}
	b.keeps.Lock()
	defer b.keeps.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, had := b.have[h]; !had {
		if b.space >= 0 && size > b.space {
			return nil, fmt.Errorf("%d bytes: %w", size, group.ErrNoSpace)
		}
		if b.have[h] = data; b.space >= 0 {
			b.space -= size
		}
	}
	b.kept[h]++
	return func() {
		b.keeps.Lock()
		defer b.keeps.Unlock()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.kept[h]--; b.kept[h] == 0 {
			delete(b.kept, h)
		}
	}, nil
}

// Open implements group.Blobs.
func (b *Blobs) Open(h group.Hash) (group.BlobReader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.have[h]
	if !ok {
		return nil, group.ErrNoRow
	}
	return blobReader{bytes.NewReader(data)}, nil
}

type blobReader struct{ *bytes.Reader }

// Close implements io.Closer.
func (blobReader) Close() error { return nil }

// Has implements group.Blobs.
func (b *Blobs) Has(h group.Hash, size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.have[h]
	return ok && int64(len(data)) == size
}

// Erase implements group.Blobs.
func (b *Blobs) Erase(h group.Hash, unused func() (bool, error)) (bool, error) {
	b.keeps.Lock()
	defer b.keeps.Unlock()
	b.mu.Lock()
	kept := b.kept[h] > 0
	b.mu.Unlock()
	if kept {
		return false, nil
	}
	ok, err := unused()
	if err != nil || !ok {
		return false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	data, had := b.have[h]
	if delete(b.have, h); b.space >= 0 {
		b.space += int64(len(data))
	}
	return had, nil
}

// All implements group.Blobs.
func (b *Blobs) All(f func(group.Hash) error) error {
	b.mu.Lock()
	var all []group.Hash
	for h := range b.have {
		all = append(all, h)
	}
	b.mu.Unlock()
	for _, h := range all {
		if err := f(h); err != nil {
			return err
		}
	}
	return nil
}

// Free implements group.Blobs.
func (b *Blobs) Free() (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.space < 0 {
		return 1 << 62, nil
	}
	return b.space, nil
}
