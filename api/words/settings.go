package words

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// Setting is one key of /settings: a field of moderation.Policy, or of the group's row.
type Setting struct {
	Key  string // as it is stored, and typed
	What string
	How  string // what can be set
}

// IsSwitch reports whether the setting is on or off, and nothing else.
func (k Setting) IsSwitch() bool { return k.How == howSwitch }

// Values that several settings take.
const (
	howSwitch = "on, off"
	howSpan   = "30s, 10m, 2h, 7d, off"
	howRole   = "member, moderator, admin, owner, default"
	howQuota  = "10/1h (ten in an hour), default"
	howBytes  = "500K, 10M, 1G, default (the server's)"
	howCount  = "a number, off"
	howBits   = "0 to 24 bits"
)

// Settings lists the keys in the order of /settings all.
func Settings() []Setting {
	return []Setting{
		{"joining", "who may join", "open, approve, invite, closed"},
		{"public", "strangers see names and topic, and may read where anybody joins", howSwitch},
		{"question", "asked of who wants to join", "one line, or off"},
		{"question_hold", "moderators decide about the answers, in open groups too", howSwitch},
		{"max_members", "most members", "a number, default (the server's)"},
		{"silent_after", "who is not heard for so long leaves", howSpan},
		{"probation", "how long one is a newcomer", howSpan},
		{"probation_posts", "posts of a newcomer", howQuota + " (10/1h)"},
		{"probation_links", "newcomers may post links", howSwitch},
		{"probation_files", "newcomers may post files", howSwitch},
		{"read_only", "only staff post", howSwitch},
		{"slow_mode", "time between two posts of one member", howSpan},
		{"edit_window", "how long a post can be edited", "30m, 2h, 7d, default (1d)"},
		{"invite_role", "from this rank on members invite", howRole + " (moderator)"},
		{"react_role", "from this rank on members react", howRole + " (member)"},
		{"attach_role", "from this rank on members add files", howRole + " (member)"},
		{"pin_role", "from this rank on members pin", howRole + " (moderator)"},
		{"clone_role", "from this rank on members clone the group, where the server lets people make groups", howRole + " (admin)"},
		{"history", "what of the timeline members see", "all, stay (since joining), last (the newest history_count)"},
		{"history_count", "entries that members see with history last", "a number, off"},
		{"member_posts", "posts of one member", howQuota + " (the server's)"},
		{"group_posts", "posts of all", howQuota + " (the server's)"},
		{"member_airtime", "seconds of airtime of one member's posts", howQuota + " (no limit)"},
		{"group_airtime", "seconds of airtime of all posts", howQuota + " (no limit)"},
		{"emergency_posts", "emergency posts of each who may", howQuota + " (3/1h)"},
		{"flood", "who tries to post more than this is muted", howQuota + " (150/1m)"},
		{"flood_mute", "for so long", "10m, 2h, default (10m)"},
		{"no_auto_mute", "nobody is muted by the server", howSwitch},
		{"lockdown_joins", "so many joining in an hour lock an open group", howCount},
		{"lockdown_bans", "so many bans and kicks in an hour lock an open group", howCount},
		{"lockdown_for", "how long that lasts", "30m, 2h, default (1h)"},
		{"join_cost", "work to join", howBits},
		{"post_cost", "work of messages, members have tickets", howBits},
		{"cost_ceiling", "to which both rise under a flood; below 8 they do not", "1 to 24 bits, default (16)"},
		{"reserved_names", "names that no member may have", "names with commas between, or off"},
		{"name_hold", "how long the name of one who left stays his", "7d, 90d, default (90d)"},
		{"fixed_names", "members keep the name they joined with", howSwitch},
		{"retain_count", "entries kept", howCount},
		{"retain_age", "how long entries are kept", howSpan},
		{"retain_bytes", "bytes of entries kept", "10M, 1G, off"},
		{"attach_bytes", "size of one attachment", howBytes},
		{"attach_member", "size of all attachments of one member", howBytes},
		{"attach_group", "size of all attachments", howBytes},
		{"announce", "what announces tell", "full, name, off, default (full, name of a private group)"},
		{"delivery", "how new members are told of posts", "fetch, notify, push, relay, digest, default (as fits how he joined)"},
		{"invite_to", "whom an invite may be for", "anyone, named (no codes), known (or by the whole address), met"},
		{"invite_span", "how long an invite holds, and at most", "30m, 6h, 7d, default (7d)"},
		{"establish", "a new group is formed by invites until its creator establishes it", howSwitch},
		{"fixed", "once it is established nobody new comes", howSwitch},
		{"relay_to_groups", "members that are groups themselves may be sent posts as messages", howSwitch},
		{"airtime_share", "percent of an interface's time for deliveries", "1 to 100, default (25)"},
		{"topic_role", "from this rank on members change the topic", howRole + " (admin)"},
		{"answer_role", "with read_only: from this rank on members answer posts", howRole + " (moderator)"},
		{"no_staff", "nobody has a rank; said when the group is made", howSwitch},
		{"no_removal", "nobody is kicked, banned or muted, nobody deletes another's posts", howSwitch},
		{"frozen", "settings and names never change again", "on"},
		{keyEnd, "when the group ends", HowMoment + ", off"},
		{"expire_keep", "how long it can be read then, before it is deleted", "2h, 7d, default (7d)"},
	}
}

// Part is settings that belong together.
type Part struct {
	Name string
	Keys []string
}

// Parts lists all settings by what they are about.
func Parts() []Part {
	return []Part{
		{"Joining", []string{"joining", "public", "question", "question_hold", "max_members", "silent_after", "join_cost", "post_cost", "cost_ceiling", "lockdown_joins", "lockdown_bans", "lockdown_for"}},
		{"Invites", []string{"invite_role", "invite_to", "invite_span", "establish", "fixed"}},
		{"Newcomers", []string{"probation", "probation_posts", "probation_links", "probation_files"}},
		{"Names", []string{"fixed_names", "reserved_names", "name_hold", "topic_role"}},
		{"Writing", []string{"read_only", "answer_role", "slow_mode", "edit_window", "react_role", "attach_role", "pin_role"}},
		{"How much", []string{"member_posts", "group_posts", "member_airtime", "group_airtime", "emergency_posts", "flood", "flood_mute", "no_auto_mute"}},
		{"History and files", []string{"history", "history_count", "retain_count", "retain_age", "retain_bytes", "attach_bytes", "attach_member", "attach_group"}},
		{"Sending", []string{"announce", "delivery", "relay_to_groups", "airtime_share"}},
		{"Who is in charge", []string{"no_staff", "no_removal", "frozen", "clone_role"}},
		{"The end", []string{keyEnd, "expire_keep"}},
	}
}

// PartOf is the part in which a key is.
func PartOf(key string) Part {
	list := Parts()
	at := slices.IndexFunc(list, func(p Part) bool { return slices.Contains(p.Keys, key) })
	if at < 0 {
		return Part{}
	}
	return list[at]
}

// SettingNamed finds a key as people type it: case, "-" and "_" do not matter.
func SettingNamed(word string) (Setting, bool) {
	for _, k := range Settings() {
		if PlainKey(k.Key) == PlainKey(word) {
			return k, true
		}
	}
	return Setting{}, false
}

// keyEnd is the key of the group's end.
const keyEnd = "expires_at"

// HowAt is How as it is now: where nobody knows what time it is, an end can not be counted from it.
func (k Setting) HowAt(now time.Time) string {
	if k.Key == keyEnd {
		return How(now) + ", off"
	}
	return k.How
}

// PlainKey is a key without what does not matter.
func PlainKey(word string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word))
}

// SettingInput is the change that sets a key to what was typed now (group.Hub.SureNow).
func SettingInput(k Setting, text string, now time.Time) (in group.SettingsInput, err error) {
	unset := isWord(text, "default", "off", "none", "-")
	switch k.Key {
	case "joining":
		j, ok := moderation.ParseJoining(text)
		if !ok {
			return in, ErrSettingValue
		}
		in.Joining = &j
	case "public":
		on, ok := Switch(text)
		if !ok {
			return in, ErrSettingValue
		}
		in.Public = &on
	default:
		var p moderation.Policy
		if f := policyField(&p, k.Key); !unset || isWord(text, "off") && reflect.TypeOf(moderation.AnnounceOff) == f.Type() {
			if err := parseSetting(f.Addr().Interface(), text, now); err != nil {
				return in, err
			}
		}
		in.Change = func(to *moderation.Policy) { policyField(to, k.Key).Set(policyField(&p, k.Key)) }
	}
	return in, nil
}

// ErrSettingValue refuses a value that is none of those that its key takes.
var ErrSettingValue = errors.New("no such value")

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

func IsDefault(p moderation.Policy, key string) bool {
	f := policyField(&p, key)
	return f.IsValid() && f.IsZero()
}

// parseSetting reads a value into the field of a policy that to points at.
func parseSetting(to any, text string, now time.Time) error {
	ok := false
	switch v := to.(type) {
	case *bool:
		*v, ok = Switch(text)
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
	case *moderation.Moment:
		*v, ok = Moment(text, now)
	case *moderation.History:
		*v, ok = parseChoice[moderation.History](text, historyWords())
	case *moderation.Announcing:
		*v, ok = parseChoice[moderation.Announcing](text, announceWords())
	case *moderation.Delivery:
		*v, ok = parseChoice[moderation.Delivery](text, deliveryWords())
	case *moderation.Invitees:
		*v, ok = parseChoice[moderation.Invitees](text, inviteeWords())
	}
	if !ok {
		return ErrSettingValue
	}
	return nil
}

// The words of settings that are one of several, by their numbers.
func inviteeWords() []string  { return []string{"anyone", "named", "known", "met"} }
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
	d, ok := Duration(strings.ReplaceAll(text, " ", ""))
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

// ShowSetting is a key's value as it can be typed: off, rather than default, where that is what the default is.
func ShowSetting(s group.Settings, key string) string {
	switch key {
	case "joining":
		return s.Joining.String()
	case "public":
		return OnOff(s.Public)
	}
	f := policyField(&s.Policy, key)
	switch v := f.Interface().(type) {
	case bool:
		return OnOff(v)
	case moderation.History:
		return historyWords()[min(int(v), len(historyWords())-1)]
	case moderation.Invitees:
		return inviteeWords()[min(int(v), len(inviteeWords())-1)]
	}
	if f.IsZero() {
		return showDefault(key)
	}
	switch v := f.Interface().(type) {
	case []string:
		return strings.Join(v, ", ")
	case uint64:
		return showBytes(v)
	case moderation.Seconds:
		return Span(v.Duration())
	case moderation.Quota:
		return fmt.Sprintf("%d/%s", v.Count, Span(v.Per.Duration()))
	case moderation.Role:
		return v.String()
	case moderation.Moment:
		return ShowMoment(v)
	case moderation.Announcing:
		return announceWords()[min(int(v), len(announceWords())-1)]
	case moderation.Delivery:
		return deliveryWords()[min(int(v), len(deliveryWords())-1)]
	}
	return fmt.Sprint(f.Interface())
}

// showDefault is the value that a key has which nobody has set.
func showDefault(key string) string {
	switch k, _ := SettingNamed(key); {
	case k.How == howBits:
		return "0"
	case strings.Contains(k.How, "off") && !strings.Contains(k.How, "default"):
		return "off"
	}
	return "default"
}

func OnOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Span is a time as it is typed: "1d12h".
func Span(d time.Duration) (s string) {
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
