package lxm

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"groupd/api/signed"
	"groupd/group"
	"groupd/moderation"
)

// groupCommands are about the group itself.
func groupCommands() []command {
	return []command{
		{name: "groupname", aliases: []string{"rename"}, args: "NAME", short: "rename the group", needs: moderation.PermName,
			long: "Changes the name that members see; in a public group everybody. /groupname public NAME changes what strangers see.", run: (*turn).groupName},
		{name: "audit", aliases: []string{"log"}, args: "[WHO or action] [<number]", short: "what moderators did", needs: moderation.PermAudit,
			long: "The log of moderation, the newest first; /audit WHO what one did or what was done to him, /audit kick all kicks, /audit <35 those before line 35.", run: (*turn).audit},
		{name: "settings", aliases: []string{"setting", "set"}, args: "[key [value]]", short: "how the group behaves",
			long: "What is set otherwise than usual; /settings all: every key; /settings KEY: one. With the permission settings: /settings KEY VALUE, or default.",
			run:  (*turn).settings},
	}
}

// setting is one key of /settings: a field of moderation.Policy, or of the group's row.
type setting struct {
	key  string // as it is stored, and typed
	what string
	how  string // what can be set
}

// Values that several settings take.
const (
	howSwitch = "on, off"
	howSpan   = "30s, 10m, 2h, 7d, off"
	howRole   = "member, moderator, admin, owner, default"
	howQuota  = "10/1h (ten in an hour), default"
	howBytes  = "500K, 10M, 1G, default"
	howCount  = "a number, off"
	howBits   = "0 to 24 bits"
)

// settingTable lists the keys in the order of /settings all.
func settingTable() []setting {
	return []setting{
		{"joining", "who may join", "open, approve, invite, closed"},
		{"public", "strangers see names and topic, and may read where anybody joins", howSwitch},
		{"question", "asked of who wants to join", "one line, or off"},
		{"question_hold", "moderators decide about the answers, in open groups too", howSwitch},
		{"max_members", "most members", "a number, default"},
		{"silent_after", "who is not heard for so long leaves", howSpan},
		{"probation", "how long one is a newcomer", howSpan},
		{"probation_posts", "posts of a newcomer", howQuota},
		{"probation_links", "newcomers may post links", howSwitch},
		{"probation_files", "newcomers may post files", howSwitch},
		{"read_only", "only staff post", howSwitch},
		{"slow_mode", "time between two posts of one member", howSpan},
		{"edit_window", "how long a post can be edited", "30m, 2h, 7d, default"},
		{"invite_role", "from this rank on members invite", howRole},
		{"react_role", "from this rank on members react", howRole},
		{"attach_role", "from this rank on members add files", howRole},
		{"pin_role", "from this rank on members pin", howRole},
		{"history", "what of the timeline members see", "all, stay (since joining), last (the newest history_count)"},
		{"history_count", "entries that members see with history last", "a number, off"},
		{"member_posts", "posts of one member", howQuota},
		{"group_posts", "posts of all", howQuota},
		{"member_airtime", "seconds of airtime of one member's posts", howQuota},
		{"group_airtime", "seconds of airtime of all posts", howQuota},
		{"emergency_posts", "emergency posts of each who may", howQuota},
		{"flood", "who tries to post more than this is muted", howQuota},
		{"flood_mute", "for so long", "10m, 2h, default"},
		{"no_auto_mute", "nobody is muted by the server", howSwitch},
		{"lockdown_joins", "so many joining in an hour lock an open group", howCount},
		{"lockdown_bans", "so many bans and kicks in an hour lock an open group", howCount},
		{"lockdown_for", "how long that lasts", "30m, 2h, default"},
		{"join_cost", "work to join", howBits},
		{"post_cost", "work of messages, members have tickets", howBits},
		{"cost_ceiling", "to which both rise under a flood; below 8 they do not", howBits},
		{"reserved_names", "names that no member may have", "names with commas between, or off"},
		{"name_hold", "how long the name of one who left stays his", "7d, 90d, default"},
		{"fixed_names", "members keep the name they joined with", howSwitch},
		{"retain_count", "entries kept", howCount},
		{"retain_age", "how long entries are kept", howSpan},
		{"retain_bytes", "bytes of entries kept", "10M, 1G, off"},
		{"attach_bytes", "size of one attachment", howBytes},
		{"attach_member", "size of all attachments of one member", howBytes},
		{"attach_group", "size of all attachments", howBytes},
		{"announce", "what announces tell", "full, name, off, default"},
		{"delivery", "how new members are told of posts", "fetch, notify, push, relay, digest, default"},
		{"relay_to_groups", "members that are groups themselves may be sent posts as messages", howSwitch},
		{"airtime_share", "percent of an interface's time for deliveries", "1 to 100, default"},
	}
}

// settings shows how the group behaves, or changes one key.
func (t *turn) settings(args string) ([]string, error) {
	s, err := t.s.hub.Settings(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	word, rest := firstWord(args)
	if n, ok := parseNumber(word); ok || word == "" {
		return t.listSettings(s, false, n), nil
	}
	if strings.EqualFold(word, "all") {
		page, _ := parseNumber(rest)
		return t.listSettings(s, true, page), nil
	}
	k, ok := settingNamed(word)
	if !ok {
		return whole(textNoSuchSetting(word, nearestSetting(word))), nil
	}
	if rest = strings.TrimSpace(strings.TrimPrefix(rest, "=")); rest == "" {
		return whole(textSetting(k, showSetting(s, k.key), true)), nil
	}
	in, err := settingInput(k, rest)
	if err != nil {
		return whole(textBadSetting(k, rest, err)), nil
	}
	if _, err := t.s.hub.UpdateSettings(t.ctx, t.command(), t.s.group, in); err != nil {
		if refused := new(group.Error); errors.As(err, &refused) && refused.Kind == group.KindInvalid && refused.Field != "" {
			refused.Msg, refused.Field = refused.Field+": "+refused.Msg, "" // the key as it is typed
		}
		return nil, err
	}
	if s, err = t.s.hub.Settings(t.ctx, t.caller, t.s.group); err != nil {
		return nil, err
	}
	return whole(textSetting(k, showSetting(s, k.key), false)), nil
}

// listSettings is a page of the keys with their values: all, or those that are not the defaults.
func (t *turn) listSettings(s group.Settings, all bool, page int) []string {
	var lines []string
	for _, k := range settingTable() {
		if !all && isDefault(s.Policy, k.key) {
			continue
		}
		lines = append(lines, k.key+": "+showSetting(s, k.key))
	}
	if all {
		return paged(lines, page, "/settings all")
	}
	return paged(append(lines, textSettingsHow()), page, "/settings")
}

// settingNamed finds a key as people type it: case, "-" and "_" do not matter.
func settingNamed(word string) (setting, bool) {
	for _, k := range settingTable() {
		if plainKey(k.key) == plainKey(word) {
			return k, true
		}
	}
	return setting{}, false
}

func plainKey(word string) string {
	plain, _ := signed.Split("/" + word)
	return plain
}

// nearestSetting is the key that somebody may have meant, "" for none.
func nearestSetting(word string) string {
	best, found := 4, ""
	for _, k := range settingTable() {
		plain := plainKey(k.key)
		if limit := min(best-1, max(1, len(plain)/3)); distance(plainKey(word), plain, limit) <= limit {
			best, found = distance(plainKey(word), plain, limit), k.key
		} else if found == "" && len(word) >= 3 && strings.HasPrefix(plain, plainKey(word)) {
			found = k.key
		}
	}
	return found
}

// settingInput is the change that sets a key to what was typed.
func settingInput(k setting, text string) (in group.SettingsInput, err error) {
	unset := isWord(text, "default", "off", "none", "-")
	switch k.key {
	case "joining":
		j, ok := moderation.ParseJoining(text)
		if !ok {
			return in, errSettingValue
		}
		in.Joining = &j
	case "public":
		on, ok := parseSwitch(text)
		if !ok {
			return in, errSettingValue
		}
		in.Public = &on
	default:
		var p moderation.Policy
		if f := policyField(&p, k.key); !unset || isWord(text, "off") && reflect.TypeOf(moderation.AnnounceOff) == f.Type() {
			if err := parseSetting(f.Addr().Interface(), text); err != nil {
				return in, err
			}
		}
		in.Change = func(to *moderation.Policy) { policyField(to, k.key).Set(policyField(&p, k.key)) }
	}
	return in, nil
}

// errSettingValue refuses a value that is none of those that its key takes.
var errSettingValue = errors.New("no such value")

// policyField is the field of a policy that is stored under a key, the zero Value for none.
func policyField(p *moderation.Policy, key string) reflect.Value {
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name == key {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func isDefault(p moderation.Policy, key string) bool {
	f := policyField(&p, key)
	return f.IsValid() && f.IsZero()
}

// parseSetting reads a value into the field of a policy that to points at.
func parseSetting(to any, text string) error {
	ok := false
	switch v := to.(type) {
	case *bool:
		*v, ok = parseSwitch(text)
	case *string:
		*v, ok = text, true
	case *[]string:
		for name := range strings.SplitSeq(text, ",") {
			*v = append(*v, strings.TrimSpace(name))
		}
		ok = true
	case *uint8:
		ok = parseUint(v, strings.TrimSuffix(text, "%"), 8)
	case *moderation.Work:
		ok = parseUint(v, text, 8)
	case *uint32:
		ok = parseUint(v, text, 32)
	case *uint64:
		*v, ok = parseBytes(text)
	case *moderation.Seconds:
		*v, ok = parseSeconds(text)
	case *moderation.Quota:
		*v, ok = parseQuota(text)
	case *moderation.Role:
		*v, ok = moderation.ParseRole(text)
	case *moderation.History:
		*v, ok = parseChoice[moderation.History](text, historyWords())
	case *moderation.Announcing:
		*v, ok = parseChoice[moderation.Announcing](text, announceWords())
	case *moderation.Delivery:
		*v, ok = parseChoice[moderation.Delivery](text, deliveryWords())
	}
	if !ok {
		return errSettingValue
	}
	return nil
}

// The words of settings that are one of several, by their numbers.
func historyWords() []string  { return []string{"all", "stay", "last"} }
func announceWords() []string { return []string{"default", "full", "name", "off"} }
func deliveryWords() []string {
	return []string{"default", "fetch", "notify", "push", "relay", "digest"}
}

func parseChoice[T ~uint8](text string, words []string) (T, bool) {
	for i, w := range words {
		if isWord(text, w) {
			return T(i), true
		}
	}
	return 0, false
}

func isWord(text string, words ...string) bool {
	for _, w := range words {
		if strings.EqualFold(text, w) {
			return true
		}
	}
	return false
}

func parseUint[T ~uint8 | ~uint32](to *T, text string, bits int) bool {
	n, err := strconv.ParseUint(text, 10, bits)
	*to = T(n)
	return err == nil
}

// parseBytes reads "500K", "10 MB", "1G" or a number of bytes.
func parseBytes(text string) (uint64, bool) {
	text = strings.TrimSuffix(strings.ToUpper(strings.ReplaceAll(text, " ", "")), "B")
	shift := 0
	for i, unit := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(text, unit); ok {
			text, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(text, 10, 63-shift)
	return n << shift, err == nil
}

func parseSeconds(text string) (moderation.Seconds, bool) {
	d, ok := parseDuration(strings.ReplaceAll(text, " ", ""))
	return moderation.Seconds(min(d, moderation.MaxSpan+time.Second) / time.Second), ok
}

// parseQuota reads "10/1h", "10 per 1h" or "10 1h".
func parseQuota(text string) (q moderation.Quota, ok bool) {
	count, per, _ := strings.Cut(strings.Join(strings.Fields(strings.NewReplacer("/", " ", " per ", " ", " in ", " ").Replace(strings.ToLower(text))), " "), " ")
	if !parseUint(&q.Count, count, 32) {
		return q, false
	}
	q.Per, ok = parseSeconds(per)
	return q, ok && q.Count > 0
}

// showSetting is a key's value as it can be typed.
func showSetting(s group.Settings, key string) string {
	switch key {
	case "joining":
		return s.Joining.String()
	case "public":
		return showSwitch(s.Public)
	}
	f := policyField(&s.Policy, key)
	switch v := f.Interface().(type) {
	case bool:
		return showSwitch(v)
	case moderation.History:
		return historyWords()[min(int(v), len(historyWords())-1)]
	}
	if f.IsZero() {
		return "default"
	}
	switch v := f.Interface().(type) {
	case []string:
		return strings.Join(v, ", ")
	case uint64:
		return showBytes(v)
	case moderation.Seconds:
		return showSpan(v.Duration())
	case moderation.Quota:
		return fmt.Sprintf("%d/%s", v.Count, showSpan(v.Per.Duration()))
	case moderation.Role:
		return v.String()
	case moderation.Announcing:
		return announceWords()[min(int(v), len(announceWords())-1)]
	case moderation.Delivery:
		return deliveryWords()[min(int(v), len(deliveryWords())-1)]
	}
	return fmt.Sprint(f.Interface())
}

func showSwitch(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// showSpan is a time as it is typed: "1d12h".
func showSpan(d time.Duration) (s string) {
	for _, u := range []struct {
		unit time.Duration
		word string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.unit; n > 0 {
			s += fmt.Sprintf("%d%s", n, u.word)
			d -= n * u.unit
		}
	}
	return s
}

// showBytes is a size as it is typed, exactly.
func showBytes(n uint64) string {
	for i, unit := range []string{"G", "M", "K"} {
		if shift := 30 - 10*i; n>>shift<<shift == n {
			return fmt.Sprintf("%d%s", n>>shift, unit)
		}
	}
	return fmt.Sprint(n)
}

// --- words ---

func textSettingsHow() string {
	return "All else is as usual. Every key: /settings all. To change one: /settings KEY VALUE"
}

func textSetting(k setting, value string, explain bool) string {
	text := k.key + ": " + value
	if explain {
		text += "\n" + sentence(k.what) + "\nCan be: " + k.how
	}
	return text
}

func textNoSuchSetting(typed, near string) string {
	text := fmt.Sprintf("There is no setting %q.", brief(moderation.CleanLine(typed), 30))
	if near != "" {
		text += fmt.Sprintf(" Did you mean %s?", near)
	}
	return text + " Every key: /settings all"
}

func textBadSetting(k setting, typed string, err error) string {
	return fmt.Sprintf("%s can not be %q: %v. It can be: %s", k.key, brief(moderation.CleanLine(typed), 40), err, k.how)
}
