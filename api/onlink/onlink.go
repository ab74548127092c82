// Package onlink is what the faces over Reticulum links have in common: who asks, and how many files are being sent.
package onlink

import (
	"sync"

	"groupd/group"
	"groupd/rns"
)

// Caller is who has identified on a link; nil is nobody.
func Caller(p *rns.PublicIdentity) group.Caller {
	if p == nil {
		return group.Caller{}
	}
	return group.Caller{Identity: group.IdentityHash(p.Hash()), PublicKey: p.PublicKey()}
}

// Bounds of files that a face sends.
const (
	MaxFiles     = 32 // at once in one group
	MaxFilesEach = 2  // of these over one link
)

// Files counts the files that one face of a group is sending. Any goroutine may use it; the zero value is ready.
type Files struct {
	mu   sync.Mutex // leaf
	all  int
	each map[rns.LinkID]int
}

// Begin takes a place for a file, until End, or reports that there is none.
func (f *Files) Begin(l rns.LinkID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all >= MaxFiles || f.each[l] >= MaxFilesEach {
		return false
	}
	if f.each == nil {
		f.each = make(map[rns.LinkID]int)
	}
	f.all++
	f.each[l]++
	return true
}

// End gives a place back.
func (f *Files) End(l rns.LinkID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.each[l]--; f.each[l] == 0 {
		delete(f.each, l)
	}
}
