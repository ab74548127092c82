package pages

import "strconv"

// howToIdentify tells the visitor how his program shows this group who he is.
func howToIdentify(v *visit, p *page) {
	switch v.client {
	case clientNomadNet:
		inNomadNet(p)
	case clientMeshChat:
		p.line(identifyMeshChat)
	default:
		p.line("In NomadNet:")
		inNomadNet(p)
		p.line("In MeshChat: " + identifyMeshChat)
	}
}

// inNomadNet is the steps there, each on a line of its own.
func inNomadNet(p *page) {
	for i, step := range identifyNomadNet() {
		p.indent = 3
		p.end().text(strconv.Itoa(i+1) + ". " + step).nl()
		p.indent = 0
	}
}

// identifyNomadNet is how NomadNet identifies (spec 4 §7.10), on new links only. In a terminal of 80 columns its list of nodes is hidden
// by the full screen that pages need.
func identifyNomadNet() []string {
	return []string{
		"Ctrl-S, Save.",
		"Go left to the list of saved nodes (Ctrl-G ends the full screen; Ctrl-L twice reads the list again).",
		"Enter on this node, Info, tick \"Identify when connecting\", Save.",
		"Ctrl-W in the page, then open the node from the list.",
	}
}

const identifyMeshChat = "Press the Identify button above this page and confirm."
