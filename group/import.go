package group

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"groupd/moderation"
)

const (
	importRows  = 100                  // written in one transaction, so that others need not wait for long
	importBytes = 512 << 10            // of them, about
	importPause = 2 * time.Millisecond // between two transactions
	importPath  = ".import-"           // begins the ID of a group that is being filled: no group has such a one
)

// SignedPost is a post whose author signed it, for who can check that.
type SignedPost struct {
	Entry       Entry
	Original    []byte // less the attachments
	Attachments []Attachment
	PublicKey   []byte                         // the author's
	Open        func(Hash) (BlobReader, error) // a content; ErrNoRow when it is not there
}

// ErrUnchecked is returned by ImportInput.Verify for a post that it can not check: what was signed is not there, or too large to be put
// together.
var ErrUnchecked = errors.New("can not be checked")

// ImportInput says what becomes of an export.
type ImportInput struct {
	ID GroupID // what the group is called here; "": as where it comes from
	// PublicKey and PrivateKey are the group's identity from now on; nil: that of the file.
	PublicKey, PrivateKey []byte
	// PublicOf is the public key of the private key in the file; required unless PrivateKey is given.
	PublicOf func(private []byte) (public []byte, err error)
	// CheckRatchet looks at what the file says are ratchets of a destination of this identity; an error ends the import. Nil: they are not
	// looked at.
	CheckRatchet func(public []byte, r OwnRatchet) error
	// Verify checks a signed original: nil when the author signed what the entry says. Called in order. Nil: signatures are not checked.
	Verify func(SignedPost) error
	// Ready is called when all is right, before the group is there; an error ends the import. Nil: nothing is called.
	Ready func(Imported) error
}

// Imported says what an import brought, or what a file holds.
type Imported struct {
	Group       Group  // without its private key
	From        Group  // as it was in the file
	Software    string // that wrote the file
	Exported    time.Time
	Head        Head
	Counts      map[string]int // lines by kind
	Members     int            // present ones
	Verified    int            // posts whose author's signature is right
	Unchecked   int            // signed posts whose key, or attachments, are not known
	Unsigned    int            // posts of people whose signed original is not there: whoever made the file may have written them
	Missing     int            // attachments whose content is not there
	HasIdentity bool           // the file holds the private key
	Ratchets    []OwnRatchet
}

// Import makes a group of what Export wrote: with the same rows, so that members see the same pages. It reads r once, in bounded memory, and
// checks everything: the form of each line, what it may hold, the chain, the digests, signatures where Verify is given, and that the file is
// whole. The group is filled bit by bit, so that others need not wait, and nobody sees it before all of it is there; what was filled when
// something is wrong, or after a crash, is erased. A file that is not right is an *Error of KindInvalid whose Err is a *LineError. One import
// at a time; it is refused when a group of that ID or identity is here. For the operator.
func (h *Hub) Import(ctx context.Context, c Caller, r io.Reader, in ImportInput) (Imported, error) {
	const op = "import"
	if err := operator(op, c); err != nil {
		return Imported{}, err
	}
	if !h.importing.CompareAndSwap(false, true) {
		return Imported{}, &Error{Kind: KindConflict, Op: op, Msg: "another import is running"}
	}
	defer h.importing.Store(false)
	im := &importer{checker: newChecker(r, h.limits), ctx: ctx, hub: h, in: in}
	err := im.run()
	im.settle()
	if err != nil {
		if im.begun {
			if err := h.store.Update(context.WithoutCancel(ctx), func(tx Tx) error { return tx.AbandonImports() }); err != nil {
				h.log.Warn("an import that failed is not given up yet", "err", err)
			}
			h.wakeEraser()
		}
		h.freed()
		return Imported{}, h.importFailed(err)
	}
	out := im.out
	h.publish(Event{Kind: EventGroupCreated, Group: out.Group.ID, Head: out.Head})
	return out, nil
}

// importFailed makes an *Error of whatever ended an import.
func (h *Hub) importFailed(err error) error {
	var e *Error
	var bad *LineError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &bad):
		return &Error{Kind: KindInvalid, Op: "import", Msg: bad.Error(), Err: bad}
	case errors.Is(err, ErrNoSpace):
		return &Error{Kind: KindFull, Op: "import", Msg: "the server's disk is nearly full"}
	}
	return h.failed("import", err)
}

// CheckExport reads what Export wrote and checks it as Import does, without a server, whose limits may be narrower: nothing is stored.
// Signatures of posts with attachments are not checked.
func CheckExport(ctx context.Context, r io.Reader, in ImportInput) (Imported, error) {
	const wide = 1 << 20
	im := &importer{checker: newChecker(r, Limits{Members: wide, Departed: wide, Requests: wide, Bans: wide, Audit: wide, Invites: wide, Reports: wide, PostBytes: maxExportLine}), ctx: ctx, in: in}
	if err := im.run(); err != nil {
		var bad *LineError
		if errors.As(err, &bad) {
			return Imported{}, &Error{Kind: KindInvalid, Op: "import", Msg: bad.Error(), Err: bad}
		}
		return Imported{}, err
	}
	return im.out, nil
}

// importer fills a group. Without a hub it only checks.
type importer struct {
	*checker
	ctx      context.Context
	hub      *Hub
	in       ImportInput
	out      Imported
	group    Group // as it is to be here
	filled   GroupID
	begun    bool
	private  []byte
	rows     []func(Tx) error
	bytes    int
	contents int64 // bytes of all contents of the server, those of this import included
	kept     []keptContent
}

// run reads the whole file.
func (im *importer) run() error {
	if err := im.header(); err != nil {
		return err
	}
	im.out.Software, im.out.Exported = im.software, im.exported
	for {
		kind, err := im.kind()
		if err != nil {
			return err
		}
		if kind == kindEnd {
			break
		}
		if err := im.take(kind); err != nil {
			return err
		}
		if err := im.ctx.Err(); err != nil {
			return err
		}
	}
	if err := im.end(); err != nil {
		return err
	}
	im.out.From, im.out.Head, im.out.Counts, im.out.Members = im.from, im.head, im.counts, im.present
	if im.hub == nil {
		im.out.Group = im.from
		return nil
	}
	return im.finish()
}

// take reads one line and puts what it says into the group.
func (im *importer) take(kind string) error {
	switch kind {
	case kindGroup:
		if err := im.groupLine(); err != nil {
			return err
		}
		return im.early()
	case kindIdentity:
		return im.identityLine()
	case kindRatchet:
		r, err := im.ratchetLine()
		if err == nil && im.in.CheckRatchet != nil {
			if bad := im.in.CheckRatchet(im.from.PublicKey, r); bad != nil {
				err = im.wrong("file", "%v", bad)
			}
		}
		im.out.Ratchets = append(im.out.Ratchets, r)
		return err
	}
	if !im.begun && im.hub != nil {
		if err := im.begin(); err != nil {
			return err
		}
	}
	switch kind {
	case kindContent:
		return im.content()
	case kindMember:
		m, err := im.memberLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutMember(m) })
	case kindRequest:
		q, err := im.requestLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutRequest(q) })
	case kindBan:
		b, err := im.banLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutBan(b) })
	case kindInvite:
		i, err := im.inviteLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.KeepInvite(i) })
	case kindDelivery:
		d, err := im.deliveryLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutDelivery(d) })
	case kindExpected:
		e, err := im.expectedLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutExpected(e) })
	case kindCircle:
		c, err := im.circleLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutCircle(c) })
	case kindInvitee:
		i, err := im.inviteeLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.PutInvitee(i) })
	case kindEpoch:
		e, err := im.epochLine(im.filled)
		if err == nil && im.hub != nil {
			err = im.hub.random(e.Key[:])
		}
		return im.add(err, func(tx Tx) error { return tx.PutEpoch(e) })
	case kindEntry:
		return im.entry()
	case kindReaction:
		r, err := im.reactionLine(im.filled)
		return im.add(err, func(tx Tx) error { _, err := tx.AddReaction(r); return err })
	case kindReport:
		p, err := im.reportLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.KeepReport(p) })
	case kindAudit:
		a, err := im.auditLine(im.filled)
		return im.add(err, func(tx Tx) error { return tx.KeepAudit(a) })
	case kindSeen:
		ids, err := im.seenLine()
		return im.add(err, func(tx Tx) error {
			for _, id := range ids {
				if err := tx.AddSeen(im.filled, id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return im.wrong("kind", "%q is not known: the file may be of a newer groupd", kind)
}

// early refuses what would be refused at the end.
func (im *importer) early() error {
	im.group = im.from
	if im.in.ID != "" {
		im.group.ID = im.in.ID
	}
	if !validGroupID(im.group.ID) {
		return &Error{Kind: KindInvalid, Op: "import", Field: "id", Msg: groupIDForm}
	}
	if im.in.PrivateKey != nil {
		if err := im.identify(im.in.PublicKey, im.in.PrivateKey); err != nil {
			return err
		}
	}
	if im.hub == nil {
		return nil
	}
	return im.hub.store.View(im.ctx, func(tx ReadTx) error { return im.free(tx) })
}

// identify makes a key the group's.
func (im *importer) identify(public, private []byte) error {
	id, err := IdentityOf(public)
	if err != nil || len(private) == 0 {
		return &Error{Kind: KindInvalid, Op: "import", Field: "identity", Msg: "is no identity's key"}
	}
	im.private = private
	im.group.PublicKey, im.group.Identity, im.group.Address, im.own = public, id, AddressOf(id), id
	return nil
}

// free refuses what is here already, and one group too many.
func (im *importer) free(tx ReadTx) error {
	all, err := tx.Groups()
	if err != nil {
		return err
	}
	for _, other := range all {
		switch {
		case other.ID == im.group.ID:
			return &Error{Kind: KindConflict, Op: "import", Field: "id", Msg: fmt.Sprintf("there is a group %q already", other.ID)}
		case other.Identity == im.group.Identity && (im.private != nil || im.in.PrivateKey == nil):
			return &Error{Kind: KindConflict, Op: "import", Field: "identity", Msg: fmt.Sprintf("the group's identity is served here already, as %q", other.ID)}
		}
	}
	if len(all) >= MaxGroups {
		return &Error{Kind: KindFull, Op: "import", Msg: "there are too many groups here", Limit: MaxGroups}
	}
	return leaving(tx, "import", im.group)
}

// leaving refuses an id, or an identity, whose group was deleted a moment ago.
func leaving(tx ReadTx, op string, g Group) error {
	going, err := tx.GroupsToErase()
	if err != nil {
		return err
	}
	same, err := tx.Leaving(g.Identity)
	if err == nil && (same || slices.Contains(going, g.ID)) {
		return &Error{Kind: KindConflict, Op: op, Field: "id", Msg: "a group that was deleted is still being erased, try again in a moment"}
	}
	return err
}

// identityLine reads the private key.
func (im *importer) identityLine() error {
	key, err := im.privateKey()
	if err != nil {
		return err
	}
	im.out.HasIdentity = true
	if im.in.PrivateKey != nil {
		return nil
	}
	if im.in.PublicOf == nil {
		return errors.New("import: the key can not be read")
	}
	public, err := im.in.PublicOf(key)
	if err != nil || string(public) != string(im.from.PublicKey) {
		return im.wrong("private_key", "is not the group's")
	}
	return im.identify(public, key)
}

// entry reads an entry with what belongs to it.
func (im *importer) entry() error {
	e, files, original, err := im.entryLine(im.filled)
	if err != nil {
		return err
	}
	for i, a := range files {
		if im.hub != nil && im.hub.blobs == nil {
			a.Lost, files[i].Lost = true, true
		}
		if a.Lost {
			im.out.Missing++
		}
	}
	switch {
	case len(original) > 0:
		if err := im.signature(e, files, original); err != nil {
			return err
		}
	case e.Kind.Authored() && !e.Author.IsZero() && !e.Deleted:
		im.out.Unsigned++
	}
	return im.add(nil, func(tx Tx) error {
		if err := tx.AppendEntry(e, original); err != nil {
			return err
		}
		return tx.AddAttachments(e, files)
	})
}

// signature checks an author's signature where that can be done.
func (im *importer) signature(e Entry, files []Attachment, original []byte) error {
	p := SignedPost{Entry: e, Original: original, Attachments: files, PublicKey: im.key(e.Author), Open: func(Hash) (BlobReader, error) { return nil, ErrNoRow }}
	if im.hub != nil && im.hub.blobs != nil {
		p.Open = func(h Hash) (BlobReader, error) {
			if l, found := im.listed(h); !found || l.missing {
				return nil, ErrNoRow // though another group may have it
			}
			return im.hub.blobs.Open(h)
		}
	}
	if im.in.Verify == nil || p.PublicKey == nil {
		im.out.Unchecked++
		return nil
	}
	switch err := im.in.Verify(p); {
	case errors.Is(err, ErrUnchecked):
		im.out.Unchecked++
	case err != nil:
		return im.wrong("original", "%v", err)
	default:
		im.out.Verified++
	}
	return nil
}

// groupIDForm says what a group may be called.
const groupIDForm = "1 to 32 of a-z, 0-9, - and _"

func validGroupID(id GroupID) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	for _, r := range id {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// role reports whether a role and bits can be a member's.
func roleFits(present bool, r moderation.Role, p moderation.Permission) bool {
	if !present {
		return r == moderation.RoleNone && p == 0
	}
	return r != moderation.RoleNone && p&^moderation.PermAll == 0
}
