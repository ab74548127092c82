// Package rnode carries Reticulum packets through an RNode, a LoRa modem on a serial port or on TCP (RNodeInterface): the
// host side of the protocol of spec 3 §3.
//
// An RNode is brought up step by step, and each step has a time limit. Whatever goes wrong, at start or later — a device that
// does not answer, is too old, reports other settings than it was given, reboots, stops answering, takes nothing any more, or
// is unplugged — ends in StateFailed with a reason (Stats.LastError, Status.Failure) and is tried again after five seconds.
//
// Unlike the reference, which forwards without a bound, the write queue is bounded; half a packet is forgotten after an idle
// time; reports that are unknown, short or long never stop the reader; and flow control asks the device whether it is ready,
// which firmware 1.86 answers, instead of waiting for a report that it never sends (spec 3 §3.6).
package rnode
