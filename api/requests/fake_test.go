package requests

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// fakeHub is a group that lives in two lists. It has no rules: whoever asks is answered, or gets err.
type fakeHub struct {
	err     error
	explode any                 // what to panic with
	called  func(method string) // nil: nothing

	mu       sync.Mutex
	asked    []string // names of the methods called
	callers  []group.Caller
	entries  []group.Entry  // by seq
	people   []group.Member // by rev
	waiting  []group.Request
	reported []group.Report
	info     group.Info
	head     group.Head
	seen     []any          // inputs
	made     group.NewGroup // by CreateGroup
}

func id(n byte) group.IdentityHash { return group.IdentityHash(bytes.Repeat([]byte{n}, 16)) }

func start() time.Time { return time.Unix(1_800_000_000, 0).UTC() }

// newFake makes a group of three members and n posts, with an event now and then.
func newFake(n int) *fakeHub {
	h := &fakeHub{}
	for i, name := range []string{"ada", "grace", "linus"} {
		h.head.Rev++
		h.people = append(h.people, group.Member{
			Identity: id(byte(i + 1)), Address: group.AddressOf(id(byte(i + 1))), Present: true, Role: moderation.RoleMember, DisplayName: name,
			Rev: h.head.Rev, Joined: start(), LastHeard: start().Add(time.Hour), Status: "status of " + name,
		})
	}
	h.people[0].Role, h.people[0].Permissions = moderation.RoleOwner, moderation.PermAll
	for i := range n {
		e := group.Entry{Kind: group.EntryPost, Author: id(byte(i%3 + 1)), Text: fmt.Appendf(nil, "message number %d, hello everyone", i+1)}
		switch {
		case i%17 == 5:
			e.Text = []byte(strings.Repeat("a very long story ", 60))
		case i%11 == 7:
			e = group.Entry{Kind: group.EntryKick, Author: id(1), Target: group.AnyHash(id(3)), Text: []byte("spam")}
		case i%13 == 9:
			e.Deleted, e.Text = true, nil
		}
		h.add(e)
	}
	h.head.Oldest = 1
	h.info = group.Info{
		Group: "main", Identity: id(9), Address: group.AddressOf(id(9)), Public: true, PublicName: "Valley Mesh", Joining: moderation.JoiningApprove,
		Owned: true, Disclosure: 1, Limits: group.Limits{PostBytes: 64 << 10}, Inside: true, PrivateName: "Valley Mesh Crew",
		Topic: "Nodes on the ridge", Members: 3, Generation: 0x1122334455667788,
		You: group.Standing{Standing: moderation.StandingMember, Role: moderation.RoleOwner, Permissions: moderation.PermAll},
	}
	h.reported = []group.Report{{ID: 1, Seq: 5, By: id(2), Reason: "spam", Created: start()}}
	h.waiting = []group.Request{{Identity: id(7), DisplayName: "mallory", Greeting: "let me in, please", Created: start()}}
	return h
}

func (h *fakeHub) add(e group.Entry) {
	h.head.Seq++
	h.head.Rev++
	e.Seq, e.Rev, e.Time = h.head.Seq, h.head.Rev, start().Add(time.Duration(h.head.Seq)*90*time.Second)
	e.Hash[0] = byte(e.Seq)
	h.head.Chain = e.Hash
	h.entries = append(h.entries, e)
}

// note records a call and answers with what the fake is set to.
func (h *fakeHub) note(method string, c group.Caller, in any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked, h.callers, h.seen = append(h.asked, method), append(h.callers, c), append(h.seen, in)
	if h.called != nil {
		h.called(method)
	}
	if h.explode != nil {
		panic(h.explode)
	}
	return h.err
}

func (h *fakeHub) change() group.Change { return group.Change{Seq: h.head.Seq, Rev: h.head.Rev} }

func (h *fakeHub) Info(_ context.Context, c group.Caller, _ group.GroupID) (group.Info, error) {
	in := h.info
	in.Head = h.head
	return in, h.note("info", c, nil)
}

func (h *fakeHub) Disclosure() group.Disclosure {
	return group.Disclosure{Version: 1, Texts: []string{"Members can keep what you write.", "The server reads it.", "Its owner can remove it."}}
}

func (h *fakeHub) joined() group.JoinResult {
	return group.JoinResult{Change: h.change(), Standing: moderation.StandingMember, Member: h.people[0], Name: "ada"}
}

func (h *fakeHub) Claim(_ context.Context, c group.Caller, _ group.GroupID, in group.ClaimInput) (group.JoinResult, error) {
	return h.joined(), h.note("claim", c, in)
}

func (h *fakeHub) Join(_ context.Context, c group.Caller, _ group.GroupID, in group.JoinInput) (group.JoinResult, error) {
	return h.joined(), h.note("join", c, in)
}

func (h *fakeHub) Leave(_ context.Context, c group.Caller, _ group.GroupID) (group.Change, error) {
	return h.change(), h.note("leave", c, nil)
}

func (h *fakeHub) Messages(_ context.Context, c group.Caller, _ group.GroupID, q group.Query) (group.Page, error) {
	if err := h.note("messages", c, q); err != nil {
		return group.Page{}, err
	}
	p := group.Page{Generation: h.info.Generation, Head: h.head, To: h.head.Rev, Authors: h.people}
	switch {
	case len(q.Seqs) > 0:
		for _, s := range q.Seqs {
			if s >= 1 && s <= h.head.Seq {
				p.Entries = append(p.Entries, h.entries[s-1])
			}
		}
	case q.Newest, q.Before > 0:
		for i := len(h.entries) - 1; i >= 0; i-- {
			e := h.entries[i]
			if q.Before > 0 && e.Seq >= q.Before {
				continue
			}
			if len(p.Entries) == q.Limit {
				p.More = true
				break
			}
			if q.NoEvents && !e.Kind.Authored() {
				p.Omitted++
				continue
			}
			p.Entries = append(p.Entries, e)
		}
		slices.Reverse(p.Entries)
	case q.BySeq:
		for _, e := range h.entries {
			if e.Seq <= q.After {
				continue
			}
			if len(p.Entries) == q.Limit {
				p.More = true
				break
			}
			p.Entries = append(p.Entries, e)
		}
	default:
		p.From = q.AfterRev
		n, ei, mi := 0, 0, 0
		for ei < len(h.entries) || mi < len(h.people) {
			fromPeople := ei == len(h.entries) || (mi < len(h.people) && h.people[mi].Rev < h.entries[ei].Rev)
			rev := group.Rev(0)
			if fromPeople {
				rev = h.people[mi].Rev
			} else {
				rev = h.entries[ei].Rev
			}
			if rev > q.AfterRev && n == q.Limit {
				p.More = true
				break
			}
			switch {
			case rev <= q.AfterRev:
			case fromPeople:
				p.Members = append(p.Members, h.people[mi])
				n++
			case q.NoEvents && !h.entries[ei].Kind.Authored():
				p.Omitted++
			default:
				p.Entries = append(p.Entries, h.entries[ei])
				n++
			}
			if fromPeople {
				mi++
			} else {
				ei++
			}
			p.To = max(rev, q.AfterRev)
		}
		if h.info.Rev > q.AfterRev && h.info.Rev <= p.To {
			in := h.info
			p.Info = &in
		}
	}
	return p, nil
}

func (h *fakeHub) posted(method string, c group.Caller, in any) (group.PostResult, error) {
	return group.PostResult{Change: h.change(), Time: start()}, h.note(method, c, in)
}

func (h *fakeHub) Post(_ context.Context, c group.Caller, _ group.GroupID, in group.PostInput) (group.PostResult, error) {
	return h.posted("post", c, in)
}

func (h *fakeHub) Edit(_ context.Context, c group.Caller, _ group.GroupID, in group.EditInput) (group.PostResult, error) {
	return h.posted("edit", c, in)
}

func (h *fakeHub) Search(_ context.Context, c group.Caller, _ group.GroupID, in group.SearchInput) (group.Page, error) {
	p := group.Page{Generation: h.info.Generation, Head: h.head, To: h.head.Rev, Authors: h.people, More: true}
	p.Entries = h.entries[:min(in.Limit, len(h.entries))]
	return p, h.note("search", c, in)
}

// fakeImage is what came with every post of a fakeHub that is asked for it.
const fakeImage = "\x89PNG not really"

func (h *fakeHub) Attachment(_ context.Context, c group.Caller, _ group.GroupID, q group.AttachmentQuery) (group.AttachmentContent, error) {
	a := group.Attachment{Kind: group.AttachImage, Name: "png", Size: int64(len(fakeImage)), Hash: sha256.Sum256([]byte(fakeImage))}
	return group.AttachmentContent{Attachment: a, Content: fakeContent{strings.NewReader(fakeImage)}}, h.note("Attachment", c, q)
}

type fakeContent struct{ *strings.Reader }

func (fakeContent) Close() error { return nil }

func (h *fakeHub) Proof(_ context.Context, c group.Caller, _ group.GroupID, seq group.Seq) (group.Proof, error) {
	e := group.Entry{Kind: group.EntryPost, Author: id(1), Time: start(), Text: []byte("The bridge is open again"), Salt: bytes.Repeat([]byte{5}, 32)}
	return group.Proof{Entry: e, Original: packed(adaKeys(), group.AddressOf(id(9)), string(e.Text)), PublicKey: adaKeys().PublicKey(), Previous: group.Hash{1}}, h.note("proof", c, seq)
}

func (h *fakeHub) React(_ context.Context, c group.Caller, _ group.GroupID, in group.ReactInput) (group.ReactResult, error) {
	return group.ReactResult{Change: h.change(), Reactions: []group.ReactionCount{{Text: in.Text, Count: 3, Mine: true}, {Text: "❤", Count: 1}}}, h.note("react", c, in)
}

func (h *fakeHub) Pin(_ context.Context, c group.Caller, _ group.GroupID, seq group.Seq, off bool) (group.PinResult, error) {
	return group.PinResult{Change: h.change(), Pinned: []group.Seq{seq, 2}}, h.note("pin", c, []any{seq, off})
}

func (h *fakeHub) Pins(_ context.Context, c group.Caller, _ group.GroupID) (group.PinResult, error) {
	return group.PinResult{Change: h.change(), Pinned: []group.Seq{2}}, h.note("pins", c, nil)
}

func (h *fakeHub) Report(_ context.Context, c group.Caller, _ group.GroupID, in group.ReportInput) (group.Change, error) {
	return h.change(), h.note("report", c, in)
}

func (h *fakeHub) Reports(_ context.Context, c group.Caller, _ group.GroupID, after int64, limit int) (group.ReportsPage, error) {
	return group.ReportsPage{Reports: h.reported, Total: len(h.reported), Authors: h.people}, h.note("reports", c, []any{after, limit})
}

func (h *fakeHub) SettleReports(_ context.Context, c group.Caller, _ group.GroupID, seq group.Seq, note string) (group.Change, error) {
	return h.change(), h.note("settle", c, []any{seq, note})
}

func (h *fakeHub) Delete(_ context.Context, c group.Caller, _ group.GroupID, in group.DeleteInput) (group.DeleteResult, error) {
	return group.DeleteResult{Change: h.change(), Deleted: 2, Missing: []group.Seq{999}}, h.note("delete", c, in)
}

func (h *fakeHub) Members(_ context.Context, c group.Caller, _ group.GroupID, q group.MembersQuery) (group.MembersPage, error) {
	p := group.MembersPage{Generation: h.info.Generation, Head: h.head, Total: len(h.people), To: h.head.Rev}
	for _, m := range h.people {
		if m.Rev <= q.AfterRev {
			continue
		}
		if len(p.Members) == q.Limit {
			p.More = true
			p.To = p.Members[len(p.Members)-1].Rev
			break
		}
		p.Members = append(p.Members, m)
	}
	return p, h.note("members", c, q)
}

func (h *fakeHub) Kick(_ context.Context, c group.Caller, _ group.GroupID, in group.KickInput) (group.Change, error) {
	return h.change(), h.note("kick", c, in)
}

func (h *fakeHub) Ban(_ context.Context, c group.Caller, _ group.GroupID, in group.BanInput) (group.BanResult, error) {
	r := group.BanResult{Change: h.change()}
	if in.Branch {
		r.Purging, r.Branch = in.Purge, h.people[2:]
	}
	return r, h.note("ban", c, in)
}

func (h *fakeHub) UndoBan(_ context.Context, c group.Caller, _ group.GroupID, target group.AnyHash) (group.Change, error) {
	return h.change(), h.note("undo ban", c, target)
}

func (h *fakeHub) Bans(_ context.Context, c group.Caller, _ group.GroupID, after group.AnyHash, limit int) ([]group.Ban, bool, error) {
	list := []group.Ban{
		{Target: group.AnyHash(id(5)), Identity: id(5), DisplayName: "mallory", Reason: "spam", By: id(1), Created: start()},
		{Target: group.AnyHash(id(6)), By: id(1), Reason: "too loud", Kick: true, Created: start(), Expires: start().Add(time.Hour)},
	}
	for len(list) > 0 && bytes.Compare(list[0].Target[:], after[:]) <= 0 {
		list = list[1:]
	}
	n := min(limit, len(list))
	return list[:n], n < len(list), h.note("bans", c, after)
}

func (h *fakeHub) Groups(_ context.Context, c group.Caller) ([]group.Info, error) {
	other := group.Info{
		Group: "g-1", Identity: id(31), PublicName: "Private Group", Joining: moderation.JoiningInvite, You: group.Standing{Standing: moderation.StandingInvited},
	}
	return []group.Info{h.info, other}, h.note("groups", c, nil)
}

func (h *fakeHub) Creating() group.Creating {
	return group.Creating{Who: moderation.CreatingAnyone, PerPerson: 3, Max: 50, Cost: 16}
}

func (h *fakeHub) CreateGroup(_ context.Context, c group.Caller, n group.NewGroup) (group.Group, error) {
	h.mu.Lock()
	h.made = n
	h.mu.Unlock()
	return group.Group{ID: "g-1"}, h.note("create group", c, nil)
}

func (h *fakeHub) CloneGroup(_ context.Context, c group.Caller, _ group.GroupID, in group.CloneInput) (group.Cloned, error) {
	return group.Cloned{Group: group.Group{ID: "g-1"}, Invited: 12, LeftOut: len(in.Without)}, h.note("clone group", c, in)
}

func (h *fakeHub) DeleteGroup(_ context.Context, c group.Caller, g group.GroupID) error {
	return h.note("delete group", c, g)
}

func (h *fakeHub) Directory(_ context.Context, c group.Caller, q group.DirectoryQuery) (group.DirectoryPage, error) {
	far := group.ListedGroup{Number: 3, Identity: id(21), Name: "Ridge Repair Shop", Public: true, Joining: moderation.JoiningOpen, JoinCost: 8, PostCost: 12, Hops: 2, Last: start()}
	like := group.ListedGroup{Number: 9, Identity: id(22), Name: "Ridge Repair Sh0p", Joining: moderation.JoiningApprove, Hops: 4, Last: start().Add(time.Hour)}
	return group.DirectoryPage{Groups: []group.DirectoryEntry{{ListedGroup: far}, {ListedGroup: like, Alike: far.Identity}}, Total: 2, Now: start().Add(2 * time.Hour)}, h.note("directory", c, q)
}

func (h *fakeHub) AuditLog(_ context.Context, c group.Caller, _ group.GroupID, q group.AuditQuery) (group.AuditPage, error) {
	lines := []group.Audit{
		{ID: 8, Time: start().Add(time.Minute), By: id(1), Action: "ban", Target: group.AnyHash(id(5)), Detail: "mallory, for good, spam"},
		{ID: 7, Time: start(), Action: "permissions", Target: group.AnyHash(id(2)), Detail: "grace, member to moderator"},
	}
	return group.AuditPage{Lines: lines, Members: h.people[:1]}, h.note("audit", c, q)
}

func (h *fakeHub) CreateInvite(_ context.Context, c group.Caller, _ group.GroupID, in group.InviteInput) (group.InviteIssued, error) {
	i := group.Invite{ID: 4, By: c.Identity, For: in.For, Role: moderation.RoleMember, Uses: max(in.Uses, 1), Created: start(), Expires: start().Add(group.InviteValid)}
	return group.InviteIssued{Change: h.change(), Invite: i, Code: "river-maple-stone-lamp-tiger-04172"}, h.note("invite", c, in)
}

func (h *fakeHub) Invites(_ context.Context, c group.Caller, _ group.GroupID, q group.InvitesQuery) (group.InvitesPage, error) {
	list := []group.Invite{
		{ID: 4, By: id(1), Role: moderation.RoleMember, Uses: 3, Used: 2, Created: start(), Expires: start().Add(group.InviteValid)},
		{ID: 5, For: group.AnyHash(id(6)), Role: moderation.RoleModerator, Uses: 1, Created: start(), Expires: start().Add(group.InviteValid)},
	}
	return group.InvitesPage{Invites: list, Members: h.people[:1]}, h.note("invites", c, q)
}

func (h *fakeHub) RevokeInvite(_ context.Context, c group.Caller, _ group.GroupID, id int64) (group.Change, error) {
	return h.change(), h.note("revoke", c, id)
}

func (h *fakeHub) DeclineInvite(_ context.Context, c group.Caller, _ group.GroupID) (group.Change, error) {
	return h.change(), h.note("decline", c, nil)
}

func (h *fakeHub) Circle(_ context.Context, c group.Caller, _ group.GroupID) (group.CircleState, error) {
	asked := func(n byte, s group.InviteeState, name string) group.CircleInvitee {
		return group.CircleInvitee{Name: name, Invitee: group.Invitee{Who: group.AnyHash(id(n)), By: id(1), State: s, Invited: start(), Expires: start().Add(6 * time.Hour)}}
	}
	st := group.CircleState{Circle: group.Circle{Until: start().Add(6 * time.Hour)}, Forming: true, Epoch: 1}
	st.Invitees = []group.CircleInvitee{asked(2, group.InviteeAccepted, "grace"), asked(7, group.InviteeAsked, "")}
	st.Invitees[0].Answered = start().Add(time.Hour)
	return st, h.note("circle", c, nil)
}

func (h *fakeHub) Establish(_ context.Context, c group.Caller, _ group.GroupID) (group.Change, error) {
	return h.change(), h.note("establish", c, nil)
}

func (h *fakeHub) Keys(_ context.Context, c group.Caller, _ group.GroupID, q group.KeysQuery) (group.KeysPage, error) {
	p := group.KeysPage{Generation: h.info.Generation, More: true}
	for n := uint32(4); n > 2; n-- {
		p.Epochs = append(p.Epochs, group.Epoch{Number: n, Key: sha256.Sum256([]byte{byte(n)}), Seq: group.Seq(10 * n), Created: start()})
	}
	return p, h.note("keys", c, q)
}

func (h *fakeHub) BlockInvites(_ context.Context, c group.Caller, _ group.GroupID, off bool) (group.Change, error) {
	return h.change(), h.note("block invites", c, off)
}

func (h *fakeHub) Transfer(_ context.Context, c group.Caller, _ group.GroupID, in group.TransferInput) (group.Member, error) {
	return h.people[1], h.note("transfer", c, in)
}

func (h *fakeHub) Forget(_ context.Context, c group.Caller, _ group.GroupID) (group.Change, error) {
	return h.change(), h.note("forget", c, nil)
}

func (h *fakeHub) Unban(_ context.Context, c group.Caller, _ group.GroupID, target group.AnyHash) (group.Change, error) {
	return h.change(), h.note("unban", c, target)
}

func (h *fakeHub) Requests(_ context.Context, c group.Caller, _ group.GroupID, limit int) ([]group.Request, error) {
	return h.waiting[:min(limit, len(h.waiting))], h.note("requests", c, limit)
}

func (h *fakeHub) Approve(_ context.Context, c group.Caller, _ group.GroupID, who group.AnyHash) (group.JoinResult, error) {
	return h.joined(), h.note("approve", c, who)
}

func (h *fakeHub) Reject(_ context.Context, c group.Caller, _ group.GroupID, who group.AnyHash, _ string) (group.Change, error) {
	return h.change(), h.note("reject", c, who)
}

func (h *fakeHub) UpdatePermissions(_ context.Context, c group.Caller, _ group.GroupID, in group.PermissionsInput) (group.Member, error) {
	return h.people[0], h.note("permissions", c, in)
}

func (h *fakeHub) UpdateDisplayName(_ context.Context, c group.Caller, _ group.GroupID, in group.NamesInput) (group.Change, error) {
	return h.change(), h.note("display name", c, in)
}

func (h *fakeHub) UpdateTopic(_ context.Context, c group.Caller, _ group.GroupID, topic string) (group.Change, error) {
	return h.change(), h.note("topic", c, topic)
}

func (h *fakeHub) Mute(_ context.Context, c group.Caller, _ group.GroupID, in group.MuteInput) (group.Change, error) {
	return h.change(), h.note("mute", c, in)
}

func (h *fakeHub) Unmute(_ context.Context, c group.Caller, _ group.GroupID, target group.AnyHash) (group.Change, error) {
	return h.change(), h.note("unmute", c, target)
}

func (h *fakeHub) Settings(_ context.Context, c group.Caller, _ group.GroupID) (group.Settings, error) {
	return group.Settings{
		Joining: moderation.JoiningOpen, Public: true, Policy: moderation.Policy{SlowMode: 30, MemberPosts: moderation.Quota{Count: 5, Per: 60}},
		JoinCost: 8, Rev: h.head.Rev,
	}, h.note("settings", c, nil)
}

func (h *fakeHub) UpdateSettings(_ context.Context, c group.Caller, _ group.GroupID, in group.SettingsInput) (group.Change, error) {
	return h.change(), h.note("settings update", c, in)
}

func (h *fakeHub) Lockdown(_ context.Context, c group.Caller, _ group.GroupID, in group.LockdownInput) (group.Change, error) {
	return h.change(), h.note("lockdown", c, in)
}

func (h *fakeHub) UpdateProfile(_ context.Context, c group.Caller, _ group.GroupID, in group.ProfileInput) (group.Member, error) {
	return h.people[0], h.note("profile", c, in)
}

func (h *fakeHub) Notifications(_ context.Context, c group.Caller, _ group.GroupID) (group.Delivery, error) {
	return group.Delivery{}, h.note("notifications", c, nil)
}

func (h *fakeHub) UpdateNotifications(_ context.Context, c group.Caller, _ group.GroupID, in group.NotificationsInput) (group.Delivery, error) {
	return group.Delivery{
		Preferences: group.Preferences{Mode: *in.Mode, Quiet: *in.Quiet, Receipts: *in.Receipts}, Progress: group.Progress{Cursor: 4711},
	}, h.note("notifications", c, in)
}

func (h *fakeHub) Resolve(_ context.Context, c group.Caller, _ group.GroupID, text string, among group.Scope) (group.AnyHash, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.people {
		if m.DisplayName == text && among == group.AmongMembers {
			return group.AnyHash(m.Identity), nil
		}
	}
	if text == "mallory" && among != group.AmongMembers {
		return group.AnyHash(id(7)), nil
	}
	return group.AnyHash{}, &group.Error{Kind: group.KindNotFound, Op: "resolve", Msg: "nobody here is called that"}
}

func (h *fakeHub) Follow(_ context.Context, c group.Caller, _ group.GroupID) (group.Head, group.Generation, error) {
	return h.head, h.info.Generation, h.note("follow", c, nil)
}

func (h *fakeHub) Heard(context.Context, group.Caller) error { return nil }

var _ Hub = (*fakeHub)(nil)
