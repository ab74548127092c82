package requests

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

const (
	ok       = groupdv1.Code_OK
	denied   = groupdv1.Code_DENIED
	outsider = groupdv1.Code_NOT_MEMBER
	inside   = groupdv1.StandingCode_STANDING_MEMBER
	waits    = groupdv1.StandingCode_STANDING_PENDING
	stranger = groupdv1.StandingCode_STANDING_STRANGER
)

// because fails when a refusal does not say why.
func (r *room) because(got, want string) {
	r.t.Helper()
	if !strings.Contains(got, want) {
		r.t.Errorf("refused because %q, not %q", got, want)
	}
}

// TestStoryOfAPublicRoom: as in Tox's massive chats anybody comes in; its messages are kinds of entries here, ping is the time somebody was
// last heard. A spammer is banned with all he wrote. In the end the owner deletes the room.
func TestStoryOfAPublicRoom(t *testing.T) {
	inTown(t, func(w *town) {
		t := w.t
		ann, bob, cid, mal := w.citizen(1, "ann"), w.citizen(2, "bob"), w.citizen(3, "cid"), w.citizen(4, "mal")
		r := w.makes(ann, &groupdv1.CreateGroupRequest{Preset: "public", Name: "MeshChat Public Chat"})

		// Who passes by sees what it is, without saying who he is.
		in := r.info(nil)
		if in.GetPublicName() != "MeshChat Public Chat" || in.GetPreset() != "public" || !in.GetPublic() || in.GetJoining() != groupdv1.Joining_OPEN || !in.GetClaimed() || in.GetMembers() != 1 || in.GetVersion() != "0.2.0" {
			t.Errorf("a stranger is told %v", in)
		}
		r.does(nil, "/join", &groupdv1.JoinRequest{Name: "bob"}, groupdv1.Code_NOT_IDENTIFIED)
		_, why := r.says(bob, "hello?", outsider)
		r.because(why, "not a member")

		// new_peer, topic, name, status, message, action; and what one does not do without a rank.
		r.joins(bob, inside)
		r.joins(cid, inside)
		r.does(ann, "/topic/update", &groupdv1.TopicRequest{Topic: "antennas"}, ok)
		r.because(r.does(bob, "/topic/update", &groupdv1.TopicRequest{Topic: "goats"}, denied), `permission "name"`)
		r.does(bob, "/profile/update", &groupdv1.ProfileRequest{Name: proto.String("bobby"), StatusText: proto.String("on the hill")}, ok)
		r.does(bob, "/profile/update", &groupdv1.ProfileRequest{Name: proto.String("ANN")}, groupdv1.Code_CONFLICT)
		r.says(bob, "hello", ok)
		r.says(cid, "/me waves", ok)
		r.sees(mal, "ann JOIN ann", "bobby JOIN bob", "cid JOIN cid", "ann TOPIC antennas", "bobby MEMBER_NAME bobby", "bobby POST hello", "cid ACTION waves")
		members := &groupdv1.MembersReply{}
		time.Sleep(10 * time.Minute)
		r.says(cid, "still here", ok)
		r.asks(ann, "/members", &groupdv1.MembersRequest{MaxBytes: 9000}, members)
		heard := map[string]int64{}
		for _, m := range members.GetMembers() {
			heard[m.GetName()] = m.GetLastHeard()
			if m.GetName() == "bobby" && m.GetStatusText() != "on the hill" {
				t.Errorf("bob's status is %q", m.GetStatusText())
			}
		}
		if heard["cid"]-heard["bobby"] < 600 {
			t.Errorf("last heard: %v", heard)
		}

		// ban_peer: a moderator does it, once there is one.
		r.joins(mal, inside)
		spam, _ := r.says(mal, "buy goats at www.example.org", ok)
		r.because(r.does(bob, "/members/ban", &groupdv1.BanRequest{Who: byName("mal")}, denied), `permission "ban"`)
		r.does(bob, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{spam}}, denied)
		r.does(ann, "/members/permissions/update", &groupdv1.PermissionsRequest{Who: byName("bobby"), Role: groupdv1.Role_ROLE_MODERATOR}, ok)
		r.because(r.does(bob, "/members/ban", &groupdv1.BanRequest{Who: byName("ann")}, denied), "rank")
		r.does(bob, "/members/ban", &groupdv1.BanRequest{Who: byName("mal"), Reason: "spam", Purge: true}, ok)
		time.Sleep(time.Minute)
		r.sees(cid, "mal POST deleted", "bobby BAN mal spam")
		r.says(mal, "but I", groupdv1.Code_BANNED)
		r.does(mal, "/join", &groupdv1.JoinRequest{Name: "mel"}, groupdv1.Code_BANNED)
		if got := r.lists(cid); !slices.Equal(got, []string{"ann owner", "bobby moderator", "cid"}) {
			t.Errorf("members: %q", got)
		}

		// The end.
		r.because(r.does(ann, "/leave", &groupdv1.LeaveRequest{}, denied), "last owner")
		r.does(cid, "/leave", &groupdv1.LeaveRequest{}, ok)
		r.sees(ann, "cid LEAVE")
		r.ends(bob, denied)
		r.ends(ann, ok)
		r.does(ann, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_NOT_FOUND)
		r.does(nil, "/info", &groupdv1.InfoRequest{}, groupdv1.Code_NOT_FOUND)
	})
}

// TestStoryOfAPrivateGroup: strangers learn nothing of it but that it is there; who asks is let in, or turned away; who is invited comes in.
func TestStoryOfAPrivateGroup(t *testing.T) {
	inTown(t, func(w *town) {
		t := w.t
		ann, bob, cid, dan := w.citizen(1, "ann"), w.citizen(2, "bob"), w.citizen(3, "cid"), w.citizen(4, "dan")
		r := w.makes(ann, &groupdv1.CreateGroupRequest{Preset: "private", Name: "Cottle Family Chat", Topic: "sunday lunch"})
		in := r.info(bob)
		if in.GetPublicName() != "Private Group" || in.GetPrivateName() != "" || in.GetTopic() != "" || in.GetMembers() != 0 || in.GetPreset() != "" || in.GetJoining() != groupdv1.Joining_APPROVE {
			t.Errorf("a stranger is told %v", in)
		}
		if list := w.listed(bob); list != nil {
			t.Errorf("a stranger sees %q", list)
		}
		r.does(nil, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_NOT_IDENTIFIED)
		r.does(bob, "/messages", &groupdv1.MessagesRequest{}, outsider)
		r.does(bob, "/members", &groupdv1.MembersRequest{}, outsider)

		// Two ask. One is let in, by who may.
		r.joins(bob, waits, func(q *groupdv1.JoinRequest) { q.Greeting = "your cousin" })
		r.joins(cid, waits)
		r.does(bob, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_PENDING)
		r.says(bob, "hello?", groupdv1.Code_PENDING)
		waiting := &groupdv1.WaitingReply{}
		if r.asks(ann, "/members/requests", &groupdv1.WaitingRequest{}, waiting); waiting.GetTotal() != 2 || waiting.GetApplicants()[0].GetGreeting() != "your cousin" {
			t.Errorf("waiting: %v", waiting)
		}
		r.does(ann, "/members/approve", &groupdv1.ApproveRequest{Who: byName("bob")}, ok)
		r.because(r.does(bob, "/members/approve", &groupdv1.ApproveRequest{Who: byName("cid")}, denied), `permission "approve"`)
		r.does(ann, "/members/reject", &groupdv1.RejectRequest{Who: byName("cid"), Reason: "who?"}, ok)
		r.does(cid, "/messages", &groupdv1.MessagesRequest{}, outsider)
		if in := r.info(bob); in.GetPrivateName() != "Cottle Family Chat" || in.GetTopic() != "sunday lunch" || in.GetPreset() != "private" || in.GetMembers() != 2 {
			t.Errorf("a member is told %v", in)
		}
		r.says(bob, "I bring the cake", ok)
		r.sees(ann, "bob JOIN bob", "bob POST I bring the cake")

		// An invite goes past approval; a plain member makes none.
		r.because(r.does(bob, "/invites/create", &groupdv1.InviteRequest{}, denied), `permission "invite"`)
		invite := &groupdv1.InviteReply{}
		r.asks(ann, "/invites/create", &groupdv1.InviteRequest{}, invite)
		r.joins(dan, inside, func(q *groupdv1.JoinRequest) { q.Code = invite.GetCode() })
		r.does(cid, "/join", &groupdv1.JoinRequest{Name: "cid", Code: invite.GetCode()}, denied) // used

		// All that public groups have is here too: mute, kick, settings.
		r.does(ann, "/members/mute", &groupdv1.MuteRequest{Who: byName("dan"), DurationS: 3600, Reason: "sleep"}, ok)
		_, why := r.says(dan, "but", groupdv1.Code_MUTED)
		r.because(why, "for another 1 h: sleep")
		time.Sleep(time.Hour)
		r.says(dan, "good morning", ok)
		r.does(ann, "/members/kick", &groupdv1.KickRequest{Who: byName("dan"), Reason: "manners"}, ok)
		r.sees(bob, "ann MUTE dan sleep", "dan POST good morning", "ann KICK dan manners")
		r.does(bob, "/settings/update", &groupdv1.SettingsUpdateRequest{Joining: groupdv1.Joining_CLOSED}, denied)
		r.does(ann, "/settings/update", &groupdv1.SettingsUpdateRequest{Joining: groupdv1.Joining_CLOSED}, ok)
		settings := &groupdv1.SettingsReply{}
		if r.asks(bob, "/settings", &groupdv1.SettingsRequest{}, settings); settings.GetPreset() != "private" || settings.GetJoining() != groupdv1.Joining_CLOSED {
			t.Errorf("settings: %v", settings)
		}
		r.because(r.does(cid, "/join", &groupdv1.JoinRequest{Name: "cid"}, denied), "no new members")

		// The owner goes, and leaves it to another.
		r.does(ann, "/members/permissions/update", &groupdv1.PermissionsRequest{Who: byName("bob"), Role: groupdv1.Role_ROLE_OWNER}, ok)
		r.does(ann, "/leave", &groupdv1.LeaveRequest{}, ok)
		r.does(ann, "/messages", &groupdv1.MessagesRequest{}, outsider)
		if got := r.lists(bob); !slices.Equal(got, []string{"bob owner"}) {
			t.Errorf("members: %q", got)
		}
		r.ends(bob, ok)
		r.does(bob, "/info", &groupdv1.InfoRequest{}, groupdv1.Code_NOT_FOUND)
	})
}

// TestStoryOfAnnouncements: few write, all read; others react, and answer as soon as the owner wants them to.
func TestStoryOfAnnouncements(t *testing.T) {
	inTown(t, func(w *town) {
		t := w.t
		ann, bob, cid, dan := w.citizen(1, "ann"), w.citizen(2, "bob"), w.citizen(3, "cid"), w.citizen(4, "dan")
		r := w.makes(ann, &groupdv1.CreateGroupRequest{Preset: "announcements", Name: "Valley News"})
		if in := r.info(nil); !in.GetReadOnly() || in.GetPreset() != "announcements" {
			t.Errorf("a stranger is told %v", in)
		}
		r.joins(bob, inside)
		r.joins(cid, inside)
		news, _ := r.says(ann, "the bridge is closed on monday", ok)
		_, why := r.says(bob, "why?", denied)
		r.because(why, "only the staff of this group write here")
		_, why = r.says(bob, "why?", denied, news)
		r.because(why, "only the staff")
		r.does(bob, "/messages/react", &groupdv1.ReactRequest{Seq: news, Text: "👍"}, ok)
		r.does(bob, "/messages/pin", &groupdv1.PinRequest{Seq: news}, denied)
		r.does(ann, "/messages/pin", &groupdv1.PinRequest{Seq: news}, ok)
		pinned := &groupdv1.PinReply{}
		if r.asks(cid, "/messages/pin", &groupdv1.PinRequest{}, pinned); !slices.Equal(pinned.GetPinned(), []uint64{news}) {
			t.Errorf("pinned: %v", pinned)
		}

		// A second editor.
		r.does(ann, "/members/permissions/update", &groupdv1.PermissionsRequest{Who: byName("cid"), Role: groupdv1.Role_ROLE_MODERATOR}, ok)
		r.says(cid, "the ferry is late", ok)
		r.sees(dan, "ann POST the bridge is closed on monday", "cid POST the ferry is late")

		// Answers, if the owner likes them: to posts, and not to what happened.
		member := groupdv1.Role_ROLE_MEMBER
		r.does(ann, "/settings/update", &groupdv1.SettingsUpdateRequest{Policy: &groupdv1.Policy{AnswerRole: &member}}, ok)
		answer, _ := r.says(bob, "why?", ok, news)
		r.does(bob, "/messages/edit", &groupdv1.EditRequest{Seq: answer, Text: "why on monday?"}, ok)
		r.says(bob, "and besides", denied)
		r.says(bob, "welcome, me", denied, 2) // an entry that says that he joined
		r.does(ann, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{news}}, ok)
		r.says(bob, "to what is gone", denied, news)
		r.sees(cid, "ann POST deleted", "bob EDIT why on monday?")

		r.ends(ann, ok)
		r.does(cid, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_NOT_FOUND)
	})
}

// TestStoryOfAnEqualGroup is a twister group: creategroup, newgroupinvite, newgroupdescription, getgroupinfo, listgroups, messages and
// leavegroup, with nobody in charge, not even the one who made it or the operator; who wants to be rid of somebody clones it.
func TestStoryOfAnEqualGroup(t *testing.T) {
	inTown(t, func(w *town) {
		t := w.t
		ann, bob, cid, mal, dan := w.citizen(1, "ann"), w.citizen(2, "bob"), w.citizen(3, "cid"), w.citizen(4, "mal"), w.citizen(5, "dan")
		operator := group.Caller{Local: true}
		r := w.makes(ann, &groupdv1.CreateGroupRequest{Preset: "equal", Name: "the hikers"})

		// Nobody else learns that it exists: it is announced to nobody, and listed for nobody.
		if r.Policy.AnnounceDetail(r.Public) != moderation.AnnounceOff {
			t.Error("it is announced")
		}
		if list := w.listed(dan); list != nil {
			t.Errorf("listed for strangers: %q", list)
		}
		if in := r.info(dan); in.GetPublicName() != "Private Group" || in.GetTopic() != "" || in.GetMembers() != 0 || in.GetPreset() != "" {
			t.Errorf("a stranger is told %v", in)
		}
		r.because(r.does(dan, "/join", &groupdv1.JoinRequest{Name: "dan"}, denied), "by invite only")

		// Any member invites; who made it is one of them.
		named := func(c *citizen) *groupdv1.Who { return &groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: c.Identity[:]}} }
		invites := func(by *citizen, who *citizen, want groupdv1.Code) string {
			return r.does(by, "/invites/create", &groupdv1.InviteRequest{Who: named(who)}, want)
		}
		several := &groupdv1.InviteRequest{Who: named(bob), Others: []*groupdv1.Who{named(ann), named(mal)}, ClientId: []byte{7}}
		for range 2 { // the second time nothing is done again
			reply := &groupdv1.InviteReply{}
			r.asks(ann, "/invites/create", several, reply)
			if o := reply.GetOthers(); reply.GetId() != 1 || len(o) != 2 || o[0].GetStatus().GetCode() != groupdv1.Code_CONFLICT || o[1].GetId() != 2 || o[1].GetCode() == "" {
				t.Fatalf("several at once: %v", reply)
			}
		}
		several.Others = slices.Repeat(several.Others, 11)
		r.does(ann, "/invites/create", several, groupdv1.Code_INVALID)
		r.does(ann, "/invites/create", &groupdv1.InviteRequest{Others: []*groupdv1.Who{named(dan)}}, groupdv1.Code_INVALID)
		r.joins(bob, inside)
		r.joins(mal, inside)
		invites(bob, cid, ok)
		r.joins(cid, inside)
		invites(dan, dan, outsider)
		r.because(r.does(ann, "/invites/create", &groupdv1.InviteRequest{Who: named(dan), Role: groupdv1.Role_ROLE_MODERATOR}, denied), "nobody has a rank")
		if got := r.lists(cid); !slices.Equal(got, []string{"ann", "bob", "cid", "mal"}) {
			t.Errorf("members: %q", got)
		}
		if list := w.listed(cid); !slices.Equal(list, []string{"the hikers, equal"}) {
			t.Errorf("listed for a member: %q", list)
		}

		// Any member changes the topic.
		r.does(cid, "/topic/update", &groupdv1.TopicRequest{Topic: "saturday: the ridge"}, ok)
		post, _ := r.says(mal, "goats! goats!", ok)
		r.says(bob, "mal, please", ok)
		r.sees(ann, "cid JOIN cid", "cid TOPIC saturday: the ridge", "mal POST goats! goats!", "bob POST mal, please")
		if in := r.info(mal); in.GetTopic() != "saturday: the ridge" || in.GetPreset() != "equal" || !in.GetClaimed() {
			t.Errorf("a member is told %v", in)
		}

		// Nobody is in charge: nothing of this is possible, for nobody.
		target := byName("mal")
		for path, q := range map[string]proto.Message{
			"/members/kick":               &groupdv1.KickRequest{Who: target},
			"/members/ban":                &groupdv1.BanRequest{Who: target},
			"/members/mute":               &groupdv1.MuteRequest{Who: target},
			"/messages/delete":            &groupdv1.DeleteRequest{Seqs: []uint64{post}},
			"/members/permissions/update": &groupdv1.PermissionsRequest{Who: byName("ann"), Role: groupdv1.Role_ROLE_OWNER},
			"/members/transfer":           &groupdv1.TransferRequest{From: target, To: byName(dan.Identity.String())},
			"/settings/update":            &groupdv1.SettingsUpdateRequest{Joining: groupdv1.Joining_OPEN},
			"/display-name/update":        &groupdv1.DisplayNameRequest{PrivateName: proto.String("ann's hikers")},
			"/lockdown":                   &groupdv1.LockdownRequest{On: true},
			"/claim":                      &groupdv1.ClaimRequest{Code: "river-maple-stone-lamp-04172"},
			"/messages/report":            &groupdv1.ReportRequest{Seq: post},
			"/audit":                      &groupdv1.AuditRequest{},
			"/members/requests":           &groupdv1.WaitingRequest{},
		} {
			r.does(ann, path, q, denied)
		}
		ctx := t.Context()
		refusals := map[string]error{}
		_, refusals["kick"] = w.hub.Kick(ctx, operator, r.Group, group.KickInput{Target: group.AnyHash(mal.Identity)})
		_, refusals["ban"] = w.hub.Ban(ctx, operator, r.Group, group.BanInput{Target: group.AnyHash(mal.Identity), Purge: true})
		_, refusals["mute"] = w.hub.Mute(ctx, operator, r.Group, group.MuteInput{Target: group.AnyHash(mal.Identity)})
		_, refusals["delete"] = w.hub.Delete(ctx, operator, r.Group, group.DeleteInput{Seqs: []group.Seq{group.Seq(post)}})
		_, refusals["transfer"] = w.hub.Transfer(ctx, operator, r.Group, group.TransferInput{From: group.AnyHash(mal.Identity), To: group.AnyHash(dan.Identity)})
		_, refusals["owner"] = w.hub.SetOwner(ctx, operator, r.Group, group.AnyHash(ann.Identity))
		_, refusals["code"] = w.hub.NewClaimCode(ctx, operator, r.Group)
		_, refusals["role"] = w.hub.UpdatePermissions(ctx, operator, r.Group, group.PermissionsInput{Target: group.AnyHash(ann.Identity), Role: moderation.RoleAdmin})
		_, refusals["settings"] = w.hub.UpdateSettings(ctx, operator, r.Group, group.SettingsInput{Change: func(p *moderation.Policy) { p.Frozen, p.NoRemoval = false, false }})
		_, refusals["names"] = w.hub.UpdateDisplayName(ctx, operator, r.Group, group.NamesInput{Private: proto.String("mine")})
		_, refusals["lockdown"] = w.hub.Lockdown(ctx, operator, r.Group, group.LockdownInput{On: true})
		for what, err := range refusals {
			if group.KindOf(err) != group.KindDenied {
				t.Errorf("%s by the operator: %v", what, err)
			}
		}

		// Who floods waits; he is not muted.
		flood := 0
		for i := range 400 {
			_, err := w.hub.Post(ctx, mal.Caller, r.Group, group.PostInput{Text: fmt.Appendf(nil, "goat %d", i)})
			if group.KindOf(err) == group.KindRateLimited {
				flood++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if st, err := w.hub.Standing(ctx, mal.Caller, r.Group); err != nil || st.Standing != moderation.StandingMember || flood < 300 {
			t.Errorf("after the flood he is %s, %d times told to wait, %v", st.Standing, flood, err)
		}

		// One's own one may erase; everybody may pin.
		r.does(mal, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{post}}, ok)
		plan, _ := r.says(cid, "we meet at seven", ok)
		r.does(bob, "/messages/pin", &groupdv1.PinRequest{Seq: plan}, ok)

		// The way out: a group like this one without him, to which the others are invited.
		made := &groupdv1.GroupReply{}
		r.asks(bob, "/groups/clone", &groupdv1.CloneGroupRequest{Name: "the other hikers", Without: []*groupdv1.Who{byName("mal")}}, made)
		if made.GetInvited() != 2 || made.GetLeftOut() != 1 || made.GetGroup().GetPreset() != "equal" {
			t.Fatalf("cloned: %v", made)
		}
		second := w.opens(group.IdentityHash(made.GetGroup().GetIdentity()))
		if !second.Policy.NoRemoval || !second.Policy.Frozen || !slices.Equal(w.listed(mal), []string{"the hikers, equal"}) || len(w.listed(cid)) != 2 {
			t.Errorf("listed for who is left out: %q, for who is invited: %q", w.listed(mal), w.listed(cid))
		}
		second.joins(ann, inside)
		second.because(second.does(mal, "/join", &groupdv1.JoinRequest{Name: "mal"}, denied), "by invite only")
		if got := second.lists(ann); !slices.Equal(got, []string{"ann", "bob"}) {
			t.Errorf("members of the clone: %q", got)
		}

		// Leaving, forgetting, and nobody to keep: who goes last goes, too. His name stays his.
		r.does(bob, "/leave", &groupdv1.LeaveRequest{}, ok)
		r.does(bob, "/topic/update", &groupdv1.TopicRequest{Topic: "x"}, outsider)
		r.does(mal, "/profile/update", &groupdv1.ProfileRequest{Name: proto.String("bob")}, groupdv1.Code_CONFLICT)
		r.does(ann, "/forget", &groupdv1.ForgetRequest{Confirm: true}, ok)
		r.does(cid, "/leave", &groupdv1.LeaveRequest{}, ok)
		r.does(mal, "/leave", &groupdv1.LeaveRequest{}, ok)
		r.because(r.does(dan, "/join", &groupdv1.JoinRequest{Name: "dan"}, denied), "by invite only")
		second.ends(ann, denied)
		if err := w.hub.DeleteGroup(ctx, operator, r.Group); err != nil {
			t.Fatal(err)
		}
		r.does(mal, "/info", &groupdv1.InfoRequest{}, groupdv1.Code_NOT_FOUND)
	})
}

// TestStoryOfAnEvent: three days of a fair that becomes four, the warnings, the end, a week to read, and then there is nothing left.
func TestStoryOfAnEvent(t *testing.T) {
	inTown(t, func(w *town) {
		t := w.t
		ann, bob, cid, dan := w.citizen(1, "ann"), w.citizen(2, "bob"), w.citizen(3, "cid"), w.citizen(4, "dan")
		const day = 24 * time.Hour
		end := time.Now().Add(3 * day).Truncate(time.Second)
		w.square.because(w.square.does(ann, "/groups/create", &groupdv1.CreateGroupRequest{Preset: "event", Name: "Valley Fair"}, groupdv1.Code_INVALID), "say when it is over")
		r := w.makes(ann, &groupdv1.CreateGroupRequest{Preset: "event", Name: "Valley Fair", Policy: &groupdv1.Policy{ExpiresAt: proto.Uint64(uint64(end.Unix()))}})
		if in := r.info(nil); in.GetPreset() != "event" || in.GetExpiresAt() != uint64(end.Unix()) || in.GetOver() {
			t.Errorf("a stranger is told %v", in)
		}
		r.joins(bob, inside)
		post, _ := r.says(bob, "who brings the tent?", ok)

		// Staff move the date, nobody else, and not into the past.
		moved := func(to time.Time) *groupdv1.SettingsUpdateRequest {
			return &groupdv1.SettingsUpdateRequest{Policy: &groupdv1.Policy{ExpiresAt: proto.Uint64(uint64(to.Unix()))}}
		}
		r.because(r.does(bob, "/settings/update", moved(end.Add(day)), denied), `permission "settings"`)
		r.because(r.does(ann, "/settings/update", moved(time.Now().Add(-day)), groupdv1.Code_INVALID), "in the future")
		end = end.Add(day)
		r.does(ann, "/settings/update", moved(end), ok)
		if state := r.state(bob); state.GetExpiresAt() != uint64(end.Unix()) || state.GetOver() {
			t.Errorf("who synchronises is told %v", state)
		}

		// Told a day ahead, and an hour ahead, by the group itself.
		at := func(before time.Duration) {
			t.Helper()
			time.Sleep(time.Until(end) - before)
		}
		says := " ACTION ends in "
		at(day + time.Hour)
		if lines := r.reads(bob); strings.Contains(strings.Join(lines, "\n"), says) {
			t.Errorf("too early: %q", lines)
		}
		at(day - 10*time.Minute)
		r.sees(bob, says+"1 d: on "+end.UTC().Format("2006-01-02 15:04")+" UTC")
		at(time.Hour - 15*time.Minute)
		lines := r.reads(bob)
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, says) || !strings.Contains(last, " min: on ") && !strings.Contains(last, " 1 h: on ") {
			t.Errorf("an hour ahead: %q", lines)
		}
		r.joins(cid, inside)
		r.says(cid, "just in time", ok)

		// The end, to the second: no posts, no joining, no inviting; reading goes on.
		at(-time.Second)
		for path, q := range map[string]proto.Message{
			"/join":                &groupdv1.JoinRequest{Name: "dan"},
			"/messages/react":      &groupdv1.ReactRequest{Seq: post, Text: "👍"},
			"/messages/edit":       &groupdv1.EditRequest{Seq: post, Text: "x"},
			"/topic/update":        &groupdv1.TopicRequest{Topic: "x"},
			"/display-name/update": &groupdv1.DisplayNameRequest{PublicName: proto.String("x")},
			"/profile/update":      &groupdv1.ProfileRequest{StatusText: proto.String("x")},
			"/invites/create":      &groupdv1.InviteRequest{},
			"/settings/update":     moved(end.Add(day)),
		} {
			who := ann
			if path == "/join" {
				who = dan
			}
			r.because(r.does(who, path, q, denied), "this group is over")
		}
		_, why := r.says(ann, "one more thing", denied)
		r.because(why, "this group is over")
		if in := r.info(dan); !in.GetOver() {
			t.Errorf("it is over, and a stranger is told %v", in)
		}
		at(-15 * time.Minute)
		lines = r.reads(cid)
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, " ACTION is over. It can be read until ") {
			t.Errorf("the end: %q", lines)
		}
		if state := r.state(bob); !state.GetOver() {
			t.Errorf("who synchronises is told %v", state)
		}

		// For a week it can be read, and kept in order; then it is gone.
		r.does(bob, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{post}}, ok)
		r.does(cid, "/leave", &groupdv1.LeaveRequest{}, ok)
		at(-7*day + time.Hour)
		r.sees(bob, "bob POST deleted", "cid POST just in time", "cid LEAVE")
		at(-7*day - 30*time.Minute)
		r.does(bob, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_NOT_FOUND)
		r.does(nil, "/info", &groupdv1.InfoRequest{}, groupdv1.Code_NOT_FOUND)
		if list := w.listed(ann); list != nil {
			t.Errorf("left: %q", list)
		}
	})
}
