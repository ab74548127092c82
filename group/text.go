package group

import "encoding/hex"

// Hashes are lower-case hex wherever they are written as text, JSON included.

func (h IdentityHash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }
func (h Address) MarshalText() ([]byte, error)      { return []byte(h.String()), nil }
func (h AnyHash) MarshalText() ([]byte, error)      { return []byte(h.String()), nil }
func (h MessageID) MarshalText() ([]byte, error)    { return []byte(h.String()), nil }
func (h Hash) MarshalText() ([]byte, error)         { return []byte(h.String()), nil }

func (h *IdentityHash) UnmarshalText(b []byte) error { return unhex(h[:], b) }
func (h *Address) UnmarshalText(b []byte) error      { return unhex(h[:], b) }
func (h *AnyHash) UnmarshalText(b []byte) error      { return unhex(h[:], b) }
func (h *MessageID) UnmarshalText(b []byte) error    { return unhex(h[:], b) }
func (h *Hash) UnmarshalText(b []byte) error         { return unhex(h[:], b) }

// unhex fills dst exactly.
func unhex(dst, text []byte) error {
	if hex.DecodedLen(len(text)) != len(dst) {
		return hex.ErrLength
	}
	_, err := hex.Decode(dst, text)
	return err
}
