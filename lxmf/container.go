package lxmf

import (
	"fmt"

	"groupd/rns/msgpack"
)

// Names of transport encryption as containers state them.
const (
	EncryptionCurve25519 = "Curve25519"  // to an identity or over a link
	EncryptionAES        = "AES-128"     // to a group key
	EncryptionNone       = "Unencrypted" // none
)

// Container is a message as LXMF programs keep it in a file, whose name is the message id in hex (spec 4 §1.8).
type Container struct {
	Packed     []byte
	State      State
	Method     Method
	Encrypted  bool
	Encryption string // empty: not stated
}

// Append appends the packed container.
func (c *Container) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 5)
	b = msgpack.AppendInt(msgpack.AppendStr(b, "state"), int64(c.State))
	b = msgpack.AppendBin(msgpack.AppendStr(b, "lxmf_bytes"), c.Packed)
	b = msgpack.AppendBool(msgpack.AppendStr(b, "transport_encrypted"), c.Encrypted)
	b = msgpack.AppendStr(b, "transport_encryption")
	if c.Encryption == "" {
		b = msgpack.AppendNil(b)
	} else {
		b = msgpack.AppendStr(b, c.Encryption)
	}
	return msgpack.AppendInt(msgpack.AppendStr(b, "method"), int64(c.Method))
}

// ParseContainer reads a container. Unknown keys are passed over; a container without a message is [ErrMalformed].
func ParseContainer(b []byte) (c Container, err error) {
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return c, malformed("container", err)
	}
	entries, ok := raw.Map()
	if !ok {
		return c, fmt.Errorf("%w: container is not a map", ErrMalformed)
	}
	for _, e := range entries {
		key, _ := e.Key.Str()
		number, _ := e.Value.Int()
		switch key {
		case "state":
			c.State = State(number)
		case "method":
			c.Method = Method(number)
		case "lxmf_bytes":
			c.Packed, _ = e.Value.Bin()
		case "transport_encrypted":
			c.Encrypted, _ = e.Value.Bool()
		case "transport_encryption":
			c.Encryption, _ = e.Value.Str()
		}
	}
	if c.Packed == nil {
		return c, fmt.Errorf("%w: container without a message", ErrMalformed)
	}
	return c, nil
}
