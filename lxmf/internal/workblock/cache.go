package workblock

import (
	"container/list"
	"context"
	"sync"
)

// entryOverhead is what a cached block takes beside its saved state and material, in bytes, about.
const entryOverhead = 256

// Cache keeps the blocks used last, up to a number of bytes, so that many stamps for one id cost one expansion. It is safe
// for use by several goroutines; two that miss the same block at once both expand it.
type Cache struct {
	limit int

	mu     sync.Mutex // leaf
	blocks map[cacheKey]*list.Element
	order  *list.List // of *cached, used last first
	size   int
}

type cacheKey struct {
	material string
	rounds   int
}

type cached struct {
	key   cacheKey
	block *Block
	size  int
}

// NewCache makes a cache of at most limit bytes; with 0 it keeps nothing.
func NewCache(limit int) *Cache {
	return &Cache{limit: limit, blocks: make(map[cacheKey]*list.Element), order: list.New()}
}

// Expand returns the block of material over the given number of rounds, expanded now or before.
func (c *Cache) Expand(ctx context.Context, material []byte, rounds int) (*Block, error) {
	key := cacheKey{string(material), rounds}
	c.mu.Lock()
	if e := c.blocks[key]; e != nil {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cached).block, nil
	}
	c.mu.Unlock()
	b, err := Expand(ctx, material, rounds)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocks[key] != nil {
		return b, nil
	}
	n := &cached{key: key, block: b, size: len(b.state) + len(material) + entryOverhead}
	c.blocks[key] = c.order.PushFront(n)
	c.size += n.size
	for c.size > c.limit {
		oldest := c.order.Remove(c.order.Back()).(*cached)
		delete(c.blocks, oldest.key)
		c.size -= oldest.size
	}
	return b, nil
}

// Size returns the number of blocks and the bytes they take.
func (c *Cache) Size() (blocks, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.blocks), c.size
}
