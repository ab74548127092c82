package pages

// help says how to identify and what else there is. It is the same for everybody.
func (s *Server) help(v *visit) *page {
	p := s.static(v, "Help")
	p.line("Reading may be open to all. To join, write or change anything your program must show who you are, on this connection:").nl()
	p.bold("NomadNet:").nl()
	inNomadNet(p)
	p.bold("MeshChat, MeshChatX: ").text(identifyMeshChat + " The page is loaded again.").nl()
	p.bold("Sideband, Columba: ").text("write to the group's address instead; messages are signed anyway. ").write("Open the chat", s.address).nl()
	p.nl()
	p.line("Forms can be sent once, for ten minutes. A page that was kept shows old things: load it again.").nl()
	p.bold("By message").text(", to " + s.address + ":").nl()
	for _, c := range [][2]string{
		{"/join NAME", "become a member"}, {"/leave", "stop being one"}, {"/history", "the last posts"}, {"/search WORDS", "find posts"},
		{"/who", "members"}, {"/nick NAME", "another name"}, {"/relay on", "posts come as messages"}, {"/digest 6h", "or together, every 6 hours"},
		{"/notify", "how you are told"}, {"/quiet 22-07", "not at night"}, {"/forget", "erase what you wrote"}, {"/help", "all commands"},
	} {
		p.text(c[0] + " - " + c[1]).nl()
	}
	p.line("All else you write there is posted; // posts a text that begins with /.").nl()
	p.link("What everybody should know before joining", "/page/disclosure.mu").nl()
	if s.version != "" {
		p.line("groupd " + s.version)
	}
	return p
}

// disclosure is what people are told before they join. It is the same for everybody.
func (s *Server) disclosure(v *visit) *page {
	p := s.static(v, "Before you join")
	for _, text := range s.hub.Disclosure().Texts {
		p.indent = 2
		p.text("- " + text).nl()
	}
	p.indent = 0
	return p
}
