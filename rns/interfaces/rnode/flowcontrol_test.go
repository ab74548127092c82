package rnode_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/rnstest/rnodesim"
)

func TestDeviceIsNotBlamedForOurOwnBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		d := c.NewDevice("slow", rnodesim.DeviceOptions{})
		i, err := rnode.New(rnode.Config{Name: "slow", Radio: sf8(), Open: d.Open})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var taken atomic.Int32
		wg.Go(func() { d.Run(ctx) })
		wg.Go(func() { i.Run(ctx, func([]byte) { time.Sleep(10 * time.Minute); taken.Add(1) }) })
		y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		y.Send([]byte{1})
		y.Send([]byte{2})
		time.Sleep(30 * time.Minute)
		if s := i.Stats(); !s.Online || s.Connects != 1 || taken.Load() != 2 {
			t.Errorf("%+v, %d taken", s, taken.Load())
		}
		cancel()
		wg.Wait()
	})
}

func TestFlowControlWithFirmwareThatAnswersWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		b := start(t, c.NewDevice("a", rnodesim.DeviceOptions{}), func(c *rnode.Config) { c.FlowControl = true })
		y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		sent := 0
		for range 60 {
			if b.Send(make([]byte, 500)) == nil {
				sent++
			}
		}
		time.Sleep(10 * time.Minute) // more than the device's queue holds, and yet nothing is lost
		if s := b.Stats(); sent != 60 || len(y.received()) != 60 || s.TxFrames != 60 || !s.Online || b.device.Stats().Overflowed != 0 {
			t.Errorf("%d sent, %d received, %+v", sent, len(y.received()), s)
		}
		// A device that says so by itself, as the reference wants it.
		z := start(t, c.NewDevice("z", rnodesim.DeviceOptions{ReadyAfterPacket: true}), func(c *rnode.Config) { c.FlowControl = true })
		time.Sleep(upAfter + time.Second)
		for range 5 {
			z.Send([]byte{1})
		}
		time.Sleep(time.Minute)
		if z.Stats().TxFrames != 5 {
			t.Errorf("%+v", z.Stats())
		}
	})
}

func TestFlowControlThatWedgesEndsInARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, air(t).NewDevice("a", rnodesim.DeviceOptions{}), func(c *rnode.Config) {
			c.FlowControl, c.QueueFrames = true, 10
		})
		time.Sleep(upAfter + time.Second)
		b.device.SetFaults(rnodesim.Faults{NotReady: true})
		for range 20 {
			b.Send([]byte{1})
			synctest.Wait()
		}
		if s := b.Stats(); s.TxDropped.QueueFull == 0 || s.QueuedFrames != 10 {
			t.Errorf("%+v", s)
		}
		failing(t, b, time.Minute, rnode.ErrFlowControl, "takes no packets any more: it does not answer")
		recovers(t, b, 2)
		// It says that it is full, for ever.
		b.device.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == kiss.CommandReady {
				return []byte{0}
			}
			return p
		}})
		b.Send([]byte{1})
		time.Sleep(time.Minute)
		if !b.Stats().Online {
			t.Error("given up too early")
		}
		failing(t, b, 3*time.Minute, rnode.ErrFlowControl, "it is full since")
		recovers(t, b, 3)
	})
}
