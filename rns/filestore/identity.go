package filestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"groupd/rns"
)

// ReadIdentity reads an identity file: the raw 64-byte private key. A missing file is [fs.ErrNotExist], one of another
// length [rns.ErrBadKey]; an identity is never made up.
func ReadIdentity(path string) (*rns.Identity, error) { return readKey(path, rns.LoadIdentity) }

// ReadPublicIdentity reads a file with the raw 64-byte public key of an identity, with the errors of [ReadIdentity].
func ReadPublicIdentity(path string) (*rns.PublicIdentity, error) {
	return readKey(path, rns.NewPublicIdentity)
}

// readKey reads a file with a key, of which load makes an identity.
func readKey[T any](path string, load func([]byte) (*T, error)) (*T, error) {
	data, err := readFile(path, maxSmallFile)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("identity file %s: %w", path, fs.ErrNotExist)
	}
	id, err := load(data)
	if err != nil {
		return nil, fmt.Errorf("identity file %s: %w", path, err)
	}
	return id, nil
}

// WriteIdentity writes a new identity file of mode 0600. A file that is there already is never replaced: that is
// [fs.ErrExist].
func WriteIdentity(path string, id *rns.Identity) error { return createFile(path, id.PrivateKey()) }

// LoadOrCreateIdentity reads an identity file, and makes a new identity with 64 bytes of rand when there is none.
// A file that is there but cannot be read is an error.
func LoadOrCreateIdentity(path string, rand io.Reader) (*rns.Identity, error) {
	id, err := ReadIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if id, err = rns.NewIdentity(rand); err != nil {
		return nil, err
	}
	if err := WriteIdentity(path, id); err != nil {
		if errors.Is(err, fs.ErrExist) { // somebody was faster
			return ReadIdentity(path)
		}
		return nil, err
	}
	return id, nil
}

// TransportIdentity returns the transport identity of the folder, made with 64 bytes of rand the first time.
func (s *Store) TransportIdentity(rand io.Reader) (*rns.Identity, error) {
	return LoadOrCreateIdentity(s.path(fileTransportIdentity), rand)
}
