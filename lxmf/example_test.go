package lxmf_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"groupd/lxmf"
	"groupd/rns"
)

// Alice writes to Bob; Bob reads and verifies with the key that he knows from her announce.
func ExamplePack() {
	alice, _ := rns.LoadIdentity(bytes.Repeat([]byte{1}, 64))
	bob, _ := rns.LoadIdentity(bytes.Repeat([]byte{2}, 64))

	draft := lxmf.Draft{
		Destination: lxmf.DeliveryHash(bob.PublicIdentity),
		Timestamp:   1700000000,
		Content:     []byte("Hello, Bob"),
	}
	draft.Fields.SetRenderer(lxmf.RendererMarkdown)
	m, err := lxmf.Pack(alice, draft)
	if err != nil {
		fmt.Println(err)
		return
	}

	received, err := lxmf.Unpack(m.Packed())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s (%d bytes), from Alice: %v\n", received.Content, len(received.Packed()), received.Verify(alice.PublicIdentity))
	// Output: Hello, Bob (123 bytes), from Alice: true
}

// A stamp is proof of work over the message's id.
func ExampleMakeStamp() {
	alice, _ := rns.LoadIdentity(bytes.Repeat([]byte{1}, 64))
	m, _ := lxmf.Pack(alice, lxmf.Draft{Content: []byte("please let me in")})
	stamp, err := lxmf.MakeStamp(context.Background(), rand.Reader, m.ID(), 8)
	if err != nil {
		fmt.Println(err)
		return
	}
	m = m.WithStamp(stamp)
	_, ok, _ := lxmf.CheckStamp(context.Background(), m.ID(), m.Stamp, 8)
	fmt.Println(ok)
	// Output: true
}

// What a client shows about somebody it heard announcing.
func ExampleParseAnnounceData() {
	a, err := lxmf.ParseAnnounceData([]byte{0x93, 0xc4, 5, 'A', 'l', 'i', 'c', 'e', 8, 0x91, 0})
	fmt.Println(a.Name, a.StampCost, a.Compression, err)
	// Output: Alice 8 true <nil>
}

// An answer, a reaction and a file: each is a field that every client knows.
func ExampleFields() {
	alice, _ := rns.LoadIdentity(bytes.Repeat([]byte{1}, 64))
	bob, _ := rns.LoadIdentity(bytes.Repeat([]byte{2}, 64))
	question, _ := lxmf.Pack(alice, lxmf.Draft{
		Destination: lxmf.DeliveryHash(bob.PublicIdentity), Timestamp: 1700000000, Content: []byte("Where is the hut?"),
	})

	answer := lxmf.Draft{Destination: question.Source, Timestamp: 1700000060, Content: []byte("Here")}
	answer.Fields.SetReplyTo(question.ID())
	answer.Fields.SetAttachments(lxmf.Attachment{Name: "map.txt", Data: []byte("above the lake")})
	m, err := lxmf.Pack(bob, answer)
	if err != nil {
		fmt.Println(err)
		return
	}

	received, err := lxmf.Unpack(m.Packed())
	if err != nil {
		fmt.Println(err)
		return
	}
	to, ok := received.Fields.ReplyTo()
	fmt.Println(to == question.ID(), ok)
	for _, f := range received.Fields.Attachments() {
		fmt.Printf("%s: %s\n", f.Name, f.Data)
	}

	reaction := lxmf.Draft{Destination: m.Source, Timestamp: 1700000090}
	reaction.Fields.SetReaction(lxmf.Reaction{Target: m.ID(), Text: "👍"})
	fmt.Println(reaction.Fields.Len(), "field")
	// Output:
	// true true
	// map.txt: above the lake
	// 1 field
}
