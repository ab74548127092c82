package moderation

import (
	"slices"
	"strings"
)

// NamelessGroup is what strangers see of a group that hides its name.
const NamelessGroup = "Private Group"

// Preset is a kind of group that people know: what one word stands for when a group is created. The word is kept and shown; every rule
// hangs on the settings, so that a group made by hand with the same ones behaves the same.
type Preset struct {
	Word       string
	Text       string // what kind of group it is, for people: one sentence
	Public     bool
	Joining    Joining
	PublicName string // the public name where none is given; "": one has to be
	Policy     Policy
	NeedsEnd   bool // Policy.ExpiresAt has to be given
}

// Presets lists them in the order in which people are shown them.
func Presets() []Preset {
	return []Preset{
		{
			Word: "public", Text: "An open room: anybody finds it, joins and writes; moderators keep order.",
			Public: true, Joining: JoiningOpen,
		},
		{
			Word: "private", Text: "Who joins is let in by a moderator; the group's name is for members only.",
			Joining: JoiningApprove, PublicName: NamelessGroup,
		},
		{
			Word: "announcements", Text: "A few write, everybody reads and reacts.",
			Public: true, Joining: JoiningOpen, Policy: Policy{ReadOnly: true},
		},
		{
			Word: "equal", Text: "Nobody is in charge: any member invites and changes the topic, nobody can be removed, nothing is announced, the settings never change.",
			Joining: JoiningInvite, PublicName: NamelessGroup,
			Policy: Policy{
				InviteRole: RoleMember, PinRole: RoleMember, TopicRole: RoleMember, CloneRole: RoleMember,
				NoStaff: true, NoRemoval: true, Frozen: true, Announce: AnnounceOff,
			},
		},
		{
			Word: "circle", Text: "At most ten who know each other: whom its creator invites has six hours to answer; then it is established, and stays as it is.",
			Joining: JoiningInvite, PublicName: NamelessGroup,
			Policy: Policy{MaxMembers: 10, InviteTo: InviteKnown, InviteSpan: 6 * 60 * 60, Establish: true, Fixed: true, RetainCount: 100, Announce: AnnounceOff},
		},
		{
			Word: "event", Text: "A group for a while: on its day it ends, can be read a little longer, and is deleted.",
			Public: true, Joining: JoiningOpen, NeedsEnd: true,
		},
	}
}

// PresetNamed finds one by its word; case does not matter.
func PresetNamed(word string) (Preset, bool) {
	for _, p := range Presets() {
		if strings.EqualFold(strings.TrimSpace(word), p.Word) {
			return p, true
		}
	}
	return Preset{}, false
}

// PresetWords lists the words.
func PresetWords() []string {
	var words []string
	for _, p := range Presets() {
		words = append(words, p.Word)
	}
	return slices.Clip(words)
}
