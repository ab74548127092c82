package pages

import (
	"strings"
	"unicode"

	"groupd/group"
	"groupd/moderation"
)

// post is the form for a post, for an answer (to), and for a new text of a post of one's own (edit).
func (s *Server) post(v *visit) *page {
	title := "Write"
	to, edit := v.seq("to"), v.seq("edit")
	if edit != 0 {
		title, to = "Edit", 0
	}
	var failed error
	text := s.typedText(v)
	if s.taken(v, "post") {
		r, err := s.send(v, text, to, edit)
		if err == nil {
			s.drafts.forget(v.caller.Identity)
			return s.sentPage(v, title, r, edit)
		}
		failed = err
	}
	if !v.identified() {
		p := s.problem(v, title, &group.Error{Kind: group.KindNotIdentified, Op: "post", Msg: "to write, you have to identify first"})
		if text != "" { // his link broke, perhaps
			p.line("Then go on with what you typed:")
			var vars []string
			if name := s.strayed(p, text); name != "" {
				p.line(keptText(text))
				vars = append(vars, keptVariable, name)
			} else {
				refill(p, "text", 50, text)
			}
			if to != 0 {
				vars = append(vars, "to", seqText(to))
			}
			if edit != 0 {
				vars = append(vars, "edit", seqText(edit))
			}
			if nonce := v.variable(formVariable); isNonce(nonce) { // by which it is known if it was done already
				vars = append(vars, formVariable, nonce)
			}
			p.submit("Go on", v.path, vars...).nl()
		}
		return p
	}
	if failed == nil {
		if err := s.silenced(v, to, edit); err != nil {
			return s.problem(v, title, err)
		}
	}
	p := s.tried(v, title, "", failed)
	if failed == nil && v.info.You.Standing == moderation.StandingMuted {
		p.line("You can read and not write" + s.until(v.info.You) + ".").nl()
	}
	var vars []string
	if v.again {
		text = ""
	}
	typed := text != ""
	switch {
	case edit != 0:
		e, _, err := s.one(v, edit)
		if err == nil && e.Author != v.caller.Identity && failed == nil {
			err = &group.Error{Kind: group.KindDenied, Op: "edit", Msg: "only who wrote a post can change its text"}
		}
		if err != nil {
			return s.problem(v, title, err)
		}
		if vars = []string{"edit", seqText(e.Seq)}; text == "" {
			text = string(e.Text)
		}
		p.line("The new text of #" + seqText(e.Seq) + ":")
	case to != 0:
		e, list, err := s.one(v, to)
		switch {
		case group.KindOf(err) == group.KindNotFound && err != nil && typed:
			p.line("What you answer is not here any more: your text becomes a post of its own.")
		case err != nil:
			return s.problem(v, title, err)
		default:
			vars = []string{"to", seqText(e.Seq)}
			v.people(list.Authors).entry(p, e, listedText)
			p.nl().nl().line("Your answer:")
		}
	default:
		p.line("Your post:")
	}
	var draft string
	if _, fits := refillable(p, text); !fits && typed && (failed != nil || v.late || v.other) {
		draft = s.drafts.keep(v.caller.Identity, text)
		s.strays.forget(stray(draft))
	}
	if draft != "" {
		p.line(keptText(text) + " Leave this empty to send it as it is, or write another.")
		text, vars = "", append(vars, keptVariable, draft)
	}
	refill(p, "text", 50, text)
	s.form(v, p, "post", "Send", vars...)
	p.text(" (/me waves: as an action)").nl()
	if edit == 0 {
		p.text("Files come by message: ").write("open the chat", s.address).nl()
	}
	return p
}

// silenced refuses who would be shown a form that can not be sent. Who is muted sees it: a mute may end while he writes.
func (s *Server) silenced(v *visit, to, edit group.Seq) error {
	switch {
	case !v.member():
		return notMember(v)
	case v.info.Over:
		return &group.Error{Kind: group.KindDenied, Op: "post", Msg: "this group is over", Reason: moderation.ReasonOver}
	case to == 0 && edit == 0 && !v.writes(s) && v.info.You.Standing != moderation.StandingMuted:
		return &group.Error{Kind: group.KindDenied, Op: "post", Msg: "only the staff of this group write here; you can react to posts", Reason: moderation.ReasonReadOnly}
	}
	return nil
}

// keptVariable is the variable of a form for a post by which an empty field stands for the draft of that name.
const keptVariable = "kept"

// typedText is what the visitor wants to post: what stands in the field, or what is kept of him.
func (s *Server) typedText(v *visit) string {
	text, name := v.field("text"), v.variable(keptVariable)
	if strings.TrimSpace(text) != "" || name == "" {
		return text
	}
	if v.identified() {
		if own := s.drafts.of(v.caller.Identity, name); own != "" {
			return own
		}
	}
	if text = s.strays.of(stray(name), name); text != "" { // as it was sent first, by which it is known if it was done already
		v.fields["text"] = text
		delete(v.variables, keptVariable)
	}
	return text
}

// strayed keeps a text that the page has no room for and whose author is not known, and returns its name; "" where it is not kept.
func (s *Server) strayed(p *page, text string) string {
	if _, fits := refillable(p, text); fits {
		return ""
	}
	return s.strays.keep(stray(draftName(text)), text)
}

// keptText says that a text is kept.
func keptText(text string) string {
	return "Your text of " + size(int64(len(text))) + ", \"" + fit(text, 60) + "\", is too long to be shown again. It is kept for an hour."
}

// send does what the form says.
func (s *Server) send(v *visit, text string, to, edit group.Seq) (group.PostResult, error) {
	in, err := postInput(text, to)
	if err != nil {
		return group.PostResult{}, err
	}
	if edit == 0 {
		return s.hub.Post(v.ctx, v.acting(0), s.group, in)
	}
	e, _, err := s.one(v, edit)
	if err != nil {
		return group.PostResult{}, err
	}
	in.Title = e.Title
	return s.hub.Edit(v.ctx, v.acting(0), s.group, group.EditInput{Seq: e.Seq, Post: in})
}

// sentPage tells where the post stands.
func (s *Server) sentPage(v *visit, title string, r group.PostResult, edit group.Seq) *page {
	p := s.page(v, title)
	seq := r.Seq
	if edit != 0 {
		seq = edit
		p.line("The new text of #" + seqText(seq) + " is there.").nl()
	} else {
		p.line("Posted as #" + seqText(seq) + ".").nl()
	}
	p.link("See it", "/page/entry.mu", "seq", seqText(seq)).link("History", "/page/history.mu").link("Write another", "/page/post.mu").nl()
	return p
}

// refill is a field with what was typed before, as far as a field can hold it and the page has room.
func refill(p *page, name string, columns int, typed string) {
	shown, fits := refillable(p, typed)
	if !fits {
		p.line("The text is too long to be shown in a form: write it anew, or send it as a message.")
		shown = ""
	} else if plain(shown) != strings.TrimSpace(typed) {
		p.line("Check the text: a form can not show line breaks nor every sign.")
	}
	p.input(name, columns, shown).nl()
}

// refillable is how a field shows what was typed, and whether the page has room for it.
func refillable(p *page, typed string) (shown string, fits bool) {
	const around = 300 // bytes that are kept for what follows the field
	shown = strings.Join(strings.Fields(typed), " ")
	return shown, len(shown) <= p.room()-around
}

// postInput makes a post of what was typed: /me is an action, // a post that begins with a slash, and anything else after a slash is a
// command, which belongs into a message.
func postInput(text string, to group.Seq) (group.PostInput, error) {
	in := group.PostInput{Kind: group.EntryPost, Ref: to}
	text = strings.TrimSpace(text)
	word, rest := text, ""
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		word, rest = text[:i], text[i:]
	}
	switch {
	case strings.EqualFold(word, "/me"):
		in.Kind, text = group.EntryAction, strings.TrimSpace(rest)
	case strings.HasPrefix(text, "//"):
		text = text[1:]
	case strings.HasPrefix(text, "/"):
		return in, &group.Error{Kind: group.KindInvalid, Op: "post", Msg: "this begins like a command: send commands to the group as a message; // posts a text that begins with /"}
	}
	in.Text = []byte(text)
	return in, nil
}
