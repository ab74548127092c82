package rns_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupd/rns"
	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// counting returns n bytes 0, 1, 2, …
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// knownIdentity is the identity of the known answers (spec 1 §1.11).
func knownIdentity(t testing.TB) *rns.Identity {
	t.Helper()
	id, err := rns.LoadIdentity(counting(rns.PrivateKeyLength))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestKnownAnswersOfCryptography holds C-001, C-005, C-006, C-012, C-014.
func TestKnownAnswersOfCryptography(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t)
	hash := id.Hash()
	hkdf := func(length int, ikm, salt []byte) []byte {
		out, err := token.HKDF(length, ikm, salt, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	long := hkdf(16384, bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 64))
	longSum := sha256.Sum256(long)
	sealed, err := id.Encrypt(bytes.NewReader(append(bytes.Repeat([]byte{0x11}, 32), counting(16)...)), []byte("hello reticulum"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ratchet, err := rns.RatchetPublic(bytes.Repeat([]byte{0x22}, 32))
	if err != nil {
		t.Fatal(err)
	}
	ratchetID := rns.RatchetIDOf(ratchet)
	for name, pair := range map[string][2]any{
		"public key":         {id.PublicKey(), "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7"},
		"hash":               {hash[:], "aca31af0441d81dbec71e82da0b4b5f5"},
		"signature":          {id.Sign([]byte("reticulum")), "671a6ff9298831aa0775f860e5bd709dc5e61fff5ec6fd678a08bb8bf1805a21208eb3db5b1f087b874fcf24f38d181b484f68cb155abb96d806f85db3ba610f"},
		"hkdf beyond 8160":   {long[8160:8200], "a453228eb17304f0c07c60ff6b86e968fd5354129ecedb40b7e3ed2ae79e205451cf38c8a72db419"},
		"hkdf of 16384":      {longSum[:], "eafb87a0a2fe6c7352752153b2b749bae477f043b3f54e73746baaacb91172c1"},
		"hkdf without input": {hkdf(32, []byte{}, nil), "eb70f01dede9afafa449eee1b1286504e1f62388b3f7dd4f956697b0e828fe18"},
		"ciphertext":         {sealed, "7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13000102030405060708090a0b0c0d0e0fd6b984fe64c8e8f848164b346377907abe60368af6a4bf1b428c858cfdcc7e277698bb3cf333e138719be0ed4fe03e96"},
		"ratchet":            {ratchet, "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20"},
		"ratchet id":         {ratchetID[:], "65cf5c9b1de5d41f758c"},
	} {
		if got := hex.EncodeToString(pair[0].([]byte)); got != pair[1] {
			t.Errorf("%s: %s, want %s", name, got, pair[1])
		}
	}
}

// TestKnownAnswersOfDestinations holds C-025, C-026, C-027.
func TestKnownAnswersOfDestinations(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t).Hash()
	for _, c := range []struct {
		id   *rns.IdentityHash
		name string
		want string
	}{
		{nil, "rnstransport.path.request", "6b9f66014d9853faab220fba47d02761"},
		{nil, "rnstransport.tunnel.synthesize", "91bf0910267b59b0e864e0d4c91602ca"},
		{&id, "rnstransport.probe", "216982cb4c15ab37d73a25b9b3ff2b9e"},
		{&id, "rnstransport.remote.management", "3cca6e806c0a09589fdbe7fb533935ef"},
		{&id, "rnstransport.info.blackhole", "8ca5ee8917a032023bf8d95fd8feb61e"},
		{&id, "rnstransport.network", "69d11a576c6796655ad681ee785cef11"},
		{&id, "rnstransport.discovery.interface", "ac55d13727413278d32ec8108bc969d8"},
		{&id, "lxmf.delivery", "fae321c442e3c9bdcd7a3e79d850e03c"},
	} {
		app, aspects := rns.SplitName(c.name)
		if got := rns.HashDestination(c.id, app, aspects...).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := rns.PathHash("/status").String(); got != "ae4267a01f1269fbbf4824d26cf3bb22" {
		t.Errorf("/status: %s", got)
	}
}

// TestKnownAnswersOfAnnounces holds C-043, C-060, C-061, C-062.
func TestKnownAnswersOfAnnounces(t *testing.T) {
	t.Parallel()
	random, err := rns.NewRandomField(bytes.NewReader(unhex(t, "aabbccddee")), time.Unix(1700000000, 5))
	if err != nil {
		t.Fatal(err)
	}
	ratchet := unhex(t, "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20")
	for _, c := range []struct {
		ratchet, appData []byte
		size             int
		flags            byte
		hash             string
	}{
		{nil, nil, 167, 0x01, "698ee250a8a39fd2bc12be1e306079dae5c19c767c4bb17cc052a158d9609eb2"},
		{nil, []byte("hello"), 172, 0x01, "e7b544d9b53a88976022b1bd83806475c682ca2310d722d77b048ec81f02e8e7"},
		{ratchet, []byte("hello"), 204, 0x21, "0e081ac7c665c78a536821bdb2d112acb6e978a812977726fdb8253e82370e73"},
	} {
		p, err := rns.NewAnnounce(rns.AnnounceContent{
			Identity: knownIdentity(t), Name: rns.HashName("testapp", "aspect"), Random: random, Ratchet: c.ratchet, AppData: c.appData,
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.Size() != c.size || p.Flags() != c.flags || p.Hash().String() != c.hash {
			t.Errorf("%d bytes, flags %#x, hash %s; want %+v", p.Size(), p.Flags(), p.Hash(), c)
		}
		relayed := p.RelayedAnnounce(knownIdentity(t).Hash(), 3, rns.ContextNone)
		if relayed.Hash() != p.Hash() || relayed.Flags() != c.flags|0x50 {
			t.Errorf("relayed: flags %#x, hash %s", relayed.Flags(), relayed.Hash())
		}
	}
}

func TestAnnouncesThatCannotBeRelayedAreNotMade(t *testing.T) {
	t.Parallel()
	content := rns.AnnounceContent{Identity: knownIdentity(t), Name: rns.HashName("a")}
	for _, c := range []struct {
		ratchet []byte
		limit   int
	}{{nil, 317}, {make([]byte, 32), 285}} {
		content.Ratchet = c.ratchet
		content.AppData = make([]byte, c.limit)
		p, err := rns.NewAnnounce(content)
		if err != nil {
			t.Fatalf("%d bytes: %v", c.limit, err)
		}
		relayed := p.RelayedAnnounce(rns.IdentityHash{}, 1, rns.ContextNone)
		if _, err := relayed.Pack(rns.MTU); err != nil {
			t.Fatal(err)
		}
		content.AppData = make([]byte, c.limit+1)
		if _, err := rns.NewAnnounce(content); !errors.Is(err, rns.ErrTooLarge) {
			t.Fatalf("%d bytes: %v", c.limit+1, err)
		}
	}
	content.AppData, content.Ratchet = nil, make([]byte, 31)
	if _, err := rns.NewAnnounce(content); !errors.Is(err, rns.ErrBadKey) {
		t.Fatalf("short ratchet: %v", err)
	}
}

func TestAnnounceTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	at := func(s float64) time.Time { return time.UnixMilli(int64(s * 1000)) }
	for _, c := range []struct{ now, last, want float64 }{
		{100, 50, 100}, {100, 100, 101}, {100.5, 100, 101}, {100, 500, 501}, {101.2, 100, 101.2},
	} {
		if got := rns.NextAnnounceTime(at(c.now), at(c.last)); !got.Equal(at(c.want)) {
			t.Errorf("now %v, last %v: %v, want %v", c.now, c.last, got.UnixMilli(), c.want)
		}
	}
	if now := at(3); !rns.NextAnnounceTime(now, time.Time{}).Equal(now) {
		t.Error("first announce is not made now")
	}
}

// TestWrongLengthsAreRefusedAndNeverPanic holds C-003, C-024.
func TestWrongLengthsAreRefusedAndNeverPanic(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t)
	for n := range 130 {
		b := make([]byte, n)
		if id.Verify([]byte("m"), b) {
			t.Fatalf("signature of %d bytes verifies", n)
		}
		if _, err := rns.NewPublicIdentity(b); (err == nil) != (n == 64) {
			t.Fatalf("public key of %d bytes: %v", n, err)
		}
		if _, err := rns.LoadIdentity(b); (err == nil) != (n == 64) {
			t.Fatalf("private key of %d bytes: %v", n, err)
		}
		if _, _, ok := id.Decrypt(b, [][]byte{b}, false); ok {
			t.Fatalf("token of %d bytes opens", n)
		}
		if _, err := id.Encrypt(bytes.NewReader(make([]byte, 48)), nil, counting(n)); n > 0 && (err == nil) != (n == 32) {
			t.Fatalf("ratchet of %d bytes: %v", n, err)
		}
		if _, err := rns.RatchetPublic(b); (err == nil) != (n == 32) {
			t.Fatalf("ratchet of %d bytes: %v", n, err)
		}
	}
	if _, err := rns.NewIdentity(bytes.NewReader(make([]byte, 63))); err == nil {
		t.Fatal("identity of 63 random bytes")
	}
}

func TestKeysOfLowOrderAreNotEncryptedTo(t *testing.T) {
	t.Parallel()
	p, err := rns.NewPublicIdentity(make([]byte, rns.PublicKeyLength))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Encrypt(bytes.NewReader(counting(48)), []byte("x"), nil); !errors.Is(err, rns.ErrBadKey) {
		t.Fatalf("encrypted to the zero key: %v", err)
	}
	if _, err := knownIdentity(t).Encrypt(bytes.NewReader(counting(48)), []byte("x"), make([]byte, 32)); !errors.Is(err, rns.ErrBadKey) {
		t.Fatalf("encrypted to the zero ratchet: %v", err)
	}
}

func TestPrivateKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(format, id); !strings.Contains(got, id.Hash().String()) || len(got) > 60 {
			t.Errorf("%s prints %s", format, got)
		}
	}
}

func TestHashesPrintAndParse(t *testing.T) {
	t.Parallel()
	h := rns.DestinationHash(counting(16))
	if h.String() != "000102030405060708090a0b0c0d0e0f" || h.Short() != "00010203" || h.IsZero() || h.LogValue().String() != h.String() {
		t.Fatalf("%s, %s, %s", h, h.Short(), h.LogValue())
	}
	if got, err := rns.ParseDestinationHash(h.String()); err != nil || got != h {
		t.Fatalf("%s, %v", got, err)
	}
	for _, bad := range []string{"", "00", h.String() + "00", "zz0102030405060708090a0b0c0d0e0f"} {
		if _, err := rns.ParseDestinationHash(bad); err == nil {
			t.Errorf("%q parses", bad)
		}
	}
}

func TestHashesOfLongDataAreRight(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 639, 640, 641, 100_000} {
		b := counting(n)
		want := sha256.Sum256(b)
		if got := rns.FullHash(b[:n/2], b[n/2:]); got != want {
			t.Errorf("%d bytes: %x, want %x", n, got, want)
		}
		if got := rns.TruncatedHashOf(b); !bytes.Equal(got[:], want[:16]) {
			t.Errorf("%d bytes: truncated to %x", n, got)
		}
	}
}

// TestSizesAreThoseOfTheProtocol holds L-029, C-037.
func TestSizesAreThoseOfTheProtocol(t *testing.T) {
	t.Parallel()
	got := []int{rns.MTU, rns.HeaderMinSize, rns.HeaderMaxSize, rns.MDU, rns.PlainMDU, rns.EncryptedMDU, rns.LinkMDU(500), rns.TokenOverhead, rns.MaxAnnounceAppData, rns.MaxAnnounceAppDataRatchet, rns.LinkMDU(0)}
	want := []int{500, 19, 35, 464, 464, 383, 431, 48, 317, 285, 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestATimeoutIsANetworkTimeout(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("request: %w", rns.ErrTimeout)
	var asNet net.Error
	if !errors.As(err, &asNet) || !asNet.Timeout() || !errors.Is(err, rns.ErrTimeout) {
		t.Fatal("ErrTimeout is no timeout")
	}
}

// TestLinkRequestsAreClampedOnTheirWay holds L-142.
func TestLinkRequestsAreClampedOnTheirWay(t *testing.T) {
	t.Parallel()
	request := func(mtu int) []byte {
		s, err := rns.Signalling(mtu, rns.LinkModeAES256CBC)
		if err != nil {
			t.Fatal(err)
		}
		return append(counting(64), s[:]...)
	}
	for _, c := range []struct {
		name    string
		data    []byte
		in, out int
		want    []byte
	}{
		{"nothing to clamp", request(1064), 8192, 8192, request(1064)},
		{"smaller out", request(8192), 8192, 1024, request(1024)},
		{"smaller in", request(8192), 4096, 8192, request(4096)},
		{"no MTU out", request(8192), 8192, 0, counting(64)},
		{"no MTU in", request(8192), 0, 8192, request(500)},
		{"no signalling", counting(64), 8192, 1024, counting(64)},
		{"zero signalled", append(counting(64), 0x20, 0, 0), 8192, 1024, append(counting(64), 0x20, 0, 0)},
	} {
		before := bytes.Clone(c.data)
		got, err := rns.ClampLinkRequest(c.data, c.in, c.out)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, %v", c.name, got[64:], err)
		}
		if !bytes.Equal(c.data, before) {
			t.Errorf("%s: the request as received was changed", c.name)
		}
	}
	if _, err := rns.ClampLinkRequest(append(counting(64), 0x44, 0, 0), 1024, 1024); err == nil {
		t.Error("a mode that cannot be signalled was clamped")
	}
}

// TestGroupKeysSealAndOpen holds C-023.
func TestGroupKeysSealAndOpen(t *testing.T) {
	t.Parallel()
	raw, err := rns.NewGroupKey(bytes.NewReader(counting(64)))
	if err != nil || len(raw) != rns.GroupKeyLength {
		t.Fatalf("%x, %v", raw, err)
	}
	key, err := token.NewKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.Seal(nil, bytes.NewReader(counting(16)), []byte("all of us"))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := key.Open(sealed); !ok || string(got) != "all of us" {
		t.Fatalf("%q, %v", got, ok)
	}
	other, err := token.NewKey(make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := other.Open(sealed); ok || got != nil {
		t.Fatal("another key opens it")
	}
}

// TestANewTunnelSynthesisIsAccepted holds C-154.
func TestANewTunnelSynthesisIsAccepted(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t)
	on := rns.HashInterface("TCPInterface[Test/127.0.0.1:4242]")
	p, err := rns.NewTunnelSynthesis(id, on, bytes.NewReader(counting(16)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := rns.ParseTunnelSynthesis(p.Data)
	if err != nil || s.ID().String() != "998138b0f39e2de9f8600847fb504177f81dc1efc60c0f649ded58c59e72dba0" {
		t.Fatalf("%v, %v", s, err)
	}
	if _, err := rns.NewTunnelSynthesis(id, on, bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
		t.Fatalf("made without randomness: %v", err)
	}
}

// --- ratchets ---

// endless gives bytes that differ from read to read.
type endless struct{ next byte }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.next
	}
	e.next++
	return len(b), nil
}

func rotate(t *testing.T, list []rns.OwnRatchet, c rns.RatchetConfig, now time.Time, rand io.Reader) ([]rns.OwnRatchet, bool) {
	t.Helper()
	before := append([]rns.OwnRatchet(nil), list...)
	rotated, changed, err := rns.RotateRatchets(list, c, now, rand)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, list[:len(before):len(before)]); diff != "" && len(before) > 0 {
		t.Fatalf("the list passed in was changed: %s", diff)
	}
	return rotated, changed
}

func TestRatchetsRotateDailyAndAreKeptNinetyDays(t *testing.T) {
	t.Parallel()
	rand, now := &endless{}, time.Unix(1700000000, 0)
	var list []rns.OwnRatchet
	for range 200 {
		var changed bool
		if list, changed = rotate(t, list, rns.RatchetConfig{}, now, rand); !changed {
			t.Fatal("not rotated after a day")
		}
		if _, again := rotate(t, list, rns.RatchetConfig{}, now.Add(23*time.Hour), rand); again {
			t.Fatal("rotated within a day")
		}
		now = now.Add(24 * time.Hour)
	}
	newest := list[0].Created
	// The oldest one kept was replaced at most 90 days before the newest was made; the one before it earlier.
	if replaced := list[len(list)-2].Created; newest.Sub(replaced) > 90*24*time.Hour || len(list) != 92 {
		t.Fatalf("%d kept, the oldest replaced %v ago", len(list), newest.Sub(replaced))
	}
}

// TestNoMoreRatchetsAreKeptThanConfigured holds C-019.
func TestNoMoreRatchetsAreKeptThanConfigured(t *testing.T) {
	t.Parallel()
	rand, now := &endless{}, time.Unix(1700000000, 0)
	var list []rns.OwnRatchet
	for range 20 {
		list, _ = rotate(t, list, rns.RatchetConfig{Keep: 5, Interval: time.Minute}, now, rand)
		now = now.Add(time.Minute)
	}
	if len(list) != 5 || list[0].Private[0] != 19 || list[4].Private[0] != 15 {
		t.Fatalf("%d kept, from %d to %d", len(list), list[0].Private[0], list[len(list)-1].Private[0])
	}
}

func TestAJumpOfTheClockCostsFewRatchets(t *testing.T) {
	t.Parallel()
	rand, now := &endless{}, time.Unix(1700000000, 0)
	var list []rns.OwnRatchet
	for range 30 {
		list, _ = rotate(t, list, rns.RatchetConfig{}, now, rand)
		now = now.Add(24 * time.Hour)
	}
	list, _ = rotate(t, list, rns.RatchetConfig{}, now.AddDate(20, 0, 0), rand)
	if len(list) != 29 {
		t.Fatalf("%d of 31 are left", len(list))
	}
	if _, changed := rotate(t, list, rns.RatchetConfig{}, now, rand); !changed {
		t.Fatal("a ratchet made in the future is never replaced")
	}
}

// TestRatchetFilesSurviveAndShowChanges holds C-020.
func TestRatchetFilesSurviveAndShowChanges(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t)
	list := []rns.OwnRatchet{{Private: [32]byte{2}, Created: time.Unix(1700000000, 0)}, {Private: [32]byte{1}}}
	file := rns.PackOwnRatchets(id, list)
	got, err := rns.ParseOwnRatchets(id.PublicIdentity, file)
	if diff := cmp.Diff(list, got); diff != "" || err != nil {
		t.Fatalf("%v, %s", err, diff)
	}
	at := bytes.Index(file, list[0].Private[:])
	file[at] ^= 1
	if _, err := rns.ParseOwnRatchets(id.PublicIdentity, file); !errors.Is(err, rns.ErrBadSignature) {
		t.Fatalf("a changed ratchet is accepted: %v", err)
	}
	for _, bad := range [][]byte{nil, {}, []byte("x"), msgpack.Nil(), msgpack.Map()} {
		if _, err := rns.ParseOwnRatchets(id.PublicIdentity, bad); err == nil {
			t.Fatalf("%x is accepted", bad)
		}
	}
	keys := rns.RatchetKeys(list)
	if len(keys) != 2 || keys[0][0] != 2 || keys[1][0] != 1 {
		t.Fatalf("keys are %x", keys)
	}
}

// TestRatchetFilesOfTheReferenceAreRead holds C-174.
func TestRatchetFilesOfTheReferenceAreRead(t *testing.T) {
	t.Parallel()
	id := knownIdentity(t)
	keys := msgpack.Array(msgpack.Bin(bytes.Repeat([]byte{2}, 32)), msgpack.Bin(bytes.Repeat([]byte{1}, 32)))
	file := msgpack.Map(
		msgpack.Entry{Key: msgpack.Str("signature"), Value: msgpack.Bin(id.Sign(keys))},
		msgpack.Entry{Key: msgpack.Str("ratchets"), Value: msgpack.Bin(keys)},
	)
	list, err := rns.ParseOwnRatchets(id.PublicIdentity, file)
	if err != nil || len(list) != 2 || list[0].Private[0] != 2 || !list[0].Created.IsZero() {
		t.Fatalf("%v, %v", list, err)
	}
	// When they were made is not known: the next announce makes a new one, and none is dropped for its age.
	list, changed := rotate(t, list, rns.RatchetConfig{}, time.Unix(1700000000, 0), &endless{})
	if !changed || len(list) != 3 {
		t.Fatalf("%d ratchets, rotated is %v", len(list), changed)
	}
}

func TestARemoteRatchetExpiresAfterThirtyDays(t *testing.T) {
	t.Parallel()
	r := rns.RemoteRatchet{Received: time.Unix(1700000000, 0)}
	if r.Expired(r.Received.Add(30*24*time.Hour-time.Second)) || !r.Expired(r.Received.Add(30*24*time.Hour)) {
		t.Fatal("does not expire at 30 days")
	}
}
