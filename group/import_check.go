package group

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"groupd/moderation"
)

// Bounds of what an import reads. Some of it is kept in memory until the end: keys and names of members, 8 bytes for each entry.
const (
	maxImportEntries = 4 << 20
	maxImportNumber  = 1 << 53 // of seqs, revs and ids
	maxRatchetFile   = 64 << 10
	maxRatchets      = 16
	maxAuditDetail   = 64 << 10 // bytes
)

// checker reads an export line by line and refuses what can not be of a group.
type checker struct {
	*lineReader
	limits   Limits
	order    int
	counts   map[string]int
	software string
	exported time.Time

	from Group
	head Head

	members   map[IdentityHash]*[PublicKeySize]byte // nil: key not known
	names     map[string]bool                       // skeletons of present ones
	present   int
	memberRev Rev
	lastBan   AnyHash
	requests  map[IdentityHash]bool
	invites   int64 // ID of the last one
	delivery  IdentityHash
	contentOf Hash
	ratchets  map[AnyHash]bool

	lastExpected AnyHash
	invitees     map[AnyHash]bool
	lastEpoch    uint32

	entry      Entry // the last one
	reactions  int   // to it that were read
	reaction   Reaction
	revs       []Rev
	deletions  uint64
	lastReport int64
	lastAudit  int64
	lastSeen   SeenID
}

func newChecker(r io.Reader, l Limits) *checker {
	return &checker{
		lineReader: newLineReader(r), limits: l, counts: make(map[string]int), members: make(map[IdentityHash]*[PublicKeySize]byte),
		names: make(map[string]bool), requests: make(map[IdentityHash]bool), ratchets: make(map[AnyHash]bool),
		invitees: make(map[AnyHash]bool),
	}
}

// header reads the first line.
func (c *checker) header() error {
	kind, err := c.next()
	if err != nil {
		return err
	}
	if kind != exportFormat {
		return c.wrong("kind", "%q: this is no export of groupd", cutRunes(kind, 40))
	}
	var v struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(c.text, &v) == nil && v.Version > exportVersion {
		return c.wrong("version", "the export is of version %d, made by a newer groupd: this one reads version %d", v.Version, exportVersion)
	}
	var r headerRow
	if err := c.into(&r); err != nil {
		return err
	}
	if r.Version != exportVersion {
		return c.wrong("version", "there is no version %d", r.Version)
	}
	c.counts[exportFormat]++
	c.software, c.exported = moderation.CleanLine(cutRunes(r.Software, exportSoftware)), r.Exported
	return nil
}

// kind reads the next line and looks whether it may stand there.
func (c *checker) kind() (string, error) {
	kind, err := c.next()
	if err != nil {
		return "", err
	}
	order := exportOrder(kind)
	switch {
	case order < 0:
		return "", c.wrong("kind", "%q is not known: the file may be of a newer groupd", cutRunes(kind, 40))
	case order < c.order, order == 0:
		return "", c.wrong("kind", "%s stands too late", kind)
	case c.counts[kindGroup] == 0 && kind != kindGroup:
		return "", c.wrong("kind", "%s stands before the group", kind)
	case kind == kindGroup && c.counts[kindGroup] > 0, kind == kindIdentity && c.counts[kindIdentity] > 0:
		return "", c.wrong("kind", "there is a second %s", kind)
	case kind != kindReaction:
		if err := c.reactionsComplete(); err != nil {
			return "", err
		}
	}
	if order > exportOrder(kindEntry) && c.order <= exportOrder(kindEntry) {
		if err := c.timelineComplete(); err != nil {
			return "", err
		}
	}
	c.order = order
	if kind != kindEnd {
		c.counts[kind]++
	}
	return kind, nil
}

// atMost refuses a kind of lines of which there are too many.
func (c *checker) atMost(kind string, most int) error {
	if c.counts[kind] > most {
		return c.wrong("", "more than %d lines of kind %s", most, kind)
	}
	return nil
}

// end reads the last line.
func (c *checker) end() error {
	var r endRow
	if err := c.into(&r); err != nil {
		return err
	}
	switch {
	case r.Lines != c.line-1:
		return c.wrong("lines", "%d, but there are %d: something is missing", r.Lines, c.line-1)
	case r.SHA256 != Hash(c.sum.Sum(nil)):
		return c.wrong("sha256", "does not fit: the file was changed")
	case !maps.Equal(r.Counts, c.counts):
		return c.wrong("counts", "do not fit")
	}
	return c.ended()
}

// clean refuses a text that is not one clean line of at most so many bytes.
func (c *checker) clean(field, s string, most int) error {
	if len(s) > most {
		return c.wrong(field, "longer than %d bytes", most)
	}
	if moderation.CleanLine(s) != strings.TrimSpace(s) {
		return c.wrong(field, "holds characters that do not show, or several lines")
	}
	return nil
}

// key is a member's public key; nil: not known.
func (c *checker) key(id IdentityHash) []byte {
	if k := c.members[id]; k != nil {
		return k[:]
	}
	return nil
}

// keys checks what belongs to an identity.
func (c *checker) keys(id IdentityHash, public, ratchet []byte) error {
	if id.IsZero() {
		return c.wrong("identity", "is missing")
	}
	if len(public) > 0 {
		if got, err := IdentityOf(public); err != nil || got != id {
			return c.wrong("public_key", "does not belong to the identity")
		}
	}
	if len(ratchet) != 0 && len(ratchet) != RatchetSize {
		return c.wrong("ratchet", "has %d bytes, not %d", len(ratchet), RatchetSize)
	}
	return nil
}

func (c *checker) groupLine() error {
	var r groupRow
	if err := c.into(&r); err != nil {
		return err
	}
	g, h, err := r.group()
	if err != nil {
		return c.wrong("policy", "%v", err)
	}
	if err := c.keys(g.Identity, g.PublicKey, nil); err != nil {
		return err
	}
	if field, problem := g.Policy.Check(); problem != "" {
		return c.wrong("policy", "%s: %s", field, problem)
	}
	switch {
	case !validGroupID(g.ID):
		return c.wrong("id", groupIDForm)
	case len(g.PublicKey) == 0:
		return c.wrong("public_key", "is missing")
	case g.PublicName == "" || g.PublicName != cleanName(g.PublicName):
		return c.wrong("public_name", "is no clean name")
	case g.PrivateName != cleanName(g.PrivateName):
		return c.wrong("private_name", "is no clean name")
	case g.Joining == 0:
		return c.wrong("joining", "is missing")
	case len(g.SeenKey) != 32:
		return c.wrong("seen_key", "has %d bytes, not 32", len(g.SeenKey))
	case g.Rev > h.Rev:
		return c.wrong("rev", "is above that of the head")
	case h.Rev > maxImportNumber, h.Seq > maxImportNumber, h.Deletions > maxImportNumber, uint64(h.Seq) > uint64(h.Rev), h.OldestRev > h.Rev:
		return c.wrong("head", "has numbers that can not be")
	case h.Seq == 0 && (h.Oldest != 0 || h.Chain != Hash{}), h.Seq > 0 && h.Oldest == 0, h.Oldest > h.Seq:
		return c.wrong("head", "oldest, seq and chain do not fit each other")
	case h.Seq > 0 && uint64(h.Seq-h.Oldest) >= maxImportEntries:
		return c.wrong("head", "more than %d entries", maxImportEntries)
	}
	if err := c.clean("preset", g.Preset, 32); err != nil {
		return err
	}
	if err := c.clean("topic", g.Topic, MaxTopicBytes); err != nil {
		return err
	}
	c.from, c.head = g, h
	return nil
}

func (c *checker) privateKey() ([]byte, error) {
	var r identityRow
	if err := c.into(&r); err != nil {
		return nil, err
	}
	if len(r.PrivateKey) == 0 || len(r.PrivateKey) > 1024 {
		return nil, c.wrong("private_key", "is no key")
	}
	return r.PrivateKey, nil
}

func (c *checker) ratchetLine() (OwnRatchet, error) {
	var r ratchetRow
	if err := c.into(&r); err != nil {
		return OwnRatchet{}, err
	}
	switch {
	case c.counts[kindIdentity] == 0:
		return OwnRatchet{}, c.wrong("kind", "a ratchet without the identity")
	case len(r.File) == 0 || len(r.File) > maxRatchetFile:
		return OwnRatchet{}, c.wrong("file", "must have 1 to %d bytes", maxRatchetFile)
	case r.Destination.IsZero(), c.ratchets[r.Destination]:
		return OwnRatchet{}, c.wrong("destination", "is missing, or there twice")
	}
	c.ratchets[r.Destination] = true
	return OwnRatchet{r.Destination, r.File}, c.atMost(kindRatchet, maxRatchets)
}

func (c *checker) memberLine(g GroupID) (Member, error) {
	var r memberRow
	if err := c.into(&r); err != nil {
		return Member{}, err
	}
	m := r.member(g)
	if err := c.keys(m.Identity, m.PublicKey, m.Ratchet); err != nil {
		return m, err
	}
	_, twice := c.members[m.Identity]
	switch {
	case twice:
		return m, c.wrong("identity", "is there twice")
	case r.Address != m.Address:
		return m, c.wrong("address", "is not the identity's")
	case len(c.members) >= c.limits.Members+c.limits.Departed:
		return m, c.wrong("", "more than %d members: see members and departed in [limits]", c.limits.Members+c.limits.Departed)
	case m.Rev <= c.memberRev || m.Rev > c.head.Rev:
		return m, c.wrong("rev", "does not rise, or is above the head's")
	case !roleFits(m.Present, m.Role, m.Permissions):
		return m, c.wrong("role", "role, permissions and presence do not fit each other")
	case m.DisplayName != cleanName(m.DisplayName), m.Present && m.DisplayName == "":
		return m, c.wrong("name", "is no clean name")
	case m.Present && c.names[m.Skeleton]:
		return m, c.wrong("name", "looks like another member's")
	case m.JoinSeq > c.head.Seq:
		return m, c.wrong("join_seq", "is above the head's")
	}
	if err := errors.Join(c.clean("status", m.Status, MaxStatusBytes), c.clean("mute", m.Mute.Reason, MaxReasonBytes)); err != nil {
		return m, err
	}
	var key *[PublicKeySize]byte
	if len(m.PublicKey) > 0 {
		key = (*[PublicKeySize]byte)(m.PublicKey)
	}
	c.members[m.Identity], c.memberRev = key, m.Rev
	if m.Present {
		c.present++
		c.names[m.Skeleton] = true
	}
	return m, nil
}

func (c *checker) requestLine(g GroupID) (Request, error) {
	var r requestRow
	if err := c.into(&r); err != nil {
		return Request{}, err
	}
	q := r.request(g)
	switch {
	case c.requests[q.Identity]:
		return q, c.wrong("identity", "is there twice")
	case q.DisplayName != cleanName(q.DisplayName):
		return q, c.wrong("name", "is no clean name")
	}
	c.requests[q.Identity] = true
	if err := c.keys(q.Identity, q.PublicKey, q.Ratchet); err != nil {
		return q, err
	}
	if err := c.clean("greeting", q.Greeting, MaxGreeting); err != nil {
		return q, err
	}
	return q, c.atMost(kindRequest, c.limits.Requests)
}

func (c *checker) banLine(g GroupID) (Ban, error) {
	var r banRow
	if err := c.into(&r); err != nil {
		return Ban{}, err
	}
	b := r.ban(g)
	switch {
	case bytes.Compare(b.Target[:], c.lastBan[:]) <= 0:
		return b, c.wrong("target", "is missing, or does not rise")
	case !b.Identity.IsZero() && b.Address != AddressOf(b.Identity):
		return b, c.wrong("address", "is not the identity's")
	case b.DisplayName != cleanName(b.DisplayName):
		return b, c.wrong("name", "is no clean name")
	}
	c.lastBan = b.Target
	if err := c.clean("reason", b.Reason, MaxReasonBytes); err != nil {
		return b, err
	}
	return b, c.atMost(kindBan, c.limits.Bans)
}

func (c *checker) inviteLine(g GroupID) (Invite, error) {
	var r inviteRow
	if err := c.into(&r); err != nil {
		return Invite{}, err
	}
	i := r.invite(g)
	switch {
	case i.ID <= c.invites || i.ID > maxImportNumber:
		return i, c.wrong("id", "does not rise")
	case i.Code == Hash{}:
		return i, c.wrong("code", "is missing")
	case i.Uses < 1 || i.Uses > MaxInviteUses || i.Used < 0:
		return i, c.wrong("uses", "must be 1 to %d", MaxInviteUses)
	}
	c.invites = i.ID
	return i, c.atMost(kindInvite, c.limits.Invites)
}

func (c *checker) deliveryLine(g GroupID) (Delivery, error) {
	var r deliveryRow
	if err := c.into(&r); err != nil {
		return Delivery{}, err
	}
	d := r.delivery(g)
	if field, problem := d.Preferences.Check(); problem != "" {
		return d, c.wrong(field, "%s", problem)
	}
	_, member := c.members[d.Identity]
	switch {
	case bytes.Compare(d.Identity[:], c.delivery[:]) <= 0:
		return d, c.wrong("identity", "is missing, or does not rise")
	case !member && !c.requests[d.Identity]:
		return d, c.wrong("identity", "is nobody's here")
	case d.Cursor > c.head.Rev:
		return d, c.wrong("cursor", "is above the head's rev")
	case d.State > DeliveryWaits || d.Attempts < 0 || d.Spent < 0:
		return d, c.wrong("state", "is none that there is")
	}
	c.delivery = d.Identity
	return d, nil
}

func (c *checker) expectedLine(g GroupID) (Expected, error) {
	var r expectedRow
	if err := c.into(&r); err != nil {
		return Expected{}, err
	}
	e := r.expected(g)
	switch {
	case bytes.Compare(e.Target[:], c.lastExpected[:]) <= 0:
		return e, c.wrong("target", "is missing, or does not rise")
	case e.DisplayName != cleanName(e.DisplayName):
		return e, c.wrong("name", "is no clean name")
	case e.Role == moderation.RoleNone:
		return e, c.wrong("role", "is missing")
	}
	c.lastExpected = e.Target
	return e, c.atMost(kindExpected, c.limits.Members)
}

func (c *checker) circleLine(g GroupID) (Circle, error) {
	var r circleRow
	if err := c.into(&r); err != nil {
		return Circle{}, err
	}
	return r.circle(g), c.atMost(kindCircle, 1)
}

func (c *checker) inviteeLine(g GroupID) (Invitee, error) {
	var r inviteeRow
	if err := c.into(&r); err != nil {
		return Invitee{}, err
	}
	i := r.invitee(g)
	switch {
	case c.counts[kindCircle] == 0:
		return i, c.wrong("kind", "an invitee without a circle")
	case i.Who.IsZero() || c.invitees[i.Who]:
		return i, c.wrong("who", "is missing, or there twice")
	case i.State < InviteeAsked || i.State > InviteeRefused:
		return i, c.wrong("state", "is none that is stored")
	}
	c.invitees[i.Who] = true
	return i, c.atMost(kindInvitee, maxInvitees)
}

func (c *checker) epochLine(g GroupID) (Epoch, error) {
	var r epochRow
	if err := c.into(&r); err != nil {
		return Epoch{}, err
	}
	e := r.epoch(g)
	switch {
	case e.Number == 0 || (c.counts[kindEpoch] > 1 && e.Number >= c.lastEpoch):
		return e, c.wrong("number", "is missing, or does not fall")
	case e.Seq > c.head.Seq || e.Rev > c.head.Rev:
		return e, c.wrong("seq", "is above the head's")
	}
	c.lastEpoch = e.Number
	return e, c.atMost(kindEpoch, maxEpochs)
}

// entryLine reads an entry and follows the chain.
func (c *checker) entryLine(g GroupID) (e Entry, files []Attachment, original []byte, err error) {
	var r entryRow
	if err := c.into(&r); err != nil {
		return e, nil, nil, err
	}
	e, files = r.entry(g)
	want := c.entry.Seq + 1
	if c.counts[kindEntry] == 1 {
		want = c.head.Oldest
	}
	switch {
	case e.Seq != want || e.Seq > c.head.Seq:
		return e, nil, nil, c.wrong("seq", "%d, where %d is due", e.Seq, want)
	case e.Kind == 0:
		return e, nil, nil, c.wrong("type", "is missing")
	case e.Rev == 0 || e.Rev > c.head.Rev || e.Written == 0 || e.Written > e.Rev:
		return e, nil, nil, c.wrong("rev", "rev and written do not fit each other, or the head")
	case e.Ref >= e.Seq && e.Ref != 0:
		return e, nil, nil, c.wrong("ref", "names no entry before")
	case e.EditedBy != 0 && (e.EditedBy <= e.Seq || e.EditedBy > c.head.Seq):
		return e, nil, nil, c.wrong("edited_by", "names no entry behind")
	case e.Reactions < 0:
		return e, nil, nil, c.wrong("reactions", "can not be")
	case len(files) > MaxAttachments:
		return e, nil, nil, c.wrong("attachments", "more than %d", MaxAttachments)
	}
	if e.Deleted {
		if !e.bare() || len(files) > 0 {
			return e, nil, nil, c.wrong("deleted", "a deleted entry holds what is to be gone")
		}
		c.deletions++
	} else if len(e.Salt) != SaltSize {
		return e, nil, nil, c.wrong("salt", "has %d bytes, not %d", len(e.Salt), SaltSize)
	} else if e.ContentDigest() != e.Digest {
		return e, nil, nil, c.wrong("digest", "does not belong to what the entry says")
	}
	// Where what was before the first one is no longer kept, the chain is checked from there.
	if from := c.counts[kindEntry] == 1 && e.Seq > 1; !from && ChainHash(c.entry.Hash, e.Digest) != e.Hash {
		return e, nil, nil, c.wrong("hash", "does not follow from the entry before")
	}
	for _, a := range files {
		if err := c.attachment(a); err != nil {
			return e, nil, nil, err
		}
	}
	c.entry, c.reactions, c.reaction = e, 0, Reaction{}
	c.revs = append(c.revs, e.Rev)
	return e, files, r.Original, nil
}

// bare reports whether an entry holds no more than Tombstone leaves.
func (e Entry) bare() bool {
	return len(e.Title)+len(e.Text)+len(e.Fields)+len(e.Salt) == 0 && e.Target.IsZero() && e.Ref == 0 && e.MessageID.IsZero() && e.AuthorTime.IsZero() &&
		e.Codec == 0 && !e.Emergency && !e.Pinned && !e.Restored && e.EditedBy == 0 && e.Reactions == 0 && !e.Signed
}

func (c *checker) attachment(a Attachment) error {
	name := ""
	switch a.Kind {
	case AttachFile:
		name = CleanFileName(a.Name)
	case AttachImage:
		name = cleanFormat(a.Name)
	case AttachAudio:
	default:
		return c.wrong("attachments", "one is of no kind")
	}
	if a.Name != name {
		return c.wrong("attachments", "a name that is not clean")
	}
	if a.Size < 0 || a.At < 0 {
		return c.wrong("attachments", "a size that can not be")
	}
	return nil
}

func (c *checker) reactionLine(g GroupID) (Reaction, error) {
	var row reactionRow
	if err := c.into(&row); err != nil {
		return Reaction{}, err
	}
	r := row.reaction(g)
	before := c.reaction
	c.reactions++
	order := bytes.Compare(r.Who[:], before.Who[:])
	switch {
	case c.counts[kindEntry] == 0 || r.Seq != c.entry.Seq:
		return r, c.wrong("seq", "is not the entry before")
	case c.reactions > c.entry.Reactions:
		return r, c.wrong("", "more reactions than the entry says")
	case r.Who.IsZero() || order < 0 || (order == 0 && r.Text <= before.Text):
		return r, c.wrong("who", "is missing, or does not rise")
	case r.Text == "":
		return r, c.wrong("text", "is missing")
	}
	c.reaction = r
	return r, c.clean("text", r.Text, MaxReactionBytes)
}

// reactionsComplete looks back at the entry whose reactions were read.
func (c *checker) reactionsComplete() error {
	if c.reactions < c.entry.Reactions {
		return c.wrong("", "reactions to entry %d are missing", c.entry.Seq)
	}
	return nil
}

// timelineComplete looks back at all entries.
func (c *checker) timelineComplete() error {
	switch {
	case c.head.Seq > 0 && c.entry.Seq != c.head.Seq:
		return c.wrong("", "the entries from %d to %d are missing", max(c.entry.Seq+1, c.head.Oldest), c.head.Seq)
	case c.entry.Hash != c.head.Chain:
		return c.wrong("", "the chain does not end in the hash that the group has")
	case c.deletions > c.head.Deletions:
		return c.wrong("", "more entries are deleted than the group says")
	}
	slices.Sort(c.revs)
	for i := 1; i < len(c.revs); i++ {
		if c.revs[i] == c.revs[i-1] {
			return c.wrong("", "two entries have the rev %d", c.revs[i])
		}
	}
	c.revs = nil
	return nil
}

func (c *checker) reportLine(g GroupID) (Report, error) {
	var r reportRow
	if err := c.into(&r); err != nil {
		return Report{}, err
	}
	p := r.report(g)
	switch {
	case p.ID <= c.lastReport || p.ID > maxImportNumber:
		return p, c.wrong("id", "does not rise")
	case p.Seq < c.head.Oldest || p.Seq > c.head.Seq || p.Seq == 0:
		return p, c.wrong("seq", "there is no such entry")
	case p.By.IsZero():
		return p, c.wrong("by", "is missing")
	}
	c.lastReport = p.ID
	if err := c.clean("reason", p.Reason, MaxReasonBytes); err != nil {
		return p, err
	}
	return p, c.atMost(kindReport, c.limits.Reports)
}

func (c *checker) auditLine(g GroupID) (Audit, error) {
	var r auditRow
	if err := c.into(&r); err != nil {
		return Audit{}, err
	}
	a := r.audit(g)
	if a.ID <= c.lastAudit || a.ID > maxImportNumber {
		return a, c.wrong("id", "does not rise")
	}
	c.lastAudit = a.ID
	if len(a.Detail) > maxAuditDetail || strings.ContainsFunc(a.Detail, unicode.IsControl) {
		return a, c.wrong("detail", "is too long, or holds control characters")
	}
	if err := c.clean("action", a.Action, 64); err != nil {
		return a, err
	}
	return a, c.atMost(kindAudit, c.limits.Audit)
}

func (c *checker) seenLine() ([]SeenID, error) {
	var r seenRow
	if err := c.into(&r); err != nil {
		return nil, err
	}
	if len(r.IDs) > seenPerLine {
		return nil, c.wrong("ids", "more than %d", seenPerLine)
	}
	ids := make([]SeenID, 0, len(r.IDs))
	for _, b := range r.IDs {
		if len(b) != len(SeenID{}) {
			return nil, c.wrong("ids", "one has %d bytes, not %d", len(b), len(SeenID{}))
		}
		id := SeenID(b)
		if bytes.Compare(id[:], c.lastSeen[:]) <= 0 {
			return nil, c.wrong("ids", "do not rise")
		}
		c.lastSeen = id
		ids = append(ids, id)
	}
	return ids, nil
}

// contentLines begins to read the parts of a content.
func (c *checker) contentLines() (*contentParts, error) {
	var r contentRow
	if err := c.into(&r); err != nil {
		return nil, err
	}
	switch {
	case bytes.Compare(r.Hash[:], c.contentOf[:]) <= 0:
		return nil, c.wrong("hash", "is missing, or does not rise")
	case r.At != 0:
		return nil, c.wrong("at", "the content does not begin at its beginning")
	case r.Size < 0 || r.Size > maxImportNumber:
		return nil, c.wrong("size", "can not be")
	case r.Missing && len(r.Data) > 0:
		return nil, c.wrong("missing", "and yet there is data")
	}
	c.contentOf = r.Hash
	in := &contentParts{c: c, hash: r.Hash, size: r.Size, missing: r.Missing, rest: r.Data, at: int64(len(r.Data)), sum: sha256.New()}
	if !r.Missing && (in.at > r.Size || len(r.Data) == 0 && r.Size > 0) {
		return nil, c.wrong("data", "does not fit the size")
	}
	in.sum.Write(r.Data)
	return in, nil
}

// contentParts reads one content from its lines.
type contentParts struct {
	c       *checker
	hash    Hash
	size    int64
	at      int64 // of the end of what was read
	rest    []byte
	sum     hash.Hash
	missing bool
	err     error // of the file
}

// Read implements io.Reader.
func (p *contentParts) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if p.at >= p.size {
			return 0, io.EOF
		}
		p.err = p.line()
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// line reads the next part.
func (p *contentParts) line() error {
	kind, err := p.c.next()
	if err != nil {
		return err
	}
	if kind != kindContent {
		return p.c.wrong("kind", "a content ends after %d of %d bytes", p.at, p.size)
	}
	p.c.counts[kindContent]++
	var r contentRow
	if err := p.c.into(&r); err != nil {
		return err
	}
	if r.Hash != p.hash || r.Size != p.size || r.At != p.at || r.Missing || len(r.Data) == 0 || p.at+int64(len(r.Data)) > p.size {
		return p.c.wrong("at", "this is not the part of the content that is due, from byte %d on", p.at)
	}
	p.at += int64(len(r.Data))
	p.rest = r.Data
	p.sum.Write(r.Data)
	return nil
}

// whole makes sure that all that was read is the content.
func (p *contentParts) whole() error {
	if Hash(p.sum.Sum(nil)) != p.hash {
		return p.c.wrong("hash", "is not that of the content")
	}
	return nil
}
