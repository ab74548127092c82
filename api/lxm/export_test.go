package lxm

import (
	"context"
	"encoding/binary"
	"strings"
	"time"

	"groupd/api/signed"
	"groupd/api/words"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
)

// Process handles one message at once, for tests without Run.
func (s *Server) Process(ctx context.Context, in Inbound) { s.process(ctx, in, false, func() {}) }

// Split, Name, Duration, Distance and Chunks are inner functions.
func Split(text string) (word, args string)     { return signed.Split(text) }
func Name(text string) (word, rest string)      { return firstWord(text) }
func Chunks(lines []string, width int) []string { return chunks(lines, width) }
func Duration(s string) (time.Duration, bool)   { return words.Duration(s) }
func Distance(a, b string) int                  { return distance(a, b, 3) }
func CommandNames() (names []string) {
	for _, c := range commandTable() {
		names = append(append(names, c.name), c.aliases...)
	}
	return names
}

// CommandDoc is what docs/commands.md says of a command.
type CommandDoc struct {
	Name, Usage, Short, Long, Aliases, Who string
}

// CommandDocs is the table of commands for people.
func CommandDocs() (docs []CommandDoc) {
	for _, c := range commandTable() {
		d := CommandDoc{Name: c.name, Usage: c.usage(), Short: c.short, Long: c.long, Who: "members"}
		if len(c.aliases) > 0 {
			d.Aliases = "/" + strings.Join(c.aliases, "`, `/")
		}
		switch {
		case c.who != "":
			d.Who = c.who
		case c.anyone:
			d.Who = "anyone"
		case c.needs != 0:
			d.Who = "permission `" + c.needs.String() + "`"
		}
		docs = append(docs, d)
	}
	return docs
}

// Settings is the table of settings: key, what it is, what it can be.
func Settings() (rows [][3]string) {
	for _, k := range words.Settings() {
		rows = append(rows, [3]string{k.Key, k.What, k.How})
	}
	return rows
}

// Quiet is an inner function.
func Quiet(s string, offset time.Duration) (group.QuietHours, bool) { return words.Quiet(s, offset) }

// SetAndShow is how a setting is shown that was typed; false when it can not be.
func SetAndShow(key, text string) (string, bool) {
	k, ok := words.SettingNamed(key)
	if !ok {
		return "", false
	}
	in, err := words.SettingInput(k, text, time.Unix(0, 0))
	if err != nil {
		return "", false
	}
	s := group.Settings{Joining: moderation.JoiningOpen}
	if in.Joining != nil {
		s.Joining = *in.Joining
	}
	if in.Public != nil {
		s.Public = *in.Public
	}
	if in.Change != nil {
		in.Change(&s.Policy)
	}
	if _, problem := s.Policy.Check(); problem != "" {
		return "", false
	}
	return words.ShowSetting(s, k.Key), true
}

// MaxBuckets bounds the members whose rates are remembered.
const MaxBuckets = group.MaxBuckets

// Refuse takes a refusal's token for so many different people, and reports whether the last one got his.
func (s *Server) Refuse(people int) (ok bool) {
	for i := range people {
		var who group.IdentityHash
		binary.BigEndian.PutUint64(who[:], uint64(i)+1)
		ok = s.rates.TakeOne(s.config.Now(), rateKey{who, true}, refusalRate()) == 0
	}
	return ok
}

// Remembered is how many people's rates are remembered.
func (s *Server) Remembered() int {
	n, _ := s.rates.Size()
	return n
}

// Bounds of what relaying remembers.
const (
	CopyIDs       = copyIDs
	MaxRelayed    = maxRelayed
	MaxRepeats    = maxRepeats
	RecentEntries = recentEntries
)

// FillRelaying remembers so many copies, reactions and posts, and tells how many of each are remembered then.
func (s *Server) FillRelaying(n int) (copies, told, posts int) {
	for i := range n {
		id := lxmf.MessageID{}
		binary.BigEndian.PutUint64(id[:], uint64(i))
		s.copies.put(copyKey{seq: group.Seq(i)}, id)
		note(&s.relays, &s.relays.told, id)
		s.repeats.add(s.config.Now(), group.IdentityHash(id[:16]), &lxmf.Message{})
	}
	return len(s.copies.ids), len(s.relays.told), len(s.repeats.last)
}

// Recent is how many entries the face remembers.
func (s *Server) Recent(ctx context.Context) (int, error) {
	t, err := s.timeline(ctx)
	if err != nil {
		return 0, err
	}
	return len(t.items), nil
}
