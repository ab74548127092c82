package group

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

const (
	exportPage     = 200      // rows read at once
	contentPerLine = 48 << 10 // bytes of a content in one line
	allRequests    = 1 << 20  // of a group: more than Limits.Requests
	exportSoftware = 100      // bytes of the name of a program
)

// ExportInput says what an export holds beside the group.
type ExportInput struct {
	Software   string       // that writes it, for people
	Identity   bool         // the group's private key, too
	Ratchets   []OwnRatchet // of its destinations; only with Identity
	NoContents bool         // attachments without what is in them
}

// ExportResult counts lines by kind.
type ExportResult struct {
	Group   GroupID
	Head    Head
	Bytes   int64
	Counts  map[string]int
	Missing int // contents of attachments that the server has lost, or never had
}

// Export writes all of a group to w, as the lines that docs/operations.md describes: one state of it, whatever happens meanwhile. Writers do
// not wait for it, and it holds some pages of rows in memory. What was deleted, or is put aside to be erased, does not come out; the
// private key only when asked for; codes and answers to requests never. While posts are being erased it is refused (KindConflict): they
// would come out. A file that has no last line is not whole. For the operator.
func (h *Hub) Export(ctx context.Context, c Caller, g GroupID, w io.Writer, in ExportInput) (ExportResult, error) {
	const op = "export"
	if err := operator(op, c); err != nil {
		return ExportResult{}, err
	}
	end, err := h.oneExport(op)
	if err != nil {
		return ExportResult{}, err
	}
	defer end()
	var head Head
	x := &exporter{hub: h, ctx: ctx, id: g, in: in, out: newLineWriter(w)}
	err = h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.nothingGoes(); err != nil {
			return err
		}
		x.scene, head = s, s.head
		return x.all()
	})
	if err != nil && x.out.err != nil {
		err = &Error{Kind: KindInternal, Op: op, Msg: "could not be written", Err: x.out.err}
	}
	return ExportResult{Group: g, Head: head, Bytes: x.out.bytes, Counts: x.out.counts, Missing: x.missing}, err
}

// oneExport keeps several exports from running at a time: each reads from the store as long as it takes.
func (h *Hub) oneExport(op string) (end func(), err error) {
	if !h.exporting.CompareAndSwap(false, true) {
		return nil, &Error{Kind: KindConflict, Op: op, Msg: "another export is running"}
	}
	return func() { h.exporting.Store(false) }, nil
}

// nothingGoes refuses while there are posts that everybody was told are going, and that are still there.
func (s *scene) nothingGoes() error {
	list, err := s.tx.Erasures(s.group.ID, maxErasures)
	for _, e := range list {
		if e.Kind == ErasureHide || e.Kind == ErasureForget {
			return s.refuse(KindConflict, "", "posts are being erased just now: try again in a moment")
		}
	}
	return err
}

// lineWriter writes lines, counts them and keeps their hash.
type lineWriter struct {
	out    *bufio.Writer
	sum    hash.Hash
	buffer bytes.Buffer
	enc    *json.Encoder
	lines  int64
	bytes  int64
	counts map[string]int
	err    error // of the file that is written
}

func newLineWriter(w io.Writer) *lineWriter {
	l := &lineWriter{out: bufio.NewWriterSize(w, 64<<10), sum: sha256.New(), counts: make(map[string]int)}
	l.enc = json.NewEncoder(&l.buffer)
	l.enc.SetEscapeHTML(false)
	return l
}

// put writes one row.
func (l *lineWriter) put(kind string, row any) error {
	l.buffer.Reset()
	if err := l.enc.Encode(row); err != nil { // with a newline
		return fmt.Errorf("%s: %w", kind, err)
	}
	if l.buffer.Len() > maxExportLine {
		return fmt.Errorf("%s: a line of %d bytes", kind, l.buffer.Len())
	}
	l.counts[kind]++
	l.lines++
	l.bytes += int64(l.buffer.Len())
	l.sum.Write(l.buffer.Bytes())
	if _, err := l.out.Write(l.buffer.Bytes()); err != nil {
		l.err = err
		return err
	}
	return nil
}

// end writes the last line.
func (l *lineWriter) end() error {
	if err := l.put(kindEnd, endRow{Kind: kindEnd, Lines: l.lines, Counts: l.counts, SHA256: Hash(l.sum.Sum(nil))}); err != nil {
		return err
	}
	l.err = l.out.Flush()
	return l.err
}

// exporter is one export that runs.
type exporter struct {
	*scene
	hub     *Hub
	ctx     context.Context
	id      GroupID
	in      ExportInput
	out     *lineWriter
	missing int
}

func (x *exporter) all() error {
	head := headerRow{Kind: exportFormat, Version: exportVersion, Software: cutRunes(x.in.Software, exportSoftware), Exported: x.now.UTC().Truncate(time.Second)}
	if off := x.expiry.Sub(x.now); off < 0 || off >= time.Second {
		head.Expiry = x.expiry.UTC()
	}
	if err := x.out.put(exportFormat, head); err != nil {
		return err
	}
	if err := x.out.put(kindGroup, rowOfGroup(x.group, x.head)); err != nil {
		return err
	}
	steps := []func() error{x.contents, x.members, x.requests, x.bans, x.invites, x.deliveries, x.expected, x.circle, x.epochs,
		x.entries, x.reports, x.auditLines, x.seen}
	if x.in.Identity {
		steps = append([]func() error{x.identity}, steps...)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return x.out.end()
}

// rows writes what list reads, page by page: list is asked for what comes after the last one, and tells which that is.
func rows[T any](x *exporter, kind string, list func(after *T) ([]T, error), row func(T) any) error {
	var last *T
	for {
		page, err := list(last)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
		for _, v := range page {
			if err := x.out.put(kind, row(v)); err != nil {
				return err
			}
		}
		last = &page[len(page)-1]
	}
}

// after is a key of the last row; its zero value before the first.
func after[T, K any](last *T, key func(T) K) (k K) {
	if last != nil {
		k = key(*last)
	}
	return k
}

func (x *exporter) identity() error {
	if err := x.out.put(kindIdentity, identityRow{kindIdentity, x.group.PrivateKey}); err != nil {
		return err
	}
	for _, r := range x.in.Ratchets {
		if err := x.out.put(kindRatchet, ratchetRow{kindRatchet, AnyHash(r.Destination), r.File}); err != nil {
			return err
		}
	}
	return nil
}

// contents writes what is in the attachments, each content once, in parts, or says that it is missing: an import takes no attachment that
// names another one.
func (x *exporter) contents() error {
	buffer := make([]byte, contentPerLine)
	var last Hash
	for {
		page, err := x.tx.AttachedBlobs(x.id, last, exportPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, b := range page {
			if err := x.content(b, buffer); err != nil {
				return err
			}
		}
		last = page[len(page)-1].Hash
	}
}

func (x *exporter) content(b Blob, buffer []byte) error {
	missing := func() error {
		return x.out.put(kindContent, contentRow{Kind: kindContent, Hash: b.Hash, Size: b.Size, Missing: true})
	}
	if x.in.NoContents {
		return errors.Join(x.ctx.Err(), missing())
	}
	lost := func() error {
		x.missing++
		return missing()
	}
	if x.hub.blobs == nil || b.Lost {
		return lost()
	}
	content, err := x.hub.blobs.Open(b.Hash)
	if errors.Is(err, ErrNoRow) {
		return lost() // or erased a moment ago
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if content.Size() != b.Size {
		return lost()
	}
	for at := int64(0); at == 0 || at < b.Size; at += contentPerLine {
		part := buffer[:min(contentPerLine, b.Size-at)]
		if n, err := content.ReadAt(part, at); n < len(part) {
			return fmt.Errorf("content %s: %w", b.Hash, err)
		}
		if err := x.out.put(kindContent, contentRow{Kind: kindContent, Hash: b.Hash, Size: b.Size, At: at, Data: part}); err != nil {
			return err
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) members() error {
	return rows(x, kindMember, func(last *Member) ([]Member, error) {
		return x.tx.MembersByRev(x.id, after(last, func(m Member) Rev { return m.Rev }), false, exportPage)
	}, func(m Member) any { return rowOfMember(m) })
}

func (x *exporter) requests() error {
	return rows(x, kindRequest, func(last *Request) ([]Request, error) {
		if last != nil {
			return nil, nil
		}
		return x.tx.Requests(x.id, allRequests)
	}, func(q Request) any { return rowOfRequest(q) })
}

func (x *exporter) bans() error {
	return rows(x, kindBan, func(last *Ban) ([]Ban, error) {
		return x.tx.Bans(x.id, after(last, func(b Ban) AnyHash { return b.Target }), exportPage)
	}, func(b Ban) any { return rowOfBan(b) })
}

func (x *exporter) invites() error {
	return rows(x, kindInvite, func(last *Invite) ([]Invite, error) {
		return x.tx.Invites(x.id, after(last, func(i Invite) int64 { return i.ID }), exportPage)
	}, func(i Invite) any { return rowOfInvite(i) })
}

func (x *exporter) deliveries() error {
	return rows(x, kindDelivery, func(last *Delivery) ([]Delivery, error) {
		return x.tx.Deliveries(x.id, after(last, func(d Delivery) IdentityHash { return d.Identity }), exportPage)
	}, func(d Delivery) any { return rowOfDelivery(d) })
}

func (x *exporter) expected() error {
	return rows(x, kindExpected, func(last *Expected) ([]Expected, error) {
		return x.tx.ExpectedList(x.id, after(last, func(e Expected) AnyHash { return e.Target }), exportPage)
	}, func(e Expected) any { return rowOfExpected(e) })
}

// circle writes how the group is formed, if it is one that has to be.
func (x *exporter) circle() error {
	c, err := x.tx.Circle(x.id)
	if errors.Is(err, ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := x.out.put(kindCircle, rowOfCircle(c)); err != nil {
		return err
	}
	return rows(x, kindInvitee, func(last *Invitee) ([]Invitee, error) {
		if last != nil {
			return nil, nil
		}
		return x.tx.Invitees(x.id)
	}, func(i Invitee) any { return rowOfInvitee(i) })
}

// epochs writes when the group got other keys, not the keys.
func (x *exporter) epochs() error {
	return rows(x, kindEpoch, func(last *Epoch) ([]Epoch, error) {
		if last != nil && last.Number <= 1 {
			return nil, nil
		}
		return x.tx.Epochs(x.id, after(last, func(e Epoch) uint32 { return e.Number }), exportPage)
	}, func(e Epoch) any { return rowOfEpoch(e) })
}

// entries writes the timeline, each entry with the reactions to it behind it.
func (x *exporter) entries() error {
	reactions := &reactionsOf{x: x}
	for last := Seq(0); ; {
		page, err := x.tx.Entries(x.id, last, 0, false, exportPage)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
		for _, e := range page {
			var files []Attachment
			var original []byte
			if e.Attachments > 0 {
				if files, err = x.tx.Attachments(x.id, e.Seq); err != nil {
					return err
				}
			}
			if e.Signed {
				if original, err = x.tx.Original(x.id, e.Seq); err != nil && !errors.Is(err, ErrNoRow) {
					return err
				}
			}
			if err := x.out.put(kindEntry, rowOfEntry(e, files, original)); err != nil {
				return err
			}
			if e.Reactions > 0 {
				if err := reactions.put(e.Seq); err != nil {
					return err
				}
			}
		}
		last = page[len(page)-1].Seq
	}
}

// reactionsOf reads the reactions to rising seqs.
type reactionsOf struct {
	x    *exporter
	page []Reaction
	last Reaction // that was read
	done bool
}

// put writes those to one entry.
func (r *reactionsOf) put(seq Seq) error {
	for {
		if len(r.page) == 0 && !r.done {
			if r.last.Seq < seq {
				r.last = Reaction{Seq: seq} // before the first one to it
			}
			var err error
			if r.page, err = r.x.tx.ReactionRows(r.x.id, r.last, exportPage); err != nil {
				return err
			}
			if r.done = len(r.page) == 0; !r.done {
				r.last = r.page[len(r.page)-1]
			}
		}
		if len(r.page) == 0 || r.page[0].Seq > seq {
			return nil
		}
		one := r.page[0]
		if r.page = r.page[1:]; one.Seq < seq {
			continue
		}
		if err := r.x.out.put(kindReaction, rowOfReaction(one)); err != nil {
			return err
		}
	}
}

func (x *exporter) reports() error {
	return rows(x, kindReport, func(last *Report) ([]Report, error) {
		return x.tx.Reports(x.id, after(last, func(p Report) int64 { return p.ID }), exportPage)
	}, func(p Report) any { return rowOfReport(p) })
}

func (x *exporter) auditLines() error {
	return rows(x, kindAudit, func(last *Audit) ([]Audit, error) {
		return x.tx.AuditAfter(x.id, after(last, func(a Audit) int64 { return a.ID }), exportPage)
	}, func(a Audit) any { return rowOfAudit(a) })
}

func (x *exporter) seen() error {
	var last SeenID
	for {
		page, err := x.tx.SeenIDs(x.id, last, seenPerLine)
		if err != nil || len(page) == 0 {
			return err
		}
		row := seenRow{Kind: kindSeen}
		for _, id := range page {
			row.IDs = append(row.IDs, id[:])
		}
		if err := x.out.put(kindSeen, row); err != nil {
			return err
		}
		last = page[len(page)-1]
	}
}
