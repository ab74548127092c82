// Package micron reads pages written in micron the way two clients do, NomadNet and MeshChat (spec 4 §7.13), for tests: to
// see what a visitor of our pages sees, to walk through them and to send forms exactly as these clients send them.
//
// It is no renderer and keeps their quirks on purpose: a page that is right in one dialect may be broken in the other.
// Only tests import it.
package micron
