package rns

import (
	"bytes"
	"fmt"
	"io"
)

// This file hides which destinations are on this machine (Config.LocalHopsDelta, spec 1 §6.3).

// drawLocalHops draws the number of hops that packets of this machine seem to have behind them: 2 to 7.
func drawLocalHops(random io.Reader) (uint8, error) {
	var b [1]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("number of hops: %w", err)
	}
	return b[0]%6 + 2, nil
}

// disguise is a packet as it leaves the machine: one that nobody has passed on yet seems to have come some way. An announce then
// needs our transport id, since who believes that its destination is behind us addresses packets to us. Packets for whom they reach
// only directly stay as they are, as do those between programs of this machine.
func (e *engine) disguise(to *attached, raw []byte) []byte {
	if e.localHops == 0 || e.master != nil || to.options.Local != LocalNone || raw[offsetHops] != 0 {
		return raw
	}
	p, err := ParsePacket(raw)
	switch {
	case err != nil || p.DestinationType == DestinationPlain || p.DestinationType == DestinationGroup:
		return raw
	case p.PacketType == PacketAnnounce && p.HeaderType == Header1:
		out := p.RelayedAnnounce(e.self, e.localHops, p.Context)
		return out.Append(make([]byte, 0, out.Size()))
	}
	out := bytes.Clone(raw) // the caller may send it on several interfaces
	out[offsetHops] = e.localHops
	return out
}
