package rns

import "unsafe"

// announceBytes is the packet of a valid announce as it was received. The path, the known destination and the announces to be
// sent again share one of them: it is the only copy of key, ratchet and app data that is in memory. "" is none.
type announceBytes string

// bytes returns the announce for those who keep it, without a copy: its packet has memory of its own, and nobody changes the packet
// of an announce. A copy for each would leave as much garbage between those that are kept, which the heap cannot give back.
func (a *heardAnnounce) bytes() announceBytes {
	raw := a.packet.Raw
	return announceBytes(unsafe.String(unsafe.SliceData(raw), len(raw)))
}

func (b announceBytes) data() announceBytes {
	if b[0]&flagHeader2 != 0 {
		return b[HeaderMaxSize:]
	}
	return b[HeaderMinSize:]
}

// says reports whether both say the same, whichever way they came and whoever sent them.
func (b announceBytes) says(o announceBytes) bool {
	return b != "" && o != "" && b[0]&flagContext == o[0]&flagContext && b.data() == o.data()
}

// nextHop is where packets go that are for the destination d, whose announce it is.
func (b announceBytes) nextHop(d DestinationHash) TruncatedHash {
	if b[0]&flagHeader2 != 0 {
		return TruncatedHash([]byte(b[offsetTransportID : offsetTransportID+TruncatedHashLength]))
	}
	return TruncatedHash(d)
}

func (b announceBytes) key() string { return string(b.data()[:PublicKeyLength]) }

func (b announceBytes) random() (f RandomField) {
	copy(f[:], b.data()[announceRandomOffset:])
	return f
}

// ratchet is "" when there is none.
func (b announceBytes) ratchet() string {
	if b[0]&flagContext == 0 {
		return ""
	}
	return string(b.data()[announceFixed:][:RatchetLength])
}

// appData returns a copy of the app data: nil when there is none, but with a ratchet empty.
func (b announceBytes) appData() []byte {
	d := b.data()[announceMinData:]
	if b[0]&flagContext != 0 {
		return append([]byte{}, d[RatchetLength:]...)
	}
	if d == "" {
		return nil
	}
	return []byte(d)
}

// packet parses it again. The packet must not be changed: it is no copy.
func (b announceBytes) packet() (Packet, error) {
	return ParsePacket(unsafe.Slice(unsafe.StringData(string(b)), len(b)))
}

func (b announceBytes) hash() PacketHash {
	p, err := b.packet()
	if err != nil {
		return PacketHash{}
	}
	return p.Hash()
}
