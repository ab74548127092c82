package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"groupd/api/web"
	"groupd/db/blobs"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/sharedinstance"
)

// node is a server and all its parts. It is what the admin API asks of the process.
type node struct {
	dir         string
	settings    *settings
	network     *network
	log         loggers
	started     time.Time
	notify      func(states ...string) // the service manager
	db          *sqlite.DB
	store       *guardedStore // db, as long as nothing speaks against it
	contents    *blobs.Dir    // of attachments
	hub         *group.Hub
	transport   *rns.Transport
	router      *lxmf.Router
	propagation *lxmf.Propagation
	air         *air
	scheduler   *delivery.Scheduler
	instance    *sharedinstance.Instance
	master      *sharedinstance.Caller // asks the instance that we joined as a client; nil: no key, or no client
	web         *web.Server
	ways        ways         // of the announce loop
	slow        atomic.Bool  // an interface in use is slow
	slowest     atomic.Int64 // bit/s of the slowest interface of the shared instance that we use; 0: not known
	rates       rates
	broken      chan string // what panic_on_interface_error ends the program for; capacity 1

	mu       sync.Mutex // leaf
	groups   map[group.GroupID]*serving
	parting  map[group.IdentityHash]*serving // deleted, and not closed yet
	attached connected
	ending   bool            // no more faces
	life     context.Context // of the faces; they end after the router
	faces    errgroup.Group

	settling sync.Mutex // held while groups are opened and closed; before mu
	claims   sync.Mutex // leaf; held while the file with owner's codes is changed
}

var _ web.Node = (*node)(nil)

// Describe implements web.Node.
func (n *node) Describe(ctx context.Context) (web.Status, error) {
	s := n.transport.Stats()
	st := web.Status{
		PID: os.Getpid(), Started: n.started.UTC(), UptimeSeconds: int64(time.Since(n.started).Seconds()), Data: n.dir, RNSConfig: n.network.path,
		Network:   web.Network{Paths: s.Paths, Known: s.Known, Links: s.Links, Transport: s.Transport, Relayed: s.RelayedPackets, Drops: make(map[string]uint64)},
		Store:     web.Store{Bytes: sizeOf(n.db.Path()) + sizeOf(n.db.Path()+"-wal")},
		Attention: append([]web.Notice(nil), n.network.notices...),
	}
	for reason, count := range s.Drops {
		st.Network.Drops[reason.String()] = count
	}
	if info, err := os.Stat(filepath.Join(n.dir, fileBackup)); err == nil {
		at := info.ModTime().UTC()
		st.Store.LastBackup = &at
	}
	var notices []web.Notice
	st.Network.Instance, notices = n.describeInstance(s)
	st.Attention = append(st.Attention, notices...)
	if w, low := lowDisk(n.dir, n.settings); low {
		st.Attention = append(st.Attention, w)
	}
	if n.instance.Role() == sharedinstance.Client {
		return st, nil
	}
	if len(n.network.enabled) == 0 {
		st.Attention = append(st.Attention, n.network.waysOut())
	}
	now := n.connected()
	st.Attention = append(st.Attention, now.notices...)
	for _, l := range now.listeners {
		if why := l.why(); why != "" {
			st.Attention = append(st.Attention, web.Notice{Text: l.Name() + " does not listen: " + why, Hint: "end what uses the port, or change the port and start again"})
		}
	}
	return st, nil
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Serving implements web.Node.
func (n *node) Serving(g group.GroupID) web.Serving {
	n.mu.Lock()
	s := n.groups[g]
	n.mu.Unlock()
	if s == nil {
		return web.Serving{}
	}
	out := web.Serving{Destinations: s.destinations, Announce: s.detail.now(), ReadOnly: n.store.why(), Delivery: deliveryOf(n.scheduler.Status(), g), Mail: n.mail(s.delivery)}
	last, next := s.announcer.times()
	if !last.IsZero() {
		last = last.UTC()
		out.LastAnnounced = &last
	}
	if !next.IsZero() && out.Announce != "off" {
		next = next.UTC()
		out.NextAnnounce = &next
	}
	return out
}

// newKeys makes the keys of a group.
func newKeys() (public, private []byte, err error) {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return id.Public().PublicKey(), id.PrivateKey(), nil
}

// serve puts a group on the network.
func (n *node) serve(ctx context.Context, info group.Info) error {
	s, run, err := n.serveGroup(ctx, info)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ending {
		return group.ErrClosed
	}
	life, end := context.WithCancel(n.life)
	s.end = end
	n.groups[info.Group] = s
	n.faces.Go(func() error { defer end(); return run(life) })
	n.propagation.Added()
	return nil
}

// announcers are those of all groups that are served, in any order.
func (n *node) announcers() []*announcer {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]*announcer, 0, len(n.groups))
	for _, s := range n.groups {
		list = append(list, s.announcer)
	}
	return list
}

// Announce implements web.Node.
func (n *node) Announce(ctx context.Context, g group.GroupID) error {
	n.mu.Lock()
	s := n.groups[g]
	n.mu.Unlock()
	refuse := func(msg string) error { return &group.Error{Kind: group.KindConflict, Op: "announce", Msg: msg} }
	switch {
	case s == nil:
		return refuse("the group is not served")
	case n.store.why() != "":
		return refuse(n.store.why())
	case s.detail.now() == "off":
		return refuse(`announces of this group are off (announce in its settings, or in groupd.toml)`)
	}
	err := s.announcer.all(ctx, n.slow.Load())
	if errors.Is(err, rns.ErrNoInterface) {
		return refuse("no interface is up that anybody could hear it on")
	}
	return err
}

// backupFile is a temporary copy that goes away when it is closed.
type backupFile struct {
	*os.File
	dir string
}

func (f backupFile) Close() error { return errors.Join(f.File.Close(), os.RemoveAll(f.dir)) }

// Backup implements web.Node.
func (n *node) Backup(ctx context.Context) (io.ReadCloser, int64, error) {
	dir, err := os.MkdirTemp(n.dir, ".backup-*")
	if err != nil {
		return nil, 0, noRoom("backup", n.dir, err)
	}
	path := filepath.Join(dir, "copy.db")
	err = n.db.Backup(ctx, path) // see sweepLeftovers for what a power cut leaves
	if err == nil {
		err = n.backupContents(ctx, path)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, 0, noRoom("backup", n.dir, errors.Join(err, os.RemoveAll(dir)))
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, backupFile{f, dir}.Close())
	}
	return backupFile{f, dir}, info.Size(), nil
}

// BackedUp implements web.Node.
func (n *node) BackedUp() {
	if err := writePrivate(filepath.Join(n.dir, fileBackup), nil); err != nil {
		n.log.own.Warn("time of the backup not noted", "err", err)
	}
}

// backupContents adds the contents of attachments to a backup, if there is room enough for that on the data directory's disk.
func (n *node) backupContents(ctx context.Context, path string) error {
	const spare = 64 << 20 // what stays free for the database
	free, err := n.contents.Free()
	if err != nil {
		return err
	}
	return sqlite.AddContents(ctx, path, n.contents, max(0, free-spare))
}

// NewToken implements web.Node. Only the hash is kept.
func (n *node) NewToken(context.Context) (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	token := hex.EncodeToString(raw)
	sum := sha256.Sum256([]byte(token))
	return token, writePrivate(filepath.Join(n.dir, fileToken), []byte(hex.EncodeToString(sum[:])+"\n"))
}

// CheckToken implements web.Node.
func (n *node) CheckToken(token string) bool {
	text, err := os.ReadFile(filepath.Join(n.dir, fileToken))
	if err != nil {
		return false
	}
	want, err := hex.DecodeString(strings.TrimSpace(string(text)))
	got := sha256.Sum256([]byte(token))
	return err == nil && len(want) == len(got) && subtle.ConstantTimeCompare(want, got[:]) == 1
}

// remember makes sure that the transport knows a member's key for good, also after a quiet month or a restore.
func (n *node) remember(m group.Member) {
	if len(m.PublicKey) == 0 {
		return
	}
	id, err := rns.NewPublicIdentity(m.PublicKey)
	if err == nil {
		err = n.transport.Remember(rns.DestinationHash(m.Address), id)
	}
	if err != nil {
		n.log.own.Warn("key of a member not remembered", "member", m.Address, "err", err)
	}
}

// rememberAll does that for everybody in a group.
func (n *node) rememberAll(ctx context.Context, g group.GroupID) error {
	for after := group.Rev(0); ; {
		page, err := n.hub.Members(ctx, group.Caller{Local: true}, g, group.MembersQuery{AfterRev: after, Limit: group.MaxPage})
		if err != nil {
			return fmt.Errorf("members of %s: %w", g, err)
		}
		for _, m := range page.Members {
			n.remember(m)
		}
		if !page.More {
			return nil
		}
		after = page.To
	}
}
