package rns

import (
	"container/list"
	"fmt"
	"sync"
	"time"
)

const (
	// maxReceipts bounds the outstanding receipts of a transport; one more culls the oldest (spec 1 §3.6).
	maxReceipts = 1024

	// firstHopTimeout and hopTimeout make up how long a proof is waited for: the first plus the transmission time of
	// a full packet on the first interface, and as many of the second as there are hops (spec 1 §3.6).
	firstHopTimeout = 6 * time.Second
	hopTimeout      = 6 * time.Second

	// strayProofTrials is how many signatures per second are tried for proofs whose address fits no receipt. No
	// honest node sends such, but the reference would take them.
	strayProofTrials = 64
)

// ReceiptStatus is what became of a sent packet.
//
//	Sent ── proof ──▶ Delivered
//	 ├──── timeout ──▶ Failed
//	 └── table full ─▶ Culled
type ReceiptStatus uint8

// The states of a receipt; the last three are final. The numbers are the reference's, which has 0 for failed.
const (
	ReceiptFailed    ReceiptStatus = 0x00 // no proof came in time, or transport stopped (FAILED)
	ReceiptSent      ReceiptStatus = 0x01 // given to an interface (SENT)
	ReceiptDelivered ReceiptStatus = 0x02 // the other end proved it (DELIVERED)
	ReceiptCulled    ReceiptStatus = 0xff // pushed out by newer receipts; it may have arrived (CULLED)
)

// String returns the state in lower case.
func (s ReceiptStatus) String() string {
	switch s {
	case ReceiptFailed:
		return "failed"
	case ReceiptSent:
		return "sent"
	case ReceiptDelivered:
		return "delivered"
	case ReceiptCulled:
		return "culled"
	}
	return fmt.Sprintf("receipt status %d", uint8(s))
}

// Receipt follows one sent packet until it is proved or given up. It concludes exactly once and may be used from any
// goroutine. Nobody has to wait for it.
type Receipt struct {
	hash PacketHash
	sent time.Time
	done chan struct{}

	mu     sync.Mutex // leaf
	status ReceiptStatus
	rtt    time.Duration
	err    error
}

// newReceipt makes the receipt of a packet that is sent now.
func newReceipt(hash PacketHash, now time.Time) *Receipt {
	return &Receipt{hash: hash, sent: now, done: make(chan struct{}), status: ReceiptSent}
}

// Done is closed when the receipt has concluded.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Hash is the hash of the packet.
func (r *Receipt) Hash() PacketHash { return r.hash }

// Status is the present state.
func (r *Receipt) Status() ReceiptStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// RTT is the time from sending to proof; 0 unless delivered.
func (r *Receipt) RTT() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rtt
}

// Err is nil while the receipt is open and when the packet was delivered, [ErrTimeout] when no proof came or the
// receipt was culled, and [ErrClosed] or [ErrLinkClosed] when the carrier of the wait ended first.
func (r *Receipt) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// deliver concludes the receipt with a valid proof. It reports whether it was still open.
func (r *Receipt) deliver(now time.Time) bool {
	return r.conclude(ReceiptDelivered, now.Sub(r.sent), nil)
}

// fail concludes the receipt without proof; status is ReceiptFailed or ReceiptCulled.
func (r *Receipt) fail(status ReceiptStatus, err error) { r.conclude(status, 0, err) }

// conclude reports whether the receipt was still open.
func (r *Receipt) conclude(status ReceiptStatus, rtt time.Duration, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status != ReceiptSent {
		return false
	}
	r.status, r.rtt, r.err = status, rtt, err
	close(r.done)
	return true
}

// openReceipt is a receipt in the table, with what its proof needs.
type openReceipt struct {
	*Receipt
	deadline time.Time
	signer   *PublicIdentity // of the destination
	place    *list.Element
}

// receiptTable holds the open receipts of single packets, by truncated packet hash. It is owned by the loop. Receipts
// of link packets are kept by their link.
type receiptTable struct {
	limit  int
	open   map[TruncatedHash]*openReceipt
	order  list.List // of *openReceipt, oldest first
	culled uint64

	trials   int       // of stray proofs left in this second
	trialsAt time.Time // when the second began
}

func newReceiptTable(limit int) receiptTable {
	return receiptTable{limit: limit, open: make(map[TruncatedHash]*openReceipt)}
}

// add takes a receipt in; when the table is full the oldest is culled.
func (t *receiptTable) add(r *Receipt, signer *PublicIdentity, deadline time.Time) {
	if t.open[r.hash.truncated()] != nil {
		return // the same bytes sent again, as GROUP packets with a repeated IV would be
	}
	if len(t.open) >= t.limit {
		oldest := t.order.Front().Value.(*openReceipt)
		t.remove(oldest)
		t.culled++
		oldest.fail(ReceiptCulled, ErrTimeout)
	}
	o := &openReceipt{Receipt: r, deadline: deadline, signer: signer}
	o.place = t.order.PushBack(o)
	t.open[r.hash.truncated()] = o
}

// prove looks for the receipt that a proof concludes, and concludes it. Implicit proofs (64 bytes) are found by the
// address of the proof packet, explicit ones (96 bytes) by the hash they carry, as neither address nor interface
// need to be right (spec 1 §3.7). It reports whether a receipt was concluded.
func (t *receiptTable) prove(address TruncatedHash, proof []byte, now time.Time) bool {
	if hash, explicit := ProofHash(proof); explicit {
		o := t.open[hash.truncated()]
		return o != nil && t.check(o, proof, now)
	}
	if len(proof) != implicitProofLength {
		return false
	}
	if o := t.open[address]; o != nil {
		return t.check(o, proof, now)
	}
	if now.Sub(t.trialsAt) >= time.Second {
		t.trials, t.trialsAt = strayProofTrials, now
	}
	for e := t.order.Back(); e != nil && t.trials > 0; e = e.Prev() {
		t.trials--
		if t.check(e.Value.(*openReceipt), proof, now) {
			return true
		}
	}
	return false
}

func (t *receiptTable) check(o *openReceipt, proof []byte, now time.Time) bool {
	if !CheckProof(o.signer, o.hash, proof) {
		return false
	}
	t.remove(o)
	return o.deliver(now)
}

// expire fails what is overdue and returns when the next receipt will be; zero: none is open.
func (t *receiptTable) expire(now time.Time) (next time.Time) {
	for e := t.order.Front(); e != nil; {
		o := e.Value.(*openReceipt)
		e = e.Next()
		if !o.deadline.After(now) {
			t.remove(o)
			o.fail(ReceiptFailed, ErrTimeout)
		} else if next.IsZero() || o.deadline.Before(next) {
			next = o.deadline
		}
	}
	return next
}

// close fails everything that is open.
func (t *receiptTable) close() {
	for _, o := range t.open {
		t.remove(o)
		o.fail(ReceiptFailed, ErrClosed)
	}
}

func (t *receiptTable) remove(o *openReceipt) {
	delete(t.open, o.hash.truncated())
	t.order.Remove(o.place)
}

// firstHopWait is the share of the first hop in a wait for an answer: 6 s and the time of a full packet at the bitrate
// (bit/s; 0: unknown, no share).
func firstHopWait(bitrate int64) time.Duration {
	if bitrate <= 0 {
		return firstHopTimeout
	}
	return firstHopTimeout + time.Duration(float64(MTU*8)/float64(bitrate)*float64(time.Second))
}

// receiptTimeout is how long the proof of a packet over this many hops is waited for: 774 s for an unknown path.
func receiptTimeout(hops int, bitrate int64) time.Duration {
	return firstHopWait(bitrate) + time.Duration(hops)*hopTimeout
}
