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
	maxStray  = 4        // of people who had not identified
	maxDraft  = 16 << 10 // bytes of one
)

// draft is what somebody typed that could not be posted and is too long to be shown in a form again.
type draft struct {
	who   group.IdentityHash
	text  string
	until time.Time
}

// draftName is what a form calls a draft by, so that one that was opened for another does not post this.
func draftName(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// stray stands for who wrote a draft of that name on a link on which nobody had identified. Nobody else knows the name: it is on the page that
// came of the text.
func stray(name string) (who group.IdentityHash) {
	copy(who[:], name)
	return who
}

// drafts are in memory alone, and nobody's but of those who wrote them.
type drafts struct {
	now  func() time.Time
	most int

	mu   sync.Mutex // leaf
	list []draft    // by until
}

// keep remembers a text instead of what was kept of the same person before, and returns its name; "" where it is too long.
func (d *drafts) keep(who group.IdentityHash, text string) (name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(who)
	if len(text) > maxDraft {
		return ""
	}
	if len(d.list) >= d.most {
		d.list = slices.Delete(d.list, 0, 1)
	}
	d.list = append(d.list, draft{who, text, d.now().Add(draftFor)})
	return draftName(text)
}

// of is what is kept of somebody by that name; "" for nothing.
func (d *drafts) of(who group.IdentityHash, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(group.IdentityHash{}) // nobody's
	for _, o := range d.list {
		if o.who == who && draftName(o.text) == name {
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
