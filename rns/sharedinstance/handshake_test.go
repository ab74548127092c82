package sharedinstance

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"groupd/rns/config"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// count is the bytes 00, 01, … of this length.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// I-105, C-172: the key is the digest of the transport identity, or as configured.
func TestKeyOfCallsComesFromTheTransportIdentity(t *testing.T) {
	key, err := rpcKey(nil, count(64))
	if want := unhex(t, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"); err != nil || !bytes.Equal(key, want) {
		t.Errorf("%x, %v", key, err)
	}
	if key, err = rpcKey([]byte{1, 2}, count(64)); err != nil || !bytes.Equal(key, []byte{1, 2}) {
		t.Errorf("configured: %x, %v", key, err)
	}
	if key, err = rpcKey(nil, nil); err != nil || key != nil {
		t.Errorf("none: %x, %v", key, err)
	}
	if _, err = rpcKey(nil, count(32)); err == nil {
		t.Error("half an identity")
	}
}

// I-102, I-103: responses as measured.
func TestChallengesAreAnsweredAsPythonDoes(t *testing.T) {
	key, err := rpcKey(nil, count(64))
	if err != nil {
		t.Fatal(err)
	}
	old, new := count(20), append([]byte("{sha256}"), count(40)...)
	oldAnswer := unhex(t, "49fd146c1737da8615bf0b1daf16f743")
	newAnswer := append([]byte("{sha256}"), unhex(t, "e745e4c69772eb2580c1f5bfb2a8266a66360df09f63a6fd37a359eda30276a2")...)
	for _, c := range []struct{ challenge, response []byte }{{old, oldAnswer}, {new, newAnswer}} {
		if r, err := respond(key, c.challenge); err != nil || !bytes.Equal(r, c.response) {
			t.Errorf("%x: %x, %v", c.challenge, r, err)
		}
		if !correct(key, c.challenge, c.response) {
			t.Errorf("%x is not taken for %x", c.response, c.challenge)
		}
	}
	// Python up to 3.11 answers the new form by MD5, too.
	if !correct(key, new, unhex(t, "68cb852166f3bd5a521908d22fb9b1c8")) {
		t.Error("an old peer's answer to a new challenge is not taken")
	}
	for _, name := range []string{"md5", "sha384", "sha3_256", "sha3_384"} {
		m := append([]byte("{"+name+"}"), count(40)...)
		r, err := respond(key, m)
		if err != nil || !correct(key, m, r) {
			t.Errorf("%s: %x, %v", name, r, err)
		}
	}
	for _, m := range [][]byte{nil, count(19), count(48), []byte("{sha1}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), []byte("{")} {
		if r, err := respond(key, m); err == nil {
			t.Errorf("answered %x to %q", r, m)
		}
		if correct(key, new, m) {
			t.Errorf("took %q", m)
		}
	}
}

// pipe runs two sides against each other.
func pipe(t *testing.T, server, client func(net.Conn) error) (serverErr, clientErr error) {
	t.Helper()
	a, b := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	done := make(chan error, 1)
	go func() {
		err := server(a)
		a.Close()
		done <- err
	}()
	clientErr = client(b)
	b.Close()
	return <-done, clientErr
}

func TestBothSidesProveThatTheyHaveTheKey(t *testing.T) {
	key := count(32)
	server, client := pipe(t,
		func(c net.Conn) error { return greetAsServer(c, key, rand.Reader) },
		func(c net.Conn) error { return greetAsClient(c, key, rand.Reader) })
	if err := errors.Join(server, client); err != nil {
		t.Error(err)
	}
}

// I-104: a wrong digest is answered with #FAILURE#.
func TestAnotherKeyIsRefused(t *testing.T) {
	server, client := pipe(t,
		func(c net.Conn) error { return greetAsServer(c, count(32), rand.Reader) },
		func(c net.Conn) error { return greetAsClient(c, count(31), rand.Reader) })
	if !errors.Is(server, ErrAuthentication) || !errors.Is(client, ErrAuthentication) {
		t.Errorf("server %v, client %v", server, client)
	}
	pipe(t,
		func(c net.Conn) error { return greetAsServer(c, count(32), rand.Reader) },
		func(c net.Conn) error {
			if _, err := readMessage(c, maxHandshake); err != nil {
				t.Error(err)
			}
			writeMessage(c, count(16))
			if m, err := readMessage(c, maxHandshake); string(m) != "#FAILURE#" || err != nil {
				t.Errorf("%q, %v", m, err)
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("not closed")
			}
			return nil
		})
	// The other way: a client does not trust a server that does not have the key.
	_, client = pipe(t,
		func(c net.Conn) error {
			writeMessage(c, append([]byte(wordChallenge), count(20)...))
			readMessage(c, maxHandshake)
			writeMessage(c, []byte(wordWelcome))
			readMessage(c, maxHandshake)
			writeMessage(c, count(16))
			readMessage(c, maxHandshake)
			return nil
		},
		func(c net.Conn) error { return greetAsClient(c, count(32), rand.Reader) })
	if !errors.Is(client, ErrAuthentication) {
		t.Errorf("client %v", client)
	}
}

// An old Python client, byte for byte: it challenges with 20 bytes and answers by MD5 whatever it is asked.
func TestHandshakeWithOldPython(t *testing.T) {
	key := count(32)
	server, _ := pipe(t,
		func(c net.Conn) error { return greetAsServer(c, key, rand.Reader) },
		func(c net.Conn) error {
			m, _ := readMessage(c, maxHandshake)
			m, _ = bytes.CutPrefix(m, []byte(wordChallenge))
			writeMessage(c, mac(digest("md5"), key, m))
			if m, _ = readMessage(c, maxHandshake); string(m) != wordWelcome {
				t.Errorf("%q", m)
			}
			writeMessage(c, append([]byte(wordChallenge), count(20)...))
			if m, _ = readMessage(c, maxHandshake); !bytes.Equal(m, mac(digest("md5"), key, count(20))) {
				t.Errorf("%x", m)
			}
			return writeMessage(c, []byte(wordWelcome))
		})
	if server != nil {
		t.Error(server)
	}
}

func TestMessagesAreFramedAsPythonDoes(t *testing.T) {
	var b bytes.Buffer
	if err := writeMessage(&b, []byte("ab")); err != nil || hex.EncodeToString(b.Bytes()) != "000000026162" {
		t.Errorf("%x, %v", b.Bytes(), err)
	}
	long := append(unhex(t, "ffffffff0000000000000003"), "abc"...)
	if m, err := readMessage(bytes.NewReader(long), 3); err != nil || string(m) != "abc" {
		t.Errorf("%q, %v", m, err)
	}
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"nothing":       {"", io.EOF},
		"cut head":      {"0000", io.ErrUnexpectedEOF},
		"cut body":      {"0000000561", io.ErrUnexpectedEOF},
		"cut long head": {"ffffffff00", io.ErrUnexpectedEOF},
		"too long":      {"00000101", ErrTooLong},
		"negative":      {"fffffffe", ErrTooLong},
		"far too long":  {"ffffffffffffffffffffffff", ErrTooLong},
	} {
		if _, err := readMessage(bytes.NewReader(unhex(t, c.in)), 256); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A length that is announced and does not come costs nothing.
	head := binary.BigEndian.AppendUint32(nil, maxAnswer)
	if n := testing.AllocsPerRun(10, func() { readMessage(bytes.NewReader(head), maxAnswer) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestEndpointsOfAConfiguration(t *testing.T) {
	data, rpc, err := endpoints(config.Reticulum{InstanceName: "village", SharedInstanceType: "unix"})
	if err != nil || data.Address() != "@rns/village" || rpc.Address() != "@rns/village/rpc" {
		t.Errorf("%v, %v, %v", data, rpc, err)
	}
	data, rpc, err = endpoints(config.Reticulum{SharedInstanceType: "tcp"})
	if err != nil || data.Address() != "127.0.0.1:37428" || rpc.Address() != "127.0.0.1:37429" {
		t.Errorf("%v, %v, %v", data, rpc, err)
	}
	data, rpc, err = endpoints(config.Reticulum{SharedInstanceType: "tcp", SharedInstancePort: 1, InstanceControlPort: 2})
	if err != nil || data.Address() != "127.0.0.1:1" || rpc.Address() != "127.0.0.1:2" {
		t.Errorf("%v, %v, %v", data, rpc, err)
	}
	if _, _, err = endpoints(config.Reticulum{InstanceName: strings.Repeat("x", 96), SharedInstanceType: "unix"}); err == nil {
		t.Error("a name that leaves no room for the address of calls")
	}
}

func FuzzHandshake(f *testing.F) {
	key := count(32)
	f.Add(append([]byte{0, 0, 0, 31}, append([]byte(wordChallenge), count(20)...)...))
	f.Add([]byte{0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("\x00\x00\x00\x0a{sha256}ab"))
	sum := sha256.Sum256(key)
	f.Fuzz(func(t *testing.T, in []byte) {
		// Whatever a stranger says, it does not pass.
		for _, greet := range []func(io.ReadWriter, []byte, io.Reader) error{greetAsServer, greetAsClient} {
			if err := greet(&script{in: bytes.NewReader(in)}, key, bytes.NewReader(append(sum[:], sum[:]...))); err == nil {
				t.Fatalf("passed with %x", in)
			}
		}
	})
}

// script is a peer that says what is written and does not listen.
type script struct{ in io.Reader }

func (s *script) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s *script) Write(b []byte) (int, error) { return len(b), nil }
