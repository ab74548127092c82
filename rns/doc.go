// Package rns is the Reticulum Network Stack: identities, destinations, packets, announces, paths, links, requests and
// resources over any number of carriers. It reads no files, opens no sockets and has no package-level state, so that
// many nodes can live in one process, also in virtual time (testing/synctest).
//
// A program makes a [Transport] with [New], gives it interfaces and destinations, and calls [Transport.Run], which
// returns when the node has ended. Others are reached through [Transport.NewRemote] with single packets of up to 383
// bytes, and through [Transport.OpenLink] with anything larger. The examples show how: a whole program (Example), an address
// that was typed in ([Transport.Recall]), requests, which pages are, and streams over a link ([Transport.OpenLink],
// [Channel.OpenStream]), and files ([Link.SendResource]).
//
// # Who owns what
//
// Nothing is shared but what is written here. Each goroutine owns its state, and the others send it messages over
// bounded channels.
//
//	goroutine               owns                                        is fed by (bound, when full)
//	the loop (Run)          paths, path requests, duplicates, receipts  inbound packets (256, the readers wait),
//	                        of single packets, known destinations,      packets of ours (1024, the senders wait),
//	                        which destinations, links and interfaces    what was verified (0, the workers wait),
//	                        there are; all tables of a transport node   calls (0, the callers wait)
//	a reader per interface  nothing: access codes, parsing              its carrier
//	2 verify workers        nothing: signatures of announces, and of    announces (256, newest dropped), checks for the
//	                        link proofs and tunnels for others          loop (64, newest dropped)
//	a receiver per          its OnPacket: decryption, delivery          packets (256, newest dropped, and forgotten so
//	destination                                                         that a retry is taken)
//	an announcer per        ratchets, announce times; calls AppData,    path requests (16, newest dropped),
//	destination             waits for the store                         calls of Announce (0, the callers wait)
//	a dispatcher            calls the announce handlers                 accepted announces (256, oldest dropped)
//	a saver, now and then   a copy of what is to be stored              the loop
//	one per link            keys, timers, receipts, pending requests,   packets (1024, newest dropped, and forgotten)
//	                        resources, the channel                      and calls (64, the callers wait)
//	a caller per link, now  nothing: calls the LinkHandlers in order    its link (256 packets, newest dropped; other
//	and then                                                            events are bounded where they arise)
//	request handlers        nothing: one request each                   their links (8 run per link, 64 in all; 64 wait,
//	                                                                    16 of a link, newest dropped)
//
// The loop never waits for anybody and never calls an application: it hands over. Its methods are those of engine;
// whoever has an *engine is the loop. Before Run the tables belong to whoever holds Transport.mu.
//
// What is dropped is counted by reason: [Transport.Stats].
//
// # Transport nodes
//
// With Config.TransportEnabled a transport forwards for others: packets by its path table (relay.go), announces
// (announce_relay.go), answers to path requests (path_search.go), and it keeps paths over reconnects (tunnels.go) and
// restarts (node_store.go). What it needs for that is in tables that know nothing but the time they are told, one file
// each: announce_table, announce_queue, announce_rate, discovery, ingress, link_table, reverse_table, tunnel_table. Each is
// bounded and says what it drops. Interfaces with a [LocalRole] make it one of several programs that share an
// instance (local.go).
//
// # Time
//
// What lasts is measured with the monotonic clock, so setting the clock changes no timer and ages no path. The wall clock
// ([Config].Clock) is used for times that leave the process: emission times of announces, which never go back, and stored
// files.
package rns
