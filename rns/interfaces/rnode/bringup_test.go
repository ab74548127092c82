package rnode_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/rnstest/rnodesim"
)

// I-063, I-064, I-065, I-080.
func TestDeviceIsBroughtUpAndLeftCleanly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		b := start(t, d, func(c *rnode.Config) { c.ShortLimit, c.LongLimit = new(33.0), new(1.5) })
		if p := b.Properties(); b.Name() != "RNodeInterface[a]" || p.MTU != 0 || p.FrameLimit != 508 || p.IFACSize != 8 || p.Bitrate != 3125 {
			t.Errorf("%s %+v", b.Name(), p) // I-015, I-024, I-076
		}
		var ups atomic.Int32
		b.NotifyUp(func() { ups.Add(1) })
		time.Sleep(upAfter - time.Millisecond)
		if s := b.Status(); s.State != rnode.StateConfiguring || b.Stats().Online {
			t.Errorf("%v", s.State)
		}
		if err := b.Send([]byte{1}); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("before it is up: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		if s := b.Status(); s.State != rnode.StateOnline || *s.Reports.FirmwareMinor != 86 || *s.Reports.SymbolTime != 2.048 || ups.Load() != 1 || s.Failure != nil {
			t.Errorf("%+v", s)
		}
		want := "c00873c05000c04800c04900c0" + "c00133b06c00c0" + "c0020001e848c0" + "c00307c0" + "c00408c0" + "c00505c0" + "c00b0ce4c0" + "c00c0096c0" + "c00601c0"
		if b.wrote() != want {
			t.Errorf("wrote %s, want %s", b.wrote(), want)
		}
		b.forget()
		time.Sleep(10 * time.Second)
		if r := b.Radio(); r.State != "online" || *r.NoiseFloor != -112 || *r.Temperature != 25 || r.BatteryState != "" {
			t.Errorf("radio %+v", r)
		}
		b.stop()
		synctest.Wait()
		if b.wrote() != "c04100c0c00600c0c00affc0" || d.Stats().On || d.Stats().Leaves != 1 {
			t.Errorf("left with %s, %+v", b.wrote(), d.Stats())
		}
		if s := b.Status(); s.State != rnode.StateClosed {
			t.Errorf("%v", s.State)
		}
	})
}

// I-068, I-069: each of these is a device that answers wrongly while it is brought up.
func TestDeviceThatAnswersWronglyDoesNotComeUp(t *testing.T) {
	change := func(command byte, payload ...byte) func(byte, []byte) []byte {
		return func(c byte, p []byte) []byte {
			if c == command {
				return payload
			}
			return p
		}
	}
	for name, c := range map[string]struct {
		fault  rnodesim.Faults
		reason error
		text   string
	}{
		"dead":            {rnodesim.Faults{Dead: true}, rnode.ErrNotDetected, "no RNode"},
		"another device":  {rnodesim.Faults{Answer: change(0x08, 0x47)}, rnode.ErrNotDetected, "no RNode"},
		"old firmware":    {rnodesim.Faults{Answer: change(0x50, 1, 51)}, rnode.ErrFirmware, "it is 1.51, and 1.52 is needed"},
		"frequency":       {rnodesim.Faults{Answer: change(0x01, 0x33, 0xb0, 0x6c, 0x65)}, rnode.ErrMismatch, "frequency is 867200101 instead of 867200000"},
		"bandwidth":       {rnodesim.Faults{Answer: change(0x02, 0, 0, 0xf4, 0x24)}, rnode.ErrMismatch, "bandwidth is 62500 instead of 125000"},
		"no bandwidth":    {rnodesim.Faults{Answer: change(0x02)}, rnode.ErrMismatch, "bandwidth is not reported"},
		"power":           {rnodesim.Faults{Answer: change(0x03, 2)}, rnode.ErrMismatch, "txpower is 2 instead of 7"},
		"spreading":       {rnodesim.Faults{Answer: change(0x04, 7)}, rnode.ErrMismatch, "spreadingfactor"},
		"radio stays off": {rnodesim.Faults{Answer: change(0x06, 0)}, rnode.ErrMismatch, "radio state is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
				d.SetFaults(c.fault)
				b := start(t, d, nil)
				failing(t, b, rnode.SettleTime+2*time.Second, c.reason, c.text)
				if s := b.Status(); s.State != rnode.StateFailed {
					t.Errorf("%v", s.State)
				}
				recovers(t, b, 1)
			})
		})
	}
}

func TestRadioThatCannotBeStartedIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		d.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == 0x06 {
				return nil
			}
			return p
		}})
		b := start(t, d, nil)
		time.Sleep(rnode.SettleTime + 100*time.Millisecond)
		d.Emit([]byte{0xc0, 0x90, 1, 0xc0})
		failing(t, b, time.Millisecond, rnode.ErrHardware, "the radio could not be started")
		recovers(t, b, 1)
	})
}

// I-067.
func TestFrequencyMayBeAHundredHertzOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		d.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == 0x01 {
				return []byte{0x33, 0xb0, 0x6c, 0x64}
			}
			return p
		}})
		b := start(t, d, nil)
		time.Sleep(upAfter + time.Second)
		if !b.Stats().Online {
			t.Error(b.Status())
		}
	})
}

// I-066, and that a device which tells no version is tolerated, as the reference does.
func TestMinimalDeviceIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{Minimal: true})
		d.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == 0x50 || c == 0x48 || c == 0x49 {
				return nil
			}
			return p
		}})
		b := start(t, d, nil)
		time.Sleep(upAfter + time.Second)
		if !b.Stats().Online {
			t.Fatal(b.Status())
		}
		b.forget()
		time.Sleep(10 * time.Minute) // it says nothing by itself, but answers when it is asked
		if !b.Stats().Online || !strings.HasPrefix(b.wrote(), "c00873c0") {
			t.Errorf("%v, wrote %s", b.Status(), b.wrote())
		}
		b.forget()
		b.stop()
		if b.wrote() != "c00600c0c00affc0" {
			t.Errorf("left with %s", b.wrote())
		}
	})
}

func TestImpossibleConfigurationsAreRefusedWithAllReasons(t *testing.T) {
	_, err := rnode.New(rnode.Config{Port: "ble://", Callsign: strings.Repeat("x", 33), Radio: rnode.Radio{ShortLimit: new(101.0)}})
	for _, word := range []string{"Bluetooth", "id_callsign", "frequency", "bandwidth", "spreadingfactor", "codingrate", "airtime_limit_short"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %s", err, word)
		}
	}
	for _, port := range []string{"", "tcp://", "BLE://00:11:22:33:44:55"} {
		if _, err := rnode.New(rnode.Config{Port: port, Radio: sf8()}); err == nil {
			t.Errorf("port %q is accepted", port)
		}
	}
}
