package group

import (
	"context"

	"groupd/moderation"
)

// Follow is for who gets what is new at once, over an open link: it tells the head, and the database's life, as long as he may. He asks
// again whenever something has changed; what it is, he reads by Messages.
func (h *Hub) Follow(ctx context.Context, c Caller, g GroupID) (Head, Generation, error) {
	var head Head
	var gen Generation
	err := h.read(ctx, "follow", c, g, func(s *scene) (err error) {
		if err := s.may(moderation.ActionSubscribe); err != nil {
			return err
		}
		head = s.head
		gen, err = generation(s.tx)
		return err
	})
	return head, gen, err
}
