// Package rnodesim is a radio to test on: RNodes without hardware. A Channel is the air, with airtime by LoRa's formula,
// carrier sense, half duplex, collisions, hidden nodes and loss; a Device is one RNode, the device side of the host
// protocol of spec 3 §3, and the packets it splits, queues and puts together again as firmware 1.86 does (spec 3 §3.10, §3.11).
//
// A host reaches a Device over a pseudo-terminal (Device.OpenPTY), as any program that speaks to an RNode does, over TCP
// (Device.Serve), or over a line in memory (Device.Open), which works in testing/synctest bubbles and so in virtual time.
// Several devices share one Channel, whatever their hosts are.
//
// All chances are drawn from generators seeded per device and per pair of devices. No lock is held while anything waits.
package rnodesim
