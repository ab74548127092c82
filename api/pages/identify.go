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

// How a program identifies (spec 4 §7.10); NomadNet does so on new links only.
const (
	identifyNomadNet = "Ctrl-S, Save. In the list of saved nodes (Ctrl-L twice reads it again) Enter on this node, Info, tick \"Identify when connecting\", Save. Then Ctrl-W in the page, and open the node from the list."
	identifyMeshChat = "Press the Identify button above this page and confirm."
)
