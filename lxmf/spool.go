package lxmf

import (
	"errors"
	"io"
)

// Tunables of spooling: ours.
const (
	// SpoolThreshold is the size in bytes above which a message that comes as a resource goes to the [Spool], if there is one.
	SpoolThreshold = 64 << 10
	// maxBesideFiles is how much of a spooled message may be in memory: all but its files.
	maxBesideFiles = DefaultMaxSize
)

// Spool keeps large messages out of memory while they come in and until the application has decided about them. Package filespool
// has one of files. Its methods may be called from several goroutines.
type Spool interface {
	// Create makes room for one message of at most size bytes. It is called before anything of the message is received and must
	// be quick. An error means that there is no room now: the sender is not answered, and tries again later.
	Create(size int64) (SpoolFile, error)
}

// SpoolFile is one message in a [Spool]. Write appends to it and fails beyond its size; ReadAt is called when all has been
// written, from several goroutines; Close deletes it, and reading fails from then on.
type SpoolFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// spool takes room for a resource that was offered. nil: it is to be received in memory.
func (d *Delivery) spool(size int64) (SpoolFile, error) {
	if d.r.config.Spool == nil || size <= SpoolThreshold {
		return nil, nil
	}
	f, err := d.r.config.Spool.Create(size)
	if err != nil {
		d.r.count.spoolFull.Add(1)
		d.r.log.Warn("no room for a large message", "dest", d.address, "bytes", size, "err", err)
		return nil, err
	}
	return f, nil
}

// unpack reads an arrival. It ends one that cannot be read, and says so with nil.
func (d *Delivery) unpack(a *arrival) *Message {
	count := &d.r.count
	var m *Message
	var err error
	if a.spool != nil {
		m, err = unpackSpooled(a.spool, a.length, maxBesideFiles)
	} else {
		m, err = Unpack(a.packed)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrMalformed):
		count.malformed.Add(1)
		d.refuse(a)
		return nil
	case errors.Is(err, ErrTooLarge):
		count.tooLarge.Add(1)
		d.refuse(a)
		return nil
	default:
		d.unreadable(a, err)
		return nil
	}
	if a.spool != nil && !d.grow(a, len(m.Title)+len(m.Content)+len(m.Fields.Raw())+len(m.Stamp)) {
		count.overload.Add(1)
		d.fail(a)
		return nil
	}
	return m
}

// unreadable ends an arrival whose spool file fails.
func (d *Delivery) unreadable(a *arrival, err error) {
	d.r.count.storeErrors.Add(1)
	d.r.log.Warn("large message not read", "dest", d.address, "err", err)
	d.fail(a)
}

// bring takes a message whose author is not known from the spool to memory, where it can be held. It ends one that is larger than
// what strangers may have held.
func (d *Delivery) bring(a *arrival) bool {
	if a.length > d.config.MaxStrangerSize || !d.grow(a, int(a.length)) {
		d.r.count.overload.Add(1)
		d.fail(a)
		return false
	}
	packed := make([]byte, a.length)
	if err := readFull(a.spool, packed, 0); err != nil {
		d.unreadable(a, err)
		return false
	}
	m, err := Unpack(packed)
	if err != nil {
		d.r.count.malformed.Add(1)
		d.refuse(a)
		return false
	}
	a.packed, a.message = packed, m
	_ = a.spool.Close()
	a.spool = nil
	return true
}

// grow gives an arrival more of the bytes that may be undecided, if there are so many.
func (d *Delivery) grow(a *arrival, size int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	more := int64(size - a.size)
	if more <= 0 {
		return true
	}
	if d.bytes+more > d.r.config.MaxUndecidedBytes {
		return false
	}
	d.bytes += more
	a.size = size
	return true
}
