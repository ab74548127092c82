package rns

import (
	"errors"
	"groupd/rns/interfaces"
	"testing"
	"time"
)

func TestFullInboxForgetsSoThatARetryIsTaken(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	p, err := ParsePacket(b.packetTo(t, ContextNone, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i := range linkInboxSize {
		if !b.receive(linkPacket{Packet: p, on: b.Link.now.on}) {
			t.Fatalf("packet %d was not taken", i)
		}
	}
	if b.receive(linkPacket{Packet: p, on: b.Link.now.on}) || b.shared.stats().InboxFull != 1 {
		t.Error("one too many was taken")
	}
}

// TestDataFromAnotherInterfaceIsNotTaken holds L-037, C-091.
func TestDataFromAnotherInterfaceIsNotTaken(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	p, err := ParsePacket(b.packetTo(t, ContextLinkClose, b.id[:]))
	if err != nil {
		t.Fatal(err)
	}
	other := &attached{label: "other", properties: interfaces.Properties{}}
	if b.receive(linkPacket{Packet: p, on: other}) || b.shared.stats().WrongInterface != 1 || len(b.inbox.waiting) != 0 {
		t.Error("it was taken")
	}
}

func TestOldestReceiptIsCulled(t *testing.T) {
	var r linkReceipts
	now := time.Now()
	var all []*Receipt
	for i := range linkMaxReceipts + 3 {
		receipt := newReceipt(PacketHash{byte(i), byte(i >> 8)}, now)
		all = append(all, receipt)
		r.add(receipt, now.Add(time.Second))
		if i == 1 {
			r.deliver(all[0].Hash(), now)
		}
	}
	want := map[int]ReceiptStatus{0: ReceiptDelivered, 1: ReceiptCulled, 2: ReceiptCulled, 3: ReceiptSent, linkMaxReceipts: ReceiptSent}
	for i, status := range want {
		if all[i].Status() != status {
			t.Errorf("receipt %d is %v", i, all[i].Status())
		}
	}
	r.expire(now.Add(time.Second))
	if !errors.Is(all[5].Err(), ErrTimeout) || !r.deadline().IsZero() {
		t.Error("overdue receipts are still open")
	}
}

func TestOffersThatWaitForTheApplicationAreBounded(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	release := make(chan struct{})
	asked := 0
	b.SetHandlers(LinkHandlers{OnResource: func(ResourceOffer) ResourceDecision {
		<-release
		asked++
		return ResourceDecision{}
	}})
	for i := range 20 {
		adv := &resourceAdv{
			transfer: 64, size: 0, parts: 1, hash: ResourceHash{byte(i)}, origin: ResourceHash{byte(i)}, index: 1, segments: 1,
			flags: 1, hashes: []byte{1, 2, 3, byte(i)},
		}
		for range 2 { // advertisements are repeated
			raw := b.packetTo(t, ContextResourceAdv, adv.append(nil))
			p, err := ParsePacket(raw)
			if err != nil {
				t.Fatal(err)
			}
			b.handle(b.now, linkPacket{Packet: p, on: b.Link.now.on})
		}
	}
	if len(b.offers) != linkMaxOffers {
		t.Errorf("%d offers wait", len(b.offers))
	}
	close(release)
	b.settle()
	if asked != linkMaxOffers || len(b.offers) != 0 {
		t.Errorf("%d were decided, %d are left", asked, len(b.offers))
	}
	if sent := b.take(); len(sent) != linkMaxOffers {
		t.Errorf("%d refusals were sent", len(sent))
	}
}
