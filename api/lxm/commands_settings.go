package lxm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"groupd/api/words"
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
	k, ok := words.SettingNamed(word)
	if !ok {
		return whole(textNoSuchSetting(word, nearestSetting(word))), nil
	}
	if rest = strings.TrimSpace(strings.TrimPrefix(rest, "=")); rest == "" {
		return whole(textSetting(k, words.ShowSetting(s, k.Key), true)), nil
	}
	now := t.s.hub.SureNow()
	in, err := words.SettingInput(k, rest, now)
	if err != nil {
		return whole(textBadSetting(k, rest, now, err)), nil
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
	return whole(textSetting(k, words.ShowSetting(s, k.Key), false)), nil
}

// listSettings is a page of the keys with their values: all, or those that are not the defaults.
func (t *turn) listSettings(s group.Settings, all bool, page int) []string {
	var lines []string
	if s.Preset != "" {
		lines = append(lines, textMadeAs(s.Preset))
	}
	for _, k := range words.Settings() {
		if !all && words.IsDefault(s.Policy, k.Key) {
			continue
		}
		lines = append(lines, k.Key+": "+words.ShowSetting(s, k.Key))
	}
	if all {
		return paged(lines, page, "/settings all")
	}
	return paged(append(lines, textSettingsHow()), page, "/settings")
}

// nearestSetting is the key that somebody may have meant, "" for none.
func nearestSetting(word string) string {
	best, found := 4, ""
	for _, k := range words.Settings() {
		plain := words.PlainKey(k.Key)
		if limit := min(best-1, max(1, len(plain)/3)); distance(words.PlainKey(word), plain, limit) <= limit {
			best, found = distance(words.PlainKey(word), plain, limit), k.Key
		} else if found == "" && len(word) >= 3 && strings.HasPrefix(plain, words.PlainKey(word)) {
			found = k.Key
		}
	}
	return found
}

// --- words ---

func textSettingsHow() string {
	return "All else is as usual. Every key: /settings all. To change one: /settings KEY VALUE"
}

func textSetting(k words.Setting, value string, explain bool) string {
	text := k.Key + ": " + value
	if explain {
		text += "\n" + words.Sentence(k.What) + "\nCan be: " + k.How
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

func textBadSetting(k words.Setting, typed string, now time.Time, err error) string {
	return fmt.Sprintf("%s can not be %q: %v. It can be: %s", k.Key, brief(moderation.CleanLine(typed), 40), err, k.HowAt(now))
}
