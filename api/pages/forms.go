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
	if !s.nonces.take(holder{v.link, v.caller.Identity}, form, value) {
		v.stale = v.used == ""
		return false
	}
	v.used, v.stale = value, false
	return true
}

// staleNote says why a form that was sent comes back.
func (v *visit) staleNote(p *page) {
	if v.stale {
		p.line("Nothing was done now: this form was sent already, or it was open for too long. Look first, and if it is not done, send it once more.").nl()
	}
}
