package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"groupd/api/requests"
	"groupd/api/web"
	"groupd/db/blobs"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/lxmf/filespool"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/filestore"
)

// first is what a first start made, to be shown.
type first struct {
	config   bool
	database bool
	groups   []group.Info
	codes    []group.ClaimCodeIssued // one for each of groups that has no owner named
}

// assemble opens everything and puts it together; nothing runs yet, and nothing is sent. Whoever gets a node runs it, and closes its db.
func assemble(ctx context.Context, dir, home string, s *settings, net *network, logs io.Writer, notify func(...string)) (n *node, made first, err error) {
	n = &node{
		dir: dir, settings: s, network: net, log: newLoggers(logs, s.Log, net.config.Logging), started: time.Now(),
		groups: make(map[group.GroupID]*serving), parting: make(map[group.IdentityHash]*serving), notify: notify, broken: make(chan string, 1),
	}
	fresh := !exists(filepath.Join(dir, fileDatabase))
	if n.db, err = sqlite.Open(ctx, filepath.Join(dir, fileDatabase)); err != nil {
		return nil, made, notOpened(err, "groupd check")
	}
	defer func(db *sqlite.DB) {
		if err != nil {
			err = errors.Join(err, db.Close())
			n = nil
		}
	}(n.db)
	n.store = guard(n.db)
	if n.contents, err = blobs.Open(filepath.Join(dir, folderFiles), blobs.Options{}); err != nil {
		return nil, made, failed(err, "groupd check")
	}
	if n.hub, err = group.New(group.Config{
		Store: n.store, Blobs: n.contents, Logger: n.log.own, Limits: s.limits(), Airtime: n.airtime, Announces: n.announcesGroup,
		Blackholed: n.blackholed, PathTo: n.pathToGroup,
		NewIdentity: newKeys, Groups: s.Creating.creating(), NotBefore: clockFloor(),
	}); err != nil {
		return nil, made, err
	}
	if made, err = seed(ctx, n.hub, s); err != nil {
		return nil, made, err
	}
	made.database = fresh
	files, err := filestore.Open(filepath.Join(dir, folderRNS))
	if err != nil {
		return nil, made, failed(err, "")
	}
	identity, calls, err := net.identities(files)
	if err != nil {
		return nil, made, failed(err, "")
	}
	owner, err := net.networkIdentity(home)
	if err != nil {
		return nil, made, err
	}
	r := net.config.Reticulum
	n.transport, err = rns.New(rns.Config{
		Store: n.db.RNSStore(files), Logger: n.log.network, Identity: identity, ExplicitProofs: !r.UseImplicitProof, OwnAnnounced: n.twinHeard,
		TransportEnabled: r.EnableTransport, RespondToProbes: r.RespondToProbes, PublishBlackholes: r.PublishBlackhole, Ingress: limitsOf(r.Limits),
		BlackholeSources: sourcesOf(r), BlackholeUpdate: r.BlackholeUpdateInterval, LocalHopsDelta: r.LocalHopsDelta, NetworkIdentity: owner,
		InterfaceFailed: n.interfaceFailed,
	})
	if err != nil {
		return nil, made, err
	}
	spool, err := filespool.Open(filespool.Config{Dir: filepath.Join(dir, folderSpool)})
	if err != nil {
		return nil, made, failed(err, "")
	}
	n.router, err = lxmf.NewRouter(lxmf.RouterConfig{
		Transport: n.transport, Spool: spool, Store: guardedMessages{n.db.LXMFStore(), n.store}, Logger: n.log.network, LookupIdentity: n.memberKey,
	})
	if err != nil {
		return nil, made, err
	}
	n.air = newAir(n.transport, net.enabled)
	n.air.slowest = n.slowest.Load
	if n.scheduler, err = delivery.New(delivery.Config{Hub: n.hub, Store: n.store, Air: n.air, Logger: n.log.own}); err != nil {
		return nil, made, err
	}
	n.propagation, err = lxmf.NewPropagation(n.router, s.Propagation.config())
	if err != nil {
		return nil, made, err
	}
	n.web, err = web.New(web.Config{Hub: operated{n.hub, n}, Node: n, Logger: n.log.own, Version: Version, Hosts: s.Server.Hosts})
	if err != nil {
		return nil, made, err
	}
	err = n.join(ctx, calls)
	return n, made, err
}

// seed makes the groups of groupd.toml that the database does not have, each with an owner's code unless an owner is named.
func seed(ctx context.Context, hub *group.Hub, s *settings) (made first, err error) {
	infos, err := hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		return made, failed(err, "groupd check")
	}
	removed, err := hub.RemovedGroups(ctx, group.Caller{Local: true})
	if err != nil {
		return made, failed(err, "groupd check")
	}
	have := make(map[group.GroupID]bool)
	for _, info := range infos {
		have[info.Group] = true
	}
	for _, g := range removed {
		have[g.ID] = true // deleted is deleted
	}
	for _, g := range s.Groups {
		if have[group.GroupID(g.ID.string)] || (moderation.Policy{ExpiresAt: g.Ends.Moment}).Over(hub.Now()) {
			continue
		}
		info, err := seedOne(ctx, hub, g.seed())
		if err != nil {
			return made, &failure{code: exitConfig, msg: fmt.Sprintf("[[group]] %q: %v", g.ID.string, err)}
		}
		var code group.ClaimCodeIssued
		if g.Owner.hash.IsZero() && !info.Owned {
			if code, err = hub.NewClaimCode(ctx, group.Caller{Local: true}, info.Group); err != nil {
				return made, failed(err, "")
			}
		}
		made.groups, made.codes = append(made.groups, info), append(made.codes, code)
	}
	return made, nil
}

// seedOne makes a group.
func seedOne(ctx context.Context, hub *group.Hub, n group.NewGroup) (group.Info, error) {
	g, err := hub.CreateGroup(ctx, group.Caller{Local: true}, n)
	if err != nil {
		return group.Info{}, err
	}
	return hub.Info(ctx, group.Caller{Local: true}, g.ID)
}

// openAll puts all groups on the network and tells the transport the members' keys.
func (n *node) openAll(ctx context.Context) error {
	if err := n.Settle(ctx); err != nil {
		return err
	}
	if err := n.db.ForgetDestinations(ctx); err != nil {
		return err
	}
	return nil
}

// runAll is the life of all parts, until ctx ends or one fails; more runs beside them. It returns when all have ended, from the top
// down: first what asks, then the router, then the groups' message faces, which decide about what has come in, and the network last.
func (n *node) runAll(ctx context.Context, more ...func(context.Context) error) error {
	workers, top := errgroup.WithContext(ctx)
	faces, endFaces := context.WithCancel(context.WithoutCancel(ctx))
	defer endFaces()
	bottom, endBottom := context.WithCancel(context.WithoutCancel(ctx))
	defer endBottom()
	n.life = faces
	if err := n.openAll(ctx); err != nil {
		endFaces()
		return errors.Join(failed(err, "groupd check"), n.faces.Wait())
	}
	defer n.transport.HandleAnnounces("lxmf.delivery", rns.AnnounceHandlerOptions{PathResponses: true}, func(a rns.Announced) {
		c := group.Caller{Identity: group.IdentityHash(a.Identity.Hash()), PublicKey: a.Identity.PublicKey(), Ratchet: a.Ratchet}
		if err := n.hub.Heard(top, c); err != nil && top.Err() == nil && n.store.why() == "" {
			n.log.own.Warn("sign of life not noted", "err", err)
		}
		n.heard(a)
	})()
	defer n.transport.HandleAnnounces("meshchat.notify", rns.AnnounceHandlerOptions{PathResponses: true}, n.heard)()
	defer n.transport.HandleAnnounces(requests.App+"."+requests.Aspect, rns.AnnounceHandlerOptions{}, func(a rns.Announced) { n.groupHeard(top, a) })()
	workers.Go(func() error {
		err := n.router.Run(top)
		n.mu.Lock()
		n.ending = true
		n.mu.Unlock()
		endFaces()
		err = errors.Join(err, n.faces.Wait())
		endBottom()
		return err
	})
	workers.Go(func() error {
		if err := n.hub.Run(bottom); n.store.why() == "" {
			return err
		}
		return nil
	})
	workers.Go(func() error { return n.transport.Run(bottom) })
	workers.Go(func() error { return n.instance.Run(bottom, n.transport, n.attach) })
	workers.Go(func() error { return n.propagation.Run(top) })
	workers.Go(func() error { n.follow(top); return nil })
	workers.Go(func() error { return n.scheduler.Run(top) })
	workers.Go(func() error { return n.announceLoop(top) })
	workers.Go(func() error { return n.awaitBroken(top) })
	for _, f := range more {
		workers.Go(func() error { return f(top) })
	}
	return workers.Wait()
}

// follow keeps up with what happens in the groups: live pages, members' keys, and owner's codes that are used up.
func (n *node) follow(ctx context.Context) {
	const queue = 256
	sub := n.hub.Subscribe(queue)
	defer sub.Close()
	var lost uint64
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-sub.Events():
			if !ok {
				return
			}
			missed := sub.Dropped() != lost
			lost = sub.Dropped()
			n.changed(e.Group, e.Entry == nil, missed)
			if missed || e.Kind == group.EventGroupCreated || e.Kind == group.EventGroupDeleted {
				if err := n.Settle(ctx); err != nil && ctx.Err() == nil {
					n.log.own.Error("groups not opened or closed", "err", err)
				}
			}
			if e.Kind == group.EventChanged && e.Entry != nil && e.Entry.Kind == group.EntryJoin {
				st, err := n.hub.Standing(ctx, group.Caller{Identity: e.Entry.Author}, e.Group)
				if err == nil && st.Member != nil {
					n.remember(*st.Member)
				}
			}
			if e.Kind == group.EventRole || (e.Entry != nil && e.Entry.Kind == group.EntryRole) {
				n.pruneClaimFile(ctx)
			}
		}
	}
}

// changed tells a group's faces that something is new in it, policies perhaps: live pages look for it, announces tell it. all: those of all
// groups.
func (n *node) changed(g group.GroupID, policies, all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, s := range n.groups {
		if !all && id != g {
			continue
		}
		s.face.Changed()
		if policies || all {
			s.detail.changed()
		}
	}
}

// announceLoop looks after the announces of all groups.
func (n *node) announceLoop(ctx context.Context) error {
	select {
	case <-n.transport.Ready():
	case <-ctx.Done():
		return nil
	}
	tick := time.NewTicker(announceTick)
	defer tick.Stop()
	var master slowMaster
	for {
		stats := n.transport.Stats()
		n.rates.measure(stats.Interfaces, time.Now())
		w := waysOf(stats.Interfaces)
		w.slow = master.look(ctx, n.caller(), time.Now()) || w.slow
		n.slowest.Store(master.slowest)
		n.slow.Store(w.slow)
		fresh := w.beyond(n.ways)
		n.ways = w
		if n.store.why() == "" {
			lookAll(ctx, time.Now(), n.announcers(), w, fresh)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
