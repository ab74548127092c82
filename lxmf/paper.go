package lxmf

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"groupd/rns"
)

// PaperScheme begins the URI of a paper message.
const PaperScheme = "lxm://"

// Seal returns a message as paper and propagation nodes carry it (spec 4 §1.8, §5.1): the 16 bytes of the destination hash, and
// the rest of the packed message encrypted to its recipient, to his 32-byte ratchet public key when one is given. It reads 48
// bytes of rand. Two calls give two different results; the message keeps its id.
func Seal(rand io.Reader, m *Message, to *rns.PublicIdentity, ratchet []byte) ([]byte, error) {
	if DeliveryHash(to) != m.Destination {
		return nil, fmt.Errorf("seal: %s is not the address of the identity given", m.Destination)
	}
	sealed, err := to.Encrypt(rand, m.OpportunisticData(), ratchet)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append(m.Destination[:len(m.Destination):len(m.Destination)], sealed...), nil
}

// PaperURI returns the URI of a sealed message, which is also what its QR code holds: "lxm://" and base64url without padding.
// More than [MaxPaper] bytes are [ErrTooLarge], since no QR code holds them.
func PaperURI(sealed []byte) (string, error) {
	if len(sealed) > MaxPaper {
		return "", fmt.Errorf("%w: paper message of %d bytes, limit %d", ErrTooLarge, len(sealed), MaxPaper)
	}
	return PaperScheme + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// ParsePaperURI returns the sealed message of a URI. The letters of the scheme may be of any case, "/" and line breaks may stand
// anywhere, and padding may be there or not (spec 4 §1.8). Whatever else is wrong, and less than [Overhead] bytes, is
// [ErrMalformed].
func ParsePaperURI(uri string) ([]byte, error) {
	if len(uri) < len(PaperScheme) || !strings.EqualFold(uri[:len(PaperScheme)], PaperScheme) {
		return nil, fmt.Errorf("%w: not a %s URI", ErrMalformed, PaperScheme)
	}
	text := strings.TrimRight(strings.ReplaceAll(uri[len(PaperScheme):], "/", ""), "=")
	if base64.RawURLEncoding.DecodedLen(len(text)) > MaxPaper {
		return nil, fmt.Errorf("%w: paper message, limit %d bytes", ErrTooLarge, MaxPaper)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	switch {
	case err != nil:
		return nil, malformed("paper", err)
	case len(sealed) < Overhead:
		return nil, fmt.Errorf("%w: paper message of %d bytes", ErrMalformed, len(sealed))
	}
	return sealed, nil
}

// Paper signs a message and returns it with its URI, for paper and QR codes instead of the network. Method, TTL, Keep and stamp
// cost do not matter: paper needs no stamp. The recipient's key must be known, or given: [ErrUnknownRecipient]. What a QR code
// cannot hold is [ErrTooLarge]: 2015 bytes of content alone fit.
func (r *Router) Paper(o *Outbound) (uri string, m *Message, err error) {
	m, err = r.pack(o, o.Fields)
	if err != nil {
		return "", nil, err
	}
	key, ratchet := r.keyFor(m.Destination, given{o.Identity, o.Ratchet})
	if key == nil {
		return "", nil, ErrUnknownRecipient
	}
	sealed, err := Seal(r.config.Rand, m, key, ratchet)
	if err != nil {
		return "", nil, err
	}
	if uri, err = PaperURI(sealed); err != nil {
		return "", nil, err
	}
	return uri, m, nil
}

// TakePaper takes in a message that somebody has scanned or pasted. It is given to the delivery that it is for like any other,
// with [MethodPaper]; a stamp is not asked for. Errors: [ErrMalformed], [ErrNotOurs], [ErrUndecryptable], and [ErrQueueFull]
// when too much waits for a decision already.
func (r *Router) TakePaper(uri string) error {
	sealed, err := ParsePaperURI(uri)
	if err != nil {
		return err
	}
	if len(sealed) <= rns.TruncatedHashLength {
		return fmt.Errorf("%w: %d bytes", ErrMalformed, len(sealed))
	}
	d := r.delivery(rns.DestinationHash(sealed[:rns.TruncatedHashLength]))
	if d == nil {
		return ErrNotOurs
	}
	packed, ok := d.unseal(sealed)
	if !ok {
		return ErrUndecryptable
	}
	if !d.take(&arrival{d: d, packed: packed, method: MethodPaper, at: time.Now()}) {
		return ErrQueueFull
	}
	return nil
}

// unseal opens what [Seal] made for this address, with any of its ratchets. False: it is for another one, or nothing opens it.
func (d *Delivery) unseal(sealed []byte) (packed []byte, ok bool) {
	const head = rns.TruncatedHashLength
	if len(sealed) <= head || rns.DestinationHash(sealed[:head]) != d.address {
		return nil, false
	}
	plain, ok := d.destination.Decrypt(sealed[head:])
	if !ok {
		return nil, false
	}
	return append(sealed[:head:head], plain...), true
}

// keyFor returns the recipient's identity, nil when it is not known, and his newest ratchet, nil when none is.
func (r *Router) keyFor(to rns.DestinationHash, g given) (*rns.PublicIdentity, []byte) {
	key, ratchet := g.identity, g.ratchet
	if key == nil {
		key = r.identity(to)
	}
	if key == nil || DeliveryHash(key) != to {
		return nil, nil
	}
	if known, ok := r.transport.Recall(to); ok && known.Ratchet != nil {
		ratchet = known.Ratchet // heard: newer than what was given
	}
	return key, ratchet
}
