package group

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"time"
)

// begin makes the group that is to be filled.
func (im *importer) begin() error {
	if im.private == nil {
		return &Error{Kind: KindInvalid, Op: "import", Field: "identity", Msg: "the file holds no private key of the group: give its identity, or a new one"}
	}
	if err := im.room(0); err != nil {
		return err
	}
	var name [16]byte
	if err := im.hub.random(name[:]); err != nil {
		return err
	}
	im.filled = importPath + GroupID(hex.EncodeToString(name[:8]))
	g := im.group // with nobody's identity: one that has it may be here and be erased meanwhile
	g.ID, g.PrivateKey, g.Identity, g.Address = im.filled, nil, name, AddressOf(name)
	im.begun = true
	return im.hub.store.Update(im.ctx, func(tx Tx) error { return tx.BeginImport(g) })
}

// room refuses when less of the disk would be free than the floor.
func (im *importer) room(more int64) error {
	if im.hub.blobs == nil || im.hub.limits.AttachFloor < 0 {
		return nil
	}
	free, err := im.hub.blobs.Free()
	if err == nil && free-more < im.hub.limits.AttachFloor {
		err = ErrNoSpace
	}
	return err
}

// quota refuses a content for which the server's attachments have no more room.
func (im *importer) quota(hash Hash, size int64) error {
	most := im.hub.limits.AttachDisk
	if most < 0 || im.hub.blobs.Has(hash, size) {
		return nil
	}
	if im.contents == 0 {
		err := im.hub.store.View(im.ctx, func(tx ReadTx) error {
			have, err := tx.AttachedBytes(im.filled, IdentityHash{})
			im.contents = have.Server
			return err
		})
		if err != nil {
			return err
		}
	}
	if im.contents += size; im.contents > most {
		return &Error{Kind: KindFull, Op: "import", Field: "attachments", Msg: "the server's attachments have no more room (attachments in [limits])", Limit: most, Needed: im.contents}
	}
	return nil
}

// add has a row written soon.
func (im *importer) add(err error, write func(Tx) error) error {
	if err != nil || im.hub == nil {
		return err
	}
	im.rows = append(im.rows, write)
	im.bytes += len(im.text)
	if len(im.rows) < importRows && im.bytes < importBytes {
		return nil
	}
	if err := im.room(int64(im.bytes)); err != nil {
		return err
	}
	if err := im.flush(); err != nil {
		return err
	}
	select {
	case <-im.ctx.Done():
		return im.ctx.Err()
	case <-time.After(importPause):
		return nil
	}
}

// flush writes the rows that wait.
func (im *importer) flush() error {
	if len(im.rows) == 0 {
		return nil
	}
	rows := im.rows
	im.rows, im.bytes = nil, 0
	return im.hub.store.Update(im.ctx, func(tx Tx) error {
		for _, write := range rows {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// content reads all parts of one content and stores it.
func (im *importer) content() error {
	in, err := im.contentLines()
	if err != nil || in.missing {
		return err
	}
	if im.hub == nil || im.hub.blobs == nil {
		if _, err := io.Copy(io.Discard, in); err != nil {
			return err
		}
		return in.whole()
	}
	if err := errors.Join(im.room(in.size), im.quota(in.hash, in.size)); err != nil {
		return err
	}
	release, err := im.hub.blobs.Keep(in.hash, in.size, in)
	if err == nil {
		im.kept = append(im.kept, keptContent{in.hash, release})
		_, err = io.Copy(io.Discard, in) // it was here already
	}
	if in.err != nil {
		return in.err
	}
	if in.at == in.size {
		if wrong := in.whole(); wrong != nil {
			return wrong
		}
	}
	return err
}

// keptContent is a content that nobody erases before it is released.
type keptContent struct {
	hash    Hash
	release func()
}

// settle lets the contents go, and erases those that no row refers to.
func (im *importer) settle() {
	for _, k := range im.kept {
		k.release()
		if err := im.hub.eraseUnused(context.WithoutCancel(im.ctx), k.hash); err != nil {
			im.hub.log.Warn("could not remove an attachment that nothing refers to", "err", err)
		}
	}
}

// finish makes the group be there.
func (im *importer) finish() error {
	if !im.begun {
		if err := im.begin(); err != nil {
			return err
		}
	}
	if err := im.flush(); err != nil {
		return err
	}
	h := im.hub
	im.out.Group = im.group
	if im.in.Ready != nil {
		if err := im.in.Ready(im.out); err != nil {
			return err
		}
	}
	im.group.PrivateKey = im.private
	return h.store.Update(im.ctx, func(tx Tx) error {
		if err := im.free(tx); err != nil {
			return err
		}
		if err := h.renewFor(tx, im.group.Address); err != nil {
			return err
		}
		if _, err := h.clock.expiry(tx); err != nil {
			return err
		}
		if err := tx.PutHead(im.filled, im.head); err != nil {
			return err
		}
		if err := errors.Join(tx.FinishImport(im.filled, im.group), tx.DeleteRemovedGroup(im.group.ID)); err != nil {
			return err
		}
		line := ServerLine{Time: h.clock.wall(), Action: "import group", Group: im.group.ID, Detail: im.group.Address.String()}
		if err := tx.AddServerLine(line, maxServerLog); err != nil {
			return err
		}
		return h.clock.advance(tx)
	})
}

// renewFor gives the database a generation, or another one where a group of this address was here before: its members' clients may know later
// rows, and keys of epochs, than those that it has now. A zero address is of a group that can not have been here.
func (h *Hub) renewFor(tx Tx, address Address) error {
	gen, err := generation(tx)
	if err != nil {
		return err
	}
	back, lines := gen == 0, 0
	for before := int64(0); !back && !address.IsZero(); {
		page, err := tx.ServerLog(before, MaxPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		lines, before = lines+len(page), page[len(page)-1].ID
		back = lines >= maxServerLog || slices.ContainsFunc(page, func(l ServerLine) bool { return l.Detail == address.String() }) // or it is forgotten
	}
	if back {
		_, err = h.renew(tx)
	}
	return err
}

// EraseLeftovers erases at once what imports that failed or were cut off, and groups that were deleted, have left. For who has the store to
// himself: with others about, Run does it bit by bit.
func (h *Hub) EraseLeftovers(ctx context.Context) error {
	const op, rows = "erase leftovers", 2000
	err := h.abandonImports(ctx)
	var going []GroupID
	if err == nil {
		err = h.store.View(ctx, func(tx ReadTx) (err error) { going, err = tx.GroupsToErase(); return err })
	}
	for _, g := range going {
		for more := true; more && err == nil; {
			more, _, err = h.eraseGroup(ctx, g, rows)
		}
	}
	if err == nil {
		err = h.eraseAll(ctx)
	}
	if err == nil && len(going) > 0 {
		_, _, err = h.CheckAttachments(ctx)
	}
	if err != nil {
		return h.failed(op, err)
	}
	return nil
}

// abandonImports gives up what was being imported when the program ended.
func (h *Hub) abandonImports(ctx context.Context) error {
	if h.importing.Load() {
		return nil
	}
	return h.store.Update(ctx, func(tx Tx) error { return tx.AbandonImports() })
}
