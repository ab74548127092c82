package requests

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// whole names somebody by his whole address, as people copy it.
func whole(c *citizen) *groupdv1.Who { return byName(group.AddressOf(c.Identity).String()) }

// circle is what somebody sees of how a group is formed: a line for each who was invited.
func (r *room) circle(c *citizen) (reply *groupdv1.CircleReply, lines []string) {
	r.t.Helper()
	reply = &groupdv1.CircleReply{}
	if r.asks(c, "/circle", &groupdv1.CircleRequest{MaxBytes: 4000}, reply); reply.GetStatus() != nil {
		r.t.Fatalf("/circle: %v", reply.GetStatus())
	}
	for _, i := range reply.GetInvitees() {
		name := i.GetName()
		if name == "" {
			name = "?"
		}
		lines = append(lines, name+" "+i.GetState().String()[len("INVITEE_"):])
	}
	return reply, lines
}

// answered checks what those who were invited have answered, in the eyes of somebody.
func (r *room) answered(c *citizen, want ...string) {
	r.t.Helper()
	_, lines := r.circle(c)
	slices.Sort(lines)
	slices.Sort(want)
	if !slices.Equal(lines, want) {
		r.t.Errorf("answers are %q, not %q", lines, want)
	}
}

// keysOf are the keys that somebody is handed.
func (r *room) keysOf(c *citizen, want ...uint32) (newest []byte) {
	r.t.Helper()
	reply := &groupdv1.KeysReply{}
	if r.asks(c, "/keys", &groupdv1.KeysRequest{}, reply); reply.GetStatus() != nil {
		r.t.Fatalf("/keys: %v", reply.GetStatus())
	}
	var numbers []uint32
	for _, k := range reply.GetKeys() {
		if numbers = append(numbers, k.GetEpoch()); len(k.GetKey()) != group.EpochKeySize {
			r.t.Errorf("a key of %d bytes", len(k.GetKey()))
		}
	}
	if !slices.Equal(numbers, want) {
		r.t.Errorf("%s is handed %d, not %d", c.name, numbers, want)
	}
	return reply.GetKeys()[0].GetKey()
}

// TestStoryOfACircle: as in Kiyeovo a few who know each other are invited, answer within six hours or stay outside, and the one who began
// it establishes the group; then it has a new key, and nobody new comes. Who is away for long finds the newest hundred entries.
func TestStoryOfACircle(t *testing.T) {
	inTown(t, func(w *town) {
		t := w.t
		var people []*citizen
		for i, name := range []string{"ann", "bob", "cid", "dan", "eve"} {
			people = append(people, w.citizen(byte(1+i), name))
		}
		ann, bob, cid, dan, eve := people[0], people[1], people[2], people[3], people[4]
		sue, mal := w.citizen(20, "sue"), w.citizen(21, "mal") // are new here

		// They know each other from the square; Mal is there, and has talked with nobody.
		for _, c := range append(people, mal) {
			w.square.joins(c, inside)
		}
		for _, c := range people {
			w.square.says(c, "hello, I am "+c.name, ok)
		}
		w.square.does(eve, "/invites/block", &groupdv1.BlockInvitesRequest{}, ok)

		// Who can be in it.
		make := func(q *groupdv1.CreateGroupRequest, want groupdv1.Code) string {
			q.Preset, q.Name, q.MyName = "circle", "The Ridge", "ann"
			return w.square.does(ann, "/groups/create", q, want)
		}
		w.square.because(make(&groupdv1.CreateGroupRequest{Invite: []*groupdv1.Who{byName("bob"), whole(eve)}}, denied), "wants no invites")
		make(&groupdv1.CreateGroupRequest{Invite: []*groupdv1.Who{byName("mal")}}, groupdv1.Code_NOT_FOUND)
		var eleven []*groupdv1.Who
		for i := range 10 {
			eleven = append(eleven, whole(w.citizen(byte(40+i), "")))
		}
		w.square.because(make(&groupdv1.CreateGroupRequest{Invite: eleven}, groupdv1.Code_FULL), "at most 10")
		if list := w.listed(ann); list != nil {
			t.Fatalf("something is left of those that were refused: %q", list)
		}
		r := w.makes(ann, &groupdv1.CreateGroupRequest{Preset: "circle", Name: "The Ridge", Invite: []*groupdv1.Who{byName("bob"), byName("cid"), whole(dan), whole(sue)}})

		// It is hidden: nobody hears of it but those invited, who see who else is.
		if in := r.info(mal); in.GetPublicName() != "Private Group" || in.GetPrivateName() != "" || in.GetEpoch() != 0 || in.GetAnswerUntil() != 0 {
			t.Errorf("a stranger is told %v", in)
		}
		if list := w.listed(mal); list != nil {
			t.Errorf("a stranger sees %q", list)
		}
		r.does(mal, "/circle", &groupdv1.CircleRequest{}, outsider)
		r.because(r.does(mal, "/join", &groupdv1.JoinRequest{Name: "mal"}, denied), "by invite only")
		for _, c := range []*citizen{ann, bob, cid, dan, sue} {
			r.answered(c, "? ASKED", "? ASKED", "? ASKED", "? ASKED")
		}
		if in := r.info(bob); !in.GetForming() || in.GetAnswerUntil()-time.Now().Unix() > 6*3600 || in.GetAnswerUntil()-time.Now().Unix() < 6*3600-120 {
			t.Errorf("one who is invited is told %v", in)
		}
		r.does(bob, "/messages", &groupdv1.MessagesRequest{}, outsider)
		r.does(bob, "/keys", &groupdv1.KeysRequest{}, outsider)

		// Bob accepts, and has the temporary key; Cid declines, and his answer is lost: he says it again.
		r.joins(bob, inside)
		if first := r.keysOf(ann, 1); !bytes.Equal(first, r.keysOf(bob, 1)) {
			t.Error("they have different keys")
		}
		r.says(bob, "under the temporary key", ok)
		no := &groupdv1.DeclineInviteRequest{ClientId: []byte("no thanks")}
		r.does(cid, "/invites/decline", no, ok)
		r.does(cid, "/invites/decline", no, ok)
		r.does(cid, "/invites/decline", &groupdv1.DeclineInviteRequest{}, denied)
		r.does(mal, "/invites/decline", &groupdv1.DeclineInviteRequest{}, denied)
		r.does(bob, "/invites/decline", &groupdv1.DeclineInviteRequest{}, groupdv1.Code_CONFLICT)
		r.answered(bob, "bob ACCEPTED", "? REFUSED", "? ASKED", "? ASKED")
		r.does(cid, "/circle", &groupdv1.CircleRequest{}, outsider)
		r.does(cid, "/join", &groupdv1.JoinRequest{Name: "cid"}, denied)

		// Invites: the creator's alone, no codes, nobody by name whom he does not know, nobody who does not want it.
		r.because(r.does(ann, "/invites/create", &groupdv1.InviteRequest{Uses: 2}, denied), "no codes")
		r.does(ann, "/invites/create", &groupdv1.InviteRequest{Who: byName("mal")}, groupdv1.Code_NOT_FOUND)
		r.because(r.does(ann, "/invites/create", &groupdv1.InviteRequest{Who: whole(eve)}, denied), "wants no invites")
		r.because(r.does(bob, "/invites/create", &groupdv1.InviteRequest{Who: whole(mal)}, denied), "permission")
		r.does(ann, "/invites/create", &groupdv1.InviteRequest{Who: whole(mal), DurationS: 7 * 3600}, groupdv1.Code_INVALID)

		// Nobody but its creator establishes it, and he not yet.
		establish := &groupdv1.EstablishRequest{ClientId: []byte("now")}
		r.because(r.does(ann, "/circle/establish", establish, denied), "2 of those invited can still answer")
		r.because(r.does(bob, "/circle/establish", &groupdv1.EstablishRequest{}, denied), "only who made this group")
		r.does(dan, "/circle/establish", &groupdv1.EstablishRequest{}, outsider)

		// Dan accepts; Sue never answers. The time is over, and the group waits for Ann, who is away for two days.
		time.Sleep(5 * time.Hour)
		r.joins(dan, inside)
		time.Sleep(time.Hour)
		r.because(r.does(sue, "/join", &groupdv1.JoinRequest{Name: "sue"}, denied), "the time to answer")
		r.answered(dan, "bob ACCEPTED", "? REFUSED", "dan ACCEPTED", "? SILENT")
		r.does(dan, "/circle/establish", &groupdv1.EstablishRequest{}, denied)
		time.Sleep(48 * time.Hour)
		r.says(dan, "does it begin today?", ok)
		if in := r.info(dan); !in.GetForming() || in.GetEpoch() != 1 {
			t.Fatalf("it was established without Ann: %v", in)
		}
		old := r.keysOf(dan, 1)
		// Ann opens her program: that alone does it.
		if in := r.info(ann); in.GetForming() || in.GetEpoch() != 2 {
			t.Fatalf("it is not established: %v", in)
		}
		r.sees(bob, "bob POST under the temporary key", "dan POST does it begin today?", " ACTION is established with 3 members")
		for _, c := range []*citizen{ann, bob, dan} {
			if bytes.Equal(r.keysOf(c, 2, 1), old) {
				t.Error("the key is the old one")
			}
		}
		r.does(ann, "/circle/establish", establish, ok) // nothing is left to do
		r.does(bob, "/circle/establish", &groupdv1.EstablishRequest{}, groupdv1.Code_CONFLICT)
		if st := r.state(bob); st.GetEpoch() != 2 || st.GetForming() {
			t.Errorf("clients learn %v", st)
		}

		// Who refused or did not answer is out, and nobody new comes.
		for _, c := range []*citizen{cid, sue, mal} {
			r.does(c, "/keys", &groupdv1.KeysRequest{}, outsider)
			r.does(c, "/messages", &groupdv1.MessagesRequest{}, outsider)
			r.because(r.does(c, "/join", &groupdv1.JoinRequest{Name: c.name}, denied), "nobody new comes")
		}
		r.because(r.does(ann, "/invites/create", &groupdv1.InviteRequest{Who: whole(mal)}, denied), "nobody new comes")

		// Dan is kicked: the others have a new key at once. Bob has his while Ann kicks nobody else.
		r.says(dan, "buy my goats", ok)
		r.does(ann, "/members/kick", &groupdv1.KickRequest{Who: byName("dan")}, ok)
		r.does(dan, "/keys", &groupdv1.KeysRequest{}, groupdv1.Code_BANNED)
		r.keysOf(bob, 3, 2, 1)
		time.Sleep(2 * time.Hour)
		r.does(dan, "/keys", &groupdv1.KeysRequest{}, outsider)
		r.does(dan, "/join", &groupdv1.JoinRequest{Name: "dan"}, denied)
		r.answered(ann, "bob ACCEPTED", "? REFUSED", "dan GONE", "? SILENT")

		// Bob is away while Ann writes 120 times: he finds the newest hundred entries, and learns how many he has missed.
		seen := &groupdv1.MessagesReply{}
		r.asks(bob, "/messages", &groupdv1.MessagesRequest{Newest: 1}, seen)
		last := openReply(t, mustMarshal(seen))
		for i := range 120 {
			r.says(ann, fmt.Sprint("news ", i), ok)
			time.Sleep(time.Minute)
		}
		time.Sleep(20 * time.Minute)
		missed := &groupdv1.MessagesReply{}
		r.asks(bob, "/messages", &groupdv1.MessagesRequest{AfterRev: proto.Uint64(last.GetToRev()), MaxBytes: 60_000, Limit: 200}, missed)
		page := openReply(t, mustMarshal(missed))
		newest := last.GetEntries()[len(last.GetEntries())-1].GetSeq()
		if n := page.GetOldest() - newest - 1; n != 20 || len(page.GetEntries()) != 100 || page.GetEntries()[0].GetText() != "news 20" {
			t.Errorf("he finds %d entries from %q on and has missed %d", len(page.GetEntries()), page.GetEntries()[0].GetText(), n)
		}

		// The end.
		r.does(bob, "/leave", &groupdv1.LeaveRequest{}, ok)
		r.does(bob, "/join", &groupdv1.JoinRequest{Name: "bob"}, denied)
		r.does(bob, "/keys", &groupdv1.KeysRequest{}, outsider)
		r.ends(bob, groupdv1.Code_NOT_FOUND) // he may not even know of it
		r.ends(ann, ok)
		r.does(ann, "/keys", &groupdv1.KeysRequest{}, groupdv1.Code_NOT_FOUND)
	})
}
