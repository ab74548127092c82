package tcp

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"groupd/rns/interfaces/carrier"
)

// Defaults of a FlapTable (spec 3 §2.4).
const (
	DefaultFlapThreshold = 20 * time.Second
	DefaultFlapGrace     = 5
	DefaultFlapBlockTime = 12 * time.Hour
	// DefaultFlapAddresses bounds the table; when it is full, the address that flapped longest ago is forgotten.
	DefaultFlapAddresses = 4096
)

// FlapConfig describes a FlapTable. Zero fields take their defaults; a Grace of none is negative.
type FlapConfig struct {
	// Threshold: a connection that lasted less is a flap.
	Threshold time.Duration
	// Grace: so many flaps are forgiven, the next one blocks.
	Grace int
	// BlockTime after its last flap an address is forgotten, blocked or not. Attempts while blocked do not count.
	BlockTime time.Duration
	// Addresses that are remembered.
	Addresses int
	// Clock; nil: time.Now.
	Clock func() time.Time
}

// FlapTable remembers addresses whose connections do not last, and blocks them (option "block_fast_flapping"). Several
// servers may share one. It is safe from any goroutine. Make it with NewFlapTable.
type FlapTable struct {
	config FlapConfig

	mu    sync.Mutex
	flaps map[netip.Addr]flaps
}

type flaps struct {
	count int
	last  time.Time
}

// Flapper is an address in a FlapTable.
type Flapper struct {
	Address netip.Addr
	Flaps   int
	Blocked bool
	// Until it is forgotten.
	Until time.Time
}

// NewFlapTable checks the configuration.
func NewFlapTable(config FlapConfig) (*FlapTable, error) {
	if config.Threshold < 0 || config.BlockTime < 0 || config.Addresses < 0 {
		return nil, errors.New("flap table with a negative time or size")
	}
	carrier.Default(&config.Threshold, DefaultFlapThreshold)
	carrier.Default(&config.Grace, DefaultFlapGrace)
	config.Grace = max(config.Grace, 0)
	carrier.Default(&config.BlockTime, DefaultFlapBlockTime)
	carrier.Default(&config.Addresses, DefaultFlapAddresses)
	if config.Clock == nil {
		config.Clock = time.Now
	}
	return &FlapTable{config: config, flaps: make(map[netip.Addr]flaps)}, nil
}

// Blocked says whether connections from an address are to be closed at once.
func (t *FlapTable) Blocked(from netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, known := t.flaps[from]
	return known && f.count > t.config.Grace && !t.expired(f, t.config.Clock())
}

// Closed notes how long a connection lasted.
func (t *FlapTable) Closed(from netip.Addr, lasted time.Duration) {
	if lasted >= t.config.Threshold {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.config.Clock()
	f, known := t.flaps[from]
	if known && t.expired(f, now) {
		f = flaps{}
	}
	if !known && len(t.flaps) >= t.config.Addresses {
		t.makeRoom(now)
	}
	t.flaps[from] = flaps{count: f.count + 1, last: now}
}

// List is every address that is remembered, in order.
func (t *FlapTable) List() []Flapper {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.config.Clock()
	var list []Flapper
	for a, f := range t.flaps {
		if t.expired(f, now) {
			delete(t.flaps, a)
			continue
		}
		list = append(list, Flapper{Address: a, Flaps: f.count, Blocked: f.count > t.config.Grace, Until: f.last.Add(t.config.BlockTime)})
	}
	slices.SortFunc(list, func(a, b Flapper) int { return a.Address.Compare(b.Address) })
	return list
}

func (t *FlapTable) expired(f flaps, now time.Time) bool {
	return now.Sub(f.last) >= t.config.BlockTime
}

// makeRoom forgets what is over, and at least one.
func (t *FlapTable) makeRoom(now time.Time) {
	var oldest netip.Addr
	var last time.Time
	for a, f := range t.flaps {
		if t.expired(f, now) {
			delete(t.flaps, a)
		} else if last.IsZero() || f.last.Before(last) {
			oldest, last = a, f.last
		}
	}
	if len(t.flaps) >= t.config.Addresses {
		delete(t.flaps, oldest)
	}
}
