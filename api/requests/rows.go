package requests

import (
	"time"
	"unicode/utf8"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// How far an author's clock may be from ours for its time to be told, and how near to be told at all.
const (
	authorTimeFar  = 24 * time.Hour
	authorTimeNear = time.Minute
)

// headlineBytes is the most of a text that a headline shows, in bytes.
const headlineBytes = 80

// kindOut turns a domain kind into the wire's: the same numbers, but a post is 0.
func kindOut(k group.EntryKind) groupdv1.Kind {
	if k == group.EntryPost {
		return groupdv1.Kind_POST
	}
	return groupdv1.Kind(k)
}

// people looks up the names of those a page mentions.
type people map[group.IdentityHash]group.Member

func peopleOf(members []group.Member) people {
	p := make(people, len(members))
	for _, m := range members {
		p[m.Identity] = m
	}
	return p
}

// sender names an author; nil is the operator.
func (p people) sender(id group.IdentityHash) *groupdv1.Sender {
	if id.IsZero() {
		return nil
	}
	return &groupdv1.Sender{Identity: id[:], Name: p[id].DisplayName}
}

// subject names whom an event is about: by identity if he is known here, else by what was typed.
func (p people) subject(h group.AnyHash) *groupdv1.Sender {
	if h.IsZero() {
		return nil
	}
	if m, ok := p[group.IdentityHash(h)]; ok {
		return p.sender(m.Identity)
	}
	for id, m := range p {
		if group.AnyHash(m.Address) == h {
			return p.sender(id)
		}
	}
	return &groupdv1.Sender{Identity: h[:]}
}

// entryRow is an entry as pages show it. With hashes it carries its LXMF hash, with headlines the first line of its text.
func entryRow(e group.Entry, who people, hashes, headlines bool) *groupdv1.Entry {
	r := &groupdv1.Entry{
		Seq: uint64(e.Seq), Rev: uint64(e.Rev), Time: e.Time.Unix(), Kind: kindOut(e.Kind), Deleted: e.Deleted,
		Sender: who.sender(e.Author), Subject: who.subject(e.Target), About: uint64(e.Ref),
		FieldsLength: uint32(len(e.Fields)), TextCodec: e.Codec,
	}
	if e.Deleted && e.DeletedBy != e.Author {
		r.Subject = who.sender(e.DeletedBy)
	}
	text, title := e.Text, e.Title
	if headlines {
		text = firstLine(text)
		if len(text) < len(e.Text) {
			r.FullLength = uint32(len(e.Title) + len(e.Text))
		}
	}
	if utf8.Valid(text) {
		r.Text = string(text)
	} else {
		r.Binary = text
	}
	if utf8.Valid(title) {
		r.Title = string(title)
	}
	if apart := e.AuthorTime.Sub(e.Time).Abs(); !e.AuthorTime.IsZero() && apart > authorTimeNear && apart < authorTimeFar {
		r.AuthorTime = e.AuthorTime.Unix()
	}
	r.EditedBy, r.Pinned, r.Emergency = uint64(e.EditedBy), e.Pinned, e.Emergency
	r.Attachments = attachmentRows(e.Files)
	if hashes && !e.MessageID.IsZero() {
		r.MessageHash = e.MessageID[:]
	}
	return r
}

// firstLine cuts a text at its first line break and at headlineBytes, between characters.
func firstLine(text []byte) []byte {
	for i, b := range text {
		if b == '\n' || b == '\r' {
			text = text[:i]
			break
		}
	}
	if len(text) <= headlineBytes {
		return text
	}
	return []byte(cutText(string(text), headlineBytes))
}

// unchanged is the row of an entry whose content the reader has: what is said about it, and no more.
func unchanged(r *groupdv1.Entry) *groupdv1.Entry {
	return &groupdv1.Entry{
		Seq: r.GetSeq(), Rev: r.GetRev(), Time: r.GetTime(), EditedBy: r.GetEditedBy(), Reactions: r.GetReactions(), Pinned: r.GetPinned(), Unchanged: true,
	}
}

// cutText is the first n bytes of a text, fewer where a character would be split.
func cutText(text string, n int) string {
	for m := n; m > n-utf8.UTFMax && m > 0; m-- {
		if utf8.RuneStart(text[m]) {
			return text[:m]
		}
	}
	return text[:n]
}

// memberRow is a member as lists and pages show it.
func memberRow(m group.Member) *groupdv1.Member {
	return &groupdv1.Member{
		Identity: m.Identity[:], Name: m.DisplayName, Role: groupdv1.Role(m.Role),
		Permissions: uint32(m.Permissions), Joined: unix(m.Joined), StatusText: m.Status, LastHeard: unix(m.LastHeard),
		Rev: uint64(m.Rev), Gone: !m.Present, Muted: m.Mute.On, MutedUntil: unix(m.Mute.Until),
	}
}

// unix is the time in seconds, 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// groupState is what pages tell of a group that changed.
func groupState(in *group.Info) *groupdv1.GroupState {
	return &groupdv1.GroupState{
		PublicName: in.PublicName, PrivateName: in.PrivateName, Topic: in.Topic, Joining: groupdv1.Joining(in.Joining), Public: in.Public,
		Lockdown: in.Lockdown, ReadOnly: in.Policy.ReadOnly, SlowModeS: uint32(in.Policy.SlowMode), Epoch: in.Epoch, Forming: in.Forming,
		ExpiresAt: uint64(in.Policy.ExpiresAt), Over: in.Over,
	}
}

// roleIn reads a role from the wire.
func roleIn(r groupdv1.Role) (moderation.Role, bool) {
	if r < groupdv1.Role_ROLE_NONE || r > groupdv1.Role_ROLE_OWNER {
		return 0, false
	}
	return moderation.Role(r), true
}

// permissionsIn reads a set of permissions from the wire; bits that do not exist are refused.
func permissionsIn(bits uint32) (moderation.Permission, bool) {
	p := moderation.Permission(bits)
	return p, p&^moderation.PermAll == 0
}
