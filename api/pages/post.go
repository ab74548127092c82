package pages

import (
	"fmt"
	"strings"

	"groupd/group"
)

// post is the form for a post, an answer (to), or a new text for a post of one's own (edit).
func (s *Server) post(v *visit) *page {
	const form = "post"
	title := "Write"
	text, to := v.field("text"), v.seq("to")
	var failed error
	if s.taken(v, form) {
		in, err := postInput(text, to)
		var r group.PostResult
		if err == nil {
			r, err = s.hub.Post(v.ctx, v.acting(""), s.group, in)
		}
		if err == nil {
			p := s.page(v, title)
			p.line(fmt.Sprintf("Your post is #%d.", r.Seq)).nl()
			p.link("See it", "/page/history.mu").text(" | ").link("Write another", "/page/post.mu").nl()
			return p
		}
		failed = err
	}
	if !v.identified() {
		return s.problem(v, title, &group.Error{Kind: group.KindNotIdentified, Op: "post", Msg: "to write, you have to identify first"})
	}
	if !v.member() {
		return s.problem(v, title, &group.Error{Kind: group.KindNotMember, Op: "post", Msg: "only members write here"})
	}
	p := s.page(v, title)
	if failed != nil {
		s.refusal(v, p, failed)
	}
	v.sentNote(p)
	if v.again {
		text = ""
	}
	var vars []string
	if to != 0 {
		p.line(fmt.Sprintf("Your answer to #%d:", to))
		vars = []string{"to", seqText(to)}
	}
	refill(p, "text", 50, text)
	p.nl()
	s.form(v, p, form, "Send", vars...)
	p.nl()
	return p
}

// refill is a field with what was typed before, as far as a field can hold it and the page has room.
func refill(p *page, name string, columns int, typed string) {
	const around = 300 // bytes that are kept for what follows the field
	shown := strings.Join(strings.Fields(typed), " ")
	if room := p.room() - around; len(shown) > room {
		p.line("What you typed is too long to be shown again.")
		shown = ""
	} else if plain(shown) != typed && typed != "" {
		p.line("Check the text: a form cannot show every sign again, nor line breaks.")
	}
	p.input(name, columns, shown).nl()
}

// postInput makes a post of what was typed: /me is an action, // a post that begins with a slash, and anything else after a slash is a
// command, which belongs into a message.
func postInput(text string, to group.Seq) (group.PostInput, error) {
	in := group.PostInput{Kind: group.EntryPost, Ref: to}
	text = strings.TrimSpace(text)
	word, rest, _ := strings.Cut(text, " ")
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
