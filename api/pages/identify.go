package pages

// howToIdentify tells the visitor how his program shows this group who he is.
func howToIdentify(v *visit, p *page) {
	switch v.client {
	case clientNomadNet:
		p.line(identifyNomadNet)
	case clientMeshChat:
		p.line(identifyMeshChat)
	default:
		p.line("NomadNet: " + identifyNomadNet)
		p.line("MeshChat: " + identifyMeshChat)
	}
}

const (
	identifyNomadNet = "Save this node (Ctrl-B), open its entry in the list of known nodes, check \"Identify when connecting\", save, then disconnect (Ctrl-W) and come back."
	identifyMeshChat = "Press the fingerprint button above this page and confirm; the page is loaded again."
)
