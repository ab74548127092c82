package dbtest

import (
	"context"
	"fmt"
	"testing"

	"groupd/group"
)

// Sizes of the group that BenchmarkPage reads.
const (
	benchEntries = 100_000
	benchMembers = 10_000
	benchPage    = 20
)

// BenchmarkPage measures one page of 20 from the middle of 100,000 posts in a group of 10,000 members: entries and members
// after a rev, as Hub.Messages reads them. An engine's own benchmark calls it.
func BenchmarkPage(b *testing.B, open Open) {
	s, _ := open(b)
	ctx := context.Background()
	write := func(f func(group.Tx) error) {
		b.Helper()
		if err := s.Update(ctx, f); err != nil {
			b.Fatal(err)
		}
	}
	write(func(tx group.Tx) error {
		if err := tx.PutGroup(newGroup(main)); err != nil {
			return err
		}
		for i := range benchMembers {
			if err := tx.PutMember(newMember(main, fmt.Sprint("m", i), group.Rev(i+1))); err != nil {
				return err
			}
		}
		return nil
	})
	for from := 0; from < benchEntries; from += 10_000 {
		write(func(tx group.Tx) error {
			for i := from; i < from+10_000; i++ {
				if err := tx.AppendEntry(newEntry(main, group.Seq(i+1), group.Rev(benchMembers+i+1)), nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for b.Loop() {
		err := s.View(ctx, func(tx group.ReadTx) error {
			after := group.Rev(benchMembers + benchEntries/2)
			entries, err := tx.EntriesByRev(main, after, benchPage)
			if err != nil {
				return err
			}
			if len(entries) != benchPage {
				b.Fatalf("%d entries", len(entries))
			}
			_, err = tx.MembersByRev(main, after, false, benchPage)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
