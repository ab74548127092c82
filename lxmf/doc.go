// Package lxmf implements LXMF, the messaging layer of Reticulum: signed messages with a title, content and fields, carried
// in one packet, over a link, or as a resource, and proved by their recipient.
//
// # Codecs
//
// [Message], [Fields], [AnnounceData], [PropagationData], [Container] and stamps are pure codecs, byte-exact in both
// directions; ids and signatures are computed over the bytes received. One message has one verdict: what every Python program
// refuses as wrongly signed is refused here, too (a stamped message whose sender did not write canonical msgpack).
//
// # Router
//
// A [Router] serves any number of [Delivery] addresses on one transport. Incoming messages are checked, cheapest first: size,
// form, destination, known id, author's key, signature, stamp; the application gets verified ones only, each once, and decides.
//
// A proof means that the decision is durable. [Inbound.Prove] is called after the commit for what was accepted, and at once for
// what was refused; the router itself proves what it refuses, duplicates and empty packets included, because whatever decrypts
// must be proved, or its sender goes on for hours. Only what could not be committed, or not be taken since too much waits, is
// not proved: its sender tries again. Stock senders are patient for six of the round trips that they measured when a link was
// made, and look once per second; so our destinations answer link requests 50 ms late, and a commit of that length does not
// make anybody repeat a message or tear a link down.
//
// A message whose author's key is not known is held: committed first, then proved, its author's announce asked for, and
// verified when that comes. Held messages are few (see [RouterConfig]), and strangers can cause no more than one write in
// four seconds after a first burst.
//
// # Sending
//
// [Router.Send] queues a message; [Outgoing] tells what becomes of it. A message that fits one packet is transmitted up to five
// times, ten seconds apart, or what its proof may take if that is more (6 s and 6 s per hop), with one search for a better
// path; another one waits for a link, which is tried four times, and travels on it with others: as many at a time as the
// proofs' speed allows, on a radio one or two, on a LAN 128. Links are kept for ten minutes and used by both ends; whoever
// identified on a link to us is answered on it. With a TTL, a message then waits for the recipient's next announce. A
// recipient's stamp is computed on all cores, up to a cost limit.
//
// Messages to one recipient leave by [Priority]. A message may be kept over restarts ([QueueStore]): stored before it is
// transmitted, dropped when it has ended. What cannot be delivered may be left with a propagation node, under the same id; an
// [Uploader] does that. What is to be printed or shown as a QR code is made by [Router.Paper] and taken in by [Router.TakePaper].
// [Outgoing.Airtime] estimates what a message costs on the air.
//
// Facts of the protocol are cited as sections of spec 4, which describes LXMF 1.0.
package lxmf
