package words

import "groupd/group"

// Answer is what somebody has said to an invite to a group that is being formed, behind his name.
func Answer(s group.InviteeState) string {
	switch s {
	case group.InviteeAsked:
		return "has not answered yet"
	case group.InviteeAccepted:
		return "has accepted"
	case group.InviteeRefused:
		return "has declined"
	case group.InviteeSilent:
		return "did not answer in time"
	}
	return "is here no more"
}
