package rns

// forgedResource is a segment made by hand, to be told lies about.
type forgedResource struct {
	sim *resourceSim
	adv *resourceAdv
	seg *resourceSegment
}

// forge makes an honest one; end a of the simulation does not know of it.
func (s *resourceSim) forge(body []byte) *forgedResource {
	s.tb.Helper()
	sender, err := newResourceSender(s.a, ResourceBytes(body), resourceSendOptions{noCompress: true})
	if err != nil {
		s.tb.Fatal(err)
	}
	sender.begin()
	j, ok := sender.job()
	if !ok {
		s.tb.Fatal("nothing to build")
	}
	s.a.closed = true // its own advertisement does not go out
	j.run()(s.now)
	s.a.closed = false
	return &forgedResource{sim: s, adv: sender.adv(), seg: sender.current}
}

// forgeStream makes one whose stream holds packed, which need not be what was announced.
func (s *resourceSim) forgeStream(packed, body []byte, compressed bool) *forgedResource {
	s.tb.Helper()
	seg := &resourceSegment{index: 1, sdu: s.a.part, random: [4]byte{1, 2, 3, 4}, compressed: compressed}
	seg.stream = s.a.seal(append([]byte{9, 9, 9, 9}, packed...))
	seg.parts = (len(seg.stream) + seg.sdu - 1) / seg.sdu
	if !seg.makeHashes(seg.random) {
		s.tb.Fatal("map hashes collide")
	}
	var err error
	if seg.hash, seg.proof, err = hashResourceBody(body, seg.random); err != nil {
		s.tb.Fatal(err)
	}
	adv := &resourceAdv{
		transfer: int64(len(seg.stream)), size: int64(len(body)), parts: int64(seg.parts), hash: seg.hash,
		random: seg.random, origin: seg.hash, index: 1, segments: 1, flags: resourceEncrypted,
		hashes: seg.mapHashes(0, min(seg.parts, ResourceMapHashesPerUpdate)),
	}
	if compressed {
		adv.flags |= resourceCompressed
	}
	return &forgedResource{sim: s, adv: adv, seg: seg}
}

func (f *forgedResource) tell(ctx Context, plain []byte) {
	f.sim.b.table.handle(f.sim.now, ctx, plain, PacketHash{})
	f.sim.b.run()
}

func (f *forgedResource) advertise() { f.tell(ContextResourceAdv, f.adv.append(nil)) }

func (f *forgedResource) part(i int) { f.tell(ContextResource, f.seg.part(i)) }

// settle lets jobs and what was sent finish, without timeouts.
func (s *resourceSim) settle() {
	for len(s.events) > 0 {
		s.step()
	}
}
