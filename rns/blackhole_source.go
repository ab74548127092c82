package rns

import (
	"context"
	"fmt"
	"time"

	"groupd/rns/msgpack"
)

const (
	// MaxBlackholeSources is how many nodes' lists can be used.
	MaxBlackholeSources = 32

	blackholeUpdateDelay    = 20 * time.Second
	blackholeUpdateInterval = time.Hour
	// blackholeUpdateTime is how long one source may take, maxBlackholeList how long its answer may be, in bytes.
	blackholeUpdateTime = 2 * time.Minute
	maxBlackholeList    = 8 << 20

	blackholeListPath = "/list"
)

// setSource says whose the entries are, whatever they say themselves.
func setSource(list []Blackhole, source IdentityHash) {
	for i := range list {
		list[i].Source = source
	}
}

// updateBlackholes is the life of the goroutine that fetches the lists of others (spec 1 §6.20).
func (t *Transport) updateBlackholes(life context.Context) {
	timer := time.NewTimer(blackholeUpdateDelay)
	defer timer.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-timer.C:
		}
		for _, source := range t.config.BlackholeSources {
			ctx, cancel := context.WithTimeout(life, blackholeUpdateTime)
			if err := t.fetchBlackholes(ctx, source); err != nil {
				t.log.Info("blackhole list not fetched", "source", source, "err", err)
			}
			cancel()
		}
		timer.Reset(t.config.BlackholeUpdate)
	}
}

// fetchBlackholes asks one source for its list. What is on ours already stays as it is.
func (t *Transport) fetchBlackholes(ctx context.Context, source IdentityHash) error {
	d := HashDestination(&source, transportApp, "info", "blackhole")
	if err := t.AwaitPath(ctx, d); err != nil {
		return err
	}
	known, ok := t.Recall(d)
	if !ok {
		return ErrNoPath
	}
	l, err := t.OpenLink(ctx, t.NewRemote(known.Identity, transportApp, "info", "blackhole"))
	if err != nil {
		return err
	}
	defer l.Close()
	answer, err := l.Request(ctx, blackholeListPath, msgpack.Nil(), RequestOptions{MaxResponse: maxBlackholeList})
	if err != nil {
		return err
	}
	list, err := parseBlackholes(answer.Data)
	if err != nil {
		return err
	}
	setSource(list, source)
	if added := t.blackholes.add(list...); len(added) > 0 {
		_ = t.do(func(e *engine) { e.forgetIdentities(added...) })
	}
	if t.config.Store == nil {
		return nil
	}
	return t.config.Store.SaveBlackholes(ctx, source, list)
}

// parseBlackholes reads a published list. One wrong entry makes all of it wrong.
func parseBlackholes(raw msgpack.Raw) ([]Blackhole, error) {
	entries, ok := raw.Map()
	if !ok || len(entries) > maxBlackholes {
		return nil, fmt.Errorf("%w: blackhole list", ErrMalformed)
	}
	list := make([]Blackhole, 0, len(entries))
	for _, e := range entries {
		id, ok := e.Key.Bin()
		if !ok || len(id) != TruncatedHashLength {
			return nil, fmt.Errorf("%w: blackhole list", ErrMalformed)
		}
		b, err := ParseBlackhole(IdentityHash(id), e.Value)
		if err != nil {
			return nil, fmt.Errorf("blackhole list: %w", err)
		}
		list = append(list, b)
	}
	return list, nil
}
