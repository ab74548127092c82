package pages

import (
	"strconv"
	"strings"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// Bytes of a page that an entry takes in a list, at most; all in all less than a third of a page.
const (
	listedText      = 240
	listedFiles     = 100
	listedReactions = 80
	listedReason    = 120
)

// people is what the authors of some entries are called.
type people struct {
	rows  map[group.IdentityHash]group.Member
	group string // the operator speaks as the group
}

func (v *visit) people(rows []group.Member) people {
	o := people{make(map[group.IdentityHash]group.Member, len(rows)), v.groupName()}
	for _, m := range rows {
		o.rows[m.Identity] = m
	}
	return o
}

// name is what somebody is called; his hash where nobody knows.
func (o people) name(id group.IdentityHash) string {
	if id.IsZero() {
		return o.group
	}
	if m, ok := o.rows[id]; ok && m.DisplayName != "" {
		return m.DisplayName
	}
	return id.Short()
}

// known reports whether somebody has a name; the operator has the group's.
func (o people) known(id group.IdentityHash) bool {
	return id.IsZero() || o.rows[id].DisplayName != ""
}

// entry writes an entry of a list: number, time, who, what. Further lines are indented, so that nobody can write another's.
func (o people) entry(p *page, e group.Entry, room int) {
	p.indent = 2
	defer func() { p.indent = 0 }()
	p.link("#"+seqText(e.Seq), "/page/entry.mu", "seq", seqText(e.Seq))
	p.text(" " + e.ShownTime().UTC().Format("15:04") + " ")
	switch {
	case e.Deleted || !e.Kind.Authored():
		p.italic(string(moderation.NoticeGlyph) + " " + fit(o.event(e), listedReason+300))
		return
	case e.Kind == group.EntryAction:
		p.text("* ").bold(o.name(e.Author)).text(" ")
	default:
		p.bold(o.name(e.Author)).text(answers(e) + ": ")
	}
	if e.Emergency {
		p.bold("EMERGENCY ")
	}
	p.text(fit(string(e.Title)+" "+string(e.Text), room))
	if len(e.Files) > 0 {
		p.text(" " + fit("+ "+strings.Join(fileNames(e.Files), ", "), listedFiles))
	}
	if e.Pinned {
		p.text(" (pinned)")
	}
	if e.EditedBy != 0 {
		p.text(" (edited)")
	}
}

func answers(e group.Entry) string {
	if e.Ref == 0 {
		return ""
	}
	return " (to #" + seqText(e.Ref) + ")"
}

func fileNames(files []group.Attachment) []string {
	var names []string
	for _, f := range files {
		names = append(names, fileTitle(f))
	}
	return names
}

// fileTitle names an attachment and tells its size.
func fileTitle(f group.Attachment) string {
	name := f.Name
	switch f.Kind {
	case group.AttachImage:
		name = strings.TrimSpace("image " + f.Name)
	case group.AttachAudio:
		name = "voice message"
	}
	return name + " (" + size(f.Size) + ")"
}

// reactions writes what people gave an entry.
func reactions(p *page, given []group.ReactionCount, room int) {
	var list []string
	for _, r := range given {
		list = append(list, r.Text+" "+strconv.Itoa(r.Count))
	}
	if len(list) > 0 {
		p.text(" " + fit("("+strings.Join(list, ", ")+")", room))
	}
}

// event is what happened, in words.
func (o people) event(e group.Entry) string {
	by, text := o.name(e.Author), fit(string(e.Text), listedReason)
	who := e.Target.Short()
	if m, ok := o.rows[group.IdentityHash(e.Target)]; ok {
		who = m.DisplayName
	}
	because := func(s string) string {
		if text == "" {
			return s
		}
		return s + ": " + text
	}
	switch {
	case e.Deleted && e.DeletedBy == e.Author && o.known(e.Author):
		return by + " deleted this."
	case e.Deleted && o.known(e.Author):
		return "A post of " + by + " was removed."
	case e.Deleted: // who is forgotten has no name
		return "A post was removed."
	}
	switch e.Kind {
	case group.EntryJoin:
		return by + " joined."
	case group.EntryLeave:
		return by + " left."
	case group.EntryKick:
		return because(by + " removed " + who)
	case group.EntryBan:
		return because(by + " banned " + who)
	case group.EntryUnban:
		return by + " lets " + who + " come back."
	case group.EntryName:
		if text == by { // his name now: what he was called before is not kept
			return by + " has a new name."
		}
		return by + " was called " + text + " for a while."
	case group.EntryTopic:
		if text == "" {
			return by + " removed the topic."
		}
		return because(by + " set the topic")
	case group.EntryRole:
		if e.Author == group.IdentityHash(e.Target) {
			return who + " is " + text + " now."
		}
		return who + " is " + text + " now, by " + by + "."
	case group.EntryGroupName:
		return because(by + " renamed the group")
	case group.EntryMute:
		return because(by + " muted " + who)
	case group.EntryUnmute:
		return by + " lets " + who + " write again."
	case group.EntryLockdown:
		if text == "off" {
			return "The lockdown is over."
		}
		return "Lockdown: who joins waits for a moderator."
	}
	return because(by + ": " + e.Kind.String())
}

// day is the date that stands above the entries of a day.
func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// timeline writes entries in a list of which the last ones are shown, or the first ones, under a head and above a foot, which are told those
// that are shown. Dates stand between days.
func (v *visit) timeline(p *page, list group.Page, last bool, room int, head, foot func(p *page, shown []group.Entry)) {
	o, entries := v.people(list.Authors), list.Entries
	part := func(n int) []group.Entry {
		if last {
			return entries[len(entries)-n:]
		}
		return entries[:n]
	}
	item := func(p *page, i int) {
		e := entries[i]
		if i > 0 && day(entries[i-1].ShownTime()) != day(e.ShownTime()) {
			p.italic(day(e.ShownTime()) + " (UTC)").nl()
		}
		o.entry(p, e, room)
		reactions(p, list.Reactions[e.Seq], listedReactions)
		p.nl()
	}
	above := func(p *page, n int) {
		if head != nil {
			head(p, part(n))
		}
		if n > 0 {
			p.end().italic(day(part(n)[0].ShownTime()) + " (UTC)").nl()
		}
	}
	below := func(p *page, n int) {
		if foot != nil {
			foot(p, part(n))
		}
	}
	p.fill(len(entries), last, item, above, below)
}
