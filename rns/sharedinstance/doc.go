// Package sharedinstance lets the programs of one machine share one connection to the network, as every Reticulum program does
// (Reticulum manual: shared instance; spec 3 §4): the first one that starts binds a local socket and becomes the master, the
// others find it bound and become its clients, whatever language they are written in. Stock rnstatus, rnpath and rnprobe work
// against our master, and we work through a stock rnsd.
//
// [Join] decides which of the two this program is. [Instance.Run] gives the transport its local carriers, answers the calls of
// other programs (RPC) while we are the master, and takes over when the master that we were a client of is gone.
//
// Calls are a msgpack map and a msgpack value over a connection of their own, with a mutual handshake by a key that all
// programs with the same storage folder have. Nothing received is ever executed: a call is one of a fixed list.
package sharedinstance
