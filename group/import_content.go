package group

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
)

// contentLines begins to read the parts of a content.
func (c *checker) contentLines() (*contentParts, error) {
	var r contentRow
	if err := c.into(&r); err != nil {
		return nil, err
	}
	var last Hash
	if n := len(c.contents); n > 0 {
		last = c.contents[n-1].hash
	}
	switch {
	case bytes.Compare(r.Hash[:], last[:]) <= 0:
		return nil, c.wrong("hash", "is missing, or does not rise")
	case r.At != 0:
		return nil, c.wrong("at", "the content does not begin at its beginning")
	case r.Size < 0 || r.Size > maxImportFile:
		return nil, c.wrong("size", "can not be")
	case r.Missing && len(r.Data) > 0:
		return nil, c.wrong("missing", "and yet there is data")
	case len(c.contents) >= maxContents:
		return nil, c.wrong("", "more than %d contents", maxContents)
	}
	c.contents = append(c.contents, listedContent{r.Hash, r.Size, r.Missing})
	in := &contentParts{c: c, hash: r.Hash, size: r.Size, missing: r.Missing, rest: r.Data, at: int64(len(r.Data)), sum: sha256.New()}
	if !r.Missing && (in.at > r.Size || len(r.Data) == 0 && r.Size > 0) {
		return nil, c.wrong("data", "does not fit the size")
	}
	in.sum.Write(r.Data)
	return in, nil
}

// listedContent is a content of which the file says something.
type listedContent struct {
	hash    Hash
	size    int64
	missing bool
}

// listed finds what the file says of a content.
func (c *checker) listed(h Hash) (listedContent, bool) {
	i, found := slices.BinarySearchFunc(c.contents, h, func(l listedContent, h Hash) int { return bytes.Compare(l.hash[:], h[:]) })
	if !found {
		return listedContent{}, false
	}
	return c.contents[i], true
}

// brought reports whether the file holds a content of this size. Of another, that the server has from another group, nobody here
// reads a byte.
func (c *checker) brought(h Hash, size int64) bool {
	l, found := c.listed(h)
	return found && !l.missing && l.size == size
}

// contentParts reads one content from its lines.
type contentParts struct {
	c       *checker
	hash    Hash
	size    int64
	at      int64 // of the end of what was read
	rest    []byte
	sum     hash.Hash
	missing bool
	err     error // of the file
}

// Read implements io.Reader.
func (p *contentParts) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if p.at >= p.size {
			return 0, io.EOF
		}
		p.err = p.line()
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// line reads the next part.
func (p *contentParts) line() error {
	kind, err := p.c.next()
	if err != nil {
		return err
	}
	if kind != kindContent {
		return p.c.wrong("kind", "a content ends after %d of %d bytes", p.at, p.size)
	}
	p.c.counts[kindContent]++
	var r contentRow
	if err := p.c.into(&r); err != nil {
		return err
	}
	if r.Hash != p.hash || r.Size != p.size || r.At != p.at || r.Missing || len(r.Data) == 0 || p.at+int64(len(r.Data)) > p.size {
		return p.c.wrong("at", "this is not the part of the content that is due, from byte %d on", p.at)
	}
	p.at += int64(len(r.Data))
	p.rest = r.Data
	p.sum.Write(r.Data)
	return nil
}

// whole makes sure that all that was read is the content.
func (p *contentParts) whole() error {
	if Hash(p.sum.Sum(nil)) != p.hash {
		return p.c.wrong("hash", "is not that of the content")
	}
	return nil
}
