package tcp

import (
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/kiss"
)

// kissFraming is KISS with the command for packets, whatever the port (option "kiss_framing").
type kissFraming struct{}

var _ carrier.Framing = kissFraming{}

func (kissFraming) AppendFrame(dst, packet []byte) []byte {
	return kiss.AppendFrame(dst, kiss.CommandData, packet)
}

func (kissFraming) FrameLen(packet []byte) int { return kiss.FrameLen(packet) }

func (kissFraming) NewDecoder(limit int) carrier.Decoder {
	return kissDecoder{kiss.NewDecoder(limit, kiss.MaskTNC)}
}

// kissDecoder hands on packets only.
type kissDecoder struct{ *kiss.Decoder }

func (d kissDecoder) Feed(chunk []byte, deliver func(packet []byte)) {
	d.Decoder.Feed(chunk, func(command byte, payload []byte) {
		if command == kiss.CommandData {
			deliver(payload)
		}
	})
}

func (d kissDecoder) Dropped() (tooShort, tooLong uint64) { return 0, d.TooLong() }
