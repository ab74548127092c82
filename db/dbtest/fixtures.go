package dbtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

const (
	main  = group.GroupID("main")
	other = group.GroupID("other")
)

// fill makes n bytes that depend on tag.
func fill(tag string, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(tag), i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func fill16[T ~[16]byte](tag string) T { return T(fill(tag, 16)) }
func fill32[T ~[32]byte](tag string) T { return T(fill(tag, 32)) }

// when is a time with microseconds, n seconds into the tests' day.
func when(n int) time.Time {
	return time.Date(2026, 11, 20, 8, 0, 0, 123456000, time.UTC).Add(time.Duration(n) * time.Second)
}

func newGroup(id group.GroupID) group.Group {
	tag := "group " + string(id)
	g := group.Group{
		ID: id, PublicKey: fill(tag, 64), PrivateKey: fill(tag+" private", 64), Public: true,
		PublicName: "Valley Net", PrivateName: "the valley ⛰", Topic: "weather, water, goats",
		Joining: moderation.JoiningApprove, Owner: fill16[group.AnyHash]("owner"), Rev: 7,
		SeenKey: fill(tag+" seen", 32), Created: when(0), Updated: when(1),
		Policy: moderation.Policy{
			Question: "which valley? ⛰", SlowMode: 30, PinRole: moderation.RoleMember, MemberPosts: moderation.Quota{Count: 5, Per: 60},
			ReservedNames: []string{"admin", "root"}, RetainBytes: 1 << 40, ReadOnly: true, NoRemoval: true, ExpiresAt: 1 << 35,
		},
		Lockdown: group.Lockdown{On: true, Until: when(9)}, Preset: "event", Ending: group.Ending{Told: group.EndOver, At: when(7)},
	}
	g.Identity, _ = group.IdentityOf(g.PublicKey)
	g.Address = group.AddressOf(g.Identity)
	return g
}

func newMember(g group.GroupID, name string, rev group.Rev) group.Member {
	m := group.Member{
		Group: g, PublicKey: fill("member "+name, 64), Ratchet: fill("ratchet "+name, 32), Present: true,
		Role: moderation.RoleModerator, Permissions: moderation.PermKick | moderation.PermSettings,
		DisplayName: name, Skeleton: "skeleton " + name, Status: "up the hill", Rev: rev,
		Joined: when(2), LastHeard: when(4), LastCommand: when(5), Mute: group.Mute{On: true, Until: when(8), Reason: "noise"}, JoinSeq: 6, InvitedBy: fill16[group.IdentityHash]("inviter"), Successor: fill16[group.IdentityHash]("successor"),
	}
	m.Identity, _ = group.IdentityOf(m.PublicKey)
	m.Address = group.AddressOf(m.Identity)
	return m
}

func newEntry(g group.GroupID, seq group.Seq, rev group.Rev) group.Entry {
	tag := fmt.Sprintf("entry %s %d", g, seq)
	return group.Entry{
		Group: g, Seq: seq, Rev: rev, Written: rev, Kind: group.EntryPost, Author: fill16[group.IdentityHash]("author"),
		Target: fill16[group.AnyHash](tag), Ref: seq / 2, Time: when(int(seq)), AuthorTime: when(int(seq) - 3),
		MessageID: fill32[group.MessageID](tag + " id"), Codec: 3, Title: []byte("title"), Text: []byte("hello ⛰ " + tag),
		Fields: []byte{0x81, 0x0f, 0x00}, Signed: true, Emergency: true, Salt: fill(tag+" salt", 32),
		Digest: fill32[group.Hash](tag + " digest"), Hash: fill32[group.Hash](tag + " hash"),
	}
}

// open returns a store with the groups main and other.
func openGroups(t testing.TB, open Open) (group.Store, func() group.Store) {
	t.Helper()
	s, reopen := open(t)
	update(t, s, func(tx group.Tx) error {
		for _, id := range []group.GroupID{main, other} {
			if err := tx.PutGroup(newGroup(id)); err != nil {
				return err
			}
			if err := tx.PutHead(id, group.Head{}); err != nil {
				return err
			}
		}
		return nil
	})
	return s, reopen
}

func update(t testing.TB, s group.Store, f func(group.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), f); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t testing.TB, s group.Store, f func(group.ReadTx) error) {
	t.Helper()
	if err := s.View(context.Background(), f); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// same fails unless two rows or lists are equal; nil and empty are.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	g, w := reflect.ValueOf(&got).Elem(), reflect.ValueOf(&want).Elem()
	if g.Kind() == reflect.Slice && g.Len() == 0 && w.Len() == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// got returns a function that checks one read: same(value, want) and no error.
func got[T any](t testing.TB, what string, want T) func(T, error) {
	t.Helper()
	return func(v T, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		same(t, what, v, want)
	}
}

func lower(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }
