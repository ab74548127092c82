package rns_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"groupd/rns"
)

func ExampleHashDestination() {
	// A PLAIN destination has the same address everywhere; a SINGLE one belongs to an identity.
	fmt.Println(rns.HashDestination(nil, "rnstransport", "path", "request"))
	id, err := rns.LoadIdentity(counting(rns.PrivateKeyLength))
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := id.Hash()
	fmt.Println(rns.HashDestination(&hash, "lxmf", "delivery"))
	// Output:
	// 6b9f66014d9853faab220fba47d02761
	// fae321c442e3c9bdcd7a3e79d850e03c
}

// An identity is made once, kept, and loaded again: it is the owner of addresses.
func ExampleNewIdentity() {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	kept := id.PrivateKey() // 64 secret bytes; package filestore writes them to a file
	again, err := rns.LoadIdentity(kept)
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := again.Hash()
	fmt.Println(len(kept), hash == id.Hash())
	fmt.Println(again.Verify([]byte("hello"), id.Sign([]byte("hello"))))
	fmt.Println(rns.HashDestination(&hash, "lxmf", "delivery") == rns.HashDestinationName(&hash, rns.HashName("lxmf", "delivery")))
	// Output:
	// 64 true
	// true
	// true
}

func ExampleIdentity_Decrypt() {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	// Anyone who knows the public key can encrypt to it.
	friend, err := rns.NewPublicIdentity(id.PublicKey())
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, err := friend.Encrypt(rand.Reader, []byte("meet at the summit"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	plaintext, ratchet, ok := id.Decrypt(sealed, nil, false)
	fmt.Println(string(plaintext), ratchet.IsZero(), ok)
	// Output: meet at the summit true true
}

func ExampleParseAnnounce() {
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	random, err := rns.NewRandomField(rand.Reader, time.Unix(1700000000, 0))
	if err != nil {
		fmt.Println(err)
		return
	}
	sent, err := rns.NewAnnounce(rns.AnnounceContent{
		Identity: id, Name: rns.HashName("lxmf", "delivery"), Random: random, AppData: []byte("Alpine Club"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	heard, err := rns.ParsePacket(sent.Append(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := rns.ParseAnnounce(&heard)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Validate(rns.AnnounceChecks{}), a.Emitted().UTC(), string(a.AppData))
	// Output: <nil> 2023-11-14 22:13:20 +0000 UTC Alpine Club
}
