package pages

// formVariable is the variable that holds a form's nonce.
const formVariable = "n"

// form writes the link that sends the page's fields to the page itself, with a nonce of this form and further variables as in page.link. The
// page has one link for each thing that can be done; several of one form share its nonce.
func (s *Server) form(v *visit, p *page, form, label string, vars ...string) {
	value, ok := v.nonces[form]
	if !ok {
		var err error
		if value, err = s.nonces.issue(holder{v.link, v.caller.Identity}, form, v.member()); err != nil {
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
	switch s.nonces.take(holder{v.link, v.caller.Identity}, form, value) {
	case sentFirst:
		v.used, v.late, v.again = value, false, false
		return true
	case sentAgain:
		v.again = true
	default:
		v.late = v.used == "" && !v.again
	}
	return false
}

// sentNote says why a form that was sent is shown instead of what came of it.
func (v *visit) sentNote(p *page) {
	switch {
	case v.again:
		p.line("This was sent already, and is not done twice.").nl()
	case v.late:
		p.line("This form was open for too long. Please send it once more.").nl()
	}
}
