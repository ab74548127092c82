package delivery_test

import (
	"testing"
	"time"

	"groupd/group/delivery"
	"groupd/rns/rnstest/rnodesim"
)

func TestAirtimeIsThatOfTheSimulatedRadio(t *testing.T) {
	for _, bandwidth := range []uint32{62_500, 125_000, 250_000, 500_000, 812_500} {
		for sf := 5; sf <= 12; sf++ {
			for cr := 5; cr <= 8; cr++ {
				sim := rnodesim.Modulation{Bandwidth: bandwidth, SF: sf, CR: cr}
				ours := delivery.Modulation{Bandwidth: int64(bandwidth), SF: sf, CR: cr}
				for _, n := range []int{1, 83, 200, 254, 255, 500} {
					got, want := ours.Airtime(n), sim.PacketAirtime(n)
					if d := got - want; d < -time.Microsecond || d > time.Microsecond {
						t.Fatalf("SF%d %d Hz 4/%d, %d bytes: %v, simulated %v", sf, bandwidth, cr, n, got, want)
					}
				}
			}
		}
	}
}

func TestAirtimeWithoutParametersIsNothing(t *testing.T) {
	if d := (delivery.Modulation{}).Airtime(100); d != 0 {
		t.Error(d)
	}
	i := delivery.Interface{Bitrate: 8000}
	if d := i.Airtime(1000); d != time.Second {
		t.Error(d)
	}
	if ours, all := i.Cost(delivery.Parcel{Bytes: 1000, Packets: 3, Proofs: 3}); ours != 1002*time.Millisecond || all != ours+249*time.Millisecond {
		t.Error(ours, all)
	}
}
