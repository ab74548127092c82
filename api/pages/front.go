package pages

// front is the page that people see first.
func (s *Server) front(v *visit) *page {
	p := s.page(v, "Group")
	p.line(v.groupName())
	return p
}
