package ifac

// Key returns the derived key.
func (c *Code) Key() []byte { return c.key }

// Sign returns the code of a packet.
func (c *Code) Sign(packet []byte) []byte { return c.sign(packet) }

// MaskBytes returns the mask for a code and the length of a frame.
func (c *Code) MaskBytes(code []byte, length int) ([]byte, error) { return c.mask(code, length) }
