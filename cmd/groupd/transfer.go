package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"groupd/api/signed"
	"groupd/configs"
	"groupd/db/blobs"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
)

// transfer is what exports and imports need: of a server that runs, or of a data directory at rest.
type transfer struct {
	db  *sqlite.DB
	hub *group.Hub
}

// ownDestinations are those of a group that have ratchets or announce themselves.
func ownDestinations(id group.IdentityHash) []rns.DestinationHash {
	identity := rns.IdentityHash(id)
	var all []rns.DestinationHash
	for _, name := range [][2]string{{lxmf.AppName, lxmf.DeliveryAspect}, {"meshchat", "group"}, {"nomadnetwork", "node"}} {
		all = append(all, rns.HashDestination(&identity, name[0], name[1]))
	}
	return all
}

// export writes a group; with its identity also the ratchets with which mail that waited long is opened.
func (t transfer) export(ctx context.Context, g group.GroupID, in group.ExportInput, w io.Writer) (group.ExportResult, error) {
	in.Software = "groupd " + Version
	if in.Identity {
		info, err := t.hub.Info(ctx, group.Caller{Local: true}, g)
		if err != nil {
			return group.ExportResult{}, err
		}
		store := t.db.RNSStore(nil)
		for _, d := range ownDestinations(info.Identity) {
			file, err := store.LoadOwnRatchets(ctx, d)
			if err != nil {
				return group.ExportResult{}, err
			}
			if len(file) > 0 {
				in.Ratchets = append(in.Ratchets, group.OwnRatchet{Destination: d, File: file})
			}
		}
	}
	return t.hub.Export(ctx, group.Caller{Local: true}, g, w, in)
}

// publicOf is the public key of a private one.
func publicOf(private []byte) ([]byte, error) {
	id, err := rns.LoadIdentity(private)
	if err != nil {
		return nil, err
	}
	return id.Public().PublicKey(), nil
}

// checkRatchet refuses ratchets that the destination could not be opened with, and with it the server not be started.
func checkRatchet(public []byte, r group.OwnRatchet) error {
	id, err := rns.NewPublicIdentity(public)
	if err == nil {
		_, err = rns.ParseOwnRatchets(id, r.File)
	}
	return err
}

// importing completes what an import needs to know.
func importing(in group.ImportInput) (group.ImportInput, error) {
	in.PublicOf, in.Verify, in.CheckRatchet = publicOf, signed.Check, checkRatchet
	if in.PrivateKey != nil {
		var err error
		if in.PublicKey, err = publicOf(in.PrivateKey); err != nil {
			return in, &group.Error{Kind: group.KindInvalid, Op: "import", Field: "identity", Msg: "is no identity's private key"}
		}
	}
	return in, nil
}

// farAhead is how far ahead of the clock an export is believed to be made: a machine without a network starts decades ago.
const farAhead = 100 * 365 * 24 * time.Hour

// load makes a group of what export wrote.
func (t transfer) load(ctx context.Context, r io.Reader, in group.ImportInput) (group.Imported, error) {
	in, err := importing(in)
	if err != nil {
		return group.Imported{}, err
	}
	in.Ready = func(got group.Imported) error {
		store := t.db.RNSStore(nil)
		for _, d := range ownDestinations(got.Group.Identity) {
			for _, kept := range got.Ratchets {
				if kept.Destination == d {
					if err := store.SaveOwnRatchets(ctx, d, kept.File); err != nil {
						return err
					}
				}
			}
		}
		// Where this machine's clock is behind, the network would take what the group announces from here for older than what it knows.
		until := time.Now()
		if got.Exported.After(until) && got.Exported.Before(until.Add(farAhead)) {
			until = got.Exported
		}
		return noteAnnounces(ctx, t.db, []group.Info{{Identity: got.Group.Identity}}, until)
	}
	return t.hub.Import(ctx, group.Caller{Local: true}, r, in)
}

// erasingFor bounds how long the end of an import that failed may take.
const erasingFor = 20 * time.Second

// loadAlone is load where no server runs: what imports before this one have left is erased first, and what this one leaves when it fails.
func (t transfer) loadAlone(ctx context.Context, r io.Reader, in group.ImportInput) (group.Imported, error) {
	if err := t.hub.EraseLeftovers(ctx); err != nil {
		return group.Imported{}, err
	}
	got, err := t.load(ctx, r, in)
	if err != nil {
		ctx, end := context.WithTimeout(context.WithoutCancel(ctx), erasingFor)
		defer end()
		err = errors.Join(err, t.hub.EraseLeftovers(ctx))
	}
	return got, err
}

// Export implements web.Node.
func (n *node) Export(ctx context.Context, g group.GroupID, in group.ExportInput, w io.Writer) (group.ExportResult, error) {
	r, err := transfer{n.db, n.hub}.export(ctx, g, in, w)
	if err == nil {
		n.log.own.Info("group exported", "group", string(g), "private_key", in.Identity, "bytes", r.Bytes)
	}
	return r, err
}

// Import implements web.Node.
func (n *node) Import(ctx context.Context, r io.Reader, in group.ImportInput) (group.Imported, error) {
	got, err := transfer{n.db, n.hub}.load(ctx, r, in)
	if err == nil {
		n.log.own.Info("group imported", "group", string(got.Group.ID), "address", got.Group.Address, "entries", got.Counts["entry"])
		err = n.Settle(ctx)
	}
	return got, err
}

// PublicKey implements web.Node.
func (n *node) PublicKey(private []byte) ([]byte, error) { return publicOf(private) }

// Appear implements web.Node.
func (n *node) Appear(ctx context.Context, g group.GroupID, expected []group.ForeignResult) {
	for i, m := range expected {
		if m.Outcome != group.ForeignExpected {
			continue
		}
		c, ok := n.knownAs(rns.DestinationHash(m.Target))
		if !ok {
			c, ok = n.knownAs(rns.DestinationHash(group.AddressOf(group.IdentityHash(m.Target))))
		}
		if !ok {
			continue
		}
		if err := n.hub.Arrive(ctx, c); err != nil {
			n.log.own.Warn("somebody who is expected and known is no member yet", "err", err)
			continue
		}
		if st, err := n.hub.Standing(ctx, c, g); err == nil && st.Standing == moderation.StandingMember {
			expected[i].Outcome = group.ForeignMade
		}
	}
}

// knownAs is who has an LXMF address, as the groups here know him, or the network does.
func (n *node) knownAs(address rns.DestinationHash) (c group.Caller, ok bool) {
	var key, ratchet []byte
	if p := n.person(address); p.key != nil {
		key, ratchet = p.key, p.ratchet
	} else if known, ok := n.transport.Recall(address); ok {
		key, ratchet = known.Identity.PublicKey(), known.Ratchet
	}
	id, err := rns.NewPublicIdentity(key)
	if err != nil || lxmf.DeliveryHash(id) != address { // nobody, or another destination of his
		return c, false
	}
	return group.Caller{Identity: group.IdentityHash(id.Hash()), PublicKey: key, Ratchet: ratchet}, true
}

// atRest opens the data directory of a server that does not run; with fresh it makes one that is not there. done closes it.
func (a *app) atRest(ctx context.Context, fresh bool) (t transfer, done func() error, err error) {
	dir, err := a.dataDir()
	if err != nil {
		return t, nil, err
	}
	switch {
	case hasDatabase(dir):
	case !fresh:
		return t, nil, &failure{code: exitNotFound, msg: "there is no database in " + dir, hint: "groupd init, or --data DIR"}
	default:
		if err := makeDataDir(dir); err != nil {
			return t, nil, err
		}
		if path := filepath.Join(dir, fileConfig); !exists(path) {
			if err := writePrivate(path, configs.Groupd); err != nil {
				return t, nil, failed(err, "")
			}
		}
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return t, nil, err
	}
	s, _, err := readSettings(dir)
	if err != nil {
		lock.release()
		return t, nil, err
	}
	if t.db, err = sqlite.Open(ctx, filepath.Join(dir, fileDatabase)); err != nil {
		lock.release()
		return t, nil, notOpened(err, "groupd check")
	}
	done = func() error { defer lock.release(); return t.db.Close() }
	contents, err := blobs.Open(filepath.Join(dir, folderFiles), blobs.Options{})
	if err == nil {
		t.hub, err = group.New(group.Config{Store: t.db, Blobs: contents, Limits: s.limits(), NewIdentity: newKeys})
	}
	if err != nil {
		return t, nil, errors.Join(failed(err, "groupd check"), done())
	}
	return t, done, nil
}

// restingGroup is the group that is meant: --group, or the only one there is.
func (a *app) restingGroup(ctx context.Context, t transfer) (group.GroupID, error) {
	infos, err := t.hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		return "", failed(err, "groupd check")
	}
	for _, info := range infos {
		if string(info.Group) == a.group || (a.group == "" && len(infos) == 1) {
			return info.Group, nil
		}
	}
	if a.group == "" {
		return "", usage("there are %d groups: say which with --group", len(infos))
	}
	return "", &failure{code: exitNotFound, msg: fmt.Sprintf("there is no group %q", a.group), hint: "groupd group list"}
}
