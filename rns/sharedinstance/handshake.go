package sharedinstance

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"hash"
	"io"
)

// The words of the handshake (spec 3 §4.6).
const (
	wordChallenge = "#CHALLENGE#"
	wordWelcome   = "#WELCOME#"
	wordFailure   = "#FAILURE#"
)

const (
	// maxHandshake is the longest message of a handshake in bytes.
	maxHandshake = 256
	// oldChallenge is the length of a challenge of Python up to 3.11, which is answered by MD5 without a prefix.
	oldChallenge = 20
	// newChallenge is how many random bytes stand behind the prefix of a challenge of Python from 3.12 on.
	newChallenge = 40
)

// ErrAuthentication means that the two sides of an RPC connection do not have the same key: they use different storage
// folders, or different values of rpc_key.
var ErrAuthentication = errors.New("the RPC keys differ")

// digests that a challenge or a response may name.
func digest(name string) func() hash.Hash {
	switch name {
	case "md5":
		return md5.New
	case "sha256":
		return sha256.New
	case "sha384":
		return sha512.New384
	case "sha3_256":
		return func() hash.Hash { return sha3.New256() }
	case "sha3_384":
		return func() hash.Hash { return sha3.New384() }
	}
	return nil
}

// named splits "{sha256}rest" into the digest and the prefix; nil when m has no such prefix.
func named(m []byte) (func() hash.Hash, []byte) {
	if len(m) == 0 || m[0] != '{' {
		return nil, nil
	}
	end := bytes.IndexByte(m, '}')
	if end < 0 {
		return nil, nil
	}
	return digest(string(m[1:end])), m[:end+1]
}

func mac(new func() hash.Hash, key, message []byte) []byte {
	h := hmac.New(new, key)
	h.Write(message)
	return h.Sum(nil)
}

// respond answers a challenge as Python from 3.12 on does: one of 20 bytes by MD5, another by the digest it names.
func respond(key, challenge []byte) ([]byte, error) {
	if len(challenge) == oldChallenge {
		return mac(md5.New, key, challenge), nil
	}
	new, prefix := named(challenge)
	if new == nil {
		return nil, errors.New("challenge names no digest that is known")
	}
	return append(bytes.Clone(prefix), mac(new, key, challenge)...), nil
}

// correct checks a response to our challenge: MD5 without a prefix as of old, or any digest that is named.
func correct(key, challenge, response []byte) bool {
	if len(response) == md5.Size {
		return hmac.Equal(response, mac(md5.New, key, challenge))
	}
	new, prefix := named(response)
	return new != nil && hmac.Equal(response[len(prefix):], mac(new, key, challenge))
}

// challenge asks the other side to prove that it has the key. The form is the one that every version of Python answers: the
// new ones by SHA-256, the old ones by MD5.
func challenge(rw io.ReadWriter, key []byte, rand io.Reader) error {
	m := append([]byte("{sha256}"), make([]byte, newChallenge)...)
	if _, err := io.ReadFull(rand, m[len(m)-newChallenge:]); err != nil {
		return err
	}
	if err := writeMessage(rw, append([]byte(wordChallenge), m...)); err != nil {
		return err
	}
	response, err := readMessage(rw, maxHandshake)
	if err != nil {
		return err
	}
	if !correct(key, m, response) {
		return errors.Join(ErrAuthentication, writeMessage(rw, []byte(wordFailure)))
	}
	return writeMessage(rw, []byte(wordWelcome))
}

// answer proves to the other side that we have the key.
func answer(rw io.ReadWriter, key []byte) error {
	m, err := readMessage(rw, maxHandshake)
	if err != nil {
		return err
	}
	m, ok := bytes.CutPrefix(m, []byte(wordChallenge))
	if !ok {
		return errors.New("handshake begins without a challenge")
	}
	response, err := respond(key, m)
	if err != nil {
		return err
	}
	if err := writeMessage(rw, response); err != nil {
		return err
	}
	verdict, err := readMessage(rw, maxHandshake)
	if err != nil {
		return err
	}
	if string(verdict) != wordWelcome {
		return ErrAuthentication
	}
	return nil
}

// greetAsServer is the handshake of the side that was called, which challenges first.
func greetAsServer(rw io.ReadWriter, key []byte, rand io.Reader) error {
	if err := challenge(rw, key, rand); err != nil {
		return err
	}
	return answer(rw, key)
}

// greetAsClient is the handshake of the side that calls.
func greetAsClient(rw io.ReadWriter, key []byte, rand io.Reader) error {
	if err := answer(rw, key); err != nil {
		return err
	}
	return challenge(rw, key, rand)
}
