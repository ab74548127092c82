package rns_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// unplugged is an interface that loses its device now and then.
type unplugged struct {
	*ifacetest.Port
	failed func(error)
}

func (u *unplugged) NotifyFailure(f func(error)) { u.failed = f }

// visited is a listener to which one peer comes, who leaves; later the listener breaks.
type visited struct{ peer *ifacetest.Port }

func (v visited) Name() string { return "listener" }

func (v visited) Serve(ctx context.Context, attach func(interfaces.Interface) func()) error {
	attach(v.peer)()
	select {
	case <-time.After(time.Minute):
		return errors.New("address is gone")
	case <-ctx.Done():
		return nil
	}
}

// Who wants to know hears of interfaces that end or lose their device, not of peers that leave, nor of the end of the transport.
func TestFailuresOfInterfacesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		told := make(chan string, 10)
		tr, err := rns.New(rns.Config{InterfaceFailed: func(name string, err error) { told <- fmt.Sprint(name, ": ", err) }})
		if err != nil {
			t.Fatal(err)
		}
		dies := mortal{m.Port("mortal"), make(chan struct{})}
		device := &unplugged{Port: m.Port("device")}
		for _, i := range []interfaces.Interface{dies, device, m.Port("lasting")} {
			if err := tr.AddInterface(i, rns.InterfaceOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.AddSpawner(visited{m.Port("peer")}, rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		n := rnstest.Run(t, tr)
		synctest.Wait()
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			select {
			case got := <-told:
				if got != want {
					t.Errorf("told %q, want %q", got, want)
				}
			default:
				if want != "" {
					t.Errorf("not told %q", want)
				}
			}
		}
		expect("")
		device.failed(errors.New("unplugged"))
		expect("device: unplugged")
		close(dies.die)
		expect("mortal: <nil>")
		time.Sleep(time.Minute)
		expect("listener: address is gone")
		n.Stop()
		expect("")
	})
}
