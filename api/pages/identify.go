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
	identifyNomadNet = "Ctrl-S, Save. In the list of saved nodes: Enter, Info, tick \"Identify when connecting\", Save. Then Ctrl-W, and connect again."
	identifyMeshChat = "Press the Identify button above this page and confirm."
)
