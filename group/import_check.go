package group

import (
	"encoding/json"
	"io"
	"maps"
	"time"

	"groupd/moderation"
)

// Bounds of what an import reads. Some of it is kept in memory until the end: keys and names of members, 16 bytes for each entry, 48 for
// each content.
const (
	maxImportEntries = 4 << 20
	maxContents      = maxImportEntries // different ones
	maxImportNumber  = 1 << 53          // of seqs, revs and ids
	maxImportEpoch   = 1 << 31          // so that there is a number for the next one
	maxImportFile    = 1 << 40          // bytes of an attachment: their sums are numbers as well
	maxRatchetFile   = 64 << 10
	maxRatchets      = 16
	maxAuditDetail   = 64 << 10 // bytes
	maxEventText     = 1024     // bytes of what an event says: a name, a reason, a topic
)

// checker reads an export line by line and refuses what can not be of a group.
type checker struct {
	*lineReader
	limits   Limits
	order    int
	counts   map[string]int
	software string
	exported time.Time
	believed time.Time // by which things expired where the file was written

	from Group
	head Head

	members   map[IdentityHash]*[PublicKeySize]byte // nil: key not known
	names     map[string]bool                       // skeletons of present ones
	here      map[AnyHash]presence                  // present ones and those who wait, by identity and by address
	present   int
	memberRev Rev
	lastBan   AnyHash
	requests  map[IdentityHash]bool
	own       IdentityHash // of the group as it will be here, besides the one in the file; zero: not known
	invites   int64        // ID of the last one
	delivery  IdentityHash
	contents  []listedContent // by rising hash
	ratchets  map[AnyHash]bool

	lastExpected AnyHash
	invitees     map[AnyHash]bool
	lastEpoch    uint32

	entry     Entry // the last one
	reactions int   // to it that were read
	reaction  Reaction
	pins      int
	edits     map[Seq]Seq // entries to come that replace the words of a post, and that post

	reactionKinds map[string]bool // to the last entry
	ownReactions  int             // of the last member to it
	revs          []Rev           // of all members and entries
	written       []Rev           // of all entries
	deletions     uint64
	lastReport    int64
	lastAudit     int64
	lastSeen      SeenID
}

func newChecker(r io.Reader, l Limits) *checker {
	return &checker{
		lineReader: newLineReader(r), limits: l, counts: make(map[string]int), members: make(map[IdentityHash]*[PublicKeySize]byte),
		names: make(map[string]bool), here: make(map[AnyHash]presence), requests: make(map[IdentityHash]bool), ratchets: make(map[AnyHash]bool),
		invitees: make(map[AnyHash]bool), edits: make(map[Seq]Seq), reactionKinds: make(map[string]bool),
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
	c.software, c.exported, c.believed = moderation.CleanLine(cutRunes(r.Software, exportSoftware)), r.Exported, r.believed()
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
	if moderation.CleanLine(s) != s {
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
	if field, problem := checkPolicy(g); problem != "" {
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
	case g.Ending.Told > EndGone || g.Policy.ExpiresAt == 0 && g.Ending != Ending{}:
		return c.wrong("end_told", "is told of no end that the policy has")
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
