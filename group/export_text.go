package group

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"groupd/moderation"
)

const (
	quoteRunes = 60     // of what a post answers
	indentText = "    " // before what goes on a line: no line of a text begins where a time stands
)

// ExportedText counts what ExportText wrote.
type ExportedText struct {
	Days, Entries int
}

// ExportText writes the timeline of a group as people read it, one text per day in UTC: day is asked for what takes the text of a day
// (YYYY-MM-DD), in their order. A line begins with the time and a name in angle brackets, which no name holds; lines of a text that follow
// are indented: so nobody can write another's line. It shows posts in their newest form, what happened, what was deleted as such, and attachments
// by name and size. It shows one state of the group, as Export does. For the operator.
func (h *Hub) ExportText(ctx context.Context, c Caller, g GroupID, day func(name string) (io.Writer, error)) (ExportedText, error) {
	const op = "export"
	if err := operator(op, c); err != nil {
		return ExportedText{}, err
	}
	end, err := h.oneExport(op)
	if err != nil {
		return ExportedText{}, err
	}
	defer end()
	x := &textExporter{ctx: ctx, id: g, day: day}
	err = h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.nothingGoes(); err != nil {
			return err
		}
		x.scene = s
		return x.all()
	})
	if err != nil && x.failed != nil {
		err = &Error{Kind: KindInternal, Op: op, Msg: "could not be written", Err: x.failed}
	}
	return x.done, err
}

type textExporter struct {
	*scene
	ctx    context.Context
	id     GroupID
	day    func(string) (io.Writer, error)
	today  string
	out    *bufio.Writer
	done   ExportedText
	failed error // of what is written to
}

func (x *textExporter) all() error {
	for last := Seq(0); ; {
		page, err := x.tx.Entries(x.id, last, 0, false, exportPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return x.flush()
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
		for _, e := range page {
			if err := x.entry(e); err != nil {
				return err
			}
		}
		last = page[len(page)-1].Seq
	}
}

func (x *textExporter) flush() error {
	if x.out == nil {
		return nil
	}
	err := x.out.Flush()
	if err != nil {
		x.failed = err
	}
	return err
}

// turn opens the text of a day. Days only rise: what was stored under a clock that went back stands in the day that is open.
func (x *textExporter) turn(at time.Time) error {
	name := at.UTC().Format(time.DateOnly)
	if x.out != nil && name <= x.today {
		return nil
	}
	if err := x.flush(); err != nil {
		return err
	}
	w, err := x.day(name)
	if err != nil {
		x.failed = err
		return err
	}
	x.today, x.out = name, bufio.NewWriter(w)
	x.done.Days++
	_, err = fmt.Fprintf(x.out, "# %s, %s (UTC)\n", moderation.CleanLine(x.group.Name()), name)
	return err
}

func (x *textExporter) entry(e Entry) error {
	if e.Kind == EntryEdit && !e.Deleted {
		if _, err := x.tx.Entry(x.id, e.Ref); !errors.Is(err, ErrNoRow) { // else the edit is all that is kept
			return err
		}
	}
	if err := x.turn(e.Time); err != nil {
		return err
	}
	x.done.Entries++
	fmt.Fprintf(x.out, "%s ", e.Time.UTC().Format(time.TimeOnly))
	who, err := x.name(AnyHash(e.Author))
	if err != nil {
		return err
	}
	if e.Deleted {
		_, err := fmt.Fprintf(x.out, "%s (deleted)\n", who)
		return err
	}
	if !e.Kind.Authored() {
		what, err := x.happened(e, who)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(x.out, "-- %s\n", what)
		return err
	}
	return x.post(e, who)
}

// post writes what somebody wrote.
func (x *textExporter) post(e Entry, who string) error {
	title, text, marks := e.Title, e.Text, ""
	if e.EditedBy != 0 {
		edit, err := x.tx.Entry(x.id, e.EditedBy)
		if err != nil && !errors.Is(err, ErrNoRow) {
			return err
		}
		if err == nil {
			title, text, marks = edit.Title, edit.Text, " (edited)"
		}
	}
	if e.Emergency {
		marks += " (emergency)"
	}
	if e.Pinned {
		marks += " (pinned)"
	}
	if e.Kind == EntryAction {
		who = "* " + who
	}
	fmt.Fprintf(x.out, "%s%s", who, marks)
	if e.Ref != 0 && e.Kind != EntryEdit {
		quote, err := x.quote(e.Ref)
		if err != nil {
			return err
		}
		fmt.Fprintf(x.out, " (to %s)", quote)
	}
	lines := textLines(title)
	if e.Codec == 0 {
		lines = append(lines, textLines(text)...)
	} else {
		lines = append(lines, fmt.Sprintf("(%d bytes that are no text)", len(text)))
	}
	for i, line := range lines {
		if i == 0 {
			fmt.Fprintf(x.out, " %s", line)
		} else {
			fmt.Fprintf(x.out, "\n%s%s", indentText, line)
		}
	}
	fmt.Fprintln(x.out)
	if e.Attachments == 0 {
		return nil
	}
	files, err := x.tx.Attachments(x.id, e.Seq)
	for _, f := range files {
		fmt.Fprintf(x.out, "%s[%s %s, %d bytes]\n", indentText, f.Kind, CleanFileName(f.Name), f.Size)
	}
	return err
}

// quote is the beginning of what a post answers.
func (x *textExporter) quote(seq Seq) (string, error) {
	e, err := x.tx.Entry(x.id, seq)
	if errors.Is(err, ErrNoRow) {
		return "what is no longer kept", nil
	}
	if err != nil {
		return "", err
	}
	if e.EditedBy != 0 {
		if edit, err := x.tx.Entry(x.id, e.EditedBy); err == nil {
			e.Title, e.Text, e.Deleted = edit.Title, edit.Text, e.Deleted || edit.Deleted
		}
	}
	if e.Deleted {
		return "what was deleted", nil
	}
	who, err := x.name(AnyHash(e.Author))
	text := moderation.CleanLine(strings.ToValidUTF8(string(e.Title)+" "+string(e.Text), ""))
	if short := []rune(text); len(short) > quoteRunes {
		text = strings.TrimSpace(string(short[:quoteRunes])) + "…"
	}
	return fmt.Sprintf("%s %q", who, text), err
}

// happened says in words what an entry tells that nobody wrote.
func (x *textExporter) happened(e Entry, who string) (string, error) {
	whom, err := x.name(e.Target)
	if err != nil {
		return "", err
	}
	text := moderation.CleanLine(strings.ToValidUTF8(string(e.Text), ""))
	because := ""
	if text != "" {
		because = ": " + text
	}
	switch e.Kind {
	case EntryJoin:
		return who + " joined", nil
	case EntryLeave:
		return who + " left", nil
	case EntryKick:
		return who + " removed " + whom + because, nil
	case EntryBan:
		return who + " banned " + whom + because, nil
	case EntryUnban:
		return who + " lifted the ban of " + whom, nil
	case EntryName:
		return who + " is called <" + bracketed(text) + "> now", nil
	case EntryTopic:
		return who + " set the topic" + because, nil
	case EntryRole:
		return who + " gave " + whom + " the role" + because, nil
	case EntryGroupName:
		return who + " named the group" + because, nil
	case EntryMute:
		return who + " muted " + whom + because, nil
	case EntryUnmute:
		return who + " unmuted " + whom, nil
	}
	return who + " " + e.Kind.String() + because, nil
}

// name is how somebody is called, in angle brackets. Names of people who are gone may be others' now: they come with an address.
func (x *textExporter) name(h AnyHash) (string, error) {
	if h.IsZero() {
		return "<※>", nil // the group itself: no name begins with this
	}
	m, err := x.tx.MemberByHash(x.id, h)
	switch {
	case errors.Is(err, ErrNoRow):
		return "<" + h.Short() + "…>", nil
	case err != nil:
		return "", err
	case m.DisplayName == "":
		return "<" + m.Address.Short() + "…>", nil
	case !m.Present:
		return "<" + bracketed(m.DisplayName) + " " + m.Address.Short() + "…>", nil
	}
	return "<" + bracketed(m.DisplayName) + ">", nil
}

// bracketed is a name that holds no angle bracket of ours.
func bracketed(name string) string {
	return strings.NewReplacer("<", "‹", ">", "›").Replace(moderation.CleanLine(name))
}

// textLines are the lines of what somebody wrote, without what does not show or steers others.
func textLines(b []byte) []string {
	if !utf8.Valid(b) {
		return []string{fmt.Sprintf("(%d bytes that are no text)", len(b))}
	}
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(b))
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, line := range lines {
		lead := len(line) - len(strings.TrimLeft(line, " \t"))
		lines[i] = strings.Repeat(" ", min(lead, 40)) + moderation.CleanLine(line)
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}
