package lxm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// readingCommands show the timeline.
func readingCommands() []command {
	return []command{
		{name: "history", args: "[n] [<number]", short: "the last n posts",
			long: "The last n posts, at most 100; /history 10 <35 those before number 35, /history #35 the whole of number 35.", run: (*turn).history},
		{name: "since", args: "#number|2h", short: "posts since a number or a time",
			long: "What was posted after a number, or in the last time: /since #35, /since 2h, /since 3d. The oldest come first.", run: (*turn).since},
		{name: "search", aliases: []string{"find"}, args: "WORDS [<number]", short: "posts with these words",
			long: "Posts in which all these words, or their beginnings, stand. Older ones: /search WORDS <35", run: (*turn).search},
		{name: "pins", aliases: []string{"pinned"}, args: "[page]", short: "pinned posts", run: (*turn).pins},
	}
}

// writingCommands are about posts.
func writingCommands() []command {
	return []command{
		{name: "me", args: "TEXT", short: "say what you are doing", run: (*turn).unreachable},
		{name: "edit", text: true, args: "[#number] TEXT", short: "replace the text of a post of yours", long: "Replaces the text of a post of yours; without a text it lists the latest.", run: (*turn).edit},
		{name: "react", args: "[#number] 👍 [off]", short: "put a reaction under a post", long: "Puts a reaction under a post; with off behind it, takes it back.",
			may: func(st group.Standing, p moderation.Policy) bool { return st.Role >= p.ReactRole }, who: "members, or from the rank of the setting react_role on", run: (*turn).reactTo},
		{name: "delete", aliases: []string{"del", "rm"}, args: "[number...]", short: "erase posts of yours",
			long: "Erases posts for good; without a number it lists the latest that you may erase. Yours, or with the permission delete those of lower ranks.", run: (*turn).remove},
		{name: "report", args: "[#number] [reason]", short: "tell the moderators about a post", may: hasStaff, who: "members, in groups with staff", run: (*turn).report},
		{name: "pin", args: "[#number]", short: "pin a post", needs: moderation.PermPin, may: mayPin, who: "permission `pin`, or from the rank of the setting pin_role on",
			run: func(t *turn, args string) ([]string, error) { return t.pin(args, false) }},
		{name: "unpin", args: "[#number]", short: "take a pin off", needs: moderation.PermPin, may: mayPin, who: "permission `pin`, or from the rank of the setting pin_role on",
			run: func(t *turn, args string) ([]string, error) { return t.pin(args, true) }},
		{name: "emergency", text: true, aliases: []string{"sos"}, args: "TEXT", short: "post past quiet hours and budgets", long: "Posts a text that reaches everybody at once, past quiet hours and shares of airtime. It is logged.",
			needs: moderation.PermEmergency, run: (*turn).emergency},
	}
}

func mayPin(st group.Standing, p moderation.Policy) bool {
	return st.Permissions.Has(moderation.PermPin) || (p.PinRole != moderation.RoleNone && st.Role >= p.PinRole)
}

// numbered takes the number of a post off the beginning of a text: "#35 rest", "35 rest".
func numbered(args string) (seq group.Seq, rest string, ok bool) {
	word, rest := firstWord(args)
	n, ok := parseNumber(strings.TrimPrefix(word, "#"))
	return group.Seq(n), rest, ok && !quoted(args)
}

// aboutPost takes the post that a command is about off the beginning of its text: by number, or else the one that the message answers
// in the sender's client, which then is not in the text.
func (t *turn) aboutPost(args string) (seq group.Seq, rest string, ok bool) {
	seq, rest, ok = numbered(args)
	if ok && strings.HasPrefix(args, "#") {
		return seq, rest, ok
	}
	if id, answers := t.in.Message.Fields.ReplyTo(); answers {
		if meant := t.meant(group.MessageID(id)); meant != 0 {
			return meant, args, true
		}
	}
	return seq, rest, ok
}

// since shows what was posted after a number or a time, the oldest first.
func (t *turn) since(args string) ([]string, error) {
	after, _, ok := t.aboutPost(args)
	if !ok {
		d, isTime := words.Duration(args)
		if !isTime {
			return whole(textSinceHow()), nil
		}
		var err error
		if after, err = t.before(t.s.config.Now().Add(-d)); err != nil {
			return nil, err
		}
	}
	p, err := t.postsAfter(after)
	if err != nil {
		return nil, err
	}
	lines, seqs := t.lines(p)
	if gone := int64(p.Head.Oldest) - int64(after) - 1; gone > 0 && ok && len(lines) > 0 {
		lines[0] = textGone(gone) + "\n" + lines[0]
	}
	if len(lines) == 0 {
		return whole(textNothingSince(after, p.More, p.Head.Seq)), nil
	}
	const room = MaxContent - len(glyph) - len("\nMore: /since #1234567890")
	n, size := 1, len(lines[0])
	for n < len(lines) && size+1+len(lines[n]) <= room {
		size += 1 + len(lines[n])
		n++
	}
	text := strings.Join(lines[:n], "\n")
	if n < len(lines) || p.More {
		text += "\n" + textGoOn(seqs[n-1])
	}
	return whole(text), nil
}

// postsAfter reads the first posts after a number; what else happened in between is passed over, as far as a few pages go.
func (t *turn) postsAfter(after group.Seq) (p group.Page, err error) {
	for range 8 {
		p, err = t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{After: after, BySeq: true, NoEvents: true, Current: true, Limit: maxHistory})
		if err != nil || !p.More || slices.ContainsFunc(p.Entries, func(e group.Entry) bool { return !e.Deleted }) {
			break
		}
		after = max(after+1, p.Head.Oldest) + group.MaxPage - 1 // a page with a filter looks at so many
	}
	return p, err
}

// before finds the newest entry that was written before a time, by halving; 0 when none is.
func (t *turn) before(at time.Time) (group.Seq, error) {
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{Newest: true, Limit: 1})
	if err != nil {
		return 0, err
	}
	low, high := group.Seq(0), p.Head.Seq // everything up to low is before, everything above high is not
	for low < high {
		middle := low + (high-low)/2
		p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{After: middle, BySeq: true, Limit: 1})
		switch {
		case err != nil:
			return 0, err
		case len(p.Entries) == 0 || !p.Entries[0].Time.Before(at):
			high = middle
		default:
			low = p.Entries[0].Seq
		}
	}
	return low, nil
}

// lines shows the posts of a page, each as one line with its number when it is cut.
func (t *turn) lines(p group.Page) (lines []string, seqs []group.Seq) {
	names := t.names(p)
	for _, e := range p.Entries {
		if e.Deleted || !e.Kind.Authored() {
			continue
		}
		line := posted(e, names)
		if len(line) > lineBytes {
			mark := fmt.Sprintf(" (#%d)", e.Seq)
			line = brief(line, lineBytes-len(mark)) + mark
		}
		lines, seqs = append(lines, line), append(seqs, e.Seq)
	}
	return lines, seqs
}

// numberedLines shows the first line of the posts of a page, each with its number.
func (t *turn) numberedLines(p group.Page, width int) (lines []string) {
	names := t.names(p)
	for _, e := range p.Entries {
		if e.Deleted || !e.Kind.Authored() {
			continue
		}
		first, _, _ := strings.Cut(posted(e, names), "\n")
		lines = append(lines, fmt.Sprintf("#%d %s", e.Seq, brief(first, width)))
	}
	return lines
}

// search finds posts by words, the newest of them.
func (t *turn) search(args string) ([]string, error) {
	in := group.SearchInput{Text: args, Limit: maxFound}
	if i := strings.LastIndexByte(args, '<'); i >= 0 {
		if n, ok := parseNumber(strings.TrimPrefix(strings.TrimSpace(args[i+1:]), "#")); ok {
			in.Text, in.Before = strings.TrimSpace(args[:i]), group.Seq(n)
		}
	}
	if in.Text == "" {
		return whole(textSearchHow()), nil
	}
	p, err := t.s.hub.Search(t.ctx, t.caller, t.s.group, in)
	if err != nil {
		return nil, err
	}
	if len(p.Entries) == 0 {
		return whole(textNotFound(in.Before > 0)), nil
	}
	lines := t.numberedLines(p, 100)
	older := func(seq group.Seq) string {
		return fmt.Sprintf("\nOlder: /search %s <%d", moderation.CleanLine(brief(in.Text, 60)), seq)
	}
	room := MaxContent - len(glyph) - len(older(1234567890))
	first, size := len(lines), 0
	for first > 0 && (size == 0 || size+1+len(lines[first-1]) <= room) {
		first--
		size += 1 + len(lines[first])
	}
	text := strings.Join(lines[first:], "\n")
	if first > 0 || p.More {
		text += older(p.Entries[first].Seq)
	}
	return whole(text), nil
}

// maxFound is how many posts a search reads: more never fit one answer.
const maxFound = 12

// pins lists the pinned posts, the newest first.
func (t *turn) pins(args string) ([]string, error) {
	r, err := t.s.hub.Pins(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	if len(r.Pinned) == 0 {
		return whole(textNoPins()), nil
	}
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{Seqs: r.Pinned, Current: true})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(p.Entries, func(a, b group.Entry) int { return cmp.Compare(b.Seq, a.Seq) })
	page, _ := parseNumber(args)
	return paged(t.numberedLines(p, 100), page, "/pins"), nil
}

// pin pins a post, or takes the pin off.
func (t *turn) pin(args string, off bool) ([]string, error) {
	seq, _, ok := t.aboutPost(args)
	if !ok {
		return whole(textPinHow(off)), nil
	}
	r, err := t.s.hub.Pin(t.ctx, t.command(), t.s.group, seq, off)
	if err != nil {
		return nil, err
	}
	return whole(textPinned(r.Seq, off)), nil
}

// edit replaces the text of a post of the caller's, or lists those that he could edit.
func (t *turn) edit(args string) ([]string, error) {
	seq, text, ok := t.aboutPost(args)
	if !ok || text == "" {
		return t.ownPosts(textEditHow())
	}
	m := t.in.Message
	r, err := t.s.hub.Edit(t.ctx, t.command(), t.s.group, group.EditInput{Seq: seq, Post: group.PostInput{Text: []byte(text), AuthorTime: m.Time()}})
	if err != nil {
		return nil, err
	}
	return whole(textEdited(seq, r.Seq)), nil
}

// reactTo puts a reaction under a post, or takes it back.
func (t *turn) reactTo(args string) ([]string, error) {
	seq, text, ok := t.aboutPost(args)
	in := group.ReactInput{Seq: seq, Text: text}
	if body, off := strings.CutSuffix(text, " off"); off {
		in.Text, in.Off = body, true
	}
	if !ok || in.Text == "" {
		return whole(textReactHow()), nil
	}
	r, err := t.s.hub.React(t.ctx, t.command(), t.s.group, in)
	if err != nil {
		return nil, err
	}
	return whole(textReactions(r.Seq, r.Reactions)), nil
}

// report tells the moderators about a post.
func (t *turn) report(args string) ([]string, error) {
	seq, why, ok := t.aboutPost(args)
	if !ok {
		return whole(textReportHow()), nil
	}
	if _, err := t.s.hub.Report(t.ctx, t.command(), t.s.group, group.ReportInput{Seq: seq, Reason: why}); err != nil {
		return nil, err
	}
	return whole(textReported(seq)), nil
}

// emergency posts past quiet hours and budgets.
func (t *turn) emergency(args string) ([]string, error) {
	if args == "" {
		return whole(textEmergencyHow()), nil
	}
	r, err := t.s.hub.Post(t.ctx, t.command(), t.s.group, group.PostInput{Text: []byte(args), AuthorTime: t.in.Message.Time(), Emergency: true})
	if err != nil {
		return nil, err
	}
	t.s.count.posted.Add(1)
	return whole(textEmergency(r.Seq)), nil
}

// ownPosts lists the latest posts of the caller after a line that says what to do with them.
func (t *turn) ownPosts(how string) ([]string, error) {
	return t.latest(how, textNoOwnPosts(), false)
}

// latest lists the latest posts, of all or the caller's own, the newest first, with their numbers, as many as one answer holds.
func (t *turn) latest(how, none string, all bool) ([]string, error) {
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{Newest: true, NoEvents: true, Current: true, Limit: maxHistory})
	if err != nil {
		return nil, err
	}
	p.Entries = slices.DeleteFunc(p.Entries, func(e group.Entry) bool { return !all && !t.wrote(p, e) })
	slices.Reverse(p.Entries)
	lines := append([]string{how}, t.numberedLines(p, 40)...)
	if len(lines) == 1 {
		return whole(none), nil
	}
	n, size := 1, len(glyph)+len(how)
	for n < len(lines) && size+1+len(lines[n]) <= MaxContent {
		size += 1 + len(lines[n])
		n++
	}
	return whole(strings.Join(lines[:n], "\n")), nil
}

// wrote reports whether an entry of a page is the caller's, or of one whose membership is his now.
func (t *turn) wrote(p group.Page, e group.Entry) bool {
	author := e.Author
	for range p.Authors {
		i := slices.IndexFunc(p.Authors, func(m group.Member) bool { return m.Identity == author })
		if author == t.caller.Identity || i < 0 || p.Authors[i].Successor.IsZero() {
			break
		}
		author = p.Authors[i].Successor
	}
	return author == t.caller.Identity
}

// --- words ---

func textSinceHow() string { return "So: /since #35 (after number 35), /since 2h, /since 3d" }

func textGoOn(seq group.Seq) string { return fmt.Sprintf("More: /since #%d", seq) }

// textGone counts what the group no longer keeps, or does not show.
func textGone(n int64) string {
	if n == 1 {
		return "(1 entry before these is gone)"
	}
	return fmt.Sprintf("(%d entries before these are gone)", n)
}

func textNothingSince(seq group.Seq, more bool, head group.Seq) string {
	if more {
		return fmt.Sprintf("No post soon after #%d. The newest number is %d.", seq, head)
	}
	return fmt.Sprintf("Nobody has posted since #%d.", seq)
}

func textSearchHow() string { return "So: /search boat tuesday. Older ones: /search boat <35" }

func textNotFound(older bool) string {
	if older {
		return "No older posts have these words."
	}
	return "No posts have these words."
}

func textNoPins() string { return "No posts are pinned." }

func textPinHow(off bool) string {
	if off {
		return "So: /unpin #35, or in reply to the post. Pinned ones: /pins"
	}
	return "So: /pin #35, or in reply to the post. The numbers: /search"
}

func textPinned(seq group.Seq, off bool) string {
	if off {
		return fmt.Sprintf("#%d is not pinned.", seq)
	}
	return fmt.Sprintf("#%d is pinned.", seq)
}

func textEditHow() string    { return "So: /edit 35 the new text, or in reply to the post without number" }
func textNoOwnPosts() string { return "You have no posts here." }

func textEdited(first, edit group.Seq) string {
	return fmt.Sprintf("#%d has the new text (#%d).", first, edit)
}

func textReactHow() string {
	return "So: /react 👍 in reply to the post, or /react #35 👍. With off behind it is taken back."
}

func textReactions(seq group.Seq, list []group.ReactionCount) string {
	if len(list) == 0 {
		return fmt.Sprintf("#%d has no reactions.", seq)
	}
	return fmt.Sprintf("#%d: %s", seq, reactions(list))
}

// reactions lists what was given to a post.
func reactions(list []group.ReactionCount) string {
	words := make([]string, len(list))
	for i, r := range list {
		words[i] = fmt.Sprintf("%s %d", r.Text, r.Count)
	}
	return strings.Join(words, ", ")
}

func textReportHow() string {
	return "So: /report why in reply to the post, or /report #35 why. The numbers: /search"
}

func textReported(seq group.Seq) string {
	return fmt.Sprintf("The moderators are told about #%d.", seq)
}

func textEmergencyHow() string { return "Say what it is: /emergency TEXT" }
func textEmergency(seq group.Seq) string {
	return fmt.Sprintf("Posted as #%d, to everybody at once.", seq)
}
