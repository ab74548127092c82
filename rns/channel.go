package rns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Wire constants and timing of channels (spec 2 §4).
const (
	channelHeaderLength  = 6      // message type, sequence, length: 16 bits each
	channelReservedTypes = 0xf000 // types from here on belong to the system
	channelStreamType    = 0xff00 // stream data
	channelMaxData       = math.MaxUint16
	channelMaxTries      = 5  // transmissions of one message; then the link is closed
	channelAhead         = 48 // so far ahead of the expected sequence messages are kept

	channelWindowStart  = 2
	channelWindowMin    = 2
	channelWindowSlow   = 5 // largest window at first
	channelWindowMedium = 12
	channelWindowFast   = 48
	channelMinMedium    = 5 // smallest window after promotion
	channelMinFast      = 16
	channelFlexibility  = 4
	channelPromotion    = 10 // deliveries until promotion
	channelRTTFast      = 180 * time.Millisecond
	channelRTTMedium    = 750 * time.Millisecond
	channelRTTSlow      = 1450 * time.Millisecond

	channelTimeoutBase   = 25 * time.Millisecond
	channelTimeoutFactor = 2.5 // × rtt
	channelBackoff       = 1.5 // per transmission

	// channelPatience is the least wait for the first proof, doubled for each further one. The reference looks at
	// its timeouts about once a second; without a floor a fast link would be given up in less than one.
	channelPatience = 250 * time.Millisecond
	// channelMaxWaiting is how many senders may wait for room in the window; more are [ErrTooMany].
	channelMaxWaiting = 256
)

// ErrReservedType means that a message type from 0xf000 on was used; those belong to the system.
var ErrReservedType = errors.New("message types from 0xf000 on are reserved")

// channelEnvelope is one message of a channel.
type channelEnvelope struct {
	kind     uint16
	sequence uint16
	data     []byte
}

// appendChannelEnvelope appends an envelope. data is at most 65535 bytes.
func appendChannelEnvelope(dst []byte, e channelEnvelope) []byte {
	dst = binary.BigEndian.AppendUint16(dst, e.kind)
	dst = binary.BigEndian.AppendUint16(dst, e.sequence)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.data)))
	return append(dst, e.data...)
}

// parseChannelEnvelope reads an envelope. Its data is a span of b. The length field is not looked at: everything after
// the header is data, as the reference has it.
func parseChannelEnvelope(b []byte) (channelEnvelope, error) {
	if len(b) < channelHeaderLength {
		return channelEnvelope{}, fmt.Errorf("%w: channel envelope of %d bytes", ErrMalformed, len(b))
	}
	return channelEnvelope{
		kind:     binary.BigEndian.Uint16(b),
		sequence: binary.BigEndian.Uint16(b[2:]),
		data:     b[channelHeaderLength:],
	}, nil
}

// channelMDU is the largest message, in bytes, on a link with this MDU.
func channelMDU(linkMDU int) int { return max(0, min(linkMDU-channelHeaderLength, channelMaxData)) }

// channelWindow adapts how many messages may be unproved (spec 2 §4.3).
type channelWindow struct {
	size, min, max, flexibility int
	fast, medium                int // deliveries that were so quick, in a row
}

// newChannelWindow starts a window for a round trip time.
func newChannelWindow(rtt time.Duration) channelWindow {
	if rtt > channelRTTSlow {
		return channelWindow{size: 1, min: 1, max: 1, flexibility: 1}
	}
	return channelWindow{size: channelWindowStart, min: channelWindowMin, max: channelWindowSlow, flexibility: channelFlexibility}
}

// delivered notes a proof.
func (w *channelWindow) delivered(rtt time.Duration) {
	if w.size < w.max {
		w.size++
	}
	switch {
	case rtt == 0:
	case rtt > channelRTTMedium:
		w.fast, w.medium = 0, 0
	case rtt > channelRTTFast:
		w.fast = 0
		if w.medium++; w.medium == channelPromotion && w.max < channelWindowMedium {
			w.max, w.min = channelWindowMedium, channelMinMedium
		}
	default:
		if w.fast++; w.fast == channelPromotion && w.max < channelWindowFast {
			w.max, w.min = channelWindowFast, channelMinFast
		}
	}
}

// lost notes a timeout.
func (w *channelWindow) lost() {
	if w.size <= w.min {
		return
	}
	w.size--
	if w.max > w.min+w.flexibility {
		w.max--
	}
}

// channelTimeout is how long the proof of transmission try (from 1) is waited for when ring messages are unproved.
func channelTimeout(try int, rtt time.Duration, ring int) time.Duration {
	base := max(time.Duration(channelTimeoutFactor*float64(rtt)), channelTimeoutBase)
	d := math.Pow(channelBackoff, float64(try-1)) * float64(base) * (float64(ring) + 1.5)
	return max(time.Duration(d), channelPatience<<(try-1))
}

// channelPlace is where a received sequence number lies.
type channelPlace uint8

const (
	channelNew    channelPlace = iota // expected, or not far ahead
	channelOld                        // delivered before
	channelAfield                     // neither
)

// channelReceiver puts messages in order. held has at most 49.
type channelReceiver struct {
	next uint16
	held map[uint16]channelMessage
}

// channelMessage is a message that was found good: for the application, or a piece of a stream.
type channelMessage struct {
	kind   uint16
	data   []byte
	stream *Stream // nil: for the application
	eof    bool
}

// place says where a sequence number lies, around the end of the numbers too.
func (r *channelReceiver) place(sequence uint16) channelPlace {
	switch ahead, behind := sequence-r.next, r.next-sequence; {
	case ahead <= channelAhead:
		if _, held := r.held[sequence]; held {
			return channelOld
		}
		return channelNew
	case behind < 1<<15: // half of all numbers: its proof got lost, however long ago
		return channelOld
	}
	return channelAfield
}

// take keeps a new message and returns what can be delivered now, in order.
func (r *channelReceiver) take(sequence uint16, m channelMessage) []channelMessage {
	if r.held == nil {
		r.held = make(map[uint16]channelMessage)
	}
	r.held[sequence] = m
	var ready []channelMessage
	for {
		m, ok := r.held[r.next]
		if !ok {
			return ready
		}
		delete(r.held, r.next)
		r.next++
		ready = append(ready, m)
	}
}

// Channel carries messages over a link in order, each exactly once, in both directions. There is one per link; both ends
// must open it with [Link.Channel] before messages come. A message that its receiver never proves is sent five times in
// all; then the link is closed.
//
// What we do not take is not proved, unlike in the reference, where a message that nobody handles stalls the channel
// for good: messages nobody handles yet, undecodable ones, and those the application is too slow for. The other end
// then sends them again.
type Channel struct {
	link *Link

	mu      sync.Mutex // leaf
	handler func(kind uint16, data []byte)
	kinds   map[uint16]func(data []byte)
	streams map[uint16]*Stream // by the id we receive
}

// Channel returns the channel of the link, always the same one, and opens our end of it.
func (l *Link) Channel() *Channel {
	l.channelOnce.Do(func() {
		l.ownChannel = &Channel{link: l, kinds: make(map[uint16]func([]byte)), streams: make(map[uint16]*Stream)}
		// On a closed link it stays without a state; every operation then says that the link is closed.
		_ = l.submit(context.Background(), func(time.Time) { l.openChannel(l.ownChannel) })
	})
	return l.ownChannel
}

func (l *Link) openChannel(c *Channel) {
	if l.channel == nil {
		l.channel = &channelState{link: l, channel: c, window: newChannelWindow(l.now.rtt)}
	}
}

// MDU returns the largest message in bytes.
func (c *Channel) MDU() int { return channelMDU(c.link.MDU()) }

// Handle sets the handler of messages that have none of their own; nil removes it. It is called in order, from the
// goroutine of the link's handlers, and owns data. Where a handler waits, up to 256 messages do; more are not proved, and
// when the other end has sent one five times it closes the link.
func (c *Channel) Handle(f func(kind uint16, data []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handler = f
}

// HandleType sets the handler of one type of message, below 0xf000, else [ErrReservedType]; nil removes it.
func (c *Channel) HandleType(kind uint16, f func(data []byte)) error {
	if kind >= channelReservedTypes {
		return ErrReservedType
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f == nil {
		delete(c.kinds, kind)
		return nil
	}
	c.kinds[kind] = f
	return nil
}

// handlerOf returns who handles messages of a type, nil for nobody.
func (c *Channel) handlerOf(kind uint16) func(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.kinds[kind]; f != nil {
		return f
	}
	if f := c.handler; f != nil && kind < channelReservedTypes {
		return func(data []byte) { f(kind, data) }
	}
	return nil
}

func (c *Channel) stream(id uint16) *Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// Send sends a message of a type below 0xf000. It waits until the window has room and the message went out, not until it
// arrived; see [Channel.Flush]. data is copied. Errors are [ErrReservedType], [ErrTooLarge] for more than [Channel.MDU]
// bytes, [ErrTooMany] when 256 messages wait for the window, [*LinkClosedError], and that of ctx: then nothing was sent.
func (c *Channel) Send(ctx context.Context, kind uint16, data []byte) error {
	if kind >= channelReservedTypes {
		return ErrReservedType
	}
	return c.send(ctx, kind, data)
}

// channelSend is a sender that waits for room in the window.
type channelSend struct {
	kind uint16
	data []byte
	done chan error // cap 1
}

func (c *Channel) send(ctx context.Context, kind uint16, data []byte) error {
	if mdu := c.MDU(); len(data) > mdu {
		return fmt.Errorf("channel message of %d bytes, %d fit: %w", len(data), mdu, ErrTooLarge)
	}
	w := &channelSend{kind: kind, data: append([]byte(nil), data...), done: make(chan error, 1)}
	if err := c.link.do(ctx, func(now time.Time) error { return c.link.queueChannel(now, w) }); err != nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	withdrawn := false
	err := c.link.do(context.Background(), func(time.Time) error {
		withdrawn = c.link.channel.withdraw(w)
		return nil
	})
	if err == nil && withdrawn {
		return ctx.Err()
	}
	return <-w.done // it went out, or the link closed, meanwhile
}

// Flush waits until nothing is unproved: what was sent before, and what others send meanwhile. Errors are
// [*LinkClosedError] and that of ctx.
func (c *Channel) Flush(ctx context.Context) error {
	idle := make(chan struct{})
	err := c.link.do(ctx, func(time.Time) error {
		if !c.link.now.state.usable() || c.link.channel == nil {
			return ErrNotActive
		}
		c.link.channel.whenIdle(idle)
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-idle:
		return nil
	case <-c.link.done:
		return c.link.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Link) queueChannel(now time.Time, w *channelSend) error {
	if !l.now.state.usable() || l.channel == nil {
		return ErrNotActive
	}
	if len(l.channel.waiting) >= channelMaxWaiting {
		return ErrTooMany
	}
	l.channel.waiting = append(l.channel.waiting, w)
	l.channel.fill(now)
	return nil
}

// handleChannel takes a channel packet.
func (l *Link) handleChannel(now time.Time, p linkPacket, plaintext []byte) {
	if l.channel == nil {
		l.shared.counters.unhandled.Add(1)
		return
	}
	e, err := parseChannelEnvelope(plaintext)
	if err != nil {
		l.shared.counters.badMessage.Add(1)
		return
	}
	if l.channel.take(e) {
		l.provePacket(now, p.packetHash())
	}
}

// channelState is the channel as the link's goroutine has it.
type channelState struct {
	link     *Link
	channel  *Channel
	window   channelWindow
	sequence uint16 // of the next message
	ring     []*channelFlight
	waiting  []*channelSend
	idle     []chan struct{}
	receiver channelReceiver
}

// channelFlight is a message that is not proved yet.
type channelFlight struct {
	sequence uint16
	raw      []byte       // the envelope
	hashes   []PacketHash // of its transmissions: a proof of any will do
	sent     time.Time
	timeout  time.Duration
}

// take takes a received envelope and reports whether it is to be proved.
func (s *channelState) take(e channelEnvelope) bool {
	switch s.receiver.place(e.sequence) {
	case channelOld:
		return true // the proof got lost
	case channelAfield:
		return false
	}
	m, ok := s.accept(e)
	if !ok {
		return false
	}
	for _, m := range s.receiver.take(e.sequence, m) {
		s.deliver(m)
	}
	return true
}

// accept decides whether a message can be delivered when its turn comes.
func (s *channelState) accept(e channelEnvelope) (channelMessage, bool) {
	counters := &s.link.shared.counters
	m := channelMessage{kind: e.kind, data: e.data}
	if e.kind != channelStreamType {
		switch {
		case s.channel.handlerOf(e.kind) == nil:
			counters.unhandled.Add(1)
			return m, false
		case s.link.events.full(s.link, len(e.data)):
			counters.eventsFull.Add(1)
			return m, false
		}
		return m, true
	}
	chunk, err := parseStreamMessage(e.data)
	if err != nil {
		counters.badMessage.Add(1)
		return m, false
	}
	if m.stream = s.channel.stream(chunk.id); m.stream == nil {
		counters.unhandled.Add(1)
		return m, false
	}
	if !m.stream.reserve(len(chunk.data)) {
		counters.streamFull.Add(1)
		return m, false
	}
	m.data, m.eof = chunk.data, chunk.eof
	return m, true
}

func (s *channelState) deliver(m channelMessage) {
	if m.stream != nil {
		m.stream.received(m.data, m.eof)
		return
	}
	s.link.events.push(s.link, func() {
		if f := s.channel.handlerOf(m.kind); f != nil {
			f(m.data)
		}
	}, len(m.data))
}

// fill sends what waits while the window has room.
func (s *channelState) fill(now time.Time) {
	for len(s.waiting) > 0 && s.ready() {
		w := s.waiting[0]
		s.waiting = s.waiting[1:]
		f := &channelFlight{sequence: s.sequence, raw: appendChannelEnvelope(nil, channelEnvelope{w.kind, s.sequence, w.data})}
		s.ring = append(s.ring, f)
		if err := s.transmit(now, f); err != nil { // gives its sequence back
			s.ring = s.ring[:len(s.ring)-1]
			w.done <- err
			continue
		}
		s.sequence++
		w.done <- nil
		for _, other := range s.ring {
			other.timeout = max(other.timeout, channelTimeout(len(other.hashes), s.link.now.rtt, len(s.ring)))
		}
	}
}

// ready reports whether one more message may be sent: the window has room, and the receiver still keeps what is so far
// ahead of the oldest message that is not proved. The reference lacks the second condition, and its receiver throws away,
// though proved, what comes too far ahead of a message that is late.
func (s *channelState) ready() bool {
	return len(s.ring) == 0 || len(s.ring) < s.window.size && s.sequence-s.ring[0].sequence <= channelAhead
}

func (s *channelState) transmit(now time.Time, f *channelFlight) error {
	hash, err := s.link.sendSealed(now, ContextChannel, f.raw)
	if err != nil {
		return err
	}
	f.hashes = append(f.hashes, hash)
	f.sent = now
	f.timeout = channelTimeout(len(f.hashes), s.link.now.rtt, len(s.ring))
	return nil
}

// sent reports whether hash is that of a message that is not proved yet.
func (s *channelState) sent(hash PacketHash) bool { return s.find(hash) >= 0 }

func (s *channelState) find(hash PacketHash) int {
	for i, f := range s.ring {
		for _, h := range f.hashes {
			if h == hash {
				return i
			}
		}
	}
	return -1
}

// proved notes that a message arrived.
func (s *channelState) proved(now time.Time, hash PacketHash) {
	i := s.find(hash)
	if i < 0 {
		return
	}
	s.ring = append(s.ring[:i], s.ring[i+1:]...)
	s.window.delivered(s.link.now.rtt)
	s.fill(now)
	s.checkIdle()
}

func (s *channelState) whenIdle(idle chan struct{}) {
	s.idle = append(s.idle, idle)
	s.checkIdle()
}

func (s *channelState) checkIdle() {
	if len(s.ring) > 0 || len(s.waiting) > 0 {
		return
	}
	for _, idle := range s.idle {
		close(idle)
	}
	s.idle = nil
}

// withdraw takes back what has not been sent.
func (s *channelState) withdraw(w *channelSend) bool {
	for i, other := range s.waiting {
		if other == w {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.checkIdle()
			return true
		}
	}
	return false
}

func (s *channelState) deadline() time.Time {
	var d time.Time
	for _, f := range s.ring {
		d = earliest(d, f.sent.Add(f.timeout))
	}
	return d
}

// tick sends again what was not proved in time, and closes the link when that was in vain.
func (s *channelState) tick(now time.Time) {
	for _, f := range s.ring {
		if !due(now, f.sent.Add(f.timeout)) {
			continue
		}
		if len(f.hashes) >= channelMaxTries {
			s.link.close(now, CloseTimeout, true)
			return
		}
		s.window.lost()
		if s.transmit(now, f) != nil {
			f.sent = now // the random source failed; try again a timeout later
		}
	}
}

// close fails every message that waits; streams look at the link themselves.
func (s *channelState) close(err error) {
	for _, w := range s.waiting {
		w.done <- err
	}
	s.waiting, s.ring, s.idle = nil, nil, nil
}
