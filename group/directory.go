package group

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"groupd/moderation"
)

// Tunables of reading the directory.
const (
	directorySave  = time.Minute
	directoryFresh = 5 * time.Second // so long a view of it is used for all who ask
)

// HeardGroup is an announce of a group by another server. The caller has checked the signature.
type HeardGroup struct {
	Identity  IdentityHash
	Name      string // as announced
	Public    bool
	Joining   moderation.Joining
	JoinCost  int
	PostCost  int
	Hops      int
	Interface string
	NextHop   [16]byte  // who passed it on; its own destination for a direct neighbour
	Emitted   time.Time // the announcer's clock
}

// DirectoryQuery pages through the directory.
type DirectoryQuery struct {
	After uint64 // only larger numbers: page on with that of the last one
	Text  string // only groups with this in their names, whatever the case
	Limit int    // 1 … MaxPage; 0: DefaultPage
}

// DirectoryEntry is one group of another server.
type DirectoryEntry struct {
	ListedGroup // Hops and Interface as the way there is now. Interface and NextHop: for local callers only
	Address     Address
	// Alike is who else has a name that looks the same: a group of this server, or else the one in the directory that has had it for
	// longest. Zero: nobody.
	Alike IdentityHash
}

// DirectoryPage is a part of the directory, those that came first first.
type DirectoryPage struct {
	Groups []DirectoryEntry
	Total  int // that fit the query's text, in all
	More   bool
	Now    time.Time // by which First and Last count
	Stats  DirectoryStats
}

// directory is the table and what is read of it.
type directory struct {
	mu     sync.Mutex // leaf
	table  directoryTable
	loaded bool
	view   []DirectoryEntry // shared: not changed once it is made
	made   time.Time        // zero: there is no view
	asked  Buckets[IdentityHash]
}

// HeardGroup takes in an announce of a group by another server. It writes nothing: what is listed goes to disk once a minute, a bounded
// number of rows, with Run.
func (h *Hub) HeardGroup(ctx context.Context, in HeardGroup) error {
	const op = "heard group"
	if in.Identity.IsZero() {
		return &Error{Kind: KindInvalid, Op: op, Field: "identity", Msg: "is needed"}
	}
	if err := h.loadDirectory(ctx); err != nil {
		return h.failed(op, err)
	}
	now := h.Now().UTC().Truncate(time.Microsecond)
	d := &h.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	d.table.hear(ListedGroup{
		Identity: in.Identity, Name: cleanName(in.Name), Public: in.Public, Joining: in.Joining, JoinCost: in.JoinCost, PostCost: in.PostCost,
		Hops: in.Hops, Interface: in.Interface, NextHop: in.NextHop, Emitted: in.Emitted.UTC().Truncate(time.Microsecond),
	}, now)
	return nil
}

// Directory lists groups that other servers announce. Anybody may ask, and has to wait when he asks too often; all who have not
// identified count as one.
func (h *Hub) Directory(ctx context.Context, c Caller, q DirectoryQuery) (DirectoryPage, error) {
	const op = "directory"
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if q.Limit < 0 || q.Limit > MaxPage {
		return DirectoryPage{}, &Error{Kind: KindInvalid, Op: op, Field: "limit", Msg: "1 to 500"}
	}
	if !c.Local {
		if wait := h.directory.asked.TakeOne(h.now(), c.Identity, h.limits.DirectoryRate); wait > 0 {
			return DirectoryPage{}, &Error{Kind: KindRateLimited, Op: op, Msg: "too many questions about the directory, wait a little", RetryAfter: wait}
		}
	}
	if err := h.loadDirectory(ctx); err != nil {
		return DirectoryPage{}, h.failed(op, err)
	}
	all, stats, err := h.lookAtDirectory(ctx)
	if err != nil {
		return DirectoryPage{}, h.failed(op, err)
	}
	page := DirectoryPage{Now: h.Now().UTC(), Stats: stats}
	text := strings.ToLower(cleanName(q.Text))
	for _, e := range all {
		if text != "" && !strings.Contains(strings.ToLower(e.Name), text) {
			continue
		}
		page.Total++
		if e.Number <= q.After {
			continue
		}
		if len(page.Groups) == q.Limit {
			page.More = true
			continue
		}
		if hops, carrier, known := h.pathTo(e.Identity); known {
			e.Hops, e.Interface = hops, carrier
		}
		if !c.Local {
			e.Interface, e.NextHop = "", [16]byte{}
		}
		page.Groups = append(page.Groups, e)
	}
	return page, nil
}

// counts is a snapshot.
func (d *directory) counts() DirectoryStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.table.counts()
}

// loadDirectory reads what is on disk, once.
func (h *Hub) loadDirectory(ctx context.Context) error {
	d := &h.directory
	d.mu.Lock()
	loaded := d.loaded
	d.mu.Unlock()
	if loaded {
		return nil
	}
	var rows []ListedGroup
	if err := h.store.View(ctx, func(tx ReadTx) (err error) {
		rows, err = tx.Listed(MaxListed)
		return err
	}); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.loaded {
		d.table.load(rows)
		d.loaded = true
	}
	return nil
}

// lookAtDirectory is all that may be shown, by number. It is made anew every few seconds, when somebody asks.
func (h *Hub) lookAtDirectory(ctx context.Context) ([]DirectoryEntry, DirectoryStats, error) {
	d := &h.directory
	now := h.now()
	d.mu.Lock()
	stats, view := d.table.counts(), d.view
	fresh := !d.made.IsZero() && now.Sub(d.made) < directoryFresh && !now.Before(d.made)
	d.mu.Unlock()
	if fresh {
		return view, stats, nil
	}
	own := make(map[IdentityHash]bool)
	looks := make(map[string]IdentityHash) // skeletons, and who came first
	if err := h.store.View(ctx, func(tx ReadTx) error {
		groups, err := tx.Groups()
		for _, g := range groups {
			own[g.Identity] = true
			if s := Skeleton(g.PublicName); s != "" && g.Policy.AnnounceDetail(g.Public) != moderation.AnnounceOff {
				looks[s] = g.Identity // whose name nobody hears is not given away by this
			}
		}
		return err
	}); err != nil {
		return nil, stats, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	view = make([]DirectoryEntry, 0, len(d.table.listed))
	shown := slices.DeleteFunc(d.table.byNumber(), func(l *listing) bool { return own[l.Identity] || h.blackholed(l.Identity) })
	nameless := Skeleton(moderation.NamelessGroup) // what private groups are called that do not say their names
	alike := make(map[IdentityHash]IdentityHash)
	for _, l := range byName(shown) {
		if l.skeleton == "" || l.skeleton == nameless {
			continue
		}
		if first, taken := looks[l.skeleton]; taken {
			alike[l.Identity] = first
		} else {
			looks[l.skeleton] = l.Identity
		}
	}
	for _, l := range shown {
		view = append(view, DirectoryEntry{ListedGroup: l.ListedGroup, Address: AddressOf(l.Identity), Alike: alike[l.Identity]})
	}
	d.view, d.made = view, now
	return view, stats, nil
}

// runDirectory writes the directory to disk, bit by bit, until ctx ends, and then once more.
func (h *Hub) runDirectory(ctx context.Context) {
	tick := time.NewTicker(directorySave)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
		if err := h.saveDirectory(context.WithoutCancel(ctx)); err != nil {
			h.log.Debug("could not store the directory", "err", err) // it is tried again
		}
		if last {
			return
		}
	}
}

// saveDirectory writes what has changed, at most so many rows.
func (h *Hub) saveDirectory(ctx context.Context) error {
	now, sure := h.Now(), !h.ClockUnsure()
	d := &h.directory
	d.mu.Lock()
	if sure {
		d.table.expire(now)
	}
	remove, put := d.table.unsavedRows(savedPerMinute)
	d.mu.Unlock()
	if len(remove)+len(put) == 0 {
		return nil
	}
	if err := h.store.Update(ctx, func(tx Tx) error {
		for _, id := range remove {
			if err := tx.DeleteListed(id); err != nil {
				return err
			}
		}
		for _, r := range put {
			if err := tx.PutListed(r); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.table.saved(remove, put)
	return nil
}
