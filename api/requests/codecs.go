package requests

import (
	"bytes"
	"compress/flate"
	"context"
	"runtime"
	"slices"
	"sync"

	groupdv1 "groupd/proto/groupd/v1"
)

// maxCompressors is how many pages may be packed at once in one Server; further ones wait their turn. A compressor takes about 1.6 MB
// while it is in use.
const maxCompressors = 4

// compressors lends out DEFLATE writers. The zero value is not ready to use.
type compressors struct {
	slots chan struct{} // one for each compressor lent out
	idle  sync.Pool     // *compressor; emptied by the garbage collector, so that an idle server keeps none
}

func newCompressors() *compressors { return &compressors{slots: make(chan struct{}, maxCompressors)} }

// borrow waits for a compressor until ctx ends. Give it back with giveBack.
func (c *compressors) borrow(ctx context.Context) (*compressor, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if k, ok := c.idle.Get().(*compressor); ok {
		return k, nil
	}
	return &compressor{}, nil
}

func (c *compressors) giveBack(k *compressor) {
	c.idle.Put(k)
	<-c.slots
}

// compressor holds one writer for each codec, made when first needed. One goroutine uses it at a time.
type compressor struct {
	plain, dictionary *flate.Writer
	packed            bytes.Buffer
}

// packAtOnce is how many bytes are packed before others get the processor: packing a large page takes several milliseconds.
const packAtOnce = 4 << 10

// deflate returns body packed with codec, valid until the next call.
func (k *compressor) deflate(codec groupdv1.Codec, body []byte) ([]byte, error) {
	w := &k.plain
	if codec == groupdv1.Codec_DEFLATE_DICTIONARY_1 {
		w = &k.dictionary
	}
	k.packed.Reset()
	if *w == nil {
		var err error
		if codec == groupdv1.Codec_DEFLATE_DICTIONARY_1 {
			*w, err = flate.NewWriterDict(&k.packed, flate.BestCompression, groupdv1.Dictionary1())
		} else {
			*w, err = flate.NewWriter(&k.packed, flate.BestCompression)
		}
		if err != nil {
			return nil, err
		}
	} else {
		(*w).Reset(&k.packed)
	}
	for len(body) > 0 {
		n := min(len(body), packAtOnce)
		if _, err := (*w).Write(body[:n]); err != nil {
			return nil, err
		}
		if body = body[n:]; len(body) > 0 {
			runtime.Gosched()
		}
	}
	if err := (*w).Close(); err != nil {
		return nil, err
	}
	return k.packed.Bytes(), nil
}

// sealView returns the smallest page form of a page.
func (k *compressor) sealView(v *groupdv1.PageView, accept []groupdv1.Codec) ([]byte, error) {
	body, err := form{}.encode(groupdv1.Columns(v))
	if err != nil {
		return nil, err
	}
	return k.seal(body, accept)
}

// seal returns the smallest page form of body among plain and the accepted codecs; equal sizes go to the lower codec number. Codecs
// this server does not know are passed over.
func (k *compressor) seal(body []byte, accept []groupdv1.Codec) ([]byte, error) {
	best := groupdv1.AppendPage(nil, groupdv1.Codec_PLAIN, body)
	for _, codec := range []groupdv1.Codec{groupdv1.Codec_DEFLATE, groupdv1.Codec_DEFLATE_DICTIONARY_1} {
		if !slices.Contains(accept, codec) {
			continue
		}
		packed, err := k.deflate(codec, body)
		if err != nil {
			return nil, err
		}
		if groupdv1.PageOverhead+len(packed) < len(best) {
			best = groupdv1.AppendPage(best[:0], codec, packed)
		}
	}
	return best, nil
}
