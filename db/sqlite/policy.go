package sqlite

import (
	"database/sql"

	"groupd/moderation"
)

// policy scans what moderation.Policy.Stored gave.
type policy struct{ p *moderation.Policy }

var _ sql.Scanner = policy{}

// Scan implements sql.Scanner.
func (p policy) Scan(v any) error {
	var stored []byte
	if err := (raw{&stored}).Scan(v); err != nil {
		return err
	}
	var err error
	*p.p, err = moderation.ParsePolicy(stored)
	return err
}
