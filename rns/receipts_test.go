package rns

import (
	"errors"
	"testing"
	"time"
)

func tableIdentity(t *testing.T, n byte) *Identity {
	t.Helper()
	seed := make([]byte, PrivateKeyLength)
	for i := range seed {
		seed[i] = n + byte(i) + 1
	}
	id, err := LoadIdentity(seed)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestProofConcludesItsReceipt holds C-182.
func TestProofConcludesItsReceipt(t *testing.T) {
	id, other := tableIdentity(t, 1), tableIdentity(t, 2)
	m := tableEpoch()
	hash, wrong := PacketHash{1}, PacketHash{2}
	for _, c := range []struct {
		name    string
		address TruncatedHash
		proof   []byte
		want    bool
	}{
		{"implicit", hash.truncated(), id.Sign(hash[:]), true},
		{"explicit", hash.truncated(), append(hash[:], id.Sign(hash[:])...), true},
		{"explicit with another address", wrong.truncated(), append(hash[:], id.Sign(hash[:])...), true},
		{"implicit with another address", wrong.truncated(), id.Sign(hash[:]), true},
		{"implicit by somebody else", hash.truncated(), other.Sign(hash[:]), false},
		{"explicit by somebody else", hash.truncated(), append(hash[:], other.Sign(hash[:])...), false},
		{"implicit of another packet", hash.truncated(), id.Sign(wrong[:]), false},
		{"explicit of another packet", hash.truncated(), append(wrong[:], id.Sign(wrong[:])...), false},
		{"explicit, hash and signature of different packets", hash.truncated(), append(hash[:], id.Sign(wrong[:])...), false},
		{"empty", hash.truncated(), nil, false},
		{"32 bytes", hash.truncated(), hash[:], false},
		{"65 bytes", hash.truncated(), append(id.Sign(hash[:]), 0), false},
		{"97 bytes", hash.truncated(), append(append(hash[:], id.Sign(hash[:])...), 0), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := newReceiptTable(10)
			r := newReceipt(hash, m.now)
			table.add(r, id.PublicIdentity, m.now.Add(time.Minute))
			if got := table.prove(c.address, c.proof, m.now.Add(time.Second)); got != c.want {
				t.Errorf("taken: %v, want %v", got, c.want)
			}
			if c.want {
				if r.Status() != ReceiptDelivered || r.RTT() != time.Second || r.Err() != nil {
					t.Errorf("receipt %v %v %v", r.Status(), r.RTT(), r.Err())
				}
				<-r.Done()
				if table.prove(c.address, c.proof, m.now) {
					t.Error("the same proof is taken twice")
				}
			} else if r.Status() != ReceiptSent {
				t.Errorf("receipt is %v", r.Status())
			}
		})
	}
}

func TestStrayProofsCostABoundedNumberOfChecks(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newReceiptTable(1000)
	for i := range 100 {
		table.add(newReceipt(PacketHash{byte(i)}, m.now), id.PublicIdentity, m.now.Add(time.Hour))
	}
	oldest := PacketHash{0}
	if table.prove(TruncatedHash{255}, id.Sign(oldest[:]), m.now) {
		t.Fatal("more receipts were tried than allowed in a second")
	}
	if table.trials != 0 {
		t.Errorf("%d trials left", table.trials)
	}
	newest := PacketHash{99}
	if table.prove(TruncatedHash{255}, id.Sign(newest[:]), m.now.Add(999*time.Millisecond)) {
		t.Error("tried within the same second")
	}
	if !table.prove(TruncatedHash{255}, id.Sign(newest[:]), m.now.Add(time.Second)) {
		t.Error("not tried in the next second")
	}
}

func TestReceiptTimesOut(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newReceiptTable(10)
	slow, fast := newReceipt(PacketHash{1}, m.now), newReceipt(PacketHash{2}, m.now)
	table.add(slow, id.PublicIdentity, m.now.Add(time.Hour))
	table.add(fast, id.PublicIdentity, m.now.Add(time.Minute))
	if next := table.expire(m.now); !next.Equal(m.now.Add(time.Minute)) {
		t.Errorf("next at %v", next)
	}
	if next := table.expire(m.now.Add(time.Minute)); !next.Equal(m.now.Add(time.Hour)) {
		t.Errorf("next at %v", next)
	}
	if fast.Status() != ReceiptFailed || !errors.Is(fast.Err(), ErrTimeout) || slow.Status() != ReceiptSent {
		t.Errorf("fast %v %v, slow %v", fast.Status(), fast.Err(), slow.Status())
	}
	table.close()
	if slow.Status() != ReceiptFailed || !errors.Is(slow.Err(), ErrClosed) {
		t.Errorf("slow %v %v", slow.Status(), slow.Err())
	}
	if next := table.expire(m.now); !next.IsZero() || table.order.Len() != 0 {
		t.Error("not empty")
	}
}

// TestThe1025thReceiptCullsTheOldest holds C-051.
func TestThe1025thReceiptCullsTheOldest(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newReceiptTable(maxReceipts)
	var first, second *Receipt
	for i := range maxReceipts + 1 {
		r := newReceipt(PacketHash{byte(i), byte(i >> 8)}, m.now)
		switch i {
		case 0:
			first = r
		case 1:
			second = r
		}
		table.add(r, id.PublicIdentity, m.now.Add(time.Hour))
	}
	if first.Status() != ReceiptCulled || uint8(first.Status()) != 0xff || second.Status() != ReceiptSent {
		t.Errorf("first %v, second %v", first.Status(), second.Status())
	}
	if len(table.open) != 1024 || table.culled != 1 {
		t.Errorf("%d open, %d culled", len(table.open), table.culled)
	}
}

// TestReceiptTimeout holds C-049, C-050.
func TestReceiptTimeout(t *testing.T) {
	for _, c := range []struct {
		hops    int
		bitrate int64
		want    time.Duration
	}{
		{MaxHops, 0, 774 * time.Second},
		{1, 0, 12 * time.Second},
		{1, 4000, 13 * time.Second},
		{3, 1000, 28 * time.Second},
	} {
		if got := receiptTimeout(c.hops, c.bitrate); got != c.want {
			t.Errorf("%d hops at %d bit/s: %v, want %v", c.hops, c.bitrate, got, c.want)
		}
	}
}
