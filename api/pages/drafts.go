package pages

import (
	"crypto/sha256"
	"encoding/base64"
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

// name is what a form calls the draft by, so that one that was opened for another does not post this.
func (d draft) name() string {
	sum := sha256.Sum256([]byte(d.text))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// drafts are in memory alone, and nobody's but of those who wrote them.
type drafts struct {
	now func() time.Time

	mu   sync.Mutex // leaf
	list []draft    // by until
}

// keep remembers a text instead of what was kept of the same member before, and returns its name; "" where it is too long.
func (d *drafts) keep(who group.IdentityHash, text string) (name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(who)
	if len(text) > maxDraft {
		return ""
	}
	if len(d.list) >= maxDrafts {
		d.list = slices.Delete(d.list, 0, 1)
	}
	kept := draft{who, text, d.now().Add(draftFor)}
	d.list = append(d.list, kept)
	return kept.name()
}

// of is what is kept of a member by that name; "" for nothing.
func (d *drafts) of(who group.IdentityHash, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(group.IdentityHash{}) // nobody's
	for _, o := range d.list {
		if o.who == who && o.name() == name {
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
