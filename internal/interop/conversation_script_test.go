package interop

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	groupdv1 "groupd/proto/groupd/v1"
)

// kindsOf is which messages a path takes and gives.
func kindsOf() map[string][2]string {
	return map[string][2]string{
		"/info": {"InfoRequest", "InfoReply"}, "/disclosure": {"DisclosureRequest", "DisclosureReply"}, "/directory": {"DirectoryRequest", "DirectoryReply"}, "/batch": {"BatchRequest", "BatchReply"},
		"/claim": {"ClaimRequest", "JoinReply"}, "/join": {"JoinRequest", "JoinReply"}, "/leave": {"LeaveRequest", "Ack"},
		"/messages": {"MessagesRequest", "MessagesReply"}, "/messages/send": {"SendRequest", "SendReply"}, "/messages/edit": {"EditRequest", "SendReply"},
		"/messages/search": {"SearchRequest", "MessagesReply"}, "/messages/proof": {"ProofRequest", "ProofReply"},
		"/messages/react": {"ReactRequest", "ReactReply"}, "/messages/pin": {"PinRequest", "PinReply"}, "/messages/report": {"ReportRequest", "Ack"},
		"/messages/delete": {"DeleteRequest", "DeleteReply"}, "/reports": {"ReportsRequest", "ReportsReply"}, "/reports/settle": {"SettleReportsRequest", "Ack"},
		"/members": {"MembersRequest", "MembersReply"}, "/members/kick": {"KickRequest", "Ack"}, "/members/ban": {"BanRequest", "Ack"},
		"/members/unban": {"UnbanRequest", "Ack"}, "/members/mute": {"MuteRequest", "Ack"}, "/members/unmute": {"UnmuteRequest", "Ack"},
		"/members/requests": {"WaitingRequest", "WaitingReply"}, "/members/approve": {"ApproveRequest", "Ack"}, "/members/reject": {"RejectRequest", "Ack"},
		"/members/permissions/update": {"PermissionsRequest", "PermissionsReply"}, "/display-name/update": {"DisplayNameRequest", "Ack"},
		"/topic/update": {"TopicRequest", "Ack"}, "/profile/update": {"ProfileRequest", "ProfileReply"}, "/settings": {"SettingsRequest", "SettingsReply"},
		"/settings/update": {"SettingsUpdateRequest", "Ack"}, "/lockdown": {"LockdownRequest", "Ack"}, "/subscribe": {"SubscribeRequest", "SubscribeReply"},
		"/notifications/update": {"NotificationsRequest", "NotificationsReply"}, "/messages/attachment": {"AttachmentRequest", "AttachmentReply"},
		"/members/transfer": {"TransferRequest", "Ack"}, "/bans": {"BansRequest", "BansReply"}, "/audit": {"AuditRequest", "AuditReply"},
		"/invites/create": {"InviteRequest", "InviteReply"}, "/invites/list": {"InvitesRequest", "InvitesReply"},
		"/invites/decline": {"DeclineInviteRequest", "Ack"}, "/circle": {"CircleRequest", "CircleReply"}, "/circle/establish": {"EstablishRequest", "Ack"}, "/keys": {"KeysRequest", "KeysReply"},
		"/invites/revoke": {"RevokeInviteRequest", "Ack"}, "/invites/block": {"BlockInvitesRequest", "Ack"}, "/forget": {"ForgetRequest", "Ack"},
		"/groups": {"GroupsRequest", "GroupsReply"}, "/groups/create": {"CreateGroupRequest", "GroupReply"}, "/groups/clone": {"CloneGroupRequest", "GroupReply"},
		"/groups/delete": {"DeleteGroupRequest", "Ack"},
	}
}

// script is the conversation.
func script() []scene {
	return []scene{
		{"Ada claims the group and sets it up.", []step{
			{who: "Ada", ask: "/claim", body: obj{"code": "{$claim}", "name": "Ada"}},
			{who: "Ada", ask: "/settings/update", body: obj{"joining": "OPEN", "policy": obj{"member_posts": obj{"count": 1000, "per": 60}, "cost_ceiling": 1, "lockdown_joins": 0}}},
		}},
		{"All join, by whatever they have.", arrivals()},
		{"Ada shares the work.", []step{
			{who: "Ada", ask: "/members/permissions/update", body: obj{"who": named("Fay"), "role": "ROLE_ADMIN"}, seen: map[string]sight{"Dan": happened(groupdv1.Kind_ROLE, "Fay", "admin")}},
			{who: "Ada", ask: "/members/permissions/update", body: obj{"who": named("Dan"), "role": "ROLE_MODERATOR"}, seen: map[string]sight{"Kim": happened(groupdv1.Kind_ROLE, "Dan", "moderator")}},
		}},
		{"Everybody says something.", []step{
			{who: "Ben", ask: "/messages/send", body: obj{"message": "ben was here"}, seen: map[string]sight{"Dan": posted("ben was here"), "Kim": posted("ben was here"), "Lee": posted("ben was here"), "Hal": heard("Ben: ben was here")}},
			{who: "Cy", ask: "/messages/send", body: obj{"message": "cy was here"}, seen: map[string]sight{"Eve": posted("cy was here")}},
			{who: "Eve", ask: "/messages/send", body: obj{"message": "eve was here"}, seen: map[string]sight{"Ben": posted("eve was here"), "Ida": heard("Eve: eve was here")}},
			{who: "Kim", ask: "/messages/send", body: obj{"message": "kim was here"}, seen: map[string]sight{"Lee": posted("kim was here"), "Jon": heard("Kim: kim was here")}},
			{who: "Lee", ask: "/messages/send", body: obj{"message": "lee was here"}, seen: map[string]sight{"Kim": posted("lee was here")}},
			{who: "Fay", say: "/role Gus moderator", words: "Gus is moderator now", seen: map[string]sight{"Eve": happened(groupdv1.Kind_ROLE, "Gus", "moderator")}},
			{who: "Fay", say: "fay was here", seen: map[string]sight{"Ben": posted("fay was here"), "Ida": heard("Fay: fay was here")}},
			{who: "Gus", say: "gus sells antennas", seen: map[string]sight{"Dan": posted("gus sells antennas")}},
			{who: "Hal", say: "hal was here", seen: map[string]sight{"Kim": posted("hal was here"), "Fay": heard("Hal: hal was here")}},
			{who: "Ida", say: "ida was here", seen: map[string]sight{"Lee": posted("ida was here"), "Gus": heard("Ida: ida was here")}},
			{who: "Jon", say: "jon was here", seen: map[string]sight{"Cy": posted("jon was here")}},
		}},
		{"Posts are edited, answered, pinned, reported, by request.", requestsAboutPosts()},
		{"The moderators hear of it.", []step{
			{who: "Dan", ask: "/reports", check: func(_ *talk, a obj) error { return holds(a, "spam from Cy", "reports") }, seen: map[string]sight{"Fay": heard("Cy reports #")}},
			{who: "Dan", ask: "/reports/settle", body: obj{"seq": "{gus sells antennas}", "note": "harmless"}, seen: map[string]sight{"Ada": asking("/reports", nil, func(a obj) bool { return a["total"] == nil })}},
		}},
		{"The group has its names and settings changed, by request.", []step{
			{who: "Ada", ask: "/display-name/update", body: obj{"public_name": "Valley Mesh"}, seen: map[string]sight{"Kim": happened(groupdv1.Kind_GROUP_NAME, "", "Valley Mesh")}},
			{who: "Ada", ask: "/topic/update", body: obj{"topic": "bridge and ferry"}, seen: map[string]sight{"Lee": happened(groupdv1.Kind_TOPIC, "", "bridge and ferry"), "Kim": state("the topic", func(g *groupdv1.GroupState) bool { return g.GetTopic() == "bridge and ferry" })}},
			{who: "Ada", ask: "/settings/update", body: obj{"policy": obj{"read_only": true}}, seen: map[string]sight{"Cy": state("a group to read", (*groupdv1.GroupState).GetReadOnly)}},
			{who: "Ben", ask: "/profile/update", body: obj{"name": "Benjamin", "status_text": "on the ridge"}, seen: map[string]sight{
				"Eve": happened(groupdv1.Kind_MEMBER_NAME, "Benjamin", "Benjamin"),
				"Kim": memberIs("Benjamin's status", func(m *groupdv1.Member) bool { return m.GetName() == "Benjamin" && m.GetStatusText() == "on the ridge" }),
			}},
		}},
		{"While it is read-only, only staff write.", []step{
			{who: "Eve", ask: "/messages/send", body: obj{"message": "am I muted?"}, code: "DENIED"},
			{who: "Jon", say: "am I muted, too?", words: "Not posted"},
			{who: "Dan", ask: "/messages/send", body: obj{"message": "staff may"}, seen: map[string]sight{"Jon": heard("Dan: staff may")}},
			{who: "Cy", ask: "/settings", check: func(_ *talk, a obj) error { return holds(a, "true", "policy", "read_only") }},
		}},
		{"And then all write again.", []step{
			{who: "Ada", ask: "/settings/update", body: obj{"policy": obj{"read_only": false}}, seen: map[string]sight{"Cy": state("a group to write to", func(g *groupdv1.GroupState) bool { return !g.GetReadOnly() })}},
		}},
		{"Reading.", []step{
			{who: "Ben", ask: "/info", check: func(_ *talk, a obj) error {
				return errors.Join(holds(a, "Valley Mesh", "public_name"), holds(a, "13", "members"), holds(a, "bridge and ferry", "topic"))
			}},
			{who: "Cy", ask: "/disclosure", check: func(_ *talk, a obj) error { return holds(a, "Any member can see", "texts") }},
			{who: "Cy", ask: "/directory", check: func(_ *talk, a obj) error { // nobody else announces a group, and this one is not heard from outside
				if a["total"] != nil || a["groups"] != nil {
					return fmt.Errorf("the directory holds %v", a)
				}
				return nil
			}, seen: map[string]sight{"Lee": asking("/directory", obj{"text": "valley"}, func(a obj) bool { return a["groups"] == nil })}},
			{who: "Eve", ask: "/members", body: obj{"max_bytes": 9000}, check: func(_ *talk, a obj) error { return holds(a, "on the ridge", "members") }},
			{who: "Dan", ask: "/batch", body: obj{"items": []obj{{"path": "/topic/update", "json": `{"topic":"nodes"}`}, {"path": "/info", "json": "{}"}}, "max_bytes": 9000}, check: func(_ *talk, a obj) error {
				return errors.Join(holds(a, "DENIED", "items"), holds(a, "Valley Mesh", "items"))
			}},
			{who: "Kim", ask: "/messages", body: obj{"newest": 1}, check: func(_ *talk, a obj) error { return holds(a, "", "entries") }},
		}},
		{"Order is kept, by request.", []step{
			{who: "Ada", ask: "/members/mute", body: obj{"who": named("Jon"), "reason": "a cough", "duration_s": 3600}, seen: map[string]sight{"Jon": heard("and not write there for 1 h: A cough"), "Eve": happened(groupdv1.Kind_MUTE, "Jon", "a cough")}},
			{who: "Ada", ask: "/lockdown", body: obj{"on": true, "duration_s": 3600}, seen: map[string]sight{"Kim": happened(groupdv1.Kind_LOCKDOWN, "", "")}},
		}},
		{"Jon can not write, and who comes waits.", []step{
			{who: "Jon", say: "muffled", words: "Not posted"},
			{who: "Ned", say: "/join Ned it is me", words: "You asked to join", seen: map[string]sight{"Dan": asking("/members/requests", nil, listed("it is me"))}},
			{who: "Pia", say: "/join Pia", words: "You asked to join", seen: map[string]sight{"Dan": asking("/members/requests", nil, listed("Pia"))}},
			{who: "Ola", ask: "/join", body: obj{"name": "Ola"}, check: func(_ *talk, a obj) error { return holds(a, "PENDING", "standing", "code") }},
		}},
		{"Who waits is let in or not.", []step{
			{who: "Ada", ask: "/members/unmute", body: obj{"who": named("Jon")}, seen: map[string]sight{"Jon": heard("You can write to"), "Eve": happened(groupdv1.Kind_UNMUTE, "Jon", "")}},
			{who: "Ada", ask: "/lockdown", body: obj{"on": false}, seen: map[string]sight{"Kim": happened(groupdv1.Kind_LOCKDOWN, "", "off")}},
			{who: "Dan", ask: "/members/approve", body: obj{"who": named("Ned")}, seen: map[string]sight{"Ned": heard("Welcome to"), "Kim": happened(groupdv1.Kind_JOIN, "Ned", "")}},
			{who: "Dan", ask: "/members/reject", body: obj{"who": named("Pia"), "reason": "nobody knows you"}, seen: map[string]sight{"Pia": heard("declined: Nobody knows you")}},
			{who: "Ola", ask: "/leave", seen: map[string]sight{"Ada": asking("/members/requests", nil, func(a obj) bool { return !listed("Ola")(a) })}},
		}},
		{"Some have to go, by request.", []step{
			{who: "Dan", ask: "/members/kick", body: obj{"who": named("Ned"), "reason": "flooding", "duration_s": 600}, seen: map[string]sight{"Eve": happened(groupdv1.Kind_KICK, "Ned", "flooding"), "Ned": heard("You were removed from Valley Mesh for 10 min: Flooding")}},
			{who: "Dan", ask: "/members/unban", body: obj{"who": named("Ned")}, seen: map[string]sight{"Ben": happened(groupdv1.Kind_UNBAN, "Ned", "")}},
			{who: "Ada", ask: "/members/ban", body: obj{"who": named("Mal"), "reason": "advertising"}, seen: map[string]sight{"Kim": happened(groupdv1.Kind_BAN, "Mal", "advertising"), "Mal": heard("You were banned from Valley Mesh: Advertising")}},
			{who: "Ola", ask: "/join", body: obj{"name": "Ola"}, seen: map[string]sight{"Lee": happened(groupdv1.Kind_JOIN, "Ola", "")}},
			{who: "Ola", ask: "/leave", seen: map[string]sight{"Lee": happened(groupdv1.Kind_LEAVE, "Ola", "")}},
		}},
		{"Pat is invited.", []step{
			{who: "Ada", ask: "/invites/create", body: obj{"who": obj{"name": "{@Pat}"}}, seen: map[string]sight{"Pat": asking("/info", nil, func(a obj) bool {
				return strings.Contains(fmt.Sprint(a["standing"]), "STANDING_INVITED") && a["answer_until"] != nil
			})}},
		}},
		{"He declines.", []step{
			{who: "Pat", ask: "/invites/decline", seen: map[string]sight{"Fay": says("/invite list all", "There are no invites")}},
		}},
		{"The group has one key, and was not formed by invites.", []step{
			{who: "Ben", ask: "/keys", check: func(k *talk, a obj) error {
				k.keep("key", fmt.Sprint(a["keys"]))
				return holds(a, "epoch", "keys")
			}, seen: map[string]sight{"Eve": func(p *person) error {
				a, code, err := p.ask("/keys", nil)
				if err == nil && (code != "OK" || fmt.Sprint(a["keys"]) != p.talk.values["key"]) {
					err = fmt.Errorf("%s has another key than Ben: %s", p.name, code)
				}
				return err
			}}},
			{who: "Ben", ask: "/circle", code: "NOT_FOUND", seen: map[string]sight{"Cy": refusing("/circle", nil, "NOT_FOUND")}},
			{who: "Ada", ask: "/circle/establish", code: "CONFLICT", seen: map[string]sight{"Cy": refusing("/circle/establish", nil, "CONFLICT")}},
		}},
		{"Pat comes by an invite, and has to go with all he wrote.", purge()},
		{"Ola is here again.", []step{
			{who: "Ola", ask: "/join", body: obj{"name": "Ola"}},
			{who: "Ola", ask: "/messages/send", body: obj{"message": "ola was here"}, seen: map[string]sight{"Ben": posted("ola was here")}},
		}},
		{"She has new keys.", []step{
			{who: "Ada", ask: "/members/transfer", body: obj{"from": named("Ola"), "to": named("Pat")}, seen: map[string]sight{"Pat": asking("/info", nil, func(a obj) bool {
				return strings.Contains(fmt.Sprint(a["standing"]), "STANDING_MEMBER")
			}), "Kim": happened(groupdv1.Kind_LEAVE, "Ola", "")}},
		}},
		{"Her new identity is forgotten, her old one wants no invites.", moving()},
		{"A picture goes round.", []step{
			{who: "Gus", say: "where we are", more: Args{"files": []obj{{"name": "map.txt", "data": hex.EncodeToString([]byte("north is up"))}}}, seen: map[string]sight{
				"Dan": attached("where we are", "map.txt", "north is up"), "Hal": heardWith("where we are", hex.EncodeToString([]byte("north is up"))),
			}},
		}},
		{"Members have requests for themselves as commands.", commandsForAll()},
		{"Moderators, too.", commandsForStaff()},
		{"Ned is invited by message.", []step{
			{who: "Gus", say: "/invite {@Mal}", words: "is banned"},
			{who: "Gus", say: "/invite {@Ola}", words: "wants no invites"},
			{who: "Gus", say: "/invite {@Ned}", words: "was sent", seen: map[string]sight{"Ned": heard("to decline, /decline")}},
			{who: "Gus", say: "/circle", words: "was not formed by invites"},
			{who: "Gus", say: "/establish", words: "This group is established"},
			{who: "Gus", say: "/decline", words: "You are a member"},
		}},
		{"He declines.", []step{
			{who: "Ned", say: "/decline", words: "You have declined the invite to Valley Net", seen: map[string]sight{"Gus": heard("has declined your invite to Valley Net")}},
		}},
		{"Some want groups of their own.", ownGroups()},
		{"Pia has enough.", []step{
			{who: "Pia", say: "pia was here", seen: map[string]sight{"Eve": posted("pia was here")}},
			{who: "Pia", say: "/leave yes", words: "You have left", seen: map[string]sight{"Lee": happened(groupdv1.Kind_LEAVE, "Ned", "")}},
			{who: "Pia", say: "/forget yes", words: "You are being forgotten", seen: map[string]sight{"Eve": gone("pia was here")}},
		}},
	}
}

// requestsAboutPosts are what people do with posts.
func requestsAboutPosts() []step {
	return []step{
		{who: "Ben", ask: "/messages/edit", body: obj{"seq": "{ben was here}", "text": "ben was there"}, seen: map[string]sight{"Eve": posted("ben was there"), "Lee": posted("ben was there"), "Hal": heard("ben was there")}},
		{who: "Eve", ask: "/messages/react", body: obj{"seq": "{hal was here}", "text": "👍"}, seen: map[string]sight{"Cy": reacted("hal was here", "👍", 1)}},
		{who: "Ada", ask: "/messages/pin", body: obj{"seq": "{eve was here}"}, seen: map[string]sight{"Dan": pinned("eve was here", true)}},
		{who: "Dan", ask: "/messages/search", body: obj{"text": "antennas", "max_bytes": 9000}, check: func(_ *talk, a obj) error { return holds(a, "gus sells antennas", "view", "entries") }},
		{who: "Dan", ask: "/messages/proof", body: obj{"seq": "{fay was here}", "max_bytes": 9000}, check: func(_ *talk, a obj) error {
			if a["original"] == nil || a["public_key"] == nil {
				return fmt.Errorf("no proof: %v", a)
			}
			return nil
		}},
		{who: "Cy", ask: "/messages/report", body: obj{"seq": "{gus sells antennas}", "reason": "spam from Cy"}, seen: map[string]sight{"Ada": asking("/reports", nil, listed("spam from Cy"))}},
		{who: "Cy", ask: "/messages/delete", body: obj{"seqs": []string{"{cy was here}"}}, seen: map[string]sight{"Eve": erased("Cy"), "Kim": erased("Cy")}},
	}
}

// purge is a short stay.
func purge() []step {
	return []step{
		{who: "Ada", ask: "/invites/create", body: obj{"uses": 2, "duration_s": 86400}, check: func(k *talk, a obj) error {
			k.keep("invite", fmt.Sprint(a["code"]))
			k.keep("number", fmt.Sprint(a["id"]))
			return holds(a, "-", "code")
		}, seen: map[string]sight{"Fay": says("/invite list all", "for 2")}},
		{who: "Ada", ask: "/settings/update", body: obj{"joining": "INVITE"}, seen: map[string]sight{"Ben": state("by invite", func(g *groupdv1.GroupState) bool { return g.GetJoining() == groupdv1.Joining_INVITE })}},
		{who: "Ada", ask: "/invites/list", check: func(_ *talk, a obj) error { return holds(a, "2", "invites") }, seen: map[string]sight{
			"Pat": func(p *person) error { // and then Kim sees it
				err := asking("/join", obj{"name": "Pat", "code": "{$invite}"}, func(obj) bool { return true })(p)
				return errors.Join(err, happened(groupdv1.Kind_JOIN, "Pat", "")(p.talk.people["Kim"]))
			},
		}},
		{who: "Ada", ask: "/invites/revoke", body: obj{"id": "{$number}"}, seen: map[string]sight{"Fay": says("/invite list all", "There are no invites")}},
		{who: "Ada", ask: "/settings/update", body: obj{"joining": "OPEN"}, seen: map[string]sight{"Pat": writes("buy my antennas")}},
		{who: "Ada", ask: "/members/ban", body: obj{"who": named("Pat"), "reason": "antennas", "purge": true}, seen: map[string]sight{"Eve": erased("Pat"), "Kim": erased("Pat")}},
		{who: "Ada", ask: "/bans", check: func(_ *talk, a obj) error { return holds(a, "antennas", "bans") }, seen: map[string]sight{"Fay": says("/bans", "Pat, for good: antennas")}},
		{who: "Ada", ask: "/members/unban", body: obj{"who": named("Pat"), "undo": true}, seen: map[string]sight{"Eve": posted("buy my antennas"), "Kim": posted("buy my antennas")}},
		{who: "Ada", ask: "/audit", body: obj{"max_bytes": 9000}, check: func(_ *talk, a obj) error { return holds(a, "antennas", "lines") }},
	}
}

// moving is what comes after a change of keys.
func moving() []step {
	return []step{
		{who: "Ola", ask: "/invites/block", seen: map[string]sight{"Ada": refusing("/invites/create", obj{"who": obj{"name": "{@Ola}"}, "send": true}, "DENIED")}},
		{who: "Pat", ask: "/messages/edit", body: obj{"seq": "{ola was here}", "text": "pat is here"}, seen: map[string]sight{"Lee": posted("pat is here")}},
		{who: "Pat", ask: "/forget", body: obj{"confirm": true}, seen: map[string]sight{"Eve": gone("ola was here", "pat is here", "buy my antennas"), "Kim": gone("ola was here", "pat is here", "buy my antennas")}},
	}
}

// commandsForAll are what every member may type.
func commandsForAll() []step {
	return []step{
		// Hal reads and writes.
		{who: "Hal", say: "/help", words: "/history"},
		{who: "Hal", say: "/info", words: "Valley Mesh, a public group"},
		{who: "Hal", say: "/about", words: "Any member can see"},
		{who: "Hal", say: "/who Benjamin", words: "on the ridge"},
		{who: "Hal", say: "/topic", words: "bridge and ferry"},
		{who: "Hal", say: "/history 3", words: "where we are"},
		{who: "Hal", say: "/since 1h", words: "was"},
		{who: "Hal", say: "/search antennas", words: "Gus: gus sells antennas"},
		{who: "Hal", say: "/pins", words: "eve was here"},
		{who: "Hal", say: "/me waves", seen: map[string]sight{"Kim": sees("Hal waving", func(e *groupdv1.Entry) bool { return e.GetKind() == groupdv1.Kind_ACTION && e.GetText() == "waves" }), "Jon": heard("Hal waves")}},
		{who: "Hal", say: "/edit #{hal was here} hal is here", words: "has the new text", seen: map[string]sight{"Ben": posted("hal is here")}},
		{who: "Hal", say: "/react #{jon was here} 👍", words: "👍 1", seen: map[string]sight{"Dan": reacted("jon was here", "👍", 1)}},
		{who: "Hal", say: "/report #{gus sells antennas} still spam", words: "The moderators are told", seen: map[string]sight{"Dan": asking("/reports", nil, listed("still spam"))}},
		{who: "Hal", say: "a slip of the tongue", seen: map[string]sight{"Eve": posted("a slip of the tongue")}},
		{who: "Hal", say: "/delete #{a slip of the tongue}", words: "1 post deleted", seen: map[string]sight{"Eve": erased("Hal")}},
		{who: "Hal", say: "/nick Hal Oh", words: "You are Hal Oh now", seen: map[string]sight{"Ben": happened(groupdv1.Kind_MEMBER_NAME, "Hal Oh", "Hal Oh")}},
		{who: "Hal", say: "/status asleep", words: "asleep", seen: map[string]sight{"Eve": memberIs("Hal asleep", func(m *groupdv1.Member) bool { return m.GetName() == "Hal Oh" && m.GetStatusText() == "asleep" })}},
		// Ida chooses what she is sent.
		{who: "Ida", say: "/receipts on", words: "On: each post of yours"},
		{who: "Ida", say: "what number is this?", words: "Posted as #", seen: map[string]sight{"Dan": posted("what number is this?")}},
		{who: "Ida", say: "/textonly on", words: "On: pictures and files"},
		{who: "Ida", say: "/propagation on", words: "On: posts are left"},
		{who: "Ida", say: "/quiet 22-07 +1", words: "Quiet from 22:00 to 07:00, UTC+1"},
		{who: "Ida", say: "/quiet off", words: "There are no quiet hours"},
		{who: "Ida", say: "/digest 6h", words: "in one message every 6 h"},
		{who: "Ida", say: "/relay on", words: "Posts come to you as messages"},
		{who: "Ida", say: "/invite block", words: "invites any more"},
		{who: "Ida", say: "/pause", words: "Paused", seen: map[string]sight{"Ben": writes("while Ida rests")}},
		{who: "Ida", say: "/notify", words: "Paused: nothing is sent", seen: map[string]sight{"Ida": unheard("while Ida rests")}},
		{who: "Ida", say: "/resume", words: "Posts come to you as messages", seen: map[string]sight{"Ida": heard("while Ida rests")}},
		{who: "Ida", say: "/mentions on", words: "only posts that name or answer you", seen: map[string]sight{"Cy": writes("nobody in particular"), "Eve": writes("@Ida come here")}},
		{who: "Ida", say: "/mentions", words: "On: you are sent only", seen: map[string]sight{"Ida": heard("@Ida come here")}},
		{who: "Ida", say: "/mentions off", words: "Off", seen: map[string]sight{"Ida": unheard("nobody in particular")}},
		// Jon tries his luck.
		{who: "Jon", say: "/claim rover-maple-stone-lamp-04172", words: "code"},
		{who: "Jon", say: "/help claim", words: "Become the owner"},
	}
}

// commandsForStaff are what admins and moderators may type, and what follows from it.
func commandsForStaff() []step {
	return []step{
		{who: "Fay", say: "/pin #{ida was here}", words: "is pinned", seen: map[string]sight{"Dan": pinned("ida was here", true)}},
		{who: "Fay", say: "/unpin #{ida was here}", words: "is not pinned", seen: map[string]sight{"Dan": pinned("ida was here", false)}},
		{who: "Fay", say: "/settings slow_mode 30s", words: "slow_mode: 30s", seen: map[string]sight{"Ben": state("slow mode", func(g *groupdv1.GroupState) bool { return g.GetSlowModeS() == 30 })}},
		{who: "Fay", say: "/settings slow_mode off", words: "slow_mode: off", seen: map[string]sight{"Ben": state("no slow mode", func(g *groupdv1.GroupState) bool { return g.GetSlowModeS() == 0 })}},
		{who: "Fay", say: "/groupname Valley Net", words: "called Valley Net now", seen: map[string]sight{"Kim": happened(groupdv1.Kind_GROUP_NAME, "", "Valley Net")}},
		{who: "Fay", say: "/topic ferry only", words: "The topic is changed", seen: map[string]sight{"Lee": happened(groupdv1.Kind_TOPIC, "", "ferry only")}},
		{who: "Fay", say: "/mute Jon 1h loud", words: "Jon can not write", seen: map[string]sight{"Jon": heard("1 h: Loud"), "Eve": happened(groupdv1.Kind_MUTE, "Jon", "loud")}},
		{who: "Fay", say: "/unmute Jon", words: "Jon can write again", seen: map[string]sight{"Jon": heard("You can write to Valley Net")}},
		{who: "Fay", say: "/emergency the dam is rising", words: "to everybody at once", seen: map[string]sight{
			"Lee": sees("an emergency", func(e *groupdv1.Entry) bool { return e.GetEmergency() && e.GetText() == "the dam is rising" }), "Jon": heard("the dam is rising"),
		}},
		{who: "Fay", say: "/unban Mal", words: "Mal may join again", seen: map[string]sight{"Kim": happened(groupdv1.Kind_UNBAN, "Mal", "")}},
		{who: "Fay", say: "/invite 2 7d", words: "lets 2 in", check: func(k *talk, a obj) error {
			_, code, ok := strings.Cut(a["text"].(string), "/join ")
			code, _, _ = strings.Cut(code, " ")
			k.keep("code", code)
			if !ok {
				return fmt.Errorf("no code in %q", a["text"])
			}
			return nil
		}, seen: map[string]sight{"Mal": says("/join {$code} Mal", "Welcome to"), "Ada": happened(groupdv1.Kind_JOIN, "Mal", "")}},
		{who: "Fay", say: "/kick Mal 2h again", words: "Mal is removed for 2 h", seen: map[string]sight{"Dan": happened(groupdv1.Kind_KICK, "Mal", "again")}},
		{who: "Fay", say: "/ban Mal 3d and again", words: "Mal is banned for 3 d", seen: map[string]sight{"Dan": happened(groupdv1.Kind_BAN, "Mal", "and again")}},
		{who: "Fay", say: "/bans", words: "Mal, for another"},
		{who: "Fay", say: "/lockdown on 1h", words: "Lockdown: who joins waits", seen: map[string]sight{"Ned": says("/join Ned", "You asked to join"), "Pia": says("/join Pia", "You asked to join"), "Kim": happened(groupdv1.Kind_LOCKDOWN, "", "")}},
		{who: "Fay", say: "/requests", words: "2 wait"},
		{who: "Fay", say: "/approve Ned", words: "Ned is a member now", seen: map[string]sight{"Eve": happened(groupdv1.Kind_JOIN, "Ned", "")}},
		{who: "Fay", say: "/transfer Ned Pia", words: "Ned goes on as", seen: map[string]sight{"Pia": heard("You are Ned"), "Kim": happened(groupdv1.Kind_LEAVE, "Ned", "")}},
		{who: "Fay", say: "/nick Fay Oh", words: "You are Fay Oh now", seen: map[string]sight{"Ned": says("/join Ed", "You asked to join")}},
		{who: "Fay", say: "/reject Ed still unknown", words: "Ed was turned away", seen: map[string]sight{"Ned": heard("declined: Still unknown")}},
		{who: "Fay", say: "/lockdown off", words: "There is no lockdown", seen: map[string]sight{"Eve": happened(groupdv1.Kind_LOCKDOWN, "", "off")}},
		{who: "Fay", say: "/audit transfer", words: "transfer, Ned"},
		{who: "Gus", say: "/reports", words: "still spam"},
		{who: "Gus", say: "/settle #{gus sells antennas} no", words: "are settled", seen: map[string]sight{"Dan": asking("/reports", nil, func(a obj) bool { return a["total"] == nil })}},
	}
}

// ownGroups are made, copied and deleted.
func ownGroups() []step {
	keeps := func(name string) func(*talk, obj) error {
		return func(k *talk, a obj) error {
			made, _ := a["group"].(obj)
			k.keep(name, fmt.Sprint(made["identity"]))
			return errors.Join(holds(a, "STANDING_MEMBER", "group", "standing"), holds(a, "ROLE_OWNER", "group", "role"))
		}
	}
	unlisted := func(words string) func(obj) bool { return func(a obj) bool { return !listed(words)(a) } }
	all := obj{"max_bytes": 9000}
	return []step{
		{who: "Eve", ask: "/groups/create", body: obj{"preset": "circle", "name": "Eves Ridge", "my_name": "Eve", "invite": []obj{named("Jon"), {"name": "{@Ida}"}}}, code: "DENIED"}, // Ida wants no invites
		{who: "Eve", ask: "/groups/create", body: obj{"preset": "circle", "name": "Eves Ridge", "my_name": "Eve", "invite": []obj{{"name": "{@Mal}"}}}, check: func(_ *talk, a obj) error { return holds(a, "1", "invited") }, seen: map[string]sight{
			"Mal": acceptsInviteTo("Eves Ridge"), "Dan": asking("/groups", all, unlisted("Eves Ridge")),
		}},
		{who: "Ben", ask: "/groups/create", body: obj{"name": "Bens Boats", "topic": "oars", "my_name": "Ben"}, check: keeps("boats"), seen: map[string]sight{
			"Cy": asking("/groups", all, listed("Bens Boats")), "Eve": asking("/groups", all, listed("oars")),
		}},
		{who: "Ben", ask: "/groups/create", body: obj{"name": "Bens Nets"}, code: "RATE_LIMITED"},
		{who: "Ben", ask: "/groups/delete", body: obj{"group": "{$boats}"}, seen: map[string]sight{"Cy": asking("/groups", all, unlisted("Bens Boats"))}},
		{who: "Cy", ask: "/groups/clone", body: obj{"name": "Valley Two"}, code: "DENIED"},
		{who: "Ada", ask: "/groups/clone", body: obj{"name": "Valley Two", "without": []obj{named("Gus")}}, check: keeps("two"), seen: map[string]sight{
			"Dan": asking("/groups", all, listed("STANDING_INVITED")), "Pat": asking("/groups", all, unlisted("Private Group")),
			"Hal": invitedTo("Valley Two", true), "Gus": invitedTo("Valley Two", false),
		}},
		{who: "Ada", ask: "/groups", body: all, check: func(_ *talk, a obj) error {
			return errors.Join(holds(a, "Valley Two", "groups"), holds(a, "Valley Net", "groups"))
		}},
		{who: "Ada", ask: "/groups/delete", body: obj{"group": "{$two}"}, seen: map[string]sight{"Dan": asking("/groups", all, unlisted("STANDING_INVITED"))}},
	}
}

// invitedTo is a message of another group than this one; or that there is none.
func invitedTo(name string, is bool) sight {
	return func(p *person) error {
		match := func(e Event) bool {
			return e.Text("to") == p.address && e.Text("source") != p.talk.group && strings.Contains(e.Text("content"), "You are invited to the group "+name)
		}
		if is {
			_, err := p.wait(0, "message", 30*time.Second, match)
			return err
		}
		if p.Count("message", match) > 0 {
			return fmt.Errorf("%s is invited to %s", p.name, name)
		}
		return nil
	}
}

// acceptsInviteTo has somebody join a group that is announced to nobody by a message to where the invite came from.
func acceptsInviteTo(name string) sight {
	return func(p *person) error {
		from := func(words string) (Event, error) {
			return p.wait(0, "message", 30*time.Second, func(e Event) bool {
				return e.Text("to") == p.address && strings.Contains(e.Text("content"), words+name)
			})
		}
		e, err := from("You are invited to the group ")
		if err == nil { // as programs do with an address that they do not know
			_, err = p.Try("await_path", Args{"hash": e.Text("source"), "timeout": 20})
		}
		if err == nil {
			_, err = p.say("/join "+p.name, "", Args{"to": e.Text("source")})
		}
		if err == nil {
			_, err = from("Welcome to ")
		}
		return err
	}
}

// refusing is an answer that a second one gets.
func refusing(path string, body obj, code string) sight {
	return func(p *person) error {
		answer, got, err := p.ask(path, body)
		if err == nil && got != code {
			err = fmt.Errorf("%s asks %s and is told %v", p.name, path, answer)
		}
		return err
	}
}

// gone are texts that nobody may see any more.
func gone(texts ...string) sight {
	return shows(fmt.Sprintf("an end of %q", texts), func(p *person) bool {
		for _, e := range p.shown.entries {
			if slices.Contains(texts, e.GetText()) {
				return false
			}
		}
		return true
	})
}

// attached is a post's first attachment, fetched by who reads it.
func attached(text, name, data string) sight {
	return func(p *person) error {
		if err := posted(text)(p); err != nil {
			return err
		}
		answer, code, err := p.ask("/messages/attachment", obj{"seq": "{" + text + "}", "max_bytes": 9000})
		if err == nil && (code != "OK" || answer["data"] != base64.StdEncoding.EncodeToString([]byte(data)) || !listed(name)(answer)) {
			err = fmt.Errorf("%s is handed %v", p.name, answer)
		}
		return err
	}
}

// heardWith is a message with something in its fields, in hex.
func heardWith(words, data string) sight {
	return func(p *person) error {
		_, err := p.wait(0, "message", 20*time.Second, func(e Event) bool {
			return p.letter(words)(e) && strings.Contains(fmt.Sprint(e.Fields["plain"]), data)
		})
		return err
	}
}

// listed fits an answer with some words in it.
func listed(words string) func(obj) bool {
	return func(a obj) bool { return strings.Contains(fmt.Sprint(a), words) }
}

// writes has a second one post something, which a third one sees.
func writes(text string) sight {
	return func(p *person) error {
		_, code, err := p.ask("/messages/send", obj{"message": text})
		if err == nil && code != "OK" {
			err = fmt.Errorf("%s can not post: %s", p.name, code)
		}
		return errors.Join(err, p.talk.people["Jon"].hears(text))
	}
}

// says has a second one write something that is answered.
func says(text, words string) sight {
	return func(p *person) error {
		_, err := p.say(text, words, nil)
		return err
	}
}

// unheard is what somebody is not told.
func unheard(words string) sight {
	return func(p *person) error {
		if p.Count("message", p.letter(words)) > 0 {
			return fmt.Errorf("%s is told %q", p.name, words)
		}
		return nil
	}
}

// arrivals are twelve and a guest who join.
func arrivals() (steps []step) {
	for _, name := range strings.Fields("Ben Cy Dan Eve Kim Lee") {
		steps = append(steps, step{who: name, ask: "/join", body: obj{"name": name}, seen: map[string]sight{"Ada": happened(groupdv1.Kind_JOIN, name, "")}})
	}
	for _, name := range strings.Fields("Fay Gus Hal Ida Jon Mal") {
		steps = append(steps, step{who: name, say: "/join " + name, words: "Welcome to", seen: map[string]sight{"Ada": happened(groupdv1.Kind_JOIN, name, "")}})
	}
	return append(steps,
		step{who: "Kim", ask: "/subscribe", body: obj{"accept": []string{"DEFLATE", "DEFLATE_DICTIONARY_1"}}, check: func(_ *talk, a obj) error { return holds(a, fmt.Sprint(a["rev"]), "from_rev") }},
		step{who: "Lee", ask: "/notifications/update", body: obj{"mode": "PUSH"}, check: func(_ *talk, a obj) error { return holds(a, "PUSH", "mode") }},
	)
}

// named is somebody by his name.
func named(name string) obj { return obj{"name": name} }
