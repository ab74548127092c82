// Package lxmf implements LXMF, the messaging layer of Reticulum: signed messages with a title, content and fields, carried
// in one packet, over a link, or as a resource, and proved by their recipient.
//
// Messages, fields, announce data and stamps are pure codecs, byte-exact in both directions; ids and signatures are computed
// over the bytes received.
//
// Facts of the protocol are cited as sections of spec 4, which describes LXMF 1.0.
package lxmf
