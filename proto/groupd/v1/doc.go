// Package groupdv1 holds the messages of the requests that a group answers, generated from the .proto files beside it, and the wire
// forms that carry them: pages ([OpenPage], [Page.Spell], [Columns], [AppendPage]), beacons ([ParseBeacon], [Beacon.Append]) and the
// dictionary of packed pages ([Dictionary1]). docs/requests.md explains them for clients in any language.
//
// Everything here is a pure function of its arguments and may be called from any goroutine.
package groupdv1
