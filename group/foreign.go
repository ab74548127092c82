package group

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"groupd/moderation"
)

// Formats of lists of members that other group servers keep (spec 4 §8.1, §8.2).
const (
	FormatFwdsvc       = "fwdsvc"             // JSON: people with nick, role and switches
	FormatDistribution = "distribution-group" // of LXMF-Tools: a section for each role, lines of hash = name
)

const (
	maxSkippedNotes = 1000
	maxForeignLine  = 64 << 10       // bytes
	maxParts        = 2 * maxForeign // of a list or an object in JSON, people or not
)

// ForeignList is what a list of another server's members says.
type ForeignList struct {
	Format  string
	Members []ForeignMember
	Skipped []string // lines that name nobody, with the reason; at most 1,000
}

// ParseMembers reads the list of members of another group server: format is FormatFwdsvc, FormatDistribution, or "" to find out. The whole list
// is kept in memory: r should be bounded. All people get relay as their way of delivery, as they had it there.
func ParseMembers(r io.Reader, format string) (ForeignList, error) {
	invalid := func(msg string) error {
		return &Error{Kind: KindInvalid, Op: "import members", Msg: msg}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return ForeignList{}, invalid("the list can not be read, or is too large")
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if format == "" {
		if format = FormatDistribution; json.Valid(text) {
			format = FormatFwdsvc
		}
	}
	list := ForeignList{Format: format}
	switch format {
	case FormatFwdsvc:
		err = list.json(text)
	case FormatDistribution:
		err = list.sections(text)
	default:
		return list, &Error{Kind: KindInvalid, Op: "import members", Field: "format", Msg: FormatFwdsvc + " or " + FormatDistribution}
	}
	if err == nil && len(list.Members) <= maxForeign {
		list.merge()
	}
	switch {
	case err != nil:
		return list, invalid(err.Error())
	case len(list.Members) == 0:
		return list, invalid("no members were found in this file: it is no list of " + FormatFwdsvc + " or " + FormatDistribution)
	case len(list.Members) > maxForeign:
		return list, &Error{Kind: KindTooLarge, Op: "import members", Msg: "too many people in one list", Limit: maxForeign, Needed: int64(len(list.Members))}
	}
	return list, nil
}

func (l *ForeignList) skip(format string, args ...any) {
	if len(l.Skipped) < maxSkippedNotes {
		l.Skipped = append(l.Skipped, moderation.CleanLine(fmt.Sprintf(format, args...)))
	}
}

// sections reads what lxmf_distribution_group keeps in data.cfg.
func (l *ForeignList) sections(text []byte) error {
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, maxForeignLine)
	section := ""
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			section = strings.ToLower(strings.Trim(line, "[] \t"))
			continue
		}
		key, name := line, ""
		if at := strings.IndexAny(line, "=:"); at >= 0 {
			key, name = strings.TrimSpace(line[:at]), strings.TrimSpace(line[at+1:])
		}
		m := ForeignMember{Line: n, Name: name, Mode: DeliverRelay}
		role, takes := sectionRole(section)
		if !takes && section != "wait" {
			if _, hash := ParseAnyHash(key); hash {
				l.skip("line %d: [%s] is no role that is known here", n, section)
			}
			continue // settings and statistics
		}
		var ok bool
		if m.Target, ok = ParseAnyHash(key); !ok {
			l.skip("line %d: no address of 32 hex digits", n)
			continue
		}
		if section == "wait" {
			l.skip("line %d: %s was waiting to be let in there", n, m.Target)
			continue
		}
		m.Role, m.Banned = role, role == moderation.RoleNone
		l.Members = append(l.Members, m)
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes", maxForeignLine)
	}
	return in.Err()
}

// sectionRole is the role of those in a section of data.cfg; RoleNone: they are banned.
func sectionRole(section string) (moderation.Role, bool) {
	switch section {
	case "admin":
		return moderation.RoleAdmin, true
	case "mod":
		return moderation.RoleModerator, true
	case "user", "guest":
		return moderation.RoleMember, true
	}
	return moderation.RoleNone, strings.HasPrefix(section, "block")
}

// json reads a roster in JSON: a list of people, or an object of them by hash, or either below "members"; and lists of those who are
// banned, and of staff, beside it. One person at a time is in memory beside the text.
func (l *ForeignList) json(text []byte) error {
	if !json.Valid(text) {
		return errors.New("is no JSON")
	}
	if text = bytes.TrimSpace(text); text[0] != '{' {
		return l.people("", text, ForeignMember{})
	}
	lists := make(map[string]json.RawMessage)
	err := eachIn(text, func(key string, list json.RawMessage) error {
		if _, known := rosterKey(key); known {
			lists[key] = list
		}
		return nil
	})
	if err == nil && len(lists) == 0 {
		return l.people("", text, ForeignMember{})
	}
	for _, key := range slices.Sorted(maps.Keys(lists)) {
		usual, _ := rosterKey(key)
		if err == nil {
			err = l.people(key, lists[key], usual)
		}
	}
	return err
}

// rosterKey says what those are who stand below a key of a roster; false for all else that programs keep there.
func rosterKey(key string) (usual ForeignMember, known bool) {
	switch strings.ToLower(key) {
	case "members", "users", "roster", "subscribers":
		return ForeignMember{}, true
	case "banned", "bans", "blocked":
		return ForeignMember{Banned: true}, true
	case "admins", "admin":
		return ForeignMember{Role: moderation.RoleAdmin}, true
	case "mods", "moderators":
		return ForeignMember{Role: moderation.RoleModerator}, true
	}
	return ForeignMember{}, false
}

// eachIn calls f for each element of a list, with an empty key, or of an object, of maxParts at most.
func eachIn(text []byte, f func(key string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil || open != json.Delim('[') && open != json.Delim('{') {
		return err
	}
	for n := 0; d.More(); n++ {
		if n == maxParts {
			return fmt.Errorf("has more than %d parts: that is no list of members", maxParts)
		}
		key := ""
		if open == json.Delim('{') {
			token, err := d.Token()
			if err != nil {
				return err
			}
			key, _ = token.(string)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

// people reads a list of people, or an object of them by hash. It ends where there are too many.
func (l *ForeignList) people(where string, text []byte, usual ForeignMember) error {
	usual.Mode = DeliverRelay
	list, n := text[0] == '[', 0
	err := eachIn(text, func(key string, one json.RawMessage) error {
		at := where + "." + cutRunes(key, 40)
		if list {
			at = fmt.Sprintf("%s[%d]", where, n)
			n++
		} else if _, hash := ParseAnyHash(key); !hash && where == "" {
			return nil
		}
		if len(l.Members) > maxForeign {
			return errEnough
		}
		if len(one) > maxForeignLine {
			l.skip("%s: more than %d bytes", strings.TrimPrefix(at, "."), maxForeignLine)
			return nil
		}
		var v any
		if err := json.Unmarshal(one, &v); err != nil {
			return err
		}
		l.person(at, key, v, usual)
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends the reading of a list that is too long.
var errEnough = errors.New("enough")

// person reads one.
func (l *ForeignList) person(where, key string, v any, m ForeignMember) {
	fields, _ := v.(map[string]any)
	switch v := v.(type) {
	case string:
		if key == "" {
			key = v // a list of hashes
		} else {
			m.Name = v
		}
	case bool:
		if !v {
			return
		}
	}
	text := func(names ...string) string {
		for _, name := range names {
			if s, ok := fields[name].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	is := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { yes, _ := fields[name].(bool); return yes })
	}
	target, ok := ParseAnyHash(key)
	if named := text("hash", "address", "destination_hash", "destination", "dest", "lxmf_address", "lxmf", "identity_hash", "identity", "id"); named != "" {
		target, ok = ParseAnyHash(named)
	}
	if !ok {
		l.skip("%s: no address of 32 hex digits", strings.TrimPrefix(where, "."))
		return
	}
	m.Target = target
	if name := text("nick", "nickname", "name", "display_name"); name != "" {
		m.Name = name
	}
	m.Reason = text("reason", "ban_reason")
	role := strings.ToLower(text("role", "usermode", "mode", "level", "type"))
	switch {
	case m.Banned || is("banned", "is_banned", "blocked") || role == "banned" || role == "blocked":
		m.Banned = true
	case m.Role == moderation.RoleAdmin || is("admin", "is_admin") || role == "admin" || role == "owner":
		m.Role = moderation.RoleAdmin
	case m.Role == moderation.RoleModerator || is("mod", "is_mod", "moderator") || role == "mod" || role == "moderator":
		m.Role = moderation.RoleModerator
	case role == "" || role == "user" || role == "member" || role == "guest":
		m.Role = moderation.RoleMember
	default:
		l.skip("%s: the role %q, which is not known here: taken as a member", strings.TrimPrefix(where, "."), cutRunes(role, 20))
		m.Role = moderation.RoleMember
	}
	m.Paused, m.TextOnly = is("paused", "is_paused"), is("text_only", "textonly")
	l.Members = append(l.Members, m)
}

// merge makes one of several mentions of somebody, by identity or by address: banned before everything, the highest role, any name.
func (l *ForeignList) merge() {
	named := make(map[AnyHash]bool)
	for _, m := range l.Members {
		named[m.Target] = true
	}
	at := make(map[AnyHash]int)
	var out []ForeignMember
	for _, m := range l.Members {
		who := m.Target
		if address := AnyHash(AddressOf(IdentityHash(who))); named[address] {
			who = address
		}
		i, had := at[who]
		if !had {
			at[who] = len(out)
			out = append(out, m)
			continue
		}
		o := &out[i]
		o.Banned, o.Role = o.Banned || m.Banned, max(o.Role, m.Role)
		o.Paused, o.TextOnly = o.Paused || m.Paused, o.TextOnly || m.TextOnly
		if o.Name == "" {
			o.Name = m.Name
		}
		if o.Reason == "" {
			o.Reason = m.Reason
		}
	}
	l.Members = out
}
