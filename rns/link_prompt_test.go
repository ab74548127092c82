package rns_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
)

func TestNothingIsHeldBackFromThoseWhoTakeAnswersOfAnySpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{}, func(c *rns.DestinationConfig) {
			c.AnswerDelay, c.LinkProofDelay = 25*time.Millisecond, 50*time.Millisecond
		})
		a, b := p.open(t)
		b.SetHandlers(rns.LinkHandlers{OnPacket: func(r *rns.ReceivedPacket) { r.Prove() }})
		receipt, err := a.Send(t.Context(), []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		<-receipt.Done()
		if receipt.Status() != rns.ReceiptDelivered || receipt.RTT() != 0 {
			t.Errorf("%v after %v", receipt.Status(), receipt.RTT())
		}
		p.at.HandleRequest("/now", func(context.Context, *rns.Request) (msgpack.Raw, bool) { return msgpack.Int(1), true })
		if r, err := a.Request(t.Context(), "/now", nil, rns.RequestOptions{}); err != nil || r.RTT != 0 {
			t.Errorf("answer %+v, %v", r, err)
		}
	})
}
