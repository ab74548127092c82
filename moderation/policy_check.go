package moderation

import (
	"fmt"
	"reflect"
	"strings"
)

// Check finds what a Policy may not say: the setting's name as it is stored, and what is wrong with it; two empty strings when all is
// well.
func (p Policy) Check() (field, problem string) {
	if clean := CleanLine(p.Question); clean != p.Question || len(clean) > MaxQuestionBytes {
		return "question", fmt.Sprintf("one line of at most %d bytes", MaxQuestionBytes)
	}
	switch {
	case p.History >= historyKinds:
		return "history", "no such policy"
	case p.History == HistoryLast && p.HistoryCount == 0:
		return "history_count", "say how many"
	case p.Announce >= announceKinds:
		return "announce", "no such policy"
	case p.Delivery >= deliveryKinds:
		return "delivery", "no such mode"
	case p.InviteTo >= inviteeKinds:
		return "invite_to", "no such policy"
	case p.AirtimeShare > 100:
		return "airtime_share", "more than 100 percent"
	case len(p.ReservedNames) > MaxReservedNames:
		return "reserved_names", fmt.Sprintf("more than %d names", MaxReservedNames)
	}
	for _, name := range p.ReservedNames {
		if name == "" || CleanName(name) != name {
			return "reserved_names", "a name that nobody could have"
		}
	}
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if problem := checkSetting(v.Field(i).Interface()); problem != "" {
			return settingName(v.Type().Field(i)), problem
		}
	}
	return "", ""
}

// Contradiction finds settings that can not go together, as Check tells what is wrong; joining is who may join.
func (p Policy) Contradiction(joining Joining) (field, problem string) {
	switch {
	case p.NoRemoval && p.SilentAfter > 0:
		return "silent_after", "nobody can be removed from this group"
	case !p.NoStaff:
		return "", ""
	case joining == JoiningApprove:
		return "joining", "nobody could approve in a group without staff"
	case p.ReadOnly:
		return "read_only", "nobody could write in a group without staff"
	case p.QuestionHold:
		return "question_hold", "nobody could decide in a group without staff"
	case p.LockdownJoins > 0:
		return "lockdown_joins", "nobody could approve in a group without staff"
	case p.LockdownBans > 0:
		return "lockdown_bans", "nobody could approve in a group without staff"
	}
	return "", ""
}

// checkSetting says what is wrong with a value for its kind alone.
func checkSetting(value any) string {
	const longest = "longer than ten years"
	switch s := value.(type) {
	case Seconds:
		if s.Duration() > MaxSpan {
			return longest
		}
	case Quota:
		switch {
		case (s.Count == 0) != (s.Per == 0):
			return "needs both a number and a time"
		case s.Count > MaxCount:
			return fmt.Sprintf("more than %d", MaxCount)
		case s.Per.Duration() > MaxSpan:
			return longest
		}
	case Work:
		if s > MaxStampCost {
			return fmt.Sprintf("more than %d bits of work", MaxStampCost)
		}
	case Moment:
		if s > MaxMoment {
			return "no such date"
		}
	case Role:
		if s > RoleOwner {
			return "no such role"
		}
	}
	return ""
}

// settingName is the name under which a field is stored.
func settingName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// Changes tells for the log what another policy has different: "slow_mode 30, read_only true".
func (p Policy) Changes(to Policy) string {
	var list []string
	before, after := reflect.ValueOf(p), reflect.ValueOf(to)
	for i := range before.NumField() {
		if !reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
			list = append(list, fmt.Sprintf("%s %v", settingName(before.Type().Field(i)), after.Field(i)))
		}
	}
	return strings.Join(list, ", ")
}
