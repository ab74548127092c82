package group_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"groupd/group"
)

// vectorCase is what this package needs of a case of identities.json or destinations.json.
type vectorCase struct {
	ID, Kind string
	Valid    bool
	In       struct {
		Type, AppName, PublicKey, IdentityHash string
		Aspects                                []string
	}
	Out struct{ Hash, PublicKey string }
}

func vectors(t *testing.T, file string) []vectorCase {
	t.Helper()
	dir := os.Getenv("GROUPD_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "testdata", "vectors")
	}
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	var plain []struct {
		ID    string `json:"id"`
		Kind  string `json:"kind"`
		Valid bool   `json:"valid"`
		In    struct {
			Type         string          `json:"type"`
			AppName      string          `json:"app_name"`
			PublicKey    json.RawMessage `json:"public_key"`
			IdentityHash string          `json:"identity_hash"`
			Aspects      []string        `json:"aspects"`
		} `json:"in"`
		Out struct {
			Hash      string          `json:"hash"`
			PublicKey json.RawMessage `json:"public_key"`
		} `json:"out"`
	}
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	var cases []vectorCase
	for _, p := range plain {
		c := vectorCase{ID: p.ID, Kind: p.Kind, Valid: p.Valid}
		c.In.Type, c.In.AppName, c.In.IdentityHash, c.In.Aspects, c.Out.Hash = p.In.Type, p.In.AppName, p.In.IdentityHash, p.In.Aspects, p.Out.Hash
		_ = json.Unmarshal(p.In.PublicKey, &c.In.PublicKey) // absent, or not text: not ours
		_ = json.Unmarshal(p.Out.PublicKey, &c.Out.PublicKey)
		cases = append(cases, c)
	}
	return cases
}

func TestVectorsIdentities(t *testing.T) {
	for _, c := range vectors(t, "identities.json") {
		key := c.In.PublicKey
		if key == "" {
			key = c.Out.PublicKey
		}
		if !c.Valid || (c.Kind != "private" && c.Kind != "public") {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			raw, err := hex.DecodeString(key)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := group.IdentityOf(raw); err != nil || got.String() != c.Out.Hash {
				t.Errorf("%s, %v; want %s", got, err, c.Out.Hash)
			}
		})
	}
}

func TestVectorsDeliveryAddresses(t *testing.T) {
	for _, c := range vectors(t, "destinations.json") {
		if !c.Valid || c.In.Type != "SINGLE" || c.In.AppName != "lxmf" || !slices.Equal(c.In.Aspects, []string{"delivery"}) || c.In.IdentityHash == "" {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			id, ok := group.ParseAnyHash(c.In.IdentityHash)
			if got := group.AddressOf(group.IdentityHash(id)); !ok || got.String() != c.Out.Hash {
				t.Errorf("%s, want %s", got, c.Out.Hash)
			}
			if address, ok := group.ParseAnyHash(c.Out.Hash); !ok || !address.Names(group.IdentityHash(id)) || !id.Names(group.IdentityHash(id)) {
				t.Error("the address does not name its identity")
			}
		})
	}
}
