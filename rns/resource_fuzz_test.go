package rns

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/msgpack"
)

// resourceFuzzSeeds returns the plaintexts of the vectors of some kinds.
func resourceFuzzSeeds(f *testing.F, kinds ...string) [][]byte {
	f.Helper()
	var seeds [][]byte
	for _, v := range vectors.Load(f, "resources") {
		if !slices.Contains(kinds, v.Kind) {
			continue
		}
		if v.In.Has("advertisement") {
			seeds = append(seeds, v.In.Bytes("advertisement"))
		}
		for _, key := range []string{"advertisement", "plaintext"} {
			if v.Out.Has(key) {
				seeds = append(seeds, v.Out.Bytes(key))
			}
		}
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	return seeds
}

func FuzzResourceAdv(f *testing.F) {
	for _, s := range resourceFuzzSeeds(f, "resource", "advertisement") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseResourceAdv(b)
		if err != nil {
			return
		}
		if a.check(464) == nil {
			r := newResourceReceiver((&resourceVectorLink{mtu: MTU}), a, resourceSeed{})
			if r.parts < 1 || r.parts > ResourceMaxTransfer/464+1 || r.height < 1 || r.height > r.parts {
				t.Fatalf("%d parts, %d hashes", r.parts, r.height)
			}
		}
		again, err := parseResourceAdv(a.append(nil))
		if err != nil || !bytes.Equal(again.append(nil), a.append(nil)) {
			t.Fatalf("%+v, %v", again, err)
		}
	})
}

func FuzzPartRequest(f *testing.F) {
	for _, s := range resourceFuzzSeeds(f, "part_request") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parsePartRequest(b)
		if err == nil && !bytes.Equal(r.append(nil), b) {
			t.Fatalf("%+v", r)
		}
	})
}

func FuzzHashmapUpdate(f *testing.F) {
	for _, s := range resourceFuzzSeeds(f, "hashmap_update") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := parseHashmapUpdate(b)
		if err != nil {
			return
		}
		again, err := parseHashmapUpdate(u.append(nil))
		if err != nil || again.block != u.block || !bytes.Equal(again.hashes, u.hashes) || again.hash != u.hash {
			t.Fatalf("%+v, %v", again, err)
		}
	})
}

func FuzzResourceMetadata(f *testing.F) {
	block, err := makeMetadataBlock(msgpack.Map(msgpack.Entry{Key: msgpack.Str("name"), Value: msgpack.Bin([]byte("a.txt"))}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(block, "data"...))
	f.Add([]byte{0, 0, 1, 0xc0})
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		metadata, data, err := splitMetadata(b)
		if err != nil {
			return
		}
		block, err := makeMetadataBlock(metadata)
		if err != nil || !bytes.Equal(append(block, data...), b) {
			t.Fatalf("%x, %x, %v", metadata, data, err)
		}
	})
}

// FuzzResourcePackets gives any packets to an end that is sending one resource and receiving another.
func FuzzResourcePackets(f *testing.F) {
	for _, s := range resourceFuzzSeeds(f, "resource", "advertisement") {
		f.Add(uint8(ContextResourceAdv), s, uint8(1))
	}
	for _, s := range resourceFuzzSeeds(f, "part_request") {
		f.Add(uint8(ContextResourceReq), s, uint8(2))
	}
	for _, s := range resourceFuzzSeeds(f, "hashmap_update") {
		f.Add(uint8(ContextResourceHMU), s, uint8(3))
	}
	f.Add(uint8(ContextResource), make([]byte, 464), uint8(4))
	f.Fuzz(func(t *testing.T, ctx uint8, payload []byte, at uint8) {
		s := newResourceSim(t, MTU, 1)
		out := s.b.send(ResourceBytes(resourceRandomData(36_000, 1)), resourceSendOptions{noCompress: true})
		s.a.send(ResourceBytes(resourceRandomData(36_000, 2)), resourceSendOptions{noCompress: true})
		for range at {
			s.step()
		}
		// The hash of what is under way, in place of the one in the packet, gets further.
		for _, hash := range []ResourceHash{{}, resourceHashUnderWay(s, out)} {
			b := bytes.Clone(payload)
			if i := (Context(ctx) == ContextResourceReq); !hash.IsZero() && len(b) >= 40 {
				from := 0
				if i {
					from = 1
					if b[0] == partRequestExhausted {
						from = 5
					}
				}
				copy(b[from:], hash[:])
			}
			s.b.table.handle(s.now, Context(ctx), b, PacketHash{1})
			s.b.table.handleProof(s.now, b)
			s.b.table.handleCacheRequest(b)
			s.b.run()
		}
		if s.b.budget.used.Load() != s.b.table.reserved || s.b.table.reserved < 0 || s.b.table.reserved > resourceDefaultPerLink {
			t.Fatalf("%d bytes reserved, %d in all", s.b.table.reserved, s.b.budget.used.Load())
		}
		s.until(10*time.Second, func() bool { return false })
		s.b.close(ErrLinkClosed)
		if s.b.budget.used.Load() != 0 {
			t.Fatal("bytes still reserved")
		}
	})
}

func resourceHashUnderWay(s *resourceSim, out *resourceTransfer) ResourceHash {
	if len(s.b.table.incoming) > 0 && s.b.table.incoming[0].receiver != nil && s.rng.IntN(2) == 0 {
		return s.b.table.incoming[0].receiver.adv.hash
	}
	hash, _ := out.sender.currentHash()
	return hash
}
