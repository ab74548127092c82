// Package local carries packets between the programs of one machine: one of them, the master, has the interfaces to the network
// and shares them over a socket of its own (Reticulum manual: shared instance; spec 3 §4).
//
// A [Server] is the master's side, one interface for each program; a [Client] is a program's side. Packets are framed as on TCP,
// in both directions, without a handshake and without access codes: whoever may open the socket is trusted like the machine.
//
// Which of the two a program is, and what else the master owes its clients, is the business of package sharedinstance.
package local
