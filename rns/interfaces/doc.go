// Package interfaces is the contract between the Reticulum stack and what carries its packets: a TCP connection,
// a serial line, a radio, or an in-memory medium in tests (package ifacetest).
//
// A carrier moves frames. One frame is one complete Reticulum packet, interface access code included (spec 3 §0).
// A carrier frames and unframes, reconnects, and bounds its queues; it knows nothing of what is inside a frame.
// Access codes, duplicate filters, announce caps and paths are the business of package rns, which calls Run of
// every Interface and Serve of every Spawner given to it.
//
// The package is stdlib only and is imported by rns, never the other way round.
package interfaces
