package pages

import "errors"

// formVariable is the variable that holds a form's nonce.
const formVariable = "n"

// form writes the link that sends the page's fields to the page itself, with a nonce of this form and further variables as in page.link. The
// page has one link for each thing that can be done; several of one form share its nonce.
func (s *Server) form(v *visit, p *page, form, label string, vars ...string) {
	value, ok := v.nonces[form]
	if !ok {
		var err error
		switch value, err = s.nonces.issue(v.holder(), form, v.member()); {
		case errors.Is(err, errNoRoom):
			p.text("So many forms are open just now that there is none for you: load this page again in a few minutes.")
			return
		case err != nil:
			s.log.Error("no form", "group", string(s.group), "err", err)
			return
		}
		if v.nonces == nil {
			v.nonces = make(map[string]string)
		}
		v.nonces[form] = value
	}
	p.submit(label, v.path, append([]string{formVariable, value}, vars...)...)
}

// taken reports whether the visit sends a form that this server showed to the same identity on the same link not long ago, for the first
// time. Nothing may be changed unless it does. It answers once: where a page has several forms, each is asked for by its own name.
func (s *Server) taken(v *visit, form string) bool {
	value := v.variable(formVariable)
	if value == "" || !v.identified() {
		return false
	}
	sum := v.sum()
	switch s.nonces.take(v.holder(), form, value, sum) {
	case sentFirst:
		v.used, v.id = value, value+sum
		return true
	case sentAgain:
		v.again = true
	case sentOther:
		v.other = true
	case sentLate:
		if !v.late && !v.again {
			v.again = isNonce(value) && s.wasDone(v, value+sum)
			v.late = !v.again
		}
	}
	return false
}

// wasDone reports whether what was sent was done before, though its nonce is not known any more: the link broke before the answer came, or the
// server began anew.
func (s *Server) wasDone(v *visit, id string) bool {
	c := v.caller
	c.ClientID = []byte(id)
	done, err := s.hub.Remembered(v.ctx, c, s.group)
	if err != nil {
		s.note(v, err)
	}
	return done
}

// undone says that nothing came of the form that was sent, so that it can be sent again as it is.
func (s *Server) undone(v *visit) {
	if v.used != "" {
		s.nonces.release(v.holder(), v.used)
	}
}

// sentNote says why a form that was sent is shown instead of what came of it.
func (v *visit) sentNote(p *page) {
	switch {
	case v.again:
		p.line("This was sent already, and is not done twice.").nl()
	case v.other:
		p.line("This form was sent before, with something else in it. Please send it once more.").nl()
	case v.late:
		p.line("This form was open for too long. Please send it once more.").nl()
	}
}
