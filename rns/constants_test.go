package rns_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupd/rns"
)

// The numbers are those of RNS 1.4.2 (spec 1 §1.2, §3.2 to §3.4; spec 2 §1.2).
func TestWireConstantsAreThoseOfTheReference(t *testing.T) {
	t.Parallel()
	contexts := map[rns.Context]uint8{
		rns.ContextNone: 0x00, rns.ContextResource: 0x01, rns.ContextResourceAdv: 0x02, rns.ContextResourceReq: 0x03,
		rns.ContextResourceHMU: 0x04, rns.ContextResourceProof: 0x05, rns.ContextResourceICL: 0x06, rns.ContextResourceRCL: 0x07,
		rns.ContextCacheRequest: 0x08, rns.ContextRequest: 0x09, rns.ContextResponse: 0x0a, rns.ContextPathResponse: 0x0b,
		rns.ContextCommand: 0x0c, rns.ContextCommandStatus: 0x0d, rns.ContextChannel: 0x0e, rns.ContextKeepalive: 0xfa,
		rns.ContextLinkIdentify: 0xfb, rns.ContextLinkClose: 0xfc, rns.ContextLinkProof: 0xfd, rns.ContextLinkRTT: 0xfe,
		rns.ContextLinkReqProof: 0xff,
	}
	for got, want := range contexts {
		if uint8(got) != want {
			t.Errorf("context %#x, want %#x", uint8(got), want)
		}
	}
	got := []any{
		rns.Header1, rns.Header2, rns.TransportTypeBroadcast, rns.TransportTypeTransport,
		rns.DestinationSingle, rns.DestinationGroup, rns.DestinationPlain, rns.DestinationLink,
		rns.PacketData, rns.PacketAnnounce, rns.PacketLinkRequest, rns.PacketProof,
		rns.LinkModeAES128CBC, rns.LinkModeAES256CBC, rns.LinkModeAES256GCM,
	}
	want := []any{
		rns.HeaderType(0), rns.HeaderType(1), rns.TransportType(0), rns.TransportType(1),
		rns.DestinationType(0), rns.DestinationType(1), rns.DestinationType(2), rns.DestinationType(3),
		rns.PacketType(0), rns.PacketType(1), rns.PacketType(2), rns.PacketType(3),
		rns.LinkMode(0), rns.LinkMode(1), rns.LinkMode(2),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	lengths := []int{
		rns.FullHashLength, rns.TruncatedHashLength, rns.NameHashLength, rns.RatchetIDLength, rns.PublicKeyLength,
		rns.PrivateKeyLength, rns.SignatureLength, rns.RatchetLength, rns.DerivedKeyLength, rns.GroupKeyLength,
		rns.RandomFieldLength, rns.SignallingLength, rns.IFACMinSize, rns.MaxHops,
	}
	if diff := cmp.Diff([]int{32, 16, 10, 10, 64, 64, 64, 32, 64, 64, 10, 3, 1, 128}, lengths); diff != "" {
		t.Error(diff)
	}
}

func TestTypesPrintByTheNamesOfTheProtocol(t *testing.T) {
	t.Parallel()
	got := []string{
		rns.DestinationSingle.String(), rns.DestinationGroup.String(), rns.DestinationPlain.String(), rns.DestinationLink.String(), rns.DestinationType(9).String(),
		rns.PacketData.String(), rns.PacketAnnounce.String(), rns.PacketLinkRequest.String(), rns.PacketProof.String(), rns.PacketType(9).String(),
	}
	want := []string{"SINGLE", "GROUP", "PLAIN", "LINK", "destination type 9", "DATA", "ANNOUNCE", "LINKREQUEST", "PROOF", "packet type 9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}
