package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"log/slog"

	"github.com/pelletier/go-toml/v2"

	"groupd/api/web"
	"groupd/api/words"
	"groupd/configs"
	"groupd/group"
	"groupd/moderation"
)

// settings is groupd.toml. The embedded file parses to the defaults; a key that is left out has its default too.
type settings struct {
	Server      serverSettings      `toml:"server"`
	Log         logSettings         `toml:"log"`
	Propagation propagationSettings `toml:"propagation"`
	Limits      limitSettings       `toml:"limits"`
	Creating    creatingSettings    `toml:"groups"`
	Groups      []groupSettings     `toml:"group"`
}

type serverSettings struct {
	Announce cadence  `toml:"announce"`
	Listen   string   `toml:"listen"`
	Hosts    []string `toml:"hosts"`
	TLSCert  string   `toml:"tls_cert"`
	TLSKey   string   `toml:"tls_key"`
	Insecure bool     `toml:"insecure"`
}

type logSettings struct {
	Level  level  `toml:"level"`
	Format format `toml:"format"`
}

// mostOfPost is what [limits] may allow for a post, in bytes: with its signed original it fits a line of an export (8 MiB) whatever is in it.
const mostOfPost = 1 << 20

type limitSettings struct {
	Members int  `toml:"members"`
	Post    size `toml:"post"`

	Attachment        size `toml:"attachment"`
	MemberAttachments size `toml:"member_attachments"`
	GroupAttachments  size `toml:"group_attachments"`
	Attachments       size `toml:"attachments"`
	DiskFloor         size `toml:"disk_floor"`
}

// creatingSettings is who may make groups of their own.
type creatingSettings struct {
	Create    creating `toml:"create"`
	PerPerson int      `toml:"per_person"`
	Most      int      `toml:"most"`
	Cooldown  cooldown `toml:"cooldown"`
	PerHour   int      `toml:"per_hour"`
	Stamp     int      `toml:"stamp"`
}

type groupSettings struct {
	ID          groupName  `toml:"id"`
	Name        string     `toml:"name"`
	PrivateName string     `toml:"private_name"`
	Topic       string     `toml:"topic"`
	Preset      preset     `toml:"preset"`
	Ends        date       `toml:"ends"`
	Visibility  visibility `toml:"visibility"`
	Join        joining    `toml:"join"`
	Announce    detail     `toml:"announce"`
	Owner       owner      `toml:"owner"`
}

// The words and numbers of the file. Each reads itself, so that what is wrong is shown with its line; the decoder lets only structs do so.
type (
	cadence    struct{ time.Duration } // 0: auto; below 0: off
	level      struct{ slog.Level }
	format     struct{ string }
	size       struct{ int64 }
	groupName  struct{ string }
	preset     struct{ string } // "", or the word of a moderation.Preset
	date       struct{ moderation.Moment }
	visibility struct{ string } // "", public, private
	joining    struct{ string } // "", open, approve, invite, closed
	detail     struct{ string } // "", full, name, off
	creating   struct{ moderation.Creating }
	cooldown   struct{ time.Duration }
	owner      struct {
		text string
		hash group.AnyHash
	}
)

const (
	cadenceOff   = time.Duration(-1)
	leastCadence = 5 * time.Minute
)

func (c *cadence) UnmarshalText(text []byte) error {
	switch string(text) {
	case "auto", "":
		c.Duration = 0
		return nil
	case "off":
		c.Duration = cadenceOff
		return nil
	}
	d, err := parseSpan(string(text))
	if err != nil || d < leastCadence {
		return errors.New(`must be "auto", "off", or a duration of at least 5m`)
	}
	c.Duration = d
	return nil
}

func (l *level) UnmarshalText(text []byte) error {
	if oneOf(string(text), "debug", "info", "warn", "error") != nil || l.Level.UnmarshalText(text) != nil {
		return errors.New("must be debug, info, warn or error")
	}
	return nil
}

func (f *format) UnmarshalText(text []byte) error {
	f.string = string(text)
	return oneOf(string(text), "text", "json")
}

func (g *groupName) UnmarshalText(text []byte) error {
	g.string = string(text)
	if len(text) == 0 || len(text) > 32 || strings.Trim(string(text), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return errors.New("must be 1 to 32 of a-z, 0-9, - and _")
	}
	return nil
}

func (p *preset) UnmarshalText(text []byte) error {
	p.string = string(text)
	return oneOf(string(text), append([]string{""}, moderation.PresetWords()...)...)
}

func (d *date) UnmarshalText(text []byte) error {
	var ok bool
	if d.Moment, ok = words.Date(string(text)); !ok && len(text) > 0 {
		return errors.New("must be a date such as 2027-05-31 (all day), or 2027-05-31 18:00 (UTC)")
	}
	return nil
}

func (v *visibility) UnmarshalText(text []byte) error {
	v.string = string(text)
	return oneOf(string(text), "", "public", "private")
}

func (j *joining) UnmarshalText(text []byte) error {
	j.string = string(text)
	return oneOf(string(text), "", "open", "approve", "invite", "closed")
}

func (d *detail) UnmarshalText(text []byte) error {
	d.string = string(text)
	return oneOf(string(text), "", "full", "name", "off")
}

func (c *creating) UnmarshalText(text []byte) error {
	var ok bool
	if c.Creating, ok = moderation.ParseCreating(string(text)); !ok {
		return errors.New("must be off, members or anyone")
	}
	return nil
}

func (s *cooldown) UnmarshalText(text []byte) error {
	d, err := parseSpan(string(text))
	s.Duration = d
	return err
}

func (o *owner) UnmarshalText(text []byte) error {
	o.text = string(text)
	if o.text == "" {
		return nil
	}
	var ok bool
	if o.hash, ok = group.ParseAnyHash(o.text); !ok {
		return errors.New("must be an address or identity of 32 hex digits")
	}
	return nil
}

func (s *size) UnmarshalText(text []byte) error {
	n, err := parseSize(string(text))
	if err != nil {
		return err
	}
	if n < 1<<10 || n > 1<<40 {
		return errors.New("must be from 1KiB to 1TiB")
	}
	s.int64 = n
	return nil
}

func oneOf(text string, words ...string) error {
	var named []string
	for _, w := range words {
		if w == text {
			return nil
		}
		if w != "" {
			named = append(named, w)
		}
	}
	last := len(named) - 1
	return fmt.Errorf("must be %s or %s", strings.Join(named[:last], ", "), named[last])
}

// parseSpan reads a duration: 90s, 30m, 6h, 2d, 2w, or several of them one after the other.
func parseSpan(text string) (time.Duration, error) {
	var sum time.Duration
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, errors.New("a duration is needed, such as 30m or 2d")
	}
	for rest != "" {
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if i <= 0 {
			return 0, fmt.Errorf("%q is no duration: write 90s, 30m, 6h, 2d or 2w", text)
		}
		n, err := strconv.ParseInt(rest[:i], 10, 32)
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[rest[i]]
		const most = 100 * 365 * 24 * time.Hour
		if err != nil || unit == 0 || time.Duration(n) > (most-sum)/unit {
			return 0, fmt.Errorf("%q is no duration: write 90s, 30m, 6h, 2d or 2w", text)
		}
		sum, rest = sum+time.Duration(n)*unit, rest[i+1:]
	}
	return sum, nil
}

// parseSize reads a number of bytes: 500B, 32KiB, 4MiB, 1GiB.
func parseSize(text string) (int64, error) {
	for _, u := range []struct {
		unit string
		n    int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}} {
		if number, ok := strings.CutSuffix(text, u.unit); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
			if err != nil || n < 0 {
				break
			}
			return n * u.n, nil
		}
	}
	return 0, fmt.Errorf("%q is no size: write 500B, 32KiB or 4MiB", text)
}

// parseSettings reads the text of a groupd.toml over the defaults. The error shows every line that is wrong.
func parseSettings(text []byte) (*settings, error) {
	var s settings
	if err := decodeSettings(configs.Groupd, &s); err != nil {
		return nil, fmt.Errorf("embedded groupd.toml: %w", err)
	}
	s.Groups = nil
	if err := decodeSettings(text, &s); err != nil {
		return nil, err
	}
	seen := make(map[groupName]bool)
	for i := range s.Groups {
		g := &s.Groups[i]
		switch {
		case g.ID.string == "":
			return nil, fmt.Errorf("[[group]] number %d has no id", i+1)
		case seen[g.ID]:
			return nil, fmt.Errorf("there are two [[group]] sections with id = %q", g.ID.string)
		}
		p, _ := moderation.PresetNamed(g.Preset.string)
		switch {
		case strings.TrimSpace(g.Name) == "" && p.PublicName == "":
			return nil, fmt.Errorf("[[group]] %q has no name", g.ID.string)
		case p.NeedsEnd && g.Ends.Moment == 0:
			return nil, fmt.Errorf("[[group]] %q: preset = %q needs a date: ends", g.ID.string, p.Word)
		}
		seen[g.ID] = true
	}
	if (s.Server.TLSCert == "") != (s.Server.TLSKey == "") {
		return nil, errors.New("[server] tls_cert and tls_key belong together")
	}
	if s.Server.Listen != "" {
		if err := web.CheckListen(s.Server.Listen, s.Server.TLSCert != "", s.Server.Insecure); err != nil {
			return nil, fmt.Errorf("[server] %w", err)
		}
	}
	if err := s.Propagation.check(); err != nil {
		return nil, err
	}
	if err := s.Creating.check(); err != nil {
		return nil, err
	}
	if s.Limits.Members < 1 {
		return nil, errors.New("[limits] members must be at least 1")
	}
	if s.Limits.Post.int64 > mostOfPost {
		return nil, fmt.Errorf("[limits] post must be at most %dMiB: a line of an export has to hold one", mostOfPost>>20)
	}
	return &s, nil
}

func decodeSettings(text []byte, into *settings) error {
	d := toml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var strict *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		var lines []string
		for i := range strict.Errors {
			e := &strict.Errors[i]
			row, _ := e.Position()
			lines = append(lines, fmt.Sprintf("line %d: unknown key %s\n%s", row, strings.Join(e.Key(), "."), e.String()))
		}
		return errors.New(strings.Join(lines, "\n"))
	case errors.As(err, &wrong):
		row, _ := wrong.Position()
		return fmt.Errorf("line %d: %s\n%s", row, strings.TrimPrefix(wrong.Error(), "toml: "), wrong.String())
	}
	return err
}

// readSettings reads groupd.toml of a data directory; where there is none, the defaults, and made is true.
func readSettings(dir string) (s *settings, missing bool, err error) {
	path := filepath.Join(dir, fileConfig)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, missing, err = configs.Groupd, true, nil
	}
	if err != nil {
		return nil, false, &failure{code: exitConfig, msg: err.Error()}
	}
	if s, err = parseSettings(text); err != nil {
		return nil, missing, &failure{code: exitConfig, msg: fmt.Sprintf("%s: %v", path, err), hint: "groupd check --default shows the file with all keys"}
	}
	return s, missing, nil
}

// limits are the Hub's.
func (s *settings) limits() group.Limits {
	l := s.Limits
	return group.Limits{
		Members: l.Members, PostBytes: l.Post.int64, AttachBytes: l.Attachment.int64, AttachMember: l.MemberAttachments.int64,
		AttachGroup: l.GroupAttachments.int64, AttachDisk: l.Attachments.int64, AttachFloor: l.DiskFloor.int64,
	}
}

// check finds what the section may not say.
func (c creatingSettings) check() error {
	for _, k := range []struct {
		key          string
		value, least int
		most         int
	}{{"per_person", c.PerPerson, 1, group.MaxGroups}, {"most", c.Most, 1, group.MaxGroups}, {"per_hour", c.PerHour, 1, 3600}, {"stamp", c.Stamp, 0, moderation.MaxStampCost}} {
		if k.value < k.least || k.value > k.most {
			return fmt.Errorf("[groups] %s must be %d to %d", k.key, k.least, k.most)
		}
	}
	if c.Cooldown.Duration < time.Second {
		return errors.New("[groups] cooldown must be at least 1s")
	}
	return nil
}

// creating is the section for the Hub.
func (c creatingSettings) creating() group.Creating {
	out := group.Creating{Who: c.Create.Creating, PerPerson: c.PerPerson, Max: c.Most, Cooldown: c.Cooldown.Duration, PerHour: c.PerHour, Cost: c.Stamp}
	if out.Cost == 0 {
		out.Cost = -1 // 0 is the default there
	}
	return out
}

// seed is the group that a section makes, without keys.
func (g groupSettings) seed() group.NewGroup {
	n := group.NewGroup{
		ID: group.GroupID(g.ID.string), Public: g.Visibility.string == "public" || g.Visibility.string == "" && g.Preset.string == "",
		PublicName: g.Name, PrivateName: g.PrivateName, Topic: g.Topic, Owner: g.Owner.hash, Preset: g.Preset.string,
		Policy: moderation.Policy{ExpiresAt: g.Ends.Moment},
	}
	if g.Visibility.string != "" {
		n.Set.Public = &n.Public
	}
	if j, ok := moderation.ParseJoining(g.Join.string); ok {
		n.Joining = j
	}
	return n
}

// detailFor is what a group's announces tell: full, name or off. Where its policy says nothing, the file does.
func (s *settings) detailFor(info group.Info) string {
	if info.Policy.Announce == moderation.AnnounceDefault {
		for _, g := range s.Groups {
			if g.ID.string != string(info.Group) || g.Announce.string == "" {
				continue
			}
			if g.Announce.string == "full" && !info.Public {
				return "name"
			}
			return g.Announce.string
		}
	}
	switch info.Policy.AnnounceDetail(info.Public) {
	case moderation.AnnounceFull:
		return "full"
	case moderation.AnnounceOff:
		return "off"
	}
	return "name"
}

// difference is a key of the file that the database has another value for.
type difference struct {
	Group    string `json:"group"`
	Key      string `json:"key"`
	File     string `json:"file"`
	Database string `json:"database"`
	Command  string `json:"command"` // sets the database to what the file says
}

// differences compares a section with the group's row.
func (g groupSettings) differences(have web.Group) []difference {
	var list []difference
	compare := func(key, flag, file, database string) {
		if file != database {
			list = append(list, difference{
				Group: g.ID.string, Key: key, File: file, Database: database,
				Command: fmt.Sprintf("groupd group set %s --%s %s", g.ID.string, flag, quote(file)),
			})
		}
	}
	if g.Name != "" {
		compare("name", "name", g.Name, have.Name)
	}
	compare("private_name", "private-name", g.PrivateName, have.PrivateName)
	compare("topic", "topic", g.Topic, have.Topic)
	if g.Visibility.string != "" {
		compare("visibility", "visibility", g.Visibility.string, have.Visibility)
	}
	if g.Ends.Moment != 0 {
		compare("ends", "ends", words.ShowMoment(g.Ends.Moment), words.ShowMoment(have.Policy.ExpiresAt))
	}
	if g.Join.string != "" {
		compare("join", "join", g.Join.string, have.Join)
	}
	if g.Preset.string != "" && g.Preset.string != have.Preset {
		list = append(list, difference{
			Group: g.ID.string, Key: "preset", File: g.Preset.string, Database: have.Preset,
			Command: "groupd group create NEW --preset " + g.Preset.string + "   (a group is made as something, and stays that)",
		})
	}
	return list
}

// quote makes a text one word for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
