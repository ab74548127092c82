package lxmf_test

import (
	"bytes"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// TestAnEmptyPacketIsProvedAndNothingElse holds X-040.
func TestAnEmptyPacketIsProvedAndNothingElse(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		for _, data := range [][]byte{nil, []byte("no message"), bytes.Repeat([]byte{0xc1}, 200)} {
			receipt, err := a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery").Send(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			<-receipt.Done()
			if receipt.Status() != rns.ReceiptDelivered {
				t.Errorf("%d bytes: %v", len(data), receipt.Status())
			}
		}
		if s := b.Stats(); s.Empty != 1 || s.Malformed != 2 || s.Accepted != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// raw sends a packed message as it is and reports whether it was proved.
func raw(t *testing.T, from *person, to *rns.Identity, m *lxmf.Message) bool {
	t.Helper()
	receipt, err := from.node.NewRemote(to.PublicIdentity, "lxmf", "delivery").Send(t.Context(), m.OpportunisticData())
	if err != nil {
		t.Fatal(err)
	}
	<-receipt.Done()
	return receipt.Status() == rns.ReceiptDelivered
}

func packed(t *testing.T, from *rns.Identity, d lxmf.Draft) *lxmf.Message {
	t.Helper()
	m, err := lxmf.Pack(from, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forged returns the message with a false signature.
func forged(t *testing.T, m *lxmf.Message) *lxmf.Message {
	t.Helper()
	b := bytes.Clone(m.Packed())
	b[40] ^= 1
	f, err := lxmf.Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAForgedMessageIsProvedAndDroppedAndDoesNotKeepTheGenuineOneOut holds.
func TestAForgedMessageIsProvedAndDroppedAndDoesNotKeepTheGenuineOneOut(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		genuine := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Timestamp: 1, Content: []byte("genuine")})
		if !raw(t, a, bob(t), forged(t, genuine)) {
			t.Error("the forged one was not proved")
		}
		b.nothing(t, time.Second)
		if !raw(t, a, bob(t), genuine) {
			t.Error("the genuine one was not proved")
		}
		b.receive(t)
		if !raw(t, a, bob(t), genuine) {
			t.Error("the copy was not proved")
		}
		b.nothing(t, time.Second)
		if s := b.Stats(); s.Forged != 1 || s.Duplicates != 1 || s.Accepted != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestMessagesForOthersOrFromNoAddressAreRefused holds.
func TestMessagesForOthersOrFromNoAddressAreRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		// Alice announces another destination of hers too, and names that one as the source.
		other, err := a.node.NewDestination(rns.DestinationConfig{Identity: alice(t), App: "some", Aspects: []string{"thing"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		good := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("x")})
		wrongSource := bytes.Clone(good.Packed())
		h := other.Hash()
		copy(wrongSource[16:], h[:])
		unpacked, err := lxmf.Unpack(wrongSource)
		if err != nil {
			t.Fatal(err)
		}
		// The signature has to be right, too, for this to say anything.
		copy(wrongSource[32:], alice(t).Sign(unpacked.SignedPart()))
		if unpacked, err = lxmf.Unpack(wrongSource); err != nil || !unpacked.Verify(alice(t).PublicIdentity) {
			t.Fatal("not signed", err)
		}
		if !raw(t, a, bob(t), unpacked) {
			t.Error("not proved")
		}
		// Over a link the destination is in the message, and may be somebody else.
		l, err := a.node.OpenLink(t.Context(), a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery"))
		if err != nil {
			t.Fatal(err)
		}
		foreign := packed(t, alice(t), lxmf.Draft{Destination: a.Address(), Content: []byte("x")})
		receipt, err := l.Send(t.Context(), foreign.Packed())
		if err != nil {
			t.Fatal(err)
		}
		<-receipt.Done()
		if receipt.Status() != rns.ReceiptDelivered {
			t.Error("foreign message not proved")
		}
		if s := b.Stats(); s.NotDelivery != 1 || s.Foreign != 1 || s.Accepted != 0 {
			t.Errorf("%+v", s)
		}
		_ = l.Close()
	})
}
