package pages

import (
	"slices"
	"sync"
	"time"

	"groupd/group"
)

// Bounds of drafts.
const (
	draftFor  = time.Hour
	maxDrafts = 16       // of a group's members, one each; for one more the oldest goes
	maxDraft  = 16 << 10 // bytes of one
)

// draft is what a member typed that could not be posted and is too long to be shown in a form again.
type draft struct {
	who   group.IdentityHash
	text  string
	until time.Time
}

// drafts are in memory alone, and nobody's but of those who wrote them.
type drafts struct {
	now func() time.Time

	mu   sync.Mutex // leaf
	list []draft    // by until
}

// keep remembers a text instead of what was kept of the same member before; false where it is too long.
func (d *drafts) keep(who group.IdentityHash, text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(who)
	if len(text) > maxDraft {
		return false
	}
	if len(d.list) >= maxDrafts {
		d.list = slices.Delete(d.list, 0, 1)
	}
	d.list = append(d.list, draft{who, text, d.now().Add(draftFor)})
	return true
}

// of is what is kept of a member; "" for nothing.
func (d *drafts) of(who group.IdentityHash) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(group.IdentityHash{}) // nobody's
	for _, o := range d.list {
		if o.who == who {
			return o.text
		}
	}
	return ""
}

// forget is for what was posted.
func (d *drafts) forget(who group.IdentityHash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(who)
}

// drop removes somebody's, and what is over.
func (d *drafts) drop(who group.IdentityHash) {
	now := d.now()
	d.list = slices.DeleteFunc(d.list, func(o draft) bool { return o.who == who || !now.Before(o.until) })
}
