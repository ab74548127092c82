// Package tcp carries Reticulum packets over TCP, framed as package hdlc does: a Client that connects and reconnects
// (TCPClientInterface), and a Server that makes one interface per connection (TCPServerInterface). Both speak IPv4
// and IPv6, and with the reference's TCP and Backbone interfaces (spec 3 §1.1–1.5, §2.1, §2.2, §2.4).
//
// Each connection has three goroutines: Run itself reads, one writes, one closes. Reading never waits for writing.
// What a peer can cause is bounded: one frame of memory for reading (Properties.FrameLimit), a write queue bounded in
// frames and bytes, a deadline for writes that make no progress, and a number of connections per Server.
package tcp
