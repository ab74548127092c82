// Package carrier is what carriers have in common: options, the bounded write queue, counters, and carrying framed packets
// over a stream of bytes.
//
// A carrier embeds a Face, which is most of an interfaces.Interface, and drives it by its Engine: Begin and End frame Run,
// Up and Down say when Send may take frames, Received and Drop count. Carriers of datagrams take frames by Next; carriers of
// streams call Carry; listeners call Serve. Everything here may be called from any goroutine; no lock is held while anything is waited for.
package carrier
