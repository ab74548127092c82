// Package pages is the face that people see who browse: micron pages on a group's nomadnetwork.node destination, for NomadNet, MeshChat
// and MeshChatX. It reads forms and writes pages; every rule is the Hub's.
//
// One page is one file here, a method of Server that gets a visit and returns a page. A page is at most MaxPage bytes and Columns wide; what
// people wrote is escaped by all methods of the writer. What changes something runs only after Server.taken: see nonces. docs/pages.md says
// which pages there are, and what each of them shows to whom.
package pages
