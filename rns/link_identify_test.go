package rns

import "testing"

// TestFirstIdentitySticks holds L-055.
func TestFirstIdentitySticks(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	called := 0
	b.SetHandlers(LinkHandlers{OnIdentified: func(*Link, *PublicIdentity) { called++ }})
	first, second := benchIdentity(t, 20), benchIdentity(t, 21)
	for _, id := range []*Identity{first, second, first} {
		b.handleRaw(t, b.packetTo(t, ContextLinkIdentify, appendIdentify(nil, b.id, id)), b.Link.now.on)
	}
	if !b.Remote().Equal(first.PublicIdentity) || called != 1 {
		t.Errorf("identified as %v, in %d calls", b.Remote(), called)
	}
}

// TestBlackholedIdentityEndsTheLink holds L-056.
func TestBlackholedIdentityEndsTheLink(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	bad := benchIdentity(t, 20)
	b.blackholed = func(h IdentityHash) bool { return h == bad.Hash() }
	b.handleRaw(t, b.packetTo(t, ContextLinkIdentify, appendIdentify(nil, b.id, bad)), b.Link.now.on)
	if b.State() != LinkClosed || b.Remote() != nil || len(b.take()) != 1 {
		t.Errorf("state %v", b.State())
	}
}
